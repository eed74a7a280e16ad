"""How high a unit has to be to count as active: exact quantiles of its activations, met in one pass."""

from __future__ import annotations

import math
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from conceptstain.errors import InputError

__all__ = ["UnitThresholds"]


@final
class UnitThresholds:
    """The threshold ``T_k`` of every unit with ``P(a_k > T_k) = q`` over all places of all items (Bau et al. 2017).

    Of ``N`` activations of a unit, exactly the ``floor(q N)`` highest lie above its threshold, fewer where several
    equal it. Only these are kept, one more of each unit, and merged with what comes: the threshold is exact, unlike
    that of a sketch of the distribution.

    Parameters
    ----------
    n_units
        Units.
    n_values
        Activations of each unit that will be added in all.
    quantile
        ``q``.

    Raises
    ------
    InputError
        A quantile that leaves no activation, or all of them, above.
    """

    def __init__(self, n_units: int, n_values: int, quantile: float) -> None:
        self.n_above = math.floor(quantile * n_values) if 0 < quantile < 1 else 0
        if self.n_above < 1:
            raise InputError(
                "A unit is active at some of its places",
                got=f"a quantile of {quantile:g} of {n_values:,} places",
                cure="Use a quantile between 0 and 1, such as 0.005, that leaves one place or more above",
            )
        self._highest = torch.empty(n_units, 0)
        self._arrived: list[Tensor] = []
        self._n_arrived = self._seen = 0
        self._n_values = n_values

    def add(
        self, activation: Float[Tensor, "batch units ..."], inside: Bool[np.ndarray, "batch places"] | None = None
    ) -> None:
        """Activations of some items.

        Parameters
        ----------
        activation
            Of a layer, with places or without.
        inside
            The places that count; None: all.

        Raises
        ------
        InputError
            Some are not numbers; the message names a unit.
        """
        values = activation.detach().flatten(2) if activation.ndim > 2 else activation.detach()[..., None]
        rows = values.transpose(0, 1).flatten(1)
        if inside is not None:
            rows = rows[:, torch.as_tensor(inside, device=rows.device).flatten()]
        if not bool(torch.isfinite(rows.sum(dim=1)).all()):  # a sum is quicker than a look at every value
            broken = int((~torch.isfinite(rows)).any(dim=1).float().argmax())
            if not bool(torch.isfinite(rows).all()):
                raise InputError(
                    "Some units put out what is no number",
                    got=f"unit {broken}, for one",
                    cure="Check the weights of the network and the values that it is given",
                )
        most = self.n_above + 1
        self._arrived.append(rows.topk(most, dim=1).values if rows.shape[1] > most else rows)
        self._n_arrived += self._arrived[-1].shape[1]
        self._seen += rows.shape[1]
        if self._n_arrived >= 2 * most:
            self._merge()

    def found(self) -> Float[Tensor, " units"]:
        """The thresholds, when all has been added.

        Raises
        ------
        InputError
            Fewer or more activations than announced: their quantile would be another one.
        """
        if self._seen != self._n_values:
            raise InputError(
                "The quantile is of all activations",
                got=f"{self._seen:,} of {self._n_values:,} places",
                cure="Add all of them",
            )
        self._merge()
        return self._highest[:, -1].clone()

    def _merge(self) -> None:
        rows = (
            torch.cat([self._highest.to(self._arrived[0]), *self._arrived], dim=1) if self._arrived else self._highest
        )
        most = min(self.n_above + 1, rows.shape[1])
        self._highest = rows.topk(most, dim=1).values
        self._arrived, self._n_arrived = [], 0
