"""Outlines: with their concept through all that becomes of it, and moved by the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Shapes

from conceptstain.canvas.region import Polygon, Region
from conceptstain.concepts.definition import Definition
from walking import Walk

pytestmark = pytest.mark.gui


def outlines(walk: Walk) -> list[str]:
    regions = walk.viewer.layers["regions"]
    assert len(regions.data) == len(regions.features)
    return [str(owner) for owner in regions.features["concept"]]


def test_an_outline_follows_its_concept_through_renaming_deleting_and_undo(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.click(dock.concepts.maker.make_button)
    drawn = np.asarray(walk.viewer.layers["regions"].data[0])
    assert outlines(walk) == ["region"]
    dock.concepts.list.item(0).setText("granule")
    assert outlines(walk) == ["granule"]
    walk.settled(lambda: dock.concepts.choose("granule"))
    walk.click(dock.concepts.remove_button)
    assert outlines(walk) == []
    walk.click(dock.concepts.undo_button)
    assert outlines(walk) == ["granule"]
    np.testing.assert_allclose(walk.viewer.layers["regions"].data[0], drawn, atol=1e-3)
    dock.study.recolour("granule", "#009E73")
    np.testing.assert_allclose(walk.viewer.layers["regions"].edge_color[0][:3], [0, 0x9E / 255, 0x73 / 255], atol=1e-3)


def test_an_outline_not_yet_made_into_a_concept_outlives_changes_of_the_list(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.make_by_gene("Penk")
    assert outlines(walk) == [""]
    assert not dock.concepts.maker.selected.text().startswith("No spots")
    walk.click(dock.concepts.maker.clear_button)
    assert outlines(walk) == []


def test_a_moved_outline_moves_its_concept_and_undo_moves_it_back(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    section = dock.study.need_canvas().section
    centre = section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 700.0)
    walk.click(dock.concepts.maker.make_button)
    walk.rest()
    before = dock.study.entry("region").definition
    values = np.array(walk.viewer.layers["region - decoded"].features["value"])
    regions = walk.viewer.layers["regions"]
    walk.viewer.layers.selection.active = regions
    regions.mode = "select"
    y, x = float(centre[0]), float(centre[1])
    walk.drag((y, x), (y, x), (y, x + 400), (y, x + 800), (y, x + 1200))
    walk.rest()
    after = dock.study.entry("region").definition
    assert not after.has_same_source(before)
    assert after.region is not None
    moved = after.region.choose(section)
    assert section.spots[moved, 1].mean() > x + 800
    assert walk.names.count("region - decoded") == 1
    now = np.array(walk.viewer.layers["region - decoded"].features["value"])
    assert not np.allclose(now, values)
    assert [finding.concept.definition for finding in dock.study.findings if finding.concept] == [after]
    walk.click(dock.concepts.undo_button)
    walk.rest()
    np.testing.assert_allclose(walk.viewer.layers["region - decoded"].features["value"], values, atol=1e-5)
    outline = np.asarray(walk.viewer.layers["regions"].data[0])
    assert outline[:, 1].mean() == pytest.approx(x, abs=100)
    assert walk.told == []


def test_an_outline_moved_off_the_tissue_goes_back(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    y, x = float(centre[0]), float(centre[1])
    walk.draw_lasso((y, x), 500.0)
    walk.click(dock.concepts.maker.make_button)
    before = dock.study.entry("region").definition
    regions = walk.viewer.layers["regions"]
    regions.selected_data = {0}
    regions._data_view.shift(0, np.array([9000.0, 0.0]))
    walk.settled(
        lambda: regions.events.data(value=regions.data, action="changed", data_indices=(0,), vertex_indices=((),))
    )
    assert "has no spot in it" in walk.told[0]
    assert dock.study.entry("region").definition is before
    assert np.asarray(regions.data[0])[:, 0].mean() == pytest.approx(y, abs=100)


def with_a_hole(walk: Walk) -> tuple[Shapes, float, float]:
    """A concept of a wide ring around the middle of the sample; its layer of outlines, and the middle."""
    y, x = (float(each) for each in walk.dock.study.need_canvas().section.spots.mean(axis=0))
    region = Region("ring", Polygon((circle(y, x, 1100.0),), ((circle(y, x, 400.0),),)))
    walk.settled(lambda: walk.dock.study.add(Definition("ring", region=region)))
    walk.settled(lambda: walk.dock.concepts.choose("ring"))
    regions = walk.viewer.layers["regions"]
    walk.viewer.layers.selection.active = regions
    regions.mode = "select"
    return regions, y, x


def circle(y: float, x: float, radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.array([y, x]) + radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)


def drawn(walk: Walk) -> Polygon:
    region = walk.dock.study.entry("ring").definition.region
    assert region is not None
    assert isinstance(region.selector, Polygon)
    return region.selector


def test_a_moved_outline_takes_its_holes_along_and_undo_takes_them_back(on_sample: Walk) -> None:
    walk = on_sample
    _, y, x = with_a_hole(walk)
    before = drawn(walk)
    walk.drag((y, x + 750), (y, x + 750), (y, x + 850), (y, x + 950), (y, x + 1050))  # between the rim and the hole
    walk.rest()
    after = drawn(walk)
    shift = after.outlines[0].mean(axis=0) - before.outlines[0].mean(axis=0)
    assert shift[1] == pytest.approx(300, abs=60)
    assert len(after.holes[0]) == 1
    np.testing.assert_allclose(after.holes[0][0] - before.holes[0][0], np.tile(shift, (24, 1)), atol=0.01)  # float32
    chosen = after.choose(walk.dock.study.need_canvas().section)
    expected = walk.dock.study.preview(walk.dock.study.entry("ring").definition, "decoded")
    painted = walk.viewer.layers["ring - decoded"].features["value"]
    np.testing.assert_allclose(painted, walk.dock.study.need_canvas().place(expected.mean()), atol=1e-5)
    walk.click(walk.dock.concepts.undo_button)
    walk.rest()
    assert drawn(walk) is before
    assert (before.choose(walk.dock.study.need_canvas().section) != chosen).any()
    assert outlines(walk) == ["ring", "ring"]
    assert walk.told == []


def test_a_hole_is_moved_by_itself(on_sample: Walk) -> None:
    walk = on_sample
    _, y, x = with_a_hole(walk)
    before = drawn(walk)
    walk.drag((y, x), (y, x), (y + 100, x), (y + 200, x), (y + 300, x))
    walk.rest()
    after = drawn(walk)
    np.testing.assert_allclose(after.outlines[0], before.outlines[0])
    shift = after.holes[0][0] - before.holes[0][0]
    assert shift[:, 0].mean() == pytest.approx(300, abs=60)
    np.testing.assert_allclose(shift[:, 1], 0, atol=60)
    assert walk.told == []


def test_an_outline_that_was_only_clicked_takes_its_holes_along_still(on_sample: Walk) -> None:
    walk = on_sample
    regions, y, x = with_a_hole(walk)
    walk.drag((y, x + 750), (y, x + 750))
    assert set(regions.selected_data) == {0, 1}


def test_an_outline_removed_in_the_viewer_takes_its_holes_along(on_sample: Walk) -> None:
    regions, _, _ = with_a_hole(on_sample)
    regions.selected_data = {0}
    regions.remove_selected()
    assert outlines(on_sample) == []
