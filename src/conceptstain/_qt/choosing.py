"""Pictures are chosen: looked through, ticked, named by a table, or painted on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer
from qtpy.QtGui import QImage

from conceptstain._qt import picture_work
from conceptstain._qt.concept_maker import ConceptMaker
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.notifications import guarded
from conceptstain._qt.painter import Painter
from conceptstain._qt.picture_pages import PaintedValue
from conceptstain.canvas.image_set import ImageSet
from conceptstain.layer_tuples import METADATA_KEY
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.canvas.annotations import Annotations

__all__ = ["Choosing"]

STILL = 500  # milliseconds without a stroke of the brush before what is painted is counted


@final
class Choosing(QObject):
    """Connects the browser of pictures, tables of attributes and painted labels with the viewer and the study."""

    def __init__(self, study: Study, jobs: Jobs, painter: Painter, maker: ConceptMaker, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter, self._maker = study, jobs, painter, maker
        self._counting: Job | None = None
        self._heard: Labels | None = None
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(STILL)
        self._still.timeout.connect(self._count_painted)
        study.section_changed.connect(self._show_source)
        maker.ticked_page.browser.picture_wanted.connect(painter.tissue.look_at)
        maker.table_page.table_wanted.connect(self._read_table)
        painted = maker.painted_page
        painted.new_labels_wanted.connect(guarded(self._add_labels))
        painted.layer_chosen.connect(self._hear_labels)
        layers = painter.viewer.layers.events
        for changed in (layers.inserted, layers.removed):
            changed.connect(lambda _event: self._offer_labels())
        painter.viewer.dims.events.current_step.connect(lambda _event: self._show_current())

    # -- the browser -----------------------------------------------------------------------------------------------

    def _show_source(self) -> None:
        canvas = self._study.need_canvas()
        self._maker.table_page.show_annotations(None)
        if canvas.noun == "gene":
            return
        self._maker.painted_page.show_noun("picture" if canvas.noun == "picture" else "patch")
        self._offer_labels()
        if isinstance(canvas, ImageSet):
            browser = self._maker.ticked_page.browser
            browser.show_pictures(canvas.images.names)
            self._show_current()
            self._draw_thumbnails(canvas, 0)

    def _draw_thumbnails(self, canvas: ImageSet, first: int) -> None:
        """Draw some of them, then the next ones: each time whatever somebody waits for goes first."""
        self._jobs.run(
            picture_work.thumbnails,
            canvas=canvas,
            first=first,
            then=lambda drawn: self._show_thumbnails(canvas, first, drawn),
            about=canvas,
            patient=True,
        )

    def _show_thumbnails(self, canvas: ImageSet, first: int, drawn: np.ndarray) -> None:
        _, height, width, _ = drawn.shape
        pictures = [QImage(each.data, width, height, 3 * width, QImage.Format.Format_RGB888) for each in drawn]
        self._maker.ticked_page.browser.show_thumbnails(first, pictures)
        if first + len(drawn) < len(canvas):
            self._draw_thumbnails(canvas, first + len(drawn))

    def _show_current(self) -> None:
        looked_at = self._painter.tissue.looked_at
        if looked_at is not None:
            self._maker.ticked_page.browser.show_current(looked_at)

    def show_scores(self, measure: str, scores: np.ndarray | None) -> None:
        """Let the pictures be sorted by a concept's scores, or by how far they deviate."""
        if self._painter.tissue.images is not None:
            self._maker.ticked_page.browser.show_scores(measure, None if scores is None else scores.tolist())

    # -- tables ----------------------------------------------------------------------------------------------------

    def _read_table(self, path: Path) -> None:
        canvas = self._study.need_canvas()
        self._jobs.run(picture_work.read_table, path=path, canvas=canvas, then=self._show_table, about=canvas)

    def _show_table(self, annotations: Annotations) -> None:
        self._maker.table_page.show_annotations(annotations)

    # -- painting --------------------------------------------------------------------------------------------------

    def _labels(self) -> dict[str, Labels]:
        """Labels layers that lie on what is open: of as many axes."""
        base = self._painter.tissue.base
        if base is None:
            return {}
        return {
            str(layer.name): layer
            for layer in self._painter.viewer.layers
            if isinstance(layer, Labels) and layer.ndim == base.ndim and METADATA_KEY not in layer.metadata
        }

    def _offer_labels(self, chosen: str = "") -> None:
        if self._study.canvas is not None and self._study.canvas.noun != "gene":
            self._maker.painted_page.offer(list(self._labels()), chosen)

    def _add_labels(self) -> None:
        """Add a layer to paint in, over all pictures or the whole slide, and take the brush in hand."""
        base = self._painter.tissue.need_base()
        shape, to_world = picture_work.labels_shape(self._study.need_canvas())
        affine = base.affine.affine_matrix if to_world is None else to_world
        layer = Labels(
            np.zeros(shape, dtype=np.uint8),
            name="painted",
            affine=affine,
            units=base.units,
            axis_labels=base.axis_labels,
            opacity=0.5,
        )
        self._painter.viewer.add_layer(layer)
        self._painter.viewer.layers.selection.active = layer
        layer.selected_label = 1
        layer.brush_size = max(2, round(min(shape[-2:]) / 20))
        layer.mode = "paint"
        self._offer_labels(str(layer.name))

    def _hear_labels(self, name: str) -> None:
        layer = self._labels().get(name)
        if self._heard is not None:
            self._heard.events.labels_update.disconnect(self._wait_for_brush)
        self._heard = layer
        if layer is not None:
            layer.events.labels_update.connect(self._wait_for_brush)
            self._count_painted()

    def _wait_for_brush(self, _event: Any = None) -> None:
        self._still.start()

    def _count_painted(self) -> None:
        layer = self._labels().get(self._maker.painted_page.layer_name)
        if layer is None:
            return
        if self._counting is not None:
            self._counting.cancel()
        canvas = self._study.need_canvas()
        self._counting = self._jobs.run(
            picture_work.count_painted,
            painted=self.painted_in(layer),
            canvas=canvas,
            then=self._show_counts,
            about=canvas,
            live=True,
        )

    def _show_counts(self, counts: dict[int, int]) -> None:
        self._maker.painted_page.show_values([PaintedValue(value, number) for value, number in sorted(counts.items())])

    @staticmethod
    def painted_in(layer: Labels) -> picture_work.Painted:
        """What is painted, and goes on to change: of many pictures it is too much to be copied at every stroke."""
        origin = np.asarray(layer.data_to_world((0,) * layer.ndim))
        steps = [np.asarray(layer.data_to_world(tuple(step))) - origin for step in np.eye(layer.ndim)[-2:]]
        to_world = np.eye(3)
        to_world[:2] = np.stack([*(step[-2:] for step in steps), origin[-2:]], axis=1)
        return picture_work.Painted(np.asarray(layer.data), to_world)

    def painted(self, name: str) -> picture_work.Painted:
        """What is painted in the labels layer of that name; a KeyError where there is none."""
        return self.painted_in(self._labels()[name])
