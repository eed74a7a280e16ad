"""Units are looked at: held against labels, beside controls, and painted where a row is clicked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from conceptstain._qt import label_work, units_work
from conceptstain._qt.choosing import Choosing
from conceptstain._qt.detector_plot import Bar
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.label_work import LabelSource
from conceptstain._qt.notifications import guarded, show_note
from conceptstain._qt.painter import Painter
from conceptstain._qt.putting_out import PuttingOut
from conceptstain._qt.unit_showing import UnitShowing
from conceptstain._qt.unit_table import UnitRow
from conceptstain._qt.units_panel import UnitsPanel
from conceptstain._qt.units_work import Compared, Dissected, LookedInto, Network
from conceptstain.canvas.expression import counted
from conceptstain.concepts.definition import Definition
from conceptstain.layer_tuples import METADATA_KEY
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.canvas.label_maps import LabelMaps
    from conceptstain.methods.dissection_controls import DissectionControls

__all__ = ["Uniting"]

COLOURS = LabelSource("colours", "colours of the pictures")
COMPARING = "Comparing with controls…"


@final
class Uniting(QObject):
    """Connects the Units card with the study and the painted layers. Nothing is computed while it is folded."""

    concept_defined = Signal(object)

    def __init__(self, study: Study, jobs: Jobs, painter: Painter, card: UnitsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter, self._card = study, jobs, painter, card
        self.enabled = True  # off, no controls are drawn: a script that only dissects has the processor for itself
        self.draws = units_work.DRAWS  # of each control
        self._networks: list[Network] = []
        self._opened: list[Network] = []  # from files
        self._files: list[LabelSource] = []
        self._wanted: Network | None = None  # what somebody chose
        self._looked_into: Network | None = None
        self._looking: Job | None = None
        self._running: Job | None = None
        self._counting: Job | None = None
        self._patient: list[Job] = []
        self._about: Dissected | None = None
        self._quantile: float | None = None  # that was asked for
        self._controls: DissectionControls | None = None
        self.showing = UnitShowing(study, jobs, painter, card, self)
        self.putting_out = PuttingOut(study, jobs, card, self)
        self._connect_card()
        study.section_changed.connect(self._show_source)
        study.encoder_changed.connect(self._show_networks)
        study.spot_encoders_changed.connect(self._show_networks)
        layers = painter.viewer.layers.events
        for changed in (layers.inserted, layers.removed):
            changed.connect(lambda _event: self._offer_labels())

    def _connect_card(self) -> None:
        card = self._card
        card.unfolded.connect(lambda unfolded: self._look_into() if unfolded else None)
        card.network_chosen.connect(lambda _row: self._choose())
        card.file_wanted.connect(self._open)
        card.labels.masks_wanted.connect(lambda path: self._add_file(LabelSource("masks", path.name, path)))
        card.labels.table_wanted.connect(lambda path: self._add_file(LabelSource("table", path.name, path)))
        card.dissect_wanted.connect(guarded(self._dissect))
        card.cancel_wanted.connect(self._stop)
        card.least_changed.connect(lambda _least: self._count())
        card.table_wanted.connect(self._write_table)
        card.figure_wanted.connect(self._write_figure)
        card.concept_wanted.connect(guarded(self._add_concept))

    # -- what is open ----------------------------------------------------------------------------------------------

    def _show_source(self) -> None:
        self._stop()
        self._opened, self._files, self._wanted = [], [], None
        self._forget()
        self._card.set_ready(ready=True, reason="not dissected yet")
        self._card.labels.show_kind(self._study.need_canvas().noun)
        self._show_networks()
        self._offer_labels()

    def _show_networks(self) -> None:
        """Offer what can be dissected; where what was found is of a network that is in use no more, it goes."""
        canvas, encoder = self._study.canvas, self._study.encoder
        if canvas is None:
            return
        found = [Network(f"{encoder.name} · in use", encoder, canvas)] if encoder is not None else []
        for number, each in enumerate(self._study.spot_encoders, 1):
            found.append(Network(f"spots, seed {number} · {each.name}", each, self._study.spot_canvas))
        if self._study.section is not None:
            found.append(Network("the genes themselves"))
        found += self._opened
        self._networks = [next((each for each in self._networks if _is_same(each, one)), one) for one in found]
        if self._about is not None and not any(_is_same(each, self._about.network) for each in self._networks):
            self._stop()
            self._forget()
            self._card.clear()
            self._card.set_state("not dissected yet")
        wanted = self._wanted
        rows = [row for row, each in enumerate(self._networks) if wanted is not None and _is_same(each, wanted)]
        self._offer(rows[0] if rows else 0)

    def _offer(self, chosen: int) -> None:
        self._card.offer_networks([each.name for each in self._networks], chosen if self._networks else -1)
        self._looked_into = None
        if self._card.is_unfolded:
            self._look_into()

    @property
    def _chosen(self) -> Network | None:
        row = self._card.network.currentIndex()
        return self._networks[row] if 0 <= row < len(self._networks) else None

    def _choose(self) -> None:
        self._wanted = self._chosen
        self._look_into()

    def _open(self, path: Path) -> None:
        canvas = self._study.need_canvas()
        self._jobs.run(units_work.opened_network, path=path, canvas=canvas, then=self._add_network, about=canvas)

    def _add_network(self, network: Network) -> None:
        self._opened = [each for each in self._opened if each.name != network.name] + [network]
        self._wanted = network
        self._show_networks()

    def _look_into(self) -> None:
        """Find the layers of the chosen network."""
        network = self._chosen
        if network is None or network is self._looked_into or self._study.source is None:
            return
        if self._looking is not None:
            self._looking.cancel()
        self._looked_into = network
        self._looking = self._jobs.run(
            units_work.looked_into,
            source=self._study.source,
            network=network,
            then=self._show_layers,
            about=self._study.canvas,
        )

    def _show_layers(self, found: LookedInto) -> None:
        row = self._card.network.currentIndex()
        if 0 <= row < len(self._networks):
            self._networks[row] = self._looked_into = found.network
            self._card.offer_layers(found.layers, found.likely)

    # -- labels ----------------------------------------------------------------------------------------------------

    def _sources(self) -> dict[str, LabelSource]:
        """What units can be held against, by a key of its own."""
        canvas = self._study.canvas
        if canvas is None:
            return {}
        if self._study.section is not None:
            return {f"column {name}": LabelSource("column", name) for name in self._study.section.annotations}
        found = {f"{each.kind} {each.path}": each for each in self._files}
        for layer in self._painted_layers():
            found[f"layer {layer.name}"] = LabelSource("layer", f"layer {layer.name}")
        if canvas.shape[0] == 3:
            found["colours"] = COLOURS
        return found

    def _painted_layers(self) -> list[Labels]:
        base = self._painter.tissue.base
        layers = self._painter.viewer.layers
        painted = [each for each in layers if isinstance(each, Labels) and METADATA_KEY not in each.metadata]
        return [each for each in painted if base is not None and each.ndim == base.ndim]

    def _offer_labels(self) -> None:
        sources = self._sources()
        ticked = {key: each.kind in {"masks", "table"} for key, each in sources.items()}
        if self._study.section is not None:
            ticked = {key: row == 0 for row, key in enumerate(sources)}
        self._card.labels.offer([(key, each.name, ticked[key]) for key, each in sources.items()])

    def _add_file(self, source: LabelSource) -> None:
        self._files = [each for each in self._files if each.path != source.path] + [source]
        self._offer_labels()

    def _ticked(self) -> tuple[LabelSource, ...]:
        """What is ticked; of layers, what is painted on them now."""
        sources, layers = self._sources(), {f"layer {layer.name}": layer for layer in self._painted_layers()}
        chosen = [(key, sources[key]) for key in self._card.labels.chosen if key in sources]
        return tuple(
            each._replace(painted=Choosing.painted_in(layers[key])) if each.kind == "layer" else each
            for key, each in chosen
        )

    # -- dissecting ------------------------------------------------------------------------------------------------

    def _dissect(self) -> None:
        network, layer = self._chosen, self._card.layer.currentText()
        if network is None or not layer:
            return
        self._stop()
        self._run(
            label_work.labels_of,
            lambda labels: self._dissect_by(network, layer, labels),
            canvas=network.need_canvas,
            sources=self._ticked(),
            names=self._card.labels.number_names,
        )

    def _dissect_by(self, network: Network, layer: str, labels: LabelMaps) -> None:
        for note in labels.notes:
            show_note(note)
        self._quantile = self._card.wanted_quantile
        self._run(
            units_work.dissected,
            self._show_units,
            network=network,
            layer=layer,
            labels=labels,
            quantile=self._quantile,
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

    def _stop(self) -> None:
        self.showing.stop()
        self.putting_out.stop()
        for job in (*self._patient, *([] if self._running is None else [self._running])):
            job.cancel()
        self._patient = []

    def _forget(self) -> None:
        self._about = self._controls = None
        self.showing.begin(None)
        self.putting_out.begin(None)

    def _show_units(self, about: Dissected) -> None:
        self._about, self._controls = about, None
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
        drawn = 0 if self._controls is None else max(len(each) for each in self._controls.drawn.values())
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


def _is_same(one: Network, other: Network) -> bool:
    """Whether two networks are one, that may have been looked into meanwhile."""
    if one.encoder is None or other.encoder is None:
        return one.encoder is other.encoder
    return one.name == other.name and one.encoder is other.encoder


def _rows(about: Dissected, names: tuple[str, ...]) -> list[UnitRow]:
    """What is said of every unit; the bound is by how much of the places each is active on, which is about ``q``."""
    found, table = about.found, about.table
    covered, active = found.prevalence[found.best[table.index]], table["active"].to_numpy()
    bound = np.minimum(covered, active) / np.maximum(np.maximum(covered, active), np.finfo(float).tiny)
    called = [names[unit] if names else str(unit) for unit in table.index]
    before = (table[name].tolist() for name in ("label", "category", "IoU"))
    behind = (table[name].tolist() for name in ("second", "second IoU"))
    return [UnitRow(*each) for each in zip(table.index.tolist(), called, *before, bound.tolist(), *behind, strict=True)]
