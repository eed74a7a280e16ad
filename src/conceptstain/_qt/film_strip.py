"""A path as a film strip: small pictures from its start to its end, one of which is the one that is seen."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from conceptstain._qt.picture_row import draw_picture

__all__ = ["FilmStrip"]

GAP = 3  # pixels between frames
LARGEST = 56  # pixels of a frame
TIP = "The path from what is decoded now to the counterfactual: click a frame, or press the arrow keys"


class FilmStrip(QWidget):
    """Emits which frame is to be seen."""

    frame_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.images: tuple[QImage, ...] = ()
        self._chosen = 0
        self.setAccessibleName("Path of the counterfactual")
        self.setToolTip(TIP)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._fit()

    def show_frames(self, images: Sequence[QImage]) -> None:
        """Show these frames; of none, nothing is there."""
        self.images = tuple(images)
        self.setVisible(bool(images))
        self._fit()
        self.update()

    def show_chosen(self, frame: int) -> None:
        """Frame the one that is seen; nothing is emitted."""
        self._chosen = frame
        self.update()

    def place(self, frame: int) -> QRect:
        """Where a frame is drawn: a square."""
        side = self._side
        return QRect(frame * (side + GAP) + 2, 2, side, side)

    @property
    def _side(self) -> int:
        n = max(len(self.images), 1)
        return max(min((self.width() - 4 - (n - 1) * GAP) // n, LARGEST), 1)

    def _fit(self) -> None:
        height = self._side + 4
        if height != self.height():
            self.setFixedHeight(height)

    # -- Qt's side -------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """As wide as it can be."""
        return QSize(len(self.images) * LARGEST, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the frames square."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the frames."""
        painter = QPainter(self)
        for frame, image in enumerate(self.images):
            place = self.place(frame)
            draw_picture(painter, place, image)
            if frame == self._chosen:
                ink: QColor = self.palette().color(QPalette.ColorRole.WindowText)
                painter.setPen(QPen(ink, 2))
                painter.drawRect(place.adjusted(-1, -1, 0, 0))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the frame below the mouse, also while it is dragged."""
        self._choose_at(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._choose_at(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the frame before or after."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and 0 <= self._chosen + step < len(self.images):
            self.frame_wanted.emit(self._chosen + step)
        elif not step:
            super().keyPressEvent(event)

    def _choose_at(self, event: QMouseEvent) -> None:
        frame = int((event.position().x() - 2) // (self._side + GAP))
        if self.images and 0 <= frame < len(self.images) and frame != self._chosen:
            self.frame_wanted.emit(frame)
