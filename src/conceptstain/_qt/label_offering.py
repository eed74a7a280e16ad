"""What units can be held against, by what is open and what lies in the viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, final

from napari.layers import Labels, Layer
from qtpy.QtCore import QObject

from conceptstain._qt.choosing import Choosing
from conceptstain._qt.label_choice import LabelChoice
from conceptstain._qt.label_work import LabelSource
from conceptstain._qt.painter import Painter
from conceptstain.layer_tuples import METADATA_KEY
from conceptstain.study import Study

__all__ = ["LabelOffering"]

COLOURS = LabelSource("colours", "colours of the pictures")


@final
class LabelOffering(QObject):
    """Offers columns of a section; masks, tables, labels layers and colours of pictures."""

    def __init__(self, study: Study, painter: Painter, choice: LabelChoice, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._painter, self._choice = study, painter, choice
        self._files: list[LabelSource] = []
        choice.masks_wanted.connect(lambda path: self._add("masks", path))
        choice.table_wanted.connect(lambda path: self._add("table", path))
        study.section_changed.connect(self._begin)
        layers = painter.viewer.layers
        for layer in layers:
            self._hear_of_name(layer)
        layers.events.inserted.connect(lambda event: self._hear_of_name(event.value))
        for changed in (layers.events.inserted, layers.events.removed):
            changed.connect(lambda _event: self._offer())

    def _hear_of_name(self, layer: Layer) -> None:
        if isinstance(layer, Labels):
            layer.events.name.connect(self._offer_renamed)

    def _offer_renamed(self, _event: object = None) -> None:
        self._offer()

    def ticked(self) -> tuple[LabelSource, ...]:
        """What is ticked; of layers, what is painted on them now."""
        sources, layers = self._sources(), {_key(layer): layer for layer in self._painted_layers()}
        chosen = [(key, sources[key]) for key in self._choice.chosen if key in sources]
        return tuple(
            each._replace(painted=Choosing.painted_in(layers[key])) if each.kind == "layer" else each
            for key, each in chosen
        )

    def _begin(self) -> None:
        self._files = []
        self._choice.show_kind(self._study.need_canvas().noun)
        self._offer()

    def _add(self, kind: Literal["masks", "table"], path: Path) -> None:
        self._files = [each for each in self._files if each.path != path] + [LabelSource(kind, path.name, path)]
        self._offer()

    def _sources(self) -> dict[str, LabelSource]:
        """By a key of its own for each."""
        canvas = self._study.canvas
        if canvas is None:
            return {}
        if self._study.section is not None:
            return {f"column {name}": LabelSource("column", name) for name in self._study.section.annotations}
        found = {f"{each.kind} {each.path}": each for each in self._files}
        for layer in self._painted_layers():
            found[_key(layer)] = LabelSource("layer", f"layer {layer.name}")
        if canvas.shape[0] == 3:
            found["colours"] = COLOURS
        return found

    def _painted_layers(self) -> list[Labels]:
        """Labels layers of others that lie on what is open: of as many axes."""
        base = self._painter.tissue.base
        layers = self._painter.viewer.layers
        painted = [each for each in layers if isinstance(each, Labels) and METADATA_KEY not in each.metadata]
        return [each for each in painted if base is not None and each.ndim == base.ndim]

    def _offer(self) -> None:
        """Offer what there is: the first column of a section is ticked, and so are files that were asked for."""
        of_section = self._study.section is not None
        rows = [
            (key, each.name, each.kind in {"masks", "table"} or (of_section and row == 0))
            for row, (key, each) in enumerate(self._sources().items())
        ]
        self._choice.offer(rows)


def _key(layer: Layer) -> str:
    """Of a layer, whatever it is called."""
    return f"layer {layer.unique_id}"
