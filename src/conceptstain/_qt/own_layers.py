"""The layers of one viewer that belong to Concept Stain, told from all others by their metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeGuard, final

from napari.layers import Image, Layer, Points, Shapes

from conceptstain.canvas.images import Images
from conceptstain.canvas.section import Section
from conceptstain.canvas.slide import Slide
from conceptstain.layer_tuples import METADATA_KEY

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from conceptstain.canvas.opening import Opened
    from conceptstain.layer_tuples import LayerTuple

__all__ = ["MASK", "OwnLayers", "is_map", "is_source", "shown_in"]

MASK = "mask"  # shown by the layer of where a unit is active


@final
class OwnLayers:
    """Finds, adds and removes our layers; it never touches others."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer

    def named(self, name: str) -> Layer | None:
        """The layer of that name, if it is ours."""
        for layer in self.viewer.layers:
            if layer.name == name and METADATA_KEY in layer.metadata:
                return layer
        return None

    def sources(self) -> list[Opened]:
        """Sections, pictures and slides whose layers are in the viewer, oldest first."""
        found = [shown_in(layer) for layer in self.viewer.layers]
        return list(dict.fromkeys(thing for thing in found if is_source(thing)))

    def maps(self) -> list[Points | Image]:
        """Layers of maps and genes, lowest first; the one that follows outlines too."""
        return [layer for layer in self.viewer.layers if is_map(layer)]

    @property
    def has_tool_in_hand(self) -> bool:
        """Whether the mouse draws, moves or picks something of ours."""
        active = self.viewer.layers.selection.active
        return isinstance(active, Points | Shapes) and METADATA_KEY in active.metadata and active.mode != "pan_zoom"

    def add(self, painted: LayerTuple) -> Any:
        """Add a layer on top of all others."""
        return self.viewer.add_layer(Layer.create(*painted))

    def remove(self, layers: Iterable[Layer]) -> None:
        """Remove layers at once: napari collects garbage after each, a tenth of a second or more."""
        gone = list(layers)
        if not gone:
            return
        with self.viewer.layers.batched_update():
            for layer in gone:
                self.viewer.layers.remove(layer)


def shown_in(layer: Layer) -> Any:
    """The thing that one of our layers shows: what is open, a map, a gene's name, or what else it is for."""
    return layer.metadata.get(METADATA_KEY)


def is_source(shown: object) -> TypeGuard[Opened]:
    """Whether a layer that shows this lies under the maps: it is of a section, pictures or a slide."""
    return isinstance(shown, Section | Images | Slide)


def is_map(layer: Layer) -> TypeGuard[Points | Image]:
    """Whether a layer shows a map or a gene, as the colours of spots or as a picture."""
    shown = shown_in(layer)
    kind = isinstance(layer, Points | Image) and shown is not None
    return kind and not is_source(shown) and not (isinstance(shown, str) and shown == MASK)
