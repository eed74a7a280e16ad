"""Units are looked at: held against labels, beside controls, and painted where a row is clicked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from qtpy.QtCore import QObject, Signal

from conceptstain._qt import label_work, units_work
from conceptstain._qt.detector_plot import Bar
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.label_offering import LabelOffering
from conceptstain._qt.network_offering import NetworkOffering
from conceptstain._qt.notifications import guarded, show_note
from conceptstain._qt.painter import Painter
from conceptstain._qt.putting_out import PuttingOut
from conceptstain._qt.unit_showing import UnitShowing
from conceptstain._qt.unit_table import UnitRow
from conceptstain._qt.units_panel import UnitsPanel
from conceptstain._qt.units_work import Compared, Dissected, Network
from conceptstain.canvas.expression import counted
from conceptstain.concepts.definition import Definition
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.canvas.label_maps import LabelMaps
    from conceptstain.methods.dissection_controls import DissectionControls

__all__ = ["Uniting"]

COMPARING = "Comparing with controls…"


@final
class Uniting(QObject):
    """Connects the Units card with the study and the painted layers. Nothing is computed while it is folded."""

    concept_defined = Signal(object)
    network_opened = Signal(object)  # from a file

    def __init__(self, study: Study, jobs: Jobs, painter: Painter, card: UnitsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._card = study, jobs, card
        self.enabled = True  # off, no controls are drawn: a script that only dissects has the processor for itself
        self.draws = units_work.DRAWS  # of each control
        self._running: Job | None = None
        self._counting: Job | None = None
        self._patient: list[Job] = []
        self._dissecting: Network | None = None
        self._about: Dissected | None = None
        self._quantile: float | None = None  # that was asked for
        self._controls: DissectionControls | None = None
        study.section_changed.connect(self._show_source)  # before networks and labels of it are offered
        self._networks = NetworkOffering(study, jobs, card, self)
        self._networks.changed.connect(self._drop_outdated)
        self._networks.opened.connect(self.network_opened)
        self._labels = LabelOffering(study, painter, card.labels, self)
        self.showing = UnitShowing(study, jobs, painter, card, self)
        self.putting_out = PuttingOut(study, jobs, card, self)
        self._connect_card()

    def _connect_card(self) -> None:
        card = self._card
        card.dissect_wanted.connect(guarded(self._dissect))
        card.cancel_wanted.connect(self._cancel)
        card.least_changed.connect(lambda _least: self._count())
        card.table_wanted.connect(self._write_table)
        card.figure_wanted.connect(self._write_figure)
        card.concept_wanted.connect(guarded(self._add_concept))

    # -- what is open ----------------------------------------------------------------------------------------------

    def _show_source(self) -> None:
        self._stop()
        self._forget()
        self._card.set_ready(ready=True, reason="not dissected yet")

    def _drop_outdated(self) -> None:
        """Where what was found, or is looked for, is of a network that is in use no more, it goes."""
        if self._running is not None and self._dissecting is not None and not self._networks.offers(self._dissecting):
            self._cancel()
        if self._about is not None and not self._networks.offers(self._about.network):
            self._stop()
            self._forget()
            self._card.clear()
            self._card.set_state("not dissected yet")

    # -- dissecting ------------------------------------------------------------------------------------------------

    def _dissect(self) -> None:
        network, layer = self._networks.chosen, self._card.layer.currentText()
        if network is None or not layer:
            return
        self._cancel()
        self._dissecting = network
        self._run(
            label_work.labels_of,
            lambda labels: self._dissect_by(network, layer, labels),
            canvas=network.need_canvas,
            sources=self._labels.ticked(),
            names=self._card.labels.number_names,
        )

    def _dissect_by(self, network: Network, layer: str, labels: LabelMaps) -> None:
        for note in labels.notes:
            show_note(note)
        quantile = self._card.wanted_quantile
        self._run(
            units_work.dissected,
            lambda about: self._show_units(about, quantile),
            network=network,
            layer=layer,
            labels=labels,
            quantile=quantile,
        )

    def _run(self, function: Callable[..., Any], then: Callable[[Any], None], **asked: Any) -> None:
        job = self._jobs.run(
            function,
            **asked,
            then=then,
            on_step=self._card.show_progress,
            on_end=lambda: self._end(job),
            about=self._study.canvas,
        )
        self._running = job
        self._card.start_progress()

    def _end(self, job: Job) -> None:
        if self._running is job:
            self._running = None
            self._card.end_progress()

    def _cancel(self) -> None:
        """Stop what somebody waits for; what goes on about the units that are shown goes on."""
        self.putting_out.stop()
        if self._running is not None:
            self._running.cancel()

    def _stop(self) -> None:
        self._cancel()
        self.showing.stop()
        self._stop_comparing()

    def _stop_comparing(self) -> None:
        for job in self._patient:
            job.cancel()
        self._patient = []

    def _forget(self) -> None:
        self._about = self._controls = None
        self.showing.begin(None)
        self.putting_out.begin(None)

    def _show_units(self, about: Dissected, quantile: float | None) -> None:
        self._stop_comparing()
        self._about, self._controls, self._quantile = about, None, quantile
        found, names = about.found, about.unit_names
        noun = "unit" if about.network.encoder is not None else "gene"
        rows = _rows(about, names)
        canvas = about.network.need_canvas
        told = (
            f"{found.title}: {counted(found.n_units, noun)} over {counted(found.n_items, canvas.noun)}, "
            f"each active at {found.quantile:.2%} of its places."
        )
        self._card.show_units(rows, told, named=bool(names), can_tick=about.network.encoder is not None)
        self._card.offer_concept(possible=self._can_be_concepts(about))
        self.putting_out.begin(about)
        self.showing.begin(about)
        self._card.say_of_controls(COMPARING if self.enabled else "")
        self._count()
        self._compare()

    # -- controls --------------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        """Draw the controls, one after the other, while nobody waits."""
        drawn = 0 if self._controls is None else max(map(len, self._controls.drawn.values()), default=self.draws)
        if self._about is None or drawn >= self.draws or not self.enabled:
            return
        self._wait(
            units_work.controlled,
            self._show_controls,
            of=self._about,
            before=self._controls,
            quantile=self._quantile,
        )

    def _show_controls(self, controls: DissectionControls) -> None:
        self._controls = controls
        self._count()
        self._compare()

    def _wait(self, function: Callable[..., Any], then: Callable[[Any], None], **asked: Any) -> None:
        job = self._jobs.run(
            function,
            **asked,
            then=then,
            on_end=lambda: self._patient.remove(job) if job in self._patient else None,
            about=self._study.canvas,
            patient=True,
        )
        self._patient.append(job)

    def _count(self) -> None:
        """Count unique detectors, of the controls too, where they are drawn already."""
        about = self._about
        if about is None:
            return
        if self._counting is not None:
            self._counting.cancel()
        job = self._jobs.run(
            units_work.compared,
            found=about.found,
            controls=self._controls,
            least=self._card.least.value(),
            then=lambda compared: self._show_bars(about, compared),
            on_end=lambda: self._end_count(job),
            about=self._study.canvas,
            live=True,
        )
        self._counting = job

    def _end_count(self, job: Job) -> None:
        if self._counting is job:
            self._counting = None

    def _show_bars(self, about: Dissected, compared: Compared) -> None:
        if self._about is not about:
            return
        bars = {
            category: {str(kind): Bar(*map(float, row)) for kind, row in table.iterrows()}
            for category, table in compared.tables.items()
        }
        first = "this network" if about.network.encoder is not None else "genes"
        self._card.show_bars(bars, first, compared.sentence or (COMPARING if self.enabled else ""))
        least = self._card.least.value()
        detectors = counted(int(about.found.detectors(least).sum()), "detector")
        of_labels = counted(int(about.found.unique_detectors(least).sum()), "label")
        layer = about.layer.rpartition(".")[2] if about.network.encoder is not None else "genes"
        self._card.set_state(f"{layer} · {detectors} · {of_labels}", about.found.title)

    # -- concepts --------------------------------------------------------------------------------------------------

    def _can_be_concepts(self, about: Dissected) -> bool:
        """Concepts of a study live in the encoder in use."""
        return about.network.encoder is not None and about.network.encoder is self._study.encoder

    def _add_concept(self, unit: int) -> None:
        """Make a concept of a unit, so that every map can be made of it."""
        about = self._about
        if about is None:
            return
        name = self._study.free_name(f"unit {unit} of {about.layer.rpartition('.')[2]}")
        self.concept_defined.emit(Definition(name, unit=unit, space=about.layer))

    # -- files -----------------------------------------------------------------------------------------------------

    def _write_table(self, path: Path) -> None:
        if self._about is not None:
            self._jobs.run(
                units_work.write_table,
                of=self._about,
                least=self._card.least.value(),
                path=path,
                then=self._show_written,
            )

    def _write_figure(self, path: Path) -> None:
        if self._about is not None:
            self._jobs.run(
                units_work.write_figure,
                of=self._about,
                controls=self._controls,
                least=self._card.least.value(),
                path=path,
                then=self._show_written,
            )

    def _show_written(self, path: Path) -> None:
        self._card.show_done(path)
        show_note(f"Wrote {path}")


def _rows(about: Dissected, names: tuple[str, ...]) -> list[UnitRow]:
    """What is said of every unit."""
    table = about.table
    called = [names[unit] if names else str(unit) for unit in table.index]
    before = (table[name].tolist() for name in ("label", "category", "IoU", "bound"))
    behind = (table[name].tolist() for name in ("second", "second IoU"))
    return [UnitRow(*each) for each in zip(table.index.tolist(), called, *before, *behind, strict=True)]
