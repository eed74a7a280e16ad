"""Units in rows: a tick, a number, what it is most active on, and what it sees."""

from __future__ import annotations

from qtpy.QtCore import QItemSelectionModel, QModelIndex, QPoint, QRect, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QFocusEvent, QMouseEvent, QPainter, QPalette
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from conceptstain._qt.unit_table import BOUND, IOU, LABEL, PICTURES, TICK, TOP, UNIT, UnitTable

__all__ = ["SIDE", "UnitCell", "UnitView"]

SIDE = 34  # pixels of a thumbnail
GAP = 2
PER_ROW = 3  # thumbnails of a unit
ROW = SIDE + 2 * GAP
STILL = 100  # milliseconds without scrolling before it is told what is seen
ROWS = 6  # that are seen without scrolling
WIDTHS = {TICK: 24, UNIT: 46, TOP: PER_ROW * (SIDE + GAP) + GAP, IOU: 44, BOUND: 52}
NAMES = 72  # pixels of a name, where units have one
HOW = "Click a unit, or press the arrow keys: the viewer shows where it is active; click a picture to see it there"


class UnitCell(QStyledItemDelegate):
    """Draws the thumbnails of a unit."""

    def places(self, cell: QRect) -> list[QRect]:
        """Where the thumbnails of a cell are drawn."""
        first = QRect(cell.left() + GAP, cell.top() + GAP, SIDE, SIDE)
        return [first.translated(number * (SIDE + GAP), 0) for number in range(PER_ROW)]

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        """The same for all."""
        return QSize(WIDTHS[TOP], ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw them side by side."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, option.palette.color(QPalette.ColorRole.Highlight))
        for place, image in zip(self.places(option.rect), index.data(PICTURES) or (), strict=False):
            square = QRect(place)
            square.setSize(image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio))
            square.moveCenter(place.center())
            painter.fillRect(square, QColor(0, 0, 0, 40))
            painter.drawImage(square, image)
        painter.restore()


class UnitView(QTableView):
    """Emits which unit is to be shown, and on which of the items that it is most active on."""

    unit_wanted = Signal(int)
    item_wanted = Signal(int, int)  # unit, and which of its thumbnails
    seen_changed = Signal()  # other rows may be in sight

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = UnitTable()
        self.cell = UnitCell(self)
        self._quiet = False
        self._held: int | None = None  # row that was the current one when the mouse went down
        self.setAccessibleName("Units")
        self.setToolTip(HOW)
        self.setModel(self.table)
        self.setItemDelegateForColumn(TOP, self.cell)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setMinimumSectionSize(min(WIDTHS.values()))
        for column, width in WIDTHS.items():
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            head.resizeSection(column, width)
        head.setSectionResizeMode(LABEL, QHeaderView.ResizeMode.Stretch)
        head.setSortIndicator(IOU, Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        self.setFixedHeight(ROWS * ROW + head.sizeHint().height() + 2 * self.frameWidth())
        self._scrolled = QTimer(self)
        self._scrolled.setSingleShot(True)
        self._scrolled.setInterval(STILL)
        self._scrolled.timeout.connect(self.seen_changed)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._scrolled.start())
        self._kept: int | None = None  # the chosen unit, while rows are searched or sorted
        self.table.modelAboutToBeReset.connect(self._keep_chosen)
        self.table.modelReset.connect(self._choose_kept)
        self.table.modelReset.connect(self._scrolled.start)
        self.clicked.connect(self._click)
        self.activated.connect(self._want)

    def show_kind(self, *, named: bool, can_tick: bool) -> None:
        """Make room for names, and for ticks, where there are any; thumbnails come later."""
        self.clearSelection()  # a unit of what was shown before is another one
        self.setColumnHidden(TICK, not can_tick)
        self.setColumnHidden(TOP, True)
        self.horizontalHeader().resizeSection(UNIT, NAMES if named else WIDTHS[UNIT])

    def show_pictures_column(self, *, wide: bool) -> None:
        """Make room for one thumbnail, or for several."""
        self.horizontalHeader().resizeSection(TOP, WIDTHS[TOP] if wide else SIDE + 2 * GAP)
        self.setColumnHidden(TOP, False)

    @property
    def seen_units(self) -> tuple[int, ...]:
        """Units of the rows that are seen, in order."""
        height = self.rowHeight(0) or ROW
        first = self.verticalScrollBar().value() // height
        return self.table.listed[first : first + ROWS + 1]

    @property
    def chosen_unit(self) -> int | None:
        """The selected unit; None where none is."""
        rows = {index.row() for index in self.selectedIndexes()}
        return self.table.unit(rows.pop()).unit if rows else None

    def show_chosen(self, unit: int | None) -> None:
        """Choose the row of a unit, or none; nothing is emitted."""
        if unit == self.chosen_unit:
            return
        self._quiet = True
        row = self.table.row_of(unit)
        index = self.table.index(row, UNIT) if row is not None else QModelIndex()
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(index, flags)
        self._quiet = False

    def _keep_chosen(self) -> None:
        self._kept = self.chosen_unit

    def _choose_kept(self) -> None:
        self.show_chosen(self._kept)

    def _want(self, index: QModelIndex) -> None:
        self.unit_wanted.emit(self.table.unit(index.row()).unit)

    def _click(self, index: QModelIndex) -> None:
        """A click on the current row asks for it again; one on another row has asked already."""
        if index.row() == self._held and index.column() not in {TICK, TOP}:
            self._want(index)

    def _picture_at(self, where: QPoint) -> tuple[int, int] | None:
        """The unit and the thumbnail at a place of the view."""
        index = self.indexAt(where)
        if not index.isValid() or index.column() != TOP:
            return None
        pictures = index.data(PICTURES) or ()
        places = self.cell.places(self.visualRect(index))[: len(pictures)]
        found = [number for number, place in enumerate(places) if place.contains(where)]
        return (self.table.unit(index.row()).unit, found[0]) if found else None

    # -- Qt's side -------------------------------------------------------------------------------------------------

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Ask for the unit, unless the viewer shows it already."""
        super().currentChanged(current, previous)
        if current.isValid() and not self._quiet and current.row() != previous.row():
            self._want(current)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask for a thumbnail; a tick is no question about the unit."""
        where = event.position().toPoint()
        index = self.indexAt(where)
        picture = self._picture_at(where)
        self._held = self.currentIndex().row() if self.currentIndex().isValid() else None
        self._quiet = picture is not None or (index.isValid() and index.column() == TICK)
        super().mousePressEvent(event)
        self._quiet = False
        if picture is not None:
            self.item_wanted.emit(*picture)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Take the keyboard: Qt makes the first row the current one where none is, which nobody asked for."""
        self._quiet = True
        super().focusInEvent(event)
        self._quiet = False
