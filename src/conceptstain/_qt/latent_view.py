"""Latents in rows: a name and what it says, the map of its attention, and the pictures that it draws."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QItemSelectionModel, QModelIndex, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFocusEvent, QImage, QMouseEvent, QPainter, QPalette, QPen
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from conceptstain._qt.latent_list import MAP, SAYS, WALK, LatentList

__all__ = ["LatentCell", "LatentView"]

SIDE = 42  # pixels of a picture
GAP = 4  # around and between the parts
ROWS = 6  # that are seen without scrolling
HOW = "Click a latent, or press the arrow keys: the viewer shows where it looks"


class LatentCell(QStyledItemDelegate):
    """Draws a row of a fixed height."""

    def __init__(self, captions: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._captions = tuple(captions)
        self.width = 0

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        """The same for all."""
        return QSize(self.width, SIDE + 2 * GAP)

    def map_place(self, row: QRect) -> QRect:
        """Where the map of a row is drawn."""
        n = len(self._captions)
        left = row.right() - (n + 1) * SIDE - n * 2 - 3 * GAP
        return QRect(left, row.top() + GAP, SIDE, SIDE)

    def walk_places(self, row: QRect) -> list[QRect]:
        """Where the pictures of a row are drawn."""
        first = self.map_place(row).translated(SIDE + 2 * GAP, 0)
        return [first.translated(number * (SIDE + 2), 0) for number in range(len(self._captions))]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw one latent."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text, row = option.palette.color(QPalette.ColorRole.WindowText), option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(text.red(), text.green(), text.blue(), 70))
            painter.drawRoundedRect(row.adjusted(1, 1, -1, -1), 3, 3)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(text, 1))
            painter.drawRoundedRect(row.adjusted(1, 1, -1, -1), 3, 3)
        place = self.map_place(row)
        words = QRect(row.left() + GAP, row.top() + GAP, place.left() - row.left() - 2 * GAP, SIDE // 2)
        painter.setPen(text)
        painter.setFont(option.font)
        for line in (str(index.data()), str(index.data(SAYS) or "")):
            short = option.fontMetrics.elidedText(line, Qt.TextElideMode.ElideRight, words.width())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), short)
            words.translate(0, SIDE // 2)
        image = index.data(MAP)
        if image is not None:
            _draw(painter, place, image)
        pictures = index.data(WALK)
        for place, picture in zip(self.walk_places(row), pictures, strict=False):
            _draw(painter, place, picture)
        if index.row() == 0:  # where no latent draws anything, the columns are named
            for place, caption in zip(self.walk_places(row), self._captions, strict=True):
                painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), caption)
        painter.restore()


def _draw(painter: QPainter, square: QRect, image: QImage) -> None:
    place = QRect(square)
    place.setSize(image.size().scaled(square.size(), Qt.AspectRatioMode.KeepAspectRatio))
    place.moveCenter(square.center())
    painter.drawImage(place, image)


class LatentView(QListView):
    """Emits which latent's attention is to be shown; only rows that are seen are drawn."""

    latent_wanted = Signal(object)  # its number; None: all of them

    def __init__(self, captions: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = LatentList()
        self.cell = LatentCell(captions, self)
        self._quiet = False
        self._held: int | None = None  # row that was the current one when the mouse went down
        self.setAccessibleName("Latents by information")
        self.setToolTip(HOW)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(self.cell)
        self.setModel(self.list)
        self.setFixedHeight(ROWS * (SIDE + 2 * GAP) + 2 * self.frameWidth())
        self.clicked.connect(self._click)
        self.activated.connect(self._want)

    @property
    def chosen_row(self) -> int | None:
        """The selected row; None where none is."""
        rows = [index.row() for index in self.selectedIndexes()]
        return rows[0] if rows else None

    def show_chosen(self, row: int | None) -> None:
        """Choose a row, or none; nothing is emitted."""
        if row == self.chosen_row:
            return
        self._quiet = True
        index = self.list.index(row) if row is not None else QModelIndex()
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._quiet = False

    def _want(self, index: QModelIndex) -> None:
        self.latent_wanted.emit(self.list.latent(index.row()))

    def _click(self, index: QModelIndex) -> None:
        """A click on the current row asks for it again; one on another row has asked already."""
        if index.row() == self._held:
            self._want(index)

    # -- Qt's side -------------------------------------------------------------------------------------------------

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Ask for the latent, unless the viewer shows it already."""
        super().currentChanged(current, previous)
        if current.isValid() and not self._quiet:
            self._want(current)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember what was current."""
        self._held = self.currentIndex().row() if self.currentIndex().isValid() else None
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Take the keyboard: Qt makes the first row the current one where none is, which nobody asked for."""
        self._quiet = True
        super().focusInEvent(event)
        self._quiet = False
