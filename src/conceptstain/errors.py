"""Errors that a user can act on: what is wrong, what was given, what to do."""

from __future__ import annotations

__all__ = ["ConceptStainError", "InputError", "MismatchError", "ReadingError", "SectionChoice"]


class ConceptStainError(Exception):
    """Base of every error raised on purpose, told in three parts.

    Parameters
    ----------
    what
        What is wrong, as a sentence without its full stop.
    got
        What was given, with its shape, type or value.
    cure
        What to do about it, as a sentence without its full stop.
    """

    def __init__(self, what: str, *, got: str = "", cure: str = "") -> None:
        super().__init__(what, got, cure)
        self.what = what
        self.got = got
        self.cure = cure

    def __str__(self) -> str:
        told = [f"{self.what}."]
        if self.got:
            told.append(f"Got {self.got}.")
        if self.cure:
            told.append(f"{self.cure}.")
        return " ".join(told)


class InputError(ConceptStainError, ValueError):
    """An argument cannot be used as it is."""


class ReadingError(ConceptStainError, ValueError):
    """A file cannot be read as what it claims to be; the message names the file."""


class SectionChoice(ReadingError):  # noqa: N818 - a question to the user more than a failure
    """A file holds several sections, and which one to open was not said, or is not among them.

    Parameters
    ----------
    what, got, cure
        As for every error.
    names
        The sections to choose from.
    """

    def __init__(self, what: str, *, got: str = "", cure: str = "", names: tuple[str, ...] = ()) -> None:
        super().__init__(what, got=got, cure=cure)
        self.names = names


class MismatchError(ConceptStainError, ValueError):
    """Two things that are each right do not belong together (a concept and another encoder, a picture and a frame)."""
