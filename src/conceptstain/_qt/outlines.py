"""The layer of outlines: those that concepts were made of, in their colours, and those not yet made into one.

napari's shapes have no holes, so a hole is a shape of its own that belongs to an outline, drawn half as wide. Whoever
takes an outline in hand takes its holes along; a hole can be moved by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from napari.layers import Shapes

from conceptstain._qt.own_layers import OwnLayers
from conceptstain._qt.tissue import Tissue
from conceptstain.canvas.region import Polygon, Region
from conceptstain.layer_tuples import METADATA_KEY

if TYPE_CHECKING:
    from conceptstain.study import Entry

__all__ = ["REGIONS", "Outlines"]

REGIONS = "regions"
FRESH = "white"  # outlines that belong to no concept yet
NEW = {"concept": "", "part": 0, "hole": False}  # features of what the mouse draws


class _Ring(NamedTuple):
    """One shape: of a concept, its so manieth outline or a hole of that."""

    entry: Entry
    part: int
    hole: bool
    corners: Float[np.ndarray, "_ 2"]


@final
class Outlines:
    """The outlines on one section or slide; drawn and moved by the mouse, or by the study.

    ``changed()`` is called whenever outlines are drawn, moved or removed. ``moved(owner, done)`` is called while the
    mouse draws or moves an outline, and when it is let go: the owner is the concept's name, empty for an outline that
    belongs to none.
    """

    def __init__(self, own: OwnLayers, tissue: Tissue) -> None:
        self._own, self._tissue = own, tissue
        self.changed: Callable[[], None] = lambda: None
        self.moved: Callable[[str, bool], None] = lambda _owner, _done: None

    # -- reading ---------------------------------------------------------------------------------------------------

    def fresh(self, name: str) -> Region | None:
        """The outlines not yet made into a concept, as a region of that name; None where there is none."""
        return self._region(name, "")

    def of(self, owner: str) -> Region | None:
        """The outlines of a concept with their holes as they are drawn now; None where it has none."""
        return self._region(owner, owner)

    def _region(self, name: str, owner: str) -> Region | None:
        layer = self.layer()
        features = layer.features
        outlines, holes = [], []
        for index in self._owned_by(owner):
            if features["hole"][index] or len(layer.data[index]) < 3:
                continue
            outlines.append(self._corners(index))
            holes.append(tuple(self._corners(hole) for hole in self._holes_of(index)))
        if not outlines:
            return None
        Region.from_polygon(name, *outlines)  # refuses what is no outline
        return Region(name, Polygon(tuple(outlines), tuple(holes) if any(holes) else ()))

    def _corners(self, index: int) -> Float[np.ndarray, "_ 2"]:
        layer = self.layer()
        return np.array([layer.data_to_world(corner) for corner in layer.data[index]], dtype=float)

    def _owned_by(self, owner: str) -> list[int]:
        return [index for index, name in enumerate(self.layer().features["concept"]) if (name or "") == owner]

    def _holes_of(self, outline: int) -> list[int]:
        features = self.layer().features
        owner, part = features["concept"][outline], features["part"][outline]
        if not owner or features["hole"][outline]:
            return []
        chosen = (features["concept"] == owner) & (features["part"] == part) & features["hole"].astype(bool)
        return [int(index) for index in np.flatnonzero(chosen)]

    # -- drawing ---------------------------------------------------------------------------------------------------

    def show(self, entries: Iterable[Entry]) -> None:
        """Draw the outlines that concepts were made of, in their colours; those not yet made into one stay."""
        rings = [ring for entry in entries for ring in _rings(entry)]
        if not self._tissue.takes_outlines or (not rings and not isinstance(self._own.named(REGIONS), Shapes)):
            return
        layer = self.layer()
        self._remove(set(range(len(layer.data))) - set(self._owned_by("")))
        if not rings:
            return
        width = self._tissue.line_width
        n_fresh = len(layer.data)
        with layer.events.data.blocker(self._hear):  # whose outlines these are is not known before they are drawn
            layer.add_polygons(
                [ring.corners for ring in rings],
                edge_color=[ring.entry.colour for ring in rings],
                edge_width=[width / 2 if ring.hole else width for ring in rings],
                face_color=[[0.0, 0.0, 0.0, 0.0]] * len(rings),
            )
        drawn = pd.DataFrame(
            {
                "concept": [ring.entry.name for ring in rings],
                "part": [ring.part for ring in rings],
                "hole": [ring.hole for ring in rings],
            }
        )
        layer.features = pd.concat([layer.features.iloc[:n_fresh], drawn], ignore_index=True).astype({"hole": bool})
        layer.feature_defaults = NEW
        layer.current_edge_color = FRESH
        layer.current_edge_width = width

    def remove_fresh(self) -> None:
        """Remove the outlines that belong to no concept."""
        self._remove(set(self._owned_by("")))

    def take(self, mode: str) -> None:
        """Take a tool of the layer in hand."""
        layer = self.layer()
        self._own.viewer.layers.selection.active = layer
        layer.visible = True
        layer.selected_data = set()
        layer.current_edge_color = FRESH
        layer.mode = mode

    def _remove(self, indices: set[int]) -> None:
        if indices:
            layer = self.layer()
            layer.selected_data = indices
            layer.remove_selected()

    # -- the layer -------------------------------------------------------------------------------------------------

    def layer(self) -> Shapes:
        """The layer, put back where it was deleted."""
        layer = self._own.named(REGIONS)
        if isinstance(layer, Shapes):
            return layer
        base = self._tissue.need_base()
        layer = Shapes(
            name=REGIONS,
            ndim=2,
            face_color=[0, 0, 0, 0],
            edge_color=FRESH,
            edge_width=self._tissue.line_width,
            features=pd.DataFrame({name: np.array([], dtype=type(NEW[name])) for name in NEW}).astype(
                {"concept": object}
            ),
            feature_defaults=NEW,
            units=base.units,
            axis_labels=base.axis_labels,
            metadata={METADATA_KEY: REGIONS},
        )
        layer.events.data.connect(self._hear)
        layer.selected_data.events.items_changed.connect(lambda _event: self._take_holes_along(layer))
        layer.mouse_drag_callbacks.append(self._follow_mouse)
        viewer = self._own.viewer
        viewer.add_layer(layer)
        viewer.layers.move(len(viewer.layers) - 1, viewer.layers.index(base) + 1)
        return layer

    def _take_holes_along(self, layer: Shapes) -> None:
        """Choose the holes of the outlines that are chosen: napari moves, turns and removes what is chosen as one."""
        chosen = {index for index in layer.selected_data if index < len(layer.features)}
        holes = {hole for index in chosen for hole in self._holes_of(index)} if layer is self.layer() else set()
        if not holes <= chosen:
            layer.selected_data.update(holes)

    def _follow_mouse(self, layer: Shapes, event: Any) -> Iterator[None]:
        """Tell of outlines while they are drawn or moved: napari tells when the mouse is let go."""
        yield
        while event.type == "mouse_move":
            owners = list(layer.features["concept"])
            moved = sorted(layer.selected_data) if layer.mode in ("select", "direct") else [len(owners) - 1]
            for owner in {str(owners[index] or "") for index in moved if 0 <= index < len(owners)}:
                self.moved(owner, False)
            yield

    def _hear(self, event: Any) -> None:
        self.changed()
        if str(getattr(event, "action", "")) == "changed":
            owners = list(self.layer().features["concept"])
            for owner in {str(owners[index] or "") for index in event.data_indices if index < len(owners)}:
                self.moved(owner, True)


def _rings(entry: Entry) -> list[_Ring]:
    """The outlines of a concept and their holes; holes above all, so that the mouse finds them."""
    region = entry.definition.region
    if region is None or not isinstance(region.selector, Polygon):
        return []
    drawn = region.selector
    outlines = [_Ring(entry, part, False, corners) for part, corners in enumerate(drawn.outlines)]
    holes = [_Ring(entry, part, True, corners) for part, each in enumerate(drawn.holes_of_outlines) for corners in each]
    return outlines + holes
