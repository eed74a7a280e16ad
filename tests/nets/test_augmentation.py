import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.errors import InputError
from conceptstain.nets.augmentation import Augmentation


def pictures(n=64, side=6, width=None):
    return torch.rand((n, 3, side, width or side), generator=torch.Generator().manual_seed(0))


def changed(x, seed=0, **how):
    return Augmentation(**how)(x, torch.Generator().manual_seed(seed))


def symmetries_of(picture):
    turns = [torch.rot90(picture, quarter, dims=(-2, -1)) for quarter in range(4)]
    return [*turns, *(turn.flip(-1) for turn in turns)]


def test_without_settings_nothing_changes():
    x = pictures()
    assert not Augmentation().changes
    assert torch.equal(changed(x), x)


def test_a_mirrored_picture_is_itself_or_its_mirror_image_about_equally_often():
    x = pictures(200)
    y = changed(x, symmetries="mirror")
    itself = torch.tensor([torch.equal(a, b) for a, b in zip(x, y, strict=True)])
    mirrored = torch.tensor([torch.equal(a.flip(-1), b) for a, b in zip(x, y, strict=True)])
    assert (itself | mirrored).all()
    assert 60 < itself.sum() < 140


def test_all_eight_symmetries_of_a_square_are_drawn():
    x = pictures(200)
    seen = set()
    for before, after in zip(x, changed(x, symmetries="all"), strict=True):
        (which,) = (i for i, symmetry in enumerate(symmetries_of(before)) if torch.equal(symmetry, after))
        seen.add(which)
    assert seen == set(range(8))


def test_a_picture_that_is_not_square_keeps_its_shape():
    x = pictures(50, 4, 8)
    y = changed(x, symmetries="all")
    assert y.shape == x.shape
    for before, after in zip(x, y, strict=True):
        assert any(torch.equal(each, after) for each in symmetries_of(before) if each.shape == before.shape)


@given(seed=st.integers(0, 100), shift=st.integers(1, 9))
def test_a_shifted_picture_repeats_its_border(seed, shift):
    x = pictures(4)
    y = changed(x, seed, shift=shift)
    down, right = torch.randint(-shift, shift + 1, (2, 4, 1), generator=torch.Generator().manual_seed(seed))
    for item in range(4):
        for row in range(6):
            for column in range(6):
                source = min(max(row - int(down[item]), 0), 5), min(max(column - int(right[item]), 0), 5)
                assert torch.equal(y[item, :, row, column], x[item, :, *source])


def test_light_changes_brightness_and_contrast_within_bounds_and_stays_in_range():
    x = 0.3 + 0.4 * pictures()
    y = changed(x, light=0.1)
    before, after = x.flatten(1), y.flatten(1)
    assert not torch.equal(x, y)
    assert ((after.mean(1) / before.mean(1) - 1).abs() <= 0.1001).all()
    assert ((after.std(1) / before.std(1) - 1).abs() <= 0.1001).all()
    assert changed(pictures(), light=0.9).min() >= 0
    assert changed(pictures(), light=0.9).max() <= 1


def test_the_generator_alone_decides():
    x = pictures()
    how = {"symmetries": "all", "shift": 2, "light": 0.2}
    assert torch.equal(changed(x, 3, **how), changed(x, 3, **how))
    assert not torch.equal(changed(x, 3, **how), changed(x, 4, **how))


@pytest.mark.parametrize("wrong", [{"symmetries": "some"}, {"shift": -1}, {"light": 1.0}, {"light": float("nan")}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match="out of range"):
        Augmentation(**wrong)
