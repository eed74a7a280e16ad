"""The plot of a check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from conceptstain._qt.check_plot import CheckPlot
from conceptstain.methods.checks import Checked
from conceptstain.methods.faithfulness import Perturbation, Sensitivity
from conceptstain.methods.randomisation import ALIKE, Randomisation

pytestmark = pytest.mark.gui


def forgotten(*correlations: float, items: int = 4) -> Randomisation:
    rows = np.outer(correlations, np.ones(items)) + np.linspace(-0.05, 0.05, items)
    return Randomisation("guided backpropagation", "Penk", ("mean", "dense", "conv"), rows)


def checked(result: Any, gradient: Randomisation | None = None) -> Checked:
    return Checked("", result, ("0",), 1, "picture", gradient)


def curves(plot: CheckPlot) -> dict[str, list[float]]:
    return {str(line.get_label()): list(np.asarray(line.get_ydata())) for line in plot.axes.lines}


def names(plot: CheckPlot) -> list[str]:
    return [text.get_text() for text in plot.axes.get_legend().get_texts()]


@pytest.fixture
def plot(qtbot: QtBot) -> CheckPlot:
    made = CheckPlot()
    qtbot.addWidget(made)
    return made


def test_correlations_fall_from_one_beside_the_threshold_and_the_gradient(plot: CheckPlot) -> None:
    plot.draw_check(checked(forgotten(0.9, 0.8, -0.3), forgotten(0.1, 0.05, 0.0)), "#0072b2")
    drawn = curves(plot)
    np.testing.assert_allclose(drawn["this map"], [1, 0.925 - 0.025, 0.8, -0.3])
    np.testing.assert_allclose(drawn["gradient"], [1, 0.1, 0.05, 0], atol=1e-12)
    assert drawn[f"stays above {ALIKE}"] == [ALIKE, ALIKE]
    assert plot.axes.get_ylim()[0] <= -0.3
    assert "2  dense" in plot.toolTip()
    plot.draw_check(checked(forgotten(0.9, 0.8, 0.7, items=1)), "#0072b2")
    assert "gradient" not in names(plot)


def test_scores_stand_beside_those_of_random_orders(plot: CheckPlot) -> None:
    parts = np.linspace(0, 1, 3)
    rows = [np.array([each, each], dtype=float) for each in ([3, 1, 0], [0, 2, 3], [3, 2, 0], [0, 1, 3])]
    plot.draw_check(checked(Perturbation("Penk", parts, *rows)), "#0072b2")
    drawn = curves(plot)
    assert drawn["deletion"] == [3, 1, 0]
    assert drawn["insertion"] == [0, 2, 3]
    assert names(plot) == ["deletion", "insertion", "random order"]


@pytest.mark.parametrize("items", [1, 5])
def test_changes_stand_beside_the_noise_itself(plot: CheckPlot, items: int) -> None:
    changes = np.linspace(0.1, 0.3, items)
    plot.draw_check(checked(Sensitivity("Penk", changes, 0.02, np.full(items, 0.01))), "#0072b2")
    (mean,) = (line for line in plot.axes.lines if line.get_label() == "mean")
    np.testing.assert_allclose(mean.get_xdata(), changes.mean())
    assert names(plot) == ["noise itself", "change of the map", "mean"]
