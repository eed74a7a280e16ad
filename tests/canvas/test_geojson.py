from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.canvas.geojson import regions_from_geojson, regions_to_geojson
from conceptstain.canvas.reading import open_section
from conceptstain.canvas.region import Region
from conceptstain.canvas.section import TissueImage
from conceptstain.errors import InputError, ReadingError
from factories import tiny_section
from strategies import laws
from written import lattice_anndata, write_image


def square(low: float, high: float) -> list[list[float]]:
    return [[low, low], [high, low], [high, high], [low, high], [low, low]]


def feature(coordinates, kind="Polygon", **properties):
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "id": "1", "geometry": geometry, "properties": properties}


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


def placed_section(per_pixel: float = 2.0):
    """36 spots at 10, 30, ... 110 units."""
    section = tiny_section(6, 6, jitter=0.0)
    spots = np.stack(np.divmod(np.arange(36), 6), axis=1) * 20.0 + 10
    image = TissueImage(
        np.zeros((30, 30, 3), dtype=np.uint8), np.array([[per_pixel, 0, 1], [0, per_pixel, 1], [0, 0, 1.0]])
    )
    return replace(section, spots=spots, image=image)


def test_an_outline_in_pixels_chooses_the_spots_under_it():
    (region,) = regions_from_geojson(collection(feature([square(0, 20)], name="corner")), scale=2.0)
    assert region.name == "corner"
    assert np.flatnonzero(region.choose(placed_section())).tolist() == [0, 1, 6, 7]


def test_x_comes_first():
    wide = [[0, 0], [60, 0], [60, 10], [0, 10], [0, 0]]
    (region,) = regions_from_geojson(feature([wide]), scale=2.0)
    assert np.flatnonzero(region.choose(placed_section())).tolist() == [0, 1, 2, 3, 4, 5]


def test_spots_in_a_hole_are_left_out_and_an_island_in_it_is_not():
    shape = [[square(0, 50), square(10, 40)], [square(20, 30)]]
    (region,) = regions_from_geojson(feature(shape, "MultiPolygon", name="ring"), scale=2.0)
    chosen = region.choose(placed_section()).reshape(6, 6)
    expected = np.zeros((6, 6), dtype=bool)
    expected[:5, :5] = True
    expected[1:4, 1:4] = False
    expected[2, 2] = True
    assert chosen.tolist() == expected.tolist()
    assert str(region.selector) == "2 drawn outlines with 1 hole"


def test_names_come_before_classes_and_areas_of_one_name_are_one_region():
    content = collection(
        feature([square(0, 20)], classification={"name": "Tumor", "color": [200, 0, 0]}),
        feature([square(40, 60)], classification={"name": "Tumor"}),
        feature([square(20, 40)], name="edge", classification={"name": "Tumor"}),
        feature([square(20, 40)]),
    )
    regions = regions_from_geojson(content, scale=2.0)
    assert [region.name for region in regions] == ["Tumor", "edge", "region 4"]
    assert len(regions[0].selector.outlines) == 2


@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: [f], collection, lambda f: f["geometry"]])
def test_every_way_to_write_one_area_reads_the_same(wrap):
    region = Region.from_geojson(wrap(feature([square(0, 20)])), scale=2.0)
    assert region.choose(placed_section()).sum() == 4


def test_the_image_of_the_section_gives_the_scale():
    content = feature([square(0, 20)], name="corner")
    by_image = Region.from_geojson(content, section=placed_section())
    by_scale = Region.from_geojson(content, scale=2.0)
    np.testing.assert_allclose(by_image.selector.outlines[0], by_scale.selector.outlines[0])


def test_outlines_on_an_image_that_was_reduced_are_of_the_whole_image(tmp_path, monkeypatch):
    monkeypatch.setattr("conceptstain.canvas.tissue_image.LONGEST_SIDE", 200)
    lattice_anndata().write_h5ad(tmp_path / "a.h5ad")
    section = open_section(tmp_path / "a.h5ad", image=write_image(tmp_path / "he.png", 240, 260))
    assert section.image.reduction == 2
    region = Region.from_geojson(feature([square(0, 110)]), section=section)
    np.testing.assert_allclose(region.selector.outlines[0], np.array(square(0, 110))[:4, ::-1])


def test_without_a_name_all_areas_are_one_region(tmp_path):
    content = collection(feature([square(0, 20)], name="a"), feature([square(40, 60)], name="b"))
    (tmp_path / "drawn.geojson").write_text(json.dumps(content), encoding="utf-8-sig")
    region = Region.from_geojson(tmp_path / "drawn.geojson", scale=2.0)
    assert region.name == "drawn"
    assert region.choose(placed_section()).sum() == 8
    assert Region.from_geojson(tmp_path / "drawn.geojson", "b", scale=2.0).choose(placed_section()).sum() == 4
    with pytest.raises(InputError, match=r"'c'.*a, b"):
        Region.from_geojson(tmp_path / "drawn.geojson", "c", scale=2.0)


@laws
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100), n_holes=st.integers(0, 2))
def test_what_is_written_is_read_again(seed, scale, n_holes):
    rng = np.random.default_rng(seed)
    rings = [rng.uniform(0, 1e4, (rng.integers(3, 9), 2)).tolist() for _ in range(n_holes + 1)]
    (region,) = regions_from_geojson(feature(rings, name="é"), scale=scale)
    (again,) = regions_from_geojson(json.loads(json.dumps(regions_to_geojson([region], scale=scale))), scale=scale)
    assert again.name == "é"
    np.testing.assert_allclose(again.selector.outlines[0], region.selector.outlines[0])
    for hole, before in zip(again.selector.holes[0], region.selector.holes[0], strict=True):
        np.testing.assert_allclose(hole, before)


def test_a_file_is_written_whole_and_closed_as_geojson_asks(tmp_path):
    region = Region.from_polygon("drawn", np.array([[0, 0], [0, 10], [10, 10.0]]))
    content = regions_to_geojson([region], tmp_path / "out.geojson", section=placed_section())
    assert json.loads((tmp_path / "out.geojson").read_text()) == content
    (ring,) = content["features"][0]["geometry"]["coordinates"]
    assert ring == [[0, 0], [5, 0], [5, 5], [0, 0]]
    with pytest.raises(InputError, match="exists already"):
        regions_to_geojson([region], tmp_path / "out.geojson", scale=1.0)


def test_regions_that_are_not_drawn_have_no_outline():
    with pytest.raises(InputError, match="has no outline"):
        regions_to_geojson([Region.from_obs("layer", "inner")], scale=1.0)


def test_outlines_need_a_scale():
    content = feature([square(0, 20)])
    for settings in ({}, {"section": replace(placed_section(), image=None)}):
        with pytest.raises(InputError, match="need a scale"):
            regions_from_geojson(content, **settings)
    with pytest.raises(InputError, match="cannot have that scale"):
        regions_from_geojson(content, scale=0.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (feature([[0, 0], [1, 1]], "LineString", name="line"), "no area.*'line', of type LineString"),
        (feature([5, 5], "Point"), "no area"),
        ({"type": "Feature", "geometry": None}, "no area"),
        (feature([[[0, 0], [1, 1], [0, 0]]]), "encloses nothing"),
        (feature([[[0, 0], [float("nan"), 1], [1, 1]]]), "encloses nothing"),
        (feature([[[0, 0], ["a", 1], [1, 1]]]), "cannot be read as GeoJSON"),
        (collection(), "no areas"),
        ({"type": "Topology"}, "not GeoJSON"),
        ([], "no areas"),
        ({"a": 1}, "not GeoJSON"),
    ],
)
def test_what_is_no_area_is_refused_with_the_cure(content, message):
    with pytest.raises(ReadingError, match=message) as caught:
        regions_from_geojson(content, scale=1.0)
    assert caught.value.cure


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe{", b"[" * 100_000, b"<html>"])
def test_a_file_that_is_no_geojson_is_named(tmp_path, text):
    (tmp_path / "a.geojson").write_bytes(text)
    with pytest.raises(ReadingError, match=r"a\.geojson"):
        regions_from_geojson(tmp_path / "a.geojson", scale=1.0)
    with pytest.raises(ReadingError, match="no file gone"):
        regions_from_geojson(tmp_path / "gone.geojson", scale=1.0)


def test_outlines_that_were_drawn_on_a_slide_lie_where_it_lies():
    place = np.array([[0.5, 0, 100.0], [0, 0.25, -40.0], [0, 0, 1]])
    slide = cs.open(np.zeros((8, 8), dtype=np.uint8), as_="slide", to_world=place, unit="µm")
    square = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 2], [0, 2], [0, 0]]]}
    (region,) = regions_from_geojson(square, slide=slide)
    corners = [(y - 0.5, x - 0.5) for x, y in ((0, 0), (4, 0), (4, 2), (0, 2))]
    np.testing.assert_allclose(region.selector.outlines[0], np.array(corners) * (0.5, 0.25) + (100, -40))
    (back,) = regions_to_geojson([region], slide=slide)["features"]
    assert back["geometry"] == square
