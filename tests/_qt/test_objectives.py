"""What a fit makes small: chosen in the dock, drawn while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from conceptstain._qt.objective_form import ObjectiveForm
from conceptstain._qt.training_plot import TrainingPlot
from conceptstain.nets.objectives import OBJECTIVES, Objective
from pictures import noise, write_picture
from walking import Walk

pytestmark = pytest.mark.gui

TERMS = ["reconstruction", "divergence", "total correlation", "attention overlap", "attention mass"]


def choose(walk: Walk, box: QComboBox, text: str) -> None:
    """By the keyboard, as one who cannot use a mouse."""
    box.setFocus()
    while box.currentText() != text:
        before = box.currentIndex()
        walk.qtbot.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() > before, text


def shown(form: ObjectiveForm) -> list[str]:
    fields = {"beta": form.beta, "gamma": form.gamma, "weight": form.attention_weight, "layer": form.layer}
    return [name for name, field in fields.items() if not field.isHidden()]


@pytest.fixture
def on_pictures(walk: Walk, tmp_path: Path) -> Walk:
    for number in range(12):
        write_picture(tmp_path / "set" / f"{number}.png", noise(32, 32, seed=number))
    walk.settled(lambda: walk.dock.opening.open(tmp_path / "set"))
    walk.dock.model.unfold()
    assert walk.told == []
    return walk


def test_a_fit_with_attention_draws_a_curve_for_every_term(on_pictures: Walk) -> None:
    walk, model = on_pictures, on_pictures.dock.model
    choose(walk, model.objective.name, "ad-factor-vae")
    model.objective.gamma.setValue(3)
    model.epochs.setValue(3)
    walk.click(model.fit_button)
    encoder = walk.dock.study.encoder
    assert encoder is not None
    told = encoder.card["training"]["objective"]
    assert (told["name"], told["gamma"], told["attention_layer"]) == ("ad-factor-vae", 3, None)

    plot = model.plot
    assert not plot.isHidden()
    names = [plot.choice.itemText(row) for row in range(plot.choice.count())]
    assert names == ["loss", "all terms", *TERMS, "discriminator accuracy"]
    assert [line.get_label() for line in plot.plot.axes.lines] == ["loss", "validation loss"]
    choose(walk, plot.choice, "all terms")
    labels = [line.get_label() for line in plot.plot.axes.lines]
    assert [label.rsplit(" ", 1)[0] for label in labels] == [*TERMS, "discriminator accuracy"]
    choose(walk, plot.choice, "attention overlap")
    (line,) = plot.plot.axes.lines
    assert list(line.get_ydata()) == encoder.card["history"]["terms"]["attention overlap"]
    assert "0 apart" in plot.plot.toolTip()
    assert walk.told == []


def test_only_the_weights_that_count_are_shown_and_only_what_the_network_can_learn_is_offered(
    on_sample: Walk,
) -> None:
    model = on_sample.dock.model
    form = model.objective
    model.unfold()
    expected = [[], ["beta"], ["gamma"], ["gamma", "weight", "layer"]]
    for objective, fields in zip(OBJECTIVES, expected, strict=True):
        form.name.setCurrentText(objective)
        assert shown(form) == fields
    assert form.objective == Objective("ad-factor-vae")
    model.network.setCurrentText("mlp")
    assert form.objective == Objective()
    entries = [form.name.model().item(row) for row in range(4)]
    assert [entry.isEnabled() for entry in entries] == [True, True, True, False]
    assert "no convolution" in entries[3].toolTip()
    model.network.setCurrentText("spots")
    assert [entry.isEnabled() for entry in entries] == [True, False, False, False]
    model.network.setCurrentText("average-pool")
    assert all(entry.isEnabled() for entry in entries)


def test_the_curves_chosen_stay_chosen_in_the_next_training_and_are_forgotten_where_there_are_none(
    on_sample: Walk,
) -> None:
    plot = TrainingPlot()
    on_sample.qtbot.addWidget(plot)
    plot.add({"loss": 2.0, "reconstruction": 1.5, "attention mass": 0.2})
    plot.choice.setCurrentText("attention mass")
    plot.clear()
    for mass in (0.3, 0.1):
        plot.add({"loss": 2.0, "reconstruction": 1.5, "attention mass": mass})
    assert plot.choice.currentText() == "attention mass"
    (line,) = plot.plot.axes.lines
    assert list(line.get_ydata()) == [0.3, 0.1]
    plot.clear()
    plot.add({"loss": 2.0, "reconstruction": 1.5})
    assert plot.choice.currentText() == "loss"
    plot.choice.setCurrentText("all terms")
    assert [line.get_label() for line in plot.plot.axes.lines] == ["reconstruction 1.5"]
