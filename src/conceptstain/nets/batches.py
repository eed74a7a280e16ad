"""Batches: which items are learned from, in which order, as what a network sees of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs, ItemIndices

__all__ = ["Batch", "Split", "batches_of", "drawn", "n_batches", "shifted", "split_items"]


class Batch(NamedTuple):
    """Inputs of some items, where they hold data, and for a network that learns counts these and their depths."""

    x: Tensor
    mask: Tensor
    counts: Tensor | None = None
    depths: Tensor | None = None

    @classmethod
    def of(cls, data: Any, items: ItemIndices, mask: Tensor, *, counted: bool) -> Batch:
        """The items of a section; with their counts where the network learns them."""
        x = torch.as_tensor(data.inputs(items), device=mask.device)
        if not counted:
            return cls(x, mask)
        counts, depths = (torch.as_tensor(values(items), device=mask.device) for values in (data.counts, data.depths))
        return cls(x, mask, counts, depths)

    def shifted(self, down: int, right: int) -> Batch:
        """Moved by whole pixels, the mask too."""
        return self._replace(x=shifted(self.x, down, right), mask=shifted(self.mask, down, right))


class Split(NamedTuple):
    """Items to learn from and items held out, for each section."""

    learned: list[NDArray[np.integer]]
    held_out: list[NDArray[np.integer]]


def split_items(
    data: Sequence[Inputs], held_out_fraction: float, generator: torch.Generator, *, most: int | None = None
) -> Split:
    """Hold out a part of the trainable items of each section; of all of them together no more than ``most``.

    Raises
    ------
    InputError
        A section has too few items to learn from.
    """
    learned, held_out = [], []
    for each in data:
        items = each.trainable[torch.randperm(len(each.trainable), generator=generator).numpy()]
        n_held_out = math.ceil(held_out_fraction * len(items))
        if most is not None:
            n_held_out = min(n_held_out, max(most // len(data), 1))
        if len(items) - n_held_out < 2:
            raise InputError(
                "There is too little to learn from",
                got=f"{len(items)} with enough signal",
                cure="Open data with more of them; of genes, lower min_spots",
            )
        held_out.append(items[:n_held_out])
        learned.append(items[n_held_out:])
    return Split(learned, held_out)


def drawn(learned: Sequence[NDArray[np.integer]], most: int, generator: torch.Generator) -> list[NDArray[np.integer]]:
    """At most so many items at random, from each section as large a part of its own; of each at least two, a batch."""
    part = min(1.0, most / sum(len(items) for items in learned))
    return [
        items[torch.randperm(len(items), generator=generator).numpy()[: max(2, round(part * len(items)))]]
        for items in learned
    ]


def n_batches(items: NDArray[np.integer], size: int) -> int:
    """How many batches of about this size the items make."""
    # A batch of one cannot be normalised, so an odd rest is spread over batches of at most one item more.
    return max(1, min(math.ceil(len(items) / size), len(items) // 2))


def batches_of(
    learned: Sequence[NDArray[np.integer]], size: int, generator: torch.Generator
) -> Iterator[tuple[int, NDArray[np.integer]]]:
    """All items in a new order, in batches that each come from one section."""
    batches = [
        (section, batch)
        for section, items in enumerate(learned)
        for batch in np.array_split(
            items[torch.randperm(len(items), generator=generator).numpy()], n_batches(items, size)
        )
    ]
    for index in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[index]


def shifted(x: Float[Tensor, "... height width"], down: int, right: int) -> Float[Tensor, "... height width"]:
    """Pictures moved by whole pixels; what leaves the frame is lost, what enters it is 0."""
    height, width = x.shape[-2:]
    down, right = max(-height, min(down, height)), max(-width, min(right, width))
    moved = torch.zeros_like(x)
    moved[..., max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = x[
        ..., max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
    ]
    return moved
