"""Layers that the user deletes."""

from __future__ import annotations

import pytest
from napari.layers import Shapes

from walking import Walk

pytestmark = pytest.mark.gui


def test_spots_put_back_after_the_user_deleted_them_can_be_picked(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.viewer.layers.remove(walk.viewer.layers["simulated bulb - spots"])
    dock.concepts.maker.tabs.setCurrentIndex(1)
    walk.click(dock.concepts.maker.tools["pick"])
    walk.viewer.layers["simulated bulb - spots"].selected_data = {1, 2, 3}
    assert dock.concepts.maker.selected.text() == "3 spots chosen."


def test_layers_that_the_user_deletes_come_back_when_needed(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.viewer.layers.clear()
    walk.make_by_gene("Penk")
    assert "Penk - decoded" in walk.names
    dock.concepts.maker.tabs.setCurrentIndex(1)
    walk.click(dock.concepts.maker.tools["lasso"])
    assert isinstance(walk.viewer.layers["regions"], Shapes)
    assert walk.told == []
