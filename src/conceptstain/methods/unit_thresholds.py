"""How high a unit has to be to count as active: exact quantiles of its activations, met in one pass."""

from __future__ import annotations

import math
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from conceptstain.errors import InputError

__all__ = ["UnitThresholds"]

Values: TypeAlias = Float[np.ndarray, "units _"]


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
        self._highest: Values = np.empty((n_units, 0), dtype=np.float32)
        self._arrived: list[Values] = []
        self._n_arrived = self._seen = 0
        self._device = torch.device("cpu")
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
        self._device = activation.device
        values = activation.detach().reshape(*activation.shape[:2], -1)  # a view, in whatever order memory has it
        if not bool(torch.isfinite(values.sum())):  # a sum is quicker than a look at every value
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
            rows = _above(values, self._highest.min(axis=1), counted)
        else:
            every = values.transpose(0, 1).flatten(1)
            rows = (every if counted is None else every[:, counted.flatten()]).float().contiguous().cpu().numpy()
        self._arrived.append(_highest(rows, most))
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
        return torch.from_numpy(self._highest.min(axis=1)).to(self._device)

    def _merge(self) -> None:
        self._highest = _highest(np.concatenate([self._highest, *self._arrived], axis=1), self.n_above + 1)
        self._arrived, self._n_arrived = [], 0


def _highest(rows: Values, most: int) -> Values:
    """The ``most`` highest of every row, in no order; numpy partitions several times as fast as torch."""
    return rows if rows.shape[1] <= most else np.partition(rows, -most, axis=1)[:, -most:]


def _above(
    values: Float[Tensor, "batch units places"],
    bounds: Float[np.ndarray, " units"],
    counted: Bool[Tensor, "batch places"] | None,
) -> Values:
    """The values above each unit's bound, which soon are few, filled up by what is below every threshold."""
    n_units = values.shape[1]
    side_by_side = values.transpose(1, 2).is_contiguous()  # the units of a place: convolutions put them out like that
    rows = values.transpose(1, 2) if side_by_side else values
    on = _higher(rows, bounds if side_by_side else bounds[:, None])
    if counted is not None:
        on &= counted[:, :, None] if side_by_side else counted[:, None]
    at = np.flatnonzero(on) if on.is_cpu else on.flatten().nonzero()[:, 0].cpu().numpy()
    unit = (at if side_by_side else at // values.shape[2]) % n_units
    counts = np.bincount(unit, minlength=n_units)
    order = np.argsort(unit.astype(np.min_scalar_type(n_units)), kind="stable")  # by radix, for numbers that short
    behind = np.arange(len(unit)) - (counts.cumsum() - counts)[unit[order]]
    found: Values = np.full((n_units, int(counts.max())), -np.inf, dtype=np.float32)
    found[unit[order], behind] = rows.flatten()[torch.as_tensor(at[order], device=rows.device)].cpu()
    return found


def _higher(rows: Float[Tensor, "..."], bounds: Float[np.ndarray, "..."]) -> Bool[Tensor, "..."]:
    if rows.is_cpu:  # where numpy compares in about half of torch's time
        return torch.from_numpy(rows.numpy() > bounds)
    return rows > torch.from_numpy(bounds).to(rows)
