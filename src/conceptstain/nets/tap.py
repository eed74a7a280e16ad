"""Taps: what a named layer of a network puts out during a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import Inputs, ItemIndices
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.progress import Report, Step, silent

__all__ = [
    "Tap",
    "activations",
    "check_layer",
    "convolutional_layers",
    "convolutions_of",
    "encoder_layers",
    "layer_named",
    "over_places",
    "tap",
]


@final
class Tap:
    """Where a layer's output arrives; see :func:`tap`."""

    def __init__(self, layer: str, *, start: bool = False) -> None:
        self.layer = layer
        self.start = start
        self._seen: list[Tensor] = []

    def catch(self, _: nn.Module, __: tuple[Any, ...], output: Any) -> Tensor:
        """Keep what the layer puts out: a forward hook."""
        if not isinstance(output, Tensor):
            raise MismatchError(
                f"The layer {self.layer!r} does not put out one tensor",
                got=type(output).__name__,
                cure="Choose a layer inside it",
            )
        activation = output.detach().requires_grad_() if self.start else output
        self._seen.append(activation)
        return activation.clone()  # a layer in place behind this one must not reach what was caught

    def take(self) -> Tensor:
        """What the layer put out in the last pass, which the tap then forgets.

        Raises
        ------
        MismatchError
            The layer was not used since the last time, or more than once: then its output is not one activation.
        """
        seen = self._seen.copy()
        self.forget()
        if len(seen) != 1:
            raise MismatchError(
                f"The layer {self.layer!r} has no single activation",
                got=f"{len(seen)} outputs in one pass",
                cure="Choose a layer that the encoder uses once",
            )
        return seen[0]

    def forget(self) -> None:
        """Let go of what was caught."""
        self._seen.clear()


@contextmanager
def tap(network: nn.Module, layer: str, *, start: bool = False) -> Iterator[Tap]:
    """Catch the output of a layer within a ``with`` block.

    Parameters
    ----------
    network
        Any network.
    layer
        Name of the layer as in ``network.named_modules()``.
    start
        Let the autograd graph start at the layer: its output becomes a leaf that the rest of the pass is differentiable
        in, and nothing is recorded before it.

    Raises
    ------
    InputError
        No layer of that name; the message lists them.
    """
    layers = {name: module for name, module in network.named_modules() if name}
    if layer not in layers:
        raise InputError("There is no such layer", got=repr(layer), cure=f"Choose one of: {', '.join(layers)}")
    tapped = Tap(layer, start=start)
    hook = layers[layer].register_forward_hook(tapped.catch)
    try:
        yield tapped
    finally:
        hook.remove()
        tapped.forget()


def convolutional_layers(encoder: Encoder) -> tuple[str, ...]:
    """Names of the convolutions between the input and the latent mean that still see more than one place, in order.

    A convolution of the decoder, or of the variance alone, is not among them.
    """
    return convolutions_of(encoder.network, encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32)))


def convolutions_of(network: nn.Module, example: Float[Tensor, "batch ..."]) -> tuple[str, ...]:
    """The same of a network that is no encoder yet; nothing is learned from the example."""
    outputs: list[tuple[str, Tensor]] = []
    encode: Any = network.encode

    def note(name: str) -> Any:
        def hook(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> None:
            outputs.append((name, output))

        return hook

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with torch.enable_grad():
            mean = encode(example.detach().requires_grad_()).mean
    finally:
        for hook in hooks:
            hook.remove()
    with_places = [(name, output) for name, output in outputs if output.shape[-2] * output.shape[-1] > 1]
    if not with_places or not mean.requires_grad:
        return ()
    reached: Sequence[Tensor | None] = torch.autograd.grad(
        mean.sum(), [output for _, output in with_places], allow_unused=True
    )
    names = [name for (name, _), gradient in zip(with_places, reached, strict=True) if gradient is not None]
    return tuple(dict.fromkeys(names))


def encoder_layers(encoder: Encoder) -> tuple[str, ...]:
    """Names of the layers that can be tapped: used once while encoding, putting out one row per input; in order.

    Layers inside others come before those that hold them.
    """
    outputs: dict[str, list[Any]] = {}

    def note(name: str) -> Any:
        def hook(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
            outputs.setdefault(name, []).append(output)

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in encoder.network.named_modules() if name]
    try:
        with torch.inference_mode():
            encoder.encode(encoder.tensor(np.zeros((2, *encoder.shape), dtype=np.float32)))
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(
        name
        for name, (first, *again) in outputs.items()
        if not again and isinstance(first, Tensor) and first.ndim > 1 and len(first) == 2
    )


def layer_named(encoder: Encoder, name: str) -> str:
    """The full name of a layer of the encoder; ``"conv3"`` is enough where one name alone ends so.

    Raises
    ------
    InputError
        No such layer, or several; the message lists them.
    """
    layers = encoder_layers(encoder)
    found = [layer for layer in layers if layer.endswith(f".{name}")]
    if name not in layers and len(found) != 1:
        raise InputError(
            f"The encoder {encoder.name!r} has {'several layers of that name' if found else 'no such layer'}",
            got=repr(name),
            cure=f"Choose one of: {', '.join(found or layers)}",
        )
    return name if name in layers else found[0]


def check_layer(encoder: Encoder, layer: str) -> None:
    """Refuse what is not the full name of a layer that can be tapped.

    Raises
    ------
    InputError
        No such layer; the message lists them.
    """
    layers = encoder_layers(encoder)
    if layer not in layers:
        raise InputError(
            f"The encoder {encoder.name!r} has no such layer",
            got=repr(layer),
            cure=f"Choose one of: {', '.join(layers)}",
        )


def over_places(activation: Float[Tensor, "batch channels ..."]) -> Float[Tensor, "batch channels"]:
    """The mean of every channel over all its places; a dense layer, which has none, as it is.

    Places outside the tissue count, as they do for the layers behind: which cells of a deep layer are tissue is not
    defined.
    """
    return activation.flatten(2).mean(dim=2) if activation.ndim > 2 else activation


def activations(
    encoder: Encoder, inputs: Inputs, layer: str, items: ItemIndices | None = None, *, report: Report = silent
) -> Float[np.ndarray, "items channels"]:
    """Items as a layer represents them: the output of each channel, mean over places; float32.

    Parameters
    ----------
    encoder
        Its network is used by one job at a time.
    inputs
        The canvas.
    layer
        As in ``network.named_modules()``; :func:`encoder_layers` lists them.
    items
        Indices; None: all.
    report
        Called after every chunk.

    Raises
    ------
    InputError
        No layer of that name; the message lists them.
    MismatchError
        The inputs are not the encoder's.
    """
    encoder.check(inputs)
    check_layer(encoder, layer)
    chosen = np.arange(len(inputs)) if items is None else np.asarray(items, dtype=int)
    parts = []
    with tap(encoder.network, layer) as tapped:
        for start in range(0, max(len(chosen), 1), CHUNK):
            with torch.inference_mode():
                encoder.encode(encoder.tensor(inputs.inputs(chosen[start : start + CHUNK])))
                parts.append(over_places(tapped.take()).float().cpu().numpy())
            report(Step(min(start + CHUNK, len(chosen)), len(chosen), f"Reading {layer}"))
    return np.concatenate(parts)
