"""The section that is shown: its picture and its spots, and the spots that are picked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import final
from weakref import WeakSet

from napari.layers import Points

from conceptstain._qt.own_layers import OwnLayers, shown_in
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError
from conceptstain.layer_tuples import METADATA_KEY, image_layer, spots_layer

__all__ = ["Tissue"]


@final
class Tissue:
    """The layers of the section shown. The user may delete any at any time: what is needed again is put back.

    ``picked_changed()`` is called whenever spots are picked.
    """

    def __init__(self, own: OwnLayers) -> None:
        self._own = own
        self.section: Section | None = None
        self.picked_changed: Callable[[], None] = lambda: None
        self._heard: WeakSet[Points] = WeakSet()

    def show(self, section: Section) -> None:
        """Show a section in place of the section shown before; sections dropped beside it stay."""
        others = [shown for shown in self._own.sections() if shown not in (section, self.section)]
        self._own.remove(
            layer
            for layer in self._own.viewer.layers
            if METADATA_KEY in layer.metadata and shown_in(layer) not in (section, *others)
        )
        self.section = section
        if section.image is not None and section not in self._own.sections():
            self._own.add(image_layer(section, section.image))
        self._listen_to(self.need_spots())

    def need_section(self) -> Section:
        """The section shown; an InputError that says how to open one."""
        if self.section is None:
            raise InputError("No section is open", cure="Open one in the Data card, or drop a file on the viewer")
        return self.section

    @property
    def spots(self) -> Points | None:
        """The layer of bare spots, where there is one."""
        for layer in self._own.viewer.layers:
            if isinstance(layer, Points) and shown_in(layer) is self.section:
                return layer
        return None

    def need_spots(self) -> Points:
        """The layer of bare spots, put back where it was deleted."""
        spots = self.spots
        if spots is None:
            spots = self._own.add(spots_layer(self.need_section()))
            self._listen_to(spots)
        return spots

    def pick(self, indices: Iterable[int]) -> None:
        """Choose spots, as if they were picked; they are ringed on the map that is seen, too."""
        chosen = {int(index) for index in indices}
        self.need_spots().selected_data = chosen
        for layer in self._own.maps():
            if layer.visible:
                layer.selected_data = chosen

    @property
    def picked(self) -> list[int]:
        """Indices of the picked spots."""
        spots = self.spots
        return [] if spots is None else sorted(int(index) for index in spots.selected_data)

    def _listen_to(self, spots: Points) -> None:
        if spots not in self._heard:
            self._heard.add(spots)
            spots.selected_data.events.items_changed.connect(lambda _event: self.picked_changed())
