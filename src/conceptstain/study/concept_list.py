"""The list of concepts: definitions with names and colours, and undo. It knows no encoder and no section."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, final, get_args

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError

__all__ = ["LONGEST_NAME", "WONG", "ConceptList", "Entry", "ListState", "Sign"]

Sign = Literal["+", "-"]

LONGEST_NAME = 500  # characters of a concept's name that a saved study holds

# Wong, Nature Methods 8, 441 (2011): told apart by readers with any colour vision; black is left to text.
WONG = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")


@final
@dataclass(frozen=True, eq=False)
class Entry:
    """A line of the concept list: a definition and the colour it is shown in."""

    definition: Definition
    colour: str

    @property
    def name(self) -> str:
        """The definition's name."""
        return self.definition.name


class ListState(NamedTuple):
    """The list at one moment, with what can be taken back (last one first to go) and made again."""

    entries: tuple[Entry, ...] = ()
    done: tuple[tuple[Entry, ...], ...] = ()
    undone: tuple[tuple[Entry, ...], ...] = ()

    @property
    def definitions(self) -> set[Definition]:
        """All that are in the list, now or by undo and redo."""
        return {entry.definition for entries in (self.entries, *self.done, *self.undone) for entry in entries}


@final
class ConceptList:
    """Entries in order; every change can be taken back.

    Parameters
    ----------
    changed
        Called after every change.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._entries: tuple[Entry, ...] = ()
        self._done: list[tuple[Entry, ...]] = []
        self._undone: list[tuple[Entry, ...]] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, name: str) -> Entry:
        """A line by its name; an InputError where there is none."""
        for entry in self._entries:
            if entry.name == name:
                return entry
        raise InputError("There is no concept of that name", got=repr(name), cure="Choose one from the list")

    @property
    def state(self) -> ListState:
        """All of it as it is now; it does not change when the list does."""
        return ListState(self._entries, tuple(self._done), tuple(self._undone))

    def take_up(self, state: ListState) -> None:
        """Go on from a state; nobody is told."""
        self._entries, self._done, self._undone = state.entries, list(state.done), list(state.undone)

    def begin_again(self, is_kept: Callable[[Definition], bool]) -> tuple[Entry, ...]:
        """Start over with some of the entries; there is nothing to take back, and nobody is told.

        Returns
        -------
        tuple of Entry
            What was left behind.
        """
        left = tuple(entry for entry in self._entries if not is_kept(entry.definition))
        self._entries = tuple(entry for entry in self._entries if entry not in left)
        self._done, self._undone = [], []
        return left

    # -- changes ---------------------------------------------------------------------------------------------------

    def add(self, definition: Definition, *, colour: str | None = None) -> Entry:
        """Add a concept at the end, in the first colour that is free.

        Raises
        ------
        InputError
            The name is empty, taken, or none that a file holds.
        """
        self._check_name(definition.name)
        if definition.name != definition.name.strip():
            definition = definition.renamed(definition.name.strip())
        used = {entry.colour for entry in self._entries}
        free = [wong for wong in WONG if wong not in used] or [WONG[len(self._entries) % len(WONG)]]
        entry = Entry(definition, colour or free[0])
        self._change((*self._entries, entry))
        return entry

    def rename(self, name: str, definition: Definition) -> None:
        """Put in the place of a concept the same definition under another name.

        Raises
        ------
        InputError
            The name is empty, taken, or none that a file holds.
        """
        self._check_name(definition.name)
        self._replace(self.entry(name), replace(self.entry(name), definition=definition))

    def redefine(self, name: str, definition: Definition) -> None:
        """Put another definition of the same name in the place of a concept's."""
        self._replace(self.entry(name), replace(self.entry(name), definition=definition))

    def recolour(self, name: str, colour: str) -> None:
        """Give a concept another colour, ``#rrggbb``."""
        entry = self.entry(name)
        self._replace(entry, replace(entry, colour=colour))

    def remove(self, name: str) -> None:
        """Take a concept off the list."""
        entry = self.entry(name)
        self._change(tuple(other for other in self._entries if other is not entry))

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a taken-back change to make again."""
        return bool(self._undone)

    def undo(self) -> None:
        """Take back the last change."""
        if self._done:
            self._undone.append(self._entries)
            self._set(self._done.pop())

    def redo(self) -> None:
        """Make the last taken-back change again."""
        if self._undone:
            self._done.append(self._entries)
            self._set(self._undone.pop())

    # -- names -----------------------------------------------------------------------------------------------------

    def free_name(self, wanted: str) -> str:
        """The wanted name, or the wanted name with the first free number."""
        taken = {entry.name for entry in self._entries}
        if wanted not in taken:
            return wanted
        number = 2
        while f"{wanted} {number}" in taken:
            number += 1
        return f"{wanted} {number}"

    def combination(self, first: str, second: str, sign: Sign) -> Definition:
        """Two concepts taken together (``"+"``), or the first against the second (``"-"``), under a free name.

        It is not added. It holds its parts as they are now, so that renaming or removing them leaves it as it is.

        Raises
        ------
        InputError
            No such concept or sign, concepts of different forms or spaces, or nothing left of them.
        """
        if sign not in get_args(Sign):
            raise InputError("There is no such sign", got=repr(sign), cure="Use + or -")
        one, other = self.entry(first).definition, self.entry(second).definition
        made = one + other if sign == "+" else one - other
        return made.renamed(self.free_name(made.name))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _check_name(self, name: str) -> None:
        if not name.strip():
            raise InputError("A concept needs a name", cure="Type one")
        if any(entry.name == name.strip() for entry in self._entries):
            raise InputError("There is already a concept of that name", got=repr(name), cure="Choose another name")
        if len(name.strip()) > LONGEST_NAME or not name.strip().isprintable():
            raise InputError(
                "A name like that cannot be saved",
                got=f"{len(name):,} characters, such as {name.strip()[:20]!r}",
                cure=f"Use at most {LONGEST_NAME} characters, on one line",
            )

    def _replace(self, old: Entry, new: Entry) -> None:
        self._change(tuple(new if entry is old else entry for entry in self._entries))

    def _change(self, entries: tuple[Entry, ...]) -> None:
        self._done.append(self._entries)
        self._undone = []
        self._set(entries)

    def _set(self, entries: tuple[Entry, ...]) -> None:
        self._entries = entries
        self._changed()
