"""The browser of pictures: find, sort and look through them, and say which show a concept and which do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from conceptstain._qt.picture_list import Order, Side
from conceptstain._qt.picture_view import PictureView
from conceptstain.canvas.expression import counted

__all__ = ["PictureBrowser", "Side"]


class PictureBrowser(QWidget):
    """Emits which picture is to be shown; holds which pictures are said to show something, and which are not."""

    marks_changed = Signal()
    picture_wanted = Signal(int)  # number of the picture in its set

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = QLineEdit()
        self.search.setAccessibleName("Search pictures")
        self.search.setPlaceholderText("search names")
        self.search.setToolTip("List the pictures whose name holds this; marks of the others stay")
        self.search.setClearButtonEnabled(True)
        self.order = QComboBox()
        self.order.setAccessibleName("Order of the pictures")
        self.order.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.order.setMinimumContentsLength(12)
        self.view = PictureView()
        self.list = self.view.list
        self.counts = QLabel()
        self.counts.setWordWrap(True)
        self.counts.setAccessibleName("Marked pictures")
        self.counts.setToolTip("Pictures that are marked; those that the search leaves out count as well")
        row = QHBoxLayout()
        row.addWidget(self.search, 2)
        row.addWidget(self.order, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.counts)
        column.addWidget(self.view, 1)
        self._offer_orders(None)
        self._show_counts()
        self.search.textChanged.connect(self._arrange)
        self.search.returnPressed.connect(self.view.setFocus)
        self.order.currentIndexChanged.connect(self._arrange)
        self.list.marks_changed.connect(self._show_counts)
        self.list.marks_changed.connect(self.marks_changed)
        self.view.picture_wanted.connect(self.picture_wanted)

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_pictures(self, names: Sequence[str]) -> None:
        """Show the pictures of a set: none is marked, none has a thumbnail or a score yet."""
        with QSignalBlocker(self.search):
            self.search.clear()
        self._offer_orders(None)
        self.view.show_scores_line(shown=False)
        self.list.arrange("", Order.NAME)
        self.list.show_pictures(names)
        self._show_counts()

    def show_thumbnails(self, first: int, rgb: Sequence[QImage]) -> None:
        """Show thumbnails of the pictures from number ``first`` on; larger ones are made smaller, all are copied."""
        self.list.show_thumbnails(first, rgb)

    def show_scores(self, measure: str, scores: Sequence[float] | None) -> None:
        """Show what the pictures score, such as ``"score of glasses"``, and let them be sorted by it; None: nothing.

        Raises
        ------
        InputError
            Not one score for each picture.
        """
        order = self.order.currentData()
        self.list.show_scores(scores)
        self._offer_orders(measure if scores is not None else None)
        self.view.show_scores_line(shown=scores is not None)
        if order is not Order.NAME:  # a list by name stays as it is: someone may be selecting in it
            self._arrange()

    def show_current(self, index: int) -> None:
        """Show which picture the viewer shows; nothing is emitted."""
        self.view.show_current(index)

    # -- marks -----------------------------------------------------------------------------------------------------

    @property
    def positives(self) -> tuple[str, ...]:
        """Names of the pictures that are said to show it, listed or not, in the order of their set."""
        return self.list.names_on(Side.SHOWS)

    @property
    def negatives(self) -> tuple[str, ...]:
        """Names of the pictures that are said not to show it, listed or not, in the order of their set."""
        return self.list.names_on(Side.SHOWS_NOT)

    def mark(self, names: Iterable[str], side: Side) -> tuple[str, ...]:
        """Say something of pictures. Gives back the names that no picture has."""
        numbers = {name: self.list.number_of(name) for name in names}
        self.list.mark([number for number in numbers.values() if number is not None], side)
        return tuple(name for name, number in numbers.items() if number is None)

    def clear_marks(self) -> None:
        """Say nothing of any picture; Ctrl+Z takes it back."""
        self.list.mark(range(len(self.list.names)), Side.NEITHER)

    # -- reacting --------------------------------------------------------------------------------------------------

    def _offer_orders(self, measure: str | None) -> None:
        """Offer to sort by name and, where there are scores, by these; what was chosen stays where it can."""
        chosen = self.order.currentData()
        with QSignalBlocker(self.order):
            self.order.clear()
            self.order.addItem("by name", Order.NAME)
            if measure is not None:
                self.order.addItem(f"highest {measure}", Order.HIGHEST)
                self.order.addItem(f"lowest {measure}", Order.LOWEST)
            self.order.setCurrentIndex(self._orders.index(chosen) if chosen in self._orders else 0)
        self._explain_order()

    @property
    def _orders(self) -> list[Order]:
        return [self.order.itemData(row) for row in range(self.order.count())]

    def _explain_order(self) -> None:
        told = f"Order of the pictures: {self.order.currentText()}"
        more = "" if self.order.count() > 1 else ". To sort by scores, make or choose a concept"
        self.order.setToolTip(escape(told + more))  # in full, where the box cuts it

    def _arrange(self) -> None:
        """Show another list from its top; the current picture stays so, seen or not."""
        current = self.view.current
        self.list.arrange(self.search.text(), self.order.currentData())
        if current is not None:
            self.view.show_current(current)
        self.view.scrollToTop()
        self._explain_order()
        self._show_counts()

    def _show_counts(self) -> None:
        n, listed = len(self.list.names), self.list.rowCount()
        shows, shows_not = self.list.count(Side.SHOWS), self.list.count(Side.SHOWS_NOT)
        told = [counted(n, "picture") if listed == n else f"{listed:,} of {counted(n, 'picture')}"]
        told.append(f"{shows:,} show it · {shows_not:,} do not" if shows or shows_not else "none marked")
        hidden = self.list.n_hidden_marks
        self.counts.setText(" · ".join(told) + (f" ({hidden:,} of these not listed)" if hidden else ""))
