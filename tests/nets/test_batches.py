import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.nets.batches import batches_of, drawn, n_batches, shifted


@given(down=st.integers(-5, 5), right=st.integers(-5, 5))
def test_a_shift_moves_pixels_and_brings_in_zeros(down, right):
    x = torch.arange(1.0, 25.0).reshape(1, 4, 6)
    moved = shifted(x, down, right)
    for row in range(4):
        for column in range(6):
            inside = 0 <= row - down < 4 and 0 <= column - right < 6
            assert moved[0, row, column] == (x[0, row - down, column - right] if inside else 0)


@given(st.lists(st.integers(2, 60), min_size=1, max_size=4), st.integers(2, 20))
def test_every_item_is_in_one_batch_of_its_own_section_and_none_is_alone(sizes, size):
    learned = [np.arange(n) + 1000 * section for section, n in enumerate(sizes)]
    batches = list(batches_of(learned, size, torch.Generator().manual_seed(0)))
    assert len(batches) == sum(n_batches(items, size) for items in learned)
    for section, items in enumerate(learned):
        seen = np.concatenate([batch for of, batch in batches if of == section])
        np.testing.assert_array_equal(np.sort(seen), items)
    assert min(len(batch) for _, batch in batches) >= 2


@given(st.lists(st.integers(2, 60), min_size=1, max_size=4), st.integers(8, 300))
def test_a_draw_takes_a_like_part_of_every_section_and_nothing_twice(sizes, most):
    learned = [np.arange(n) + 1000 * section for section, n in enumerate(sizes)]
    parts = drawn(learned, most, torch.Generator().manual_seed(0))
    for items, part in zip(learned, parts, strict=True):
        assert len(set(part.tolist())) == len(part) >= 2
        assert set(part.tolist()) <= set(items.tolist())
        assert abs(len(part) - len(items) * min(1, most / sum(sizes))) <= 2
