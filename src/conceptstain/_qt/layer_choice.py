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
    from napari.layers import Layer

    from conceptstain._qt.work import OfferedLayer

__all__ = ["LayerChoice"]

NOTHING = "No layer of the viewer can be taken: point at one to see why."
NO_LAYERS = "The viewer has no layers yet: add points, shapes or labels that hold genes."
LAYER = Qt.ItemDataRole.UserRole
MOST_ROWS = 5


class LayerChoice(QWidget):
    """A list of layers, those that cannot be taken greyed with the reason in their tooltip, and a list of pictures."""

    chosen = Signal(object, object)  # the layer, the picture's layer or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.layers = QListWidget()
        self.layers.setAccessibleName("Layers of the viewer")
        self.layers.setToolTip("The layer that holds the spots; point at a grey one to see why it cannot be taken")
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
        self.cancel_button.clicked.connect(self.put_away)

    def offer(
        self, layers: Sequence[OfferedLayer], pictures: Sequence[OfferedLayer], active: Layer | None = None
    ) -> None:
        """Show the layers. What was chosen stays so; else the active layer is, or the first that can be taken.

        Of the pictures the only one in colour is chosen, unless one was before.
        """
        wanted, under = self._layer() or active, self.picture.currentData()
        self.layers.clear()
        for each in layers:
            name = str(each.layer.name)
            item = QListWidgetItem(name)
            item.setData(LAYER, each.layer)
            if each.against:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            item.setToolTip(f"<p>{escape(each.against or f'{name}: can be taken as the section')}</p>")
            self.layers.addItem(item)
        usable = [row for row, each in enumerate(layers) if not each.against]
        if usable:
            self.layers.setCurrentRow(next((row for row in usable if layers[row].layer is wanted), usable[0]))
        self.told.setText("The layer with the spots:" if usable else NOTHING if layers else NO_LAYERS)
        self.layers.setVisible(bool(layers))
        rows = min(max(len(layers), 1), MOST_ROWS)
        frame = 2 * self.layers.frameWidth()
        self.layers.setFixedHeight(rows * max(self.layers.sizeHintForRow(0), 1) + frame + 4)
        self.picture.clear()
        self.picture.addItem("No picture under it", None)
        for each in pictures:
            self.picture.addItem(f"Picture: {each.layer.name}", each.layer)
        in_colour = [each.layer for each in pictures if each.in_colour]
        likely = under or (in_colour[0] if len(in_colour) == 1 else None)
        places = [place for place, each in enumerate(pictures, start=1) if each.layer is likely]
        self.picture.setCurrentIndex(places[0] if places else 0)
        self.picture.setVisible(bool(usable) and bool(pictures))
        self._show_whether_chosen()
        self.show()

    def put_away(self) -> None:
        """Offer nothing any more, and let go of the layers."""
        self.hide()
        self.layers.clear()
        self.picture.clear()

    def _layer(self) -> Layer | None:
        items = self.layers.selectedItems()
        return items[0].data(LAYER) if items else None

    def _show_whether_chosen(self) -> None:
        self.take_button.setEnabled(self._layer() is not None)

    def _choose(self) -> None:
        layer, picture = self._layer(), self.picture.currentData()
        if layer is not None:
            self.put_away()
            self.chosen.emit(layer, picture)
