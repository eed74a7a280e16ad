from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from conceptstain.canvas.reading import open_section, sections
from conceptstain.canvas.visium_folder import is_visium_folder
from conceptstain.errors import InputError, ReadingError, SectionChoice
from written import hexagonal_lattice, mark_in_world, write_image, write_visium


def told(section, words: str) -> bool:
    return any(words in note for note in section.notes)


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("matrix", ["h5", "mtx", "mtx.gz"])
def test_every_generation_of_files_reads_the_same(tmp_path, older, matrix):
    counts = write_visium(tmp_path / "slide", older=older, matrix=matrix)
    section = open_section(tmp_path / "slide")
    assert (section.name, section.unit, section.counts) == ("slide", "µm", "counts")
    assert section.spot_diameter == 55.0
    np.testing.assert_array_equal(section.matrix.toarray(), counts[:, :3])
    np.testing.assert_allclose(section.spots - section.spots[0], hexagonal_lattice(8, 6), atol=1e-6)


def test_positions_find_their_barcodes_whatever_their_order(tmp_path):
    write_visium(tmp_path / "slide")
    section = open_section(tmp_path / "slide")
    assert section.adata.obs["array_row"].tolist() == [index // 6 for index in range(48)]


def test_what_is_assumed_and_left_out_is_said(tmp_path):
    write_visium(tmp_path / "slide")
    section = open_section(tmp_path / "slide")
    assert told(section, "spots of a Visium slide are 100 µm apart")
    assert told(section, "1 feature other than gene expression left out")
    assert told(section, "1 gene name used more than once (Penk)")
    assert section.adata.var_names.tolist() == ["Penk", "Doc2g", "Penk-1"]


def test_the_image_lies_under_the_spots(tmp_path):
    write_visium(tmp_path / "slide")
    section = open_section(tmp_path / "slide")
    mark = mark_in_world(section.image.pixels, section.image.to_world)
    # A pixel of the image is 8 µm wide, and the mark is in the pixel that holds the spot.
    assert np.abs(mark - section.spots[9]).max() <= 4.0 + 1e-6


def test_an_image_given_beside_the_folder_takes_its_place(tmp_path):
    write_visium(tmp_path / "slide", hires=None)
    image = write_image(tmp_path / "he.png", 300, 300)
    assert open_section(tmp_path / "slide").image is None
    section = open_section(tmp_path / "slide", image=image)
    assert section.image.to_world[0, 0] == pytest.approx(4.0)


def test_without_scale_factors_the_array_gives_the_scale_and_no_image_is_shown(tmp_path):
    write_visium(tmp_path / "slide")
    (tmp_path / "slide/spatial/scalefactors_json.json").unlink()
    section = open_section(tmp_path / "slide")
    assert (section.unit, section.image) == ("µm", None)
    assert told(section, "scalefactors_json.json is missing")
    assert told(section, "tissue_hires_image.png has no tissue_hires_scalef")


def test_the_low_resolution_image_stands_in(tmp_path):
    write_visium(tmp_path / "slide", hires=None)
    write_image(tmp_path / "slide/spatial/tissue_lowres_image.png", 20, 20)
    assert open_section(tmp_path / "slide").image.to_world[0, 0] == pytest.approx(40.0)


def test_bins_of_visium_hd_are_offered_one_by_one(tmp_path):
    for size in ("square_008um", "square_016um"):
        (tmp_path / "hd/binned_outputs" / size).mkdir(parents=True)
    with pytest.raises(ReadingError, match=r"Visium HD.*square_008um, square_016um.*Open one of them"):
        open_section(tmp_path / "hd")


def test_one_size_of_bins_opens_at_its_own_scale(tmp_path):
    write_visium(tmp_path / "square_016um")
    path = tmp_path / "square_016um/spatial/scalefactors_json.json"
    path.write_text(json.dumps({"bin_size_um": 16.0, "microns_per_pixel": 0.5, "tissue_hires_scalef": 0.5}))
    section = open_section(tmp_path / "square_016um")
    assert section.spot_diameter == 16.0
    assert told(section, "0.5 µm per pixel")


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("filtered_feature_bc_matrix.h5", "no matrix of counts"),
        ("spatial/tissue_positions.csv", "does not say where its spots lie"),
    ],
)
def test_a_missing_part_is_named(tmp_path, gone, message):
    write_visium(tmp_path / "slide")
    (tmp_path / "slide" / gone).unlink()
    with pytest.raises(ReadingError, match=message):
        open_section(tmp_path / "slide")


def test_barcodes_of_another_run_are_noticed(tmp_path):
    write_visium(tmp_path / "slide")
    positions = tmp_path / "slide/spatial/tissue_positions.csv"
    lines = positions.read_text().splitlines()
    positions.write_text("\n".join(line for line in lines if ",1," not in line or line < "G"))
    with pytest.raises(ReadingError, match=r"barcodes without a position.*of one run"):
        open_section(tmp_path / "slide")


def test_a_matrix_and_names_that_do_not_fit_are_noticed(tmp_path):
    write_visium(tmp_path / "slide", matrix="mtx")
    barcodes = tmp_path / "slide/filtered_feature_bc_matrix/barcodes.tsv"
    barcodes.write_text("\n".join(barcodes.read_text().splitlines()[:-1]))
    with pytest.raises(ReadingError, match=r"do not belong together.*47 barcodes"):
        open_section(tmp_path / "slide")


def test_a_folder_is_told_by_what_is_in_it(tmp_path):
    write_visium(tmp_path / "slide")
    (tmp_path / "holiday").mkdir()
    assert is_visium_folder(tmp_path / "slide")
    assert not is_visium_folder(tmp_path / "holiday")
    assert not is_visium_folder(tmp_path / "slide/filtered_feature_bc_matrix.h5")


def test_the_one_section_of_a_folder_needs_no_choice(tmp_path):
    write_visium(tmp_path / "slide")
    assert open_section(tmp_path / "slide", section="slide").n_spots == 48
    with pytest.raises(SectionChoice, match="no section of that name") as caught:
        open_section(tmp_path / "slide", section="other")
    assert caught.value.names == ("slide",)


def test_an_alignment_file_does_not_go_with_a_folder(tmp_path):
    write_visium(tmp_path / "slide")
    with pytest.raises(InputError, match="takes no alignment file"):
        open_section(tmp_path / "slide", alignment=tmp_path / "a.txt")


def test_a_slide_written_by_us_opens_again_in_micrometres(tmp_path):
    write_visium(tmp_path / "slide")
    section = open_section(tmp_path / "slide")
    section.adata.write_h5ad(tmp_path / "again.h5ad")
    again = open_section(tmp_path / "again.h5ad")
    np.testing.assert_allclose(again.spots, section.spots)
    assert again.unit == "µm"


def test_the_name_of_a_folder_is_its_section(tmp_path):
    write_visium(tmp_path / "slide")
    assert sections(tmp_path / "slide") == ("slide",)


def test_positions_in_parquet_read_as_those_in_text(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    write_visium(tmp_path / "slide")
    expected = open_section(tmp_path / "slide")
    positions = tmp_path / "slide/spatial/tissue_positions.csv"
    pd.read_csv(positions).to_parquet(positions.with_suffix(".parquet"))
    positions.unlink()
    section = open_section(tmp_path / "slide")
    np.testing.assert_allclose(section.spots, expected.spots)
    assert section.notes == expected.notes


def test_the_folder_of_a_run_opens_as_its_output_does(tmp_path):
    write_visium(tmp_path / "run7/outs")
    section = open_section(tmp_path / "run7")
    assert (section.name, section.n_spots) == ("run7", 48)
