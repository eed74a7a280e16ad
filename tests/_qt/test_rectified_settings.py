"""The settings of the rectified map."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from conceptstain._qt.rectified_settings import RectifiedSettings
from conceptstain.methods.map_settings import VARIANTS, MapSettings
from conceptstain.methods.maps import map_kind
from conceptstain.methods.saliency import supported_rules
from factories import tiny_encoder
from walking import Walk

pytestmark = pytest.mark.gui


def test_the_rectified_map_is_repainted_with_the_settings_chosen_for_it(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.maps
    walk.judge()
    walk.make_by_gene("Penk")
    assert card.rectified.isHidden()
    walk.settled(lambda: card.choose("rectified"))
    assert not card.rectified.isHidden()
    assert card.latent.isHidden()
    assert walk.names[-1] == "Penk - rectified saliency"
    walk.settled(lambda: card.rectified.percentile.setValue(80))
    walk.settled(card.rectified.padding.click)
    assert walk.names[-1] == "Penk - rectified saliency, q 80, padding"
    assert card.chosen == ("rectified", MapSettings(percentile=80.0, padding=True))
    walk.settled(lambda: card.rectified.variant.setCurrentText("constant"))
    assert card.rectified.percentile.isHidden()
    walk.settled(lambda: card.rectified.threshold.setValue(0.001))
    title = "Penk - rectified saliency, constant, above 0.001, padding"
    assert walk.names[-1] == title
    study = walk.dock.study
    made = map_kind("rectified").make(
        study.need_canvas(), study.need_encoder(), study.concept("Penk"), settings=card.chosen[1]
    )
    painted = walk.viewer.layers[title]
    np.testing.assert_allclose(painted.features["value"], study.need_canvas().place(made.mean()), rtol=1e-6)
    walk.rest()
    beside = study.controls("Penk", "rectified", settings=card.chosen[1])
    assert card.controls.text() == " ".join(beside.sentences)
    walk.settled(lambda: walk.viewer.layers.selection.select_only(walk.viewer.layers["Penk - rectified saliency"]))
    assert card.chosen == ("rectified", MapSettings())
    assert not card.rectified.percentile.isHidden()
    assert walk.told == []


def test_settings_that_the_encoder_does_not_support_are_grey_with_the_reason(qtbot: QtBot) -> None:
    row = RectifiedSettings()
    qtbot.addWidget(row)
    row.show_choice(MapSettings(variant="proportional", padding=True))
    asked: list[None] = []
    row.changed.connect(lambda: asked.append(None))
    row.show_refusals(supported_rules(tiny_encoder((1, 8, 8), kind="dense")))
    proportional = row.variant.model().item(row.variant.findData("proportional"))
    assert not proportional.isEnabled()
    assert "without any MaxPool2d" in proportional.toolTip()
    assert not row.padding.isEnabled()
    assert "without any padded Conv2d" in row.padding.toolTip()
    assert row.settings == MapSettings()
    row.show_refusals(supported_rules(tiny_encoder((1, 8, 8), kind="pooled")))
    assert proportional.isEnabled()
    assert proportional.toolTip() == VARIANTS["proportional"]
    assert row.padding.isEnabled()
    assert asked == []
