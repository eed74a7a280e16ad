"""Concept saliency maps on tissue, step by step as in Brocki & Chung (2019), on the bundled simulated section.

    python examples/concept_saliency_on_tissue.py --out results

First with the paper's scaling, network and training, fitted to the section without any label; then with the encoder
that comes with the package. For a section of your own, replace ``cs.sample()`` by
``cs.open("counts.tsv.gz", image="tissue.jpg")``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import conceptstain as cs
from conceptstain.figures import FigureSettings, save_figure

SEEDS = ("Penk", "Doc2g", "Kctd12")  # of the granule cell, mitral cell and olfactory nerve layers


def main(out: Path, epochs: int) -> list[Path]:
    """Paint three concepts as the paper does, and as this package does by default."""
    out.mkdir(parents=True, exist_ok=True)
    section = cs.sample()
    return [*as_in_the_paper(section, out, epochs), *with_the_bundled_encoder(section, out)]


def as_in_the_paper(section: cs.Section, out: Path, epochs: int) -> list[Path]:
    """Fit the paper's network and map its concepts with the rectified gradient."""
    # 1. Every gene is a picture: one pixel per spot, counts divided by the gene's maximum.
    canvas = section.view("genes", scaling="paper")
    print(f"{section.name}: {len(canvas):,} genes as pictures of {canvas.shape[1]} x {canvas.shape[2]}")

    # 2. A VAE learns to draw them.
    settings = cs.FitSettings.paper(seed=0)
    settings = replace(settings, training=replace(settings.training, epochs=epochs))
    encoder = cs.fit(canvas, settings)
    print(f"fitted in {encoder.card['history']['seconds']:.0f} s")

    # 3. A concept is the mean latent of the 50 genes that correlate most with a seed gene over the latent dimensions.
    concepts = [cs.concept(gene, canvas, encoder, like=gene) for gene in SEEDS]
    for concept in concepts:
        print(f"nearest to {concept.name}: {', '.join(concept.items[1:6])}")

    # 4. Where the concept's score comes from (rectified gradient, q = 95), and what can be had without any network: a
    #    map is worth what it adds to that.
    maps = [cs.saliency(canvas, encoder, concept, rule="rectified") for concept in concepts]
    maps += [cs.score_map(canvas, concept) for concept in concepts]
    drawn = cs.figure(canvas, *maps, settings=FigureSettings(columns=len(SEEDS)))
    return [save_figure(drawn, out / "as_in_the_paper.svg", overwrite=True)]


def with_the_bundled_encoder(section: cs.Section, out: Path) -> list[Path]:
    """Map the same concepts with the defaults: z-scored pictures, and what the decoder draws for a concept."""
    canvas, encoder = section.view("genes"), cs.bundled()
    concepts = [cs.concept(gene, canvas, encoder, like=gene) for gene in SEEDS]
    maps = [cs.decoded(canvas, encoder, concept) for concept in concepts]
    maps += [cs.saliency(canvas, encoder, concept) for concept in concepts]
    maps += [cs.score_map(canvas, concept) for concept in concepts]
    drawn = cs.figure(canvas, *maps, settings=FigureSettings(columns=len(SEEDS)))
    return [
        save_figure(drawn, out / "by_default.svg", overwrite=True),
        save_figure(drawn, out / "by_default.png", overwrite=True),
        cs.export(out / "spots.csv", canvas, maps, overwrite=True),
        cs.export(out / "genes.csv", canvas, maps, encoder, table="genes", overwrite=True),
        cs.export(out / "section.h5ad", canvas, maps, encoder, overwrite=True),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Concept saliency maps on the bundled section.")
    parser.add_argument("--out", type=Path, default=Path("concept-saliency"), help="folder to write to")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the genes; the paper has 10")
    given = parser.parse_args()
    for path in main(given.out, given.epochs):
        print(f"wrote {path}")
