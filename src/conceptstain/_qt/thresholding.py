"""Deviations have a threshold: what lies above it stays lit while the slider moves, and is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
from qtpy.QtCore import QObject

from conceptstain._qt import deviation_work
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.notifications import show_failure
from conceptstain._qt.painter import Painter
from conceptstain.canvas.expression import several
from conceptstain.errors import ConceptStainError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.maps import DEVIATIONS, KEYS
from conceptstain.methods.spot_score import SpotScore
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.concepts.definition import Definition
    from conceptstain.methods.finding import Finding

__all__ = ["Thresholding"]


class _Known(NamedTuple):
    """A threshold as it was chosen, where it began, and of which normal it is."""

    value: float
    begin: float
    origin: str
    normal: Definition | None


@final
class Thresholding(QObject):
    """Connects the slider of the Maps card with the painted deviation."""

    def __init__(self, study: Study, jobs: Jobs, painter: Painter, maps: MapsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter, self._maps = study, jobs, painter, maps
        self._row = maps.threshold
        self._known: dict[str, _Known] = {}  # by title
        self._asked: dict[str, tuple[Definition | None, Job]] = {}  # by title: of what a threshold is looked for
        self._title = ""
        self._highest = np.empty(0)  # the highest value of every spot or item that is painted
        maps.map_shown.connect(self._show)
        self._row.changed.connect(self._move)
        study.encoder_changed.connect(self._forget)
        study.spot_encoders_changed.connect(self._forget)
        study.section_changed.connect(self._forget)

    def _forget(self) -> None:
        self._known.clear()
        for _, job in self._asked.values():
            job.cancel()
        self._asked.clear()
        self._row.hide()

    def _finding(self) -> Finding | None:
        """The deviation that is painted; None: something else is."""
        found = [made for made in self._study.findings if made.title == self._title]
        return found[0] if found and KEYS.get(found[0].method) in DEVIATIONS else None

    def _show(self, title: str) -> None:
        self._title = title
        finding = self._finding()
        self._row.hide()
        if finding is None:
            return
        values = np.asarray(finding.values)
        self._highest = np.sort(values.reshape(len(values), -1).max(axis=1))
        normal = None if finding.concept is None else finding.concept.definition
        if title in self._known and self._known[title].normal is normal:
            self._take(self._known[title], title)
        elif not isinstance(finding, Attribution):
            begin, quantile = finding.settings["threshold"], finding.settings["quantile"]
            origin = f"{quantile:.0%} of what it was learned from lies below, each held against the others"
            self._take(_Known(begin, begin, origin, normal), title)
        elif title not in self._asked or self._asked[title][0] is not normal:
            self._ask(finding, title, normal)

    def _ask(self, finding: Attribution, title: str, normal: Definition | None) -> None:
        self._known.pop(title, None)  # of a normal of the same name that was learned before
        if title in self._asked:
            self._asked[title][1].cancel()
        job = self._jobs.run(
            deviation_work.deviation_threshold,
            study=self._study,
            finding=finding,
            then=lambda found: self._take(_Known(found.value, found.value, found.sentence, normal), title),
            on_failure=self._forgive,
            on_end=lambda: self._end(title, job),
            about=self._study.canvas,
            patient=True,
        )
        self._asked[title] = normal, job

    def _end(self, title: str, job: Job) -> None:
        if title in self._asked and self._asked[title][1] is job:
            del self._asked[title]

    def _forgive(self, error: Exception) -> None:
        """Offer no threshold where the normal was learned from too little to have an end."""
        if not isinstance(error, ConceptStainError):
            show_failure(error)

    def _take(self, known: _Known, title: str) -> None:
        self._known[title] = known
        if title == self._title and self._finding() is not None:
            highest = float(self._highest[-1]) if len(self._highest) else known.value
            self._row.show_threshold(known.value, highest, begin=known.begin, origin=known.origin)
            self._move(known.value)

    def _move(self, value: float) -> None:
        finding, known = self._finding(), self._known.get(self._title)
        if finding is None or known is None:
            return
        self._known[self._title] = known._replace(value=value)
        self._painter.maps.set_threshold(self._title, value)
        limits = self._painter.maps.limits(self._title)
        if limits is not None:
            self._maps.show_limits(*limits, self._painter.maps.colormap(self._title))
        above = len(self._highest) - int(np.searchsorted(self._highest, value, side="right"))
        what = several("spot" if isinstance(finding, SpotScore) else self._study.need_canvas().noun)
        have = " have a place above it" if isinstance(finding, Attribution) else " lie above it"
        self._row.show_count(f"{above:,} of {len(self._highest):,} {what}{have}.")
