"""Pictures and slides are painted: what is looked at first, the rest while nobody waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from conceptstain._qt import deviation_work, picture_work, work
from conceptstain._qt.jobs import WAITING, Job, Jobs
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.painter import Painter
from conceptstain.methods.maps import ITEM_DEVIATION, ITEM_SCORE, map_kind
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.item_score import ItemScore
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.progress import Step

__all__ = ["PictureStaining"]

PAINTING = "painting…"
MOST_PICTURES = 512  # that are painted without being looked at
MOST_COSTLY = 64  # the same by maps that ask the network many times for each
COSTLY = frozenset({"integrated-gradients", "smoothgrad", "occlusion"})
MOST_PATCHES = 256  # that are painted, of those that are seen
FIRST_COSTLY = 32  # of them that somebody waits for, by costly maps
SETTLED = 400  # milliseconds that the viewer has to stand still before what it shows is painted


@final
class PictureStaining(QObject):
    """Paints a concept on a set of pictures, or on a slide.

    Parameters
    ----------
    show
        Called with what is painted, each time it has grown.
    """

    grown = Signal(object)

    def __init__(
        self,
        study: Study,
        jobs: Jobs,
        painter: Painter,
        maps: MapsPanel,
        parent: QObject,
        *,
        show: Callable[[work.Stained], None],
    ) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter, self._maps, self._show = study, jobs, painter, maps, show
        self._asked: tuple[str, str, MapSettings] | None = None
        self._running: Job | None = None
        self._rest: Job | None = None
        self._painted: frozenset[int] = frozenset()
        self.whole = True  # off, only what is looked at is painted
        self.grown.connect(self._show_grown)
        self._moved = QTimer(self)
        self._moved.setSingleShot(True)
        self._moved.setInterval(SETTLED)
        self._moved.timeout.connect(self._follow)
        viewer = painter.viewer
        viewer.dims.events.current_step.connect(lambda _event: self._hear_of_slider())
        viewer.scene.camera.events.center.connect(lambda _event: self._hear_of_camera())
        viewer.scene.camera.events.zoom.connect(lambda _event: self._hear_of_camera())

    @property
    def is_running(self) -> bool:
        """Whether somebody waits for a map."""
        return self._running is not None

    def stain(self, name: str, key: str, settings: MapSettings, *, kept: Finding | None = None) -> Job:
        """Paint a concept in place of one that is being painted; ``kept``: its map, where there is one already."""
        self.stop()
        self._asked, self._painted = (name, key, settings), frozenset()
        if self._jobs.busy:
            self._maps.set_state(WAITING)
        if kept is not None:
            return self._run(work.go_on, name=name, finding=kept)
        if key == ITEM_SCORE.key:
            return self._run(work.stain_score, name=name, visible=self._painter.tissue.visible, grown=self.grown.emit)
        if key == ITEM_DEVIATION.key:
            return self._run(deviation_work.stain_deviation, name=name)
        return self._paint(self._looked_at())

    def stop(self) -> None:
        """Paint no more of it."""
        for job in (self._running, self._rest):
            if job is not None:
                job.cancel()
        self._asked = None

    # -- what is painted -------------------------------------------------------------------------------------------

    def _paint(self, items: tuple[int, ...]) -> Job:
        name, key, settings = self._asked or ("", "", None)
        if not map_kind(key).about_items:
            items = ()
        return self._run(work.stain_items, name=name, map_key=key, settings=settings, items=items)

    def _run(self, stain: Callable[..., Any], **asked: Any) -> Job:
        if self._rest is not None:
            self._rest.cancel()
        job = self._jobs.run(
            stain,
            study=self._study,
            **asked,
            then=self._take,
            on_step=lambda step: self._show_step(step, job),
            on_end=lambda: self._end(job),
            about=self._study.canvas,
        )
        self._running = job
        self._maps.start_progress()
        return job

    def _show_step(self, step: Step, job: Job) -> None:
        if self._running is job and self._maps.state == WAITING:
            self._maps.set_state(PAINTING)
        self._maps.show_progress(step, self._running is job)

    def _take(self, stained: work.Stained) -> None:
        self._painted = frozenset(getattr(stained.finding, "items", ()))
        self._show(stained)
        self._paint_rest(stained)

    def _end(self, job: Job) -> None:
        if self._running is job:
            self._running = None
            self._maps.end_progress()
            if self._maps.state in {WAITING, PAINTING}:
                self._maps.set_state("stopped" if job.is_cancelled else "not painted")
            if self._asked is not None and self._painted:
                self._moved.start()  # the viewer may have moved meanwhile

    def _paint_rest(self, stained: work.Stained) -> None:
        """Paint the pictures that nobody looks at yet, or more of what is seen, when nobody waits for anything else."""
        if self._asked is None or not self._painted or not self.whole:
            return
        name, key, settings = self._asked
        if self._painter.tissue.images is None:
            items = self._seen_patches(MOST_PATCHES)
        else:
            items = self._in_order(stained, MOST_COSTLY if key in COSTLY else MOST_PICTURES)
        if set(items) <= self._painted:
            return
        self._rest = self._jobs.run(
            work.stain_items,
            study=self._study,
            name=name,
            map_key=key,
            settings=settings,
            items=items,
            then=self._show_rest,
            about=self._study.canvas,
            patient=True,
        )

    def _show_rest(self, stained: work.Stained) -> None:
        if self._asked is not None and self._running is None:
            self._painted = frozenset(getattr(stained.finding, "items", ()))
            self._show(stained)

    def _in_order(self, stained: work.Stained, most: int) -> tuple[int, ...]:
        """What was painted, the concept's own pictures, then those with the highest scores."""
        canvas = self._study.need_canvas()
        scores = np.zeros(len(canvas)) if stained.scores is None else stained.scores
        own = [canvas.item(name) for name in stained.concept.items] if stained.concept is not None else []
        order = dict.fromkeys([*sorted(self._painted), *own, *np.argsort(-scores, kind="stable").tolist()])
        return tuple(sorted(list(order)[:most]))

    def _show_grown(self, score: ItemScore) -> None:
        if self._running is not None and not self._running.is_cancelled and self._asked is not None:
            self._painter.maps.show(score, self._study.need_canvas())

    # -- what is looked at -----------------------------------------------------------------------------------------

    def _looked_at(self) -> tuple[int, ...]:
        """The picture that is seen, or the patches that are, those in the middle if they are many."""
        tissue = self._painter.tissue
        if tissue.images is not None:
            looked_at = tissue.looked_at
            return (0 if looked_at is None else looked_at,)
        costly = self._asked is not None and self._asked[1] in COSTLY
        return self._seen_patches(FIRST_COSTLY if costly else MOST_PATCHES)

    def _seen_patches(self, most: int) -> tuple[int, ...]:
        return picture_work.seen_patches(self._study.need_canvas(), self._painter.tissue.visible, most)

    def _hear_of_slider(self) -> None:
        if self._painter.tissue.images is not None and self._asked is not None and self._painted:
            self._moved.start(0)

    def _hear_of_camera(self) -> None:
        if self._painter.tissue.images is None and self._asked is not None and self._painted:
            self._moved.start()

    def _follow(self) -> None:
        """Paint what has come into sight."""
        if self._asked is None or not self._painted or self._running is not None:
            return
        seen = self._looked_at()
        if not seen or set(seen) <= self._painted:
            return
        of_slide = self._painter.tissue.images is None
        self._paint(seen if of_slide else tuple(sorted({*self._painted, *seen})))
