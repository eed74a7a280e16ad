"""Where active units and labels meet: pixels of enlarged activation maps, counted by unit and label.

Between four neighbouring activations the bilinear surface is nowhere higher than the highest of them. So only cells
with a corner above the threshold are looked at, which at ``q = 0.005`` are about one in a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import NamedTuple, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Cells", "Overlaps", "count_overlaps", "enlarged"]

AT_ONCE = 2**18  # pixels of live cells that are interpolated together


@final
@dataclass(frozen=True, eq=False)
class Cells:
    """Along one axis, the pixels of a mask between each activation and the next.

    Attributes
    ----------
    first, number
        Of each cell, the pixel that it begins at and how many it has.
    fraction
        Of each pixel, how far it lies from the activation before it to the one behind, 0 to 1.
    """

    first: NDArray[np.int64]
    number: NDArray[np.int64]
    fraction: Float[np.ndarray, " pixels"]

    @classmethod
    def of(cls, n_units: int, n_pixels: int, *, offset: float, stride: float, n_input: int | None = None) -> Cells:
        """Cells of activations that are centred at ``offset + stride * index`` of the input.

        Before the first centre and behind the last, the surface goes on level, as in the paper's interpolation.

        Parameters
        ----------
        n_units
            Activations along the axis.
        n_pixels
            Pixels of the mask.
        offset, stride
            In pixels of the input, from the centre of its first pixel.
        n_input
            Pixels of the input; None: as many as of the mask.
        """
        scale = (n_input or n_pixels) / n_pixels
        at = ((np.arange(n_pixels) + 0.5) * scale - 0.5 - offset) / stride
        at = np.clip(at, 0, n_units - 1)
        cell = np.floor(at).astype(np.int64)
        number = np.bincount(cell, minlength=n_units)
        return cls(np.cumsum(number) - number, number, (at - cell).astype(np.float32))


def enlarged(
    activation: Float[np.ndarray, "*batch height width"], down: Cells, across: Cells
) -> Float[np.ndarray, "*batch rows columns"]:
    """The surfaces that :func:`count_overlaps` cuts, at every pixel; in the order of its sums, so that both agree."""
    rows, columns = (np.repeat(np.arange(len(cells.first)), cells.number) for cells in (down, across))
    below, right = np.minimum(rows + 1, len(down.first) - 1), np.minimum(columns + 1, len(across.first) - 1)
    upper, lower = activation[..., rows, :], activation[..., below, :]
    top = upper[..., columns] + (upper[..., right] - upper[..., columns]) * across.fraction
    bottom = lower[..., columns] + (lower[..., right] - lower[..., columns]) * across.fraction
    made: Float[np.ndarray, "*batch rows columns"] = top + (bottom - top) * down.fraction[:, None]
    return made


class Overlaps(NamedTuple):
    """Pixels of some items.

    Attributes
    ----------
    active
        ``(batch, units)``: above the unit's threshold.
    shared
        ``(units, labels)``: above it and of that label; label 0 is none.
    """

    active: Int[np.ndarray, "batch units"]
    shared: Int[np.ndarray, "units labels"]


def count_overlaps(
    activation: Float[Tensor, "batch units height width"],
    thresholds: Float[Tensor, " units"],
    labels: Int[np.ndarray, "batch rows columns planes"],
    *,
    down: Cells,
    across: Cells,
    n_labels: int,
    counted: Bool[np.ndarray, "batch rows columns"] | None = None,
    compiled: bool | None = None,
) -> Overlaps:
    """Count the pixels at which units are active, by unit and by label.

    A unit is active where its map, enlarged bilinearly, lies above its threshold, ``M_k = [S_k > T_k]`` (the released
    code's comparison; the paper writes ``>=``).

    Parameters
    ----------
    activation
        Of a layer.
    thresholds
        See :class:`~conceptstain.methods.unit_thresholds.UnitThresholds`.
    labels
        Numbers of labels at every pixel of the masks, 0 for none; several planes where a pixel has several labels.
    down, across
        How activations lie among the pixels.
    n_labels
        One more than the highest number.
    counted
        Pixels that count at all; None: all.
    compiled
        Whether numba counts, which must be installed; None: where it is.
    """
    counted = np.ones(labels.shape[:3], dtype=bool) if counted is None else counted
    compiled = find_spec("numba") is not None if compiled is None else compiled
    count = _count_compiled if compiled else _count
    return count(_Asked(activation.detach(), thresholds, np.ascontiguousarray(labels), counted, down, across, n_labels))


class _Asked(NamedTuple):
    activation: Tensor
    thresholds: Tensor
    labels: NDArray[np.integer]
    counted: NDArray[np.bool_]
    down: Cells
    across: Cells
    n_labels: int


def _count(asked: _Asked) -> Overlaps:
    activation, thresholds, labels, counted, down, across, n_labels = asked
    n_items, n_units, height, width = activation.shape
    rows, columns = labels.shape[1:3]
    item, unit, row, column = _live_cells(activation, thresholds)
    flat = activation.flatten()
    corner = ((item * n_units + unit) * height + row) * width + column
    below, right = (row < height - 1).long() * width, (column < width - 1).long()  # level behind the last
    row_first, row_part = _blocks(down, activation)
    column_first, column_part = _blocks(across, activation)
    planes = torch.as_tensor(labels, device=activation.device).flatten(0, 2).long()
    counts = torch.as_tensor(counted, device=activation.device).flatten()
    active = torch.zeros(n_items * n_units, dtype=torch.long, device=activation.device)
    shared = torch.zeros(n_units * n_labels, dtype=torch.long, device=activation.device)
    step = max(1, AT_ONCE // (row_part.shape[1] * column_part.shape[1]))
    for begin in range(0, len(item), step):
        part = slice(begin, begin + step)
        at, to_below, to_right = corner[part], below[part], right[part]
        r, c, which = row[part], column[part], unit[part]
        upper, upper_right, lower, lower_right = (
            flat[at + shift][:, None] for shift in (0, to_right, to_below, to_below + to_right)
        )
        across_it = column_part[c]
        top = torch.addcmul(upper, upper_right - upper, across_it)
        bottom = torch.addcmul(lower, lower_right - lower, across_it)
        values = torch.addcmul(top[:, None, :], (bottom - top)[:, None, :], row_part[r][:, :, None])
        cell, dy, dx = (values > thresholds[which][:, None, None]).nonzero(as_tuple=True)
        pixel = (item[part][cell] * rows + row_first[r[cell]] + dy) * columns + column_first[c[cell]] + dx
        kept = counts[pixel]
        cell, pixel = cell[kept], pixel[kept]
        active += torch.bincount(item[part][cell] * n_units + which[cell], minlength=len(active))
        met = which[cell][:, None] * n_labels + planes[pixel]
        shared += torch.bincount(met.flatten(), minlength=len(shared))
    return Overlaps(active.reshape(n_items, n_units).cpu().numpy(), shared.reshape(n_units, n_labels).cpu().numpy())


def _live_cells(activation: Tensor, thresholds: Tensor) -> tuple[Tensor, ...]:
    """Item, unit, row and column of the cells with a corner above the threshold: the four around each such place."""
    live = torch.zeros(activation.shape, dtype=torch.bool, device=activation.device)
    item, unit, row, column = (activation > thresholds[:, None, None]).nonzero(as_tuple=True)
    for up in (0, 1):
        for left in (0, 1):
            live[item, unit, (row - up).clamp_min(0), (column - left).clamp_min(0)] = True
    return live.nonzero(as_tuple=True)


def _blocks(cells: Cells, like: Tensor) -> tuple[Tensor, Tensor]:
    """First pixel of every cell, and the fractions of its pixels; NaN, which is above nothing, behind its last."""
    part = np.full((len(cells.first), max(int(cells.number.max()), 1)), np.nan)
    for cell, (first, number) in enumerate(zip(cells.first, cells.number, strict=True)):
        part[cell, :number] = cells.fraction[first : first + number]
    return torch.as_tensor(cells.first, device=like.device), torch.as_tensor(part).to(like)


def _count_compiled(asked: _Asked) -> Overlaps:
    from conceptstain.methods.unit_overlaps_compiled import count

    shared = np.zeros((asked.activation.shape[1], asked.n_labels), dtype=np.int64)
    active = count(
        asked.activation.float().cpu().contiguous().numpy(),
        asked.thresholds.float().cpu().contiguous().numpy(),
        asked.labels,
        asked.counted,
        (asked.down.first, asked.down.number, asked.down.fraction),
        (asked.across.first, asked.across.number, asked.across.fraction),
        shared,
    )
    return Overlaps(active, shared)
