"""The result every map shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final

import numpy as np
from jaxtyping import Float

from conceptstain.concepts.concept import Concept

__all__ = ["Attribution", "Method", "Move", "moves_told"]

Method = Literal[
    "decoded",
    "gene mean",
    "picture mean",
    "gradient saliency",
    "input x gradient",
    "guided backpropagation",
    "deconvolution",
    "rectified saliency",
    "attention",
    "activation",
    "integrated gradients",
    "SmoothGrad",
    "DeepLift",
    "LRP-epsilon",
    "occlusion",
    "Grad-CAM",
    "gradient by regions",
    "deviation",
    "what if",
    "counterfactual",
    "concept walk",
]

Move: TypeAlias = tuple[Concept, float]
"""A concept, and how far along it, in standard deviations of its score over the canvas."""


@final
@dataclass(frozen=True, eq=False)
class Attribution:
    """Values of the inputs' shape, and how they came about.

    Attributes
    ----------
    method
        Name of the map as a figure would print it ("rectified saliency").
    name
        What it is a map of: the concept's name, or "latent 3".
    values
        ``(maps, *shape)``: one map per item of ``items``; a single map where the method is not about items (decoded).
    items
        Indices of the items the maps belong to; empty for a single map.
    signed
        Whether 0 is the middle (diverging colours) or the bottom (sequential colours).
    concept
        The concept it maps, if any.
    encoder
        Fingerprint of the encoder; empty where no network was used.
    settings
        The method's parameters, complete enough to repeat it.
    detail
        What tells it from other maps of the same name and method, e.g. ``"latent 3"``.
    colour_limits
        Values at the ends of the colours, where someone chose them; None: those its values suggest.
    moves
        Of a what-if, the concepts that it went along, each with how far.
    """

    method: Method
    name: str
    values: Float[np.ndarray, "maps ..."]
    items: tuple[int, ...]
    signed: bool
    concept: Concept | None = None
    encoder: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    colour_limits: tuple[float, float] | None = None
    moves: tuple[Move, ...] = ()

    @property
    def title(self) -> str:
        """Name for a layer or a figure panel, e.g. ``"GCL - rectified saliency"``."""
        return f"{self.name} - {self.method}" + (f", {self.detail}" if self.detail else "")

    def mean(self) -> Float[np.ndarray, "..."]:
        """The mean over its maps, of the shape of one input: what is painted on tissue."""
        mean: Float[np.ndarray, "..."] = self.values.mean(axis=0)
        return mean


def moves_told(moves: Sequence[Move], units: Sequence[tuple[int, float]] = ()) -> str:
    """What was changed, as a title has it, e.g. ``"GCL +2 SD, MCL -1 SD, unit 3 at 0.5"``."""
    told = [f"{concept.name} {far:+g} SD" for concept, far in moves]
    return ", ".join([*told, *(f"unit {unit} at {value:.3g}" for unit, value in units)])
