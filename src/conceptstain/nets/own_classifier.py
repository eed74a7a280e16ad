"""Classifiers from networks of the user's own, whose last step is linear."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from conceptstain.errors import InputError
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.own_module import OwnVAE
from conceptstain.nets.own_networks import own_encoder
from conceptstain.nets.tap import over_places

__all__ = ["own_classifier"]

TOLERANCE = 1e-4  # relative to the largest value: functions and modules round differently


class _LastStep(NamedTuple):
    """The linear layer that puts out the scores, and the layer whose mean over places it reads, if there is one."""

    name: str
    layer: nn.Linear
    places: str


def own_classifier(
    network: nn.Module | str | os.PathLike[str],
    *,
    classes: Sequence[str],
    shape: Sequence[int] | None = None,
    weights: str | os.PathLike[str] | None = None,
    scaling: str = "unit",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    name: str | None = None,
) -> Classifier:
    """A classifier from a network of your own whose last step is a linear layer onto the classes.

    The latent space is what this layer reads, which is found by passing noise through the network. The layer itself
    becomes the classifier's weights. Where what it reads is the mean of a layer over its places, such as behind global
    average pooling, that layer tells the scores of places.

    Parameters
    ----------
    network, shape, weights, scaling, mean, std, name
        As for :func:`~conceptstain.nets.own_networks.own_encoder`.
    classes
        Names of the classes, in the order of the network's outputs.

    Returns
    -------
    Classifier
        Its encoder's network is in evaluation, its parameters frozen, and it shares them with the module that was
        given, which stays as it is otherwise.

    Raises
    ------
    InputError
        As :func:`~conceptstain.nets.own_networks.own_encoder`; or what the network puts out is not what a linear layer
        does, or is of another number of classes.
    ReadingError
        A file that cannot be read, or holds what could run.
    """
    whole = own_encoder(network, shape=shape, weights=weights, scaling=scaling, mean=mean, std=std, name=name)
    if isinstance(whole.network, OwnVAE) or callable(getattr(whole.network.network, "encode", None)):
        raise InputError(
            f"The network {whole.name!r} is an encoder",
            got="a network with encode",
            cure="Use own_encoder, or hand over the classifying network alone",
        )
    found = _last_step(whole)
    names = tuple(str(each) for each in classes)
    if len(names) != found.layer.out_features:
        raise InputError(
            f"The network {whole.name!r} tells another number of classes",
            got=f"{len(names)} names for {found.layer.out_features} outputs of {found.name}",
            cure="Name every class, in the order of the outputs",
        )
    encoder = _without(whole, found)
    row, bias = found.layer.weight, getattr(found.layer, "bias", None)
    return Classifier(
        name=whole.name,
        encoder=encoder,
        weights=row.detach().cpu().numpy().copy(),
        bias=np.zeros(len(names), np.float32) if bias is None else bias.detach().cpu().numpy().copy(),
        classes=names,
        places=found.places,
        card={**whole.card, "last step": found.name, "places": found.places or "none"},
    )


def _last_step(whole: Encoder) -> _LastStep:
    """The linear layer whose output is the network's, by passing noise through it."""
    seen: dict[str, list[tuple[Any, Any]]] = {}

    def note(name: str) -> Any:
        def hook(_: nn.Module, taken: tuple[Any, ...], output: Any) -> None:
            seen.setdefault(name, []).append((taken[0] if taken else None, output))

        return hook

    layers = {name: layer for name, layer in whole.network.named_modules() if name}
    hooks = [layer.register_forward_hook(note(name)) for name, layer in layers.items()]
    x = torch.rand(2, *whole.shape, generator=torch.Generator().manual_seed(0)).to(next(whole.network.parameters()))
    try:
        with torch.no_grad():
            scores = whole.encode(x).mean
    finally:
        for hook in hooks:
            hook.remove()
    linear = {name: layer for name, layer in layers.items() if name in seen and isinstance(layer, nn.Linear)}
    last = next((name for name in reversed(list(linear)) if _is_same(seen[name][-1][1], scores)), None)
    if last is None or len(seen[last]) > 1:
        told = f"linear layers {', '.join(linear)}" if linear else "no linear layer that is a module"
        raise InputError(
            f"The last step of {whole.name!r} is not a linear layer onto the classes",
            got=told if last is None else f"{last}, used more than once",
            cure="Hand over the network without softmax or other steps behind its last nn.Linear",
        )
    reads = seen[last][0][0]
    with_places = [
        name
        for name, passes in seen.items()
        if len(passes) == 1 and _has_places(passes[0][1]) and _is_same(over_places(passes[0][1]), reads)
    ]
    return _LastStep(last, linear[last], with_places[-1] if with_places else "")


def _has_places(output: Any) -> bool:
    return isinstance(output, Tensor) and output.ndim == 4 and output.shape[-1] * output.shape[-2] > 1


def _is_same(found: Any, expected: Any) -> bool:
    if not isinstance(found, Tensor) or not isinstance(expected, Tensor) or found.shape != expected.shape:
        return False
    within = TOLERANCE * max(float(expected.abs().max()), torch.finfo(expected.dtype).tiny)
    return bool((found - expected).abs().max() <= within)


def _without(whole: Encoder, last: _LastStep) -> Encoder:
    """The encoder that ends before the last step: a copy of the layers, which shares their weights."""
    own: Any = whole.network
    shared = {id(tensor): tensor for tensor in (*own.parameters(), *own.buffers())}
    bare = copy.deepcopy(own, shared)
    owner, _, child = last.name.rpartition(".")
    setattr(bare.network.get_submodule(owner), child, nn.Identity())
    return replace(whole, name=f"{whole.name}, penultimate layer", network=bare, latent=last.layer.in_features)
