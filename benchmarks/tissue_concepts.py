"""Concepts painted on stained tissue: do their score maps find the same elsewhere? Beside what needs no network.

    CONCEPTSTAIN_DATA=... python benchmarks/tissue_concepts.py [--fit]

Glands: on the colon pictures of ``glas``, patches that glands cover become a concept on half of the pictures, whose
score is asked on the other half, and the other way round. Granule cells: an outline around a part of one lobe on
``HE_Rep1.jpg``, drawn by eye where nuclei lie densely; its score at the spots is compared with the expression of Penk
in the same section, which has seen no picture. All rows take the same way; only the numbers differ. *Plain*: along
the difference of the mean numbers of the patches inside and outside, as a concept is made. *Whitened*: that
difference weighed by how patches vary on either side (`form="whitened"`). ``--fit`` also fits an
encoder to the pictures that are learned from, which takes minutes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import spearmanr
from sklearn.decomposition import PCA

import conceptstain as cs
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.patch_coverage import covered_parts
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.whitening import whitened_direction
from conceptstain.methods.intervals import interval
from conceptstain.nets.untrained import untrained

SIZE = 64
STRIDE = 16
PIXEL = 2.0  # glands are larger than 64 of their pixels
INSIDE, OUTSIDE = 0.5, 0.1  # parts of a patch that the region covers
# Around a part of the granule cell layer of the left lobe: row and column in pixels of HE_Rep1.jpg.
OUTLINE = np.array([[720, 438], [635, 497], [648, 679], [746, 770], [850, 692], [1006, 627], [993, 530], [850, 458]])

Numbers = Callable[[ImagePatches], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="also fit encoders to what is learned from")
    arguments = parser.parse_args()
    data = Path(os.environ["CONCEPTSTAIN_DATA"])
    bundled = cs.bundled("histology-patches")
    print("| glands, by | plain: AUROC on pictures not learned from (95 %) | whitened |")
    print("|---|---|---|")
    glands(data / "glas", bundled, fit=arguments.fit)
    print()
    print("| granule cells, by | plain: rank correlation with Penk at spots outside of the outline | whitened |")
    print("|---|---|---|")
    granule_cells(data / "mob", bundled, fit=arguments.fit)


# -- glands ------------------------------------------------------------------------------------------------------------


def glands(folder: Path, bundled: cs.Encoder, *, fit: bool) -> None:
    paths = sorted(folder.glob("*.jpg"))
    canvases = [view(cs.open(path, as_="slide"), PIXEL) for path in paths]
    masks = [np.asarray(Image.open(path.with_name(f"{path.stem}_labels.png"))) > 0 for path in paths]
    parts = [
        covered_parts(cs.Region.from_labels("glands", mask.astype(np.uint8), 1), canvas)
        for mask, canvas in zip(masks, canvases, strict=True)
    ]
    halves = (range(0, len(paths), 2), range(1, len(paths), 2))
    rows = controls(bundled)
    if fit:
        rows["latents of an encoder fitted to the half"] = None
    for name, numbers in rows.items():
        aurocs: dict[str, list[float]] = {"plain": [], "whitened": []}
        for learned, asked in (halves, halves[::-1]):
            of = numbers or latents(cs.fit([canvases[i] for i in learned], name="glands"))
            found = of.fitted([canvases[i] for i in learned]) if isinstance(of, Fitted) else of
            directions = along([found(canvases[i]) for i in learned], [parts[i] for i in learned])
            for i in asked:
                values, inside = found(canvases[i]), parts[i] >= INSIDE
                for kind, direction in directions.items():
                    aurocs[kind].append(auroc(values @ direction, inside))
        told = " | ".join(str(interval(np.array(each))) for each in aurocs.values())
        print(f"| {name} | {told} |", flush=True)


# -- granule cells -----------------------------------------------------------------------------------------------------


def granule_cells(folder: Path, bundled: cs.Encoder, *, fit: bool) -> None:
    section = cs.open(folder / "Rep1_MOB_count_matrix-1.tsv.gz")
    genes = section.view("genes")
    penk = genes.expressed(genes.item("Penk"))
    canvas = view(cs.open(folder / "HE_Rep1.jpg", as_="slide"), None)
    region = cs.Region.from_polygon("granule cells", OUTLINE.astype(float))
    part = covered_parts(region, canvas)
    assert section.image is not None
    to_pixels = np.linalg.inv(section.image.to_world)
    spots = (np.column_stack([section.spots, np.ones(section.n_spots)]) @ to_pixels.T)[:, :2]
    inside = cs.Region.from_polygon("outline", OUTLINE.astype(float)).selector.covers(np.eye(3), canvas.slide.size)
    rows, columns = np.rint(spots).astype(int).T
    hidden = np.zeros(section.n_spots, dtype=bool)
    reach = (rows >= 0) & (rows < inside.shape[0]) & (columns >= 0) & (columns < inside.shape[1])
    hidden[reach] = ~inside[rows[reach], columns[reach]]
    numbers = controls(bundled)
    if fit:
        numbers["latents of an encoder fitted to the slide"] = latents(cs.fit(canvas))
    for name, of in numbers.items():
        found = of.fitted([canvas]) if isinstance(of, Fitted) else of
        values = found(canvas)
        told = []
        for direction in along([values], [part]).values():
            at = at_places(canvas.paint(values @ direction), spots)
            outside = np.isfinite(at) & hidden
            r = spearmanr(at[outside], penk[outside]).statistic
            told.append(f"{r:.2f} (n = {int(outside.sum())})")
        print(f"| {name} | {' | '.join(told)} |", flush=True)


def at_places(raster: cs.ScoreRaster, places: np.ndarray) -> np.ndarray:
    """Scores at pixels of the slide; NaN beside its patches."""
    to_cells = np.linalg.inv(raster.to_world)
    cells = np.rint((np.column_stack([places, np.ones(len(places))]) @ to_cells.T)[:, :2]).astype(int)
    known = ((cells >= 0) & (cells < raster.values.shape)).all(axis=1)
    found = np.full(len(places), np.nan)
    found[known] = raster.values[tuple(cells[known].T)]
    return found


# -- numbers of patches ------------------------------------------------------------------------------------------------


class Fitted:
    """Principal components, which are of the patches learned from."""

    def __init__(self, components: int) -> None:
        self.components = components

    def fitted(self, canvases: Sequence[ImagePatches]) -> Numbers:
        """Components of these patches."""
        seen = np.concatenate([pixels(canvas) for canvas in canvases])
        found = PCA(self.components, random_state=0, svd_solver="randomized").fit(seen)
        return lambda canvas: np.asarray(found.transform(pixels(canvas)))


def controls(bundled: cs.Encoder) -> dict[str, Numbers | Fitted | None]:
    return {
        "mean colour": colour,
        "mean and deviation of each colour": colours,
        f"{bundled.latent} principal components of the pixels": Fitted(bundled.latent),
        "latents of the untrained network": latents(untrained(bundled, seed=1)),
        "**latents of `histology-patches`**": latents(bundled),
    }


def latents(encoder: cs.Encoder) -> Numbers:
    return encoder.latents


def colour(canvas: ImagePatches) -> np.ndarray:
    return np.concatenate([batch.mean(axis=(2, 3)) for batch in batches(canvas)])


def colours(canvas: ImagePatches) -> np.ndarray:
    return np.concatenate([np.concatenate([x.mean(axis=(2, 3)), x.std(axis=(2, 3))], axis=1) for x in batches(canvas)])


def pixels(canvas: ImagePatches) -> np.ndarray:
    """Every fourth pixel along both sides: the components of all of them would not fit into memory."""
    return np.concatenate([x[:, :, ::4, ::4].reshape(len(x), -1) for x in batches(canvas)])


def batches(canvas: ImagePatches) -> list[np.ndarray]:
    return [canvas.inputs(range(i, min(i + 256, len(canvas)))) for i in range(0, len(canvas), 256)]


def view(slide: cs.Slide, pixel_size: float | None) -> ImagePatches:
    background = "keep" if pixel_size else "auto"
    return slide.view("patches", size=SIZE, stride=STRIDE, pixel_size=pixel_size, background=background)


def along(numbers: Sequence[np.ndarray], parts: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The plain and the whitened direction; patches that the region covers in part count for neither side."""
    values, part = np.concatenate(list(numbers)).astype(np.float64), np.concatenate(list(parts))
    inside, outside = values[part >= INSIDE], values[part <= OUTSIDE]
    plain = inside.mean(axis=0) - outside.mean(axis=0)
    return {"plain": plain, "whitened": whitened_direction(inside, outside)}


if __name__ == "__main__":
    main()
