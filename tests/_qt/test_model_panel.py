"""Encoders: fitted in the dock, cancelled, saved and loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
)

from conceptstain.concepts.spot_concepts import SpotConceptSettings
from conceptstain.nets.checkpoint import load_encoder
from factories import tiny_profile_encoders
from walking import LEFT, LONG, Walk, saving_as

pytestmark = pytest.mark.gui


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
    assert dock.maps.state == "scores of spots need encoders of spots"
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
