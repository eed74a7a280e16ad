"""Where the units of a layer look: centres of their receptive fields in the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from conceptstain.nets.encoder import Encoder

__all__ = ["Geometry", "geometry"]


@final
@dataclass(frozen=True)
class Geometry:
    """Centres of receptive fields along height and width: ``offset + stride * index``, in pixels of the input.

    Attributes
    ----------
    offset, stride
        Of rows and of columns, from the centre of the first pixel.
    known
        Whether they were followed through the layers; else the units are taken to be spread evenly.
    """

    offset: tuple[float, float]
    stride: tuple[float, float]
    known: bool = True


Axes = tuple[tuple[float, float], tuple[float, float]]  # offset and stride, of rows and of columns

BEGIN: Axes = ((0.0, 1.0), (0.0, 1.0))


def geometry(encoder: Encoder, layer: str, shape: tuple[int, int]) -> Geometry:
    """Where the units of a layer look.

    Followed from the input through convolutions, pooling, padding and what works place by place, for as long as what
    one module puts out goes into the next. Elsewhere, as behind an addition that is no module, the units are taken to
    be spread evenly over the input.

    Parameters
    ----------
    encoder
        Its network is passed one empty input.
    layer
        As in ``network.named_modules()``.
    shape
        Height and width of what the layer puts out.
    """
    followed: dict[int, Axes] = {}
    kept: list[Tensor] = []  # or the identity of one that is gone could be that of another
    found: list[Axes | None] = []

    def note(name: str, module: nn.Module) -> Callable[..., None]:
        def hook(_: nn.Module, given: tuple[Any, ...], output: Any) -> None:
            axes = followed.get(id(given[0])) if given and isinstance(given[0], Tensor) else None
            leaf = not any(True for _ in module.children())
            if isinstance(output, Tensor):
                if axes is not None and leaf:
                    passed = _through(module, axes)
                    if passed is not None:
                        followed[id(output)] = passed
                        kept.append(output)
                if name == layer:
                    found.append(followed.get(id(output)))

        return hook

    hooks = [
        module.register_forward_hook(note(name, module)) for name, module in encoder.network.named_modules() if name
    ]
    try:
        with torch.no_grad():
            example = encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32))
            followed[id(example)] = BEGIN
            encoder.encode(example)
    finally:
        for hook in hooks:
            hook.remove()
    if len(found) == 1 and found[0] is not None:
        (down, down_stride), (across, across_stride) = found[0]
        return Geometry((down, across), (down_stride, across_stride))
    strides = tuple(side / units for side, units in zip(encoder.shape[-2:], shape, strict=True))
    return Geometry(((strides[0] - 1) / 2, (strides[1] - 1) / 2), (strides[0], strides[1]), known=False)


def _through(module: nn.Module, axes: Axes) -> Axes | None:
    """Where the outputs of a module look, by where its inputs do; None where it is not known."""
    if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        kernel, padding = _pair(module.kernel_size), module.padding
        stride = _pair(module.stride or module.kernel_size)
        dilation = _pair(getattr(module, "dilation", 1))
        if isinstance(padding, str):
            pads = (
                (0.0, 0.0)
                if padding == "valid"
                else tuple((d * (k - 1)) // 2 for d, k in zip(dilation, kernel, strict=True))
            )
        else:
            pads = _pair(padding)
        return _moved(axes, [d * (k - 1) / 2 - p for k, d, p in zip(kernel, dilation, pads, strict=True)], stride)
    if isinstance(module, nn.ZeroPad2d | nn.ReflectionPad2d | nn.ReplicationPad2d | nn.ConstantPad2d):
        left, _right, top, _bottom = (int(side) for side in module.padding)
        return _moved(axes, [-top, -left], (1, 1))
    if isinstance(module, nn.UpsamplingNearest2d | nn.UpsamplingBilinear2d | nn.Upsample):
        return None  # what follows is no encoder's way down
    if isinstance(module, nn.Flatten | nn.Linear | nn.ConvTranspose2d | nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        return None
    return axes if _works_place_by_place(module) else None


def _works_place_by_place(module: nn.Module) -> bool:
    known = (nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm, nn.Dropout, nn.Dropout2d, nn.Identity)
    return isinstance(module, known) or type(module).__module__ == "torch.nn.modules.activation"


def _moved(axes: Axes, by: Any, stride: tuple[float, float]) -> Axes:
    down, across = (
        (offset + shift * step, step * jump) for (offset, step), shift, jump in zip(axes, by, stride, strict=True)
    )
    return down, across


def _pair(value: Any) -> tuple[float, float]:
    return (value, value) if isinstance(value, int | float) else (value[0], value[1])
