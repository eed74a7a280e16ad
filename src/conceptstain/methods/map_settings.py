"""What can be chosen about a map besides its kind: one set of settings, of which each kind listens to a few."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, final, get_args

from conceptstain.errors import InputError
from conceptstain.methods.anomaly_settings import DEFAULT_ANOMALY, AnomalyMethod, checked_method

if TYPE_CHECKING:
    from conceptstain.nets.rules import Variant

__all__ = ["ATTENTIONS", "BASELINES", "VARIANTS", "AttentionVariant", "Baseline", "MapSettings", "Quadrature"]

AttentionVariant: TypeAlias = Literal["paper", "released"]
Baseline: TypeAlias = Literal["blurred", "black", "mean"]
Quadrature: TypeAlias = Literal["right", "gauss-legendre"]

LARGEST = 10_000  # steps or samples: beyond it a map takes hours, and no digit of it changes

# Kept beside the rules, which import torch: menus open without waiting for it.
VARIANTS: dict[Variant, str] = {
    "plain": "At each layer only the strongest products of gradient and activation pass",
    "proportional": "As plain, and maximum pooling shares a gradient among all pixels of a window",
    "modified": "Ranked without their sign, so that what speaks against the concept passes, too",
    "constant": "What is above one threshold passes at every layer; at 0, guided backpropagation",
}

BASELINES: dict[Baseline, str] = {
    "blurred": "Each picture itself, blurred: what its details add",
    "black": "0 everywhere: black photographs, genes at their mean",
    "mean": "The mean of the pictures: what this one adds to it",
}
ATTENTIONS: dict[AttentionVariant, str] = {
    "paper": "What speaks for a latent, picture by picture; of all latents, the mean of their maps",
    "released": "As the released code: magnitudes, of the sum of all latents, scaled by the other pictures of a batch",
}
# How a setting that is not as usual is told in a title.
WORDS = {
    "baseline": "{} baseline",
    "steps": "{} steps",
    "quadrature": "{}",
    "noise": "noise {:g}",
    "samples": "{} samples",
    "epsilon": "epsilon {:g}",
    "window": "window {}",
    "stride": "stride {}",
    "layer": "{}",
    "anomaly": "{}",
}


@final
@dataclass(frozen=True)
class MapSettings:
    """Settings of maps; :attr:`conceptstain.methods.maps.MapKind.settings` says which of them a kind listens to.

    Attributes
    ----------
    dimension
        Latent dimension that ``"attention"`` is of, counted from 0; None: all of them.
    percentile
        Of ``"rectified"``: how much of the importance at each layer is stopped, 0 to 100. Not of the variant
        ``"constant"``.
    variant
        Of ``"rectified"``: ``"plain"``, ``"proportional"``, ``"modified"`` or ``"constant"``.
    threshold
        Of ``"rectified"`` in its variant ``"constant"``: what the product of gradient and activation has to exceed.
    padding
        Of ``"rectified"``: whether gradients at the border of a padded convolution are set to 0.

    baseline
        What ``"integrated-gradients"``, ``"deeplift"`` and ``"occlusion"`` measure from: ``"blurred"``, ``"black"`` or
        ``"mean"``.
    steps
        Of ``"integrated-gradients"``: how many gradients are asked on the way from the baseline.
    quadrature
        Of ``"integrated-gradients"``: ``"right"``, as in the released code, or ``"gauss-legendre"``.
    noise
        Of ``"smoothgrad"``: standard deviation of the noise, as a part of each picture's range.
    samples
        Of ``"smoothgrad"``: noisy copies of each picture.
    epsilon
        Of ``"lrp"``: what keeps relevance from units that are barely on.
    window, stride
        Of ``"occlusion"``, in pixels; None: an eighth of the picture, and half of the window.
    layer
        Of ``"grad-cam"``: the layer looked at; None: the last convolution.
    attention
        Of ``"attention"``: ``"paper"`` or ``"released"``.
    anomaly
        Of ``"deviation"``: how anomalies are looked for, see
        :data:`~conceptstain.methods.anomaly_settings.ANOMALY_METHODS`.

    Raises
    ------
    InputError
        A dimension below 0, a percentile outside of 0..100, no such variant, baseline, quadrature, attention or anomaly
        method, a threshold that is not a number, no step, fewer than two samples, noise below 0, an epsilon that is not
        positive, or a window or stride below 1.

    Notes
    -----
    See :func:`conceptstain.nets.rules.rectified` for what the four of the rectified map do.
    """

    dimension: int | None = 0
    percentile: float = 95.0
    variant: Variant = "plain"
    threshold: float = 0.0
    padding: bool = False
    baseline: Baseline = "blurred"
    steps: int = 50
    quadrature: Quadrature = "right"
    noise: float = 0.1
    samples: int = 50
    epsilon: float = 1e-4
    window: int | None = None
    stride: int | None = None
    layer: str | None = None
    attention: AttentionVariant = "paper"
    anomaly: AnomalyMethod = DEFAULT_ANOMALY

    def __post_init__(self) -> None:
        if self.dimension is not None and self.dimension < 0:
            raise InputError("Latent dimensions count from 0", got=str(self.dimension), cure="Use 0 or more")
        if not 0 <= self.percentile <= 100:
            raise InputError(
                "A percentile lies between 0 and 100", got=f"{self.percentile:g}", cure="The paper uses 95"
            )
        if self.variant not in VARIANTS:
            raise InputError(
                "The rectified map has no such variant", got=repr(self.variant), cure=f"Use {', '.join(VARIANTS)}"
            )
        if not math.isfinite(self.threshold):
            raise InputError("A threshold is a number", got=str(self.threshold), cure="The released code uses 0")
        if self.attention not in ATTENTIONS:
            raise InputError(
                "Attention has no such variant", got=repr(self.attention), cure=f"Use {', '.join(ATTENTIONS)}"
            )
        checked_method(self.anomaly)
        self._check_of_captum()

    def _check_of_captum(self) -> None:
        if self.baseline not in get_args(Baseline):
            raise InputError("There is no such baseline", got=repr(self.baseline), cure=f"Use {_listed(Baseline)}")
        if self.quadrature not in get_args(Quadrature):
            raise InputError(
                "There is no such quadrature", got=repr(self.quadrature), cure=f"Use {_listed(Quadrature)}"
            )
        if not 1 <= self.steps <= LARGEST:
            raise InputError("A way needs steps", got=str(self.steps), cure=f"Use 1 to {LARGEST:,}; usual are 50")
        if not 2 <= self.samples <= LARGEST:
            raise InputError(
                "A mean over noise needs two samples or more", got=str(self.samples), cure=f"Use 2 to {LARGEST:,}"
            )
        if not 0 <= self.noise < math.inf:
            raise InputError("Noise has a part of the range", got=f"{self.noise:g}", cure="Use 0.1, or another above 0")
        if not 0 < self.epsilon < math.inf:
            raise InputError("Epsilon is above 0", got=f"{self.epsilon:g}", cure="The released code uses 1e-4")
        for name, pixels in (("window", self.window), ("stride", self.stride)):
            if pixels is not None and pixels < 1:
                raise InputError(
                    f"The {name} of occlusion is 1 pixel or more", got=str(pixels), cure="Choose a larger one"
                )

    def detail(self, *names: str) -> str:
        """What of these settings is not as usual, in words for a title."""
        usual = MapSettings()
        changed = [name for name in names if getattr(self, name) != getattr(usual, name)]
        return ", ".join(WORDS[name].format(getattr(self, name)) for name in changed)


def _listed(choices: object) -> str:
    return ", ".join(get_args(choices))
