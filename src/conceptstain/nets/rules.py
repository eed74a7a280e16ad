"""Gradient rules: what happens to a gradient at a ReLU on its way back to the input.

A rule is data: a name and a small function of the incoming gradient ``R``, the activation's output ``a`` and its input
``u``. It acts only inside ``with applied(rule, encoder)``, and nothing of it stays behind. A new rule is one more small
function here; what it does not know of a network is refused by name instead of being given its true gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoder

__all__ = ["GRADIENT", "AtReLU", "Rule", "applied", "percentile_of_each", "rectified", "unknown_activations"]

AtReLU = Callable[[Tensor, Tensor, Tensor], Tensor]

# Nodes of the autograd graph that bend a signal; maximum pooling is not among them, it keeps its true gradient.
BENDING = frozenset(
    {"Relu", "LeakyRelu", "Prelu", "PreluKernel", "RreluWithNoise", "Elu", "Celu", "Gelu", "Silu", "Mish", "Sigmoid"}
    | {"LogSigmoid", "Tanh", "Softplus", "Softmax", "Glu", "Hardtanh", "Hardswish", "Hardsigmoid", "Hardshrink"}
    | {"Softshrink", "Threshold", "Clamp", "ClampMin", "ClampMax", "Maximum", "Minimum", "Where", "Abs"}
)


@final
@dataclass(frozen=True)
class Rule:
    """How a gradient passes an activation.

    Attributes
    ----------
    name
        Name in the literature.
    at_relu
        ``(R, a, u) -> R'``: the gradient that leaves a ReLU towards the input, from the gradient ``R`` that reaches it,
        its output ``a`` and its input ``u``, all of one shape. None: every activation keeps its true derivative.
    settings
        What the rule was made with.
    """

    name: str
    at_relu: AtReLU | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


GRADIENT = Rule("gradient")


def rectified(percentile: float = 95.0) -> Rule:
    """Rectified gradient: only the strongest ``a * R`` of a layer pass.

    ``R' = R * 1[a R > tau]``, ``tau`` the q-th percentile of ``a R`` over the whole layer, for each input by itself. No
    other mask of the ReLU: where ``tau`` is negative, units that are off pass their gradient too.

    Parameters
    ----------
    percentile
        q in 0..100; 95 in the Concept Saliency Maps notebooks.

    Raises
    ------
    InputError
        Not in 0..100.

    References
    ----------
    Kim et al. 2019, arXiv:1902.04312; the percentile and the strict comparison as in the released code
    (1202kbs/Rectified-Gradient, ``rectgrad``).
    """
    if not 0.0 <= percentile <= 100.0:
        raise InputError("A percentile lies between 0 and 100", got=str(percentile), cure="The paper uses 95")

    def at_relu(incoming: Tensor, output: Tensor, _: Tensor) -> Tensor:
        importance = output * incoming
        return incoming * (importance > percentile_of_each(importance, percentile))

    return Rule("rectified", at_relu, {"percentile": float(percentile)})


def percentile_of_each(values: Float[Tensor, "batch ..."], percentile: float) -> Float[Tensor, "batch ..."]:
    """The q-th percentile of every sample, one of its own values (the nearest rank), shaped to broadcast with them."""
    flat = values.flatten(start_dim=1)
    # TensorFlow 1, which the released code calls, counts from the largest and rounds halves to even, as Python does.
    larger = round((flat.shape[1] - 1) * (1.0 - percentile / 100.0))
    return flat.topk(larger + 1, dim=1).values[:, -1].reshape(-1, *[1] * (values.ndim - 1))


@contextmanager
def applied(rule: Rule, encoder: Encoder) -> Iterator[None]:
    """Let a rule act on an encoder's network within a ``with`` block.

    One job per network at a time: a rule changes the network's hooks.

    Raises
    ------
    MismatchError
        The way from the input to the latent mean has activations that the rule does not know, or none at all.
    """
    if rule.at_relu is None:
        yield
        return
    known, unknown = _activations(encoder)
    if unknown or not known:
        raise MismatchError(
            f"The {rule.name} rule is defined at ReLU layers alone, and would be the plain gradient elsewhere",
            got="; ".join(unknown) or "an encoder without any ReLU",
            cure="Choose the gradient rule, or an encoder whose activations are nn.ReLU(inplace=False) modules",
        )
    at_relu = rule.at_relu

    def replace(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        ruled: Tensor = _RuledReLU.apply(inputs[0], output.detach(), at_relu)  # type: ignore[no-untyped-call]
        return ruled

    hooks = [module.register_forward_hook(replace) for module in encoder.network.modules() if type(module) is nn.ReLU]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def unknown_activations(encoder: Encoder) -> tuple[str, ...]:
    """Activations between the input and the latent mean that the rules do not know, each named with the reason."""
    return _activations(encoder)[1]


class _RuledReLU(torch.autograd.Function):
    """The output of a ReLU as it is, with a rule in place of its derivative."""

    @staticmethod
    def forward(ctx: Any, entered: Tensor, left: Tensor, at_relu: AtReLU) -> Tensor:
        ctx.save_for_backward(entered, left)
        ctx.at_relu = at_relu
        return left.view_as(left)

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor) -> tuple[Tensor, None, None]:
        entered, left = ctx.saved_tensors
        return ctx.at_relu(incoming[0], left, entered), None, None


def _activations(encoder: Encoder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Known and unknown activations on the way to the latent mean, found in the graph of one pass.

    The graph, and not the list of modules, tells what matters: a decoder's activations do not, a function call does.
    """
    mean, made_by = _traced(encoder)
    known: list[str] = []
    unknown: list[str] = []
    for node in _graph(mean.grad_fn):
        kind = type(node).__name__.split("Backward")[0].lstrip("_")
        if kind not in BENDING:
            continue
        name, module = made_by.get(node, ("", None))
        if module is None:
            unknown.append(f"{kind.lower()} called as a function, where no rule can reach it")
        elif type(module) is not nn.ReLU:
            unknown.append(f"{name} ({type(module).__name__})")
        elif module.inplace:
            unknown.append(f"{name} (ReLU in place, which overwrites what the rule needs)")
        else:
            known.append(name)
    return tuple(known[::-1]), tuple(unknown[::-1])


def _traced(encoder: Encoder) -> tuple[Tensor, dict[Any, tuple[str, nn.Module]]]:
    """The latent mean of one empty input, and which module made which node of its graph."""
    made_by: dict[Any, tuple[str, nn.Module]] = {}

    def note(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            node = getattr(output, "grad_fn", None)
            # Dropout hands its input on and made nothing; a layer in place has made its input what it is now.
            handed_on = any(getattr(entered, "grad_fn", None) is node for entered in inputs)
            if node is not None and (not handed_on or getattr(module, "inplace", False)):
                made_by.setdefault(node, (name, module))  # inner modules come first

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in encoder.network.named_modules() if name]
    try:
        with torch.enable_grad():
            example = encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32)).requires_grad_()
            return encoder.encode(example).mean, made_by
    finally:
        for hook in hooks:
            hook.remove()


def _graph(end: Any) -> Iterator[Any]:
    """Every node of an autograd graph, from its end."""
    seen = {end}
    waiting = [end]
    while waiting:
        node = waiting.pop()
        yield node
        for earlier, _ in node.next_functions:
            if earlier is not None and earlier not in seen:
                seen.add(earlier)
                waiting.append(earlier)
