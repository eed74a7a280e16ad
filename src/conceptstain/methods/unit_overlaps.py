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
from torch.nn import functional

__all__ = ["Cells", "Overlaps", "count_overlaps"]

AT_ONCE = 2**20  # pixels of live cells that are interpolated together


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
    n_items, n_units = activation.shape[:2]
    rows, columns = labels.shape[1:3]
    padded = functional.pad(activation, (0, 1, 0, 1), mode="replicate")
    upper = torch.maximum(padded[..., :-1, :], padded[..., 1:, :])
    highest = torch.maximum(upper[..., :-1], upper[..., 1:])
    item, unit, row, column = (highest > thresholds[:, None, None]).nonzero(as_tuple=True)
    flat, wide = padded.flatten(), padded.shape[-1]
    corner = (((item * n_units + unit) * padded.shape[-2]) + row) * wide + column
    (row_first, row_number, row_part), (column_first, column_number, column_part) = (
        _blocks(cells, activation.device) for cells in (down, across)
    )
    planes = torch.as_tensor(labels, device=activation.device).flatten(0, 2).long()
    counts = torch.as_tensor(counted, device=activation.device).flatten()
    active = torch.zeros(n_items * n_units, dtype=torch.long, device=activation.device)
    shared = torch.zeros(n_units * n_labels, dtype=torch.long, device=activation.device)
    step = max(1, AT_ONCE // max(row_part.shape[1] * column_part.shape[1], 1))
    for begin in range(0, len(item), step):
        part = slice(begin, begin + step)
        at, r, c, which = corner[part], row[part], column[part], unit[part]
        a, b, lower_a, lower_b = (flat[at + shift][:, None] for shift in (0, 1, wide, wide + 1))
        fx = column_part[c]
        above, below = a + (b - a) * fx, lower_a + (lower_b - lower_a) * fx
        values = above[:, None, :] + (below - above)[:, None, :] * row_part[r][:, :, None]
        on = values > thresholds[which][:, None, None]
        on &= (torch.arange(row_part.shape[1], device=at.device) < row_number[r][:, None])[:, :, None]
        on &= (torch.arange(column_part.shape[1], device=at.device) < column_number[c][:, None])[:, None, :]
        cell, dy, dx = on.nonzero(as_tuple=True)
        pixel = (item[part][cell] * rows + row_first[r[cell]] + dy) * columns + column_first[c[cell]] + dx
        kept = counts[pixel]
        cell, pixel = cell[kept], pixel[kept]
        active += torch.bincount(item[part][cell] * n_units + which[cell], minlength=len(active))
        met = which[cell][:, None] * n_labels + planes[pixel]
        shared += torch.bincount(met.flatten(), minlength=len(shared))
    return Overlaps(active.reshape(n_items, n_units).cpu().numpy(), shared.reshape(n_units, n_labels).cpu().numpy())


def _blocks(cells: Cells, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """First pixel and number of pixels of every cell, and the fractions of its pixels, filled up to the widest."""
    widest = max(int(cells.number.max()), 1)
    part = np.zeros((len(cells.first), widest), dtype=np.float32)
    for cell, (first, number) in enumerate(zip(cells.first, cells.number, strict=True)):
        part[cell, :number] = cells.fraction[first : first + number]
    first, number = (torch.as_tensor(each, device=device) for each in (cells.first, cells.number))
    return first, number, torch.as_tensor(part, device=device)


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
