"""The walk: what a biologist clicks, from an opened section to an exported figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Points, Shapes
from napari.viewer import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTabBar,
)

from conceptstain._qt.concept_maker import genes_in
from conceptstain._qt.rectified_settings import RectifiedSettings
from conceptstain.canvas.reading import open_section
from conceptstain.canvas.samples import sample_path
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.sentences import evidence_words
from conceptstain.concepts.spot_concepts import SpotConceptSettings
from conceptstain.methods.map_settings import VARIANTS, MapSettings
from conceptstain.methods.maps import MAPS, map_kind
from conceptstain.methods.saliency import supported_rules
from conceptstain.nets.checkpoint import load_encoder
from factories import tiny_encoder, tiny_profile_encoders, tiny_section
from walking import LEFT, LONG, Walk

pytestmark = pytest.mark.gui


@pytest.fixture
def walk(make_napari_viewer: Callable[..., Viewer], qtbot: QtBot) -> Iterator[Walk]:
    walk = Walk(make_napari_viewer(show=True), qtbot)
    yield walk
    walk.close()


@pytest.fixture
def on_sample(walk: Walk) -> Walk:
    walk.click(walk.dock.data.sample_button)
    walk.dock.maps.choose("decoded")
    assert walk.told == []
    return walk


def saving_as(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_arguments, **_options: (str(path), ""))


def test_the_walk_from_the_sample_to_an_exported_figure(
    on_sample: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_sample, on_sample.dock
    assert walk.names == ["simulated bulb - tissue", "simulated bulb - spots", "regions"]
    assert dock.study.encoder is not None
    assert dock.study.encoder.name == "gene-pictures"

    walk.make_by_gene("Penk")
    assert walk.names[-1] == "Penk - decoded"
    painted = walk.viewer.layers["Penk - decoded"]
    section = dock.study.need_canvas().section
    np.testing.assert_allclose(painted.data, section.spots)
    finding = dock.study.findings[-1]
    np.testing.assert_allclose(painted.features["value"], dock.study.need_canvas().place(finding.mean()))
    assert not walk.viewer.layers["simulated bulb - spots"].visible
    assert dock.maps.state == "Penk - decoded"

    centre = section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    inside = int((np.linalg.norm(section.spots - centre, axis=1) < 900).sum())
    assert dock.concepts.maker.selected.text() == f"{inside} spots chosen."
    walk.qtbot.keyClicks(dock.concepts.maker.name, "middle")
    walk.click(dock.concepts.maker.make_button)
    assert walk.concept_names == ["Penk", "middle"]
    assert walk.names[-1] == "middle - decoded"
    assert f"enriched in {inside} of {section.n_spots} spots (drawn outline)" in dock.concepts.origin.text()
    assert dock.concepts.maker.selected.text() == "No spots chosen: draw around some."

    walk.settled(lambda: dock.maps.map.setCurrentIndex(dock.maps.map.findData("gradient")))
    assert walk.names[-1] == "middle - gradient saliency"

    top = dock.maps.searched.index(0, 0)
    walk.qtbot.mouseClick(dock.maps.table.viewport(), LEFT, pos=dock.maps.table.visualRect(top).center())
    assert walk.names[-1] == f"{dock.maps.searched.gene(top)} - expression"

    for ending in ("svg", "pdf", "png"):
        saving_as(monkeypatch, tmp_path / f"figure.{ending}")
        walk.click(dock.export.figure_button)
    assert "<text" in (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert (tmp_path / "figure.pdf").stat().st_size > 1000
    saving_as(monkeypatch, tmp_path / "genes.csv")
    walk.click(dock.export.genes_button)
    assert len(pd.read_csv(tmp_path / "genes.csv")) == section.n_genes
    saving_as(monkeypatch, tmp_path / "spots.csv")
    walk.click(dock.export.spots_button)
    table = pd.read_csv(tmp_path / "spots.csv")
    assert len(table) == section.n_spots
    assert {"Penk - decoded", "middle - decoded", "middle - gradient saliency"} <= set(table.columns)
    saving_as(monkeypatch, tmp_path / "stained.h5ad")
    walk.click(dock.export.section_button)
    assert "conceptstain" in anndata.read_h5ad(tmp_path / "stained.h5ad").uns
    assert walk.told == []


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


def test_a_map_is_updated_in_place(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.make_by_gene("Doc2g")
    count = len(walk.viewer.layers)
    before = walk.viewer.layers["Penk - decoded"]
    walk.settled(lambda: dock.concepts.choose("Penk"))
    assert len(walk.viewer.layers) == count
    assert walk.viewer.layers["Penk - decoded"] is before
    assert before.visible
    assert not walk.viewer.layers["Doc2g - decoded"].visible


def test_a_fit_shows_its_progress_and_its_encoder_is_used(on_sample: Walk, tmp_path: Path) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    dock.model.unfold()
    dock.model.network.setCurrentText("mlp")
    dock.model.epochs.setValue(1)
    walk.click(dock.model.fit_button)
    assert dock.study.encoder is not None
    assert "fitted to simulated bulb" in dock.model.state
    assert dock.concepts.chosen_name == "Penk"
    assert [finding.encoder for finding in dock.study.findings] == [dock.study.encoder.fingerprint]
    walk.settled(lambda: dock.model.save_wanted.emit(tmp_path / "mine.safetensors"))
    assert load_encoder(tmp_path / "mine.safetensors").fingerprint == dock.study.encoder.fingerprint
    row = dock.maps.map.findData("attention")
    assert not dock.maps.map.model().item(row).isEnabled()
    assert "no convolution" in dock.maps.map.model().item(row).toolTip()


def test_a_cancelled_fit_keeps_the_encoder_in_use(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    before = dock.study.encoder
    dock.model.unfold()
    dock.model.epochs.setValue(500)
    walk.qtbot.mouseClick(dock.model.fit_button, LEFT)
    walk.qtbot.waitUntil(lambda: dock.model.progress.value() > 0, timeout=LONG)
    with walk.qtbot.waitSignal(dock.jobs.idle, timeout=LONG):
        walk.qtbot.mouseClick(dock.model.cancel_button, LEFT)
    assert dock.study.encoder is before
    assert dock.model.fit_button.isEnabled()
    assert walk.told == []


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


@pytest.mark.parametrize(
    ("text", "told"),
    [("Pennk", "no gene of that name. Got 'Pennk'. Did you mean"), ("", "has no genes"), ("Penk, Nope1", "'Nope1'")],
)
def test_what_cannot_be_made_is_told_and_never_listed(on_sample: Walk, text: str, told: str) -> None:
    on_sample.make_by_gene(text)
    assert len(on_sample.told) == 1
    assert told in on_sample.told[0]
    assert on_sample.concept_names == []


def test_making_a_concept_of_nothing_drawn_is_told(on_sample: Walk) -> None:
    on_sample.dock.concepts.maker.tabs.setCurrentIndex(1)
    on_sample.click(on_sample.dock.concepts.maker.make_button)
    assert "No spots are chosen" in on_sample.told[0]


def outlines(walk: Walk) -> list[str]:
    regions = walk.viewer.layers["regions"]
    assert len(regions.data) == len(regions.features)
    return [str(owner) for owner in regions.features["concept"]]


def test_an_outline_follows_its_concept_through_renaming_deleting_and_undo(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.click(dock.concepts.maker.make_button)
    drawn = np.asarray(walk.viewer.layers["regions"].data[0])
    assert outlines(walk) == ["region"]
    dock.concepts.list.item(0).setText("granule")
    assert outlines(walk) == ["granule"]
    walk.settled(lambda: dock.concepts.choose("granule"))
    walk.click(dock.concepts.remove_button)
    assert outlines(walk) == []
    walk.click(dock.concepts.undo_button)
    assert outlines(walk) == ["granule"]
    np.testing.assert_allclose(walk.viewer.layers["regions"].data[0], drawn, atol=1e-3)
    dock.study.recolour("granule", "#009E73")
    np.testing.assert_allclose(walk.viewer.layers["regions"].edge_color[0][:3], [0, 0x9E / 255, 0x73 / 255], atol=1e-3)


def test_an_outline_not_yet_made_into_a_concept_outlives_changes_of_the_list(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.make_by_gene("Penk")
    assert outlines(walk) == [""]
    assert not dock.concepts.maker.selected.text().startswith("No spots")
    walk.click(dock.concepts.maker.clear_button)
    assert outlines(walk) == []


def test_the_map_that_is_seen_is_the_layer_that_is_chosen(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.make_by_gene("Doc2g")
    walk.settled(lambda: dock.concepts.choose("Penk"))
    assert walk.viewer.layers.selection.active.name == "Penk - decoded"
    seen = [layer.name for layer in walk.viewer.layers if layer.visible and isinstance(layer, Points)]
    assert seen == ["Penk - decoded"]
    assert walk.viewer.layers["Penk - decoded"].face_colorbar.visible


def test_spots_put_back_after_the_user_deleted_them_can_be_picked(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.viewer.layers.remove(walk.viewer.layers["simulated bulb - spots"])
    dock.concepts.maker.tabs.setCurrentIndex(1)
    walk.click(dock.concepts.maker.tools["pick"])
    walk.viewer.layers["simulated bulb - spots"].selected_data = {1, 2, 3}
    assert dock.concepts.maker.selected.text() == "3 spots chosen."


def test_a_section_dropped_beside_another_leaves_that_in_the_viewer(walk: Walk, tmp_path: Path) -> None:
    tiny_section().adata.write_h5ad(tmp_path / "tiny.h5ad")
    walk.drop(tmp_path / "tiny.h5ad", sample_path())
    assert "tiny - spots" in walk.names
    assert walk.dock.study.need_canvas().section.name == "simulated bulb"


def test_the_encoder_in_use_stays_when_the_size_of_a_pixel_is_said(walk: Walk, tmp_path: Path) -> None:
    section = tiny_section(n_rows=12, n_columns=12, n_genes=40)
    section.adata.write_h5ad(tmp_path / "pixels.h5ad")
    walk.settled(lambda: walk.dock.opening.open(tmp_path / "pixels.h5ad"))
    walk.settled(lambda: walk.dock.opening.fit("mlp", 1))
    fitted = walk.dock.study.encoder
    walk.dock.data.pixel_size.setValue(2.0)
    walk.click(walk.dock.data.pixel_button)
    assert walk.dock.study.need_canvas().section.unit == "µm"
    assert walk.dock.study.encoder is fitted


def test_layers_that_the_user_deletes_come_back_when_needed(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.viewer.layers.clear()
    walk.make_by_gene("Penk")
    assert "Penk - decoded" in walk.names
    dock.concepts.maker.tabs.setCurrentIndex(1)
    walk.click(dock.concepts.maker.tools["lasso"])
    assert isinstance(walk.viewer.layers["regions"], Shapes)
    assert walk.told == []


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


def test_a_dropped_section_is_taken_over(walk: Walk) -> None:
    walk.drop(sample_path())
    assert walk.dock.study.need_canvas().section.name == "simulated bulb"
    assert [type(layer) for layer in walk.viewer.layers] == [Image, Points, Shapes]
    assert walk.dock.study.encoder is not None


def test_a_broken_file_is_told_and_what_was_open_stays(on_sample: Walk, tmp_path: Path) -> None:
    (tmp_path / "broken.tsv").write_bytes(b"")
    on_sample.settled(lambda: on_sample.dock.opening.open(tmp_path / "broken.tsv"))
    assert len(on_sample.told) == 1
    assert "broken.tsv" in on_sample.told[0]
    assert on_sample.dock.data.state.startswith("simulated bulb")


def test_two_viewers_are_two_studies(on_sample: Walk, make_napari_viewer: Callable[..., Viewer]) -> None:
    other = Walk(make_napari_viewer(show=True), on_sample.qtbot)
    on_sample.make_by_gene("Penk")
    assert other.dock.study.canvas is None
    assert other.names == []
    other.dock.jobs.close()


def test_no_control_is_without_a_tooltip_or_wider_than_the_dock(on_sample: Walk) -> None:
    dock = on_sample.dock
    for card in dock.cards:
        card.unfold()
    for kind in MAPS:
        dock.maps.choose(kind.key)
        assert dock.maps.minimumSizeHint().width() <= 380, kind.key
    for card in dock.cards:
        assert card.minimumSizeHint().width() <= 380, card.state
    for button in dock.findChildren(QPushButton):
        assert button.toolTip(), button.text()


@pytest.mark.real_data
def test_the_walk_on_a_published_section(walk: Walk, real_data: Path) -> None:
    found = [folder for folder in (real_data / "mob", real_data) if any(folder.glob("Rep1_MOB_count_matrix-1.tsv*"))]
    walk.settled(lambda: walk.dock.opening.open(next(found[0].glob("Rep1_MOB_count_matrix-1.tsv*"))))
    walk.make_by_gene("Penk")
    assert walk.names == ["Rep1 - tissue", "Rep1 - spots", "regions", "Penk - decoded"]
    image = walk.viewer.layers["Rep1 - tissue"]
    spots = walk.viewer.layers["Penk - decoded"]
    for axis in (0, 1):
        assert image.extent.world[0, axis] <= spots.data[:, axis].min()
        assert spots.data[:, axis].max() <= image.extent.world[1, axis]
    assert walk.told == []


def write_section(path: Path, *, side: int = 12, genes: int = 30, group: str = "half") -> Path:
    """A square section in pixels, with an annotation of two values."""
    rows, columns = np.mgrid[:side, :side].reshape(2, -1)
    counts = np.random.default_rng(0).poisson(3, (side * side, genes)).astype(np.float32)
    section = anndata.AnnData(counts, var=pd.DataFrame(index=[f"Gene{each}" for each in range(genes)]))
    section.obs[group] = np.where(columns < side / 2, "<b>left</b>", "right")
    section.obsm["spatial"] = np.stack([columns, rows], axis=1) * 100.0
    section.write_h5ad(path)
    return path


def test_another_section_stops_a_fit_and_what_waits_for_it(on_sample: Walk, tmp_path: Path) -> None:
    walk, dock = on_sample, on_sample.dock
    dock.model.unfold()
    dock.model.epochs.setValue(500)
    walk.qtbot.mouseClick(dock.model.fit_button, LEFT)
    walk.qtbot.waitUntil(lambda: dock.model.progress.value() > 0, timeout=LONG)
    walk.qtbot.keyClicks(dock.concepts.maker.genes, "Penk")
    walk.qtbot.mouseClick(dock.concepts.maker.make_button, LEFT)
    assert "waits" in dock.concepts.state
    walk.settled(lambda: dock.opening.open(write_section(tmp_path / "other.h5ad")))
    assert dock.data.state.startswith("other")
    assert dock.model.fit_button.isEnabled()
    assert dock.model.plot.isHidden()
    assert walk.told == []


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


def test_a_second_fit_takes_the_place_of_the_first(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    first = dock.opening.fit("mlp", 500)
    walk.settled(lambda: dock.opening.fit("mlp", 1))
    assert first.is_cancelled
    assert dock.study.encoder is not None
    assert "fitted to" in dock.study.encoder.name
    assert dock.model.fit_button.isEnabled()


def test_a_running_fit_cannot_be_started_again_by_another_encoder(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    dock.opening.use_bundled()
    fit = dock.opening.fit("mlp", 500)
    walk.qtbot.waitUntil(fit.started.is_set, timeout=LONG)
    QApplication.processEvents()
    assert not dock.model.fit_button.isEnabled()
    walk.settled(lambda: walk.qtbot.mouseClick(dock.model.cancel_button, LEFT))
    assert dock.model.fit_button.isEnabled()


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


def test_bare_spots_are_seen_again_when_no_map_is_left(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.click(dock.concepts.remove_button)
    assert walk.viewer.layers["simulated bulb - spots"].visible
    assert dock.maps.state == "make a concept first"
    walk.click(dock.concepts.undo_button)
    assert dock.concepts.chosen_name == "Penk"
    assert not walk.viewer.layers["simulated bulb - spots"].visible


def test_limits_of_a_renamed_map_can_still_be_set(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    walk.settled(lambda: dock.concepts.list.item(0).setText("granule"))
    assert dock.maps.state == "granule - decoded"
    dock.maps.high.setValue(0.5 * dock.maps.high.value())
    painted = walk.viewer.layers["granule - decoded"]
    assert isinstance(painted, Points)
    assert painted.face_contrast_limits[1] == pytest.approx(dock.maps.high.value(), rel=1e-2)


@pytest.mark.parametrize("text", ["Penk, Doc2g", "Penk Doc2g", "Penk; Doc2g;", "Penk,Doc2g,Penk"])
def test_genes_are_told_apart_however_they_are_listed(on_sample: Walk, text: str) -> None:
    on_sample.make_by_gene(text)
    assert on_sample.concept_names == ["Penk, Doc2g"]
    assert on_sample.dock.study.entries[0].definition.items == ("Penk", "Doc2g")


def test_a_known_name_with_spaces_is_one_gene() -> None:
    assert genes_in("T cell receptor, Penk Doc2g", {"T cell receptor"}) == ("T cell receptor", "Penk", "Doc2g")


def test_a_grid_the_bundled_encoder_was_not_made_for_shows_the_way_out(walk: Walk, tmp_path: Path) -> None:
    dock = walk.dock
    walk.settled(lambda: dock.opening.open(write_section(tmp_path / "wide.h5ad", side=40)))
    assert walk.told == []
    assert dock.model.is_unfolded
    assert dock.model.state == "fit one to this section"
    assert "40 × 40" in dock.model.summary.text()
    assert dock.concepts.state == "waits for an encoder"
    dock.model.epochs.setValue(1)
    walk.click(dock.model.fit_button)
    assert dock.concepts.state == "none yet"
    assert dock.concepts.isEnabled()


def test_names_in_a_file_are_shown_as_they_are(walk: Walk, tmp_path: Path) -> None:
    dock = walk.dock
    walk.settled(lambda: dock.opening.open(write_section(tmp_path / "tagged.h5ad", group="a<i>b")))
    dock.concepts.maker.tabs.setCurrentIndex(2)
    dock.concepts.maker.value.setCurrentText("<b>left</b>")
    walk.click(dock.concepts.maker.make_button)
    assert "&lt;b&gt;left&lt;/b&gt;" in dock.concepts.origin.text()
    assert "&lt;b&gt;left&lt;/b&gt;" in dock.concepts.maker.value.toolTip()


def test_the_size_of_a_pixel_is_asked_for_and_used(walk: Walk, tmp_path: Path) -> None:
    dock = walk.dock
    dock.data.fold()
    walk.settled(lambda: dock.opening.open(write_section(tmp_path / "pixels.h5ad")))
    assert dock.data.is_unfolded
    assert not dock.data.pixel_button.isEnabled()
    dock.data.pixel_size.setValue(2)
    walk.click(dock.data.pixel_button)
    section = dock.study.need_canvas().section
    assert section.unit == "µm"
    assert np.ptp(section.spots[:, 0]) == pytest.approx(2200)


def test_a_name_typed_without_an_ending_gets_one(
    on_sample: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    for button in (dock.export.figure_button, dock.export.genes_button, dock.export.section_button):
        saving_as(monkeypatch, tmp_path / "granule")
        walk.click(button)
    saving_as(monkeypatch, tmp_path / "granule")
    walk.click(dock.model.save_button)
    assert {path.name for path in tmp_path.iterdir()} == {f"granule.{e}" for e in ("svg", "csv", "h5ad", "safetensors")}
    assert walk.told == []


def test_plots_follow_the_theme(on_sample: Walk) -> None:
    walk, bar = on_sample, on_sample.dock.maps.bar
    walk.make_by_gene("Penk")
    before = bar.figure.get_facecolor()
    walk.viewer.theme = "light"
    QApplication.processEvents()
    assert sum(bar.figure.get_facecolor()[:3]) > sum(before[:3]) + 1


def test_a_dock_taken_off_stops_its_jobs_and_takes_no_more_files(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    job = dock.opening.fit("mlp", 500)
    walk.qtbot.waitUntil(job.started.is_set, timeout=LONG)
    walk.viewer.window.remove_dock_widget(dock)
    assert job.is_cancelled
    walk.qtbot.waitUntil(lambda: not dock.jobs.busy, timeout=LONG)
    walk.viewer.open_sample("napari-conceptstain", "olfactory-bulb")
    assert not dock.jobs.busy


def test_no_control_is_without_a_name_that_is_read_aloud(on_sample: Walk) -> None:
    dock = on_sample.dock
    kinds = (QLineEdit, QComboBox, QAbstractSpinBox, QAbstractItemView, QProgressBar, QTabBar)
    own = [widget for kind in kinds for widget in dock.findChildren(kind) if not isinstance(widget, QHeaderView)]
    inner = (QComboBox, QAbstractSpinBox, QHeaderView)
    for widget in own:
        parents = (widget.parent(), widget.parent().parent())
        if not any(isinstance(parent, inner) for parent in parents):
            assert widget.accessibleName(), widget.toolTip()
            assert widget.toolTip(), widget.accessibleName()


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
    assert "too few spots" in card.evidence.text()
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


def test_the_first_spot_score_fits_encoders_of_spots(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_layer("GCL")
    dock.model.epochs.setValue(2)
    walk.settled(lambda: dock.maps.map.setCurrentIndex(dock.maps.map.findData("spot-score")))
    assert len(dock.study.spot_encoders) == 3
    assert "3 encoders" in dock.model.spots.text()
    assert walk.names[-1] == "GCL - spot score"
    painted = walk.viewer.layers["GCL - spot score"]
    np.testing.assert_allclose(painted.features["value"], dock.study.spot_score("GCL").values)
    walk.make_by_layer("MCL")
    assert walk.names[-1] == "MCL - spot score, against GCL"
    contrasted = dock.study.spot_score("MCL").values
    walk.settled(lambda: dock.maps.against.setCurrentText("against both, summed"))
    assert dock.study.spot_settings == SpotConceptSettings(singly=True)
    summed = walk.viewer.layers["MCL - spot score, against GCL"].features["value"]
    np.testing.assert_allclose(summed, dock.study.spot_score("MCL").values)
    assert not np.allclose(summed, contrasted)
    walk.settled(lambda: dock.maps.against.setCurrentIndex(2))
    assert walk.names[-1] == "MCL - spot score"
    genes = dock.maps.searched
    dock.maps.sign.setCurrentIndex(2)
    lowest = dock.study.spot_genes("MCL")["decoded"]
    assert genes.gene(genes.index(0, 0)) == lowest.idxmin()
    assert genes.rowCount() == int((lowest <= 0).sum())
    walk.make_by_gene("Penk")
    assert dock.maps.chosen[0] == "gene-mean"
    assert walk.names[-1] == "Penk - gene mean"
    assert walk.told == []


def test_a_cancelled_fit_of_spots_leaves_the_way_to_it(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_layer("GCL")
    dock.maps.map.setCurrentIndex(dock.maps.map.findData("spot-score"))
    walk.qtbot.waitUntil(lambda: dock.model.progress.value() > 0, timeout=LONG)
    walk.settled(lambda: walk.qtbot.mouseClick(dock.model.cancel_button, LEFT))
    assert dock.maps.state == "spot score needs encoders of spots"
    assert dock.study.spot_encoders == ()
    assert walk.told == []


def test_encoders_of_spots_are_saved_and_loaded_together(
    on_sample: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_sample, on_sample.dock
    canvas = dock.study.need_canvas().section.view("spots", n_genes=20)
    dock.study.use_for_spots(canvas, tiny_profile_encoders(canvas.features, 2))
    before = [encoder.fingerprint for encoder in dock.study.spot_encoders]
    saving_as(monkeypatch, tmp_path / "mine")
    walk.click(dock.model.save_spots_button)
    files = sorted(str(path) for path in tmp_path.iterdir())
    assert [Path(file).name for file in files] == ["mine-0.safetensors", "mine-1.safetensors"]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_arguments, **_options: (files, ""))
    walk.click(dock.model.load_button)
    assert [encoder.fingerprint for encoder in dock.study.spot_encoders] == before
    assert dock.study.encoder is not None
    assert walk.told == []


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


def test_the_map_follows_a_lasso_while_it_is_drawn(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.rest()
    assert dock.drawing.live.painted >= 1
    assert walk.names[-1] == "selection - decoded"
    assert dock.study.findings == ()
    region = dock.painter.selection("selection")
    assert region is not None
    expected = dock.study.preview(Definition("selection", region=region), "decoded")
    shown = walk.viewer.layers["selection - decoded"].features["value"]
    np.testing.assert_allclose(shown, dock.study.need_canvas().place(expected.mean()), atol=1e-5)
    walk.click(dock.concepts.maker.clear_button)
    assert not walk.viewer.layers["selection - decoded"].visible
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.rest()
    walk.click(dock.concepts.maker.make_button)
    assert walk.names[-1] == "region - decoded"
    assert "selection - decoded" not in walk.names
    assert walk.told == []


def test_without_live_nothing_is_painted_before_a_concept_is_made(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    dock.maps.live.setChecked(False)
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.rest()
    assert dock.drawing.live.painted == 0


def test_a_moved_outline_moves_its_concept_and_undo_moves_it_back(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    section = dock.study.need_canvas().section
    centre = section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 700.0)
    walk.click(dock.concepts.maker.make_button)
    walk.rest()
    before = dock.study.entry("region").definition
    values = np.array(walk.viewer.layers["region - decoded"].features["value"])
    regions = walk.viewer.layers["regions"]
    walk.viewer.layers.selection.active = regions
    regions.mode = "select"
    y, x = float(centre[0]), float(centre[1])
    walk.drag((y, x), (y, x), (y, x + 400), (y, x + 800), (y, x + 1200))
    walk.rest()
    after = dock.study.entry("region").definition
    assert not after.has_same_source(before)
    assert after.region is not None
    moved = after.region.choose(section)
    assert section.spots[moved, 1].mean() > x + 800
    assert walk.names.count("region - decoded") == 1
    now = np.array(walk.viewer.layers["region - decoded"].features["value"])
    assert not np.allclose(now, values)
    assert [finding.concept.definition for finding in dock.study.findings if finding.concept] == [after]
    walk.click(dock.concepts.undo_button)
    walk.rest()
    np.testing.assert_allclose(walk.viewer.layers["region - decoded"].features["value"], values, atol=1e-5)
    outline = np.asarray(walk.viewer.layers["regions"].data[0])
    assert outline[:, 1].mean() == pytest.approx(x, abs=100)
    assert walk.told == []


def test_an_outline_moved_off_the_tissue_goes_back(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    y, x = float(centre[0]), float(centre[1])
    walk.draw_lasso((y, x), 500.0)
    walk.click(dock.concepts.maker.make_button)
    before = dock.study.entry("region").definition
    regions = walk.viewer.layers["regions"]
    regions.selected_data = {0}
    regions._data_view.shift(0, np.array([9000.0, 0.0]))
    walk.settled(
        lambda: regions.events.data(value=regions.data, action="changed", data_indices=(0,), vertex_indices=((),))
    )
    assert "has no spot in it" in walk.told[0]
    assert dock.study.entry("region").definition is before
    assert np.asarray(regions.data[0])[:, 0].mean() == pytest.approx(y, abs=100)


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


def test_a_range_of_the_histogram_chooses_spots_and_chosen_spots_are_marked_in_it(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.concepts
    walk.judge()
    walk.make_by_layer("GCL")
    walk.rest()
    scores = walk.dock.study.evidence("GCL", n_null=99).scores
    low, high = np.quantile(scores, [0.9, 1.0])
    card.histogram.range_chosen.emit(float(low), float(high))
    chosen = np.flatnonzero((scores >= low) & (scores <= high))
    spots = walk.viewer.layers["simulated bulb - spots"]
    assert spots.selected_data == set(chosen)
    assert walk.viewer.layers["GCL - decoded"].selected_data == set(chosen)
    assert card.maker.selected.text() == f"{len(chosen)} spots chosen."
    marks = card.histogram._marks.get_segments()
    np.testing.assert_allclose(sorted(mark[0][0] for mark in marks), np.sort(scores[chosen]))
    walk.click(card.maker.clear_button)
    assert card.maker.selected.text().startswith("No spots")


def test_the_row_of_a_gene_is_chosen_with_its_layer(on_sample: Walk) -> None:
    walk, card = on_sample, on_sample.dock.maps
    walk.make_by_gene("Penk")
    card.gene_wanted.emit("Doc2g")
    walk.viewer.layers.selection.active = walk.viewer.layers["Penk - decoded"]
    walk.viewer.layers.selection.active = walk.viewer.layers["Doc2g - expression"]
    rows = card.table.selectionModel().selectedRows()
    assert [card.searched.gene(row) for row in rows] == ["Doc2g"]


def test_of_several_sections_in_a_file_one_is_chosen(walk: Walk, tmp_path: Path) -> None:
    parts = [tiny_section(n_rows=10, n_columns=10, n_genes=30, seed=seed).adata for seed in range(2)]
    both = anndata.concat(parts, index_unique="-", label="library_id", keys=["first", "second"])
    both.write_h5ad(tmp_path / "both.h5ad")
    card = walk.dock.data
    walk.settled(lambda: walk.dock.opening.open(tmp_path / "both.h5ad"))
    walk.qtbot.waitUntil(lambda: not card.choosing.isHidden())
    assert [card.section_choice.itemText(each) for each in range(2)] == ["first", "second"]
    card.section_choice.setCurrentText("second")
    walk.click(card.section_button)
    assert walk.dock.study.need_canvas().section.n_spots == parts[1].n_obs
    assert card.choosing.isHidden()
    assert walk.told == []
