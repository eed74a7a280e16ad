"""Parameter randomisation: whether a map still is the same once the network has forgotten what it learned."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.stats import rankdata
from torch import Tensor, nn

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.intervals import Interval, interval
from conceptstain.methods.items import checked_items
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import encoder_layers, tap
from conceptstain.nets.untrained import kept_by_twins, untrained
from conceptstain.progress import Report, Step, silent

__all__ = ["ALIKE", "Paint", "Randomisation", "randomisation"]

ALIKE = 0.5
"""Mean rank correlation over the cascade above which a map is said to stay the same; fixed before any was measured."""


class Paint(Protocol):
    """Makes maps of a concept at items, as :func:`conceptstain.saliency` does."""

    def __call__(self, canvas: Canvas, encoder: Encoder, concept: Concept, *, items: ItemIndices) -> Attribution:
        """One map per item."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Randomisation:
    """How alike maps stay while layers are randomised one after another. Make it with :func:`randomisation`.

    Attributes
    ----------
    method, name
        Of the map, and of the concept.
    layers
        Layers with weights on the way to the latent mean, or to the layer that the concept lives in, from there down to
        the input: the first row of ``correlations`` is with the first of them randomised, the last with all of them.
    correlations
        Spearman's rank correlation with the map of the trained network, of each item: magnitudes, summed over channels,
        at the places that hold data. 0 where a map is the same everywhere.
    """

    method: str
    name: str
    layers: tuple[str, ...]
    correlations: Float[np.ndarray, "layers items"]

    @cached_property
    def over_the_cascade(self) -> Interval:
        """The correlation, mean over the layers: a map of the concept changes at the first of them."""
        return interval(self.correlations.mean(axis=0))

    @cached_property
    def last(self) -> Interval:
        """The correlation with every layer randomised."""
        return interval(self.correlations[-1])

    @property
    def depends_on_the_network(self) -> bool:
        """Whether the correlation over the cascade is .5 or less."""
        return self.over_the_cascade.mean <= ALIKE

    @property
    def sentence(self) -> str:
        """What was found, in one plain sentence."""
        over, last = self.over_the_cascade.mean, self.last.mean
        side = "not above" if self.depends_on_the_network else "above"
        found = f"rank correlation {over:.2f} over the layers, {side} {ALIKE}; {last:.2f} at the last"
        if self.depends_on_the_network:
            return f"The map changes as the network forgets what it learned ({found}): it depends on the network."
        return f"The map stays as the network forgets what it learned ({found}): it shows the input, not the network."

    def table(self) -> pd.DataFrame:
        """One row per layer: ``mean``, ``low`` and ``high`` (95 %) of the correlation from this layer up."""
        rows = [interval(row)._asdict() for row in self.correlations]
        return pd.DataFrame(rows, index=pd.Index(self.layers, name="randomised down to"))


def randomisation(
    paint: Paint,
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    items: ItemIndices,
    *,
    seed: int = 0,
    report: Report = silent,
) -> Randomisation:
    """Randomise the layers of a network one after another, from the latent mean down, and paint the same items.

    The cascading randomisation of Adebayo et al. 2018, "Sanity checks for saliency maps". Weights become those that the
    network could have begun with (:func:`~conceptstain.nets.untrained.untrained`); the concept keeps its direction. A
    map that stays the same shows what is in the input, and nothing that was learned.

    Parameters
    ----------
    paint
        The map, such as ``cs.saliency``, or ``functools.partial(cs.saliency, rule="guided")``.
    canvas, encoder, concept
        As for the map. The encoder itself is not changed.
    items
        What is painted; 20 or more tell more than a few.
    seed
        Of the new weights.
    report
        Called after every layer.

    Raises
    ------
    InputError
        The network has weights that cannot be randomised, or none.
    MismatchError
        As for the map.
    """
    chosen = checked_items(canvas, items)
    kept = kept_by_twins(encoder)
    if kept:
        raise InputError(
            f"The encoder {encoder.name!r} has weights that no layer knows how to begin anew",
            got=", ".join(kept[:5]),
            cure="Give their modules a method reset_parameters",
        )
    layers = _weighted_layers(encoder, concept.space)
    twin = dict(untrained(encoder, seed=seed).network.named_modules())
    network = copy.deepcopy(encoder.network)
    places = np.broadcast_to(canvas.mask, canvas.shape)[0] if len(canvas.shape) > 1 else np.asarray(canvas.mask)
    made = paint(canvas, encoder, concept, items=chosen)
    first = _ranks(made, places)
    rows = []
    for done, layer in enumerate(layers, 1):
        dict(network.named_modules())[layer].load_state_dict(twin[layer].state_dict())
        forgetful = replace(encoder, network=copy.deepcopy(network), name=f"{encoder.name}, randomised")
        of_it = replace(concept, encoder=forgetful.fingerprint)
        rows.append(_correlations(first, _ranks(paint(canvas, forgetful, of_it, items=chosen), places)))
        report(Step(done, len(layers), f"Randomised down to {layer}"))
    return Randomisation(made.method, concept.name, layers, np.array(rows))


def _weighted_layers(encoder: Encoder, space: str) -> tuple[str, ...]:
    """Layers that hold weights themselves, from what the concept is read off down to the input.

    Layers behind the concept's own do not matter to its score: a map would stay the same while they forget.

    Raises
    ------
    InputError
        There are none.
    """
    modules = dict(encoder.network.named_modules())
    used = [name for name in encoder_layers(encoder) if _has_weights(modules[name])]
    reached = _reached(encoder, used, space)
    used = [name for name in used if name in reached]
    if not used:
        raise InputError(
            f"The encoder {encoder.name!r} has no layer to randomise",
            got=type(encoder.network).__name__,
            cure="Use a network whose layers are modules with weights, each used once",
        )
    return tuple(reversed(used))


def _reached(encoder: Encoder, layers: Sequence[str], space: str) -> set[str]:
    """Those of the layers that the latent mean, or the concept's own layer, depends on; the variance has others."""
    network: Any = copy.deepcopy(encoder.network).requires_grad_()
    modules = dict(network.named_modules())
    weights = [next(modules[layer].parameters(recurse=False)) for layer in layers]
    x = encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32))
    with torch.enable_grad():
        if space == LATENT:
            read = network.encode(x).mean
        else:
            with tap(network, space) as tapped:
                network.encode(x)
                read = tapped.take()
    found = torch.autograd.grad(read.sum(), weights, allow_unused=True) if weights else ()
    gradients: Sequence[Tensor | None] = found
    return {layer for layer, gradient in zip(layers, gradients, strict=True) if gradient is not None}


def _has_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def _ranks(made: Attribution, places: np.ndarray) -> Float[np.ndarray, "items places"]:
    magnitudes = np.abs(made.values.astype(np.float64))
    if magnitudes.ndim > 3:
        magnitudes = magnitudes.sum(axis=1)
    return np.asarray(rankdata(magnitudes[:, places], axis=1))


def _correlations(one: Float[np.ndarray, "items places"], other: Float[np.ndarray, "items places"]) -> np.ndarray:
    """Pearson's correlation of ranks, row by row."""
    first, second = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.asarray(np.divide((first * second).sum(axis=1), scale, out=np.zeros(len(one)), where=scale > 0))
