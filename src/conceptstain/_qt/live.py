"""Live stain: the map follows an outline while the mouse draws or moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

from qtpy.QtCore import QObject

from conceptstain._qt import work
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.map_layers import MapLayers
from conceptstain._qt.notifications import show_failure
from conceptstain.concepts.definition import Definition
from conceptstain.errors import ConceptStainError
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.map_settings import MapSettings

__all__ = ["LiveStain"]


class _Wanted(NamedTuple):
    definition: Definition
    map_key: str
    settings: MapSettings


@final
class LiveStain(QObject):
    """Paints the newest region as soon as the one before is painted; those between are never begun."""

    def __init__(self, study: Study, jobs: Jobs, maps: MapLayers, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._maps = study, jobs, maps
        self._wanted: _Wanted | None = None
        self._running: Job | None = None
        self.painted = 0  # maps so far

    def follow(self, definition: Definition, map_key: str, settings: MapSettings) -> None:
        """Paint what a region that is drawn would become, when there is time."""
        if self._study.encoder is None:
            return
        self._wanted = _Wanted(definition, map_key, settings)
        self._go_on()

    def stop(self) -> None:
        """Paint no more of it."""
        self._wanted = None
        if self._running is not None:
            self._running.cancel()

    def _go_on(self) -> None:
        if self._wanted is None or self._running is not None:
            return
        wanted, self._wanted = self._wanted, None
        job = self._jobs.run(
            work.live_map,
            study=self._study,
            **wanted._asdict(),
            then=self._show,
            on_failure=self._forgive,
            on_end=lambda: self._end(job),
            about=self._study.canvas,
            live=True,
        )
        self._running = job

    def _forgive(self, error: Exception) -> None:
        """Say nothing of half an outline that holds no spot, or no gene: the next one is on its way."""
        if not isinstance(error, ConceptStainError):
            show_failure(error)

    def _show(self, finding: Finding) -> None:
        self._running = None
        self._go_on()  # first: the next map is computed while napari paints this one
        self._maps.show_live(finding, self._study.need_canvas())
        self.painted += 1

    def _end(self, job: Job) -> None:
        """Go on after a map that could not be made; one that was painted has begun the next already."""
        if self._running is job:
            self._running = None
            self._go_on()
