"""A few pictures beside each other, each below its caption, as large as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPalette, QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

__all__ = ["PictureRow", "draw_picture"]

GAP = 4  # pixels between pictures
LARGEST = 160  # pixels of a picture


class PictureRow(QWidget):
    """Draws pictures; one that is not there leaves its place empty."""

    def __init__(self, captions: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._captions = tuple(captions)
        self.images: list[QImage | None] = [None] * len(captions)
        self.painted = 0  # times that it was drawn with other pictures than before
        self._new = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._fit()

    def show_pictures(self, images: Sequence[QImage | None]) -> None:
        """Show these pictures, in the order of the captions."""
        self.images = list(images)
        self._new = True
        self.update()

    def clear(self) -> None:
        """Show none."""
        self.show_pictures([None] * len(self._captions))

    def place(self, number: int) -> QRect:
        """Where a picture is drawn: a square."""
        side, line = self._side, self.fontMetrics().height()
        return QRect(number * (side + GAP), line + 2, side, side)

    @property
    def _side(self) -> int:
        n = len(self._captions)
        return max(min((self.width() - (n - 1) * GAP) // n, LARGEST), 1)

    def _fit(self) -> None:
        height = self._side + self.fontMetrics().height() + 2
        if height != self.height():
            self.setFixedHeight(height)

    # -- Qt's side -------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """As wide as it can be."""
        return QSize(len(self._captions) * LARGEST, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the pictures square."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw captions and pictures."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        for number, (caption, image) in enumerate(zip(self._captions, self.images, strict=True)):
            place = self.place(number)
            line = QRect(place.left(), 0, place.width(), place.top())
            short = self.fontMetrics().elidedText(caption, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), short)
            if image is not None:
                draw_picture(painter, place, image)
        painter.end()
        if self._new:
            self._new = False
            self.painted += 1


def draw_picture(painter: QPainter, square: QRect, image: QImage) -> None:
    """Draw a picture in the middle of a square, as large as it fits, with its pixels as they are."""
    place = QRect(square)
    place.setSize(image.size().scaled(square.size(), Qt.AspectRatioMode.KeepAspectRatio))
    place.moveCenter(square.center())
    painter.drawImage(place, image)
