"""Paths through a latent space that are known before they are walked.

``Line``: along the difference of two class means. ``Proximal``: of all latents that are as probable in the target's
normal distribution, the nearest to the start, from the start to the middle of that distribution.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Line", "Path", "Proximal"]

DECADES = 3.0  # the weight of staying against arriving falls from 10^3 to 10^-3


class Path(Protocol):
    """Where items are at positions of their paths, from 0, the start, to ``reach``."""

    @property
    def reach(self) -> float:
        """The last position."""
        ...

    def at(self, positions: Float[Tensor, " items"], items: Int[Tensor, " items"]) -> Float[Tensor, "items latent"]:
        """Latents of some items, each at a position of its own."""
        ...


class Line(NamedTuple):
    """A straight line; ``direction`` leads from the start to position 1."""

    start: Float[Tensor, "items latent"]
    direction: Float[Tensor, "items latent"]
    reach: float

    def at(self, positions: Float[Tensor, " items"], items: Int[Tensor, " items"]) -> Float[Tensor, "items latent"]:
        """See :class:`Path`."""
        return self.start[items] + positions[:, None].to(self.start) * self.direction[items]


class Proximal(NamedTuple):
    """``argmin_z  w |z - z_0|^2 + (z - m)^T S^-1 (z - m)``, with the weight ``w`` falling along the path.

    What differs from the class where its items hardly differ among themselves goes first; what varies within the class
    stays. With ``S = U diag(v) U^T`` the minimum is ``m + U diag(w v / (1 + w v)) U^T (z_0 - m)``.

    At position 1 that is all but ``m``; from there it goes straight on, along ``m - z_0``: of few or doubtful items the
    middle may hardly be told as the class.

    Attributes
    ----------
    start
        ``z_0``.
    middle
        ``m`` of each item.
    axes, variances
        ``U`` and ``v`` of each class.
    classes
        Which class's covariance belongs to each item.
    """

    start: Float[Tensor, "items latent"]
    middle: Float[Tensor, "items latent"]
    axes: Float[Tensor, "classes latent latent"]
    variances: Float[Tensor, "classes latent"]
    classes: Int[Tensor, " items"]
    reach: float = 1.0

    def at(self, positions: Float[Tensor, " items"], items: Int[Tensor, " items"]) -> Float[Tensor, "items latent"]:
        """See :class:`Path`."""
        found = self.start[items].clone()
        gone = torch.nonzero(positions > 0)[:, 0]
        items = items[gone]
        classes = self.classes[items]
        variances = self.variances[classes]
        power = DECADES * (1 - 2 * positions[gone, None].clamp(max=1).to(self.start))
        weight = 10**power / variances.mean(dim=1, keepdim=True)  # whatever the unit of the latents
        left = weight * variances / (1 + weight * variances)
        for row in sorted(set(classes.tolist())):
            of = classes == row
            apart = (self.start[items[of]] - self.middle[items[of]]) @ self.axes[row]
            found[gone[of]] = self.middle[items[of]] + (apart * left[of]) @ self.axes[row].T
        beyond = (positions[gone, None] - 1).clamp(min=0).to(self.start)
        found[gone] += beyond * (self.middle[items] - self.start[items])
        return found
