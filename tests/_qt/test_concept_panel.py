"""The list of concepts: renamed, deleted, brought back."""

from __future__ import annotations

import pytest

from walking import Walk

pytestmark = pytest.mark.gui


def test_concepts_are_renamed_deleted_and_brought_back(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.make_by_gene("Doc2g")
    dock.concepts.list.item(0).setText("granule")
    assert walk.concept_names == ["granule", "Doc2g"]
    assert "granule - decoded" in walk.names
    walk.settled(lambda: dock.concepts.choose("granule"))
    walk.click(dock.concepts.remove_button)
    assert walk.concept_names == ["Doc2g"]
    assert "granule - decoded" not in walk.names
    walk.click(dock.concepts.undo_button)
    assert walk.concept_names == ["granule", "Doc2g"]
    walk.click(dock.concepts.undo_button)
    assert walk.concept_names == ["Penk", "Doc2g"]
    walk.click(dock.concepts.redo_button)
    assert walk.concept_names == ["granule", "Doc2g"]


def test_the_neighbour_of_a_deleted_concept_is_shown_and_undo_shows_it_again(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.make_by_gene("Doc2g")
    walk.click(dock.concepts.remove_button)
    assert dock.concepts.chosen_name == "Penk"
    assert dock.maps.state == "Penk - decoded"
    walk.click(dock.concepts.undo_button)
    assert dock.concepts.chosen_name == "Doc2g"
    assert walk.viewer.layers["Doc2g - decoded"].visible
