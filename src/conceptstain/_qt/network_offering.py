"""Networks whose units can be looked at: those in use, those opened from files, and the inputs themselves."""

from __future__ import annotations

from pathlib import Path
from typing import final

from qtpy.QtCore import QObject, Signal

from conceptstain._qt import units_work
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.units_panel import UnitsPanel
from conceptstain._qt.units_work import LookedInto, Network
from conceptstain.study import Study

__all__ = ["NetworkOffering"]


@final
class NetworkOffering(QObject):
    """Offers networks, and the layers of the chosen one, which is looked into once the card is unfolded."""

    changed = Signal()  # other networks are offered
    opened = Signal(object)  # a network from a file

    def __init__(self, study: Study, jobs: Jobs, card: UnitsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._card = study, jobs, card
        self._offered: list[Network] = []
        self._opened: list[Network] = []  # from files
        self._wanted: Network | None = None  # what somebody chose
        self._looked_into: Network | None = None
        self._looking: Job | None = None
        card.unfolded.connect(lambda unfolded: self._look_into() if unfolded else None)
        card.network_chosen.connect(lambda _row: self._choose())
        card.file_wanted.connect(self._open)
        study.section_changed.connect(self._begin)
        study.encoder_changed.connect(self._offer)
        study.spot_encoders_changed.connect(self._offer)

    @property
    def chosen(self) -> Network | None:
        """The network whose units are to be looked at."""
        row = self._card.network.currentIndex()
        return self._offered[row] if 0 <= row < len(self._offered) else None

    def offers(self, network: Network) -> bool:
        """Whether a network can still be chosen."""
        return any(each.is_same(network) for each in self._offered)

    def _begin(self) -> None:
        self._offered, self._opened, self._wanted = [], [], None
        self._offer()

    def _offer(self) -> None:
        """Offer what there is; what was looked into stays so, and what somebody chose stays chosen."""
        canvas, encoder = self._study.canvas, self._study.encoder
        if canvas is None:
            return
        found = [Network(f"{encoder.name} · in use", encoder, canvas)] if encoder is not None else []
        for number, each in enumerate(self._study.spot_encoders, 1):
            found.append(Network(f"spots, seed {number} · {each.name}", each, self._study.spot_canvas))
        if self._study.section is not None:
            found.append(Network("the genes themselves"))
        found += self._opened
        self._offered = [next((each for each in self._offered if each.is_same(one)), one) for one in found]
        wanted = self._wanted
        rows = [row for row, each in enumerate(self._offered) if wanted is not None and each.is_same(wanted)]
        first = 0 if self._offered else -1
        self._card.offer_networks([each.name for each in self._offered], rows[0] if rows else first)
        self._looked_into = None
        self.changed.emit()
        if self._card.is_unfolded:
            self._look_into()

    def _choose(self) -> None:
        self._wanted = self.chosen
        self._look_into()

    def _open(self, path: Path) -> None:
        canvas = self._study.need_canvas()
        self._jobs.run(units_work.opened_network, path=path, canvas=canvas, then=self._add, about=canvas)

    def _add(self, network: Network) -> None:
        self._opened = [each for each in self._opened if each.name != network.name] + [network]
        self._wanted = network
        self._offer()
        self.opened.emit(network)

    def _look_into(self) -> None:
        """Find the layers of the chosen network."""
        network = self.chosen
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
        row, chosen = self._card.network.currentIndex(), self.chosen
        if chosen is not None and chosen.is_same(found.network):
            self._offered[row] = self._looked_into = found.network
            self._card.offer_layers(found.layers, found.likely)
