"""Which of the viewer's layers is taken as a section, as pictures or as a slide; and which lies under its spots."""

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
NO_LAYERS = "The viewer has no layers yet: add images, or points, shapes or labels that hold genes."
LAYER = Qt.ItemDataRole.UserRole
SPOTS = Qt.ItemDataRole.UserRole + 1
TAKEN_AS = {"section": "the section", "pictures": "a set of pictures", "slide": "a slide"}
MOST_ROWS = 5


class LayerChoice(QWidget):
    """A list of layers, those that cannot be taken greyed with the reason in their tooltip, and a list of pictures."""

    chosen = Signal(object, object)  # the layer, the picture's layer or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._has_pictures = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.layers = QListWidget()
        self.layers.setAccessibleName("Layers of the viewer")
        self.layers.setToolTip(
            "An image, or the layer that holds the spots; point at a grey one to see why it cannot be taken"
        )
        self.layers.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.picture = QComboBox()
        self.picture.setAccessibleName("Picture under the spots")
        self.picture.setToolTip("An image layer that shows the tissue under these spots")
        self.picture.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.take_button = QPushButton("Take this layer")
        self.take_button.setToolTip("Open what the chosen layer shows; the layer itself stays as it is")
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
            item.setData(SPOTS, each.taken_as == "section")
            if each.against:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            told = each.against or f"{name}: can be taken as {TAKEN_AS[each.taken_as]}"
            item.setToolTip(f"<p>{escape(told)}</p>")
            self.layers.addItem(item)
        usable = [row for row, each in enumerate(layers) if not each.against]
        if usable:
            of_spots = [row for row in usable if layers[row].taken_as == "section"]
            likely_row = (of_spots or usable)[0]
            self.layers.setCurrentRow(next((row for row in usable if layers[row].layer is wanted), likely_row))
        self.told.setText("The layer to open:" if usable else NOTHING if layers else NO_LAYERS)
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
        self._has_pictures = bool(pictures)
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
        items = self.layers.selectedItems()
        self.take_button.setEnabled(bool(items))
        self.picture.setVisible(self._has_pictures and bool(items) and bool(items[0].data(SPOTS)))

    def _choose(self) -> None:
        layer = self._layer()
        picture = None if self.picture.isHidden() else self.picture.currentData()
        if layer is not None:
            self.put_away()
            self.chosen.emit(layer, picture)
