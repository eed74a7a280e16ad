"""Latents in the dock: sorted by what they say, drawn, and painted where their row is clicked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image, Points
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication

import conceptstain as cs
from conceptstain._qt import attention_work
from conceptstain._qt.latent_list import MAP, WALK
from conceptstain.concepts.latents import latents_of
from factories import tiny_encoder
from pictures import noise, write_picture
from walking import LEFT, Walk

pytestmark = pytest.mark.gui


def unfold(walk: Walk) -> None:
    walk.dock.concepts.fold()
    walk.dock.maps.fold()
    walk.settled(walk.dock.attention.unfold)
    QApplication.processEvents()


def click(walk: Walk, row: int) -> None:
    view = walk.dock.attention.view
    place = view.visualRect(view.list.index(row)).center()
    walk.settled(lambda: walk.qtbot.mouseClick(view.viewport(), LEFT, pos=place))


def colours(image: QImage) -> np.ndarray:
    return np.array([[image.pixelColor(x, y).getRgb() for x in range(image.width())] for y in range(image.height())])


def test_latents_of_a_section_are_sorted_by_what_they_say_and_drawn(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    card, canvas, encoder = dock.attention, dock.study.need_canvas(), dock.study.need_encoder()
    assert card.state == f"{encoder.latent} latents"
    assert card.list.rowCount() == 0, "nothing is computed while the card is folded"
    unfold(walk)
    information = cs.latent_information(canvas, encoder)
    order = np.argsort(-information, kind="stable")
    assert [card.list.latent(row) for row in range(card.list.rowCount())] == [None, *order]
    assert card.state == f"{encoder.latent} latents · {information.sum():.1f} nats"
    assert card.view.visualRect(card.list.index(1)).width() > 300, "no part of a row is cut off"

    best = int(order[0])
    index = card.list.index(1)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == f"latent {best}, {information[best]:.2f} nats"
    walk_of = index.data(WALK)
    assert len(walk_of) == 5
    low, high = (colours(walk_of[step]).astype(float) for step in (0, -1))
    assert np.abs(low - high).max() > 100, "the most informative latent draws something"
    spread = float(latents_of(canvas, encoder)[canvas.trainable, best].std(dtype=float))
    centre = latents_of(canvas, encoder)[canvas.trainable].mean(axis=0, dtype=float)
    drawn = cs.traverse(encoder, best, start=centre, span=2 * spread).pictures[-1, 0]
    rows, columns = np.nonzero(canvas.mask)
    brightest = np.unravel_index(np.where(canvas.mask, drawn, -np.inf).argmax(), drawn.shape)
    red, _, blue, _ = colours(walk_of[-1])[brightest[0] - rows.min(), brightest[1] - columns.min()]
    assert red > blue, "what is drawn lies where it was decoded"
    jobs: list[object] = []
    dock.jobs.started.connect(jobs.append)
    card.fold()
    card.unfold()
    assert jobs == [], "nothing is computed twice"
    assert walk.told == []


def test_a_clicked_latent_is_painted_and_the_row_of_a_chosen_layer_is_chosen(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    card, canvas, encoder = dock.attention, dock.study.need_canvas(), dock.study.need_encoder()
    unfold(walk)
    best, second = card.list.latent(1), card.list.latent(2)
    assert best is not None
    click(walk, 1)
    layer = walk.viewer.layers[f"latent {best} - attention"]
    assert isinstance(layer, Points)
    expected = canvas.place(cs.attention(canvas, encoder, dimension=best).mean())
    np.testing.assert_allclose(layer.features["value"], expected, rtol=1e-4)
    dock.maps.choose("gene-mean")
    walk.make_by_gene("Penk")
    assert card.view.chosen_row is None, "the viewer shows no attention"
    assert "Penk" in card.told.text()
    dock.maps.fold()
    click(walk, 2)
    assert walk.names[-1] == f"Penk - attention, latent {second}"
    assert dock.maps.chosen[0] == "attention"
    assert dock.maps.latent.value() == second
    click(walk, 0)
    assert walk.names[-1] == "Penk - attention, all latents"
    walk.viewer.layers.selection.active = layer
    assert card.view.chosen_row == 1
    walk.settled(lambda: walk.qtbot.keyClick(card.view, Qt.Key.Key_Down))
    assert walk.viewer.layers.selection.active.name == f"Penk - attention, latent {second}"
    assert walk.told == []


def test_all_latents_together_come_first_and_the_maps_of_pictures_follow_the_slider(walk: Walk, tmp_path: Path) -> None:
    for number in range(4):
        pixels = noise(24, 40, 3, seed=number)
        pixels[:, 20 * (number % 2) :][:, :20] //= 6
        write_picture(tmp_path / "set" / f"{number}.png", pixels)
    dock = walk.dock
    walk.settled(lambda: dock.opening.open(tmp_path / "set"))
    encoder = tiny_encoder(dock.study.need_canvas().shape, scaling="unit")
    walk.settled(lambda: dock.study.use(encoder))
    unfold(walk)
    card = dock.attention
    assert card.list.rowCount() == encoder.latent + 1
    first = colours(card.list.index(1).data(MAP))
    assert first.shape[0] < first.shape[1], "only what a picture fills of its frame is shown"
    with walk.qtbot.waitSignal(card.list.dataChanged, timeout=20_000):
        dock.painter.tissue.look_at(1)
    assert np.abs(colours(card.list.index(1).data(MAP)).astype(int) - first).max() > 20
    best = card.list.latent(1)
    click(walk, 1)
    walk.rest()
    layer = walk.viewer.layers[f"latent {best} - attention"]
    assert isinstance(layer, Image)
    painted = np.asarray(layer.data)
    assert painted.shape == (4, 24, 40)
    assert np.isfinite(painted).all()
    assert len(dock.study.findings) == 1
    assert walk.told == []


def test_a_network_without_places_or_a_decoder_says_so_and_its_latents_are_still_sorted(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    card, shape = dock.attention, dock.study.need_canvas().shape
    walk.settled(lambda: dock.study.use(tiny_encoder(shape, kind="dense")))
    unfold(walk)
    assert "no convolutional layer" in card.without.text()
    assert card.list.rowCount() == 5
    assert card.list.index(1).data(MAP) is None
    assert len(card.list.index(1).data(WALK)) == 5
    before = walk.names
    click(walk, 1)
    assert walk.names == before
    assert not card.told.isVisible()
    assert walk.told == []


def test_looking_at_latents_can_be_stopped_and_gone_on_with(on_sample: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    walk, dock = on_sample, on_sample.dock
    card = dock.attention
    monkeypatch.setattr(attention_work, "WALKS", 4)
    card.list.dataChanged.connect(lambda *_rows: QTimer.singleShot(0, card.cancel_button.click))
    unfold(walk)
    assert card.sort_button.isVisible()
    assert card.list.index(16).data(WALK) == ()
    card.list.dataChanged.disconnect()
    walk.click(card.sort_button)
    assert not card.sort_button.isVisible()
    assert len(card.list.index(16).data(WALK)) == 5
    assert card.list.index(0).data(MAP) is not None
    assert walk.told == []
