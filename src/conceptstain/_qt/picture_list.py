"""The pictures of a set as a Qt list: thumbnails, scores, and what the user says of each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from enum import Enum, IntEnum
from html import escape
from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QImage

from conceptstain.errors import InputError

__all__ = ["SCORE", "SIDE", "Order", "PictureList", "Side"]

SIDE = Qt.ItemDataRole.UserRole
SCORE = int(Qt.ItemDataRole.UserRole) + 1
MOST_STEPS = 100  # that can be taken back

Accessible = Qt.ItemDataRole.AccessibleTextRole
Decoration = Qt.ItemDataRole.DecorationRole
Display = Qt.ItemDataRole.DisplayRole
ToolTip = Qt.ItemDataRole.ToolTipRole


class Side(IntEnum):
    """What is said of a picture, in the order in which clicks go round."""

    NEITHER = 0
    SHOWS = 1
    SHOWS_NOT = 2

    @property
    def next(self) -> Side:
        """What a click makes of it."""
        return Side((self + 1) % len(Side))

    @property
    def words(self) -> str:
        """For menus and for those who listen."""
        return ("Neither", "Shows it", "Does not show it")[self]


class Order(Enum):
    """What pictures are sorted by."""

    NAME = "name"
    HIGHEST = "highest"
    LOWEST = "lowest"


class PictureList(QAbstractListModel):
    """Pictures by number, as they lie in their set; rows are those whose name is searched for, sorted.

    Marks belong to pictures, not to rows: searching and sorting changes none of them.
    """

    marks_changed = Signal()

    def __init__(self, thumbnail_side: int) -> None:
        super().__init__()
        self._thumbnail_side = thumbnail_side
        self._names: tuple[str, ...] = ()
        self._numbers: dict[str, int] = {}
        self._by_name: list[int] = []
        self._ending = ""
        self._thumbnails: list[QImage | None] = []
        self._scores: list[float] = []
        self._sides = bytearray()
        self._before: list[bytes] = []
        self._rows: list[int] = []
        self._row_of: dict[int, int] = {}
        self._searched, self._order = "", Order.NAME

    # -- what is shown ---------------------------------------------------------------------------------------------

    def show_pictures(self, names: Sequence[str]) -> None:
        """Show other pictures, none of them marked."""
        was_marked = any(self._sides)
        self._names = tuple(map(str, names))
        self._numbers = {name: number for number, name in enumerate(self._names)}
        endings = {"".join(name.rpartition(".")[1:]) if "." in name else "" for name in self._names}
        self._ending = endings.pop() if len(endings) == 1 else ""
        self._by_name = sorted(range(len(self._names)), key=lambda number: _as_counted(self._names[number]))
        self._thumbnails = [None] * len(self._names)
        self._scores = []
        self._sides = bytearray(len(self._names))
        self._before.clear()
        self._arrange()
        if was_marked:
            self.marks_changed.emit()

    def show_thumbnails(self, first: int, thumbnails: Sequence[QImage]) -> None:
        """Take the thumbnails of the pictures from number ``first`` on; those of pictures that are gone are dropped."""
        last = min(first + len(thumbnails), len(self._names))
        for number, image in zip(range(first, last), thumbnails, strict=False):
            self._thumbnails[number] = _kept(image, self._thumbnail_side)
        self._tell(range(first, last))

    def show_scores(self, scores: Sequence[float] | None) -> None:
        """Show a score for every picture, or none; they are sorted by it when they are next arranged."""
        if scores is not None and len(scores) != len(self._names):
            raise InputError(
                "Every picture has a score",
                got=f"{len(scores)} scores for {len(self._names)} pictures",
                cure="Score the pictures that are shown",
            )
        self._scores = [] if scores is None else [float(score) for score in scores]
        self._tell(self._rows)

    def arrange(self, searched: str, order: Order) -> None:
        """Show the pictures whose name holds a text, in an order."""
        self._searched, self._order = searched, order
        self._arrange()

    def _arrange(self) -> None:
        self.beginResetModel()
        searched = self._searched.strip().casefold()
        self._rows = [number for number in self._by_name if searched in self._names[number].casefold()]
        if self._scores and self._order is not Order.NAME:
            sign = -1.0 if self._order is Order.HIGHEST else 1.0
            known = [number for number in self._rows if not math.isnan(self._scores[number])]
            unknown = [number for number in self._rows if math.isnan(self._scores[number])]
            self._rows = sorted(known, key=lambda number: sign * self._scores[number]) + unknown
        self._row_of = {number: row for row, number in enumerate(self._rows)}
        self.endResetModel()

    # -- what is said of pictures ----------------------------------------------------------------------------------

    def side(self, number: int) -> Side:
        """What is said of a picture."""
        return Side(self._sides[number])

    def names_on(self, side: Side) -> tuple[str, ...]:
        """Names of the pictures of which something is said, in the order of the set."""
        return tuple(name for name, each in zip(self._names, self._sides, strict=True) if each == side)

    def count(self, side: Side) -> int:
        """How many pictures it is said of."""
        return self._sides.count(side)

    @property
    def n_hidden_marks(self) -> int:
        """How many marked pictures are not among the rows."""
        listed = sum(1 for number in self._rows if self._sides[number])
        return len(self._sides) - self._sides.count(Side.NEITHER) - listed

    def mark(self, numbers: Iterable[int], side: Side) -> None:
        """Say something of pictures."""
        changed = [number for number in numbers if self._sides[number] != side]
        if changed:
            self._before = [*self._before[-MOST_STEPS + 1 :], bytes(self._sides)]
            for number in changed:
                self._sides[number] = side
            self._tell(changed)
            self.marks_changed.emit()

    def undo(self) -> None:
        """Take the last marks back."""
        if self._before:
            self._sides = bytearray(self._before.pop())
            self._tell(self._rows)
            self.marks_changed.emit()

    # -- numbers, names and rows -----------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Of all pictures, in the order of their set."""
        return self._names

    def number_of(self, name: str) -> int | None:
        """Number of a picture in its set; None where there is none of that name."""
        return self._numbers.get(name)

    def picture(self, row: int) -> int:
        """Number of the picture in a row."""
        return self._rows[row]

    def row_of(self, number: int) -> int | None:
        """Row of a picture; None where it is not listed."""
        return self._row_of.get(number)

    # -- Qt's side -------------------------------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Number of listed pictures."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Display) -> Any:
        """Name (without the ending that all have), thumbnail, side and score of the picture in a row."""
        if not 0 <= index.row() < len(self._rows):
            return None
        number = self._rows[index.row()]
        if role == Display:
            return self._names[number].removesuffix(self._ending)
        if role == Decoration:
            return self._thumbnails[number]
        if role == SIDE:
            return self._sides[number]
        if role == SCORE:
            return self._scored(number)
        if role in {ToolTip, Accessible}:
            score, side = self._scored(number), Side(self._sides[number])
            told = [self._names[number], f"score {score}" if score else "", side.words.lower() if side else ""]
            words = ", ".join(each for each in told if each)
            return f"<p>{escape(words)}</p>" if role == ToolTip else words
        return None

    def _scored(self, number: int) -> str:
        return f"{self._scores[number]:+.2f}" if self._scores and not math.isnan(self._scores[number]) else ""

    def _tell(self, numbers: Iterable[int]) -> None:
        rows = [self._row_of[number] for number in numbers if number in self._row_of]
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))


def _kept(image: QImage, side: int) -> QImage | None:
    """A copy with its own memory that is no larger than what is drawn; None of an empty image, which stays grey."""
    if image.isNull():
        return None
    if max(image.width(), image.height()) > side:
        smooth = Qt.TransformationMode.SmoothTransformation
        image = image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, smooth)
    return image.convertToFormat(QImage.Format.Format_RGB888).copy()


def _as_counted(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as people count: ``image2`` before ``image10``."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
