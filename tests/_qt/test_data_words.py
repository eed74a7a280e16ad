"""What the Data card says of sections, pictures and slides."""

from __future__ import annotations

from typing import Any

import conceptstain as cs
from conceptstain._qt.data_words import data_words
from factories import tiny_section
from pictures import noise


def test_a_section_is_told_by_its_spots_and_genes() -> None:
    words = data_words(tiny_section().view("genes"))
    assert "spots" in words.title
    assert "Coordinates in" in words.summary
    assert words.side == 0


def test_pictures_are_told_by_their_number_and_sizes() -> None:
    arrays: Any = [noise(40, 30, seed=1), noise(20, 50, seed=2)]
    words = data_words(cs.open(arrays, as_="images", name="<set>").view(frame=32))
    assert words.title == "<set> · 2 pictures"
    assert "&lt;set&gt;" in words.summary
    assert "20-40 × 30-50 pixels" in words.summary
    assert "grey on 32 × 32 pixels" in words.summary
    assert words.side == 32


def test_a_slide_is_told_by_its_patches_and_how_wide_they_are() -> None:
    slide = cs.open(noise(200, 300, 3), as_="slide", pixel_size=0.5)
    words = data_words(slide.view("patches", size=64, stride=64, background="keep"))
    assert "200 × 300 · 20 patches" in words.title
    assert "(32 µm wide)" in words.summary
    assert words.side == 64


def test_one_picture_is_no_plural() -> None:
    words = data_words(cs.open(noise(1, 40, 40, 3), as_="images").view("images"))
    assert words.title.endswith(" · 1 picture")
    assert ": 1 picture of 40 × 40 pixels." in words.summary
