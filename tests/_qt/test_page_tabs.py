"""Tabs that are as tall as the page they show."""

from __future__ import annotations

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QLabel, QWidget

from conceptstain._qt.page_tabs import PageTabs


class Page(QWidget):
    def __init__(self, height: int) -> None:
        super().__init__()
        self.wanted = QSize(100, height)

    def sizeHint(self) -> QSize:
        return self.wanted


def test_they_ask_for_no_more_than_the_page_that_is_shown(qtbot: QtBot) -> None:
    tabs = PageTabs()
    qtbot.addWidget(tabs)
    assert tabs.sizeHint().height() == tabs.tabBar().sizeHint().height()
    tabs.addTab(Page(50), "low")
    tabs.addTab(Page(400), "tall")
    low = tabs.sizeHint().height()
    tabs.setCurrentIndex(1)
    assert tabs.sizeHint().height() == low + 350
    assert tabs.minimumSizeHint().height() == low + 350


def test_words_that_wrap_are_given_their_lines(qtbot: QtBot) -> None:
    tabs = PageTabs()
    qtbot.addWidget(tabs)
    words = QLabel("many words " * 30)
    words.setWordWrap(True)
    tabs.addTab(words, "words")
    assert tabs.heightForWidth(150) > tabs.heightForWidth(600)
