"""The layers of one viewer that belong to Concept Stain, told from all others by their metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeGuard, final

from napari.layers import Layer, Points, Shapes

from conceptstain.canvas.section import Section
from conceptstain.layer_tuples import METADATA_KEY

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from conceptstain.layer_tuples import LayerTuple

__all__ = ["OwnLayers", "is_map", "shown_in"]


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

    def sections(self) -> list[Section]:
        """Sections whose layers are in the viewer, oldest first."""
        found = [shown_in(layer) for layer in self.viewer.layers]
        return list(dict.fromkeys(thing for thing in found if isinstance(thing, Section)))

    def maps(self) -> list[Points]:
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
    """The thing that one of our layers shows: a section, a map, a gene's name, or what else it is for."""
    return layer.metadata.get(METADATA_KEY)


def is_map(layer: Layer) -> TypeGuard[Points]:
    """Whether a layer shows spots coloured by a map or a gene."""
    shown = shown_in(layer)
    return isinstance(layer, Points) and shown is not None and not isinstance(shown, Section)
