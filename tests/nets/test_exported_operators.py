"""Arithmetic on tensors is known, and nothing that reaches beyond it."""

from __future__ import annotations

import pytest

from conceptstain.nets.exported_operators import is_known_operator


@pytest.mark.parametrize(
    "target",
    ["torch.ops.aten.conv2d.default", "torch.ops.aten.relu_.default", "torch.ops.aten.add.Tensor", "_operator.mul"],
)
def test_arithmetic_is_known(target):
    assert is_known_operator(target)


@pytest.mark.parametrize(
    "target",
    [
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.add.out",
        "torch.ops.higher_order.cond",
        "torch.ops.mine.conv2d.default",
        "torch.os.system",
        "torch.ops.aten.conv2d.default.__class__",
        "_operator.attrgetter",
        "#mine:op",
        "math.sqrt",
        "",
        None,
    ],
)
def test_all_else_is_not(target):
    assert not is_known_operator(target)
