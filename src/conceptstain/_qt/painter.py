"""What the study holds, as layers of one viewer: added once, updated in place, in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
from napari.layers import Layer, Points, Shapes

from conceptstain.canvas.region import PickedSpots, Region
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError
from conceptstain.layers import gene_layer, layers
from conceptstain.painting import painting

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.methods.attribution import Attribution

__all__ = ["REGIONS", "Painter"]

REGIONS = "regions"
KEY = "conceptstain"
FRESH = "white"


@final
class Painter:
    """Layers of one viewer that belong to Concept Stain. Others are never touched."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer

    # -- the section -----------------------------------------------------------------------------------------------

    def sections(self) -> list[Section]:
        """Sections whose layers are in the viewer, oldest first."""
        found = [layer.metadata.get(KEY) for layer in self.viewer.layers]
        return list(dict.fromkeys(thing for thing in found if isinstance(thing, Section)))

    def show_section(self, section: Section) -> None:
        """Show a section's tissue and spots in place of what Concept Stain showed before."""
        for layer in list(self.viewer.layers):
            if KEY in layer.metadata and layer.metadata[KEY] is not section:
                self.viewer.layers.remove(layer)
        if section not in self.sections():
            for tuple_ in layers(section):
                self._add(tuple_)
        spots = self._spots(section)
        regions = Shapes(
            name=REGIONS,
            ndim=2,
            face_color=[0, 0, 0, 0],
            edge_color=FRESH,
            edge_width=section.spot_diameter / 5,
            features={"concept": np.array([], dtype=object)},
            feature_defaults={"concept": ""},
            units=spots.units,
            axis_labels=spots.axis_labels,
            metadata={KEY: REGIONS},
        )
        self.viewer.add_layer(regions)
        self.viewer.layers.selection.active = spots
        self.viewer.scale_bar.visible = True
        self.viewer.reset_view()

    # -- regions ---------------------------------------------------------------------------------------------------

    def draw(self, tool: str) -> None:
        """Take a tool in hand: ``"lasso"``, ``"polygon"`` or ``"pick"``; anything else lays it down."""
        regions = self._regions()
        if tool in ("lasso", "polygon"):
            self.viewer.layers.selection.active = regions
            regions.visible = True
            regions.current_edge_color = FRESH
            regions.mode = {"lasso": "add_polygon_lasso", "polygon": "add_polygon"}[tool]
        elif tool == "pick":
            spots = self._spots()
            spots.visible = True
            self.viewer.layers.selection.active = spots
            spots.mode = "select"
        else:
            regions.mode = "pan_zoom"
            self._spots().mode = "pan_zoom"

    def listen(self, react: Any) -> None:
        """Call ``react()`` whenever outlines are drawn or spots are picked."""
        self._regions().events.data.connect(lambda _event: react())
        self._spots().selected_data.events.items_changed.connect(lambda _event: react())

    def selection(self, name: str) -> Region | None:
        """The outlines not yet made into a concept, else the picked spots, else None."""
        regions = self._regions()
        fresh = self._fresh()
        if fresh:
            outlines = [np.array([regions.data_to_world(corner) for corner in regions.data[index]]) for index in fresh]
            return Region.from_polygon(name, *(outline for outline in outlines if len(outline) >= 3))
        picked = tuple(sorted(int(index) for index in self._spots().selected_data))
        return Region(name, PickedSpots(picked)) if picked else None

    def mark_used(self, concept: str, colour: str) -> None:
        """Give the fresh outlines to a concept, in its colour; the next concept starts with a clean slate."""
        regions = self._regions()
        fresh = self._fresh()
        if fresh:
            features = regions.features.copy()
            features.loc[fresh, "concept"] = concept
            regions.features = features
            colours = regions.edge_color.copy()
            colours[fresh] = _rgba(colour)
            regions.edge_color = colours
            regions.selected_data = set()
        self._spots().selected_data = set()

    def clear_selection(self) -> None:
        """Remove outlines that belong to no concept, and unpick spots."""
        regions = self._regions()
        fresh = self._fresh()
        if fresh:
            regions.selected_data = set(fresh)
            regions.remove_selected()
        self._spots().selected_data = set()

    def keep_outlines_of(self, colours: dict[str, str]) -> None:
        """Remove outlines of concepts that are gone, and recolour the others."""
        regions = self._layer(REGIONS)
        if not isinstance(regions, Shapes) or not len(regions.data):
            return
        owners = [str(owner) for owner in regions.features["concept"]]
        gone = {index for index, owner in enumerate(owners) if owner and owner not in colours}
        if gone:
            regions.selected_data = gone
            regions.remove_selected()
            owners = [owner for index, owner in enumerate(owners) if index not in gone]
        if owners:
            regions.edge_color = [_rgba(colours[owner]) if owner else _rgba(FRESH) for owner in owners]

    # -- maps ------------------------------------------------------------------------------------------------------

    def show(self, finding: Attribution, canvas: GenePictures) -> Points:
        """Paint a map, in place of an earlier one of the same name, and hide the others."""
        return self._paint(layers(finding, canvas)[0])

    def show_gene(self, gene: str, canvas: GenePictures) -> Points:
        """Paint a gene's expression."""
        return self._paint(gene_layer(gene, canvas))

    def forget_maps(self) -> None:
        """Remove every painted map."""
        for layer in list(self.viewer.layers):
            if KEY in layer.metadata and layer.metadata[KEY] != REGIONS:
                thing = layer.metadata[KEY]
                if not isinstance(thing, Section):
                    self.viewer.layers.remove(layer)

    def limits(self, name: str) -> tuple[float, float] | None:
        """Colour limits of a painted map."""
        layer = self._layer(name)
        if not isinstance(layer, Points) or layer.face_contrast_limits is None:
            return None
        low, high = layer.face_contrast_limits
        return float(low), float(high)

    def set_limits(self, name: str, low: float, high: float) -> None:
        """Set the colour limits of a painted map."""
        layer = self._layer(name)
        if isinstance(layer, Points) and low < high:
            layer.face_contrast_limits = (low, high)
            layer.refresh_colors()

    def reset_limits(self, name: str, canvas: GenePictures) -> None:
        """Set the colour limits of a painted map back to those its values suggest."""
        layer = self._layer(name)
        if isinstance(layer, Points):
            self.set_limits(name, *painting(layer.metadata[KEY], canvas).limits)

    def colormap(self, name: str) -> str:
        """Name of a painted map's colours."""
        layer = self._layer(name)
        return str(layer.face_colormap.name) if isinstance(layer, Points) else "viridis"

    # -- inside ----------------------------------------------------------------------------------------------------

    def _paint(self, tuple_: tuple[Any, dict[str, Any], str]) -> Points:
        data, kwargs, _kind = tuple_
        layer = self._layer(kwargs["name"])
        if isinstance(layer, Points) and len(layer.data) == len(data):
            layer.features = kwargs["features"]
            layer.face_contrast_limits = kwargs["face_contrast_limits"]
            layer.metadata = kwargs["metadata"]
            layer.refresh_colors(update_color_mapping=False)
        else:
            layer = self._add(tuple_)
        for other in self.viewer.layers:
            if self._is_map(other):
                shown = other is layer
                other.visible = shown
                other.face_colorbar.visible = shown
        layer.visible = True
        self._spots().visible = False
        return layer

    def _add(self, tuple_: tuple[Any, dict[str, Any], str]) -> Any:
        return self.viewer.add_layer(Layer.create(*tuple_))

    def _is_map(self, layer: Layer) -> bool:
        thing = layer.metadata.get(KEY)
        return isinstance(layer, Points) and thing is not None and not isinstance(thing, Section)

    def _layer(self, name: str) -> Layer | None:
        for layer in self.viewer.layers:
            if layer.name == name and KEY in layer.metadata:
                return layer
        return None

    def _spots(self, section: Section | None = None) -> Points:
        for layer in self.viewer.layers:
            thing = layer.metadata.get(KEY)
            if isinstance(layer, Points) and isinstance(thing, Section) and section in (None, thing):
                return layer
        raise InputError("The spots layer is gone", cure="Open the section again")

    def _regions(self) -> Shapes:
        layer = self._layer(REGIONS)
        if not isinstance(layer, Shapes):
            raise InputError("The regions layer is gone", cure="Open the section again")
        return layer

    def _fresh(self) -> list[int]:
        regions = self._regions()
        return [index for index, owner in enumerate(regions.features["concept"]) if not owner]


def _rgba(colour: str) -> np.ndarray:
    from napari.utils.colormaps.standardize_color import transform_color

    return transform_color(colour)[0]
