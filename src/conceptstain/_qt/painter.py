"""What the study holds, as layers of one viewer: added once, updated in place, in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from conceptstain._qt.map_layers import MapLayers
from conceptstain._qt.mask_layer import MaskLayer
from conceptstain._qt.outlines import Outlines
from conceptstain._qt.own_layers import OwnLayers
from conceptstain._qt.tissue import Tissue
from conceptstain.canvas.region import PickedSpots, Region
from conceptstain.layer_tuples import METADATA_KEY

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

    from conceptstain.canvas.opening import Opened

__all__ = ["Painter"]

TOOLS = {"lasso": "add_polygon_lasso", "polygon": "add_polygon"}  # modes of napari's shapes


@final
class Painter:
    """What is open, the outlines and the maps of one viewer, and the tools that choose spots on it.

    The user may delete any layer at any time: what is needed again is put back.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._own = OwnLayers(viewer)
        self.tissue = Tissue(self._own)
        self.outlines = Outlines(self._own, self.tissue)
        self.maps = MapLayers(self._own, self.tissue)
        self.mask = MaskLayer(self._own, self.tissue)

    def sources(self) -> list[Opened]:
        """Sections, pictures and slides whose layers are in the viewer, oldest first."""
        return self._own.sources()

    def layers_of_others(self) -> list[Layer]:
        """Layers that something else put into the viewer, in the viewer's order from the top."""
        return [layer for layer in reversed(self.viewer.layers) if METADATA_KEY not in layer.metadata]

    def show_source(self, source: Opened) -> None:
        """Show a section, pictures or a slide in place of what was shown before; what was dropped beside it stays."""
        self.tissue.show(source)
        if self.tissue.takes_outlines:
            self.outlines.layer()
        base = self.tissue.need_base()
        self.viewer.layers.selection.active = base
        self.viewer.canvas.overlays.scale_bar.visible = True
        self.tissue.look_at(0)
        self.viewer.reset_view(layers=[base])

    def draw(self, tool: str) -> None:
        """Take a tool in hand: ``"lasso"``, ``"polygon"`` or ``"pick"``; anything else lays it down."""
        if not self.tissue.takes_outlines:
            return
        outlines, base = self.outlines.layer(), self.tissue.need_base()
        if tool in TOOLS:
            self.outlines.take(TOOLS[tool])
        elif tool == "pick":
            base.visible = True
            self.viewer.layers.selection.active = base
            base.mode = "select"
        else:
            outlines.mode = "pan_zoom"
            base.mode = "pan_zoom"

    def selection(self, name: str) -> Region | None:
        """The outlines not yet made into a concept, else the picked spots, else None."""
        if not self.tissue.takes_outlines:
            return None
        drawn = self.outlines.fresh(name)
        if drawn is not None:
            return drawn
        picked = tuple(self.tissue.picked)
        return Region(name, PickedSpots(picked)) if picked else None

    def clear_selection(self) -> None:
        """Remove outlines that belong to no concept, and unpick spots."""
        if self.tissue.takes_outlines:
            self.outlines.remove_fresh()
        self.tissue.pick(())
