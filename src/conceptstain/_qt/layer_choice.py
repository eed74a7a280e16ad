"""Which of the viewer's layers is taken as a section, and which lies under it as its picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from conceptstain._qt.work import OfferedLayer

__all__ = ["LayerChoice"]

NOTHING = "No layer of the viewer can be taken: point at one to see why."
NO_LAYERS = "The viewer has no layers yet: add points, shapes or labels that hold genes."
SOURCE = Qt.ItemDataRole.UserRole
MOST_ROWS = 5


class LayerChoice(QWidget):
    """A list of layers, those that cannot be taken greyed with the reason in their tooltip, and a list of pictures."""

    chosen = Signal(object, object)  # what the layer says, what the picture's layer says or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.layers = QListWidget()
        self.layers.setAccessibleName("Layers of the viewer")
        self.layers.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.picture = QComboBox()
        self.picture.setAccessibleName("Picture under the spots")
        self.picture.setToolTip("An image layer that shows the tissue under these spots")
        self.picture.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.take_button = QPushButton("Take as section")
        self.take_button.setToolTip("Open the chosen layer as the section; the layer itself stays as it is")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Choose no layer")
        row = QHBoxLayout()
        row.addWidget(self.take_button)
        row.addWidget(self.cancel_button)
        for part in (self.told, self.layers, self.picture):
            column.addWidget(part)
        column.addLayout(row)
        self.hide()
        self.take_button.clicked.connect(self._choose)
        self.layers.itemDoubleClicked.connect(lambda _item: self._choose())
        self.layers.itemSelectionChanged.connect(self._show_whether_chosen)
        self.cancel_button.clicked.connect(self.hide)

    def offer(self, layers: Sequence[OfferedLayer], pictures: Sequence[OfferedLayer]) -> None:
        """Show the layers; the first that can be taken is chosen, and the only picture in colour."""
        self.layers.clear()
        for each in layers:
            item = QListWidgetItem(each.name)
            item.setData(SOURCE, each.source)
            if each.source is None:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            item.setToolTip(f"<p>{escape(each.told)}</p>")
            self.layers.addItem(item)
        usable = [row for row, each in enumerate(layers) if each.source is not None]
        if usable:
            self.layers.setCurrentRow(usable[0])
        self.told.setText("The layer with the spots:" if usable else NOTHING if layers else NO_LAYERS)
        self.layers.setVisible(bool(layers))
        rows = min(max(len(layers), 1), MOST_ROWS)
        frame = 2 * self.layers.frameWidth()
        self.layers.setFixedHeight(rows * max(self.layers.sizeHintForRow(0), 1) + frame + 4)
        self.picture.clear()
        self.picture.addItem("No picture under it", None)
        for each in pictures:
            self.picture.addItem(f"Picture: {each.name}", each.source)
        in_colour = [place for place, each in enumerate(pictures, start=1) if each.in_colour]
        self.picture.setCurrentIndex(in_colour[0] if len(in_colour) == 1 else 0)
        self.picture.setVisible(bool(usable) and bool(pictures))
        self._show_whether_chosen()
        self.show()

    def _source(self) -> object:
        items = self.layers.selectedItems()
        return items[0].data(SOURCE) if items else None

    def _show_whether_chosen(self) -> None:
        self.take_button.setEnabled(self._source() is not None)

    def _choose(self) -> None:
        source = self._source()
        if source is not None:
            self.hide()
            self.chosen.emit(source, self.picture.currentData())
