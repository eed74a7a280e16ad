"""What is painted on pictures, as attributes of them."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas.painted_annotations import painted_annotations
from conceptstain.errors import InputError
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    for number in range(6):
        write_picture(folder / f"{number:03}.png", noise(8, 8 + 2 * (number % 2), seed=number))
    return cs.open(folder)


def masks_of(images):
    rng = np.random.default_rng(3)
    return [rng.integers(0, 3, size) * (rng.random(size) < 0.3) for size in images.sizes]


def test_masks_in_a_folder_say_which_pictures_hold_a_label(tmp_path, images):
    masks = masks_of(images)
    masks[4][:] = 0
    for name, mask in zip(images.names[1:], masks[1:], strict=True):
        write_picture(tmp_path / "masks" / name, mask.astype(np.uint8))
    said = painted_annotations(images, tmp_path / "masks", least_part=0.12, names={2: "gland"})
    assert said.attributes == ("1", "gland")
    for attribute, value in (("1", 1), ("gland", 2)):
        parts = {name: (mask == value).mean() for name, mask in zip(images.names[1:], masks[1:], strict=True)}
        assert said.positives(attribute) == tuple(name for name, part in parts.items() if part >= 0.12)
        assert said.negatives(attribute) == tuple(name for name, part in parts.items() if part == 0)
    assert any("says nothing about 1 of the 6 pictures" in note for note in said.notes)


def test_a_painted_stack_lies_on_the_pictures_as_they_are_shown(images):
    masks = masks_of(images)
    stack = np.full((6, 8, 10), 1)  # beside the narrow pictures it is painted all over, which is of no picture
    for page, mask in zip(stack, masks, strict=True):
        page[:, : mask.shape[1]] = mask
    for given_ in (stack, da.from_array(stack, chunks=(1, 8, 10)), stack.astype(np.uint8)):
        said = painted_annotations(images, given_, least_pixels=9)
        expected = tuple(n for n, mask in zip(images.names, masks, strict=True) if (mask == 1).sum() >= 9)
        assert said.positives("1") == expected
    with pytest.raises(InputError, match="not of these pictures"):
        painted_annotations(images, stack[:3])
    with pytest.raises(InputError, match="whole number"):
        painted_annotations(images, stack.astype(float))


def test_pictures_that_were_left_out_keep_their_page():
    pixels = [noise(8, 8, seed=0), np.full((8, 8), np.nan), noise(8, 8, seed=2)]
    images = cs.open(pixels, as_="images")
    stack = np.zeros((3, 8, 8), dtype=int)
    stack[2] = 1
    assert painted_annotations(images, stack).positives("1") == (images.names[1],)


def test_colours_are_labels_and_lossy_masks_have_a_threshold(tmp_path, images):
    for number, name in enumerate(images.names):
        mask = np.zeros((8, 8, 3), dtype=np.uint8)
        mask[:2] = (255, 0, 0) if number % 2 else (0, 0, 255)
        write_picture(tmp_path / "colours" / name, mask)
        write_picture(tmp_path / "lossy" / name, np.where(mask.any(axis=2), 250, 3 + number % 2).astype(np.uint8))
    said = painted_annotations(images, tmp_path / "colours")
    assert said.attributes == ("#0000ff", "#ff0000")
    assert said.positives("#ff0000") == images.names[1::2]
    bright = painted_annotations(images, tmp_path / "lossy", above=127)
    assert bright.positives("1") == images.names
    with pytest.raises(InputError, match="more labels than anyone paints"):
        painted_annotations(images, (np.arange(6 * 64) + 1).reshape(6, 8, 8))
    with pytest.raises(InputError, match="Nothing is painted"):
        painted_annotations(images, np.zeros((6, 8, 10), dtype=int))
    with pytest.raises(InputError, match="one pixel or more"):
        painted_annotations(images, np.zeros((6, 8, 10), dtype=int), least_pixels=0)


def test_masks_may_be_called_masks(tmp_path, images):
    for number, name in enumerate(images.names):
        stem = name.removesuffix(".png")
        word = ("_mask", "_labels", "-Seg", "_anno", "_label", "")[number]
        write_picture(tmp_path / f"{stem}{word}.png", np.full((8, 8), number % 2, dtype=np.uint8))
    assert painted_annotations(images, tmp_path).positives("1") == images.names[1::2]
