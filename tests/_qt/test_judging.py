"""Concepts are tested and maps compared with controls while nobody waits."""

from __future__ import annotations

import pytest

from conceptstain.concepts.sentences import evidence_words
from walking import Walk

pytestmark = pytest.mark.gui


def test_every_concept_gets_its_evidence_while_nobody_waits(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.concepts
    walk.judge()
    walk.make_by_layer("GCL")
    walk.rest()
    alone = walk.dock.study.known_evidence("GCL")
    assert alone is not None
    assert card.list.remark("GCL") == evidence_words(alone)
    assert card.evidence.text() == alone.sentence
    assert not card.histogram.isHidden()
    walk.make_by_gene("Penk")
    walk.rest()
    told = card.evidence.text()
    assert "genes" in told
    assert "corrected for 2 concepts" in told
    walk.settled(lambda: card.choose("GCL"))
    assert "corrected for 2 concepts" in card.evidence.text()


def test_a_concept_that_cannot_be_tested_says_why(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.concepts
    walk.judge()
    card.maker.tabs.setCurrentIndex(1)
    walk.click(card.maker.tools["pick"])
    walk.viewer.layers["simulated bulb - spots"].selected_data = {1, 2}
    walk.click(card.maker.make_button)
    walk.rest()
    assert walk.told == []
    assert card.list.remark("region") == "not tested"
    assert "too few on one side" in card.evidence.text()
    assert card.histogram.isHidden()


def test_a_map_stands_beside_its_controls(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.maps
    walk.judge()
    walk.make_by_layer("MCL")
    walk.rest()
    controls = walk.dock.study.controls("MCL", "decoded")
    assert card.controls.text() == " ".join(controls.sentences)
    assert [text.get_text() for text in card.controls_plot.axes.get_yticklabels()] == [
        "this map",
        *(control.name for control in controls.controls),
    ]
    walk.settled(lambda: card.map.setCurrentIndex(card.map.findData("gradient")))
    assert card.controls.text() == "comparing with controls…"
    walk.rest()
    assert card.controls.text() == " ".join(walk.dock.study.controls("MCL", "gradient").sentences)
