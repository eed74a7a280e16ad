"""Concepts are made in the dock: of genes, of picked spots, of an annotation, of each other."""

from __future__ import annotations

import numpy as np
import pytest

from conceptstain._qt.concept_maker import genes_in
from walking import Walk

pytestmark = pytest.mark.gui


def test_picked_spots_and_annotations_make_concepts_too(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    layer = dock.study.need_canvas().section.adata.obs["layer"].astype(str)
    dock.concepts.maker.tabs.setCurrentIndex(1)
    walk.click(dock.concepts.maker.tools["pick"])
    spots = walk.viewer.layers["simulated bulb - spots"]
    spots.selected_data = set(np.flatnonzero(layer == "GCL")[:12])
    assert dock.concepts.maker.selected.text() == "12 spots chosen."
    walk.click(dock.concepts.maker.make_button)
    dock.concepts.maker.tabs.setCurrentIndex(2)
    dock.concepts.maker.column.setCurrentText("layer")
    dock.concepts.maker.value.setCurrentText("ONL")
    walk.click(dock.concepts.maker.make_button)
    assert walk.concept_names == ["region", "ONL"]
    assert walk.told == []


def test_what_cannot_be_made_is_told_and_never_listed(on_sample: Walk) -> None:
    for text, told in (
        ("Pennk", "no gene of that name. Got 'Pennk'. Did you mean"),
        ("", "is made of nothing"),
        ("Penk, Nope1", "'Nope1'"),
    ):
        on_sample.told.clear()
        on_sample.dock.concepts.maker.genes.clear()
        on_sample.make_by_gene(text)
        assert len(on_sample.told) == 1, text
        assert told in on_sample.told[0]
        assert on_sample.concept_names == []


def test_making_a_concept_of_nothing_drawn_is_told(on_sample: Walk) -> None:
    on_sample.dock.concepts.maker.tabs.setCurrentIndex(1)
    on_sample.click(on_sample.dock.concepts.maker.make_button)
    assert "No spots are chosen" in on_sample.told[0]


def test_genes_are_told_apart_however_they_are_listed(on_sample: Walk) -> None:
    for text in ("Penk, Doc2g", "Penk Doc2g", "Penk; Doc2g;", "Penk,Doc2g,Penk"):
        on_sample.make_by_gene(text)
        assert on_sample.concept_names == ["Penk, Doc2g"], text
        assert on_sample.dock.study.entries[0].definition.items == ("Penk", "Doc2g")
        on_sample.click(on_sample.dock.concepts.remove_button)
        assert on_sample.concept_names == []


def test_a_known_name_with_spaces_is_one_gene() -> None:
    assert genes_in("T cell receptor, Penk Doc2g", {"T cell receptor"}) == ("T cell receptor", "Penk", "Doc2g")


def test_concepts_are_duplicated_combined_and_compared(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.concepts
    walk.judge()
    walk.make_by_gene("Penk")
    assert not card.combine_button.isEnabled()
    walk.make_by_gene("Doc2g")
    card.combinations.aboutToShow.emit()
    offered = card.combinations.actions()
    assert [action.text() for action in offered] == ["Doc2g \N{MINUS SIGN} Penk", "Doc2g + Penk"]
    walk.settled(offered[0].trigger)
    assert walk.concept_names == ["Penk", "Doc2g", "Doc2g - Penk"]
    assert walk.names[-1] == "Doc2g - Penk - decoded"
    walk.rest()
    assert card.list.remark("Doc2g - Penk") == "not tested"
    assert "evidence of each part" in card.evidence.text()
    walk.click(card.duplicate_button)
    assert walk.concept_names[-1] == "Doc2g - Penk 2"
    walk.click(card.undo_button)
    walk.click(card.compare_button)
    walk.rest()
    cosines = walk.dock.study.cosines()
    assert not card.cosines.isHidden()
    assert card.cosines.item(0, 1).text() == f"{cosines.iloc[0, 1]:.2f}"
    walk.click(card.remove_button)
    walk.rest()
    assert card.cosines.rowCount() == 2
    walk.click(card.compare_button)
    assert card.cosines.isHidden()
    assert walk.told == []
