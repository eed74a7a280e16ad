"""How one picture of the browser is drawn: thumbnail, tick, name and score."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, QPoint, QPointF, QRect, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from conceptstain._qt.picture_list import SCORE, SIDE, Side

__all__ = ["THUMBNAIL", "PictureCell"]

THUMBNAIL = 72  # pixels of a side
GAP = 5  # around and between the parts
TICK = 18  # pixels of a side
REACH = 5  # pixels beside the tick that count as the tick

COLOURS = {Side.SHOWS: QColor("#009E73"), Side.SHOWS_NOT: QColor("#D55E00")}
"""Bluish green and vermilion: told apart with any colour vision (Wong 2011); the signs differ as well."""

SIGNS = {
    Side.SHOWS: (((0.22, 0.52), (0.43, 0.73), (0.79, 0.29)),),
    Side.SHOWS_NOT: (((0.27, 0.27), (0.73, 0.73)), ((0.73, 0.27), (0.27, 0.73))),
}
"""Lines through a square of side 1."""


class PictureCell(QStyledItemDelegate):
    """Draws a cell of a fixed size; the tick lies in the upper left corner of the thumbnail."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.width = THUMBNAIL + 2 * GAP
        self.scored = False
        self.font_height = parent.fontMetrics().height()

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        """The same for all."""
        return self.size

    @property
    def size(self) -> QSize:
        """Of a cell: there is a line for scores where they are known."""
        lines = self.font_height * (2 if self.scored else 1)
        return QSize(self.width, GAP + THUMBNAIL + 2 + lines + GAP)

    def is_tick(self, cell: QRect, where: QPoint) -> bool:
        """Whether a place of the view is on the tick of a cell."""
        return _tick(cell).adjusted(-REACH, -REACH, REACH, REACH).contains(where)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw one picture."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        text = option.palette.color(QPalette.ColorRole.WindowText)
        cell = option.rect.adjusted(1, 1, -1, -1)
        if selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_faint(text))  # the style's own colour of selections is hardly seen beside pictures
            painter.drawRoundedRect(cell, 3, 3)
        if option.widget is not None and option.widget.currentIndex() == index:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(text, 2 if option.state & QStyle.StateFlag.State_HasFocus else 1))
            painter.drawRoundedRect(cell, 3, 3)
        side = Side(index.data(SIDE) or 0)
        _draw_thumbnail(painter, _square(option.rect), index.data(Qt.ItemDataRole.DecorationRole), side)
        _draw_tick(painter, _tick(option.rect), side)
        painter.setPen(text)
        painter.setFont(option.font)
        line = QRect(
            option.rect.left() + 3, _square(option.rect).bottom() + 3, option.rect.width() - 6, self.font_height
        )
        name = option.fontMetrics.elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), name)
        if self.scored:
            line.translate(0, self.font_height)
            painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), str(index.data(SCORE) or ""))
        painter.restore()


def _faint(colour: QColor) -> QColor:
    return QColor(colour.red(), colour.green(), colour.blue(), 70)


def _square(cell: QRect) -> QRect:
    """Where the thumbnail is."""
    return QRect(cell.left() + (cell.width() - THUMBNAIL) // 2, cell.top() + GAP, THUMBNAIL, THUMBNAIL)


def _tick(cell: QRect) -> QRect:
    return QRect(_square(cell).topLeft() + QPoint(3, 3), QSize(TICK, TICK))


def _draw_thumbnail(painter: QPainter, square: QRect, image: QImage | None, side: Side) -> None:
    place = QRect(square)
    if image is None:
        painter.fillRect(place, QColor(128, 128, 128, 110))
    else:
        place.setSize(image.size().scaled(square.size(), Qt.AspectRatioMode.KeepAspectRatio))
        place.moveCenter(square.center())
        painter.drawImage(place, image)
    if side in COLOURS:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(COLOURS[side], 3))
        painter.drawRect(square.adjusted(1, 1, -1, -1))


def _draw_tick(painter: QPainter, box: QRect, side: Side) -> None:
    """A box that can be seen on any picture: dark with a white rim; green or vermilion with a white sign."""
    painter.setPen(QPen(QColor(255, 255, 255, 230), 1.5))
    painter.setBrush(COLOURS.get(side, QColor(0, 0, 0, 90)))
    painter.drawRoundedRect(box, 3, 3)
    painter.setPen(
        QPen(QColor("white"), 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    )
    for points in SIGNS.get(side, ()):
        painter.drawPolyline(QPolygonF([QPointF(box.left() + x * TICK, box.top() + y * TICK) for x, y in points]))
