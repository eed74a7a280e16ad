"""What if a gene had more of a concept, and which genes make a spot another layer; on the bundled section.

    python examples/what_if.py --out results

Writes what changes in a gene's picture, the genes that would have to change for granular spots to be taken for mitral
ones, and where one of them would have to rise. The section is simulated: it proves nothing about tissue.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import conceptstain as cs

PARTS = 3  # of the spots: one teaches each classifier, one is asked


def main(out: Path, *, epochs: int | None = None) -> list[Path]:
    """Write all, and give the paths."""
    out.mkdir(parents=True, exist_ok=True)
    section = cs.sample("olfactory-bulb")

    # A gene, moved along a concept of genes: what the decoder draws of it then, minus what it draws of it now.
    genes, encoder = section.view("genes"), cs.bundled()
    granular = cs.concept("granular", genes, encoder, like="Penk")
    moved = cs.what_if(encoder, genes, [genes.item("Doc2g")], [(granular, 2.0)])
    written = [cs.save_figure(cs.figure(genes, "Doc2g", "Penk", moved), out / "what-if.svg")]

    # Spots, until a classifier takes them for another layer. It did not see them, and a second one has to agree.
    spots = section.view("spots")
    layers = cs.class_labels(spots, obs="layer")
    settings, how = cs.ClassifierSettings.of(spots), cs.FitSettings.of(spots)
    settings = replace(settings, training=replace(settings.training, epochs=epochs))
    network = cs.fit(spots, replace(how, training=replace(how.training, epochs=epochs)))
    part = np.random.default_rng(0).integers(PARTS, size=len(spots))
    first, second = (cs.fit_classifier(spots, layers, settings, items=np.flatnonzero(part == each)) for each in (0, 1))
    asked = np.flatnonzero((part == 2) & (layers.codes == layers.classes.index("GCL")))
    found = cs.counterfactual(first, network, spots, asked, "MCL", second=second)
    told = found.table
    both = told.confirmed.sum()
    print(f"of {len(told)} granular spots {told.success.sum()} become mitral, {both} for the second classifier, too")

    changed = cs.changed_genes(found, count="all")
    print(changed.head(5).round(2).to_string())
    markers = {"mitral": ["Doc2g", "Cdhr1"], "granular": ["Penk", "Nrgn"]}
    print(cs.marker_enrichment(changed["change"], markers).T.to_string())
    written.append(out / "changed-genes.csv")
    changed.to_csv(written[-1])
    where = cs.gene_changes(found, spots, str(changed.index[0]))
    written.append(cs.save_figure(cs.figure(section, where), out / "where-it-rises.svg"))
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("what-if"), help="folder to write to")
    print("wrote", *main(parser.parse_args().out))
