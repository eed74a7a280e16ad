"""The latents of an encoder as a Qt list: how much each says, where it looks, and what it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt
from qtpy.QtGui import QImage

__all__ = ["ALL", "MAP", "SAYS", "WALK", "LatentList"]

SAYS = int(Qt.ItemDataRole.UserRole)  # how much, in a few words
MAP = SAYS + 1
WALK = SAYS + 2
ALL = "all latents"

Accessible = Qt.ItemDataRole.AccessibleTextRole
Display = Qt.ItemDataRole.DisplayRole
ToolTip = Qt.ItemDataRole.ToolTipRole


class LatentList(QAbstractListModel):
    """All latents together in the first row, then one latent in each, the one that says most first.

    Numbers of latents are their own, whatever the row; ``None`` is all of them. Pictures come when they are made.
    """

    def __init__(self) -> None:
        super().__init__()
        self._order: tuple[int | None, ...] = ()
        self._row_of: dict[int | None, int] = {}
        self._says: dict[int | None, str] = {}
        self._about = ""
        self._maps: dict[int | None, QImage] = {}
        self._walks: dict[int | None, Sequence[QImage]] = {}

    # -- what is shown ---------------------------------------------------------------------------------------------

    def show_latents(self, order: Sequence[int], says: Mapping[int | None, str], about: str) -> None:
        """Show latents in an order, with what is said of each, and in tooltips what that is; no picture yet."""
        self.beginResetModel()
        self._order = (None, *order) if order else ()
        self._row_of = {latent: row for row, latent in enumerate(self._order)}
        self._says, self._about = dict(says), about
        self._maps, self._walks = {}, {}
        self.endResetModel()

    def show_maps(self, maps: Mapping[int | None, QImage]) -> None:
        """Show where latents look, in place of what was shown of them before."""
        self._maps |= maps
        self._tell(maps)

    def show_walks(self, walks: Mapping[int | None, Sequence[QImage]]) -> None:
        """Show what latents draw."""
        self._walks |= dict(walks)
        self._tell(walks)

    # -- latents and rows ------------------------------------------------------------------------------------------

    def latent(self, row: int) -> int | None:
        """The latent in a row; None: all of them."""
        return self._order[row]

    def row_of(self, latent: int | None) -> int | None:
        """Row of a latent; None where it is not listed."""
        return self._row_of.get(latent)

    # -- Qt's side -------------------------------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """One more than there are latents; 0 before they are known."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def data(self, index: QModelIndex, role: int = Display) -> Any:
        """Name, words, map and pictures of the latent in a row."""
        if not 0 <= index.row() < len(self._order):
            return None
        latent = self._order[index.row()]
        name = ALL if latent is None else f"latent {latent}"
        if role == Display:
            return name
        if role == SAYS:
            return self._says.get(latent, "")
        if role == MAP:
            return self._maps.get(latent)
        if role == WALK:
            return self._walks.get(latent, ())
        if role in {ToolTip, Accessible}:
            words = ", ".join(each for each in (name, self._says.get(latent, "")) if each)
            return f"<p>{escape(words)}. {escape(self._about)}</p>" if role == ToolTip else words
        return None

    def _tell(self, latents: Mapping[Any, object]) -> None:
        rows = [self._row_of[latent] for latent in latents if latent in self._row_of]
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))
