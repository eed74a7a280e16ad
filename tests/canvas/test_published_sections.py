"""The published sections of the mouse olfactory bulb, where CONCEPTSTAIN_DATA points to them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from conceptstain.canvas.reading import open_section
from conceptstain.canvas.section import Section

pytestmark = pytest.mark.real_data


def published(folder: Path, name: str) -> Section:
    """Open a section in either layout of the folder, gzipped or not."""
    for place in (folder / "mob", folder):
        for ending in (".tsv.gz", ".tsv"):
            if (place / f"{name}{ending}").is_file():
                return open_section(place / f"{name}{ending}")
    pytest.skip(f"no {name} there")


@pytest.fixture(scope="module")
def rep1(real_data) -> Section:
    return published(real_data, "Rep1_MOB_count_matrix-1")


def test_rep1_is_the_section_of_the_paper(rep1):
    assert (rep1.name, rep1.n_spots, rep1.n_genes, rep1.counts) == ("Rep1", 267, 16_573, "counts")
    assert rep1.matrix.sum() == 7_123_430


def test_rep1_opens_in_less_than_a_second_and_a_half(rep1):
    started = time.process_time()  # what others do on the machine does not count
    open_section(rep1.path)
    assert time.process_time() - started < 1.5


def test_every_spot_has_the_cell_of_the_paper(rep1):
    x, y = rep1.adata.obs["array_x"].to_numpy(), rep1.adata.obs["array_y"].to_numpy()
    grid = rep1.view(scaling="paper").grid
    rows, columns = np.divmod(grid.cells, 32)
    shift = np.stack([rows - (y + 0.5).astype(int), columns - ((x + 0.5).astype(int) - 1)])
    assert grid.n_shared == 0
    assert (shift == shift[:, :1]).all()


@pytest.mark.parametrize("name", ["Rep1_MOB_count_matrix-1", "Rep2_MOB_count_matrix-1"])
def test_the_spots_lie_on_the_tissue_and_the_rest_of_the_array_does_not(real_data, name):
    section = published(real_data, name)
    if section.image is None:
        pytest.skip("no image there")
    pixels = section.image.pixels.astype(float)
    tissue = pixels[..., 1] < 190  # both stains take green away
    to_pixels = np.linalg.inv(section.image.to_world)

    def on_tissue(places: np.ndarray) -> np.ndarray:
        rows, columns = np.rint(places @ to_pixels[:2, :2].T + to_pixels[:2, 2]).astype(int).T
        radius = np.arange(-8, 9)
        height, width = tissue.shape
        around = tissue[
            (rows[:, None, None] + radius[:, None]).clip(0, height - 1),
            (columns[:, None, None] + radius).clip(0, width - 1),
        ]
        return around.mean(axis=(1, 2)) > 0.5

    assert on_tissue(section.spots).mean() > 0.9
    assert on_tissue(section.spots + np.array([0, 1600.0])).mean() < 0.75


def test_the_pitch_of_the_array_is_found_from_the_spots(rep1):
    from conceptstain.canvas.grid import estimate_pitch

    assert estimate_pitch(rep1.spots) == pytest.approx(200, rel=0.01)


def test_rep1_granule_markers_go_together(rep1):
    canvas = rep1.view()
    penk, nrgn, kctd12 = (canvas.encoded_values(canvas.item(gene)) for gene in ("Penk", "Nrgn", "Kctd12"))
    assert np.corrcoef(penk, nrgn)[0, 1] > 0.4
    assert np.corrcoef(penk, kctd12)[0, 1] < 0
