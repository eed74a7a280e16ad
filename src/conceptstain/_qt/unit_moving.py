"""Classifiers are opened and linked, and their units get sliders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, final

from qtpy.QtCore import QObject, Signal

from conceptstain._qt import link_work
from conceptstain._qt.imagining import Imagining, reads_the_same
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.move_row import Move
from conceptstain._qt.what_if_moves import UnitMove
from conceptstain._qt.what_if_panel import WhatIfPanel
from conceptstain.study import Study

if TYPE_CHECKING:
    import numpy as np

    from conceptstain._qt.link_work import Linked, OpenedClassifier
    from conceptstain._qt.units_work import Network
    from conceptstain.methods.link import Link

__all__ = ["UnitMoving"]


@final
class UnitMoving(QObject):
    """Connects classifiers and their units with the sliders of the What if card."""

    classifier_changed = Signal()  # another is chosen, or others are offered
    link_ended = Signal()  # with a link, or without

    def __init__(self, study: Study, jobs: Jobs, card: WhatIfPanel, imagining: Imagining, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._card, self._imagining = study, jobs, card, imagining
        self.opened: list[OpenedClassifier] = []
        self._links: list[Linked] = []
        self._units: list[int] = []  # that have sliders
        self._at: np.ndarray | None = None  # what the units of the items put out
        self._running: Job | None = None
        self._reading: Job | None = None
        card.file_wanted.connect(self.open)
        card.classifier_chosen.connect(lambda _row: self._change())
        card.cancel_wanted.connect(self._cancel)
        card.page.link_wanted.connect(self._link)
        card.page.unit_wanted.connect(self._add_unit)
        card.page.unit_removed.connect(self._remove_unit)
        card.page.refused.connect(card.say)
        study.section_changed.connect(self._begin)
        imagining.begun_changed.connect(self._read_units)

    @property
    def chosen(self) -> OpenedClassifier | None:
        """The classifier that is chosen; None: none is."""
        row = self._card.classifier.currentIndex() - 1
        return self.opened[row] if 0 <= row < len(self.opened) else None

    @property
    def linked(self) -> Linked | None:
        """The link of the chosen classifier to the network that decodes; None: there is none yet."""
        opened, network = self.chosen, self._imagining.network
        for each in self._links:
            if each.opened is opened and network is not None and reads_the_same(each.network, network):
                return each
        return None

    @property
    def links(self) -> tuple[Link, ...]:
        """All links that were made."""
        return tuple(each.link for each in self._links)

    def _begin(self) -> None:
        self._cancel()
        self.opened, self._links = [], []
        self._card.offer_classifiers((), 0)
        self._change()

    # -- classifiers -----------------------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a classifier from a file."""
        self._jobs.run(link_work.opened_classifier, path=path, then=self.add, about=self._study.canvas)

    def add(self, opened: OpenedClassifier) -> None:
        """Offer a classifier that was opened, and choose it."""
        self.opened = [each for each in self.opened if each.name != opened.name] + [opened]
        self._card.offer_classifiers([each.name for each in self.opened], len(self.opened))
        self._change()

    def offer(self, network: Network) -> None:
        """Offer a classifier that was opened elsewhere, too; whoever wants it chooses it."""
        opened = link_work.classifier_of(network)
        if opened is None or opened.name in {each.name for each in self.opened}:
            return
        chosen = self._card.classifier.currentIndex()
        self.opened = [*self.opened, opened]
        self._card.offer_classifiers([each.name for each in self.opened], chosen)
        self.classifier_changed.emit()

    def _change(self) -> None:
        self._units, self._at = [], None
        self._offer_units()
        self._imagining.ask(None if self.chosen is None else self.chosen.classifier)
        self.classifier_changed.emit()
        self._read_units()

    def _offer_units(self) -> None:
        linked = self.linked
        if linked is not None:
            self._card.page.offer_units(linked.names, linked.sentence)
        else:
            self._card.page.offer_units((), "", can_link=self.chosen is not None)

    # -- links -----------------------------------------------------------------------------------------------------

    def _link(self) -> None:
        opened, network = self.chosen, self._imagining.network
        if opened is None or network is None:
            return
        self._cancel()
        job = self._jobs.run(
            link_work.linked,
            opened=opened,
            network=network,
            then=self._take_link,
            on_step=self._card.working.show_step,
            on_end=lambda: self._end(job),
            about=self._study.canvas,
        )
        self._running = job
        self._card.page.show_linking(linking=True)
        self._card.start_progress(self)

    def _end(self, job: Job) -> None:
        if self._running is job:
            self._running = None
            self._card.page.show_linking(linking=False)
            self._card.end_progress(self)
            self.link_ended.emit()

    def _cancel(self) -> None:
        if self._running is not None:
            self._running.cancel()

    def _take_link(self, linked: Linked) -> None:
        self._links.append(linked)
        self._offer_units()
        self._read_units()

    # -- units -----------------------------------------------------------------------------------------------------

    def _read_units(self) -> None:
        """Find out what the units of other items put out: their sliders begin there."""
        self._offer_units()
        begun, linked = self._imagining.begun, self.linked
        self._at = None
        if begun is None or linked is None:
            self._show_units()
            return
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self._jobs.run(
            link_work.units_at,
            of=begun,
            linked=linked,
            then=self._take_units,
            about=self._study.canvas,
            live=True,
        )

    def _take_units(self, at: np.ndarray) -> None:
        self._at = at
        self._show_units()

    def _add_unit(self, row: int) -> None:
        linked = self.linked
        if linked is None:
            return
        if linked.order[row] in self._units:
            self._card.page.rows[_key(linked.order[row])].slider.setFocus()
            return
        self._units.append(linked.order[row])
        self._show_units()

    def _remove_unit(self, key: str) -> None:
        self._units = [unit for unit in self._units if _key(unit) != key]
        self._show_units()

    def _show_units(self) -> None:
        linked, at = self.linked, self._at
        if linked is None or at is None:
            self._imagining.moves.show_units([], None)
            return
        names = dict(zip(linked.order, linked.names, strict=True))
        rows = []
        for unit in self._units:
            low, high = map(float, linked.link.ranges[unit])
            start = float(at[unit])
            told = f"What the unit puts out: {start:.2f} of the item; {low:.2f} to {high:.2f} over what is open"
            move = Move(
                _key(unit), names[unit], told, low=min(low, start), high=max(high, start), start=start, removable=True
            )
            rows.append(UnitMove(unit, move, linked.step(unit)))
        self._imagining.moves.show_units(rows, linked)


def _key(unit: int) -> str:
    return f"unit {unit}"
