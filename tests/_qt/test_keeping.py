"""The walk again, with save, autosave, restore and reopen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import anndata
import numpy as np
import pytest
from napari.viewer import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox

from conceptstain._qt.data_panel import UNSAVED
from conceptstain.canvas.samples import sample_path
from conceptstain.concepts.definition import Definition
from conceptstain.progress import Report, Step
from conceptstain.recipe.schema import Recipe
from conceptstain.study import autosave
from conceptstain.study.autosave import Autosave, restorable
from conceptstain.study.saving import open_study
from studies import empty_study, opened_section
from walking import Walk, saving_as, write_section

pytestmark = pytest.mark.gui


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where studies are autosaved in this test."""
    monkeypatch.setattr(autosave, "autosave_folder", lambda: tmp_path / "autosave")
    return tmp_path / "autosave"


@pytest.fixture
def walk(folder: Path, make_napari_viewer: Callable[..., Viewer], qtbot: QtBot) -> Iterator[Walk]:
    walk = Walk(make_napari_viewer(show=True), qtbot)
    yield walk
    walk.close()


@pytest.fixture
def stained(walk: Walk) -> Walk:
    """The sample with two concepts and three maps."""
    walk.click(walk.dock.data.sample_button)
    walk.dock.maps.choose("decoded")
    walk.make_by_gene("Penk")
    walk.make_by_layer("MCL")
    walk.settled(lambda: walk.dock.maps.choose("gradient"))
    return walk


@pytest.mark.parametrize("name", ["mine", "mine.zarr"])
def test_a_saved_study_opens_again_as_it_was(
    name: str,
    stained: Walk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_napari_viewer: Callable[..., Viewer],
) -> None:
    walk, dock = stained, stained.dock
    assert dock.data.state.startswith(UNSAVED)
    path = tmp_path / (name if name.endswith(".zarr") else f"{name}.h5ad")
    read = anndata.read_zarr if name.endswith(".zarr") else anndata.read_h5ad
    saving_as(monkeypatch, tmp_path / name)
    walk.click(dock.data.save_button)
    assert not dock.data.state.startswith(UNSAVED)
    assert dock.study.is_saved
    stored = read(path)
    assert {"Penk - decoded", "MCL - decoded", "MCL - gradient saliency"} <= set(stored.obs.columns)

    other = Walk(make_napari_viewer(show=True), walk.qtbot)
    other.settled(lambda: other.dock.opening.open(path))
    assert other.concept_names == ["Penk", "MCL"]
    assert [made.title for made in other.dock.study.findings] == [made.title for made in dock.study.findings]
    for title in ("Penk - decoded", "MCL - decoded", "MCL - gradient saliency"):
        np.testing.assert_array_equal(
            other.viewer.layers[title].features["value"], walk.viewer.layers[title].features["value"]
        )
    assert other.dock.study.encoder is not None
    assert other.dock.study.is_saved
    other.click(other.dock.concepts.undo_button)
    assert other.concept_names == ["Penk"]
    assert other.dock.data.state.startswith(UNSAVED)
    other.settled(lambda: other.qtbot.keyClick(other.dock.data, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier))
    other.settled(other.dock.data.save)
    assert other.dock.study.is_saved
    assert len(read(path).obs.filter(like="MCL").columns) == 0
    assert walk.told == other.told == []
    other.close()


def test_outlines_of_an_opened_study_are_no_spots_that_were_just_chosen(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.click(walk.dock.data.sample_button)
    maker = walk.dock.concepts.maker
    section = walk.dock.study.section
    assert section is not None
    middle = section.spots.mean(axis=0)
    walk.draw_lasso((float(middle[0]), float(middle[1])), 500)
    assert maker.selected.text() == "20 spots chosen."
    walk.click(maker.make_button)
    saving_as(monkeypatch, tmp_path / "drawn.h5ad")
    walk.click(walk.dock.data.save_button)
    walk.settled(lambda: walk.dock.opening.open(tmp_path / "drawn.h5ad"))
    walk.rest()
    assert walk.concept_names == ["region"]
    assert maker.selected.text().startswith("No spots chosen")
    assert "selection" not in " ".join(walk.names)


def test_what_was_not_saved_can_be_restored_or_discarded(
    stained: Walk, folder: Path, make_napari_viewer: Callable[..., Viewer], qtbot: QtBot
) -> None:
    walk, dock = stained, stained.dock
    dock.keeping.autosave()
    walk.rest()
    assert restorable(folder) == ()  # its program runs
    walk.dock.keeping.timer.stop()
    walk.dock.keeping.close()  # as if it had ended

    other = Walk(make_napari_viewer(show=True), qtbot)
    other.rest()
    card = other.dock.data
    assert not card.restoring.isHidden()
    assert "simulated bulb, 2 concepts" in card.restorable.text()
    other.click(card.restore_button)
    other.rest()
    assert other.concept_names == ["Penk", "MCL"]
    assert "MCL - gradient saliency" in other.names
    assert card.state.startswith(UNSAVED)
    assert card.restoring.isHidden()
    assert len(list(folder.glob("*-newest.safetensors"))) == 1  # its own; the old one is gone

    other.dock.keeping.timer.stop()
    other.dock.keeping.close()
    third = Walk(make_napari_viewer(show=True), qtbot)
    third.rest()
    third.click(third.dock.data.discard_button)
    assert third.dock.data.restoring.isHidden()
    assert restorable(folder) == ()
    assert walk.told == other.told == third.told == []
    other.close()
    third.close()


def test_a_study_that_cannot_be_restored_is_in_nobodys_way(
    folder: Path, tmp_path: Path, make_napari_viewer: Callable[..., Viewer], qtbot: QtBot
) -> None:
    for name in ("whole", "gone"):
        (tmp_path / name).mkdir()
        study = empty_study(opened_section(tmp_path / name))
        study.add(Definition(name, like="Gene3"))
        autosave = Autosave(folder)
        autosave.write(study.snapshot())
        autosave.close()
    (tmp_path / "gone" / "tiny.h5ad").unlink()
    walk = Walk(make_napari_viewer(show=True), qtbot)
    walk.rest()
    walk.click(walk.dock.data.restore_button)
    assert "There is no file tiny.h5ad" in walk.told[0]
    assert not walk.dock.data.restoring.isHidden()
    walk.click(walk.dock.data.restore_button)
    walk.rest()
    assert walk.concept_names == ["whole"]
    assert [each.concepts for each in restorable(folder)] == [("gone",)]  # offered again at the next start
    walk.close()


def test_changes_are_autosaved_soon_and_forgotten_once_saved(
    stained: Walk, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = stained, stained.dock
    dock.keeping.timer.setInterval(0)
    walk.settled(lambda: dock.study.recolour("Penk", "#009E73"))
    walk.qtbot.waitUntil(lambda: not dock.keeping.timer.isActive())
    walk.rest()
    assert len(list(folder.glob("*-newest.safetensors"))) == 1
    saving_as(monkeypatch, tmp_path / "mine.h5ad")
    walk.click(dock.data.save_as_button)
    walk.rest()
    assert list(folder.glob("*-newest.safetensors")) == []


def test_a_study_that_ends_right_after_a_change_is_autosaved_still(stained: Walk, folder: Path) -> None:
    assert stained.dock.keeping.timer.isActive()
    stained.dock.jobs.close()
    stained.dock.keeping.close()
    assert len(list(folder.glob("*-newest.safetensors"))) == 1


def test_a_folder_that_cannot_be_written_to_is_told_once(stained: Walk, folder: Path) -> None:
    folder.write_text("not a folder", encoding="utf-8")
    for _ in range(2):
        stained.dock.keeping.autosave()
        stained.rest()
    assert len(stained.told) == 1
    assert "cannot be autosaved" in stained.told[0]


def test_saving_over_the_file_of_the_section_is_refused(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from factories import tiny_section

    path = tmp_path / "tiny.h5ad"
    tiny_section(n_rows=12, n_columns=12, n_genes=40).adata.write_h5ad(path)
    before = path.read_bytes()
    walk.settled(lambda: walk.dock.opening.open(path))
    saving_as(monkeypatch, path)
    walk.click(walk.dock.data.save_as_button)
    assert "is not saved over the file" in walk.told[0]
    assert path.read_bytes() == before


def test_a_recipe_written_in_the_dock_replays_to_the_same_maps(
    stained: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = stained, stained.dock
    saving_as(monkeypatch, tmp_path / "study")
    walk.click(dock.export.recipe_button)
    assert walk.told == []
    replay = Recipe.read(tmp_path / "study.yaml").run(sample_path().parent, weights=tmp_path)
    made = {finding.title: finding.values for finding in replay.study.findings}
    assert set(made) == {finding.title for finding in dock.study.findings}
    for finding in dock.study.findings:
        np.testing.assert_array_equal(made[finding.title], finding.values)
    walk.click(dock.export.methods_button)
    assert "conceptstain" in dock.export.done.text()


def test_a_change_that_waits_to_be_autosaved_is_autosaved_when_the_program_ends(stained: Walk, folder: Path) -> None:
    dock, may_end = stained.dock, Event()

    def busy(report: Report) -> None:
        while not may_end.wait(0.01):
            report(Step(0, 1))

    dock.jobs.run(busy)
    dock.keeping.timer.stop()
    assert dock.keeping.autosave() is not None  # it waits, patiently
    dock.jobs.close()
    dock.keeping.close()
    assert [each.concepts for each in restorable(folder)] == [("Penk", "MCL")]


def test_a_study_that_gives_way_to_another_section_at_once_can_be_restored(
    stained: Walk, folder: Path, tmp_path: Path
) -> None:
    assert stained.dock.keeping.timer.isActive()  # nothing was autosaved yet
    stained.settled(lambda: stained.dock.opening.open(write_section(tmp_path / "other.h5ad")))
    stained.rest()
    (found,) = restorable(folder)
    assert found.concepts == ("Penk", "MCL")
    assert {made.title for made in found.open().findings} >= {"Penk - decoded", "MCL - gradient saliency"}


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes])
def test_a_file_is_replaced_only_if_asked_even_where_the_dialog_adds_no_ending(
    answer: QMessageBox.StandardButton, walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.h5ad"
    path.write_bytes(b"precious")
    asked: list[str] = []

    def question(_parent: object, _title: str, text: str) -> QMessageBox.StandardButton:
        asked.append(text)
        return answer

    monkeypatch.setattr(QMessageBox, "question", question)
    saving_as(monkeypatch, tmp_path / "mine")  # which does not exist, so the dialog did not ask
    walk.click(walk.dock.data.sample_button)
    walk.click(walk.dock.data.save_as_button)
    assert asked == ["mine.h5ad exists already. Replace it?"]
    assert (path.read_bytes() == b"precious") == (answer == QMessageBox.StandardButton.No)


def test_two_viewers_with_one_study_do_not_save_over_each_other(
    stained: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_napari_viewer: Callable[..., Viewer]
) -> None:
    path = tmp_path / "mine.h5ad"
    saving_as(monkeypatch, path)
    stained.click(stained.dock.data.save_button)
    other = Walk(make_napari_viewer(show=True), stained.qtbot)
    other.settled(lambda: other.dock.opening.open(path))
    other.make_by_gene("Doc2g")
    other.click(other.dock.data.save_button)
    assert other.dock.study.is_saved
    stained.dock.study.recolour("Penk", "#009E73")
    stained.click(stained.dock.data.save_button)
    assert "replaced by something else" in stained.told[0]
    assert stained.dock.data.state.startswith(UNSAVED)
    assert [entry.name for entry in open_study(path).entries] == ["Penk", "MCL", "Doc2g"]
    stained.click(stained.dock.data.save_as_button)  # the dialog has asked
    assert stained.dock.study.is_saved
    other.close()
