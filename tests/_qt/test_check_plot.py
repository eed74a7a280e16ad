"""The plot of a check."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QColor, QPalette

from conceptstain._qt.check_plot import CheckPlot
from conceptstain.methods.checks import Checked
from conceptstain.methods.randomisation import Randomisation

pytestmark = pytest.mark.gui


def test_a_check_is_drawn_again_in_the_colours_of_another_theme_and_told_in_its_tooltip(qtbot: QtBot) -> None:
    plot = CheckPlot()
    qtbot.addWidget(plot)
    found = Randomisation("guided backpropagation", "Penk", ("mean", "dense"), np.array([[0.9, 0.8], [0.4, 0.3]]))
    plot.draw_check(Checked("randomisation", found, ("0", "1"), 2, "picture"), "#0072b2")
    assert "2  dense" in plot.toolTip()
    palette = QPalette(plot.palette())
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#ff0000"))
    plot.setPalette(palette)
    (threshold,) = (line for line in plot.axes.lines if str(line.get_label()).startswith("stays"))
    assert threshold.get_color() == "#ff0000"
    assert len(plot.axes.lines) == 2
