"""How an anomaly is looked for: one line each, read by menus and the command line, which do not wait for torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, final

from conceptstain.errors import InputError

__all__ = [
    "ANOMALY_METHODS",
    "DEFAULT_ANOMALY",
    "AnomalyMethod",
    "AnomalySettings",
    "checked_method",
    "checked_quantile",
]

AnomalyMethod: TypeAlias = Literal[
    "pasted",
    "reconstruction",
    "projection",
    "features",
    "attention-sampled",
    "attention-density",
    "attention-released",
    "intensity",
    "contrast",
]

MOST_STEPS, MOST = 10_000, 100.0

DEFAULT_ANOMALY: AnomalyMethod = "pasted"
"""The method that is meant where none is named; see ``docs/anomaly-maps.md`` for what was measured."""

ANOMALY_METHODS: dict[AnomalyMethod, str] = {
    "pasted": "What looks like a defect, learned from strokes and spots pasted into the ordinary pictures; no network",
    "reconstruction": "How badly the network redraws a place: squared error, blurred",
    "projection": "What has to change until the network finds the picture ordinary: gradient steps on the picture",
    "features": "How the first layer's view of the picture differs from its view of the redrawn picture",
    "attention-sampled": "The paper's: attention of a sampled difference of latents from the normal",
    "attention-density": "The paper's, read otherwise: attention of how probable it is that latents do not differ",
    "attention-released": "The released code's: attention of the sum of the latents, magnitudes",
    "intensity": "No network: the picture itself, which every other map has to beat",
    "contrast": "No network: how a place differs from its surroundings, which every other map has to beat",
}


@final
@dataclass(frozen=True)
class AnomalySettings:
    """What can be chosen about an anomaly map besides its method.

    Attributes
    ----------
    smoothing
        Standard deviation of a Gaussian over ``"reconstruction"``, ``"projection"``, ``"features"`` and ``"contrast"``,
        as a part of the width; 0 for none. Attention is as coarse as its layer, the intensity is the picture's, and
        ``"pasted"`` has a blur of its own.
    layer
        Of ``"features"``: a layer; None: the first convolution. Of attention: a layer; None: the last convolution.
    steps
        Of ``"projection"``: gradient steps.
    rate
        Of ``"projection"``: length of a step where the picture is redrawn wholly wrong; 1 goes as far as the error.
    sparsity
        Of ``"projection"``: what it costs to change a value, as a part of the usual error of one.
    seed
        Of ``"attention-sampled"``. Every item has its own noise, which does not depend on what else is asked.

    Raises
    ------
    InputError
        Smoothing outside of 0 to 1, no step, a rate that is not above 0, or a sparsity or seed below 0.
    """

    smoothing: float = 0.03
    layer: str | None = None
    steps: int = 30
    rate: float = 0.5
    sparsity: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing <= 1:
            raise InputError(
                "Smoothing is a part of the width", got=f"{self.smoothing:g}", cure="Use 0 for none, or 0.03"
            )
        if not 1 <= self.steps <= MOST_STEPS or not 0 < self.rate < MOST or not 0 <= self.sparsity < MOST:
            raise InputError(
                "A picture is projected in steps, each of some length",
                got=f"steps={self.steps}, rate={self.rate:g}, sparsity={self.sparsity:g}",
                cure="Use 1 step or more, a rate above 0, and a sparsity of 0 or more",
            )
        if self.seed < 0:
            raise InputError("Seeds count from 0", got=str(self.seed), cure="Use 0 or more")


def checked_method(method: str) -> AnomalyMethod:
    """The method of that name.

    Raises
    ------
    InputError
        There is none; the message lists them.
    """
    for known in ANOMALY_METHODS:
        if known == method:
            return known
    raise InputError(
        "Anomalies are not looked for that way", got=repr(method), cure=f"Use {', '.join(ANOMALY_METHODS)}"
    )


def checked_quantile(quantile: float) -> float:
    """A part of the values, above 0 and up to 1.

    Raises
    ------
    InputError
        It is not.
    """
    if not 0 < quantile <= 1:
        raise InputError("A quantile is a part of the values", got=f"{quantile:g}", cure="Use .99")
    return float(quantile)
