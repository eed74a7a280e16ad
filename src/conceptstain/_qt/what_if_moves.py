"""What the sliders of the What if card move: concepts of the study, and units of a classifier that is linked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, final

from qtpy.QtCore import QObject, Signal

from conceptstain._qt import what_if_work
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.move_row import Move
from conceptstain._qt.notifications import guarded
from conceptstain._qt.what_if_page import WhatIfPage
from conceptstain.study import Study

if TYPE_CHECKING:
    import numpy as np

    from conceptstain._qt.link_work import Linked
    from conceptstain._qt.units_work import Network
    from conceptstain._qt.what_if_work import Begun, ConceptMove

__all__ = ["UnitMove", "WhatIfMoves"]

REACH = 3.0  # standard deviations that a slider goes either way
TOLD = "In standard deviations of the concept's score over the data, along its direction"


class UnitMove(NamedTuple):
    """A unit that can be moved, and the way that the latent goes where it puts out one more."""

    unit: int
    move: Move
    step: np.ndarray


@final
class WhatIfMoves(QObject):
    """Finds out what a step of each slider is in latent space, and shows the sliders."""

    changed = Signal()

    def __init__(self, study: Study, jobs: Jobs, page: WhatIfPage, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._page = study, jobs, page
        self._concepts: dict[str, ConceptMove] = {}
        self._units: list[UnitMove] = []
        self._linked: Linked | None = None
        self._making: Job | None = None

    @property
    def concepts(self) -> tuple[ConceptMove, ...]:
        """What is known of the concepts of the study in the latent space."""
        return tuple(self._concepts.values())

    @property
    def is_made(self) -> bool:
        """Whether it is known what concepts are in latent space."""
        return bool(self._concepts)

    def begin(self, network: Network) -> None:
        """Make the concepts of the study in the latent space of a network."""
        self.stop()
        self._making = self._jobs.run(
            what_if_work.concept_moves,
            study=self._study,
            network=network,
            then=self._take,
            about=self._study.canvas,
            live=True,
        )

    def forget(self) -> None:
        """Know of no concept: another network is to make them, or nobody looks."""
        self.stop()
        self._concepts = {}

    def stop(self) -> None:
        """Make no more of them."""
        if self._making is not None:
            self._making.cancel()
            self._making = None

    def _take(self, moves: tuple[ConceptMove, ...]) -> None:
        self._making = None
        self._concepts = {f"concept {move.definition.name}": move for move in moves}
        self._show()

    def show_units(self, units: list[UnitMove], linked: Linked | None) -> None:
        """Offer units of a classifier that is linked, too."""
        if units or self._units:
            self._units, self._linked = units, linked
            self._show()

    def _show(self) -> None:
        colours = {entry.name: entry.colour for entry in self._study.entries}
        rows = []
        for key, move in self._concepts.items():
            name = move.definition.name
            rows.append(Move(key, name, TOLD, colours.get(name, ""), -REACH, REACH, suffix=" sd", refusal=move.refusal))
        self._page.show_moves([*rows, *(each.move for each in self._units)])
        self.changed.emit()

    # -- what amounts are ------------------------------------------------------------------------------------------

    def shifts(self, amounts: Mapping[str, float]) -> list[tuple[float, np.ndarray]]:
        """Where sliders lead in latent space: how far along which way."""
        steps = {key: move.step for key, move in self._concepts.items() if move.step is not None}
        steps |= {each.move.key: each.step for each in self._units}
        return [(amount, steps[key]) for key, amount in amounts.items() if key in steps]

    def keep(self, begun: Begun, amounts: Mapping[str, float]) -> None:
        """Keep what changes as a map of the study."""
        concepts = self._concepts.items()
        moves = [(move.concept, amounts[key]) for key, move in concepts if key in amounts and move.concept]
        units = [each for each in self._units if each.move.key in amounts]
        values = {each.unit: each.move.start + amounts[each.move.key] for each in units}
        if moves or values:
            self._jobs.run(
                what_if_work.kept_map,
                of=begun,
                moves=moves,
                units=values,
                linked=self._linked,
                then=guarded(self._study.keep),
                about=self._study.canvas,
            )
