"""Records: what is written down is what was meant, and nothing else is accepted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from conceptstain.canvas.region import PickedSpots, Polygon, Region
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, MismatchError
from conceptstain.study.record import first_error
from conceptstain.study.records import Tables, TablesRecord
from conceptstain.study.region_record import RegionRecord
from factories import tiny_section
from strategies import laws, reordered

section = tiny_section()
finite = st.floats(-1e6, 1e6, allow_nan=False)
texts = st.text(min_size=1, max_size=20)
weights = st.floats(-9, 9).filter(lambda weight: abs(weight) > 1e-6)


@st.composite
def regions(draw):
    """How to make a region: the making itself is checked at random places, which strategies must not be."""
    kind = draw(st.sampled_from(["polygon", "obs", "picked"]))
    name = draw(texts)
    if kind == "obs":
        value = draw(st.sampled_from(["inner", "outer"]))
        return lambda: Region.from_obs("layer", value, name)
    if kind == "picked":
        picked = tuple(sorted(draw(st.sets(st.integers(0, 41), min_size=1))))
        return lambda: Region(name, PickedSpots(picked))
    corners = st.lists(st.tuples(finite, finite), min_size=3, max_size=6)
    outlines = draw(st.lists(corners, min_size=1, max_size=3))
    holes = draw(st.one_of(st.just(()), st.just(tuple(draw(st.lists(corners, max_size=2)) for _ in outlines))))
    return lambda: Region(
        name,
        Polygon(
            tuple(np.array(outline) for outline in outlines),
            tuple(tuple(np.array(hole) for hole in each) for each in holes),
        ),
    )


@st.composite
def definitions(draw):
    kind = draw(st.sampled_from(["like", "items", "region", "unit"]))
    made = {
        "like": texts,
        "items": st.lists(texts, min_size=1, max_size=4).map(tuple),
        "region": regions(),
        "unit": st.integers(0, 9),
    }
    name, neighbours, what = draw(st.text(max_size=20)), draw(st.integers(1, 99)), draw(made[kind])
    return lambda: Definition(name, neighbours=neighbours, **{kind: what() if kind == "region" else what})


@laws
@given(parts=st.lists(st.tuples(weights, definitions()), min_size=1, max_size=3), name=texts)
def test_any_definition_is_the_same_after_being_written_down(parts, name):
    whole = Definition(name, combined=tuple((weight, make()) for weight, make in parts))
    tables = Tables(section)
    key = tables.definition(whole)
    written = tables.record.model_dump_json()
    again = TablesRecord.model_validate_json(written).made(section)[key]
    assert again.name == whole.name
    for (weight, part), (its_weight, its_part) in zip(whole.combined, again.combined, strict=True):
        assert weight == its_weight
        for word in ("name", "like", "items", "form", "neighbours", "unit", "space"):
            assert getattr(part, word) == getattr(its_part, word)
        if part.region is not None:
            mine, theirs = part.region.selector, its_part.region.selector
            for outline, its_outline in zip(
                getattr(mine, "outlines", ()), getattr(theirs, "outlines", ()), strict=True
            ):
                np.testing.assert_array_equal(outline, its_outline)
            assert str(mine) == str(theirs)
            assert len(getattr(mine, "holes", ())) == len(getattr(theirs, "holes", ()))
            np.testing.assert_array_equal(mine.choose(section), theirs.choose(section))


def test_definitions_of_one_region_share_it_again():
    region = Region.from_obs("layer", "inner")
    tables = Tables(section)
    keys = [tables.definition(Definition(name, region=region)) for name in ("a", "a", "b")]
    assert keys == ["a", "a (2)", "b"]
    made = tables.record.made(section)
    assert made["a"].region is made["b"].region
    assert made["a"].has_same_source(made["b"])


def test_picked_spots_are_found_by_their_barcodes_in_any_order():
    region = Region.from_mask("picked", np.arange(42) < 7)
    record = RegionRecord.of(region, section)
    turned = reordered(section, np.arange(42)[::-1])
    chosen = record.made(turned).choose(turned)
    assert set(turned.adata.obs_names[chosen]) == set(section.adata.obs_names[:7])


def test_a_region_of_another_section_is_told():
    record = RegionRecord.of(Region.from_mask("picked", np.arange(42) < 7), section)
    other = tiny_section(3, 3)
    with pytest.raises(MismatchError, match=r"Spots of the region 'picked' are not in this section\. Got \d of 7"):
        record.made(other)
    by_layer = RegionRecord.of(Region.from_obs("layer", "inner"), section)
    with pytest.raises(MismatchError, match="is of other spots here"):
        by_layer.made(other)
    bare = section.adata.copy()
    del bare.obs["layer"]
    with pytest.raises(MismatchError, match="is not on this section"):
        by_layer.made(replace(section, adata=bare))


def test_outlines_in_other_units_are_refused():
    drawn = RegionRecord.of(Region.from_polygon("drawn", np.array([[0.0, 0], [0, 900], [900, 0]])), section)
    with pytest.raises(MismatchError, match=r"in other units\. Got µm for a section in px"):
        drawn.made(replace(section, unit="px"))


def test_a_region_that_chooses_nothing_now_is_kept_all_the_same():
    record = RegionRecord.of(Region.from_obs("cluster", "7"), section)
    assert record.barcodes is None
    assert str(record.made(section).selector) == "cluster = 7"


def test_a_selector_of_another_kind_cannot_be_written_down():
    class Mine:
        def choose(self, section):
            return np.ones(section.n_spots, dtype=bool)

    with pytest.raises(InputError, match="chosen that way cannot be written down"):
        RegionRecord.of(Region("mine", Mine()), section)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"surprise": 1}, "surprise"),
        ({"barcodes": 7}, "barcodes"),
        ({"name": "n" * 10_001}, "name"),
        ({"chosen": {"kind": "python", "code": "1"}}, "chosen"),
        ({"chosen": {"kind": "polygon", "unit": "µm", "outlines": [[[0, 0], [1, float("nan")], [2, 2]]]}}, "outlines"),
        ({"chosen": {"kind": "polygon", "unit": "inch", "outlines": []}}, "unit"),
    ],
)
def test_a_word_too_many_or_of_the_wrong_kind_is_told_with_its_place(change, where):
    record = {"name": "r", "chosen": {"kind": "picked"}, "barcodes": ["1x1"], **change}
    with pytest.raises(ValidationError) as raised:
        RegionRecord.model_validate(record)
    assert where in first_error(raised.value)


def test_negatives_and_what_a_region_has_to_cover_are_written_down():
    tables = Tables(section)
    wanted = Definition("it", items=("Gene1",), form="contrast", against=("Gene2", "Gene3"), least_covered=0.8)
    key = tables.definition(wanted)
    again = TablesRecord.model_validate_json(tables.record.model_dump_json()).made(section)[key]
    assert again.against == wanted.against
    assert again.least_covered == wanted.least_covered
    assert again.has_same_source(wanted)


def test_of_painted_labels_the_spots_that_they_choose_are_written_down():
    labels = np.zeros((3, 4), dtype=int)
    labels[1, 1:3] = 5
    to_world = np.diag([400.0, 400.0, 1.0])
    region = Region.from_labels("five", labels, 5, to_world=to_world)
    chosen = region.choose(section)
    again = RegionRecord.model_validate_json(RegionRecord.of(region, section).model_dump_json()).made(section)
    np.testing.assert_array_equal(again.choose(section), chosen)
    expected = (np.abs(section.spots[:, 0] - 400) <= 200) & (np.abs(section.spots[:, 1] - 600) <= 400)
    np.testing.assert_array_equal(chosen, expected)
