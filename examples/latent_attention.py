"""Where latents look (Liu et al. 2020), step by step, on the bundled simulated section.

    python examples/latent_attention.py --out results

For a section of your own, replace ``cs.sample()`` by ``cs.open("counts.tsv.gz", image="tissue.jpg")``; for pictures or
a slide, open these and fit an encoder with ``cs.fit``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import conceptstain as cs
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.information import most_informative
from conceptstain.figures import FigureSettings, save_figure

SHOWN = 3


def main(out: Path) -> list[Path]:
    """Paint the most informative latents, all together, and a concept."""
    out.mkdir(parents=True, exist_ok=True)
    section = cs.sample()
    canvas, encoder = section.view("genes"), cs.bundled()

    # 1. Latents that tell much about the genes come first; one that the network does not use stays near 0.
    information = cs.latent_information(canvas, encoder)
    chosen = most_informative(information, SHOWN)
    print("information, nats: " + ", ".join(f"latent {latent} {information[latent]:.2f}" for latent in chosen))

    # 2. Where they look, mean over all genes; all latents in one pass, and the mean of their maps.
    maps = [*cs.attention_maps(canvas, encoder, dimensions=chosen), cs.attention(canvas, encoder)]

    # 3. The same of a concept, in its own genes. At an earlier convolution the map is finer.
    granule = cs.concept("Penk", canvas, encoder, like="Penk")
    own = [canvas.item(name) for name in granule.items]
    maps += [
        cs.attention(canvas, encoder, concept=granule, layer=layer, items=own)
        for layer in ("encoder.conv3", "encoder.conv1")
    ]

    # 4. A map is worth what it adds to no network at all: here, to the mean of the concept's genes.
    maps.append(cs.score_map(canvas, granule))
    inside = section.adata.obs["layer"].to_numpy() == "GCL"
    for made in maps[-3:]:
        told = f"{made.method} at {made.settings['layer']}" if "layer" in made.settings else made.method
        values = np.asarray(canvas.place(made.mean()))
        print(f"{told}: AUROC {auroc(values, inside):.2f} for the granule cell layer")

    drawn = cs.figure(canvas, *maps, settings=FigureSettings(columns=SHOWN + 1))
    return [
        save_figure(drawn, out / "latent_attention.svg", overwrite=True),
        cs.export(out / "spots.csv", canvas, maps, overwrite=True),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Latent attention on the bundled section.")
    parser.add_argument("--out", type=Path, default=Path("latent-attention"), help="folder to write to")
    given = parser.parse_args()
    for path in main(given.out):
        print(f"wrote {path}")
