"""The two passes of network dissection: first the thresholds, then what units and labels share.

Neither keeps an activation map, and neither knows what a layer is: activations are what is read of some items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.label_maps import Labelled, LabelMaps
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.methods.dissection import Counts
from conceptstain.methods.gradient import copies_at_once
from conceptstain.methods.unit_overlaps import Cells, count_overlaps
from conceptstain.methods.unit_thresholds import UnitThresholds
from conceptstain.nets.receptive_field import Geometry
from conceptstain.progress import Report, Step

__all__ = ["Asked", "Canvas", "Places", "Read", "counted_pixels", "frame_of", "passed"]

GROUPS = 20  # that items are dealt into, so that the spread of what is counted is known

Canvas: TypeAlias = ImageSet | ImagePatches | GenePictures | SpotProfiles

Read: TypeAlias = Callable[[NDArray[np.integer]], "Mapping[str, Tensor]"]


@final
@dataclass(frozen=True)
class Asked:
    """What all layers have in common."""

    canvas: Canvas
    annotation: LabelMaps
    items: NDArray[np.integer]
    others: NDArray[np.integer]  # whose labels the items are held against: their own, or shuffled
    quantile: float
    read: Read
    report: Report

    def chunks(self, message: str, begun: int) -> Iterator[tuple[slice, Mapping[str, Tensor]]]:
        """Activations of the items, some at a time."""
        size = copies_at_once(self.canvas.shape)
        for start in range(0, len(self.items), size):
            part = slice(start, start + size)
            yield part, self.read(self.items[part])
            done = min(start + size, len(self.items))
            self.report(Step(begun + done, 2 * len(self.items), message))


def frame_of(canvas: Canvas) -> tuple[int, int]:
    """Rows and columns of the maps that a canvas is labelled by: a spot is one by one pixel."""
    return (1, 1) if isinstance(canvas, SpotProfiles) else (canvas.shape[-2], canvas.shape[-1])


def counted_pixels(canvas: Canvas, items: NDArray[np.integer]) -> Bool[np.ndarray, "items rows columns"]:
    """The pixels of the frame that belong to each item, rather than to its padding."""
    frame = frame_of(canvas)
    if isinstance(canvas, ImageSet):
        return np.stack([canvas.shown(int(item)) for item in items])
    mask = canvas.mask if isinstance(canvas, GenePictures) else np.ones(frame, dtype=bool)
    return np.broadcast_to(mask, (len(items), *frame))


def passed(
    asked: Asked, names: Sequence[str], place: Callable[[str, tuple[int, int]], Geometry]
) -> dict[str, dict[str, Any]]:
    """Both passes: of every layer thresholds, and pixels by unit and label."""
    first = asked.read(asked.items[:1])
    found: dict[str, UnitThresholds] = {}
    insides: dict[str, Places] = {}
    for name in dict.fromkeys(names):
        _, n_units, height, width = first[name].shape
        insides[name] = Places(asked.canvas, asked.items, place(name, (height, width)), (height, width))
        found[name] = UnitThresholds(n_units, insides[name].n_places, asked.quantile)
    for part, activations in asked.chunks("Finding thresholds", 0):
        for name, thresholds in found.items():
            thresholds.add(activations[name], insides[name].of(asked.items[part]))
    cuts = {name: thresholds.found() for name, thresholds in found.items()}
    annotation = asked.annotation
    n_labels, n_categories = len(annotation.labels), len(annotation.categories)
    group_of = np.arange(len(asked.items)) % min(GROUPS, len(asked.items))
    n_groups = int(group_of.max()) + 1
    ground = np.zeros((n_groups, n_labels), dtype=np.int64)
    pixels = np.zeros((n_groups, n_categories), dtype=np.int64)
    shared = {name: np.zeros((n_groups, len(cut), n_labels), dtype=np.int64) for name, cut in cuts.items()}
    active = {name: np.zeros((n_groups, len(cut), n_categories), dtype=np.int64) for name, cut in cuts.items()}
    for part, activations in asked.chunks("Comparing with labels", len(asked.items)):
        counts, labelled = counted_pixels(asked.canvas, asked.items[part]), annotation.of(asked.others[part])
        for group in np.unique(group_of[part]):
            rows = np.flatnonzero(group_of[part] == group)
            of_group = Labelled(labelled.planes[rows], labelled.whole[rows])
            of_items, has = _pixels(of_group, counts[rows], annotation)
            ground[group] += of_items
            pixels[group] += counts[rows].sum(axis=(1, 2)) @ has
            for name, activation in activations.items():
                met = count_overlaps(
                    activation[rows],
                    cuts[name],
                    of_group.planes,
                    down=insides[name].down,
                    across=insides[name].across,
                    n_labels=n_labels + 1,
                    counted=counts[rows],
                )
                shared[name][group] += met.shared[:, 1:] + met.active.T @ of_group.whole[:, 1:]
                active[name][group] += met.active.T @ has
    return {
        name: {
            "thresholds": cut.float().cpu().numpy(),
            "counts": Counts(shared[name], active[name], ground, pixels),
        }
        for name, cut in cuts.items()
    }


def _pixels(
    labelled: Labelled, counts: Bool[np.ndarray, "items rows columns"], annotation: LabelMaps
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Pixels of every label, and which items have any label of which category."""
    n_labels = len(annotation.labels)
    offsets = np.arange(len(counts))[:, None, None, None] * (n_labels + 1)
    within = np.where(counts[..., None], labelled.planes, 0)
    by_item = np.bincount((within + offsets).ravel(), minlength=len(counts) * (n_labels + 1))
    by_item = (
        by_item.reshape(len(counts), n_labels + 1)[:, 1:] + labelled.whole[:, 1:] * counts.sum(axis=(1, 2))[:, None]
    )
    has = np.zeros((len(counts), len(annotation.categories)), dtype=np.int64)
    for category in range(has.shape[1]):
        has[:, category] = by_item[:, annotation.category_of[1:] == category].any(axis=1)
    return by_item.sum(axis=0), has


@final
class Places:
    """Which places of a layer lie on an item rather than on its padding, and how they lie among the pixels.

    Attributes
    ----------
    down, across
        Cells along rows and columns of the frame.
    n_places
        How many places of all items lie on them.
    """

    def __init__(self, canvas: Canvas, items: NDArray[np.integer], where: Geometry, shape: tuple[int, int]) -> None:
        self._canvas = canvas
        frame = frame_of(canvas)
        self.down, self.across = (
            Cells.of(units, side, offset=offset, stride=stride)
            for units, side, offset, stride in zip(shape, frame, where.offset, where.stride, strict=True)
        )
        self._rows, self._columns = (
            np.clip(np.rint(offset + stride * np.arange(units)), 0, side - 1).astype(int)
            for units, side, offset, stride in zip(shape, frame, where.offset, where.stride, strict=True)
        )
        self._everywhere = not isinstance(canvas, ImageSet | GenePictures)
        n_items, n_places = len(items), shape[0] * shape[1]
        if self._everywhere:
            self.n_places = n_items * n_places
        elif isinstance(canvas, GenePictures):
            self.n_places = n_items * int(self._chosen(items[:1]).sum())
        else:
            self.n_places = sum(int(self._chosen(items[i : i + 1]).sum()) for i in range(n_items))

    def of(self, items: NDArray[np.integer]) -> Bool[np.ndarray, "items places"] | None:
        """None: all places."""
        return None if self._everywhere else self._chosen(items)

    def _chosen(self, items: NDArray[np.integer]) -> Bool[np.ndarray, "items places"]:
        counts = counted_pixels(self._canvas, items)
        chosen = counts[:, self._rows[:, None], self._columns[None, :]].reshape(len(items), -1)
        chosen[~chosen.any(axis=1)] = True  # a sliver between two centres
        return np.asarray(chosen)
