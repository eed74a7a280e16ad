"""What the study holds, as layers of one viewer: added once, updated in place, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, final
from weakref import WeakSet

import numpy as np
import pandas as pd
from napari.layers import Layer, Points, Shapes
from qtpy.QtCore import QTimer

from conceptstain.canvas.region import PickedSpots, Polygon, Region
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError
from conceptstain.layer_tuples import METADATA_KEY, gene_layer, image_layer, layers, spots_layer
from conceptstain.painting import painting

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.layer_tuples import LayerTuple
    from conceptstain.methods.finding import Finding
    from conceptstain.study import Entry

__all__ = ["REGIONS", "Painter"]

REGIONS = "regions"
LIVE = "live"
FRESH = "white"  # outlines that belong to no concept yet


@final
class Painter:
    """Layers of one viewer that belong to Concept Stain; it never touches others.

    The user may delete any layer at any time: what is needed again is put back.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._section: Section | None = None
        self._selection_changed: Callable[[], None] = lambda: None
        self._outline_moved: Callable[[str, bool], None] = lambda _owner, _done: None
        self._heard: WeakSet[Points] = WeakSet()

    # -- the section -----------------------------------------------------------------------------------------------

    def sections(self) -> list[Section]:
        """Sections whose layers are in the viewer, oldest first."""
        found = [_shown_in(layer) for layer in self.viewer.layers]
        return list(dict.fromkeys(thing for thing in found if isinstance(thing, Section)))

    def show_section(
        self,
        section: Section,
        selection_changed: Callable[[], None],
        outline_moved: Callable[[str, bool], None] = lambda _owner, _done: None,
    ) -> None:
        """Show a section's tissue and spots in place of the section shown before; sections dropped beside it stay.

        ``selection_changed()`` is called whenever outlines are drawn or spots are picked on it. ``outline_moved(owner,
        done)`` is called while the mouse draws or moves an outline, and when it is let go: the owner is the concept's
        name, empty for an outline that belongs to none.
        """
        others = [shown for shown in self.sections() if shown not in (section, self._section)]
        self._remove(
            layer
            for layer in self.viewer.layers
            if METADATA_KEY in layer.metadata and _shown_in(layer) not in (section, *others)
        )
        self._section = section
        self._selection_changed, self._outline_moved = selection_changed, outline_moved
        if section.image is not None and section not in self.sections():
            self._add(image_layer(section, section.image))
        spots = self._spots()
        self._listen_to(spots)
        self._regions()
        self.viewer.layers.selection.active = spots
        self.viewer.canvas.overlays.scale_bar.visible = True
        self.viewer.reset_view(layers=[spots])

    # -- regions ---------------------------------------------------------------------------------------------------

    def draw(self, tool: str) -> None:
        """Take a tool in hand: ``"lasso"``, ``"polygon"`` or ``"pick"``; anything else lays it down."""
        regions, spots = self._regions(), self._spots()
        if tool in ("lasso", "polygon"):
            self.viewer.layers.selection.active = regions
            regions.visible = True
            regions.selected_data = set()
            regions.current_edge_color = FRESH
            regions.mode = {"lasso": "add_polygon_lasso", "polygon": "add_polygon"}[tool]
        elif tool == "pick":
            spots.visible = True
            self.viewer.layers.selection.active = spots
            spots.mode = "select"
        else:
            regions.mode = "pan_zoom"
            spots.mode = "pan_zoom"

    def selection(self, name: str) -> Region | None:
        """The outlines not yet made into a concept, else the picked spots, else None."""
        regions = self._regions()
        drawn = [np.array([regions.data_to_world(corner) for corner in regions.data[index]]) for index in self._fresh()]
        outlines = [outline for outline in drawn if len(outline) >= 3]
        if outlines:
            return Region.from_polygon(name, *outlines)
        picked = tuple(sorted(int(index) for index in self._spots().selected_data))
        return Region(name, PickedSpots(picked)) if picked else None

    def outlines_of(self, owner: str) -> Region | None:
        """The outlines of a concept as they are drawn now; None where it has none."""
        regions = self._regions()
        owned = [index for index, name in enumerate(regions.features["concept"]) if name == owner]
        drawn = [np.array([regions.data_to_world(corner) for corner in regions.data[index]]) for index in owned]
        outlines = [outline for outline in drawn if len(outline) >= 3]
        return Region.from_polygon(owner, *outlines) if outlines else None

    def pick(self, indices: Iterable[int]) -> None:
        """Choose spots, as if they were picked; they are ringed on the map that is seen, too."""
        chosen = {int(index) for index in indices}
        self._spots().selected_data = chosen
        for layer in self.viewer.layers:
            if _is_map(layer) and layer.visible:
                layer.selected_data = chosen

    @property
    def picked(self) -> list[int]:
        """Indices of the picked spots."""
        spots = self._layer_of_spots()
        return [] if spots is None else sorted(int(index) for index in spots.selected_data)

    def clear_selection(self) -> None:
        """Remove outlines that belong to no concept, and unpick spots."""
        self._remove_outlines(set(self._fresh()))
        self.pick(())

    def draw_outlines(self, entries: Iterable[Entry]) -> None:
        """Draw the outlines that concepts were made of, in their colours; those not yet made into one stay."""
        drawn = [
            (entry, outline)
            for entry in entries
            if entry.definition.region is not None and isinstance(entry.definition.region.selector, Polygon)
            for outline in entry.definition.region.selector.outlines
        ]
        regions = self._layer(REGIONS)
        if self._section is None or (not drawn and not isinstance(regions, Shapes)):
            return
        regions = self._regions()
        self._remove_outlines(set(range(len(regions.data))) - set(self._fresh()))
        if drawn:
            regions.feature_defaults = {"concept": drawn[0][0].name}
            regions.add_polygons(
                [outline for _, outline in drawn],
                edge_color=[entry.colour for entry, _ in drawn],
                edge_width=self._section.spot_diameter / 3,
                face_color=[[0.0, 0.0, 0.0, 0.0]] * len(drawn),
            )
            owners = list(regions.features["concept"])
            owners[-len(drawn) :] = [entry.name for entry, _ in drawn]
            regions.features = {"concept": np.array(owners, dtype=object)}
            regions.feature_defaults = {"concept": ""}
            regions.current_edge_color = FRESH

    # -- maps ------------------------------------------------------------------------------------------------------

    def show(self, finding: Finding, canvas: GenePictures) -> str:
        """Paint a map, in place of an earlier one of the same name, and hide the others; gives the layer's name.

        A new map takes the layer that follows outlines, where there is one: adding one takes napari a while.
        """
        layer, spare = self._layer(finding.title), self._live_layer()
        if layer is None and spare is not None:
            layer = spare
            self.viewer.layers.move(self.viewer.layers.index(spare), len(self.viewer.layers))
        return self._paint(layers(finding, canvas)[0], layer)

    def prepare_live(self) -> None:
        """Add the layer that follows outlines, unseen: one that came while an outline is drawn would end that.

        Its colour bar is made now, too, in a turn of its own: it takes napari a tenth of a second, once.
        """
        if self._section is None or self._live_layer() is not None:
            return
        active = self.viewer.layers.selection.active
        data, settings, kind = spots_layer(self._section)
        nothing = {
            "features": pd.DataFrame({"value": np.zeros(len(data))}),
            "face_color": "value",
            "face_contrast_limits": (0.0, 1.0),
        }
        shown = {"name": LIVE, "visible": False, "metadata": {METADATA_KEY: LIVE}}
        layer = self._add((data, settings | nothing | shown, kind))
        self.viewer.layers.selection.active = active
        QTimer.singleShot(0, lambda: self._make_colour_bar(layer))

    def _make_colour_bar(self, layer: Points) -> None:
        if layer in self.viewer.layers and not layer.visible:  # one that is seen has its own
            layer.face_colorbar.visible = True
            layer.face_colorbar.visible = False

    def show_live(self, finding: Finding, canvas: GenePictures) -> None:
        """Paint what is drawn and is no finding yet: in the layer of its title, else in the one kept for that."""
        layer = self._layer(finding.title) or self._live_layer()
        if layer is None:
            return
        owned = isinstance(_shown_in(layer), str)
        self._paint(layers(finding, canvas)[0], layer)
        if owned:
            layer.metadata = {METADATA_KEY: LIVE}

    def _live_layer(self) -> Layer | None:
        for layer in self.viewer.layers:
            if _shown_in(layer) == LIVE:
                return layer
        return None

    def hide_live(self) -> None:
        """Let the layer that follows outlines be seen no more."""
        layer = self._live_layer()
        if layer is not None and layer.visible:
            self._see(layer, seen=False)

    def show_gene(self, gene: str, canvas: GenePictures) -> str:
        """Paint a gene's expression in place of the gene painted before; gives the layer's name."""
        before = [layer for layer in self.viewer.layers if _is_map(layer) and _is_gene(_shown_in(layer))]
        return self._paint(gene_layer(gene, canvas), before[0] if before else None)

    def keep_maps(self, findings: Iterable[Finding]) -> None:
        """Remove maps that are no findings any more, and give the others their present names."""
        kept = {id(finding.values): finding for finding in findings}
        gone: list[Layer] = []
        for layer in self.viewer.layers:
            shown = _shown_in(layer)
            if _is_map(layer) and not isinstance(shown, str):
                finding = kept.get(id(shown.values))
                if finding is None:
                    gone.append(layer)
                else:
                    layer.name = finding.title
                    layer.metadata = {METADATA_KEY: finding}
        self._remove(gone)
        spots = self._layer_of_spots()
        self.hide_live()
        if spots is not None and not any(_is_map(layer) and layer.visible for layer in self.viewer.layers):
            spots.visible = True

    def shown_by(self, layer: Layer | None) -> Finding | str | None:
        """The map, or the gene, that a layer paints; None for any other layer."""
        if layer is None or not _is_map(layer):
            return None
        shown = _shown_in(layer)
        return None if shown == LIVE else shown

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
            self.set_limits(name, *painting(_shown_in(layer), canvas).limits)

    def colormap(self, name: str) -> str:
        """Name of a painted map's colours."""
        layer = self._layer(name)
        return str(layer.face_colormap.name) if isinstance(layer, Points) else "viridis"

    # -- inside ----------------------------------------------------------------------------------------------------

    def _paint(self, painted: LayerTuple, layer: Layer | None) -> str:
        data, settings, _kind = painted
        in_place = isinstance(layer, Points) and len(layer.data) == len(data)
        points: Any = layer if in_place else Layer.create(*painted)
        if in_place:
            points.name, points.metadata = settings["name"], settings["metadata"]
            _recolour(points, settings)
        # Every change of what is seen makes napari build its scene anew, so only what differs is changed.
        for other in self.viewer.layers:
            if other is not points and (_is_map(other) or other is self._layer_of_spots()):
                self._see(other, seen=False)
        if in_place:
            self._see(points, seen=True)
        else:
            self.viewer.add_layer(points)
            # A new colour bar takes napari a tenth of a second: the map is shown first.
            QTimer.singleShot(0, lambda: self._see(points, seen=points.visible))
        if not self._is_tool_in_hand():
            self.viewer.layers.selection.active = points
        return str(points.name)

    def _see(self, layer: Layer, *, seen: bool) -> None:
        if layer.visible != seen:
            layer.visible = seen
        if _is_map(layer) and layer.face_colorbar.visible != seen:
            layer.face_colorbar.visible = seen

    def _is_tool_in_hand(self) -> bool:
        active = self.viewer.layers.selection.active
        return isinstance(active, Points | Shapes) and METADATA_KEY in active.metadata and active.mode != "pan_zoom"

    def _remove(self, layers: Iterable[Layer]) -> None:
        """Remove layers at once: napari collects garbage after each, a tenth of a second or more."""
        gone = list(layers)
        if not gone:
            return
        with self.viewer.layers.batched_update():
            for layer in gone:
                self.viewer.layers.remove(layer)

    def _add(self, painted: LayerTuple) -> Any:
        return self.viewer.add_layer(Layer.create(*painted))

    def _layer(self, name: str) -> Layer | None:
        for layer in self.viewer.layers:
            if layer.name == name and METADATA_KEY in layer.metadata:
                return layer
        return None

    def _layer_of_spots(self) -> Points | None:
        for layer in self.viewer.layers:
            if isinstance(layer, Points) and _shown_in(layer) is self._section:
                return layer
        return None

    def _spots(self) -> Points:
        spots = self._layer_of_spots()
        if spots is None:
            spots = self._add(spots_layer(self._need_section()))
            self._listen_to(spots)
        return spots

    def _listen_to(self, spots: Points) -> None:
        if spots not in self._heard:
            self._heard.add(spots)
            spots.selected_data.events.items_changed.connect(lambda _event: self._selection_changed())

    def _regions(self) -> Shapes:
        layer = self._layer(REGIONS)
        if isinstance(layer, Shapes):
            return layer
        section, spots = self._need_section(), self._spots()
        regions = Shapes(
            name=REGIONS,
            ndim=2,
            face_color=[0, 0, 0, 0],
            edge_color=FRESH,
            edge_width=section.spot_diameter / 3,
            features={"concept": np.array([], dtype=object)},
            feature_defaults={"concept": ""},
            units=spots.units,
            axis_labels=spots.axis_labels,
            metadata={METADATA_KEY: REGIONS},
        )
        regions.events.data.connect(self._hear_of_outlines)
        regions.mouse_drag_callbacks.append(self._follow_mouse)
        self.viewer.add_layer(regions)
        self.viewer.layers.move(len(self.viewer.layers) - 1, self.viewer.layers.index(spots) + 1)
        return regions

    def _follow_mouse(self, regions: Shapes, event: Any) -> Iterator[None]:
        """Tell of outlines while they are drawn or moved: napari tells when the mouse is let go."""
        yield
        while event.type == "mouse_move":
            owners = list(regions.features["concept"])
            moved = sorted(regions.selected_data) if regions.mode in ("select", "direct") else [len(owners) - 1]
            for owner in {str(owners[index] or "") for index in moved if 0 <= index < len(owners)}:
                self._outline_moved(owner, False)
            yield

    def _hear_of_outlines(self, event: Any) -> None:
        self._selection_changed()
        if str(getattr(event, "action", "")) == "changed":
            owners = list(self._regions().features["concept"])
            for owner in {str(owners[index] or "") for index in event.data_indices if index < len(owners)}:
                self._outline_moved(owner, True)

    def _fresh(self) -> list[int]:
        return [index for index, owner in enumerate(self._regions().features["concept"]) if not owner]

    def _remove_outlines(self, indices: set[int]) -> None:
        if indices:
            regions = self._regions()
            regions.selected_data = indices
            regions.remove_selected()

    def _need_section(self) -> Section:
        if self._section is None:
            raise InputError("No section is open", cure="Open one in the Data card, or drop a file on the viewer")
        return self._section


def _recolour(points: Points, settings: Mapping[str, Any]) -> None:
    """Give spots other values and colours, handed to the graphics card once: napari would do so after each of them."""
    events = points._face.events  # noqa: SLF001 - napari has no public way
    with events.colors.blocker(), events.color_properties.blocker():
        for name in ("face_colormap", "face_contrast_limits", "features"):
            setattr(points, name, settings[name])
    points.events.face_color()


def _shown_in(layer: Layer) -> Any:
    """The thing that one of our layers shows: a section, a map, a gene's name, or ``REGIONS``."""
    return layer.metadata.get(METADATA_KEY)


def _is_gene(shown: object) -> bool:
    return isinstance(shown, str) and shown != LIVE


def _is_map(layer: Layer) -> bool:
    shown = _shown_in(layer)
    return isinstance(layer, Points) and shown is not None and not isinstance(shown, Section)
