from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

from conceptstain.canvas.anndata_file import load_anndata
from conceptstain.canvas.reading import open_section, sections
from conceptstain.canvas.section_choice import held_sections
from conceptstain.errors import ReadingError, SectionChoice
from conceptstain.exporting import write_anndata
from written import lattice_anndata, library


def two(column: str = "library_id", *, apart: float = 0.0, libraries: bool = False):
    first, second = lattice_anndata(), lattice_anndata(4, 5)
    second.obsm["spatial"] = second.obsm["spatial"] + apart
    joined = anndata.concat({"A": first, "B": second}, label=column, index_unique="-")
    if libraries:
        joined.uns["spatial"] = {name: library(microns_per_pixel=2.0) for name in ("B", "A")}
    return joined


@pytest.fixture
def file(tmp_path):
    def write(adata):
        adata.write_h5ad(tmp_path / "two.h5ad")
        return tmp_path / "two.h5ad"

    return write


@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
@pytest.mark.parametrize("words", [{}, {"libraries": True}, {"column": "sample"}, {"column": "sample", "apart": 1e5}])
def test_names_are_listed_without_reading_a_gene(tmp_path, monkeypatch, words, ending):
    adata = two(**words)
    adata.obsm["X_pca"] = np.zeros((adata.n_obs, 3))
    path = write_anndata(adata, tmp_path / f"two.{ending}")
    expected = held_sections(load_anndata(path)[0], path.name).names or ("two",)
    for reader in ("read_h5ad", "read_zarr"):
        monkeypatch.setattr(anndata.io, reader, lambda _file: pytest.fail("all of it was read"))
    assert sections(path) == expected


@pytest.mark.parametrize("libraries", [False, True])
def test_several_sections_are_offered_by_name(file, libraries):
    path = file(two(libraries=libraries))
    with pytest.raises(SectionChoice, match=r"two\.h5ad holds several sections") as caught:
        open_section(path)
    assert set(caught.value.names) == {"A", "B"}
    assert isinstance(caught.value, ReadingError)
    assert sections(path) == caught.value.names


def test_the_chosen_section_is_what_it_was_alone(file):
    section = open_section(file(two(libraries=True)), section="B")
    alone = lattice_anndata(4, 5)
    assert (section.name, section.n_spots, section.unit) == ("B", 20, "µm")
    np.testing.assert_array_equal(section.matrix.toarray(), alone.X)
    np.testing.assert_allclose(section.spots, alone.obsm["spatial"][:, ::-1] * 2.0)
    assert list(section.adata.uns["spatial"]) == ["B"]
    assert any("B is one of 2 sections" in note for note in section.notes)


def test_an_unknown_section_is_told_with_those_there_are(file):
    with pytest.raises(SectionChoice, match=r"no section of that name.*'C'.*A, B"):
        open_section(file(two()), section="C")


def test_samples_over_each_other_are_sections_and_samples_side_by_side_are_not(file):
    assert set(sections(file(two("sample")))) == {"A", "B"}
    assert sections(file(two("sample", apart=1000.0))) == ("two",)
    assert open_section(file(two("sample", apart=1000.0))).n_spots == 50


def test_a_column_that_names_every_spot_tells_no_sections(file):
    adata = lattice_anndata()
    adata.obs["library_id"] = pd.Categorical(adata.obs_names)
    assert open_section(file(adata)).n_spots == 30


def test_one_section_may_be_called_by_its_name(file):
    path = file(lattice_anndata(uns={"spatial": {"S1": library()}}))
    assert sections(path) == ("S1",)
    assert open_section(path, section="S1").n_spots == 30
    with pytest.raises(SectionChoice, match="no section of that name"):
        open_section(path, section="S2")


def test_a_count_table_is_one_section(tmp_path):
    from written import table_text

    (tmp_path / "a.tsv").write_text(table_text())
    assert sections(tmp_path / "a.tsv") == ("a",)
    assert open_section(tmp_path / "a.tsv", section="a").n_spots == 4
