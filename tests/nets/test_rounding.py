"""That equal numbers come out equal, wherever they lie in memory; recipes are replayed to the last bit on this."""

import torch
from hypothesis import given
from hypothesis import strategies as st

import conceptstain  # noqa: F401 - it tells MKL to round alike

sizes = st.sampled_from([4, 9, 31, 64])


@given(rows=st.integers(1, 4), inputs=sizes, outputs=sizes, offset=st.integers(1, 16))
def test_products_do_not_depend_on_where_their_factors_lie_in_memory(rows, inputs, outputs, offset):
    layer, items = torch.nn.Linear(inputs, outputs), torch.randn(rows, inputs)
    elsewhere = torch.empty(items.numel() + offset)[offset:].view(rows, inputs)
    elsewhere.copy_(items)
    assert torch.equal(layer(elsewhere), layer(items))


@given(inputs=sizes, outputs=sizes)
def test_equal_rows_of_a_pair_have_equal_products(inputs, outputs):
    first, second = torch.nn.Linear(inputs, outputs)(torch.randn(1, inputs).repeat(2, 1))
    assert torch.equal(first, second)
