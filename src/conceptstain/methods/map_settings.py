"""What can be chosen about a map besides its kind: one set of settings, of which each kind listens to a few."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.nets.rules import Variant

__all__ = ["VARIANTS", "MapSettings"]

# Kept beside the rules, which import torch: menus open without waiting for it.
VARIANTS: dict[Variant, str] = {
    "plain": "At each layer only the strongest products of gradient and activation pass",
    "proportional": "As plain, and maximum pooling shares a gradient among all pixels of a window",
    "modified": "Ranked without their sign, so that what speaks against the concept passes, too",
    "constant": "What is above one threshold passes at every layer; at 0, guided backpropagation",
}


@final
@dataclass(frozen=True)
class MapSettings:
    """Settings of maps; :attr:`conceptstain.methods.maps.MapKind.settings` says which of them a kind listens to.

    Attributes
    ----------
    dimension
        Latent dimension that ``"attention"`` is of, counted from 0.
    percentile
        Of ``"rectified"``: how much of the importance at each layer is stopped, 0 to 100. Not of the variant
        ``"constant"``.
    variant
        Of ``"rectified"``: ``"plain"``, ``"proportional"``, ``"modified"`` or ``"constant"``.
    threshold
        Of ``"rectified"`` in its variant ``"constant"``: what the product of gradient and activation has to exceed.
    padding
        Of ``"rectified"``: whether gradients at the border of a padded convolution are set to 0.

    Raises
    ------
    InputError
        A dimension below 0, a percentile outside of 0..100, no such variant, or a threshold that is not a number.

    Notes
    -----
    See :func:`conceptstain.nets.rules.rectified` for what the four of the rectified map do.
    """

    dimension: int = 0
    percentile: float = 95.0
    variant: Variant = "plain"
    threshold: float = 0.0
    padding: bool = False

    def __post_init__(self) -> None:
        if self.dimension < 0:
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
