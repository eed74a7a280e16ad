"""Single units are shown: their thumbnails in the table, and where they are active in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
from qtpy.QtCore import QObject, QTimer
from qtpy.QtGui import QImage

from conceptstain._qt import picture_work, unit_painting
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.notifications import guarded
from conceptstain._qt.painter import Painter
from conceptstain._qt.units_panel import UnitsPanel
from conceptstain.errors import MismatchError
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain._qt.unit_painting import PaintedUnit, Thumbnails
    from conceptstain._qt.units_work import Dissected

__all__ = ["UnitShowing"]

RANKING = "Looking for what each unit is most active on…"
AT_ONCE = 8  # units whose thumbnails are drawn in one job
MOST_PATCHES = 64  # of a slide that a unit is painted on at once
LONGEST = 30  # letters of a name that is told
SETTLED = 400  # milliseconds that the viewer has to stand still before what it shows is painted


@final
class UnitShowing(QObject):
    """Paints units that are clicked, with where they count as active, and draws thumbnails of those that are seen."""

    def __init__(self, study: Study, jobs: Jobs, painter: Painter, card: UnitsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter, self._card = study, jobs, painter, card
        self._about: Dissected | None = None
        self._top: np.ndarray | None = None
        self._drawn: set[int] = set()  # units whose thumbnails are drawn, or being drawn
        self._ranking: Job | None = None
        self._painting: Job | None = None
        self._painted: PaintedUnit | None = None
        self._wanted: tuple[int, int] | None = None  # unit and thumbnail, asked for before these were known
        self._moved = QTimer(self)
        self._moved.setSingleShot(True)
        self._moved.setInterval(SETTLED)
        self._moved.timeout.connect(self._follow)
        card.view.unit_wanted.connect(lambda unit: self._show(unit, 0))
        card.view.item_wanted.connect(self._show)
        card.view.seen_changed.connect(self._draw_seen)
        viewer = painter.viewer
        viewer.layers.selection.events.active.connect(lambda event: self._hear_of_layer(event.value))
        viewer.layers.events.removed.connect(lambda _event: self._hear_of_removal())
        viewer.dims.events.current_step.connect(lambda _event: self._hear_of_view())
        viewer.scene.camera.events.center.connect(lambda _event: self._hear_of_view())

    def begin(self, about: Dissected | None) -> None:
        """Show units of this dissection from now on; None: of none."""
        self.stop()
        self._about, self._top, self._painted, self._wanted = about, None, None, None
        self._drawn = set()
        self._painter.mask.remove()
        self._card.say_what_is_seen("")
        if about is not None:
            self._ranking = self._jobs.run(
                unit_painting.top_items,
                of=about,
                then=lambda top: self._take_top(about, top),
                on_end=lambda: self._end_ranking(about),
                about=self._study.canvas,
            )
            self._card.say_what_is_seen(RANKING)

    def stop(self) -> None:
        """Look for no more of what units are most active on, and paint none."""
        for job in (self._ranking, self._painting):
            if job is not None:
                job.cancel()

    # -- thumbnails ------------------------------------------------------------------------------------------------

    def _take_top(self, about: Dissected, top: np.ndarray) -> None:
        if self._about is not about:
            return
        self._top = top
        self._card.view.show_pictures_column(wide=top.shape[1] > 0)
        self._draw_seen()
        if self._wanted is not None:
            self._show(*self._wanted)

    def _end_ranking(self, about: Dissected) -> None:
        if self._about is about:
            self._card.say_what_is_seen("")

    def _draw_seen(self) -> None:
        """Draw thumbnails of the rows that are seen and have none."""
        about, top = self._about, self._top
        if about is None or top is None:
            return
        units = [unit for unit in self._card.view.seen_units if unit not in self._drawn][:AT_ONCE]
        if not units:
            return
        self._drawn |= set(units)
        self._jobs.run(
            unit_painting.thumbnails,
            of=about,
            top=top,
            units=units,
            then=lambda drawn: self._show_thumbnails(about, drawn),
            about=self._study.canvas,
            live=True,
        )

    def _show_thumbnails(self, about: Dissected, thumbnails: Thumbnails) -> None:
        if self._about is about:
            images = {unit: [_image(each) for each in drawn] for unit, drawn in thumbnails.drawn.items()}
            self._card.table.show_pictures(images, thumbnails.told)
            self._draw_seen()

    # -- painting --------------------------------------------------------------------------------------------------

    def _show(self, unit: int, number: int) -> None:
        """Paint a unit on the item of one of its thumbnails, and go there."""
        about = self._about
        if about is None:
            return
        if about.network.encoder is None:
            guarded(self._show_gene)(about.unit_names[unit])
            return
        if self._top is None:
            self._wanted = (unit, number)
            return
        self._wanted = None
        canvas = about.network.need_canvas
        top = tuple(int(item) for item in self._top[unit])
        items: tuple[int, ...] = ()
        if canvas.noun == "gene":
            items = top[number : number + 1]
        elif canvas.noun == "picture":
            self._painter.tissue.look_at(top[number])
            items = tuple(sorted(set(top)))
        elif canvas.noun == "patch":
            items = self._go_to_patch(canvas, top[number])
        self._paint(unit, items)

    def _go_to_patch(self, canvas: Any, patch: int) -> tuple[int, ...]:
        """Look at a patch of a slide, and give those around it."""
        size = canvas.settings.size
        corners = canvas.to_world(patch) @ np.array([[-size, -size, 1.0], [2.0 * size, 2.0 * size, 1.0]]).T
        (top, bottom), (left, right) = (sorted(map(float, each)) for each in corners[:2])
        self._painter.tissue.look_around(canvas.to_world(patch), size)
        around = picture_work.seen_patches(canvas, (top, left, bottom, right), MOST_PATCHES)
        return tuple(sorted({patch, *around}))

    def _show_gene(self, name: str) -> None:
        genes = self._study.need_genes()
        self._painter.mask.hide()
        self._painter.maps.show_gene(name, genes)

    def _paint(self, unit: int, items: tuple[int, ...]) -> None:
        about = self._about
        if self._painting is not None:
            self._painting.cancel()
        job = self._jobs.run(
            unit_painting.paint_unit,
            of=about,
            unit=unit,
            items=items,
            then=guarded(self._take_painted),
            on_end=lambda: self._forget(job),
            about=self._study.canvas,
        )
        self._painting = job

    def _forget(self, job: Job) -> None:
        if self._painting is job:
            self._painting = None

    def _take_painted(self, painted: PaintedUnit) -> None:
        about = self._about
        if about is None:
            return
        self._painted = painted
        canvas, kept = about.network.need_canvas, ""
        try:
            self._study.keep(painted.finding)
        except MismatchError:  # its network sees another frame than the study
            self._painter.maps.show(painted.finding, canvas)  # type: ignore[arg-type]
            kept = f" Not kept: the study sees {_side(self._study.need_canvas())}, this network {_side(canvas)}."
        self._painter.mask.show(painted.active, f"unit {painted.unit} - active")
        outlined = "Ringed" if canvas.noun in {"gene", "spot"} else "Outlined"
        among = ", in some patch" if canvas.noun == "patch" else ""
        shown = f"The viewer shows unit {painted.unit}{self._where(painted)}."
        told = f"{shown} {outlined}: where it counts as active{among}."
        self._card.say_what_is_seen(told + kept)

    def _where(self, painted: PaintedUnit) -> str:
        """What a unit is painted on, in words."""
        about = self._about
        if about is None or not painted.items:
            return ""
        canvas = about.network.need_canvas
        if canvas.noun == "patch":
            return " where you look"
        looked_at = self._painter.tissue.looked_at
        item = painted.items[0] if canvas.noun == "gene" or looked_at is None else looked_at
        return f" on {_short(str(canvas.item_names[item]))}"

    # -- the viewer ------------------------------------------------------------------------------------------------

    def _hear_of_layer(self, layer: Any) -> None:
        """Another map is seen: the mask goes with its own map; the map of a unit chooses its row."""
        shown = self._painter.maps.shown_by(layer)
        if shown is None:
            return
        if self._is_seen:
            self._painter.mask.reveal()
        else:
            self._painter.mask.hide()
            self._card.say_what_is_seen("")
        about = self._about
        if about is None or isinstance(shown, str) or shown.method != "activation":
            return
        if (shown.encoder, shown.settings["layer"]) == (about.found.encoder, about.layer):
            self._card.view.show_chosen(shown.settings["unit"])

    def _hear_of_removal(self) -> None:
        """Without its map, where a unit is active says nothing."""
        if self._painted is not None and not any(map(self._shows_painted, self._painter.viewer.layers)):
            self._painter.mask.hide()
            self._card.say_what_is_seen("")

    @property
    def _is_seen(self) -> bool:
        """Whether the viewer shows the map of the unit that was painted last."""
        return self._shows_painted(self._painter.viewer.layers.selection.active)

    def _shows_painted(self, layer: Any) -> bool:
        painted, shown = self._painted, self._painter.maps.shown_by(layer)
        return painted is not None and getattr(shown, "values", None) is painted.finding.values

    def _seen(self, unit: int) -> tuple[int, ...]:
        """The items that the viewer shows, with those that the unit is shown by, where there are pages."""
        about, tissue = self._about, self._painter.tissue
        if about is None or self._top is None:
            return ()
        canvas = about.network.need_canvas
        if canvas.noun == "patch":
            return picture_work.seen_patches(canvas, tissue.visible, MOST_PATCHES)  # type: ignore[arg-type]
        looked_at = tissue.looked_at
        return tuple(sorted({*self._top[unit].tolist(), *([] if looked_at is None else [looked_at])}))

    def _hear_of_view(self) -> None:
        if self._painted is not None and self._painted.items and self._study.section is None and self._is_seen:
            self._moved.start()

    def _follow(self) -> None:
        """Paint the unit on what has come into sight."""
        painted = self._painted
        if painted is None or self._painting is not None or not self._is_seen:
            return
        seen = self._seen(painted.unit)
        if seen and not set(seen) <= set(painted.items):
            of_pages = self._painter.tissue.images is not None
            self._paint(painted.unit, tuple(sorted({*painted.items, *seen})) if of_pages else seen)


def _side(canvas: Any) -> str:
    return f"{canvas.shape[-2]} × {canvas.shape[-1]} pixels"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[-LONGEST // 3 :]}"


def _image(pixels: np.ndarray) -> QImage:
    """A copy with its own memory."""
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
