"""Three ways to say which pictures a concept is made of: ticking them, a table of attributes, or painting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from conceptstain._qt.picture_browser import PictureBrowser
from conceptstain.canvas.expression import counted, several
from conceptstain.concepts.concept import FEW

if TYPE_CHECKING:
    from conceptstain.canvas.annotations import Annotations

__all__ = ["AgainstChoice", "PaintedPage", "PaintedValue", "TablePage", "TickedPage"]

TABLES = "Tables (*.csv *.tsv *.txt)"
TICK_SOME = "Click the box on pictures that show it, or press Space: the concept is made of these."
NO_TABLE = "Open a table: one row for each picture, its name first, then a column for each attribute."
NO_LABELS = "Make a labels layer and paint on what shows it, or choose one that is in the viewer."
NOTHING_PAINTED = "Nothing is painted in this layer yet."
COUNTS = {
    "picture": "Pictures with at least 1 painted pixel show it; those without do not.",
    "patch": "Patches at least half covered show it; those that it does not touch do not.",
}


class AgainstChoice(QComboBox):
    """What a concept is held against: all others, or those that are said not to show it, where there are some."""

    def __init__(self, those: str, none: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._none, self._any = none, False
        self.addItem("against all others")
        self.addItem(f"against {those}")
        self.setAccessibleName("What the concept is held against")
        self.setToolTip(
            f"What the concept is held against, where its direction is a contrast: all other pictures, or {those} alone"
        )
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.show_whether_any(any_said=False)

    @property
    def those_alone(self) -> bool:
        """Whether only pictures that are said not to show it count."""
        return bool(self.currentIndex() == 1)

    def show_whether_any(self, *, any_said: bool) -> None:
        """Offer those that do not show it where there are some; the first ones choose it."""
        item = self.model().item(1)
        item.setEnabled(any_said)
        item.setToolTip("" if any_said else self._none)
        if any_said != self._any:
            self.setCurrentIndex(int(any_said))
        self._any = any_said


class TickedPage(QWidget):
    """Emits the pictures that were ticked."""

    wanted = Signal(object, object)  # positives; negatives, or None: all others
    ready_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.browser = PictureBrowser()
        self.against = AgainstChoice("those marked as not showing it", "Mark pictures that do not show it first")
        self.told = _told()
        column = QVBoxLayout(self)
        for part in (self.browser, self.against, self.told):
            column.addWidget(part, int(part is self.browser))
        self.browser.marks_changed.connect(self._show_marks)
        self._show_marks()

    @property
    def chosen(self) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """Names of the pictures that show it; those that do not, or None: all others."""
        return self.browser.positives, self.browser.negatives if self.against.those_alone else None

    def make(self) -> None:
        """Ask for a concept of these pictures, if any is ticked."""
        positives, negatives = self.chosen
        if positives:
            self.wanted.emit(positives, negatives)

    def _show_marks(self) -> None:
        n = len(self.browser.positives)
        self.against.show_whether_any(any_said=bool(self.browser.negatives))
        self.told.setText(_few(n, "picture") if n else TICK_SOME)
        self.told.setVisible(n < FEW)
        self.ready_changed.emit(n > 0)


class TablePage(QWidget):
    """Asks for a table of attributes; emits the pictures that the chosen attribute is said of."""

    table_wanted = Signal(object)  # path
    wanted = Signal(object, object, str)  # positives; negatives, or None: all others; the attribute
    ready_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._annotations: Annotations | None = None
        self.table_button = QPushButton("Table…")
        self.table_button.setToolTip("Open a table (CSV, TSV): a row for each picture, its name, then its attributes")
        self.attribute = QComboBox()
        self.attribute.setAccessibleName("Attribute")
        self.attribute.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.against = AgainstChoice("those that do not have it", "The table says of no picture that it has it not")
        self.told, self.notes = _told(), _told()
        row = QHBoxLayout()
        row.addWidget(self.table_button)
        row.addWidget(self.attribute, 1)
        column = QVBoxLayout(self)
        column.addLayout(row)
        for part in (self.against, self.told, self.notes):
            column.addWidget(part)
        column.addStretch(1)
        self.table_button.clicked.connect(self._ask)
        self.attribute.currentIndexChanged.connect(self._show_attribute)
        self.show_annotations(None)

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_annotations(self, annotations: Annotations | None) -> None:
        """Offer the attributes of a table, matched with the pictures (:meth:`Annotations.of`); None: of no table."""
        self._annotations = annotations
        before = self.attribute.currentData()
        with QSignalBlocker(self.attribute):
            self.attribute.clear()
            if annotations is not None:
                self._fill(annotations)
            rows = [row for row in range(self.attribute.count()) if self.attribute.model().item(row).isEnabled()]
            same = [row for row in rows if self.attribute.itemData(row) == before]
            self.attribute.setCurrentIndex((same or rows or [-1])[0])
        self.attribute.setEnabled(bool(rows))
        self.notes.setText("\n".join(annotations.notes) if annotations is not None else "")
        self.notes.setVisible(bool(self.notes.text()))
        self._show_attribute()

    def _fill(self, annotations: Annotations) -> None:
        yes, no = annotations.table.eq(True).sum(), annotations.table.eq(False).sum()
        for row, attribute in enumerate(annotations.attributes):
            n_yes, n_no = int(yes.iloc[row]), int(no.iloc[row])
            self.attribute.addItem(f"{attribute} · {n_yes:,} yes · {n_no:,} no", attribute)
            if not n_yes:
                self.attribute.model().item(row).setEnabled(False)
                self.attribute.setItemData(row, "No picture has it", Qt.ItemDataRole.ToolTipRole)

    def _show_attribute(self) -> None:
        positives, negatives = self._said
        self.against.show_whether_any(any_said=bool(negatives))
        self.against.setVisible(bool(positives))
        told = "Attribute of the pictures: the concept is made of those that have it"
        self.attribute.setToolTip(escape(f"{told}: {self.attribute.currentText()}" if positives else told))
        nothing = NO_TABLE if self._annotations is None else f"{self._annotations.name}: no picture has any attribute."
        self.told.setText(_few(len(positives), "picture") if positives else nothing)
        self.told.setVisible(len(positives) < FEW)
        self.ready_changed.emit(bool(positives))

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def _said(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        attribute = self.attribute.currentData()
        if self._annotations is None or attribute is None:
            return (), ()
        return self._annotations.positives(attribute), self._annotations.negatives(attribute)

    @property
    def chosen(self) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """Names of the pictures that have the attribute; those that do not, or None: all others."""
        positives, negatives = self._said
        return positives, negatives if self.against.those_alone else None

    def make(self) -> None:
        """Ask for a concept of the chosen attribute, if any picture has it."""
        positives, negatives = self.chosen
        if positives:
            self.wanted.emit(positives, negatives, str(self.attribute.currentData()))

    def _ask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a table of attributes", "", TABLES)
        if path:
            self.table_wanted.emit(Path(path))


@final
@dataclass(frozen=True)
class PaintedValue:
    """A value that is painted in a labels layer.

    Attributes
    ----------
    value
        Number of the label.
    number
        Of pictures, or patches, that show it by what is painted.
    name
        What it is called; empty where it has no name.
    """

    value: int
    number: int
    name: str = ""


class PaintedPage(QWidget):
    """Asks for a labels layer to paint in; emits the layer and the value that a concept is made of."""

    new_labels_wanted = Signal()
    layer_chosen = Signal(str)  # its values are to be counted
    wanted = Signal(str, int)  # name of the layer, value
    ready_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._noun: Literal["picture", "patch"] = "picture"
        self._any_painted = False
        self.new_button = QPushButton("New labels layer")
        self.new_button.setToolTip("Add a layer to paint in, and take the brush in hand")
        self.layer = QComboBox()
        self.layer.setAccessibleName("Labels layer")
        self.layer.setToolTip("Labels layer of the viewer that is painted in")
        self.value = QComboBox()
        self.value.setAccessibleName("Painted label")
        for choice in (self.layer, self.value):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.rule, self.told = _told(), _told()
        row = QHBoxLayout()
        row.addWidget(self.new_button)
        row.addWidget(self.layer, 1)
        column = QVBoxLayout(self)
        column.addLayout(row)
        for part in (self.value, self.rule, self.told):
            column.addWidget(part)
        column.addStretch(1)
        self.new_button.clicked.connect(self.new_labels_wanted)
        self.layer.currentTextChanged.connect(self._choose_layer)
        self.value.currentIndexChanged.connect(self._show_value)
        self.show_noun("picture")
        self.offer(())

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_noun(self, noun: Literal["picture", "patch"]) -> None:
        """Say whether pictures of a set are counted, or patches of a slide."""
        self._noun = noun
        self.rule.setText(COUNTS[noun])
        self._show_value()

    def offer(self, layers: Sequence[str], chosen: str = "") -> None:
        """Offer the labels layers of the viewer, by name. ``chosen`` is chosen, else what was, else the last one."""
        before = self.layer_name
        wanted = [name for name in (chosen, before) if name in layers] or list(layers[-1:])
        with QSignalBlocker(self.layer):
            self.layer.clear()
            self.layer.addItems(list(layers))
            self.layer.setCurrentIndex(list(layers).index(wanted[0]) if wanted else -1)
        self.layer.setEnabled(bool(layers))
        if self.layer_name != before or not layers:
            self._choose_layer(self.layer_name)

    def show_values(self, values: Sequence[PaintedValue]) -> None:
        """Offer what is painted in the chosen layer; what was chosen stays so, else the first is."""
        before = self.value.currentData()
        with QSignalBlocker(self.value):
            self.value.clear()
            for each in values:
                called = f"{each.name} ({each.value})" if each.name else f"label {each.value}"
                self.value.addItem(f"{called} · {counted(each.number, self._noun)}", each)
            same = [row for row, each in enumerate(values) if before is not None and each.value == before.value]
            self.value.setCurrentIndex((same or [0 if values else -1])[0])
        self._show_value()

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def layer_name(self) -> str:
        """Name of the chosen layer; empty where there is none."""
        return str(self.layer.currentText())

    def make(self) -> None:
        """Ask for a concept of the chosen label, if anything shows it."""
        painted = self._painted
        if painted is not None and painted.number:
            self.wanted.emit(self.layer_name, painted.value)

    @property
    def _painted(self) -> PaintedValue | None:
        painted: Any = self.value.currentData()
        return painted if isinstance(painted, PaintedValue) else None

    def _choose_layer(self, name: str) -> None:
        self.show_values(())
        told = "Labels layer of the viewer that is painted in"
        self.layer.setToolTip(escape(f"{told}: {name}" if name else told))
        if name:
            self.layer_chosen.emit(name)

    def _show_value(self) -> None:
        painted = self._painted
        n = painted.number if painted is not None else 0
        self.value.setEnabled(painted is not None)
        self.value.setToolTip(f"Painted label: the concept is made of the {several(self._noun)} that show it")
        if not self.layer_name:
            self.told.setText(NO_LABELS)
        elif painted is None:
            self.told.setText(NOTHING_PAINTED)
        else:
            self.told.setText(_few(n, self._noun))
        self.told.setVisible(n < FEW)
        self.ready_changed.emit(n > 0)


def _told() -> QLabel:
    """A line of words in which names of files are shown as they are."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _few(number: int, noun: str) -> str:
    return f"{counted(number, noun)}: with fewer than {FEW}, maps follow chance features of these."
