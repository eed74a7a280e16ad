"""What the study holds, as layers of one viewer: added once, updated in place, in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from conceptstain._qt.map_layers import MapLayers
from conceptstain._qt.outlines import Outlines
from conceptstain._qt.own_layers import OwnLayers
from conceptstain._qt.tissue import Tissue
from conceptstain.canvas.region import PickedSpots, Region
from conceptstain.canvas.section import Section
from conceptstain.layer_tuples import METADATA_KEY

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

__all__ = ["Painter"]

TOOLS = {"lasso": "add_polygon_lasso", "polygon": "add_polygon"}  # modes of napari's shapes


@final
class Painter:
    """The tissue, the outlines and the maps of one viewer, and the tools that choose spots on it.

    The user may delete any layer at any time: what is needed again is put back.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._own = OwnLayers(viewer)
        self.tissue = Tissue(self._own)
        self.outlines = Outlines(self._own, self.tissue)
        self.maps = MapLayers(self._own, self.tissue)

    def sections(self) -> list[Section]:
        """Sections whose layers are in the viewer, oldest first."""
        return self._own.sections()

    def layers_of_others(self) -> list[Layer]:
        """Layers that something else put into the viewer, in the viewer's order from the top."""
        return [layer for layer in reversed(self.viewer.layers) if METADATA_KEY not in layer.metadata]

    def show_section(self, section: Section) -> None:
        """Show a section's tissue and spots in place of the section shown before; sections dropped beside it stay."""
        self.tissue.show(section)
        self.outlines.layer()
        spots = self.tissue.need_spots()
        self.viewer.layers.selection.active = spots
        self.viewer.canvas.overlays.scale_bar.visible = True
        self.viewer.reset_view(layers=[spots])

    def draw(self, tool: str) -> None:
        """Take a tool in hand: ``"lasso"``, ``"polygon"`` or ``"pick"``; anything else lays it down."""
        outlines, spots = self.outlines.layer(), self.tissue.need_spots()
        if tool in TOOLS:
            self.outlines.take(TOOLS[tool])
        elif tool == "pick":
            spots.visible = True
            self.viewer.layers.selection.active = spots
            spots.mode = "select"
        else:
            outlines.mode = "pan_zoom"
            spots.mode = "pan_zoom"

    def selection(self, name: str) -> Region | None:
        """The outlines not yet made into a concept, else the picked spots, else None."""
        drawn = self.outlines.fresh(name)
        if drawn is not None:
            return drawn
        picked = tuple(self.tissue.picked)
        return Region(name, PickedSpots(picked)) if picked else None

    def clear_selection(self) -> None:
        """Remove outlines that belong to no concept, and unpick spots."""
        self.outlines.remove_fresh()
        self.tissue.pick(())
