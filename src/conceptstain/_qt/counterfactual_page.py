"""The form of counterfactuals: what an item is to become, how that is found, and the path that was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from conceptstain._qt.film_strip import FilmStrip

__all__ = ["CounterfactualPage"]

FIND = "Find the smallest change on the way that makes it that; the search ends on what is decoded"
FINDING = "A path is being found: Cancel below stops that"
NEAREST = "Look at the nearest item that is taken for the target already"
NO_NEAREST = "No picture is nearest: it is about a concept, several items or spots, or none is taken for the target"
NOTHING = "Open a classifier above or make a concept: an item can become one of its classes, or more of a concept"
KIND, NAME = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1  # of a target
CLASS, CONCEPT = "class", "concept"


class CounterfactualPage(QWidget):
    """Emits what is to be found and which frame is to be seen; shows what was found."""

    find_wanted = Signal()
    frame_wanted = Signal(int)
    nearest_wanted = Signal()
    keep_wanted = Signal()
    table_wanted = Signal()
    figure_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._finding = False
        self._build_form()
        self._build_found()
        self.clear()
        self.offer_targets((), {})
        self.offer_methods((), "")
        self.offer_second(())

    def _build_form(self) -> None:
        self.target, self.method, self.second = QComboBox(), QComboBox(), QComboBox()
        told = (
            (self.target, "What it is to become", "A class of the classifier above, or more of a concept"),
            (self.method, "How the path is found", "How the path is found"),
            (
                self.second,
                "Classifier that confirms",
                "Another classifier, trained on its own, says whether it agrees",
            ),
        )
        for choice, name, tip in told:
            choice.setAccessibleName(name)
            choice.setToolTip(tip)
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.find_button = QPushButton("Find")
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.addWidget(QLabel("Become"), 0, 0)
        grid.addWidget(self.target, 0, 1)
        grid.addWidget(self.find_button, 0, 2)
        self._method_label, self._second_label = QLabel("By"), QLabel("Confirm by")
        grid.addWidget(self._method_label, 1, 0)
        grid.addWidget(self.method, 1, 1, 1, 2)
        grid.addWidget(self._second_label, 2, 0)
        grid.addWidget(self.second, 2, 1, 1, 2)
        column = QVBoxLayout(self)
        column.addLayout(grid)
        self._column = column
        self.find_button.clicked.connect(self.find_wanted)
        self.target.currentIndexChanged.connect(lambda _row: self._show_choices())

    def _build_found(self) -> None:
        self.strip = FilmStrip()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Step of the path")
        self.slider.setToolTip("Step of the path: the pictures above follow")
        self.frame_told, self.told = QLabel(), QLabel()
        for line in (self.frame_told, self.told):
            line.setWordWrap(True)
            line.setTextFormat(Qt.TextFormat.PlainText)
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.nearest_button = QPushButton("Show nearest")
        self.nearest_button.setToolTip(NEAREST)
        self.keep_button = QPushButton("Keep as a map")
        self.keep_button.setToolTip("Keep the difference as a map")
        self.table_button = QPushButton("Table…")
        self.table_button.setToolTip("Write what was found, a row for every item; of spots, for every gene (.csv)")
        self.figure_button = QPushButton("Figure…")
        self.figure_button.setToolTip("Write the path as a figure; of spots, the genes that change (.svg, .pdf, .png)")
        self._found = QWidget()
        column = QVBoxLayout(self._found)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.strip, self.slider, self.frame_told, self.told):
            column.addWidget(part)
        buttons = QHBoxLayout()
        for button in (self.nearest_button, self.keep_button, self.table_button, self.figure_button):
            buttons.addWidget(button)
        column.addLayout(buttons)
        self._column.addWidget(self._found)
        self.strip.frame_wanted.connect(self.slider.setValue)
        self.slider.valueChanged.connect(self._see)
        self.nearest_button.clicked.connect(self.nearest_wanted)
        self.keep_button.clicked.connect(self.keep_wanted)
        self.table_button.clicked.connect(self.table_wanted)
        self.figure_button.clicked.connect(self.figure_wanted)

    # -- what is chosen --------------------------------------------------------------------------------------------

    def offer_targets(self, classes: Sequence[str], concepts: Mapping[str, str]) -> None:
        """Offer classes to become, and concepts to have more of, each with the reason why that cannot be, if any.

        What was chosen stays so where it can.
        """
        before = self._target_at(self.target.currentIndex())
        with QSignalBlocker(self.target):
            self.target.clear()
            for name in classes:
                self._add_target(name, CLASS, name)
            for name, refusal in concepts.items():
                self._add_target(f"more of {name}", CONCEPT, name, refusal)
            ready = [row for row in range(self.target.count()) if self._is_ready(row)]
            same = [row for row in ready if self._target_at(row) == before]
            self.target.setCurrentIndex(next(iter([*same, *ready]), -1))
        self._show_choices()

    def _add_target(self, text: str, kind: str, name: str, refusal: str = "") -> None:
        self.target.addItem(text)
        row = self.target.count() - 1
        for value, role in ((kind, KIND), (name, NAME), (refusal or text, Qt.ItemDataRole.ToolTipRole)):
            self.target.setItemData(row, value, role)
        if refusal:
            self.target.model().item(row).setEnabled(False)

    def _target_at(self, row: int) -> tuple[object, object]:
        return self.target.itemData(row, KIND), self.target.itemData(row, NAME)

    def _is_ready(self, row: int) -> bool:
        return bool(self.target.model().index(row, 0).flags() & Qt.ItemFlag.ItemIsEnabled)

    def offer_methods(self, names: Sequence[str], likely: str) -> None:
        """Offer ways to find a path; what was chosen stays so where it can."""
        before = self.method.currentText()
        self.method.clear()
        self.method.addItems(list(names))
        self.method.setCurrentText(before if before in names else likely)
        self._show_choices()

    def offer_second(self, names: Sequence[str]) -> None:
        """Offer classifiers that confirm; in row 0 there is none."""
        before = self.second.currentText()
        self.second.clear()
        self.second.addItems(["none", *names])
        self.second.setCurrentText(before)
        self._show_choices()

    @property
    def chosen(self) -> str:
        """The class that it is to become; empty where none is chosen."""
        return self._chosen_of(CLASS)

    @property
    def chosen_concept(self) -> str:
        """The concept that it is to have more of; empty where none is chosen."""
        return self._chosen_of(CONCEPT)

    def _chosen_of(self, kind: str) -> str:
        of_kind, name = self._target_at(self.target.currentIndex())
        return str(name) if of_kind == kind else ""

    def _show_choices(self) -> None:
        of_class = bool(self.chosen)
        for part in (self._method_label, self.method):
            part.setVisible(of_class and self.method.count() > 1)
        for part in (self._second_label, self.second):
            part.setVisible(of_class and self.second.count() > 1)
        self._show_whether_ready()
        self.updateGeometry()

    def _show_whether_ready(self) -> None:
        ready = bool(self.chosen or self.chosen_concept)
        self.find_button.setEnabled(ready and not self._finding)
        self.find_button.setToolTip(FINDING if self._finding else FIND if ready else NOTHING)

    def show_finding(self, *, finding: bool) -> None:
        """Show that a path is being found, or that none is."""
        self._finding = finding
        self._show_whether_ready()

    # -- what was found --------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Show nothing found."""
        self.strip.show_frames(())
        self._found.hide()
        self.updateGeometry()

    def show_found(self, frames: Sequence[QImage], n_frames: int, sentence: str) -> None:
        """Show a path and what is said of it, and its end; of spots there are no pictures of it."""
        self.strip.show_frames(frames)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, n_frames - 1)
            self.slider.setValue(n_frames - 1)
        self.told.setText(sentence)
        self._found.show()
        self.updateGeometry()
        self._see(n_frames - 1)

    def offer_results(self, *, nearest: bool, gene: bool, reason: str = "") -> None:
        """Offer what can be made of it: to look at the nearest item, and to keep a map; of spots, of a gene.

        ``reason``: why no map can be kept.
        """
        self.nearest_button.setEnabled(nearest)
        self.nearest_button.setToolTip(NEAREST if nearest else NO_NEAREST)
        of = "the change of the gene that is chosen in the table" if gene else "the difference"
        self.keep_button.setEnabled(not reason)
        self.keep_button.setToolTip(
            reason or f"Keep {of} as a map: a layer of the viewer, for figures, tables, the study and its recipe"
        )

    def say_of_frame(self, sentence: str) -> None:
        """Say where on the path the frame that is seen lies."""
        self.frame_told.setText(sentence)

    @property
    def frame(self) -> int:
        """The frame that is seen."""
        return int(self.slider.value())

    def _see(self, frame: int) -> None:
        self.strip.show_chosen(frame)
        self.frame_wanted.emit(frame)
