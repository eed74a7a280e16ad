from __future__ import annotations

import shutil
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy
from scipy.sparse import csc_matrix, csr_matrix

from conceptstain.canvas.reading import open_section
from conceptstain.errors import InputError, ReadingError
from written import lattice_anndata, library, mark_in_world, write_image, write_zarr


@pytest.fixture
def opened(tmp_path):
    def write_and_open(adata, **options):
        adata.write_h5ad(tmp_path / "section.h5ad")
        return open_section(tmp_path / "section.h5ad", **options)

    return write_and_open


def with_library(**factors: float):
    return lattice_anndata(uns={"spatial": {"S1": library(**factors)}})


def told(section, words: str) -> bool:
    return any(words in note for note in section.notes)


def test_the_size_of_a_pixel_in_the_file_gives_micrometres(opened):
    adata = with_library(microns_per_pixel=2.5, spot_diameter_fullres=22.0)
    section = opened(adata)
    assert (section.name, section.unit, section.pitch) == ("S1", "µm", None)
    assert section.spot_diameter == 55.0
    np.testing.assert_allclose(section.spots, adata.obsm["spatial"][:, ::-1] * 2.5)
    assert told(section, "2.5 µm per pixel")


def test_a_visium_slide_is_told_by_its_spots_and_their_distance(opened):
    section = opened(with_library(spot_diameter_fullres=26.0))
    assert section.unit == "µm"
    assert section.spot_diameter == pytest.approx(65)
    assert told(section, "65 µm spots of a Visium slide")


@pytest.mark.parametrize("diameter", [20.0, 28.0])
def test_spots_at_another_distance_are_no_visium_slide(opened, diameter):
    section = opened(with_library(spot_diameter_fullres=diameter))
    assert (section.unit, section.spot_diameter) == ("px", diameter)
    assert told(section, "lengths are in pixels")


def test_a_file_of_positions_alone_opens_in_pixels_and_says_so(opened):
    section = opened(lattice_anndata())
    assert (section.name, section.unit, section.image, section.spot_diameter) == ("section", "px", None, 20.0)
    assert told(section, "lengths are in pixels")
    assert told(section, "half as wide as their spacing")


def test_the_image_in_the_file_lies_under_the_spots_to_the_pixel(opened):
    # The spot in row 2, column 3 is at (100.5, 140.5) at full size: pixel (50, 70) at half the size.
    image = np.full((120, 130, 3), 255, dtype=np.uint8)
    image[50, 70] = 0
    adata = lattice_anndata(uns={"spatial": {"S1": library(image, 0.5, microns_per_pixel=2.0)}})
    section = opened(adata)
    spot = section.spots[2 * 6 + 3]
    mark = mark_in_world(section.image.pixels, section.image.to_world)
    # A pixel is 4 µm: the middle of pixel 50 is at 50.5 * 4 = 202 µm, the spot at 100.5 * 2 = 201 µm.
    np.testing.assert_allclose(mark - spot, [1.0, 1.0])


def test_an_image_given_beside_the_file_lies_under_the_spots(opened, tmp_path):
    path = write_image(tmp_path / "he.png", 240, 260, marks=[(100, 140)])
    section = opened(lattice_anndata(), image=path)
    np.testing.assert_allclose(mark_in_world(section.image.pixels, section.image.to_world), section.spots[2 * 6 + 3])
    assert told(section, "taken as the full-size image")
    half = write_image(tmp_path / "half.png", 120, 130, marks=[(50, 70)])
    section = opened(lattice_anndata(), image=half, image_scale=0.5)
    np.testing.assert_allclose(mark_in_world(section.image.pixels, section.image.to_world), section.spots[15] + 0.5)


def test_an_image_the_spots_do_not_lie_on_is_noticed(opened):
    tiny = np.zeros((4, 4, 3), dtype=np.uint8)
    with pytest.raises(ReadingError, match=r"No spot lies on the image in section\.h5ad"):
        opened(lattice_anndata(uns={"spatial": {"S1": library(tiny)}}))


def test_the_low_resolution_image_stands_in_and_what_is_left_out_is_said(opened):
    content = library(spot_diameter_fullres=10.0)
    content["images"] = {"hires": np.zeros((300, 300, 2)), "lowres": np.full((150, 150, 3), 0.5)}
    content["scalefactors"] |= {"tissue_hires_scalef": 1.0, "tissue_lowres_scalef": 0.5}
    section = opened(lattice_anndata(uns={"spatial": {"S1": content}}))
    assert section.image.pixels.shape == (150, 150, 3)
    assert told(section, "The hires image of section.h5ad is not an RGB image, so it is left out.")


def test_an_image_without_its_scale_is_left_out_and_it_is_said(opened):
    content = library(np.zeros((300, 300, 3), dtype=np.uint8))
    del content["scalefactors"]["tissue_hires_scalef"]
    section = opened(lattice_anndata(uns={"spatial": {"S1": content}}))
    assert section.image is None
    assert told(section, "has no tissue_hires_scalef, so it is left out")


@pytest.mark.parametrize("container", [np.asarray, csr_matrix, csc_matrix])
def test_dense_and_sparse_counts_read_the_same(opened, container):
    values = np.random.default_rng(1).poisson(1.0, (30, 4)).astype(np.float64)
    section = opened(lattice_anndata(X=container(values)))
    assert section.counts == "counts"
    assert section.matrix.dtype == np.float32
    assert section.matrix.nnz == np.count_nonzero(values)
    np.testing.assert_array_equal(section.matrix.toarray(), values)


def test_counts_come_from_the_layer_of_that_name(opened):
    adata = lattice_anndata()
    counts = adata.X.copy()
    adata.layers["counts"] = counts
    adata.X = np.log1p(counts)
    section = opened(adata)
    assert section.counts == "counts"
    np.testing.assert_array_equal(section.matrix.toarray(), counts)


def test_counts_come_from_raw_where_x_is_scaled_and_it_is_said(opened):
    adata = lattice_anndata()
    counts = adata.X.copy()
    adata.raw = adata
    adata = adata[:, [2, 0]].copy()
    adata.X = counts[:, [2, 0]] - 3.5
    section = opened(adata)
    np.testing.assert_array_equal(section.matrix.toarray(), counts[:, [2, 0]])
    assert told(section, "Counts are read from raw.X")


def test_normalised_values_are_used_and_it_is_said(opened):
    section = opened(lattice_anndata(X=np.random.default_rng(0).uniform(0, 4, (30, 4))))
    assert section.counts == "normalised"
    assert told(section, "X does not hold whole numbers")


def test_values_that_do_not_look_like_logarithms_are_pointed_out(opened):
    section = opened(lattice_anndata(X=np.random.default_rng(0).uniform(0, 4000, (30, 4))))
    assert told(section, "do not look like logarithms")


def test_spots_beside_the_tissue_are_left_out_and_it_is_said(opened):
    adata = lattice_anndata()
    adata.obs["in_tissue"] = [0, 0, 0] + [1] * 27
    section = opened(adata)
    assert section.n_spots == 27
    assert len(section.spots) == section.matrix.shape[0] == 27
    assert told(section, "3 spots beside the tissue left out")


def test_the_description_in_the_file_comes_first(opened):
    section = opened(lattice_anndata(uns={"description": "A simulated section."}))
    assert section.notes[0] == "A simulated section."


def broken(change):
    adata = lattice_anndata()
    change(adata)
    return adata


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.obsm.pop("spatial"), r"where its spots lie.*nothing in it"),
        (lambda a: a.obsm.update(spatial=np.ones((30, 3))), "does not hold positions.*30 x 3"),
        (lambda a: a.obsm.update(spatial=np.full((30, 2), np.nan)), "does not hold positions.*some missing"),
        (lambda a: a.obsm.update(spatial=np.ones((30, 2))), "several spots at one place"),
        (lambda a: setattr(a, "X", a.X - 10), r"X of section\.h5ad has negative values.*Open raw counts"),
        (lambda a: setattr(a, "X", a.X * np.nan), r"X of section\.h5ad has values that are not numbers"),
        (lambda a: setattr(a, "X", a.X * 0), "No gene is expressed"),
        (lambda a: setattr(a, "X", None), "no expression matrix"),
        (lambda a: a.uns.update(spatial={"S1": library(), "S2": library()}), r"several sections.*S1, S2.*one file"),
        (lambda a: a.obs.insert(0, "in_tissue", 0), "no spot on the tissue"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_cure(opened, change, message):
    with pytest.raises(ReadingError, match=message) as caught:
        opened(broken(change))
    assert "section.h5ad" in str(caught.value)
    assert caught.value.cure


@pytest.mark.filterwarnings("ignore:.*names are not unique")
def test_repeated_spots_are_refused(opened):
    adata = lattice_anndata()
    names = adata.obs_names.tolist()
    adata.obs_names = pd.Index([names[1], *names[1:]])
    with pytest.raises(ReadingError, match=r"more than once.*1 repeated"):
        opened(adata)


def test_a_damaged_matrix_is_refused_and_not_followed_beyond_its_end(opened, tmp_path):
    adata = lattice_anndata(X=csr_matrix(lattice_anndata().X))
    path = tmp_path / "section.h5ad"
    adata.write_h5ad(path)
    with h5py.File(path, "a") as file:
        file["X"]["indices"][0] = 1_000_000_000
    with pytest.raises(ReadingError, match=r"section\.h5ad cannot be read"):
        open_section(path)


@pytest.mark.parametrize("factor", ["much", np.inf, np.nan, np.ones(2)])
def test_a_scale_factor_that_is_no_number_counts_as_absent(opened, factor):
    adata = lattice_anndata(uns={"spatial": {"S1": library()}})
    adata.uns["spatial"]["S1"]["scalefactors"] = {"microns_per_pixel": factor}
    assert opened(adata).unit == "px"


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    path = tmp_path / "section.tsv"
    path.write_text("\tA\n1x1\t2\n", encoding="utf-8")

    def refuse(*_args, **_settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ReadingError, match=r"section\.tsv cannot be read. Got Permission denied"):
        open_section(path)


def test_one_spot_is_an_error(opened):
    with pytest.raises(ReadingError, match="fewer than two spots"):
        opened(lattice_anndata()[:1].copy())


def test_a_layer_of_counts_comes_first_and_what_else_there_is_is_told(opened):
    adata = lattice_anndata()
    adata.layers["raw_counts"] = adata.X + 0.5
    section = opened(adata)
    assert section.notes[0] == "Counts are read from X: its values are whole numbers."
    assert told(section, 'layers["raw_counts"] is not used: its values are not whole numbers.')


def test_logarithms_are_told_by_what_scanpy_writes_down(opened):
    adata = lattice_anndata()
    scanpy.pp.normalize_total(adata)
    scanpy.pp.log1p(adata)
    section = opened(adata)
    assert section.counts == "normalised"
    assert told(section, 'uns["log1p"]')


def test_symbols_from_a_column_find_their_counts_in_raw(opened):
    adata = lattice_anndata()
    adata.var_names = [f"ENSG0000000000{index}" for index in range(4)]
    adata.var["symbol"] = ["Th", "Penk", "Omp", "Th"]
    adata.raw = adata
    counts = adata.X[:, [1, 3, 0]]
    adata = adata[:, [1, 3, 0]].copy()
    adata.X = adata.X - 0.5
    section = opened(adata)
    assert section.adata.var_names.tolist() == ["Penk", "Th", "Th-1"]
    np.testing.assert_array_equal(section.matrix.toarray(), counts)


def test_a_column_of_gene_names_can_be_asked_for(opened):
    adata = lattice_anndata()
    adata.var["mine"] = list("ABCD")
    assert opened(adata, gene_names="mine").adata.var_names.tolist() == list("ABCD")


@pytest.mark.parametrize("container", [np.asarray, csr_matrix, csc_matrix])
@pytest.mark.parametrize(("packed", "version"), [(False, 2), (False, 3), (True, 2), (True, 3)])
def test_a_zarr_folder_reads_as_the_h5ad_file_does(opened, tmp_path, container, packed, version):
    image = np.full((120, 130, 3), 255, dtype=np.uint8)
    adata = lattice_anndata(uns={"spatial": {"S1": library(image, 0.5, microns_per_pixel=2.0)}})
    adata.X = container(adata.X)
    expected = opened(adata)
    path = write_zarr(adata, tmp_path / "section.zarr", version=version)
    if packed:
        shutil.make_archive(str(path), "zip", root_dir=tmp_path, base_dir=path.name)
        path = tmp_path / "section.zarr.zip"
    section = open_section(path)
    assert (section.name, section.notes) == (expected.name, expected.notes)
    np.testing.assert_array_equal(section.matrix.toarray(), expected.matrix.toarray())
    np.testing.assert_array_equal(section.image.to_world, expected.image.to_world)


def test_positions_may_be_text_with_decimal_commas(opened):
    adata = lattice_anndata()
    x, y = adata.obsm.pop("spatial").T
    adata.obs["x"] = [f"{value:.1f}".replace(".", ",") for value in x]
    adata.obs["y"] = pd.Categorical([f"{value:.1f}" for value in y])
    section = opened(adata)
    np.testing.assert_allclose(section.spots, np.stack([y, x], axis=1))
    assert told(section, "decimal commas")
    assert told(section, "Positions are read from obs['x'] and obs['y']")


def test_a_file_that_is_no_h5ad_is_named(tmp_path):
    path = tmp_path / "page.h5ad"
    path.write_text("<html>not found</html>")
    with pytest.raises(ReadingError, match=r"page\.h5ad is not an \.h5ad file"):
        open_section(path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_truncated_file_is_named(tmp_path, part):
    path = tmp_path / "cut.h5ad"
    lattice_anndata().write_h5ad(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(ReadingError, match=r"cut\.h5ad cannot be read.*cut off"):
        open_section(path)


def test_an_alignment_file_does_not_go_with_h5ad(opened, tmp_path):
    with pytest.raises(InputError, match="takes no alignment file"):
        opened(lattice_anndata(), alignment=tmp_path / "a.txt")


def test_a_scale_without_an_image_is_an_error(opened):
    with pytest.raises(InputError, match="no image to place"):
        opened(lattice_anndata(), image_scale=0.5)


@pytest.mark.parametrize("compressed", [csr_matrix, csc_matrix])
def test_a_gene_read_by_its_pointers_is_what_anndata_reads_from_the_file(compressed, opened, tmp_path):
    values = np.random.default_rng(1).uniform(0.5, 3, (30, 4)).astype(np.float32)
    values[values < 1.5] = 0
    canvas = opened(lattice_anndata(X=compressed(values))).view("genes")
    backed = anndata.read_h5ad(tmp_path / "section.h5ad", backed="r")
    for gene, name in enumerate(canvas.item_names):
        np.testing.assert_array_equal(canvas.expressed(gene), backed[:, name].X.toarray()[:, 0])
    backed.file.close()


@pytest.mark.parametrize("told", [[3.0, -4.0], [np.nan, 0.0], [1.0, 2.0, 3.0], ["a", "b"], {"y": 1}])
def test_positions_are_counted_from_where_the_file_says_and_no_nonsense_is_believed(opened, told):
    plain = opened(lattice_anndata())
    counted = told if isinstance(told, dict) else np.array(told)
    section = opened(lattice_anndata(uns={"conceptstain_origin": counted}))
    by = np.array([3.0, -4.0]) if told == [3.0, -4.0] else 0.0
    np.testing.assert_array_equal(section.spots, plain.spots + by)
