"""Label images as label maps."""

from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.canvas.slide import Slide
from conceptstain.errors import InputError, MismatchError, ReadingError
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def canvas():
    return cs.open(np.stack([noise(16, 16, seed=seed) for seed in range(4)]), as_="images").view("images", frame=16)


def stack_of(n=4, size=(16, 16), most=3):
    return np.random.default_rng(0).integers(0, most, (n, *size))


def test_every_number_that_is_painted_is_a_label(canvas):
    stack = stack_of()
    stack[:] *= 7
    maps = painted_labels(canvas, stack, category="cell")
    assert [str(label) for label in maps.labels] == ["7 (cell)", "14 (cell)"]
    assert maps.categories == ("cell",)
    assert (maps.of([2, 0]).planes[..., 0] == stack[[2, 0]] // 7).all()
    assert not maps.of([2, 0]).whole.any()


def test_numbers_are_called_by_their_names_and_those_without_a_meaning_left_out(canvas):
    stack = stack_of(most=4)
    maps = painted_labels(canvas, stack, names=["background", "skin", "", "eye"])
    assert [label.name for label in maps.labels] == ["skin", "eye"]
    drawn = maps.of(range(4)).planes[..., 0]
    assert ((drawn == maps.number("eye")) == (stack == 3)).all()
    assert ((drawn == maps.number("skin", "part")) == (stack == 1)).all()
    assert (drawn[(stack == 2) | (stack == 0)] == 0).all()


def test_a_number_without_a_name_is_told_with_its_picture(canvas):
    stack = np.zeros((4, 16, 16), dtype=int)
    stack[2, 3, 3] = 9
    maps = painted_labels(canvas, stack, names={1: "skin"})
    maps.of([0, 1])
    with pytest.raises(InputError, match=r"number without a name[\s\S]*9 on 2"):
        maps.of([2])


def test_instances_are_things_of_one_kind(canvas):
    stack = stack_of(most=3000)
    maps = painted_labels(canvas, stack, instances="nucleus")
    assert [label.name for label in maps.labels] == ["nucleus"]
    assert ((maps.of([1]).planes[0, ..., 0] == 1) == (stack[1] > 0)).all()


def test_masks_of_files_are_found_by_name_and_lie_where_the_pictures_do(tmp_path):
    rng = np.random.default_rng(1)
    sizes = [(24, 48), (48, 24), (24, 24)]
    for number, size in enumerate(sizes):
        write_picture(tmp_path / "images" / f"{number}.png", noise(*size, seed=number))
    masks = [rng.integers(0, 2, size).astype(np.uint8) for size in sizes[:2]]
    for number, mask in enumerate(masks):
        write_picture(tmp_path / "masks" / f"{number}_mask.png", np.kron(mask[::8, ::8], np.ones((8, 8), np.uint8)))
    write_picture(tmp_path / "masks" / "stranger.png", masks[0])
    canvas = cs.open(tmp_path / "images").view("images", frame=24)
    maps = painted_labels(canvas, tmp_path / "masks", names={1: "glass"})
    assert maps.items.tolist() == [0, 1]
    wide, tall = maps.of([0, 1]).planes[..., 0]
    assert (wide[6:18] == np.kron(masks[0][::8, ::8], np.ones((4, 4)))).all()  # padded above and below
    assert (tall[:, 6:18] == np.kron(masks[1][::8, ::8], np.ones((4, 4)))).all()
    assert not wide[:6].any()
    assert not wide[18:].any()
    assert any("1 mask" in note for note in maps.notes)
    assert any("without a mask" in note and "2.png" in note for note in maps.notes)
    assert maps.of([2]).planes.size == 0  # nothing is said of it


def test_masks_of_other_pictures_or_sizes_are_refused_before_any_is_read(tmp_path, canvas):
    with pytest.raises(MismatchError, match=r"another size[\s\S]*8 x 16 for 16 x 16"):
        painted_labels(canvas, stack_of(size=(8, 16)))
    with pytest.raises(ReadingError, match="holds no images"):
        painted_labels(canvas, tmp_path)
    write_picture(tmp_path / "elsewhere.png", noise(16, 16))
    with pytest.raises(MismatchError, match=r"no mask of the pictures"):
        painted_labels(canvas, tmp_path)


@pytest.mark.parametrize(
    ("masks", "options", "words"),
    [
        (stack_of(n=3), {}, "A stack of labels"),
        (stack_of() * 0.5, {}, "A stack of labels"),
        (stack_of() * 0, {}, "Nothing is painted"),
        (stack_of(most=10**6), {}, "more labels than anyone names"),
        (stack_of(), {"names": {0: ""}}, "No number has a name"),
        (stack_of(), {"names": ["", "a"], "instances": "b"}, "Instances have one name"),
    ],
    ids=["few", "fractions", "empty", "instances", "nameless", "both"],
)
def test_what_is_no_label_image_is_refused(canvas, masks, options, words):
    if "more labels" in words:
        canvas = cs.open(np.zeros((1, 64, 64), np.uint8) + noise(64, 64)[None], as_="images").view("images", frame=64)
        masks = np.arange(4096).reshape(1, 64, 64)
    with pytest.raises(InputError, match=words):
        painted_labels(canvas, masks, **options)


def test_labels_on_a_slide_lie_on_its_patches():
    pixels = noise(64, 64, 3)
    slide = cs.open(pixels, as_="slide")
    assert isinstance(slide, Slide)
    patches = slide.view("patches", size=16, stride=16, background="keep")
    labels = np.random.default_rng(0).integers(0, 5, (64, 64))
    maps = painted_labels(patches, labels, names={number: f"part {number}" for number in range(1, 5)})
    for item, (row, column) in enumerate(patches.corners):
        drawn = maps.of([item]).planes[0, ..., 0]
        assert (drawn == labels[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]).all()
