"""A painted map is put to a check."""

from __future__ import annotations

import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from conceptstain._qt import work
from conceptstain.errors import InputError
from conceptstain.methods.checks import CHECKS, Checked
from conceptstain.methods.faithfulness import Sensitivity
from conceptstain.progress import Report, Step
from walking import Walk

pytestmark = pytest.mark.gui


def paint(walk: Walk, key: str) -> None:
    walk.settled(lambda: walk.dock.maps.choose(key))


def offered(walk: Walk) -> dict[str, bool]:
    choice = walk.dock.maps.check.choice
    return {str(choice.itemData(row)): choice.model().item(row).isEnabled() for row in range(choice.count())}


def fail(**_arguments: object) -> None:
    raise InputError("It cannot be", got="this", cure="Do that")


def at_once(**_arguments: object) -> Checked:
    noise = np.array([0.1, 0.2])
    return Checked("sensitivity", Sensitivity("Penk", noise, 0.02, noise), ("Penk", "Meis2"), 2, "gene")


def endless(*, report: Report, **_arguments: object) -> None:
    while True:
        report(Step(1, 3, "Laying noise on the inputs"))
        time.sleep(0.01)


def test_each_check_shows_a_plot_and_says_what_the_library_says(on_sample: Walk) -> None:
    walk, row, study = on_sample, on_sample.dock.maps.check, on_sample.dock.study
    walk.make_by_gene("Penk")
    paint(walk, "gradient")
    assert row.plot.isHidden()
    assert row.sentence.isHidden()
    for number, kind in enumerate(CHECKS):
        row.choice.setCurrentIndex(number)
        assert row.choice.toolTip() == kind.explanation
        walk.click(row.button)
        found = kind.make("gradient", study.need_canvas(), study.need_encoder(), study.concept("Penk"))
        assert row.sentence.text() == found.sentence
        assert not row.plot.isHidden()
        assert row.progress.isHidden()
    walk.dock.maps.high.setValue(walk.dock.maps.high.value() / 2)
    assert not row.plot.isHidden(), "other colours are no other map"
    assert walk.told == []


def test_what_was_found_goes_when_another_map_is_painted(on_sample: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    walk, row = on_sample, on_sample.dock.maps.check
    monkeypatch.setattr(work, "check_map", at_once)
    walk.make_by_gene("Penk")
    paint(walk, "gradient")
    for paint_another in (
        lambda: walk.dock.maps.choose("guided"),
        lambda: walk.viewer.layers.selection.select_only(walk.viewer.layers["Penk - gradient saliency"]),
        lambda: walk.make_by_gene("Doc2g"),
        walk.dock.concepts.undo_button.click,
    ):
        walk.click(row.button)
        assert not row.plot.isHidden()
        walk.settled(paint_another)
        assert row.plot.isHidden()
        assert row.sentence.isHidden()
    assert walk.told == []


def test_a_map_is_not_put_to_a_check_that_says_nothing_about_it(
    on_sample: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, row = on_sample, on_sample.dock.maps.check
    walk.make_by_layer("GCL")
    paint(walk, "decoded")
    assert offered(walk) == {"randomisation": False, "perturbation": True, "sensitivity": False}
    assert row.choice.currentData() == "perturbation"
    assert "the decoder draws it" in row.choice.model().item(0).toolTip()
    walk.click(row.button)
    assert "Asked at 16 genes of" in row.sentence.text()
    paint(walk, "gradient")
    assert all(offered(walk).values())
    monkeypatch.setattr(work, "check_map", fail)
    walk.click(row.button)
    assert row.sentence.text().startswith("Not checked: It cannot be")
    assert row.plot.isHidden()
    assert row.button.isEnabled()
    assert walk.told == []


def test_a_check_that_runs_ends_by_cancel_or_by_another_map(on_sample: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    walk, row = on_sample, on_sample.dock.maps.check
    monkeypatch.setattr(work, "check_map", endless)
    walk.make_by_gene("Penk")
    for end in (lambda: walk.click(row.cancel_button), lambda: paint(walk, "gradient")):
        walk.qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
        assert not row.button.isEnabled()
        walk.qtbot.waitUntil(lambda: row.progress.format() == "Laying noise on the inputs")
        assert (row.progress.value(), row.progress.maximum()) == (1, 3)
        end()
        assert row.button.isEnabled()
        assert row.cancel_button.isHidden()
        assert row.plot.isHidden()
    assert "Penk - gradient saliency" in walk.names
    assert walk.told == []
