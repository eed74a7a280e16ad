"""Pre-flight of the methods that need a rule for every layer: which networks they fit, and why not.

A rule is known for some activations, and every affine layer passes a gradient by its own derivative. Whatever else is
found on the way from the input to the score would be given its true gradient in silence, so it is refused by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeAlias

from torch import nn

from conceptstain.concepts.definition import LATENT
from conceptstain.methods.gradient import as_evaluated
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.ruled import Passed, passed_layers

__all__ = ["cannot_be_differentiated", "deep_lift_refusal", "relevance_refusal"]

Faults: TypeAlias = Mapping[type[nn.Module], Callable[[nn.Module], str | None]]
"""Modules with a rule, and for each why it may not be used as it is."""

# Nodes of the autograd graph that are affine in what reaches them, where it reaches them on one way (on several, those
# that add or arrange it).
ADDING = frozenset(
    {"Add", "Sub", "Neg", "Sum", "Mean", "View", "UnsafeView", "ReshapeAlias", "Transpose", "T", "Permute", "Squeeze"}
    | {"Unsqueeze", "Expand", "Slice", "Select", "Index", "Cat", "Stack", "Split", "Clone", "Alias", "ToCopy", "Copy"}
    | {"AvgPool2D", "MkldnnAvgPool2D", "AdaptiveAvgPool2D", "MkldnnAdaptiveAvgPool2D", "ConstantPadNd", "AsStrided"}
    | {"ReflectionPad2D", "ReplicationPad2D", "UpsampleNearest2D", "UpsampleBilinear2D", "Repeat", "Flip", "Roll"}
    | {"UnsafeSplit", "Narrow", "PixelShuffle", "PixelUnshuffle"}
)
MULTIPLYING = frozenset(
    {"Mul", "Div", "Mm", "Mv", "Bmm", "Dot", "Addmm", "Addmv", "Baddbmm", "Linear", "Convolution"}
    | {"ConvolutionOverrideable", "MkldnnConvolution", "SlowConv3D", "ThnnConv2D"}
)
NORMALISING = frozenset(
    {"NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm"}
)  # by what was learned, or by the batch
LEAF = "AccumulateGrad"


def cannot_be_differentiated(encoder: Encoder, space: str = LATENT) -> str | None:
    """Why the concept score has no gradient, or None."""
    with as_evaluated(encoder.network):
        passed = passed_layers(encoder, None if space == LATENT else space)
    return "its latent mean cannot be differentiated" if passed is None else None


def deep_lift_refusal(encoder: Encoder, space: str = LATENT) -> str | None:
    """Why DeepLift cannot be made with a network, or None.

    It needs every activation to be a module of torch that captum has a rescale rule for (ReLU, LeakyReLU, ELU, Sigmoid,
    Tanh, Softplus, and MaxPool2d with windows side by side), used once and not in place.
    """
    return _refusal(encoder, space, DEEP_LIFT, once=True)


def relevance_refusal(encoder: Encoder, space: str = LATENT) -> str | None:
    """Why LRP cannot be made with a network, or None: every activation has to be ``nn.ReLU``, not in place.

    Maximum pooling hands its relevance to the largest pixel.
    """
    return _refusal(encoder, space, RELEVANCE)


def _in_place(module: nn.Module) -> str | None:
    return "in place, which overwrites what the rule needs" if getattr(module, "inplace", False) else None


def _never(_module: nn.Module) -> str | None:
    return None


def _overlapping(module: nn.Module) -> str | None:
    if not isinstance(module, nn.MaxPool2d):
        return None
    side_by_side = (
        module.stride == module.kernel_size and module.padding in {0, (0, 0)} and module.dilation in {1, (1, 1)}
    )
    return None if side_by_side else "with windows that overlap or pad, where captum's rule is wrong"


ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Sigmoid, nn.Tanh, nn.Softplus)
DEEP_LIFT: Faults = {**dict.fromkeys(ACTIVATIONS, _in_place), nn.MaxPool2d: _overlapping}
RELEVANCE: Faults = {nn.ReLU: _in_place, nn.MaxPool2d: _never}


def _refusal(encoder: Encoder, space: str, known: Faults, *, once: bool = False) -> str | None:
    with as_evaluated(encoder.network):
        passed = passed_layers(encoder, None if space == LATENT else space)
    if passed is None:
        return "its latent mean cannot be differentiated"
    bent = [layer for layer in passed if not _is_affine(layer)]
    uses = Counter(layer.name for layer in bent) if once else Counter()
    unknown = [_told(layer, known, uses) for layer in reversed(bent)]
    found = list(dict.fromkeys(filter(None, unknown)))
    return f"it has no rule for {', '.join(found)}" if found else None


def _is_affine(layer: Passed) -> bool:
    if layer.does in NORMALISING:
        return getattr(layer.module, "running_mean", None) is not None
    return layer.does in {*ADDING, LEAF} or (layer.does in MULTIPLYING and layer.reached_by == 1)


def _told(layer: Passed, known: Faults, uses: Counter[str]) -> str | None:
    if layer.module is None:
        return f"{layer.does.lower()} called as a function"
    if type(layer.module) not in known:
        return f"{layer.name} ({type(layer.module).__name__})"
    if uses[layer.name] > 1:
        return f"{layer.name} ({type(layer.module).__name__} used {uses[layer.name]} times)"
    fault = known[type(layer.module)](layer.module)
    return None if fault is None else f"{layer.name} ({type(layer.module).__name__} {fault})"
