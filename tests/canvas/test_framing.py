from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.framing import Framing, averaging_weights
from pictures import noise
from strategies import laws

FITS = ("pad", "stretch", "crop")
sides = st.integers(2, 40)
frames = st.tuples(st.sampled_from([8, 16, 24]), st.sampled_from([8, 16, 24]))


@pytest.mark.parametrize("fit", FITS)
def test_a_picture_of_the_frames_size_stays_as_it_is(fit):
    picture = noise(3, 16, 24, dtype=np.float32)
    framing = Framing.of((16, 24), (16, 24), fit)
    np.testing.assert_array_equal(framing.framed(picture), picture)
    np.testing.assert_array_equal(framing.unframed(picture), picture)


@laws
@given(height=sides, width=sides, frame=frames, fit=st.sampled_from(FITS))
def test_a_flat_picture_stays_flat_there_and_back(height, width, frame, fit):
    framing = Framing.of((height, width), frame, fit)
    framed = framing.framed(np.full((1, height, width), 0.25, np.float32))
    np.testing.assert_allclose(framed, 0.25, rtol=1e-6)
    placed = framing.unframed(framed)
    assert placed.shape == (1, height, width)
    np.testing.assert_allclose(placed[np.isfinite(placed)], 0.25, rtol=1e-6)
    assert np.isfinite(placed).all() or fit == "crop"
    kept = min(height, width * frame[0] / frame[1]), min(width, height * frame[1] / frame[0])
    if fit != "crop" or min(kept) > 1:  # a narrower strip may lie between the pixels' centres
        assert np.isfinite(placed[:, height // 2, width // 2]).all()


@laws
@given(height=sides, width=sides, frame=frames, fit=st.sampled_from(FITS))
def test_pixels_are_read_where_they_lie_on_the_frame(height, width, frame, fit):
    """A ramp along an axis of the frame is read at each pixel's place on it."""
    framing = Framing.of((height, width), frame, fit)
    (top, left, rows, columns), (y, x, tall, wide) = framing.box, framing.shown
    ramp = np.arange(frame[0], dtype=np.float32)[:, None] + 100 * np.arange(frame[1], dtype=np.float32)
    placed = framing.unframed(ramp)
    for row in range(height):
        for column in range(width):
            down, across = (row + 0.5 - y) / tall, (column + 0.5 - x) / wide
            if not (0 <= down <= 1 and 0 <= across <= 1):
                assert np.isnan(placed[row, column])
                continue
            at = np.clip(down * rows - 0.5, 0, rows - 1) + top, np.clip(across * columns - 0.5, 0, columns - 1) + left
            assert placed[row, column] == pytest.approx(at[0] + 100 * at[1], rel=1e-4, abs=1e-3)


def test_padding_repeats_the_edge_and_keeps_the_shape():
    picture = noise(1, 8, 32, dtype=np.float32)
    framed = Framing.of((8, 32), (16, 16), "pad").framed(picture)
    np.testing.assert_array_equal(framed[:, :6], np.repeat(framed[:, 6:7], 6, axis=1))
    np.testing.assert_array_equal(framed[:, 10:], np.repeat(framed[:, 9:10], 6, axis=1))


def test_cropping_shows_the_middle():
    picture = noise(1, 8, 32, dtype=np.float32)
    framing = Framing.of((8, 32), (8, 8), "crop")
    np.testing.assert_array_equal(framing.framed(picture), picture[..., 12:20])
    placed = framing.unframed(framing.framed(picture))
    np.testing.assert_array_equal(placed[..., 12:20], picture[..., 12:20])
    assert np.isnan(placed[..., :12]).all()
    assert np.isnan(placed[..., 20:]).all()


@pytest.mark.parametrize(("n_from", "n_to"), [(64, 16), (50, 16), (16, 40)])
def test_resizing_is_that_of_pillow(n_from, n_to):
    from PIL import Image

    values = noise(1, n_from, dtype=np.float32)
    with Image.fromarray(values) as image:
        expected = np.asarray(image.resize((n_to, 1), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(values @ averaging_weights(n_from, n_to, 0, n_from).T, expected, atol=1e-5)
