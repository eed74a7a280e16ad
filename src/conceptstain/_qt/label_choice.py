"""What units are held against: columns of a section; masks, labels layers, tables and colours of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

__all__ = ["LabelChoice"]

MOST_ROWS = 4
ROW = 20
KEY = Qt.ItemDataRole.UserRole
TABLES = "Tables (*.csv *.tsv *.txt)"
IMAGES = "Label images (*.png *.tif *.tiff *.bmp *.zarr);;All files (*)"


class LabelChoice(QWidget):
    """Emits files of labels; reads as the keys of what is ticked, and as names of painted numbers."""

    masks_wanted = Signal(object)  # a folder, or of a slide a label image
    table_wanted = Signal(object)
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._noun = "gene"
        self.list = QListWidget()
        self.list.setAccessibleName("Labels that units are held against")
        self.list.setToolTip("Tick what units are held against; several are taken together")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.masks_button = QPushButton("Masks…")
        self.table_button = QPushButton("Table…")
        self.table_button.setToolTip("A table (CSV, TSV): a row for each picture, its name, then its attributes")
        self.names = QLineEdit()
        self.names.setAccessibleName("Names of painted numbers")
        self.names.setPlaceholderText("names of 1, 2, 3, …")
        self.names.setToolTip(
            "What the numbers 1, 2, 3, … of masks and labels layers mean, separated by commas; one name alone: every "
            "number is a thing of that kind; nothing: each number is its own name"
        )
        row = QHBoxLayout()
        row.addWidget(self.masks_button)
        row.addWidget(self.table_button)
        row.addWidget(self.names, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        column.addLayout(row)
        self.list.itemChanged.connect(lambda _item: self.changed.emit())
        self.names.editingFinished.connect(self.changed)
        self.masks_button.clicked.connect(self._ask_for_masks)
        self.table_button.clicked.connect(self._ask_for_table)
        self.show_kind("gene")

    def show_kind(self, noun: str) -> None:
        """Offer what there is of genes, pictures or patches."""
        self._noun = noun
        self.masks_button.setVisible(noun != "gene")
        self.names.setVisible(noun != "gene")
        self.table_button.setVisible(noun == "picture")
        of_slide = "A label image of the slide: a whole number for each label"
        of_pictures = "A folder of label images, named as the pictures: a whole number for each label"
        self.masks_button.setToolTip(of_slide if noun == "patch" else of_pictures)

    def offer(self, sources: Sequence[tuple[str, str, bool]]) -> None:
        """Offer sources: a key, what it is called, and whether it is ticked unless somebody has said otherwise."""
        before = {str(item.data(KEY)): item.checkState() for item in self._items}
        with QSignalBlocker(self.list):
            self.list.clear()
            for key, name, ticked in sources:
                item = QListWidgetItem(name)
                item.setData(KEY, key)
                item.setToolTip(name)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                usual = Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
                item.setCheckState(before.get(key, usual))
                self.list.addItem(item)
        rows = min(max(len(sources), 1), MOST_ROWS)
        height = max(ROW, self.list.sizeHintForRow(0)) if sources else ROW
        self.list.setFixedHeight(rows * height + 2 * self.list.frameWidth() + 2)
        self.changed.emit()

    @property
    def chosen(self) -> tuple[str, ...]:
        """Keys of what is ticked, in order."""
        return tuple(str(item.data(KEY)) for item in self._items if item.checkState() == Qt.CheckState.Checked)

    @property
    def number_names(self) -> tuple[str, ...]:
        """What 1, 2, 3, ... mean."""
        text = self.names.text().strip()
        return tuple(name.strip() for name in text.split(",")) if text else ()

    @property
    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _ask_for_masks(self) -> None:
        if self._noun == "patch":
            path, _ = QFileDialog.getOpenFileName(self, "Open a label image", "", IMAGES)
        else:
            path = QFileDialog.getExistingDirectory(self, "Open a folder of label images")
        if path:
            self.masks_wanted.emit(Path(path))

    def _ask_for_table(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a table of attributes", "", TABLES)
        if path:
            self.table_wanted.emit(Path(path))
