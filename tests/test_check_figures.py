"""What is drawn of a check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from conceptstain.check_figures import check_figure
from conceptstain.figures import save_figure
from conceptstain.methods.checks import Checked
from conceptstain.methods.faithfulness import Perturbation, Sensitivity
from conceptstain.methods.randomisation import ALIKE, Randomisation


def forgotten(*correlations: float, items: int = 4) -> Randomisation:
    rows = np.outer(correlations, np.ones(items)) + np.linspace(-0.05, 0.05, items if items > 1 else 2)[:items]
    return Randomisation("guided backpropagation", "Penk", ("mean", "dense", "conv"), rows)


def drawn(result: Any, gradient: Randomisation | None = None) -> Axes:
    (axes,) = check_figure(Checked("", result, ("0",), 1, "picture", gradient), title="Penk").axes
    return axes


def curves(axes: Axes) -> dict[str, list[float]]:
    return {str(line.get_label()): list(np.asarray(line.get_ydata())) for line in axes.lines}


def names(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_correlations_fall_from_one_beside_the_threshold_and_the_gradient() -> None:
    axes = drawn(forgotten(0.9, 0.8, -0.3), forgotten(0.1, 0.05, 0.0))
    shown = curves(axes)
    np.testing.assert_allclose(shown["this map"], [1, 0.9, 0.8, -0.3])
    np.testing.assert_allclose(shown["gradient"], [1, 0.1, 0.05, 0], atol=1e-12)
    assert shown[f"stays above {ALIKE}"] == [ALIKE, ALIKE]
    assert axes.get_ylim()[0] <= -0.3
    alone = drawn(forgotten(0.9, 0.8, -0.7, items=1))
    assert "gradient" not in names(alone)
    assert alone.get_ylim()[0] <= -0.7


def test_scores_stand_beside_those_of_random_orders() -> None:
    parts = np.linspace(0, 1, 3)
    rows = [np.array([each, each], dtype=float) for each in ([3, 1, 0], [0, 2, 3], [3, 2, 0], [0, 1, 3])]
    axes = drawn(Perturbation("Penk", parts, *rows))
    assert curves(axes)["deletion"] == [3, 1, 0]
    assert curves(axes)["insertion"] == [0, 2, 3]
    assert names(axes) == ["deletion", "insertion", "random order"]


@pytest.mark.parametrize("items", [1, 5])
def test_changes_stand_beside_the_noise_itself(items: int) -> None:
    changes = np.linspace(0.1, 0.3, items)
    axes = drawn(Sensitivity("Penk", changes, 0.02, np.full(items, 0.01)))
    (mean,) = (line for line in axes.lines if line.get_label() == "mean")
    np.testing.assert_allclose(mean.get_xdata(), changes.mean())
    assert names(axes) == ["noise itself", "change of the map", "mean"]


def test_equal_figures_are_equal_files_with_live_text(tmp_path: Path) -> None:
    checked = Checked("randomisation", forgotten(0.9, 0.8, 0.7), ("0",), 1, "picture")
    one, other = (save_figure(check_figure(checked, title="Penk $1"), tmp_path / f"{each}.svg") for each in "ab")
    assert one.read_bytes() == other.read_bytes()
    assert "Penk $1" in one.read_text(encoding="utf-8")
