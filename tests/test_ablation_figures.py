"""What is drawn of units that are put out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from classes import fitted_to_parts
from conceptstain.ablation_figures import ablation_figure
from conceptstain.errors import InputError
from conceptstain.figures import save_figure
from conceptstain.methods.ablating import ablation_curves
from conceptstain.methods.ablation_curves import AblationCurves


@cache
def curves() -> AblationCurves:
    classifier, canvas, labels = fitted_to_parts()
    return ablation_curves(classifier, "relu2", canvas, labels, numbers=(1, 3, 6), draws=2, rotations=2)


def lines(axes: Axes) -> dict[str, list[float]]:
    return {str(line.get_label()): np.asarray(line.get_ydata(), dtype=float).tolist() for line in axes.lines}


def test_the_means_of_all_choices_are_drawn_over_the_number_of_units() -> None:
    left, _ = ablation_figure(curves()).axes
    shown = lines(left)
    assert set(shown) == {
        f"{choice} {done}"
        for choice in ("important units", "rotated axes", "random units")
        for done in ("removed", "kept")
    }
    assert shown["important units removed"] == curves().mean("removed", "important", "IoU")["value"].tolist()
    assert len(shown["random units kept"]) == 3
    assert left.get_ylabel() == "IoU, mean of 3 classes"


def test_every_class_is_drawn_with_all_and_without_so_many_units_the_best_told_on_top() -> None:
    _, right = ablation_figure(curves(), measure="balanced accuracy", number=3).axes
    names = [text.get_text() for text in right.get_yticklabels()]
    whole = [curves().of_class(name, "removed", "important", "balanced accuracy").loc[0, "value"] for name in names]
    assert whole == sorted(whole)
    upright = [line.get_xdata() for line in right.lines if len(set(np.asarray(line.get_xdata()).tolist())) == 1]
    drawn = {round(float(np.asarray(each)[0]), 9) for each in upright}
    assert {round(float(value), 9) for value in whole} <= drawn
    assert right.get_xlabel() == "balanced accuracy without 3 units; line: with all"


@pytest.mark.parametrize("options", [{"number": 2}, {"measure": "accuracy"}])
def test_what_was_not_measured_is_not_drawn(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        ablation_figure(curves(), **options)


def test_the_same_curves_give_the_same_file(tmp_path: Path) -> None:
    one, other = (save_figure(ablation_figure(curves(), title="Parts $1"), tmp_path / f"{each}.svg") for each in "ab")
    assert one.read_bytes() == other.read_bytes()
    assert "Parts $1" in one.read_text()
