"""What is open, as the layers that lie under all maps: a section's picture and spots, pictures, or a slide."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, final
from weakref import WeakSet

import numpy as np
from jaxtyping import Float
from napari.layers import Image, Points

from conceptstain._qt.own_layers import OwnLayers, is_source, shown_in
from conceptstain.canvas.images import Images
from conceptstain.canvas.section import Section
from conceptstain.canvas.slide import Slide
from conceptstain.errors import InputError
from conceptstain.layer_tuples import METADATA_KEY, image_layer, layers, spots_layer

if TYPE_CHECKING:
    from conceptstain.canvas.opening import Opened

__all__ = ["Tissue"]

LINES = 300  # an outline on a slide is drawn as wide as this part of its shorter side


@final
class Tissue:
    """The layers of what is shown. The user may delete any at any time: what is needed again is put back.

    ``picked_changed()`` is called whenever spots are picked.
    """

    def __init__(self, own: OwnLayers) -> None:
        self._own = own
        self.source: Opened | None = None
        self.picked_changed: Callable[[], None] = lambda: None
        self._heard: WeakSet[Points] = WeakSet()

    def show(self, source: Opened) -> None:
        """Show a section, pictures or a slide in place of what was shown before; what was dropped beside it stays."""
        others = [shown for shown in self._own.sources() if shown not in (source, self.source)]
        self._own.remove(
            layer
            for layer in self._own.viewer.layers
            if METADATA_KEY in layer.metadata and shown_in(layer) not in (source, *others)
        )
        self.source = source
        if isinstance(source, Section) and source.image is not None and source not in self._own.sources():
            self._own.add(image_layer(source, source.image))
        self.need_base()

    @property
    def section(self) -> Section | None:
        """The section shown; None where nothing is, or pictures are."""
        return self.source if isinstance(self.source, Section) else None

    @property
    def images(self) -> Images | None:
        """The pictures shown; None where nothing is, or something else."""
        return self.source if isinstance(self.source, Images) else None

    @property
    def takes_outlines(self) -> bool:
        """Whether outlines can be drawn on it: it lies in one plane."""
        return isinstance(self.source, Section | Slide)

    @property
    def line_width(self) -> float:
        """How wide outlines on it are drawn, in world units."""
        if isinstance(self.source, Section):
            return self.source.spot_diameter / 3
        if isinstance(self.source, Slide):
            return min(self.source.size) * self.source.pixel_size / LINES
        return 1.0

    @property
    def base(self) -> Any:
        """The layer that everything else lies on: bare spots, the stack of pictures, or the slide; None: it is gone."""
        kind = Points if isinstance(self.source, Section) else Image
        for layer in self._own.viewer.layers:
            if isinstance(layer, kind) and is_source(shown_in(layer)) and shown_in(layer) is self.source:
                return layer
        return None

    def need_base(self) -> Any:
        """The same, put back where it was deleted; an InputError where nothing is open."""
        base = self.base
        if base is None:
            if self.source is None:
                raise InputError("Nothing is open", cure="Open data in the Data card, or drop a file on the viewer")
            told = spots_layer(self.source) if isinstance(self.source, Section) else layers(self.source)[0]
            base = self._own.add(told)
            self._lay_below_ours()
        if isinstance(base, Points):
            self._listen_to(base)
        return base

    def _lay_below_ours(self) -> None:
        """Lay the newest layer under the maps and outlines that lie on it: put back, it would hide them."""
        layers = self._own.viewer.layers
        above = [layer for layer in layers if METADATA_KEY in layer.metadata and not is_source(shown_in(layer))]
        if above:
            layers.move(len(layers) - 1, layers.index(above[0]))

    @property
    def spots(self) -> Points | None:
        """The layer of bare spots, where there is one."""
        return self.base if self.section is not None else None

    def pick(self, indices: Iterable[int]) -> None:
        """Choose spots, as if they were picked; they are ringed on the map that is seen, too."""
        if self.section is None:
            return
        chosen = {int(index) for index in indices}
        self.need_base().selected_data = chosen
        for layer in self._own.maps():
            if layer.visible and isinstance(layer, Points):
                layer.selected_data = chosen

    @property
    def picked(self) -> list[int]:
        """Indices of the picked spots."""
        spots = self.spots
        return [] if spots is None else sorted(int(index) for index in spots.selected_data)

    # -- pictures --------------------------------------------------------------------------------------------------

    @property
    def looked_at(self) -> int | None:
        """Index of the picture that the viewer shows; None where it shows none of the set."""
        images, stack = self.images, self.base
        if images is None or stack is None or stack.ndim < 3:
            return None
        position = self._page(stack)
        return next((index for index, each in enumerate(images.stored) if each.position == position), None)

    def look_at(self, index: int) -> None:
        """Let the viewer show a picture of the set."""
        images = self.images
        if images is None:
            return
        stack = self.need_base()
        page = np.zeros(stack.ndim)
        page[0] = images.stored[index].position
        self._own.viewer.dims.set_point(self._first_axis(stack), float(stack.data_to_world(page)[0]))

    def look_around(self, to_world: Float[np.ndarray, "3 3"], size: int) -> None:
        """Let the viewer show a patch in the middle of some others."""
        middle = np.asarray(to_world) @ [(size - 1) / 2, (size - 1) / 2, 1]
        camera = self._own.viewer.scene.camera
        camera.center = (*camera.center[:-2], float(middle[0]), float(middle[1]))

    def _page(self, stack: Any) -> int:
        point = np.asarray(self._own.viewer.dims.point[-stack.ndim :], dtype=float)
        return round(float(stack.world_to_data(point)[0]))

    def _first_axis(self, stack: Any) -> int:
        return int(self._own.viewer.dims.ndim - stack.ndim)

    @property
    def visible(self) -> tuple[float, float, float, float]:
        """The rectangle of the world that the viewer shows: top, left, bottom, right."""
        viewer = self._own.viewer
        half = np.asarray(viewer.canvas.size, dtype=float) / viewer.scene.camera.zoom / 2
        middle = np.asarray(viewer.scene.camera.center[-2:], dtype=float)
        (top, left), (bottom, right) = np.asarray(self.need_base().extent.world, dtype=float)[:, -2:]
        (upper, leftmost), (lower, rightmost) = middle - half, middle + half
        return max(top, upper), max(left, leftmost), min(bottom, lower), min(right, rightmost)

    def _listen_to(self, spots: Points) -> None:
        if spots not in self._heard:
            self._heard.add(spots)
            spots.selected_data.events.items_changed.connect(lambda _event: self.picked_changed())
