from __future__ import annotations

import numpy as np
import pytest

from conceptstain.canvas import samples
from conceptstain.canvas.samples import SAMPLES, open_sample, sample_path
from conceptstain.errors import InputError, ReadingError


@pytest.fixture(scope="module")
def bulb():
    return open_sample("olfactory-bulb")


def test_the_sample_opens_in_micrometres_with_its_image_and_its_layers(bulb):
    assert bulb.unit == "µm"
    assert bulb.image is not None
    assert bulb.annotations["layer"] == ["EPL", "GCL", "GL", "MCL", "ONL"]
    assert 300 <= bulb.n_spots <= 400
    assert 1000 <= bulb.n_genes <= 1500


def test_the_sample_says_first_that_it_is_simulated(bulb):
    assert "simulated" in bulb.notes[0]


def test_the_sample_fits_the_frame_of_the_paper_with_a_cell_for_every_spot(bulb):
    grid = bulb.view().grid
    assert grid.frame == (32, 32)
    assert grid.n_shared == 0
    assert grid.pitch == pytest.approx(200, rel=0.01)


def test_all_spots_of_the_sample_lie_on_its_tissue(bulb):
    to_pixels = np.linalg.inv(bulb.image.to_world)
    rows, columns = np.rint(bulb.spots @ to_pixels[:2, :2].T + to_pixels[:2, 2]).astype(int).T
    # The background is nearly white in every channel; tissue takes green away.
    assert (bulb.image.pixels[rows, columns, 1] < 225).mean() > 0.97


@pytest.mark.parametrize(
    ("gene", "layer"), [("Penk", "GCL"), ("Doc2g", "MCL"), ("Pvalb", "EPL"), ("Th", "GL"), ("Kctd12", "ONL")]
)
def test_each_marker_is_highest_in_its_layer(bulb, gene, layer):
    canvas = bulb.view()
    values = canvas.encoded_values(canvas.item(gene))
    means = {name: values[bulb.adata.obs["layer"] == name].mean() for name in bulb.annotations["layer"]}
    assert max(means, key=means.get) == layer


def test_the_sample_is_small():
    assert sample_path().stat().st_size < 2_000_000


def test_an_unknown_sample_is_told_with_those_there_are():
    with pytest.raises(InputError, match=f"'liver'.*{', '.join(SAMPLES)}"):
        sample_path("liver")


def test_a_sample_is_found_in_an_installed_package(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "conceptstain"
    (package / "sample_data").mkdir(parents=True)
    monkeypatch.setattr(samples, "PACKAGE", package)
    with pytest.raises(ReadingError, match="not installed"):
        sample_path()
    (package / "sample_data" / "simulated_bulb.h5ad").touch()
    assert sample_path() == package / "sample_data" / "simulated_bulb.h5ad"
