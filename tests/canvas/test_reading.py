from __future__ import annotations

import numpy as np
import pytest
import zarr

from conceptstain.canvas.reading import READABLE, is_readable, open_section
from conceptstain.errors import InputError, ReadingError
from written import lattice_anndata, table_text, write_zarr


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReadingError, match=r"no file gone\.tsv.*Check the path"):
        open_section(tmp_path / "gone.tsv")


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.h5ad"])
def test_an_empty_file_is_named(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ReadingError, match=r"a\..* is empty.*0 bytes"):
        open_section(tmp_path / name)


@pytest.mark.parametrize("name", ["counts.csv", "counts.xlsx", "counts"])
def test_an_unknown_extension_is_told_with_those_that_can_be_read(tmp_path, name):
    (tmp_path / name).write_text("x")
    with pytest.raises(ReadingError, match=r"Open one of \.tsv, \.tsv\.gz, \.h5ad"):
        open_section(tmp_path / name)


def test_a_folder_is_not_a_section(tmp_path):
    with pytest.raises(ReadingError, match="a folder"):
        open_section(tmp_path)


@pytest.mark.parametrize("scale", [0, -0.2, float("nan")])
def test_a_scale_must_be_above_zero(tmp_path, scale):
    (tmp_path / "a.tsv").write_text(table_text())
    with pytest.raises(InputError, match="cannot have that scale"):
        open_section(tmp_path / "a.tsv", image_scale=scale)


def test_paths_may_be_text_and_endings_capital(tmp_path):
    (tmp_path / "A.TSV").write_text(table_text())
    assert open_section(str(tmp_path / "A.TSV")).n_spots == 4


def test_names_alone_tell_what_is_readable(tmp_path):
    assert all(is_readable(f"section{ending}") for ending in READABLE)
    assert not is_readable("section.csv")
    assert not is_readable(tmp_path)


def test_errors_are_one_line(tmp_path):
    (tmp_path / "a.h5ad").write_bytes(b"\x89HDF\r\n\x1a\n and then\nnothing")
    with pytest.raises(ReadingError) as caught:
        open_section(tmp_path / "a.h5ad")
    assert "\n" not in str(caught.value)


def test_a_zarr_folder_is_ours_only_if_it_says_that_it_is_a_section(tmp_path):
    write_zarr(lattice_anndata(), tmp_path / "new.zarr")
    write_zarr(lattice_anndata(), tmp_path / "old.zarr", version=2)
    zarr.open_group(tmp_path / "image.zarr", mode="w").create_array("0", data=np.zeros((9, 9)))
    (tmp_path / "empty.zarr").mkdir()
    readable = {path.name for path in tmp_path.iterdir() if is_readable(path)}
    assert readable == {"new.zarr", "old.zarr"}
