"""Pictures in columns, with a tick on each that mouse and keyboard turn."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, Signal
from qtpy.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QListView, QMenu, QToolTip, QWidget

from conceptstain._qt.picture_cell import THUMBNAIL, PictureCell
from conceptstain._qt.picture_list import PictureList, Side

__all__ = ["PictureView"]

NARROWEST = THUMBNAIL + 8  # of a column
KEYS = {
    Qt.Key.Key_Plus: Side.SHOWS,
    Qt.Key.Key_Minus: Side.SHOWS_NOT,
    Qt.Key.Key_Backspace: Side.NEITHER,
    Qt.Key.Key_Delete: Side.NEITHER,
}
HINTS = {Side.SHOWS: "+", Side.SHOWS_NOT: "\N{MINUS SIGN}", Side.NEITHER: "Del"}
HOW = (
    "Click the box on a picture: it shows it, it does not, neither. Space does the same with the keyboard; "
    "Shift-click marks all from the last one on; right-click marks all that are selected; Ctrl+Z takes it back. "
    "Click a picture: the viewer goes there"
)


class PictureView(QListView):
    """Emits which picture is to be shown; its list holds what is said of each."""

    picture_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = PictureList(round(THUMBNAIL * self.devicePixelRatioF()))
        self.cell = PictureCell(self)
        self._quiet = False
        self._held = False  # the mouse went down on a tick
        self._last_ticked: int | None = None
        self.setAccessibleName("Pictures")
        self.setToolTip(HOW)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionRectVisible(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(self.cell)
        self.setModel(self.list)
        self.setMinimumHeight(2 * self.cell.size.height())
        self._build_menu()
        self.activated.connect(lambda index: self.picture_wanted.emit(self.list.picture(index.row())))
        self.list.modelReset.connect(self._forget_last)

    def _build_menu(self) -> None:
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        for side in (Side.SHOWS, Side.SHOWS_NOT, Side.NEITHER):
            action = self.menu.addAction(f"{side.words}\t{HINTS[side]}")
            action.setToolTip(f"{side.words}: of all selected pictures")
            action.triggered.connect(lambda _checked=False, side=side: self.mark_selected(side))

    # -- showing ---------------------------------------------------------------------------------------------------

    @property
    def current(self) -> int | None:
        """Number of the current picture in its set."""
        index = self.currentIndex()
        return self.list.picture(index.row()) if index.isValid() else None

    def show_current(self, number: int) -> None:
        """Make a picture the current one, if it is listed; the selection stays and nothing is emitted."""
        row = self.list.row_of(number)
        if number != self.current:
            self._quiet = True
            index = self.list.index(row) if row is not None else QModelIndex()
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            self._quiet = False

    def show_scores_line(self, *, shown: bool) -> None:
        """Keep a line for the scores below the names."""
        self.cell.scored = shown
        self._fit()

    def _fit(self) -> None:
        """Divide the width into columns."""
        width = self.viewport().width() - 2
        self.cell.width = max(width // max(width // NARROWEST, 1), NARROWEST)
        self.setGridSize(self.cell.size)

    def sizeHint(self) -> QSize:
        """Four columns and three rows."""
        return QSize(4 * NARROWEST, 3 * self.cell.size.height() + 2 * self.frameWidth())

    # -- marking ---------------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> list[int]:
        """Numbers of the selected pictures; the current one where it is not among them."""
        rows = [index.row() for index in self.selectedIndexes()]
        current = self.currentIndex()
        if current.isValid() and current.row() not in rows:
            rows = [current.row()]
        return [self.list.picture(row) for row in rows]

    def mark_selected(self, side: Side) -> None:
        """Say something of all selected pictures."""
        self.list.mark(self.chosen, side)

    def _tick(self, index: QModelIndex, *, to_here: bool) -> None:
        """Turn the tick of a picture, or give all from the last ticked one to this one the mark of the last."""
        number, last = self.list.picture(index.row()), self._last_ticked
        start = self.list.row_of(last) if to_here and last is not None else None
        if start is None or last is None:
            self.list.mark([number], self.list.side(number).next)
        else:
            low, high = sorted((start, index.row()))
            self.list.mark([self.list.picture(row) for row in range(low, high + 1)], self.list.side(last))
        self._last_ticked = number

    def _is_tick(self, where: QPoint) -> bool:
        index = self.indexAt(where)
        return bool(index.isValid() and self.cell.is_tick(self.visualRect(index), where))

    def _forget_last(self) -> None:
        self._last_ticked = None

    # -- Qt's side -------------------------------------------------------------------------------------------------

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Ask for the picture, unless it is the viewer that shows it already."""
        super().currentChanged(current, previous)
        if current.isValid() and not self._quiet:
            self.picture_wanted.emit(self.list.picture(current.row()))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Take the keyboard: Qt makes the first picture the current one where none is, which nobody asked for."""
        self._quiet = True
        super().focusInEvent(event)
        self._quiet = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns."""
        super().resizeEvent(event)
        self._fit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Turn a tick, or select as lists do."""
        where = event.position().toPoint()
        self._held = event.button() == Qt.MouseButton.LeftButton and self._is_tick(where)
        if self._held:
            self._tick(self.indexAt(where), to_here=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two quick clicks on a tick are two clicks."""
        if self._is_tick(event.position().toPoint()):
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A tick that is held is no frame to be drawn."""
        if not self._held:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End what the press began."""
        if not self._held:
            super().mouseReleaseEvent(event)
        self._held = False

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer the marks for all selected pictures."""
        if not self.chosen:
            return
        where = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.currentIndex().isValid():
            where = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        self.menu.popup(where)

    def viewportEvent(self, event: QEvent) -> bool:
        """Explain the ticks where the mouse points at one; a picture tells its name."""
        if event.type() == QEvent.Type.ToolTip and self._is_tick(event.pos()):
            QToolTip.showText(event.globalPos(), f"<p>{HOW}</p>", self)
            return True
        return bool(super().viewportEvent(event))

    def event(self, event: QEvent) -> bool:
        """Keep Ctrl+Z for the marks while the pictures have the keyboard."""
        # PyQt may give an event the class of an earlier one at the same address, while that is kept somewhere.
        overrides = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if overrides and event.matches(QKeySequence.StandardKey.Undo):
            event.accept()
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Turn the tick of the current picture, and of all selected with it; else what lists do."""
        current = self.current
        if event.matches(QKeySequence.StandardKey.Undo):
            self.list.undo()
        elif event.key() == Qt.Key.Key_Space and not event.modifiers() and current is not None:
            self.mark_selected(self.list.side(current).next)
            self._last_ticked = current
        elif event.key() in KEYS:
            self.mark_selected(KEYS[event.key()])
        else:
            super().keyPressEvent(event)
