"""Maps and genes as layers: a map is added once, repainted in place, and seen alone.

One layer more, unseen until then, follows an outline while the mouse draws or moves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np
import pandas as pd
from napari.layers import Layer, Points
from qtpy.QtCore import QTimer

from conceptstain._qt.own_layers import OwnLayers, is_map, shown_in
from conceptstain._qt.tissue import Tissue
from conceptstain.layer_tuples import METADATA_KEY, gene_layer, layers, spots_layer
from conceptstain.painting import painting

if TYPE_CHECKING:
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.layer_tuples import LayerTuple
    from conceptstain.methods.finding import Finding

__all__ = ["MapLayers"]

LIVE = "live"


@final
class MapLayers:
    """The painted maps of one section."""

    def __init__(self, own: OwnLayers, tissue: Tissue) -> None:
        self._own, self._tissue = own, tissue

    def show(self, finding: Finding, canvas: GenePictures) -> str:
        """Paint a map, in place of an earlier one of the same name, and hide the others; gives the layer's name.

        A new map takes the layer that follows outlines, where there is one: adding one takes napari a while.
        """
        layer, spare = self._own.named(finding.title), self._live_layer()
        if layer is None and spare is not None:
            layer = spare
            self._own.viewer.layers.move(self._own.viewer.layers.index(spare), len(self._own.viewer.layers))
        return self._paint(layers(finding, canvas)[0], layer)

    def prepare_live(self) -> None:
        """Add the layer that follows outlines, unseen: one that came while an outline is drawn would end that.

        Its colour bar is made now, too, in a turn of its own: it takes napari a tenth of a second, once.
        """
        if self._tissue.section is None or self._live_layer() is not None:
            return
        active = self._own.viewer.layers.selection.active
        data, settings, kind = spots_layer(self._tissue.section)
        nothing = {
            "features": pd.DataFrame({"value": np.zeros(len(data))}),
            "face_color": "value",
            "face_contrast_limits": (0.0, 1.0),
        }
        shown = {"name": LIVE, "visible": False, "metadata": {METADATA_KEY: LIVE}}
        layer = self._own.add((data, settings | nothing | shown, kind))
        self._own.viewer.layers.selection.active = active
        QTimer.singleShot(0, lambda: self._make_colour_bar(layer))

    def _make_colour_bar(self, layer: Points) -> None:
        if layer in self._own.viewer.layers and not layer.visible:  # one that is seen has its own
            layer.face_colorbar.visible = True
            layer.face_colorbar.visible = False

    def show_live(self, finding: Finding, canvas: GenePictures) -> None:
        """Paint what is drawn and is no finding yet: in the layer of its title, else in the one kept for that."""
        layer = self._own.named(finding.title) or self._live_layer()
        if layer is None:
            return
        owned = isinstance(shown_in(layer), str)
        self._paint(layers(finding, canvas)[0], layer)
        if owned:
            layer.metadata = {METADATA_KEY: LIVE}

    def _live_layer(self) -> Points | None:
        return next((layer for layer in self._own.maps() if shown_in(layer) == LIVE), None)

    def hide_live(self) -> None:
        """Let the layer that follows outlines be seen no more."""
        layer = self._live_layer()
        if layer is not None and layer.visible:
            self._see(layer, seen=False)

    def show_gene(self, gene: str, canvas: GenePictures) -> str:
        """Paint a gene's expression in place of the gene painted before; gives the layer's name."""
        before = [layer for layer in self._own.maps() if _is_gene(shown_in(layer))]
        return self._paint(gene_layer(gene, canvas), before[0] if before else None)

    def keep(self, findings: Iterable[Finding]) -> None:
        """Remove maps that are no findings any more, and give the others their present names."""
        kept = {id(finding.values): finding for finding in findings}
        gone: list[Layer] = []
        for layer in self._own.maps():
            shown = shown_in(layer)
            if not isinstance(shown, str):
                finding = kept.get(id(shown.values))
                if finding is None:
                    gone.append(layer)
                else:
                    layer.name = finding.title
                    layer.metadata = {METADATA_KEY: finding}
        self._own.remove(gone)
        spots = self._tissue.spots
        self.hide_live()
        if spots is not None and not any(layer.visible for layer in self._own.maps()):
            spots.visible = True

    def shown_by(self, layer: Layer | None) -> Finding | str | None:
        """The map, or the gene, that a layer paints; None for any other layer."""
        if layer is None or not is_map(layer):
            return None
        shown = shown_in(layer)
        return None if shown == LIVE else shown

    def limits(self, name: str) -> tuple[float, float] | None:
        """Colour limits of a painted map."""
        layer = self._own.named(name)
        if not isinstance(layer, Points) or layer.face_contrast_limits is None:
            return None
        low, high = layer.face_contrast_limits
        return float(low), float(high)

    def set_limits(self, name: str, low: float, high: float) -> None:
        """Set the colour limits of a painted map."""
        layer = self._own.named(name)
        if isinstance(layer, Points) and low < high:
            layer.face_contrast_limits = (low, high)
            layer.refresh_colors()

    def reset_limits(self, name: str, canvas: GenePictures) -> None:
        """Set the colour limits of a painted map back to those its values suggest."""
        layer = self._own.named(name)
        if isinstance(layer, Points):
            self.set_limits(name, *painting(shown_in(layer), canvas).limits)

    def colormap(self, name: str) -> str:
        """Name of a painted map's colours."""
        layer = self._own.named(name)
        return str(layer.face_colormap.name) if isinstance(layer, Points) else "viridis"

    # -- inside ---------------------------------------------------------------------------------------------------

    def _paint(self, painted: LayerTuple, layer: Layer | None) -> str:
        data, settings, _kind = painted
        in_place = isinstance(layer, Points) and len(layer.data) == len(data)
        points: Any = layer if in_place else Layer.create(*painted)
        if in_place:
            points.name, points.metadata = settings["name"], settings["metadata"]
            _recolour(points, settings)
        # Every change of what is seen makes napari build its scene anew, so only what differs is changed.
        bare = [] if self._tissue.spots is None else [self._tissue.spots]
        for other in (*self._own.maps(), *bare):
            if other is not points:
                self._see(other, seen=False)
        if in_place:
            self._see(points, seen=True)
        else:
            self._own.viewer.add_layer(points)
            # A new colour bar takes napari a tenth of a second: the map is shown first.
            QTimer.singleShot(0, lambda: self._see(points, seen=points.visible))
        if not self._own.has_tool_in_hand:
            self._own.viewer.layers.selection.active = points
        return str(points.name)

    def _see(self, layer: Layer, *, seen: bool) -> None:
        if layer.visible != seen:
            layer.visible = seen
        if is_map(layer) and layer.face_colorbar.visible != seen:
            layer.face_colorbar.visible = seen


def _recolour(points: Points, settings: Mapping[str, Any]) -> None:
    """Give spots other values and colours, handed to the graphics card once: napari would do so after each of them."""
    events = points._face.events  # noqa: SLF001 - napari has no public way
    with events.colors.blocker(), events.color_properties.blocker():
        for name in ("face_colormap", "face_contrast_limits", "features"):
            setattr(points, name, settings[name])
    points.events.face_color()


def _is_gene(shown: object) -> bool:
    return isinstance(shown, str) and shown != LIVE
