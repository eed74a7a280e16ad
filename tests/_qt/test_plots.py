"""Plots in the dock."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import (
    QApplication,
)

from walking import Walk

pytestmark = pytest.mark.gui


def test_plots_follow_the_theme(on_sample: Walk) -> None:
    walk, bar = on_sample, on_sample.dock.maps.bar
    walk.make_by_gene("Penk")
    before = bar.figure.get_facecolor()
    walk.viewer.theme = "light"
    QApplication.processEvents()
    assert sum(bar.figure.get_facecolor()[:3]) > sum(before[:3]) + 1
