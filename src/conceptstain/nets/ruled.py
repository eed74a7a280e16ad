"""Rules at work: the hooks that let a rule act, and the pre-flight that says which networks it fits.

A rule acts only inside ``with applied(rule, encoder)``, and nothing of it stays behind. What it does not know of a
network is refused by name instead of being given its true gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from conceptstain.errors import MismatchError
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.rules import Rule, is_padded
from conceptstain.nets.tap import tap

__all__ = ["Passed", "applied", "modules_of_nodes", "operation_of", "passed_layers", "refusal", "unknown_activations"]

# Nodes of the autograd graph, by what they do. Maximum pooling also bends a signal, but most rules know its gradient.
BENDING = frozenset(
    {"Relu", "LeakyRelu", "Prelu", "PreluKernel", "RreluWithNoise", "Elu", "Celu", "Gelu", "Silu", "Mish", "Sigmoid"}
    | {"LogSigmoid", "Tanh", "Softplus", "Softmax", "Glu", "Hardtanh", "Hardswish", "Hardsigmoid", "Hardshrink"}
    | {"Softshrink", "Threshold", "Clamp", "ClampMin", "ClampMax", "Maximum", "Minimum", "Where", "Abs"}
)
POOLING = frozenset(
    {"MaxPool2DWithIndices", "MaxPool3DWithIndices", "AdaptiveMaxPool2D", "AdaptiveMaxPool3D", "FractionalMaxPool2D"}
    | {"Amax", "Max", "MkldnnMaxPool2D"}
)
CONVOLVING = frozenset({"Convolution", "ConvolutionOverrideable", "MkldnnConvolution", "SlowConv3D", "ThnnConv2D"})


@final
@dataclass(frozen=True)
class _Kind:
    """A kind of layer that rules act at: how it shows in a graph, and the one module that rules know of it."""

    name: str
    nodes: frozenset[str]
    module: type[nn.Module]
    fault: Callable[[Any], str | None]  # why no rule can act at this module, though it is of the right type
    acts: Callable[[Any], bool]  # whether a rule changes anything there


def _fault_of_relu(relu: nn.ReLU) -> str | None:
    return "ReLU in place, which overwrites what the rule needs" if relu.inplace else None


def _fault_of_pool(pool: nn.MaxPool2d) -> str | None:
    return None if pool.dilation in {1, (1, 1)} else "MaxPool2d with dilation, whose windows have gaps"


_RELU = _Kind("ReLU", BENDING, nn.ReLU, _fault_of_relu, lambda _: True)
_POOL = _Kind("MaxPool2d", POOLING, nn.MaxPool2d, _fault_of_pool, lambda _: True)
_CONVOLUTION = _Kind("padded Conv2d", CONVOLVING, nn.Conv2d, lambda _: None, is_padded)


@contextmanager
def applied(rule: Rule, encoder: Encoder, ends: Sequence[str | None] = (None,)) -> Iterator[None]:
    """Let a rule act on an encoder's network within a ``with`` block.

    One job per network at a time: a rule changes the network's hooks. ``ends`` are the layers that gradients will start
    from, None being the latent mean.

    Raises
    ------
    MismatchError
        The way from the input to an end has layers that the rule does not know, or none for it to act at.
    """
    acting = _acting(rule)
    if not acting:
        yield
        return
    reason = next(filter(None, (refusal(rule, encoder, end) for end in ends)), None)
    if reason is not None:
        raise MismatchError(
            f"The {rule.name} rule would not be itself in this network",
            got=reason,
            cure="Choose the gradient rule, or an encoder whose activations are nn.ReLU(inplace=False) modules",
        )
    hooks = [
        module.register_forward_hook(hook)
        for kind, hook in acting.items()
        for module in encoder.network.modules()
        if type(module) is kind.module
    ]
    try:
        yield
    finally:
        for each in hooks:
            each.remove()


def refusal(rule: Rule, encoder: Encoder, end: str | None = None) -> str | None:
    """Why a rule cannot be used from the latent mean back, or from a layer, for people to read; None where it can."""
    found = _layers(encoder, end)
    if found is None:
        return f"{f'the layer {end}' if end else 'its latent mean'} cannot be differentiated"
    for kind in _acting(rule):
        known, unknown = found[kind]
        if unknown:
            return f"the rule is defined at {kind.module.__name__} alone, and the network has {', '.join(unknown)}"
        if not known:
            where = f"there is none up to the layer {end}" if end else f"this is a network without any {kind.name}"
            return f"the rule acts at {kind.name}, and {where}"
    return None


def unknown_activations(encoder: Encoder) -> tuple[str, ...]:
    """Activations between the input and the latent mean that no rule knows, each named with the reason."""
    found = _layers(encoder)
    return () if found is None else found[_RELU][1]


@final
@dataclass(frozen=True, eq=False)
class Passed:
    """A step of the way from the input to a score, as the autograd graph of one pass has it.

    Attributes
    ----------
    does
        What is done: the node's name without ``"Backward"``, such as ``"Relu"`` or ``"Addmm"``.
    name, module
        The layer that does it; ``""`` and None where it is a function call.
    reached_by
        On how many ways something that depends on the input reaches it.
    """

    does: str
    name: str
    module: nn.Module | None
    reached_by: int


def passed_layers(encoder: Encoder, end: str | None = None) -> tuple[Passed, ...] | None:
    """All that lies between the input and the latent mean, or a layer, the last first; None where there is no graph.

    Parameters that learn count as something that depends on the input: freeze them before.
    """
    result, made_by = _traced(encoder, end)
    if result.grad_fn is None:
        return None
    steps = []
    for node in _graph(result.grad_fn):
        name, module = made_by.get(node, ("", None))
        reached_by = sum(earlier is not None for earlier, _ in node.next_functions)
        steps.append(Passed(operation_of(node), name, module, reached_by))
    return tuple(steps)


def operation_of(node: Any) -> str:
    """What a node of an autograd graph does: its name without ``"Backward"``."""
    return type(node).__name__.split("Backward")[0].lstrip("_")


class _Ruled(torch.autograd.Function):
    """What left a layer as it is, with a rule in place of the layer's derivative."""

    @staticmethod
    def forward(ctx: Any, entered: Tensor, left: Tensor, rule: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(entered, left)
        ctx.rule = rule
        return left.view_as(left)

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor) -> tuple[Tensor, None, None]:
        entered, left = ctx.saved_tensors
        return ctx.rule(incoming[0], left, entered), None, None


Hook = Callable[[Any, tuple[Tensor, ...], Tensor], Tensor]  # of a module of the kind it is for


def _acting(rule: Rule) -> dict[_Kind, Hook]:
    """The kinds of layer where a rule departs from the true derivative, and the hook that makes them do so."""
    at_relu, at_pool, at_convolution = rule.at_relu, rule.at_pool, rule.at_convolution
    acting: dict[_Kind, Hook] = {}
    if at_relu is not None:
        acting[_RELU] = lambda _, inputs, output: _ruled(inputs[0], output, at_relu)
    if at_pool is not None:
        acting[_POOL] = lambda pool, inputs, output: _ruled(
            inputs[0], output, lambda incoming, _, entered: at_pool(incoming, entered, pool)
        )
    if at_convolution is not None:
        # Behind the convolution, which keeps its own derivative: only what reaches it is changed.
        acting[_CONVOLUTION] = lambda convolution, _, output: _ruled(
            output, output, lambda incoming, _, __: at_convolution(incoming, convolution)
        )
    return acting


def _ruled(entered: Tensor, left: Tensor, rule: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    ruled: Tensor = _Ruled.apply(entered, left.detach(), rule)  # type: ignore[no-untyped-call]
    return ruled


def _layers(encoder: Encoder, end: str | None = None) -> dict[_Kind, tuple[tuple[str, ...], tuple[str, ...]]] | None:
    """Layers of each kind on the way to the latent mean, or a layer, known and unknown, found in the graph of one pass.

    The graph, and not the list of modules, tells what matters: a decoder's activations do not, a function call does.
    None where there is no graph.
    """
    result, made_by = _traced(encoder, end)
    if result.grad_fn is None:
        return None
    found: dict[_Kind, tuple[list[str], list[str]]] = {kind: ([], []) for kind in (_RELU, _POOL, _CONVOLUTION)}
    for node in _graph(result.grad_fn):
        does = operation_of(node)
        for kind, (known, unknown) in found.items():
            if does not in kind.nodes:
                continue
            name, module = made_by.get(node, ("", None))
            if module is None:
                unknown.append(f"{does.lower()} called as a function, where no rule can reach it")
            elif type(module) is not kind.module:
                unknown.append(f"{name} ({type(module).__name__})")
            elif (fault := kind.fault(module)) is not None:
                unknown.append(f"{name} ({fault})")
            elif kind.acts(module):
                known.append(name)
    return {kind: (tuple(known[::-1]), tuple(unknown[::-1])) for kind, (known, unknown) in found.items()}


def _traced(encoder: Encoder, end: str | None) -> tuple[Tensor, dict[Any, tuple[str, nn.Module]]]:
    """The latent mean of one empty input, or a layer's output, and which module made which node of its graph."""
    with (
        modules_of_nodes(encoder.network) as made_by,
        torch.enable_grad(),
        nullcontext() if end is None else tap(encoder.network, end) as tapped,
    ):
        example = encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32)).requires_grad_()
        mean = encoder.encode(example).mean
        return (mean if tapped is None else tapped.take()), made_by


@contextmanager
def modules_of_nodes(network: nn.Module) -> Iterator[dict[Any, tuple[str, nn.Module]]]:
    """Which module, by name, makes which node of the autograd graph, within a ``with`` block."""
    made_by: dict[Any, tuple[str, nn.Module]] = {}

    def note(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            node = getattr(output, "grad_fn", None)
            # Dropout hands its input on and made nothing; a layer in place has made its input what it is now.
            handed_on = any(getattr(entered, "grad_fn", None) is node for entered in inputs)
            if node is not None and (not handed_on or getattr(module, "inplace", False)):
                made_by.setdefault(node, (name, module))  # inner modules come first

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in network.named_modules() if name]
    try:
        yield made_by
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
