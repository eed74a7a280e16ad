"""Sections: opened, dropped, chosen among several, and taken over by another."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pytest
from napari.layers import Image, Points, Shapes

from conceptstain.canvas.samples import sample_path
from factories import tiny_section
from walking import LEFT, LONG, Walk, write_section

pytestmark = pytest.mark.gui


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
