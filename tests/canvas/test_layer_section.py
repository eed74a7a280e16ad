from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Image, Labels, Layer, Points, Shapes, Vectors

import conceptstain as cs
from conceptstain.canvas.layer_section import check_layer, check_layer_as_image, open_layer
from conceptstain.canvas.reading import open_section
from conceptstain.errors import InputError
from conceptstain.layer_tuples import layers
from conceptstain.study import Study
from conceptstain.study.hashing import section_fingerprint
from conceptstain.study.saving import open_study
from factories import tiny_section
from strategies import laws
from viewer_layers import KEY, blob_centres, blobs, circles, in_world, named_table, squares, transforms


def scale_of(values: np.ndarray) -> float:
    """What differences are compared with."""
    return float(np.abs(values).max()) + 1.0


def test_the_public_word_opens_a_layer():
    section = cs.open_layer(circles())
    assert (section.name, section.n_spots, section.n_genes) == ("circles", 42, 12)
    assert section.path is None
    assert section.unit == "px"
    assert section.counts == "counts"


@laws
@given(transform=transforms())
def test_spots_lie_where_the_layer_shows_its_points(transform):
    layer = circles(**transform)
    section = open_layer(layer)
    there = in_world(layer, layer.data)
    np.testing.assert_allclose(section.spots, there, rtol=0, atol=1e-9 * scale_of(there))


@laws
@given(transform=transforms())
def test_spots_of_shapes_and_labels_lie_at_their_centres(transform):
    source = tiny_section(jitter=0.0)
    cells = squares(source, **transform)
    there = in_world(cells, source.spots)
    np.testing.assert_allclose(open_layer(cells).spots, there, rtol=0, atol=1e-9 * scale_of(there))
    nuclei = blobs(source, **transform)
    there = in_world(nuclei, blob_centres(source))
    np.testing.assert_allclose(open_layer(nuclei).spots, there, rtol=0, atol=1e-9 * scale_of(there))


@laws
@given(transform=transforms())
def test_our_layers_lie_on_the_layers_they_were_taken_from(transform):
    layer = circles(tiny_section(n_rows=3, n_columns=3), **transform)
    rng = np.random.default_rng(0)
    picture = Image(rng.integers(0, 255, (480, 480, 3), dtype=np.uint8), name="tissue", rgb=True, **transform)
    section = open_layer(layer, image=picture)
    tissue, spots = (Layer.create(*each) for each in layers(section))
    corners = np.array([[0, 0], [0, 479], [479, 0], [479, 479], [3.25, 70.5]])
    there = in_world(picture, corners)
    np.testing.assert_allclose(in_world(tissue, corners), there, rtol=0, atol=1e-9 * scale_of(there))
    there = in_world(layer, layer.data)
    np.testing.assert_allclose(in_world(spots, spots.data), there, rtol=0, atol=1e-9 * scale_of(there))
    np.testing.assert_array_equal(tissue.data, picture.data)


@laws
@given(seed=st.integers(0, 1000))
def test_the_order_of_the_table_changes_nothing_but_the_order(seed):
    source = tiny_section()
    order = np.random.default_rng(seed).permutation(source.n_spots)
    layer = circles(source, named_table(source)[order].copy(), rotate=30, scale=(2, 3))
    section = open_layer(layer)
    np.testing.assert_array_equal(section.matrix.toarray(), source.matrix.toarray()[order])
    np.testing.assert_allclose(section.spots, in_world(layer, layer.data)[order])


@laws
@given(seed=st.integers(0, 1000), rows=st.integers(2, 40), elements=st.integers(30, 42))
def test_what_has_no_partner_is_left_out_and_counted(seed, rows, elements):
    source = tiny_section()
    rng = np.random.default_rng(seed)
    kept_rows = rng.permutation(source.n_spots)[:rows]
    kept = np.sort(rng.permutation(source.n_spots)[:elements])
    table = named_table(source)[kept_rows].copy()
    layer = Points(source.spots[kept], name="some", metadata={"adata": table, "indices": (kept + 100).tolist()})
    both = [row for row in kept_rows if row in kept]
    if len(both) < 2:
        return
    section = open_layer(layer)
    np.testing.assert_allclose(section.spots, source.spots[both])
    np.testing.assert_array_equal(section.matrix.toarray(), source.matrix.toarray()[both])
    told = "\n".join(section.notes)
    assert ("about nothing in the layer" in told) == (len(both) < rows)
    assert ("have no row" in told) == (len(both) < elements)


def test_the_source_is_not_changed_and_may_change_afterwards():
    source = tiny_section()
    layer = circles(source)
    table = layer.metadata["adata"]
    before, columns = table.X.copy(), list(table.obs.columns)
    section = open_layer(layer)
    assert list(table.obs.columns) == columns
    assert (before != table.X).nnz == 0
    layer.data = layer.data[:3]
    table.X.data[:] = 0
    table.obs[KEY] = 0
    np.testing.assert_array_equal(section.matrix.toarray(), source.matrix.toarray())
    np.testing.assert_array_equal(section.spots, source.spots)


@pytest.mark.parametrize(("units", "factor"), [(("um", "um"), 1.0), (("mm", "mm"), 1000.0), (("nm", "nm"), 0.001)])
def test_units_of_length_become_micrometres(units, factor):
    layer = circles(units=units, scale=(2, 2))
    section = open_layer(layer)
    assert section.unit == "µm"
    np.testing.assert_allclose(section.spots, in_world(layer, layer.data) * factor)
    assert section.spot_diameter == pytest.approx(100 * 2 * factor)


def test_a_coordinate_system_called_micrometres_is_believed():
    section = open_layer(circles(metadata={"_current_cs": "micrometers"}))
    assert section.unit == "µm"


def test_normalised_values_are_told_from_counts():
    source = tiny_section()
    table = named_table(source)
    table.X = np.log1p(table.X.toarray())
    assert open_layer(circles(source, table)).counts == "normalised"
    table.layers["counts"] = source.matrix
    section = open_layer(circles(source, table))
    assert section.counts == "counts"
    np.testing.assert_array_equal(section.adata.X.toarray(), source.matrix.toarray())


@pytest.mark.parametrize("with_picture", [False, True])
@pytest.mark.parametrize("settings", [{}, {"translate": (-9000.3, 12.7), "rotate": 33}, {"units": ("um", "um")}])
@pytest.mark.parametrize("symbols", [False, True])
def test_a_saved_study_holds_the_whole_section(tmp_path, with_picture, settings, symbols):
    source = tiny_section()
    table = named_table(source)
    table.obs["odd"] = [1, "a"] * 21
    table.obs["a/b"] = None
    table.uns["odd"] = object()
    if symbols:  # the counts are in raw, under names that are not used
        table.var_names = [f"ENSMUSG{number:011}" for number in range(12)]
        table.var["symbol"] = [f"Gene{number}" for number in range(12)]
        table.raw = table
        table.X = table.X.toarray() - 1
    layer = circles(source, table, **settings)
    picture = Image(np.full((500, 500, 3), 200, dtype=np.uint8), name="he", scale=(4, 4), translate=(-100, -100))
    if with_picture:
        matrix = np.eye(3)
        matrix[:2] = np.array([in_world(layer, np.array([at]))[0] for at in ((1, 0), (0, 1), (0, 0))]).T
        matrix[:2, :2] -= matrix[:2, 2:]
        picture = Image(picture.data, name="he", scale=(4, 4), translate=(-100, -100), affine=matrix, units=layer.units)
    section = open_layer(layer, image=picture if with_picture else None)
    study = Study()
    study.show(section.view("genes"))
    study.save(tmp_path / "study.h5ad")
    for opened in (open_study(tmp_path / "study.h5ad").section, open_section(tmp_path / "study.h5ad")):
        assert opened is not None
        assert section_fingerprint(opened) == section_fingerprint(section)  # a recipe of the saved study replays
        assert opened.unit == section.unit
        assert (opened.image is None) == (not with_picture)
        assert opened.spot_diameter == pytest.approx(section.spot_diameter)
    if with_picture:
        # the tissue lies under the same spots: white beside the turned picture, grey on it
        assert opened.image is not None
        at = (section.spots - opened.image.to_world[:2, 2]) @ np.linalg.inv(opened.image.to_world[:2, :2]).T
        seen = opened.image.pixels[tuple(np.rint(at).astype(int).T)]
        assert (seen == 200).all()


def test_features_of_points_are_genes_where_they_are_numbers():
    source = tiny_section()
    features = source.adata.to_df().reset_index(drop=True).astype(int)
    features["layer"] = source.adata.obs["layer"].to_numpy()
    features["x"] = source.spots[:, 1]
    features["kept"] = True
    layer = Points(source.spots, features=features, name="mine", scale=(3, 3))
    section = open_layer(layer)
    assert list(section.adata.var_names) == list(source.adata.var_names)
    assert set(section.adata.obs.columns) == {"layer", "x", "kept"}
    assert section.annotations["layer"] == ["inner", "outer"]
    np.testing.assert_array_equal(section.matrix.toarray(), source.matrix.toarray())
    assert "Columns taken for annotations: x." in section.notes
    fractions = Points(source.spots, features=features.assign(Gene0=0.5), name="mine")
    assert open_layer(fractions).counts == "normalised"


def test_few_columns_of_numbers_are_genes_only_if_they_are_named():
    source = tiny_section(n_genes=4)
    layer = Points(source.spots, features=source.adata.to_df().reset_index(drop=True), name="mine")
    with pytest.raises(InputError, match=r"holds no genes.*4 columns of numbers.*Gene0"):
        open_layer(layer)
    section = open_layer(layer, genes=["Gene2", "Gene0"])
    assert list(section.adata.var_names) == ["Gene0", "Gene2"]
    with pytest.raises(InputError, match=r"no column of numbers of that name.*'Gene9'"):
        open_layer(layer, genes=["Gene9"])
    with pytest.raises(InputError, match="those of its table"):
        open_layer(circles(), genes=["Gene0"])


def with_table(**changes: object) -> Points:
    source = tiny_section()
    table = named_table(source)
    for column, values in changes.items():
        table.obs[column] = values
    return circles(source, table)


def without(layer: Points, *keys: str) -> Points:
    for key in keys:
        del layer.metadata[key]
    return layer


def keyless(rows: int) -> Points:
    source = tiny_section()
    table = named_table(source)[:rows].copy()
    del table.uns["spatialdata_attrs"]
    layer = circles(source, table)
    return without(layer, "indices", "instance_key", "region_key")


def at_nan() -> Points:
    source = tiny_section()
    source.spots[3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # napari's, about its thumbnail
        return circles(source)


def of_genes(values: object) -> Points:
    source = tiny_section()
    table = named_table(source)
    table.X = np.asarray(table.X.toarray(), dtype=np.float32)
    table.X[0, 0] = values
    return circles(source, table)


def two_sections() -> Points:
    source = tiny_section()
    table = named_table(source)
    table.obs["library_id"] = ["A", "B"] * 21
    return circles(source, table)


BROKEN = {
    "empty points": (lambda: Points(np.empty((0, 2))), "holds no genes"),
    "text alone": (lambda: Points(np.eye(2), features={"a": ["x", "y"]}), "0 columns of numbers"),
    "no row is about it": (lambda: with_table(**{KEY: 5000}), "No row of the table is about anything"),
    "two rows for one": (lambda: with_table(**{KEY: [100, *range(100, 141)]}), "several rows for one"),
    "too few names": (lambda: circles(metadata={"indices": [1, 2, 3]}), "3 names for 42 points"),
    "names twice": (lambda: circles(metadata={"indices": [100] * 42}), "several points of one name"),
    "no names": (lambda: without(circles(), "indices"), "cannot be matched"),
    "no key and other numbers": (lambda: keyless(41), "41 rows, 42 points without names"),
    "no such key": (
        lambda: circles(adata=without_column(), metadata={"instance_key": "gone"}),
        "lacks the column that says",
    ),
    "other regions": (
        lambda: with_table(region=["a", "b"] * 21),
        "about several regions, none of them this layer",
    ),
    "points in a volume": (lambda: Points(np.zeros((5, 3))), "does not lie in a plane"),
    "labels in a volume": (lambda: Labels(np.zeros((3, 4, 5), dtype=int)), "does not lie in a plane"),
    "no position": (at_nan, "does not say where its points lie"),
    "a value missing": (lambda: of_genes(np.nan), "values that are not numbers"),
    "a negative value": (lambda: of_genes(-1), "negative values"),
    "one place": (lambda: circles(scale=(1e-320, 1)), "lies nowhere"),
    "lengths and seconds": (lambda: circles(units=("um", "s")), "plane of lengths"),
    "several sections": (two_sections, "holds several sections"),
    "a picture": (lambda: Image(np.zeros((4, 4))), "is a picture"),
    "arrows": (lambda: Vectors(np.zeros((3, 2, 2))), "Only layers of points"),
    "our own": (lambda: Layer.create(*layers(tiny_section())[0]), "Concept Stain's own"),
    "transcripts": (lambda: circles(adata=named_table(tiny_section())[:, :0].copy()), "has no genes"),
    "no layer": (lambda: "circles", "a layer of str"),
    "an empty table": (lambda: circles(adata=named_table(tiny_section())[:0].copy()), "No row of the table"),
    "no outlines": (
        lambda: Shapes(None, metadata={"adata": named_table(tiny_section()), "indices": []}),
        "No row of the table",
    ),
    "no labels": (
        lambda: Labels(np.zeros((9, 9), dtype=int), metadata={"adata": named_table(tiny_section())}),
        "0 labels",
    ),
}


def without_column():
    table = named_table(tiny_section())
    del table.uns["spatialdata_attrs"]
    return table


@pytest.mark.parametrize("what", BROKEN)
def test_a_layer_that_cannot_be_taken_is_refused_in_three_parts(what):
    make, words = BROKEN[what]
    with pytest.raises(InputError, match=words) as caught:
        open_layer(make())
    assert caught.value.what
    assert caught.value.got
    assert caught.value.cure


def test_rows_are_taken_in_order_only_where_nothing_says_otherwise():
    section = open_layer(keyless(42))
    assert "in the order of the points" in "\n".join(section.notes)
    np.testing.assert_array_equal(section.matrix.toarray(), tiny_section().matrix.toarray())


def test_names_are_found_in_the_features_or_in_the_data_the_layer_was_made_from():
    source = tiny_section()
    order = np.random.default_rng(0).permutation(source.n_spots)
    table = named_table(source)[order].copy()
    told = without(circles(source, table), "indices")
    told.features = pd.DataFrame({KEY: np.arange(source.n_spots) + 100.0})

    class Data:
        shapes = {"circles": pd.DataFrame(index=np.arange(source.n_spots) + 100)}  # noqa: RUF012

    made = without(circles(source, table, metadata={"sdata": Data()}), "indices")
    for layer in (told, made):
        np.testing.assert_allclose(open_layer(layer).spots, source.spots[order])


def test_the_rows_of_other_regions_are_left_out():
    source = tiny_section()
    table = named_table(source)
    table.obs["region"] = ["circles"] * 30 + ["others"] * 12
    section = open_layer(circles(source, table))
    assert section.n_spots == 30
    assert "The rows are those of circles (obs['region'])." in section.notes


def test_spots_are_as_large_as_napari_draws_the_points():
    assert open_layer(circles(scale=(2, 2))).spot_diameter == pytest.approx(200)
    turned = np.array([[0.0, -2.0, 5.0], [2.0, 0.0, 5.0], [0.0, 0.0, 1.0]])
    assert open_layer(circles(affine=turned)).spot_diameter == pytest.approx(100)  # places alone
    assert open_layer(circles(affine=turned, units=("mm", "mm"))).spot_diameter == pytest.approx(100_000)


def test_points_drawn_over_each_other_become_spots_that_do_not():
    layer = circles()
    layer.size = 1000
    section = open_layer(layer)
    assert section.spot_diameter < 120
    assert "larger than their spacing" in "\n".join(section.notes)


def test_spots_beside_the_tissue_are_left_out():
    source = tiny_section()
    table = named_table(source)
    table.obs["in_tissue"] = [0, *[1] * 41]
    section = open_layer(circles(source, table))
    np.testing.assert_array_equal(section.spots, source.spots[1:])
    assert section.matrix.shape[0] == section.n_spots == 41


def test_whether_a_layer_can_be_taken_is_known_without_reading_it():
    assert check_layer(circles()).kind == "points"
    with pytest.raises(InputError, match="no genes"):
        check_layer(Points(np.eye(2)))
    assert check_layer_as_image(Image(np.zeros((4, 4, 3)), rgb=True)).rgb
    with pytest.raises(InputError, match="not a picture"):
        check_layer_as_image(circles())


def test_a_picture_that_lies_elsewhere_is_refused():
    picture = Image(np.zeros((4, 4, 3), dtype=np.uint8), name="he", rgb=True, translate=(1e6, 0))
    with pytest.raises(InputError, match="No spot lies on the image he"):
        open_layer(circles(), image=picture)


def test_a_size_of_a_pixel_moves_spots_and_counts_alike(tmp_path):
    section = open_layer(circles(), image=Image(np.zeros((400, 400, 3), dtype=np.uint8), scale=(5, 5))).in_micrometres(
        0.5
    )
    study = Study()
    study.show(section.view("genes"))
    study.save(tmp_path / "study.h5ad")
    opened = open_study(tmp_path / "study.h5ad").section
    assert opened is not None
    assert opened.image is not None
    assert opened.unit == "µm"
    np.testing.assert_array_equal(opened.spots, section.spots)
    np.testing.assert_allclose(open_section(tmp_path / "study.h5ad").spots, section.spots)
    np.testing.assert_allclose(opened.image.to_world[:2, 2], section.image.to_world[:2, 2], atol=3)
