"""Maps as layers of the viewer."""

from __future__ import annotations

import pytest
from napari.layers import Points

from walking import Walk

pytestmark = pytest.mark.gui


def test_a_map_is_updated_in_place(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.make_by_gene("Doc2g")
    count = len(walk.viewer.layers)
    before = walk.viewer.layers["Penk - decoded"]
    walk.settled(lambda: dock.concepts.choose("Penk"))
    assert len(walk.viewer.layers) == count
    assert walk.viewer.layers["Penk - decoded"] is before
    assert before.visible
    assert not walk.viewer.layers["Doc2g - decoded"].visible


def test_the_map_that_is_seen_is_the_layer_that_is_chosen(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.make_by_gene("Doc2g")
    walk.settled(lambda: dock.concepts.choose("Penk"))
    assert walk.viewer.layers.selection.active.name == "Penk - decoded"
    seen = [layer.name for layer in walk.viewer.layers if layer.visible and isinstance(layer, Points)]
    assert seen == ["Penk - decoded"]
    assert walk.viewer.layers["Penk - decoded"].face_colorbar.visible


def test_bare_spots_are_seen_again_when_no_map_is_left(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.click(dock.concepts.remove_button)
    assert walk.viewer.layers["simulated bulb - spots"].visible
    assert dock.maps.state == "make a concept first"
    walk.click(dock.concepts.undo_button)
    assert dock.concepts.chosen_name == "Penk"
    assert not walk.viewer.layers["simulated bulb - spots"].visible
