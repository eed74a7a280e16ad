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
        values = activation.detach().reshape(*activation.shape[:2], -1)  # a view, in whatever order memory has it
        if not bool(torch.isfinite(values.sum(dim=(0, 2))).all()):  # a sum is quicker than a look at every value
            broken = ~torch.isfinite(values)
            if bool(broken.any()):
                raise InputError(
                    "Some units put out what is no number",
                    got=f"unit {int(broken.any(dim=2).any(dim=0).float().argmax())}, for one",
                    cure="Check the weights of the network and the values that it is given",
                )
        counted = None if inside is None else torch.as_tensor(inside, device=values.device)
        self._seen += values.shape[0] * values.shape[2] if counted is None else int(counted.sum())
        most = self.n_above + 1
        if self._highest.shape[1] == most:
            rows = _above(values, self._highest[:, -1].to(values), counted)
        else:
            rows = values.transpose(0, 1).flatten(1)
            rows = rows if counted is None else rows[:, counted.flatten()]
        self._arrived.append(rows.topk(most, dim=1).values if rows.shape[1] > most else rows)
        self._n_arrived += self._arrived[-1].shape[1]
        if self._n_arrived >= most:
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


def _above(
    values: Float[Tensor, "batch units places"],
    bounds: Float[Tensor, " units"],
    counted: Bool[Tensor, "batch places"] | None,
) -> Float[Tensor, "units most"]:
    """The values above each unit's bound, which soon are few; filled up by what is below every threshold."""
    on = values > bounds[:, None]
    if counted is not None:
        on &= counted[:, None]
    item, unit, place = on.nonzero(as_tuple=True)
    counts = torch.bincount(unit, minlength=values.shape[1])
    order = unit.argsort(stable=True)
    at = torch.empty_like(unit)
    at[order] = torch.arange(len(unit), device=unit.device) - (counts.cumsum(0) - counts)[unit[order]]
    found = values.new_full((values.shape[1], int(counts.max())), -math.inf)
    found[unit, at] = values[item, unit, place]
    return found
