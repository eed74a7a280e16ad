from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from conceptstain.canvas import published_samples, samples
from conceptstain.canvas.published_samples import Published
from conceptstain.canvas.samples import SAMPLES, open_sample, sample_path
from conceptstain.errors import InputError, ReadingError
from written import table_text, write_image


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


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server in place of the network; what was asked of it is listed."""
    asked = []
    text = table_text().encode()
    sample = Published("A section.", "Rep9_MOB_count_matrix-1.tsv", hashlib.sha256(text).hexdigest(), ("HE_Rep9.jpg",))
    monkeypatch.setitem(published_samples.PUBLISHED, "mob-rep9", sample)
    monkeypatch.setattr(samples, "SAMPLES", (*SAMPLES, "mob-rep9"))
    monkeypatch.delenv("CONCEPTSTAIN_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda _: tmp_path / "cache")

    def retrieve(url, known, *, fname, path, downloader):
        asked.append(fname)
        path.mkdir(parents=True, exist_ok=True)
        if fname.endswith(".jpg"):
            write_image(path / fname, 340, 320)
        else:
            assert known == f"sha256:{sample.sha256}"
            (path / fname).write_bytes(text)
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    return asked


def test_a_published_section_is_downloaded_with_its_image_and_says_who_published_it(server):
    section = open_sample("mob-rep9")
    assert server == ["HE_Rep9.jpg", "Rep9_MOB_count_matrix-1.tsv"]
    assert section.notes[0] == "A section."
    assert (section.name, section.n_spots) == ("Rep9", 4)
    assert section.image is not None


@pytest.mark.parametrize(("folder", "ending"), [("mob", ".tsv"), ("mob", ".tsv.gz"), ("", ".tsv"), ("", ".tsv.gz")])
def test_a_published_section_in_the_data_folder_is_not_downloaded(server, tmp_path, monkeypatch, folder, ending):
    monkeypatch.setenv("CONCEPTSTAIN_DATA", str(tmp_path))
    path = tmp_path / folder / f"Rep9_MOB_count_matrix-1{ending}"
    path.parent.mkdir(exist_ok=True)
    content = table_text().encode()
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    assert open_sample("mob-rep9").path == path
    assert not server


def test_a_file_that_is_not_the_published_one_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setenv("CONCEPTSTAIN_DATA", str(tmp_path))
    (tmp_path / "Rep9_MOB_count_matrix-1.tsv").write_text("another")
    with pytest.raises(ReadingError, match=r"not the published file.*CONCEPTSTAIN_DATA"):
        open_sample("mob-rep9")


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("SHA256 hash of downloaded file")])
def test_without_a_network_the_way_out_is_told(server, monkeypatch, error):
    def fail(*_args, **_settings):
        raise error

    monkeypatch.setattr("pooch.retrieve", fail)
    with pytest.raises(ReadingError, match=r"mob-rep9 cannot be downloaded.*CONCEPTSTAIN_DATA"):
        open_sample("mob-rep9")


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "n_spots"), [("mob-rep1", 267), ("mob-rep2", 280)])
def test_the_published_replicates_open_with_their_image(real_data, name, n_spots):
    section = open_sample(name)
    assert section.n_spots == n_spots
    assert section.image is not None
    assert "10.1126/science.aaf2403" in section.notes[0]
