"""Pictures are found, sorted and marked by mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QModelIndex, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QContextMenuEvent, QHelpEvent, QImage, QMouseEvent, QPainter
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit, QListView, QStyleOptionViewItem, QToolTip

from conceptstain._qt.picture_browser import PictureBrowser, Side
from conceptstain._qt.picture_cell import GAP, THUMBNAIL, PictureCell
from conceptstain.errors import InputError

pytestmark = pytest.mark.gui

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
PLAIN = Qt.KeyboardModifier.NoModifier
NAMES = tuple(f"face{number}.png" for number in range(1, 13))


@pytest.fixture
def browser(qtbot: QtBot) -> PictureBrowser:
    return shown(qtbot, NAMES)


def shown(qtbot: QtBot, names: tuple[str, ...]) -> PictureBrowser:
    browser = PictureBrowser()
    qtbot.addWidget(browser)
    browser.resize(360, 420)
    browser.show_pictures(names)
    browser.show()
    qtbot.waitExposed(browser)
    browser.view.setFocus()
    return browser


def listed(browser: PictureBrowser) -> list[str]:
    return [browser.list.names[browser.list.picture(row)] for row in range(browser.list.rowCount())]


def cell_of(browser: PictureBrowser, name: str) -> QPoint:
    """The upper left corner of a picture's thumbnail, on the screen of the view."""
    QApplication.processEvents()  # lists lay their items out when they are idle
    index = browser.list.index(listed(browser).index(name))
    browser.view.scrollTo(index)
    cell = browser.view.visualRect(index)
    return cell.topLeft() + QPoint((cell.width() - THUMBNAIL) // 2, GAP)


def tick(qtbot: QtBot, browser: PictureBrowser, name: str, keys: Qt.KeyboardModifier = PLAIN) -> None:
    qtbot.mouseClick(browser.view.viewport(), LEFT, keys, cell_of(browser, name) + QPoint(12, 12))


def click(
    qtbot: QtBot,
    browser: PictureBrowser,
    name: str,
    keys: Qt.KeyboardModifier = PLAIN,
    button: Qt.MouseButton = LEFT,
) -> None:
    qtbot.mouseClick(browser.view.viewport(), button, keys, cell_of(browser, name) + QPoint(50, 50))


def colour(number: int) -> QColor:
    return QColor.fromHsv(number * 29 % 360, 255, 200)


def thumbnails(first: int, last: int, side: int = 128) -> list[QImage]:
    made = []
    for number in range(first, last):
        image = QImage(side, side, QImage.Format.Format_RGB888)
        image.fill(colour(number))
        made.append(image)
    return made


def seen(browser: PictureBrowser, name: str) -> QColor:
    """Colour in the middle of what is drawn of a picture."""
    where = cell_of(browser, name) + QPoint(THUMBNAIL // 2, THUMBNAIL // 2)
    return QColor(browser.view.viewport().grab().toImage().pixelColor(where))


def test_a_tick_goes_round_with_every_click(qtbot: QtBot, browser: PictureBrowser) -> None:
    wanted: list[int] = []
    browser.picture_wanted.connect(wanted.append)
    with qtbot.waitSignal(browser.marks_changed):
        tick(qtbot, browser, "face2.png")
    tick(qtbot, browser, "face5.png")
    tick(qtbot, browser, "face5.png")
    assert browser.positives == ("face2.png",)
    assert browser.negatives == ("face5.png",)
    assert browser.counts.text() == "12 pictures · 1 show it · 1 do not"
    tick(qtbot, browser, "face5.png")
    assert browser.negatives == ()
    tick(qtbot, browser, "face2.png")
    tick(qtbot, browser, "face2.png")
    assert (browser.positives, browser.negatives) == ((), ())
    assert browser.counts.text() == "12 pictures · none marked"
    assert wanted == []
    assert browser.view.selectedIndexes() == []


def test_two_quick_clicks_on_a_tick_are_two_clicks(qtbot: QtBot, browser: PictureBrowser) -> None:
    tick(qtbot, browser, "face3.png")
    where = cell_of(browser, "face3.png") + QPoint(12, 12)
    qtbot.mouseDClick(browser.view.viewport(), LEFT, PLAIN, where)
    assert browser.negatives == ("face3.png",)


def test_a_shift_click_gives_all_between_the_mark_of_the_last(qtbot: QtBot, browser: PictureBrowser) -> None:
    tick(qtbot, browser, "face7.png")
    tick(qtbot, browser, "face4.png", SHIFT)
    assert browser.positives == ("face4.png", "face5.png", "face6.png", "face7.png")
    tick(qtbot, browser, "face10.png")
    tick(qtbot, browser, "face10.png")
    tick(qtbot, browser, "face12.png", SHIFT)
    assert browser.negatives == ("face10.png", "face11.png", "face12.png")


def test_a_tick_that_is_held_draws_no_frame_and_selects_nothing(qtbot: QtBot, browser: PictureBrowser) -> None:
    viewport, where = browser.view.viewport(), cell_of(browser, "face2.png") + QPoint(12, 12)
    click(qtbot, browser, "face1.png")
    qtbot.mousePress(viewport, LEFT, PLAIN, where)
    for step in (QPoint(60, 60), QPoint(120, 120)):
        place = QPointF(where + step)
        far = QPointF(viewport.mapToGlobal(where + step))
        QApplication.sendEvent(viewport, QMouseEvent(QEvent.Type.MouseMove, place, far, LEFT, LEFT, PLAIN))
    qtbot.mouseRelease(viewport, LEFT, PLAIN, where + QPoint(120, 120))
    assert [index.row() for index in browser.view.selectedIndexes()] == [0]
    assert browser.positives == ("face2.png",)


def test_no_range_begins_at_a_picture_of_another_set(qtbot: QtBot, browser: PictureBrowser) -> None:
    tick(qtbot, browser, "face7.png")
    browser.show_pictures(NAMES)
    tick(qtbot, browser, "face4.png", SHIFT)
    assert browser.positives == ("face4.png",)
    browser.show_pictures(NAMES[:4])
    qtbot.keyClick(browser.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert browser.positives == (), "marks of another set do not come back"


def test_a_range_is_one_of_the_list_as_it_is_sorted(qtbot: QtBot, browser: PictureBrowser) -> None:
    browser.show_scores("score of glasses", [0.0, 5.0, 1.0, 4.0, *([-1.0] * 8)])
    browser.order.setCurrentIndex(1)
    tick(qtbot, browser, "face2.png")
    tick(qtbot, browser, "face3.png", SHIFT)
    assert browser.positives == ("face2.png", "face3.png", "face4.png")


def test_a_clicked_picture_is_wanted_once(qtbot: QtBot, browser: PictureBrowser) -> None:
    wanted: list[int] = []
    browser.picture_wanted.connect(wanted.append)
    click(qtbot, browser, "face6.png")
    assert wanted == [5]
    assert (browser.positives, browser.negatives) == ((), ())
    qtbot.keyClick(browser.view, Qt.Key.Key_Right)
    qtbot.keyClick(browser.view, Qt.Key.Key_Left)
    assert wanted == [5, 6, 5]
    browser.show_current(1)
    assert browser.view.current == 1
    assert wanted == [5, 6, 5]
    qtbot.keyClick(browser.view, Qt.Key.Key_Return)
    assert wanted == [5, 6, 5, 1]


def test_taking_the_keyboard_asks_for_no_picture(qtbot: QtBot, browser: PictureBrowser) -> None:
    wanted: list[int] = []
    browser.picture_wanted.connect(wanted.append)
    with qtbot.waitActive(browser):
        browser.activateWindow()
    browser.search.setFocus()
    qtbot.keyClick(browser.search, Qt.Key.Key_Tab)
    qtbot.keyClick(browser.order, Qt.Key.Key_Tab)
    assert browser.view.hasFocus()
    assert wanted == []


def test_the_space_bar_turns_the_tick_of_the_current_picture(qtbot: QtBot, browser: PictureBrowser) -> None:
    click(qtbot, browser, "face1.png")
    qtbot.keyClick(browser.view, Qt.Key.Key_Space)
    qtbot.keyClick(browser.view, Qt.Key.Key_Right)
    qtbot.keyClick(browser.view, Qt.Key.Key_Space)
    qtbot.keyClick(browser.view, Qt.Key.Key_Space)
    assert browser.positives == ("face1.png",)
    assert browser.negatives == ("face2.png",)
    browser.show_current(4)
    qtbot.keyClick(browser.view, Qt.Key.Key_Space)
    assert browser.positives == ("face1.png", "face5.png"), "where the viewer went, not what was selected before"


def test_selected_pictures_are_marked_together(qtbot: QtBot, browser: PictureBrowser) -> None:
    click(qtbot, browser, "face2.png")
    click(qtbot, browser, "face4.png", SHIFT)
    qtbot.keyClick(browser.view, Qt.Key.Key_Space)
    assert browser.positives == ("face2.png", "face3.png", "face4.png")
    for key, positives, negatives in (
        (Qt.Key.Key_Minus, 0, 3),
        (Qt.Key.Key_Plus, 3, 0),
        (Qt.Key.Key_Delete, 0, 0),
    ):
        qtbot.keyClick(browser.view, key)
        assert (len(browser.positives), len(browser.negatives)) == (positives, negatives)


def test_the_menu_marks_all_that_are_selected(qtbot: QtBot, browser: PictureBrowser) -> None:
    view = browser.view
    click(qtbot, browser, "face1.png")
    click(qtbot, browser, "face3.png", SHIFT)
    for text, positives, negatives in (
        ("Does not show it", (), NAMES[:3]),
        ("Shows it", NAMES[:3], ()),
        ("Neither", (), ()),
    ):
        (action,) = [each for each in view.menu.actions() if each.text().startswith(text)]
        action.trigger()
        assert (browser.positives, browser.negatives) == (positives, negatives)


def test_the_menu_opens_beside_the_mouse_and_beside_the_current_picture(qtbot: QtBot, browser: PictureBrowser) -> None:
    viewport, menu = browser.view.viewport(), browser.view.menu
    for reason in (QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard):
        where = cell_of(browser, "face2.png") + QPoint(40, 40)
        event = QContextMenuEvent(reason, where, viewport.mapToGlobal(where))
        QApplication.sendEvent(viewport, event)
        assert not menu.isVisible(), "nothing is selected"
        click(qtbot, browser, "face2.png")
        QApplication.sendEvent(viewport, event)
        assert menu.isVisible()
        assert browser.view.visualRect(browser.view.currentIndex()).contains(viewport.mapFromGlobal(menu.pos()))
        menu.close()
        browser.view.clearSelection()
        browser.show_current(-1)


def test_what_was_marked_last_can_be_taken_back(qtbot: QtBot, browser: PictureBrowser) -> None:
    tick(qtbot, browser, "face1.png")
    browser.mark(NAMES, Side.SHOWS_NOT)
    browser.clear_marks()
    for positives, negatives in (((), NAMES), (("face1.png",), ()), ((), ()), ((), ())):
        with qtbot.waitSignal(browser.marks_changed, raising=False, timeout=10):
            qtbot.keyClick(browser.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert (browser.positives, browser.negatives) == (positives, negatives)


def test_names_are_marked_and_strangers_given_back(qtbot: QtBot, browser: PictureBrowser) -> None:
    changes: list[None] = []
    browser.marks_changed.connect(lambda: changes.append(None))
    assert browser.mark(["face9.png", "stranger.png", "face3.png"], Side.SHOWS) == ("stranger.png",)
    assert browser.positives == ("face3.png", "face9.png")
    browser.mark(["face9.png"], Side.SHOWS)
    assert len(changes) == 1
    browser.show_pictures(NAMES[:4])
    assert browser.positives == ()
    assert len(changes) == 2


def test_a_search_keeps_marks_and_says_which_are_not_listed(qtbot: QtBot, browser: PictureBrowser) -> None:
    tick(qtbot, browser, "face2.png")
    tick(qtbot, browser, "face11.png")
    click(qtbot, browser, "face10.png")
    qtbot.keyClicks(browser.search, "FACE1")
    assert listed(browser) == ["face1.png", "face10.png", "face11.png", "face12.png"]
    assert browser.counts.text() == "4 of 12 pictures · 2 show it · 0 do not (1 of these not listed)"
    assert browser.positives == ("face2.png", "face11.png")
    assert browser.view.current == 9
    qtbot.keyClicks(browser.search, "zz")
    assert listed(browser) == []
    assert browser.counts.text() == "0 of 12 pictures · 2 show it · 0 do not (2 of these not listed)"
    browser.search.clear()
    assert listed(browser) == list(NAMES)
    assert browser.positives == ("face2.png", "face11.png")


def test_the_picture_of_the_viewer_may_not_be_listed(qtbot: QtBot, browser: PictureBrowser) -> None:
    qtbot.keyClicks(browser.search, "face1")
    browser.show_current(5)
    assert browser.view.current is None
    qtbot.keyClick(browser.view, Qt.Key.Key_Space)
    assert browser.positives == ()


def test_pictures_are_sorted_by_score_with_their_marks(qtbot: QtBot, browser: PictureBrowser) -> None:
    tick(qtbot, browser, "face3.png")
    assert browser.order.count() == 1
    scores = [float(number) for number in range(12)]
    scores[4] = float("nan")
    browser.show_scores("score of a<b>", scores)
    assert listed(browser) == list(NAMES)
    assert [browser.order.itemText(row) for row in range(3)] == [
        "by name",
        "highest score of a<b>",
        "lowest score of a<b>",
    ]
    browser.order.setCurrentIndex(1)
    assert listed(browser)[:2] == ["face12.png", "face11.png"]
    assert listed(browser)[-1] == "face5.png", "a picture without a score is neither highest nor lowest"
    assert "a&lt;b&gt;" in browser.order.toolTip()
    browser.order.setCurrentIndex(2)
    assert listed(browser)[0] == "face1.png"
    assert listed(browser)[-1] == "face5.png"
    assert browser.positives == ("face3.png",)
    tick(qtbot, browser, "face12.png")
    assert browser.positives == ("face3.png", "face12.png")
    browser.show_scores("score of other", scores[::-1])
    assert listed(browser)[0] == "face12.png"
    browser.show_scores("", None)
    assert listed(browser) == list(NAMES)
    assert browser.order.currentText() == "by name"


def test_another_order_is_shown_from_its_top(qtbot: QtBot) -> None:
    browser = shown(qtbot, tuple(f"face{number}.png" for number in range(100)))
    browser.show_current(60)
    assert browser.view.verticalScrollBar().value() > 0
    browser.show_scores("score of glasses", [float(number) for number in range(100)])
    browser.order.setCurrentIndex(1)
    QApplication.processEvents()
    assert browser.view.indexAt(QPoint(20, 20)).data() == "face99"
    assert browser.view.current == 60


def test_scores_that_arrive_leave_a_list_by_name_as_it_is(qtbot: QtBot, browser: PictureBrowser) -> None:
    click(qtbot, browser, "face2.png")
    click(qtbot, browser, "face5.png", SHIFT)
    browser.show_scores("score of glasses", [0.5] * 12)
    assert len(browser.view.selectedIndexes()) == 4


def test_other_scores_than_one_for_each_picture_are_refused(browser: PictureBrowser) -> None:
    with pytest.raises(InputError, match="3 scores for 12 pictures"):
        browser.show_scores("score of glasses", [1.0, 2.0, 3.0])
    assert browser.order.count() == 1


def test_names_are_sorted_as_people_count(qtbot: QtBot) -> None:
    browser = shown(qtbot, ("b10.png", "b9.png", "a.png"))
    assert listed(browser) == ["a.png", "b9.png", "b10.png"]
    browser.mark(["b9.png", "b10.png"], Side.SHOWS)
    assert browser.positives == ("b10.png", "b9.png"), "in the order of the set"


def test_pictures_are_grey_until_their_thumbnails_arrive(qtbot: QtBot, browser: PictureBrowser) -> None:
    before = seen(browser, "face3.png")
    assert before.saturation() < 30
    browser.show_thumbnails(2, thumbnails(2, 5))
    assert seen(browser, "face3.png").rgb() == colour(2).rgb()
    assert seen(browser, "face5.png").rgb() == colour(4).rgb()
    assert seen(browser, "face2.png").rgb() == before.rgb()
    browser.show_thumbnails(10, thumbnails(10, 40))
    browser.show_thumbnails(0, [QImage()])
    assert seen(browser, "face12.png").rgb() == colour(11).rgb()
    assert seen(browser, "face1.png").rgb() == before.rgb()


def test_thumbnails_stay_with_their_pictures_and_take_little_memory(qtbot: QtBot, browser: PictureBrowser) -> None:
    browser.show_scores("score of glasses", [float(number) for number in range(12)])
    browser.order.setCurrentIndex(1)
    browser.show_thumbnails(0, thumbnails(0, 12, side=900))
    for number in (0, 7, 11):
        assert seen(browser, NAMES[number]).rgb() == colour(number).rgb()
    kept = browser.list.index(0).data(Qt.ItemDataRole.DecorationRole)
    assert max(kept.width(), kept.height()) <= THUMBNAIL * browser.devicePixelRatioF()


def test_thumbnails_are_copied(browser: PictureBrowser) -> None:
    pixels = np.full((32, 32, 3), 10, dtype=np.uint8)
    browser.show_thumbnails(0, [QImage(pixels.data, 32, 32, 96, QImage.Format.Format_RGB888)])
    pixels[:] = 250
    kept = browser.list.index(0).data(Qt.ItemDataRole.DecorationRole)
    assert kept.pixelColor(16, 16).red() == 10


def test_ticks_explain_themselves_and_pictures_say_their_name(qtbot: QtBot, browser: PictureBrowser) -> None:
    viewport, corner = browser.view.viewport(), cell_of(browser, "face2.png")
    for where, told in ((QPoint(12, 12), "Click the box on a picture"), (QPoint(50, 50), "face2.png")):
        place = corner + where
        QApplication.sendEvent(viewport, QHelpEvent(QEvent.Type.ToolTip, place, viewport.mapToGlobal(place)))
        assert told in QToolTip.text()
        QToolTip.hideText()


def test_marks_are_told_by_colour_and_by_sign(qtbot: QtBot, browser: PictureBrowser) -> None:
    def drawn(name: str) -> tuple[QImage, int]:
        corner = cell_of(browser, name)
        image = browser.view.viewport().grab().toImage()
        inside = image.copy(corner.x() + 5, corner.y() + 5, 14, 14)
        return inside, image.pixelColor(corner + QPoint(THUMBNAIL // 2, 1)).rgb()

    plain = drawn("face1.png")
    browser.mark(["face1.png"], Side.SHOWS)
    shows = drawn("face1.png")
    browser.mark(["face1.png"], Side.SHOWS_NOT)
    shows_not = drawn("face1.png")
    assert shows[1] == QColor("#009E73").rgb()
    assert shows_not[1] == QColor("#D55E00").rgb()
    white = [
        {(x, y) for x in range(14) for y in range(14) if image.pixelColor(x, y).lightness() > 220}
        for image, _ in (plain, shows, shows_not)
    ]
    assert not white[0]
    assert white[1]
    assert white[2]
    assert white[1] != white[2]


def test_a_picture_says_its_full_name_score_and_mark(browser: PictureBrowser) -> None:
    browser.show_pictures(["a<b>.png", "c.png"])
    browser.show_scores("score of glasses", [1.234, -0.5])
    browser.mark(["a<b>.png"], Side.SHOWS_NOT)
    index = browser.list.index(0)
    assert index.data() == "a<b>"
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "<p>a&lt;b&gt;.png, score +1.23, does not show it</p>"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "a<b>.png, score +1.23, does not show it"


def test_ten_thousand_pictures_are_listed_and_only_those_in_sight_are_drawn(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"picture{number:05}.tif" for number in range(10_000))
    browser = shown(qtbot, names)
    browser.show_thumbnails(9_990, thumbnails(9_990, 10_000))
    browser.show_current(9_995)
    assert seen(browser, names[9_995]).rgb() == colour(9_995).rgb()
    drawn: set[str] = set()
    paint = PictureCell.paint

    def painted(cell: PictureCell, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        drawn.add(index.data())
        paint(cell, painter, option, index)

    monkeypatch.setattr(PictureCell, "paint", painted)
    browser.view.viewport().repaint()
    assert 4 <= len(drawn) <= 40
    browser.view.selectAll()
    browser.view.mark_selected(Side.SHOWS)
    assert browser.counts.text() == "10,000 pictures · 10,000 show it · 0 do not"


@pytest.mark.parametrize("width", [300, 360, 500])
def test_columns_fill_the_width_and_none_is_cut(qtbot: QtBot, browser: PictureBrowser, width: int) -> None:
    browser.resize(width, 420)
    QApplication.processEvents()
    room = browser.view.viewport().width()
    rects = [browser.view.visualRect(browser.list.index(row)) for row in range(12)]
    columns = sum(rect.top() == rects[0].top() for rect in rects)
    assert max(rect.right() for rect in rects) < room
    assert columns == room // (THUMBNAIL + 8)


def test_every_control_has_a_tooltip_and_a_name_that_is_read_aloud(browser: PictureBrowser) -> None:
    assert browser.minimumSizeHint().width() <= 340
    for kind in (QLineEdit, QComboBox, QListView):
        for widget in browser.findChildren(kind):
            if widget.parent() is browser:
                assert widget.accessibleName()
                assert widget.toolTip()
    assert all(action.toolTip() for action in browser.view.menu.actions())
