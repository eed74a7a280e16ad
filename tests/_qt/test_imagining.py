"""What-if pictures in the dock: items are moved along concepts, and what is decoded follows the sliders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication

from conceptstain._qt import what_if_work
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.latents import latents_of
from factories import tiny_encoder, tiny_profile_encoders
from pictures import noise, write_picture
from walking import Walk, write_section

pytestmark = pytest.mark.gui


def unfold(walk: Walk) -> None:
    for card in walk.dock.cards:
        card.fold()
    walk.settled(walk.dock.what_if.unfold)
    QApplication.processEvents()
    walk.rest()


def colours(image: QImage) -> np.ndarray:
    return np.array([[image.pixelColor(x, y).getRgb() for x in range(image.width())] for y in range(image.height())])


def slide(walk: Walk, name: str, presses: int) -> None:
    """Move a slider by the keyboard, until the last place of it is seen."""
    page, pictures = walk.dock.what_if.page, walk.dock.imagining.live
    before = pictures.shown
    key = Qt.Key.Key_Right if presses > 0 else Qt.Key.Key_Left
    for _ in range(abs(presses)):
        walk.qtbot.keyClick(page.rows[name].slider, key)
    walk.qtbot.waitUntil(lambda: pictures.shown > before and walk.dock.jobs.at_rest, timeout=20_000)


@pytest.fixture
def on_section(walk: Walk, tmp_path: Path) -> Walk:
    """A small section with a tiny encoder and a concept."""
    path = write_section(tmp_path / "section.h5ad", side=8, genes=20)
    walk.settled(lambda: walk.dock.opening.open(path))
    walk.settled(lambda: walk.dock.study.use(tiny_encoder(walk.dock.study.need_canvas().shape)))
    walk.make_by_gene("Gene3")
    return walk


def test_a_gene_picture_follows_the_slider_of_a_concept_beside_what_it_was(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
    card, study = dock.what_if, dock.study
    assert card.page.rows == {}, "nothing is computed while the card is folded"
    unfold(walk)
    canvas, encoder = study.need_genes(), study.need_encoder()
    item = canvas.item(card.item.text())
    original, decoded, *_ = card.pictures.images
    assert original is not None
    assert decoded is not None
    slide(walk, "concept Gene3", 20)
    amount = card.page.amounts["concept Gene3"]
    assert amount == pytest.approx(1.0)
    concept = study.concept("Gene3")
    latents = latents_of(canvas, encoder)
    spread = (latents[canvas.trainable].astype(float) @ concept.direction).std()
    unit = concept.direction / (concept.direction @ concept.direction)
    moved = what_if_work.decoded_at(encoder, latents[[item]] + amount * spread * unit)[0]
    still = what_if_work.decoded_at(encoder, latents[[item]])[0]
    begun = dock.imagining.begun
    assert begun is not None
    expected = what_if_work.drawn(canvas, moved - still, begun.limits, difference=True).colours
    shown = card.pictures.images[3]
    assert shown is not None
    assert np.abs(colours(shown).astype(int) - expected).max() <= 2
    assert len(np.unique(colours(shown)[..., 0])) > 1, "something changes"
    walk.click(card.page.reset_button)
    walk.rest()
    assert card.page.amounts == {}
    assert colours(card.pictures.images[2]).tolist() == colours(card.pictures.images[1]).tolist()
    walk.qtbot.keyClicks(card.item, "")
    card.item.setText("Gene7")
    walk.qtbot.keyClick(card.item, Qt.Key.Key_Return)
    walk.rest()
    assert dock.imagining.begun.items == (canvas.item("Gene7"),)
    assert card.state == "Gene7"
    card.item.setText("NoSuchGene")
    walk.qtbot.keyClick(card.item, Qt.Key.Key_Return)
    assert "'NoSuchGene'" in card.told.text(), "it is refused where it was typed"
    assert dock.imagining.begun.items == (canvas.item("Gene7"),)
    assert walk.told == []


def test_the_genes_of_picked_spots_follow_a_concept_of_spots(on_section: Walk) -> None:
    walk, dock = on_section, on_section.dock
    card, study = dock.what_if, dock.study
    profiles = study.need_section().view("spots")
    (encoder,) = tiny_profile_encoders(profiles.features, 1)
    walk.settled(lambda: study.use_for_spots(profiles, [encoder]))
    region = "left"
    study.add(Definition(region, region=Region.from_obs("half", "<b>left</b>", region)))
    walk.rest()
    walk.told.clear()  # no gene is enriched there, so that it is no concept of gene pictures
    unfold(walk)
    walk.settled(lambda: card.network.setCurrentIndex(1))
    walk.rest()
    assert "No spots are chosen" in card.told.text()
    assert not card.page.rows["concept Gene3"].slider.isEnabled(), "a concept of genes is none of spots"
    dock.painter.tissue.pick([0, 1, 2])
    walk.click(card.viewer_button)
    walk.rest()
    slide(walk, f"concept {region}", 20)
    move = dock.imagining.moves._concepts[f"concept {region}"]
    assert move.concept is not None
    latents = encoder.latents(profiles, [0, 1, 2]).astype(float)
    change = (what_if_work.decoded_at(encoder, latents + move.step) - what_if_work.decoded_at(encoder, latents)).mean(
        axis=0
    )
    assert card.genes.shown(0)[0] == profiles.features[int(change.argmax())]
    assert card.genes.shown(2)[0] == profiles.features[int(change.argmin())]
    assert "3 spots" in card.state
    assert walk.told == []


def test_what_if_follows_the_picture_that_the_viewer_shows(walk: Walk, tmp_path: Path) -> None:
    for number in range(3):
        write_picture(tmp_path / "set" / f"{number}.png", noise(16, 16, 3, seed=number))
    dock, card = walk.dock, walk.dock.what_if
    walk.settled(lambda: dock.opening.open(tmp_path / "set"))
    walk.settled(lambda: dock.study.use(tiny_encoder(dock.study.need_canvas().shape, scaling="unit")))
    unfold(walk)
    assert "Make a concept" in card.page.none.text()
    assert card.item.text() == "0.png"
    first = colours(card.pictures.images[0])
    with walk.qtbot.waitSignal(dock.imagining.begun_changed, timeout=20_000):
        dock.painter.tissue.look_at(1)
    assert card.item.text() == "1.png"
    assert np.abs(colours(card.pictures.images[0]).astype(int) - first).max() > 20
    walk.settled(lambda: dock.study.use(tiny_encoder(dock.study.need_canvas().shape, scaling="unit", seed=1)))
    walk.rest()
    assert dock.imagining.begun is not None, "another network begins again with what is seen"
    assert dock.imagining.begun.network.encoder is dock.study.need_encoder()
    assert walk.told == []
