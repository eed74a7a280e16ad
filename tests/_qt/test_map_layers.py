"""Maps as layers of the viewer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Layer, Points

from conceptstain.concepts.definition import Definition
from conceptstain.layer_tuples import layers
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


def test_a_map_painted_over_another_is_coloured_and_drawn_like_one_painted_anew(on_sample: Walk) -> None:
    dock, canvas = on_sample.dock, on_sample.dock.study.need_canvas()
    finding = dock.study.preview(Definition("Penk", items=("Penk",)), "decoded")
    dock.painter.maps.prepare_live()
    dock.painter.maps.show_gene("Doc2g", canvas)
    painted = on_sample.viewer.layers[dock.painter.maps.show(finding, canvas)]
    anew = Layer.create(*layers(finding, canvas)[0])
    np.testing.assert_array_equal(painted.features["value"], anew.features["value"])
    np.testing.assert_array_equal(painted.face_color, anew.face_color)
    assert painted.face_contrast_limits == anew.face_contrast_limits
    assert painted.face_colormap == anew.face_colormap
    drawn = on_sample.viewer.window._qt_viewer.canvas.layer_to_visual[painted].node.points_markers._data
    np.testing.assert_allclose(drawn["a_bg_color"], painted.face_color, atol=1e-6)
