"""One tissue on three layouts of spots, several sections in one file, and outlines for QuPath; on the bundled section.

    python examples/reading_sections.py --out results

Spots are laid over the simulated bulb on a square, a hexagonal and no lattice; each takes the counts of the nearest one
of the sample. Writes the files, opens them again, and draws one gene as the pictures that an encoder sees.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anndata
import numpy as np
from matplotlib.figure import Figure
from scipy.spatial import cKDTree

import conceptstain as cs

PITCH = 200.0
GENE = "Penk"


def main(out: Path) -> Path:
    """Write a file with three sections, open each, and show their grids."""
    out.mkdir(parents=True, exist_ok=True)
    sample = cs.sample()
    parts = {name: laid_over(sample, places) for name, places in layouts(sample).items()}
    joined = anndata.concat(parts, label="library_id", index_unique="-")
    scale = {"images": {}, "scalefactors": {"microns_per_pixel": 1.0, "spot_diameter_fullres": 100.0}}
    joined.uns["spatial"] = dict.fromkeys(parts, scale)
    joined.write_h5ad(out / "three.h5ad")

    # 1. A file of several sections asks for one, and says which there are.
    try:
        cs.open(out / "three.h5ad")
    except cs.SectionChoice as choice:
        print(choice)
        print(choice.names)

    # 2. Every layout has its own grid.
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(parts)), parts, strict=True):
        section = cs.open(out / "three.h5ad", section=name)
        canvas = section.view("genes")
        grid = canvas.grid
        height, width = grid.frame
        print(
            f"{name}: {section.n_spots} spots, found to be {grid.layout}; pictures of {height} x {width} cells of "
            f"{grid.pitch:.0f} {section.unit}; {grid.n_shared} spots share a cell; "
            f"{len(np.unique(grid.cells)) / cells_around(grid.mask):.0%} of the cells around the tissue hold a spot"
        )
        picture = np.where(grid.mask, canvas.inputs([canvas.item(GENE)])[0, 0], np.nan)
        tissue = tuple(slice(index.min(), index.max() + 1) for index in np.nonzero(grid.mask))
        axes.imshow(picture[tissue], cmap="viridis", interpolation="nearest")
        axes.set_title(f"{GENE}, {name}")
        axes.set_axis_off()

    # 3. An outline goes to QuPath and comes back.
    middle = section.spots.mean(axis=0)
    corners = middle + 600.0 * np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    drawn = cs.Region.from_polygon("middle", corners)
    cs.regions_to_geojson([drawn], out / "areas.geojson", scale=0.5, overwrite=True)
    (again,) = cs.regions_from_geojson(out / "areas.geojson", scale=0.5)
    print(f"{again.name}: {again.choose(section).sum()} spots, {drawn.choose(section).sum()} before")

    figure.savefig(out / "layouts.png", dpi=120)
    return out / "layouts.png"


def cells_around(mask: np.ndarray) -> int:
    """Cells of the smallest ellipse along the axes that reaches as far as the spots."""
    height, width = (int(np.ptp(index)) + 1 for index in np.nonzero(mask))
    return round(np.pi / 4 * height * width)


def layouts(sample: cs.Section) -> dict[str, np.ndarray]:
    """Places of spots, (y, x) in micrometres, within a spacing of the sample's."""
    low, high = sample.spots.min(axis=0), sample.spots.max(axis=0)
    rows, columns = (index.ravel() for index in np.indices(np.ceil((high - low) / PITCH).astype(int) + 6))
    lattice = np.stack([rows, columns], axis=1)
    shifted = np.stack([rows * np.sqrt(0.75), columns + 0.5 * (rows % 2)], axis=1)
    n_free = int(np.prod((high - low) / PITCH))
    free = np.random.default_rng(0).uniform(low, high, (n_free, 2))
    places = {"square": low + lattice * PITCH, "hexagonal": low + shifted * PITCH, "free": free}
    tree = cKDTree(sample.spots)
    return {name: each[tree.query(each)[0] < PITCH * 0.75] for name, each in places.items()}


def laid_over(sample: cs.Section, places: np.ndarray) -> anndata.AnnData:
    """Spots at other places, with the counts of the nearest spot of the sample."""
    nearest = cKDTree(sample.spots).query(places)[1]
    adata = anndata.AnnData(sample.matrix[nearest], var=sample.adata.var[[]].copy())
    adata.obs_names = [f"spot{index}" for index in range(len(places))]
    adata.obsm["spatial"] = places[:, ::-1].copy()
    return adata


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Layouts of spots, several sections in one file, and outlines.")
    parser.add_argument("--out", type=Path, default=Path("reading-sections"), help="folder to write to")
    print(f"wrote {main(parser.parse_args().out)}")
