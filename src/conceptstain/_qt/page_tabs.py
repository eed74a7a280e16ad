"""Tabs that are as tall as the page they show."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QTabWidget, QWidget

__all__ = ["PageTabs"]

FRAME = 4  # pixels around a page


class PageTabs(QTabWidget):
    """Tabs that ask for the height of the page that is shown; Qt's own ask for that of the tallest."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.currentChanged.connect(lambda _index: self.updateGeometry())

    def sizeHint(self) -> QSize:
        """As wide as the widest page, as tall as the one that is shown."""
        return QSize(super().sizeHint().width(), self.heightForWidth(max(self.width(), 1)))

    def minimumSizeHint(self) -> QSize:
        """As :meth:`sizeHint`."""
        return QSize(super().minimumSizeHint().width(), self.heightForWidth(max(self.width(), 1)))

    def hasHeightForWidth(self) -> bool:
        """Words wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height of the page that is shown, with its tab above it."""
        page = self.currentWidget()
        if page is None:
            return self.tabBar().sizeHint().height()
        inside = page.sizeHint().height()
        if page.hasHeightForWidth():
            inside = max(page.minimumSizeHint().height(), page.heightForWidth(width - 2 * FRAME))
        return self.tabBar().sizeHint().height() + inside + 2 * FRAME
