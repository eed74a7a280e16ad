"""Do latents of gene pictures look at layers of the olfactory bulb? AUROC of mean attention maps on Rep11.

    CONCEPTSTAIN_DATA=... python benchmarks/attention_on_tissue.py [--layer encoder.conv3 ...] [--twins 2]
        [--cache FOLDER] [--figure PNG]

For every latent its attention map, mean over the trainable genes, is read at the labelled spots. Of many latents one is
best by chance, so the latent is chosen on one half of the genes and of the tissue, and judged on the other half of
both: two halves of genes in turn, four cuts through the tissue; what is told is the mean and the range of these eight.
*In hindsight* chooses and judges on all, and is optimistic.

Beside the encoders stand their untrained twins, treated alike, and two things without a network, whose direction is
chosen on the same halves: the distance of a spot to the border of the tissue (the layers lie around each other, so
depth alone finds some) and the mean of the genes. Rep11 is the only labelled section and the development section:
encoders see no labels, but the defaults of this package were chosen on it. The bundled encoder learned from Rep1 and
Rep2; the other is fitted to Rep11 (seed 0).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bulb import sections
from bulb.encoders import Encoders
from bulb.sections import DRAWN, LABELLED, cuts, layer_numbers
from scipy.ndimage import distance_transform_edt

import conceptstain as cs
from conceptstain.concepts.cross_fit import auroc
from conceptstain.figures import FigureSettings, save_figure
from conceptstain.methods.attribution import Attribution
from conceptstain.nets.untrained import untrained

Halves = tuple[np.ndarray, np.ndarray]  # candidates x spots, of either half of the genes


def gene_halves(canvas: cs.GenePictures) -> Halves:
    shuffled = np.random.default_rng(0).permutation(canvas.trainable)
    return np.sort(shuffled[::2]), np.sort(shuffled[1::2])


def mean_maps(canvas: cs.GenePictures, encoder: cs.Encoder, layer: str, genes: np.ndarray) -> list[Attribution]:
    """The mean attention map of each latent over some genes."""
    sums = 0.0
    for begin in range(0, len(genes), 1024):
        maps = cs.attention_maps(canvas, encoder, layer=layer, items=genes[begin : begin + 1024])
        sums = sums + np.stack([each.values.sum(axis=0, dtype=np.float64) for each in maps])
    means = (sums / len(genes)).astype(np.float32)
    return [
        Attribution("attention", f"latent {number}", values[None], (), signed=False, encoder=encoder.fingerprint)
        for number, values in enumerate(means)
    ]


def at_spots(canvas: cs.GenePictures, maps: list[Attribution]) -> np.ndarray:
    return np.stack([np.asarray(canvas.place(each.mean())) for each in maps])


def aurocs(values: np.ndarray, inside: np.ndarray, spots: np.ndarray) -> np.ndarray:
    """Of every candidate, at some spots."""
    return np.array([auroc(each[spots], inside[spots]) for each in values])


def held_out(halves: Halves, layer: int) -> np.ndarray:
    """AUROC on the other half of genes and tissue of what was best on one half."""
    numbers = layer_numbers()
    known, inside = numbers >= 0, numbers == layer
    found = []
    for chosen_by, judged_by in (halves, halves[::-1]):
        for side in cuts(sections.section(LABELLED).spots):
            best = int(aurocs(chosen_by, inside, side & known).argmax())
            found.append(auroc(judged_by[best][~side & known], inside[~side & known]))
    return np.array(found)


def row(name: str, halves: Halves, *, latents: bool) -> tuple[str, list[int]]:
    """A line of the table, and the best candidate of each layer in hindsight."""
    numbers = layer_numbers()
    known = numbers >= 0
    cells, best = [], []
    for layer in range(len(DRAWN)):
        found = held_out(halves, layer)
        all_of_it = aurocs((halves[0] + halves[1]) / 2, numbers == layer, known)
        best.append(int(all_of_it.argmax()))
        of = f", latent {best[-1]}" if latents else ""
        cells.append(f"{found.mean():.3f} ({found.min():.2f}-{found.max():.2f}); {all_of_it.max():.3f}{of}")
    return f"| {name} | {' | '.join(cells)} |", best


def either_way(values: np.ndarray) -> np.ndarray:
    """A candidate for what is high, and one for what is low."""
    return np.stack([values, -values])


def to_border(canvas: cs.GenePictures) -> np.ndarray:
    inside = np.pad(np.asarray(canvas.mask, dtype=bool).reshape(canvas.shape[-2:]), 1)
    distance = distance_transform_edt(inside)[1:-1, 1:-1]
    return np.asarray(canvas.place(np.broadcast_to(distance, canvas.shape).astype(np.float32)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layer", action="append", help="a convolution; may be given several times")
    parser.add_argument("--twins", type=int, default=2, help="untrained networks beside each encoder")
    parser.add_argument("--cache", type=Path, default=Path("build") / "layers", help="folder of fitted encoders")
    parser.add_argument("--figure", type=Path, help="where to paint the best latents of the fitted encoder")
    asked = parser.parse_args()
    canvas = sections.pictures(LABELLED)
    genes = gene_halves(canvas)
    print(f"{len(canvas.trainable):,} genes; Rep11 is the development section.")
    print("Held-out AUROC, mean (range of eight halves); AUROC in hindsight.\n")
    print(f"| map | {' | '.join(DRAWN)} |\n|---|{'---|' * len(DRAWN)}")
    depth = either_way(to_border(canvas))
    print(row("no network: distance to the border", (depth, depth), latents=False)[0])
    mean = tuple(
        either_way(np.asarray(canvas.place(canvas.inputs(half).mean(axis=0, dtype=np.float64)))) for half in genes
    )
    print(row("no network: mean of all genes", (mean[0], mean[1]), latents=False)[0], flush=True)
    encoders: dict[str, Callable[[], cs.Encoder]] = {
        "bundled": cs.bundled,
        "fitted": lambda: Encoders(asked.cache).pictures("fitted", 0),
    }
    for name, load in encoders.items():
        encoder = load()
        twins = {f"{name}, untrained {seed}": untrained(encoder, seed=seed) for seed in range(asked.twins)}
        for told, each in {name: encoder, **twins}.items():
            for layer in asked.layer or ["encoder.conv3"]:
                maps = [mean_maps(canvas, each, layer, half) for half in genes]
                line, best = row(
                    f"{told}, {layer.removeprefix('encoder.')}",
                    (at_spots(canvas, maps[0]), at_spots(canvas, maps[1])),
                    latents=True,
                )
                print(line, flush=True)
                if told == "fitted" and asked.figure is not None:
                    paint(canvas, maps[1], best, asked.figure)


def paint(canvas: cs.GenePictures, maps: list[Attribution], best: list[int], path: Path) -> None:
    """The best latent of each layer, over the second half of the genes."""
    drawn = cs.figure(
        canvas,
        *(maps[latent] for latent in best),
        titles=[f"{layer}: latent {latent}" for layer, latent in zip(DRAWN, best, strict=True)],
        settings=FigureSettings(columns=len(best), panel_width=1.7),
    )
    save_figure(drawn, path, dpi=110, overwrite=True)


if __name__ == "__main__":
    main()
