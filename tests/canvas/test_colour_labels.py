"""Colours as labels."""

from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas.colour_labels import BASIC_COLOURS, colour_labels
from conceptstain.errors import InputError
from pictures import noise


@pytest.mark.parametrize("name", BASIC_COLOURS)
def test_a_colour_is_called_by_its_name_a_little_beside_it_too(name):
    colour = np.clip(np.array(BASIC_COLOURS[name]) + np.array([6, -6, 6]), 0, 255).astype(np.uint8)
    picture = np.broadcast_to(colour, (1, 8, 8, 3)).copy()
    picture[0, 0, 0] = 255 - picture[0, 0, 0]  # or it would be the same everywhere
    maps = colour_labels(cs.open(picture, as_="images").view("images", frame=8))
    drawn = maps.of([0]).planes[0, ..., 0]
    assert (drawn.ravel()[1:] == maps.number(name, "colour")).all()


def test_padding_has_no_colour_and_grey_pictures_have_none():
    canvas = cs.open(noise(1, 8, 16, 3), as_="images").view("images", frame=16)
    drawn = colour_labels(canvas).of([0]).planes[0, ..., 0]
    assert ((drawn > 0) == canvas.shown(0)).all()
    with pytest.raises(InputError, match="no colours"):
        colour_labels(cs.open(noise(2, 8, 8), as_="images").view("images", frame=8))
