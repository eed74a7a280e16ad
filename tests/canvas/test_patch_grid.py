from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.canvas.patch_grid import ImagePatchSettings, frame_of, grid_of, resolution_of
from pictures import noise, pyramid
from strategies import laws


@laws
@given(side=st.integers(8, 300), size=st.sampled_from([8, 16, 64]), factor=st.floats(1, 4), data=st.data())
def test_the_grid_covers_the_slide_and_no_patch_lies_beside_it(side, size, factor, data):
    settings = ImagePatchSettings(size, data.draw(st.integers(1, size)))
    (height, _), (rows, _) = frame_of((side, side), factor), grid_of((side, side), factor, settings)
    assert height * factor >= side - 1e-6
    assert (rows - 1) * settings.step + size >= height
    assert rows == 1 or (rows - 1) * settings.step < height


@pytest.mark.parametrize(
    ("asked", "level", "factor"),
    [(0.5, 0, 1), (0.504, 0, 1), (0.75, 0, 1.5), (1.0, 1, 1), (0.995, 1, 1), (3.0, 2, 1.5), (40.0, 2, 20)],
)
def test_a_pixel_size_is_read_from_the_next_finer_level(asked, level, factor):
    slide = cs.open(pyramid(noise(64, 64)), as_="slide", pixel_size=0.5)
    found = resolution_of(slide, ImagePatchSettings(pixel_size=asked))
    assert found == (level, pytest.approx(factor))


def test_half_of_a_patch_is_the_usual_step():
    assert ImagePatchSettings(64).step == 32
    assert ImagePatchSettings(64, 64).step == 64
