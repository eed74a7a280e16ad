"""What tells two concepts apart, what they have in common, and how alike they point; on the bundled simulated section.

    python examples/concept_algebra.py --out results

Prints the numbers of docs/concept-algebra.md, and writes the figure.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import conceptstain as cs
from conceptstain.concepts.cross_fit import auroc
from conceptstain.figures import FigureSettings, save_figure

SEEDS = ("Penk", "Doc2g", "Th", "Kctd12")  # granule, mitral, periglomerular cells, olfactory nerve


def main(out: Path) -> Path:
    """Compare four concepts, and subtract one from another."""
    out.mkdir(parents=True, exist_ok=True)
    section = cs.sample()
    canvas, encoder = section.view("genes"), cs.bundled()
    layers = np.asarray(section.adata.obs["layer"].astype(str))

    # 1. How alike they point, and how alike as many random genes do in this encoder.
    concepts = {gene: cs.concept(gene, canvas, encoder, like=gene) for gene in SEEDS}
    of_seeds = list(concepts.values())
    print("lengths:", ", ".join(f"{each.name} {np.linalg.norm(each.direction):.2f}" for each in of_seeds))
    show("cosines", cs.cosines(of_seeds))
    show("cosines of random genes, median", cs.random_cosines(of_seeds, canvas, encoder, quantile=0.5))
    show("cosines of random genes, 95 % are below", cs.random_cosines(of_seeds, canvas, encoder))

    # 2. Mitral cells against granule cells.
    mitral, granule = concepts["Doc2g"], concepts["Penk"]
    apart = mitral - granule
    print(f"{apart.name}: {apart.origin}; {len(apart.items)} genes")
    rows = []
    for concept in (mitral, apart):
        for made in (cs.decoded(canvas, encoder, concept), cs.score_map(canvas, concept)):
            values = canvas.place(made.mean())
            two = np.isin(layers, ["MCL", "GCL"])
            against_granule = auroc(values[two], layers[two] == "MCL")
            rows.append((concept.name, made.method, against_granule, auroc(values, layers == "MCL")))
    columns = ["concept", "map", "MCL against GCL", "MCL against all"]
    show("AUROC", pd.DataFrame(rows, columns=columns).set_index(["concept", "map"]))

    # 3. The same gene's concept in the channels of a layer: no decoder there, but every gradient map.
    rows = []
    for layer in ("conv1", "relu1", "relu2", "relu3", "latent"):
        concept = cs.concept("Penk", canvas, encoder, like="Penk", space=layer)
        seen = canvas.place(cs.saliency(canvas, encoder, concept).mean())
        genes = canvas.place(cs.score_map(canvas, concept).mean())
        rows.append((layer, auroc(seen, layers == "GCL"), auroc(genes, layers == "GCL")))
    columns = ["space", "gradient", "gene mean"]
    show("AUROC for GCL, neighbours of Penk in a layer", pd.DataFrame(rows, columns=columns).set_index("space"))

    maps = [cs.decoded(canvas, encoder, concept) for concept in (mitral, granule, apart)]
    drawn = cs.figure(canvas, *maps, settings=FigureSettings(columns=len(maps)))
    return save_figure(drawn, out / "algebra.svg", overwrite=True)


def show(title: str, table: pd.DataFrame) -> None:
    """Print a table with two or three digits."""
    print(f"\n{title}\n{table.round(3 if 'AUROC' in title else 2).to_string()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Concepts added, subtracted and compared on the bundled section.")
    parser.add_argument("--out", type=Path, default=Path("concept-algebra"), help="folder to write to")
    print(f"wrote {main(parser.parse_args().out)}")
