"""Operators of an exported graph as the layers of torch that compute them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["NATIVE_NORM", "layer_for", "operator_of"]

NATIVE_NORM = "_native_batch_norm_legit_no_training"
"""Batch normalisation that puts out its statistics, too: what it becomes where nothing may be written over."""

Call = Mapping[str, Any]  # an operator's arguments by the names of its schema


def operator_of(node: fx.Node) -> str:
    """Name of the operator that a node calls, such as ``"conv2d"``; empty where it calls none."""
    if node.op != "call_function" or not isinstance(node.target, OpOverload):
        return ""
    return str(node.target.overloadpacket).removeprefix("aten.")


def layer_for(node: fx.Node, owner: nn.Module) -> nn.Module | None:
    """The layer that a node is, with its owner's weights, which it shares; None where no layer is known to be the same.

    The layer takes the node's first argument alone, and every weight is a parameter of the owner: weights that are
    computed stay with the operator.
    """
    made = LAYERS.get(operator_of(node))
    if made is None:
        return None
    call: dict[str, Any] = {}
    first, *others = node.target._schema.arguments  # type: ignore[union-attr]  # noqa: SLF001 - the arguments' names
    for number, argument in enumerate(others, 1):
        default = argument.default_value if argument.has_default_value() else None
        value = node.args[number] if number < len(node.args) else node.kwargs.get(argument.name, default)
        if isinstance(value, fx.Node) and value.op == "get_attr":
            value = attrgetter(str(value.target))(owner)
        learned = argument.name in {"weight", "bias"}
        if isinstance(value, fx.Node) or (learned and not isinstance(value, nn.Parameter | None)):
            return None
        call[argument.name] = tuple(value) if isinstance(value, list | tuple) else value
    if not node.args or first.name in node.kwargs:
        return None
    return made(call)


def _relu(_: Call) -> nn.Module:
    return nn.ReLU()


def _max_pool(call: Call) -> nn.Module:
    sizes = (call["kernel_size"], call["stride"] or None, call["padding"], call["dilation"])
    return nn.MaxPool2d(*sizes, ceil_mode=bool(call["ceil_mode"]))


def _with_weights(layer: nn.Module, call: Call) -> nn.Module:
    layer.weight, layer.bias = call["weight"], call["bias"]
    return layer


def _convolution(call: Call) -> nn.Module | None:
    outer, inner, *kernel = call["weight"].shape
    sizes = (tuple(kernel), call["stride"], call["padding"], call["dilation"], call["groups"])
    layer = nn.Conv2d(inner * call["groups"], outer, *sizes, bias=call["bias"] is not None, device="meta")
    return _with_weights(layer, call)


def _transposed_convolution(call: Call) -> nn.Module:
    inner, outer, *kernel = call["weight"].shape
    sizes = (tuple(kernel), call["stride"], call["padding"], call["output_padding"], call["groups"])
    with_bias = call["bias"] is not None
    layer = nn.ConvTranspose2d(
        inner, outer * call["groups"], *sizes, bias=with_bias, dilation=call["dilation"], device="meta"
    )
    return _with_weights(layer, call)


def _linear(call: Call) -> nn.Module:
    outer, inner = call["weight"].shape
    return _with_weights(nn.Linear(inner, outer, bias=call["bias"] is not None, device="meta"), call)


class BatchNorm(_BatchNorm):
    """Batch normalisation of inputs with any number of places: the graph does not say how many."""

    def _check_input_dim(self, _: Tensor) -> None:
        pass


def _batch_norm(call: Call) -> nn.Module | None:
    mean, variance = call["running_mean"], call["running_var"]
    if not isinstance(mean, Tensor) or not isinstance(variance, Tensor):
        return None
    affine = call["weight"] is not None
    layer = BatchNorm(len(mean), call["eps"], call["momentum"], affine=affine, device="meta")
    layer.running_mean, layer.running_var, layer.num_batches_tracked = mean, variance, torch.tensor(0)
    return _with_weights(layer, call).eval()


def _group_norm(call: Call) -> nn.Module | None:
    if call["weight"] is None:
        return None
    return _with_weights(nn.GroupNorm(call["num_groups"], len(call["weight"]), call["eps"], device="meta"), call)


def _layer_norm(call: Call) -> nn.Module | None:
    if call["weight"] is None:
        return None
    with_bias = call["bias"] is not None
    return _with_weights(nn.LayerNorm(call["normalized_shape"], call["eps"], bias=with_bias, device="meta"), call)


LAYERS: dict[str, Callable[[Call], nn.Module | None]] = {
    "relu": _relu,
    "max_pool2d": _max_pool,
    "conv2d": _convolution,
    "conv_transpose2d": _transposed_convolution,
    "linear": _linear,
    "batch_norm": _batch_norm,
    NATIVE_NORM: _batch_norm,
    "group_norm": _group_norm,
    "layer_norm": _layer_norm,
}
