"""Where a unit counts as active, drawn over its map: rings around spots, contours on pictures and slides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import dask.array as da
import numpy as np
from napari.layers import Labels, Layer, Points
from napari.utils.colormaps import DirectLabelColormap

from conceptstain._qt.own_layers import MASK, OwnLayers, shown_in
from conceptstain._qt.tissue import Tissue
from conceptstain.layer_tuples import METADATA_KEY

if TYPE_CHECKING:
    from conceptstain._qt.unit_painting import Active

__all__ = ["MaskLayer"]

COLOUR = "#ff00ff"  # unlike any colour of a map, on light tissue and on black
RING = 0.18  # part of a spot's diameter
CONTOUR = 1  # pixels


@final
class MaskLayer:
    """One layer, shown and hidden with the map of the unit; put back where it was deleted."""

    def __init__(self, own: OwnLayers, tissue: Tissue) -> None:
        self._own, self._tissue = own, tissue

    def show(self, active: Active, name: str) -> None:
        """Draw where a unit is active, in place of what was drawn before; the chosen layer stays chosen."""
        layer, made = self._layer(), self._made(active, name)
        before = self._own.viewer.layers.selection.active
        if layer is not None and _takes(layer, made):
            _repaint(layer, made)
        else:
            if layer is not None:
                self._own.remove([layer])
            self._own.viewer.add_layer(made)
            layer = made
        layer.visible = True
        if before is not None and before in self._own.viewer.layers:
            self._own.viewer.layers.selection.active = before

    def hide(self) -> None:
        """Let it be seen no more."""
        layer = self._layer()
        if layer is not None and layer.visible:
            layer.visible = False

    def reveal(self) -> None:
        """Let it be seen again."""
        layer = self._layer()
        if layer is not None and not layer.visible:
            layer.visible = True

    def remove(self) -> None:
        """Take it out of the viewer."""
        layer = self._layer()
        if layer is not None:
            self._own.remove([layer])

    def _layer(self) -> Layer | None:
        return next((each for each in self._own.viewer.layers if shown_in(each) is MASK), None)

    def _made(self, active: Active, name: str) -> Layer:
        base = self._tissue.need_base()
        words: dict[str, Any] = {
            "name": name,
            "metadata": {METADATA_KEY: MASK},
            "units": base.units,
            "axis_labels": base.axis_labels,
        }
        if active.spots is not None:
            section = self._tissue.section
            size = 0.0 if section is None else section.spot_diameter
            ring = {"face_color": "transparent", "border_color": COLOUR, "border_width": RING, "symbol": "disc"}
            return Points(active.spots, ndim=2, size=size, **ring, **words)
        colours = DirectLabelColormap(color_dict={0: "transparent", 1: COLOUR, None: "transparent"})
        words |= {"colormap": colours, "opacity": 1.0}
        if active.pictures is not None:
            made = Labels(self._stacked(active.pictures), affine=base.affine.affine_matrix, **words)
        else:
            raster = np.zeros((1, 1)) if active.raster is None else active.raster
            made = Labels(raster.astype(np.uint8), affine=active.to_world, **words)
        made.contour = CONTOUR
        return made

    def _stacked(self, pictures: Any) -> da.Array:
        """Masks of some pictures as a stack over all of them, of which only what is looked at is made."""
        images = self._tissue.images
        stored = [] if images is None else images.stored
        sizes = [] if images is None else images.sizes
        shape = tuple(np.max(sizes, axis=0).tolist())
        pages = [da.zeros(shape, dtype=np.uint8, chunks=shape)] * (stored[-1].position + 1)
        for item, mask in pictures.items():
            page = np.zeros(shape, dtype=np.uint8)
            page[: mask.shape[0], : mask.shape[1]] = mask
            pages[stored[item].position] = da.from_array(page, chunks=shape)
        return da.stack(pages)


def _takes(layer: Layer, made: Layer) -> bool:
    return type(layer) is type(made) and isinstance(layer, Labels) and layer.ndim == made.ndim


def _repaint(layer: Any, made: Any) -> None:
    layer.data = made.data
    layer.affine = made.affine
    layer.name = made.name
