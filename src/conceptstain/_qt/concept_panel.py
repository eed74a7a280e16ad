"""Concepts card: the list of concepts with their evidence, and the form for a new one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QWidget

from conceptstain._qt.card import Card
from conceptstain._qt.concept_list import ConceptList, swatch
from conceptstain._qt.concept_maker import ConceptMaker
from conceptstain._qt.cosine_table import CosineTable
from conceptstain._qt.plots import EvidencePlot
from conceptstain.study import WONG

if TYPE_CHECKING:
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.study import Entry

__all__ = ["ConceptPanel"]

MOST_NAMED = 200  # items of a concept in its tooltip
FIRST = {
    "gene": "Draw a lasso on the tissue or type a gene to make your first concept.",
    "picture": "Tick pictures that show something to make your first concept.",
    "patch": "Draw a lasso on the slide to make your first concept.",
}


class ConceptPanel(Card):
    """Emits what the user wants of the concept list; shows the list, and the evidence for the chosen concept."""

    chosen = Signal(str)
    rename_wanted = Signal(str, str)
    recolour_wanted = Signal(str, str)
    remove_wanted = Signal(str)
    duplicate_wanted = Signal(str)
    combination_wanted = Signal(str, str, str)  # first, second, "+" or "-"
    comparison_wanted = Signal(bool)
    scores_wanted = Signal(float, float)  # choose the spots with scores in this range
    undo_wanted = Signal()
    redo_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("3  Concepts", parent)
        self._reason = "open data first"
        self._noun = "gene"
        self._build_list()
        self.maker = ConceptMaker()
        self.form.addWidget(self.maker)
        self._build_evidence()
        self.show_state()
        self.setEnabled(False)

    # -- building --------------------------------------------------------------------------------------------------

    def _build_list(self) -> None:
        self.list = ConceptList()
        self.form.addWidget(self.list)
        self.origin = QLabel(FIRST[self._noun])
        self.origin.setWordWrap(True)
        self.colour_button = QPushButton("Colour")
        self.colour_button.setToolTip("Colour of the chosen concept; all are told apart with any colour vision")
        colours = QMenu(self.colour_button)
        for colour in WONG:
            action = colours.addAction(swatch(colour), colour)
            action.triggered.connect(lambda _checked=False, colour=colour: self._recolour(colour))
        self.colour_button.setMenu(colours)
        self.remove_button = QPushButton("Delete")
        self.remove_button.setToolTip("Take the chosen concept off the list (Undo brings it back)")
        self.undo_button = QPushButton("Undo")
        self.undo_button.setToolTip("Take back the last change of the list (Ctrl+Z in this dock)")
        self.redo_button = QPushButton("Redo")
        self.redo_button.setToolTip("Make the change again (Ctrl+Shift+Z in this dock)")
        row = QHBoxLayout()
        for button in (self.colour_button, self.remove_button, self.undo_button, self.redo_button):
            row.addWidget(button)
        self.form.addLayout(row)
        self._build_algebra()
        self.form.addWidget(self.origin)
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.hide()
        self.form.addWidget(self.notes)
        self.list.chosen.connect(self._choose)
        self.list.rename_wanted.connect(self.rename_wanted)
        self.remove_button.clicked.connect(lambda: self._with_chosen(self.remove_wanted))
        self.undo_button.clicked.connect(self.undo_wanted)
        self.redo_button.clicked.connect(self.redo_wanted)
        keyboard = {QKeySequence.StandardKey.Undo: self.undo_wanted, QKeySequence.StandardKey.Redo: self.redo_wanted}
        for keys, wanted in keyboard.items():
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(wanted)

    def _build_algebra(self) -> None:
        self.duplicate_button = QPushButton("Duplicate")
        self.duplicate_button.setToolTip("Add a concept made from the same, to go on from")
        self.combine_button = QPushButton("Combine")
        self.combine_button.setToolTip("The chosen concept minus or plus another one, each of the same length")
        self.combinations = QMenu(self.combine_button)
        self.combinations.aboutToShow.connect(self._list_combinations)
        self.combine_button.setMenu(self.combinations)
        self.compare_button = QPushButton("Compare")
        self.compare_button.setCheckable(True)
        self.compare_button.setToolTip("Show how alike the concepts are: cosines between their directions")
        row = QHBoxLayout()
        for button in (self.duplicate_button, self.combine_button, self.compare_button):
            row.addWidget(button)
        self.form.addLayout(row)
        self.cosines = CosineTable()
        self.form.addWidget(self.cosines)
        self.duplicate_button.clicked.connect(lambda: self._with_chosen(self.duplicate_wanted))
        self.compare_button.toggled.connect(self.comparison_wanted)

    def _list_combinations(self) -> None:
        """Offer the chosen concept with every other one."""
        self.combinations.clear()
        chosen = self.chosen_name
        for other in self.list.names:
            if other != chosen:
                for sign, shown in (("-", "\N{MINUS SIGN}"), ("+", "+")):
                    action = self.combinations.addAction(f"{chosen} {shown} {other}")
                    action.triggered.connect(
                        lambda _checked=False, other=other, sign=sign: self.combination_wanted.emit(chosen, other, sign)
                    )

    def _build_evidence(self) -> None:
        self.histogram = EvidencePlot()
        self.histogram.range_chosen.connect(self.scores_wanted)
        self.evidence = QLabel()
        self.evidence.setWordWrap(True)
        self.form.addWidget(self.histogram)
        self.form.addWidget(self.evidence)
        self.show_no_evidence()

    # -- showing ---------------------------------------------------------------------------------------------------

    def set_ready(self, ready: bool, reason: str) -> None:
        """Enable the card, or say what it waits for."""
        self.setEnabled(ready)
        self._reason = "" if ready else reason
        self.show_state()

    def show_kind(self, noun: str) -> None:
        """Speak of genes, pictures or patches, by what one of them is called."""
        self._noun = noun
        self.maker.show_kind(noun)
        self.show_state()

    def show_entries(self, entries: Sequence[Entry], *, can_undo: bool, can_redo: bool) -> None:
        """Show the concept list; chosen is what came or came back, else what was, else its neighbour."""
        before = self.chosen_name
        chosen = self.list.show_entries(entries)
        self.undo_button.setEnabled(can_undo)
        self.redo_button.setEnabled(can_redo)
        self.show_state()
        if chosen != before and chosen:
            self.chosen.emit(chosen)

    def choose(self, name: str) -> None:
        """Choose a concept of the list."""
        self.list.choose(name)

    @property
    def chosen_name(self) -> str:
        """Name of the chosen concept; empty where none is."""
        return self.list.chosen_name

    def show_concept(self, concept: Concept) -> None:
        """Say how the chosen concept was made."""
        self.origin.setText(f"<b>{escape(concept.name)}</b>: {escape(concept.origin)}.")
        self.origin.setToolTip(escape(", ".join(concept.items[:MOST_NAMED])))
        self.notes.setText(escape(" ".join(concept.notes)))
        self.notes.setVisible(bool(concept.notes))

    def show_evidence(self, evidence: Evidence, colour: str) -> None:
        """Show what speaks for the chosen concept."""
        self.histogram.draw_evidence(evidence.histogram(), evidence.counted, colour)
        self.histogram.show()
        self.evidence.setText(escape(evidence.sentence))
        self.evidence.setToolTip(escape("\n".join(evidence.notes)))
        self.evidence.show()

    def show_no_evidence(self, reason: str = "") -> None:
        """Say why there is no evidence for the chosen concept."""
        self.histogram.hide()
        self.evidence.setText(escape(reason))
        self.evidence.setToolTip("")
        self.evidence.setVisible(bool(reason))

    def show_state(self, waiting: str = "") -> None:
        """Say how many concepts there are, or what the card waits for."""
        count = self.list.count()
        counted = f"{count} concept{'s' if count != 1 else ''}" if count else "none yet"
        self.set_state(self._reason or waiting or counted)
        for control in (self.colour_button, self.remove_button, self.duplicate_button):
            control.setEnabled(bool(self.chosen_name))
        for control in (self.combine_button, self.compare_button):
            control.setEnabled(count > 1)
        if not count:
            self.origin.setText(FIRST[self._noun])
            self.notes.hide()
            self.show_no_evidence()
        elif self.origin.text() == FIRST[self._noun]:
            self.origin.clear()  # it is made, and not painted yet

    # -- reacting --------------------------------------------------------------------------------------------------

    def _choose(self, name: str) -> None:
        self.show_state()
        self.chosen.emit(name)

    def _recolour(self, colour: str) -> None:
        if self.chosen_name:
            self.recolour_wanted.emit(self.chosen_name, colour)

    def _with_chosen(self, signal: Signal) -> None:
        if self.chosen_name:
            signal.emit(self.chosen_name)
