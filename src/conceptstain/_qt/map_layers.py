"""Maps and genes as layers: a map is added once, repainted in place, and seen alone.

On a section they are the colours of spots, on pictures and slides images. One layer more, unseen until then, follows an
outline while the mouse draws or moves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import pandas as pd
from napari.layers import Image, Layer, Points, Shapes
from napari.utils.colormaps import Colormap, ensure_colormap
from qtpy.QtCore import QTimer

from conceptstain._qt.own_layers import OwnLayers, is_map, shown_in
from conceptstain._qt.tissue import Tissue
from conceptstain.canvas.slide import Slide
from conceptstain.layer_tuples import METADATA_KEY, gene_layer, layers, spots_layer
from conceptstain.painting import painting

if TYPE_CHECKING:
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.layer_tuples import LayerTuple
    from conceptstain.methods.finding import Finding

__all__ = ["MapLayers"]

LIVE = "live"
ABOVE = " above a threshold"  # in the name of colours of which those below are transparent


@final
class MapLayers:
    """The painted maps of what is open."""

    def __init__(self, own: OwnLayers, tissue: Tissue) -> None:
        self._own, self._tissue = own, tissue

    def show(self, finding: Finding, canvas: PictureCanvas) -> str:
        """Paint a map, in place of an earlier one of the same name, and hide the others; gives the layer's name.

        A new map takes the layer that follows outlines, where there is one: adding one takes napari a while.
        """
        layer, spare = self._own.named(finding.title), self._live_layer()
        if layer is None and spare is not None:
            layer = spare
            if isinstance(spare, Points):
                self._own.viewer.layers.move(self._own.viewer.layers.index(spare), len(self._own.viewer.layers))
        return self._paint(layers(finding, canvas)[0], layer)

    def prepare_live(self) -> None:
        """Add the layer that follows outlines, unseen: one that came while an outline is drawn would end that.

        Its colour bar is made now, too, in a turn of its own: it takes napari a tenth of a second, once.
        """
        empty = self._empty()
        if empty is None or self._live_layer() is not None:
            return
        active = self._own.viewer.layers.selection.active
        data, settings, kind = empty
        shown = {"name": LIVE, "visible": False, "metadata": {METADATA_KEY: LIVE}}
        layer = self._own.add((data, settings | shown, kind))
        self._lay_below_outlines(layer)
        self._own.viewer.layers.selection.active = active
        QTimer.singleShot(0, lambda: self._make_colour_bar(layer))

    def _empty(self) -> LayerTuple | None:
        """A map of nothing, where outlines can be drawn."""
        source = self._tissue.source
        if isinstance(source, Slide):
            base = self._tissue.need_base()
            words = {"units": base.units, "axis_labels": base.axis_labels, "contrast_limits": (0.0, 1.0)}
            return np.full((1, 1), np.nan, dtype=np.float32), words, "image"
        if self._tissue.section is None:
            return None
        data, settings, kind = spots_layer(self._tissue.section)
        nothing = {
            "features": pd.DataFrame({"value": np.zeros(len(data))}),
            "face_color": "value",
            "face_contrast_limits": (0.0, 1.0),
        }
        return data, settings | nothing, kind

    def _make_colour_bar(self, layer: Points | Image) -> None:
        if layer in self._own.viewer.layers and not layer.visible:  # one that is seen has its own
            _bar_of(layer).visible = True
            _bar_of(layer).visible = False

    def show_live(self, finding: Finding, canvas: PictureCanvas) -> None:
        """Paint what is drawn and is no finding yet: in the layer of its title, else in the one kept for that."""
        layer = self._own.named(finding.title) or self._live_layer()
        if layer is None:
            return
        owned = isinstance(shown_in(layer), str)
        self._paint(layers(finding, canvas)[0], layer)
        if owned:
            layer.metadata = {METADATA_KEY: LIVE}

    def _live_layer(self) -> Points | Image | None:
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
        limits = None
        if isinstance(layer, Points):
            limits = layer.face_contrast_limits
        elif isinstance(layer, Image):
            limits = layer.contrast_limits
        return None if limits is None else (float(limits[0]), float(limits[1]))

    def set_limits(self, name: str, low: float, high: float) -> None:
        """Set the colour limits of a painted map."""
        layer = self._own.named(name)
        if isinstance(layer, Points) and low < high:
            layer.face_contrast_limits = (low, high)
            layer.refresh_colors()
        elif isinstance(layer, Image) and low < high:
            _set_image_limits(layer, (low, high))

    def set_threshold(self, name: str, threshold: float) -> None:
        """Show of a painted map only what lies above a threshold; its values stay.

        Spots below are hidden. An image is transparent there: its colours begin at the threshold.
        """
        layer = self._own.named(name)
        if isinstance(layer, Points) and self._tissue.section is not None:
            # Of no size: napari 0.9 does not heed ``shown`` where nothing is sliced.
            diameter = float(layer.size.max()) or self._tissue.section.spot_diameter
            layer.size = np.where(layer.features["value"].to_numpy() > threshold, diameter, 0.0)
        elif isinstance(layer, Image):
            plain = self.colormap(name)
            if str(layer.colormap.name) == plain:
                layer.colormap = _hidden_below(plain)
            least = threshold + abs(threshold) / 1000 + 1e-9
            _set_image_limits(layer, (threshold, max(layer.contrast_limits[1], least)))

    def reset_limits(self, name: str, canvas: PictureCanvas) -> None:
        """Set the colour limits of a painted map back to those its values suggest."""
        layer = self._own.named(name)
        if isinstance(layer, Points):
            self.set_limits(name, *painting(shown_in(layer), cast("GenePictures", canvas)).limits)
        elif isinstance(layer, Image):
            _, settings, _ = layers(replace(shown_in(layer), colour_limits=None), canvas)[0]
            self.set_limits(name, *settings["contrast_limits"])

    def colormap(self, name: str) -> str:
        """Name of a painted map's colours."""
        layer = self._own.named(name)
        if isinstance(layer, Points):
            return str(layer.face_colormap.name)
        return str(layer.colormap.name).removesuffix(ABOVE) if isinstance(layer, Image) else "viridis"

    # -- inside ---------------------------------------------------------------------------------------------------

    def _paint(self, painted: LayerTuple, layer: Layer | None) -> str:
        data, settings, kind = painted
        in_place = layer is not None and _takes(layer, data, kind)
        map_: Any = layer if in_place else Layer.create(*painted)
        if in_place:
            map_.name, map_.metadata = settings["name"], settings["metadata"]
            if isinstance(map_, Points):
                _recolour(map_, settings)
            else:
                _repaint(map_, data, settings)
        # Every change of what is seen makes napari build its scene anew, so only what differs is changed.
        bare = [] if self._tissue.spots is None else [self._tissue.spots]
        for other in (*self._own.maps(), *bare):
            if other is not map_:
                self._see(other, seen=False)
        if in_place:
            self._see(map_, seen=True)
        else:
            self._own.viewer.add_layer(map_)
            self._lay_below_outlines(map_)
            # A new colour bar takes napari a tenth of a second: the map is shown first.
            QTimer.singleShot(0, lambda: self._see(map_, seen=map_.visible))
        if not self._own.has_tool_in_hand:
            self._own.viewer.layers.selection.active = map_
        return str(map_.name)

    def _lay_below_outlines(self, map_: Layer) -> None:
        """A map that is an image hides what lies under it."""
        outlines = [layer for layer in self._own.viewer.layers if isinstance(layer, Shapes) and shown_in(layer)]
        if isinstance(map_, Image) and outlines:
            self._own.viewer.layers.move(len(self._own.viewer.layers) - 1, self._own.viewer.layers.index(outlines[0]))

    def _see(self, layer: Layer, *, seen: bool) -> None:
        if layer.visible != seen:
            layer.visible = seen
        if is_map(layer) and _bar_of(layer).visible != seen:
            _bar_of(layer).visible = seen


def _bar_of(layer: Points | Image) -> Any:
    return layer.face_colorbar if isinstance(layer, Points) else layer.colorbar


def _takes(layer: Layer, data: Any, kind: str) -> bool:
    """Whether a map can be painted into a layer that is there."""
    if kind == "points":
        return isinstance(layer, Points) and len(layer.data) == len(data)
    return isinstance(layer, Image) and layer.ndim == data.ndim


def _repaint(image: Image, data: Any, settings: Mapping[str, Any]) -> None:
    image.data = data
    image.affine = settings["affine"]
    image.colormap = settings["colormap"]
    image.opacity = settings["opacity"]
    image.interpolation2d = settings["interpolation2d"]
    _set_image_limits(image, settings["contrast_limits"])


def _set_image_limits(image: Image, limits: tuple[float, float]) -> None:
    """Colour limits, also where they lie beyond the range of the sliders."""
    low, high = image.contrast_limits_range
    image.contrast_limits_range = (min(low, limits[0]), max(high, limits[1]))
    image.contrast_limits = limits


def _recolour(points: Points, settings: Mapping[str, Any]) -> None:
    """Give spots other values and colours, handed to the graphics card once: napari would do so after each of them."""
    if not points.size.all():  # by a threshold of the map that was painted here before
        points.size = settings["size"]
    events = points._face.events  # noqa: SLF001 - napari has no public way
    with events.colors.blocker(), events.color_properties.blocker():
        for name in ("face_colormap", "face_contrast_limits", "features"):
            setattr(points, name, settings[name])
    points.events.face_color()


def _hidden_below(name: str) -> Colormap:
    """Colours as usual, and none below the lower limit."""
    usual = ensure_colormap(name)
    return Colormap(usual.colors, name=f"{name}{ABOVE}", controls=usual.controls, low_color=[0.0, 0.0, 0.0, 0.0])


def _is_gene(shown: object) -> bool:
    return isinstance(shown, str) and shown != LIVE
