"""Maps: which one is painted, which one the cards are about, and in what colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from napari.layers import Points
from qtpy.QtCore import Qt

from conceptstain.canvas.reading import open_section
from factories import tiny_profile_encoders
from walking import Walk, write_section

pytestmark = pytest.mark.gui


def test_limits_typed_in_the_card_are_those_of_the_layer(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    painted = walk.viewer.layers["Penk - decoded"]
    assert isinstance(painted, Points)
    suggested = painted.face_contrast_limits
    dock.maps.high.setValue(0.5 * suggested[1])
    assert painted.face_contrast_limits[1] == pytest.approx(0.5 * suggested[1], rel=1e-2)
    assert dock.study.findings[0].colour_limits == pytest.approx(painted.face_contrast_limits)
    walk.click(dock.maps.reset_button)
    assert painted.face_contrast_limits == pytest.approx(suggested)
    assert dock.study.findings[0].colour_limits is None


def test_limits_in_the_wrong_order_are_told_and_change_nothing(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    painted = walk.viewer.layers["Penk - decoded"]
    before = painted.face_contrast_limits
    dock.maps.high.setValue(dock.maps.low.value() - 1)
    assert "lower colour limit" in walk.told[0]
    assert painted.face_contrast_limits == before


def test_a_result_for_a_section_that_was_closed_is_not_shown(on_sample: Walk, tmp_path: Path) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    other = open_section(write_section(tmp_path / "other.h5ad")).view("genes")
    stain = dock.staining.stain()
    assert stain is not None
    assert stain.ended.wait(30)  # returned, but not delivered yet
    walk.settled(lambda: dock.opening._show(other))
    assert dock.study.findings == ()
    assert walk.told == []


def test_limits_of_a_renamed_map_can_still_be_set(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.settled(lambda: dock.concepts.list.item(0).setText("granule"))
    assert dock.maps.state == "granule - decoded"
    dock.maps.high.setValue(0.5 * dock.maps.high.value())
    painted = walk.viewer.layers["granule - decoded"]
    assert isinstance(painted, Points)
    assert painted.face_contrast_limits[1] == pytest.approx(dock.maps.high.value(), rel=1e-2)


def test_a_map_chosen_with_the_keyboard_stays_chosen(walk: Walk) -> None:
    walk.click(walk.dock.data.sample_button)
    walk.make_by_gene("Penk")
    assert walk.names[-1] == "Penk - gene mean"
    card = walk.dock.maps
    card.map.setFocus()
    while card.map.currentData() != "gradient":
        walk.settled(lambda: walk.qtbot.keyClick(card.map, Qt.Key.Key_Down))
    assert walk.names[-1] == "Penk - gradient saliency"
    assert card.chosen[0] == "gradient"
    walk.make_by_gene("Doc2g")
    assert walk.names[-1] == "Doc2g - gradient saliency"


def test_a_score_against_a_concept_that_is_gone_is_painted_anew(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    canvas = dock.study.need_canvas().section.view("spots", n_genes=20)
    dock.study.use_for_spots(canvas, tiny_profile_encoders(canvas.features, 1))
    dock.maps.choose("spot-score")
    walk.make_by_layer("GCL")
    walk.make_by_layer("MCL")
    assert walk.names[-1] == "MCL - spot score, against GCL"
    walk.settled(lambda: dock.concepts.list.item(0).setText("granule"))
    walk.settled(lambda: dock.concepts.choose("MCL"))
    assert "MCL - spot score, against granule" in walk.names
    assert "MCL - spot score, against GCL" not in walk.names
    walk.settled(lambda: dock.study.remove("granule"))
    assert dock.maps.state == "MCL - spot score"
    assert "MCL - spot score, against granule" not in walk.names
    assert walk.told == []


def test_the_first_map_suits_the_encoder_and_the_concept(walk: Walk) -> None:
    walk.click(walk.dock.data.sample_button)
    walk.make_by_gene("Penk")
    assert walk.names[-1] == "Penk - gene mean"  # the bundled encoder has never seen this section
    walk.make_by_layer("GCL")
    assert walk.names[-1] == "GCL - gene mean"
    walk.dock.model.epochs.setValue(1)
    walk.settled(lambda: walk.dock.opening.fit("mlp", 1))
    assert walk.names[-1] == "GCL - decoded"
    walk.settled(lambda: walk.dock.opening.fit("spots", 1))
    assert walk.names[-1] == "GCL - spot score"
    walk.settled(lambda: walk.dock.concepts.choose("Penk"))
    assert walk.names[-1] == "Penk - decoded"
    walk.settled(lambda: walk.dock.maps.choose("gradient"))
    walk.settled(lambda: walk.dock.concepts.choose("GCL"))
    assert walk.names[-1] == "GCL - gradient saliency"
    assert walk.told == []


def test_a_map_chosen_in_the_viewer_is_the_one_the_cards_are_about(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.settled(lambda: dock.maps.choose("gradient"))
    walk.make_by_gene("Doc2g")
    assert dock.concepts.chosen_name == "Doc2g"
    painted = len(walk.viewer.layers)
    walk.viewer.layers.selection.active = walk.viewer.layers["Penk - decoded"]
    assert dock.concepts.chosen_name == "Penk"
    assert dock.maps.chosen[0] == "decoded"
    assert dock.maps.state == "Penk - decoded"
    dock.maps.high.setValue(0.5 * dock.maps.high.value())
    assert walk.viewer.layers["Penk - decoded"].face_contrast_limits[1] == pytest.approx(
        dock.maps.high.value(), rel=0.1
    )
    assert len(walk.viewer.layers) == painted
    assert not dock.jobs.busy


def test_the_row_of_a_gene_is_chosen_with_its_layer(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.maps
    walk.make_by_gene("Penk")
    card.gene_wanted.emit("Doc2g")
    walk.viewer.layers.selection.active = walk.viewer.layers["Penk - decoded"]
    walk.viewer.layers.selection.active = walk.viewer.layers["Doc2g - expression"]
    rows = card.table.selectionModel().selectedRows()
    assert [card.searched.gene(row) for row in rows] == ["Doc2g"]
