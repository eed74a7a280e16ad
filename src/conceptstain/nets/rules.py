"""Gradient rules: what happens to a gradient on its way from a score back to the input.

A rule is data: a name, and one small function for each kind of layer where it departs from the true derivative. Nothing
here touches a network; :mod:`conceptstain.nets.ruled` lets a rule act, and refuses networks that it does not fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from conceptstain.errors import InputError

__all__ = [
    "DECONVOLUTION",
    "GRADIENT",
    "GUIDED",
    "AtConvolution",
    "AtPool",
    "AtReLU",
    "Rule",
    "Variant",
    "is_padded",
    "percentile_of_each",
    "rectified",
]

AtReLU = Callable[[Tensor, Tensor, Tensor], Tensor]
AtPool = Callable[[Tensor, Tensor, nn.MaxPool2d], Tensor]
AtConvolution = Callable[[Tensor, nn.Conv2d], Tensor]
Variant = Literal["plain", "proportional", "modified", "constant"]

EPS = 1e-10  # of the released max pooling rule: keeps windows of zeros from dividing by zero


@final
@dataclass(frozen=True)
class Rule:
    """How a gradient passes the layers of a network; where a function is None, by its true derivative.

    ``R`` is the gradient that reaches a layer from the score, ``u`` what entered the layer and ``a`` what left it.

    Attributes
    ----------
    name
        Name in the literature.
    at_relu
        ``(R, a, u) -> R'``: the gradient that leaves a ReLU towards the input; all of one shape.
    at_pool
        ``(R, u, layer) -> R'``: the gradient that leaves a maximum pooling towards the input, of the shape of ``u``.
    at_convolution
        ``(R, layer) -> R``: the gradient that enters a two-dimensional convolution on its way back, instead of ``R``.
        Through the convolution itself it goes by the true derivative.
    settings
        What the rule was made with.
    """

    name: str
    at_relu: AtReLU | None = None
    at_pool: AtPool | None = None
    at_convolution: AtConvolution | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


GRADIENT = Rule("gradient")
"""The true derivative."""


def _guided(incoming: Tensor, _: Tensor, entered: Tensor) -> Tensor:
    return incoming.clamp(min=0) * (entered > 0)


def _deconvolution(incoming: Tensor, _: Tensor, __: Tensor) -> Tensor:
    return incoming.clamp(min=0)


GUIDED = Rule("guided", _guided)
"""Guided backpropagation, ``R' = 1[u > 0] max(R, 0)`` (Springenberg et al. 2015, arXiv:1412.6806, section 3.4)."""

DECONVOLUTION = Rule("deconvolution", _deconvolution)
"""Deconvolution, ``R' = max(R, 0)``, whether the unit was on or not (Zeiler & Fergus 2014, arXiv:1311.2901)."""


def rectified(
    percentile: float = 95.0, *, variant: Variant = "plain", threshold: float = 0.0, padding: bool = False
) -> Rule:
    """Rectified gradient: at every ReLU only the gradients of the most important units pass.

    ``R' = R * 1[a R > tau]``, ``tau`` the q-th percentile of ``a R`` over the whole layer, for each input by itself. No
    other mask of the ReLU: where ``tau`` is negative, units that are off pass their gradient too.

    Parameters
    ----------
    percentile
        q in 0..100; 95 in the Concept Saliency Maps notebooks, 98 unless told otherwise in the released code. Not
        of ``"constant"``.
    variant
        ``"plain"`` (``rectgrad`` in the released code): as above.

        ``"proportional"`` (``rectgradprr``): also, maximum pooling gives every pixel of a window its share of the
        window's sum, ``R' = u R / sum(u)``, and not all to the largest. A share where the window holds no negative
        values, as behind a ReLU; behind a normalisation it may explode.

        ``"modified"`` (``rectgradmod``): ``|a R|`` is ranked and compared, so that what speaks against the concept
        passes too.

        ``"constant"`` (``rectgradconst``): ``tau`` is ``threshold`` everywhere.
    threshold
        ``tau`` of ``"constant"``, in units of ``a R``. The released default 0 makes it guided backpropagation. Any
        other value makes the map depend on the length of the concept's direction.
    padding
        The border rule: the outermost pixel of the gradient that reaches a padded convolution is set to 0, whatever the
        size of its kernel. A map of 4 x 4 keeps 2 x 2, one of 2 x 2 nothing.

    Raises
    ------
    InputError
        No such variant, a percentile outside of 0..100, or a threshold that is not a number.

    Notes
    -----
    As in the released code: the percentile is one of the layer's own values (nearest rank), the comparison is strict,
    the share has 1e-10 added to the mean of the window. Other than there: the border rule is a choice (there it always
    acts); it counts a convolution as padded when it pads at all (TensorFlow knows only ``SAME`` and ``VALID``); the
    result is not multiplied by the input here (:func:`conceptstain.methods.saliency.saliency` decides on that).
    ``rectgradmod`` compares without absolute values in operations whose name contains "Logits", the class scores. The
    latent mean is what we have in their place, and no ReLU makes it, so nothing is excepted here.

    References
    ----------
    Kim et al. 2019, arXiv:1902.04893; released code 1202kbs/Rectified-Gradient.
    """
    if variant not in get_args(Variant):
        raise InputError(
            "The rectified rule has no such variant", got=repr(variant), cure=f"Use {', '.join(get_args(Variant))}"
        )
    if not 0.0 <= percentile <= 100.0:
        raise InputError("A percentile lies between 0 and 100", got=str(percentile), cure="The paper uses 95")
    if not math.isfinite(threshold):
        raise InputError("A threshold is a number", got=str(threshold), cure="The released code uses 0")

    def at_relu(incoming: Tensor, output: Tensor, _: Tensor) -> Tensor:
        importance = output * incoming
        if variant == "modified":
            importance = importance.abs()
        tau = threshold if variant == "constant" else percentile_of_each(importance, percentile)
        return incoming * (importance > tau)

    chosen = {"threshold": float(threshold)} if variant == "constant" else {"percentile": float(percentile)}
    return Rule(
        "rectified",
        at_relu,
        at_pool=_proportional if variant == "proportional" else None,
        at_convolution=_without_border if padding else None,
        settings={**chosen, "variant": variant, "padding": bool(padding)},
    )


def _proportional(incoming: Tensor, entered: Tensor, pool: nn.MaxPool2d) -> Tensor:
    """Each pixel's share of the sums of the windows that it lies in."""
    with torch.enable_grad():
        pixels = entered.detach().requires_grad_()
        means = avg_pool2d(
            pixels, pool.kernel_size, pool.stride, pool.padding, ceil_mode=pool.ceil_mode, count_include_pad=False
        )
    (share,) = torch.autograd.grad(means, pixels, incoming / (means.detach() + EPS))
    return entered * share


def _without_border(incoming: Tensor, convolution: nn.Conv2d) -> Tensor:
    """0 in the outermost row and column on each side."""
    if not is_padded(convolution):
        return incoming
    kept = torch.zeros_like(incoming)
    kept[..., 1:-1, 1:-1] = incoming[..., 1:-1, 1:-1]
    return kept


def is_padded(convolution: nn.Conv2d) -> bool:
    """Whether a convolution sees pixels around the picture."""
    padding = convolution.padding
    return padding == "same" if isinstance(padding, str) else any(padding)


def percentile_of_each(values: Float[Tensor, "batch ..."], percentile: float) -> Float[Tensor, "batch ..."]:
    """The q-th percentile of every sample, one of its own values (the nearest rank), shaped to broadcast with them."""
    flat = values.flatten(start_dim=1)
    # TensorFlow 1, which the released code calls, counts from the largest and rounds halves to even, as Python does.
    larger = round((flat.shape[1] - 1) * (1.0 - percentile / 100.0))
    return flat.topk(larger + 1, dim=1).values[:, -1].reshape(-1, *[1] * (values.ndim - 1))
