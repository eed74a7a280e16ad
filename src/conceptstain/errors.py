"""Errors that a user can act on: what is wrong, what was given, what to do."""

from __future__ import annotations

__all__ = ["ConceptStainError", "InputError", "MismatchError", "ReadingError"]


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


class MismatchError(ConceptStainError, ValueError):
    """Two things that are each right do not belong together (a concept and another encoder, a picture and a frame)."""
