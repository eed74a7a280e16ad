"""What people say about pictures: for every attribute yes, no or nothing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import final

import numpy as np
import pandas as pd

from conceptstain.canvas.expression import counted
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.errors import InputError

__all__ = ["Annotations", "listed", "picture_meant"]

MASK_WORDS = re.compile(r"[-_](labels?|masks?|anno|annotation|seg|segmentation)$", re.IGNORECASE)
SHOWN = 5  # names spelled out in a note


@final
@dataclass(frozen=True, eq=False)
class Annotations:
    """Attributes of pictures: from a table (:func:`read_annotations`), or painted (:func:`painted_annotations`).

    Attributes
    ----------
    name
        Where they come from.
    table
        One row for each picture, by name, and one column for each attribute: True, False or missing (neither said).
    notes
        What was assumed, converted or left out, one sentence each, to be shown to the user.
    """

    name: str
    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return tuple(map(str, self.table.columns))

    def positives(self, attribute: str) -> tuple[str, ...]:
        """Names of the pictures that have it.

        Raises
        ------
        InputError
            No such attribute, or no picture has it.
        """
        found = self._with(attribute, value=True)
        if not found:
            raise InputError(
                f"No picture has the attribute {attribute!r}", got=self.name, cure="Choose another attribute"
            )
        return found

    def negatives(self, attribute: str) -> tuple[str, ...]:
        """Names of the pictures of which it is said that they do not have it; an InputError without the attribute."""
        return self._with(attribute, value=False)

    def of(self, images: Images | ImageSet) -> Annotations:
        """The same for the pictures of a set, in their order and by their names.

        Pictures are found by name, with or without ending and folder; masks also by names such as ``face1_mask.png``.
        What is said of others, and the pictures of which nothing is said, is told in the notes.

        Raises
        ------
        InputError
            None of the pictures is among them.
        """
        pictures = images.images if isinstance(images, ImageSet) else images
        found = [picture_meant(str(name), pictures) for name in self.table.index]
        known = np.array([index is not None for index in found], dtype=bool)
        if not known.any():
            raise InputError(
                f"{self.name} says nothing about the pictures of {pictures.name}",
                got=f"names such as {self.table.index[0]!r} for {pictures.names[0]!r}",
                cure="Name the pictures as their files are named, with or without ending",
            )
        order = np.array([index for index in found if index is not None], dtype=int)
        rows = self.table[known].set_axis(pd.Index(np.array(pictures.names)[order], name="picture"))
        once, notes = _once(rows)
        once = once.reindex([name for name in pictures.names if name in once.index])
        if not known.all():
            strangers = self.table.index[~known]
            notes.append(
                f"{len(strangers):,} of {len(self.table):,} names in {self.name} are of no picture of {pictures.name}: "
                f"{listed(strangers)}."
            )
        said = set(rows.index)
        unsaid = [name for name in pictures.names if name not in said]
        if unsaid:
            notes.append(
                f"{self.name} says nothing about {len(unsaid):,} of the {counted(len(pictures), 'picture')}, which "
                f"count for neither side: {listed(unsaid)}."
            )
        return replace(self, table=once, notes=(*self.notes, *notes))

    def _with(self, attribute: str, *, value: bool) -> tuple[str, ...]:
        if attribute not in self.table:
            near = difflib.get_close_matches(attribute, self.attributes, n=3) or self.attributes[:12]
            raise InputError(
                f"{self.name} has no attribute of that name",
                got=repr(attribute),
                cure=f"Choose one of: {', '.join(near)}" if near else "Read a table with attributes",
            )
        said = self.table[attribute]
        return tuple(map(str, self.table.index[(said.fillna(not value) == value).to_numpy(dtype=bool)]))


def listed(names: Iterable[object]) -> str:
    """Some names, and how many more there are."""
    told = [str(name) for name in names]
    more = f" and {len(told) - SHOWN:,} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def picture_meant(name: str, images: Images) -> int | None:
    """The picture that is meant: by its name as it stands, without folder, without ending, without a word for masks."""
    bare = PurePosixPath(name.replace("\\", "/")).name
    stem = bare.rpartition(".")[0]
    for each in (name, bare, stem, MASK_WORDS.sub("", stem)):
        index = images.index_of(each)
        if index is not None:
            return index
    return None


def _once(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """One row for each picture. Where several say different things of one, nothing is said of it."""
    repeated = rows.index.duplicated(keep=False)
    if not repeated.any():
        return rows, []
    alike = rows[repeated].groupby(level=0, sort=False).nunique(dropna=False).eq(1).all(axis=1)
    same, other = alike.index[alike], alike.index[~alike]
    notes = []
    if len(same):
        notes.append(f"{counted(len(same), 'picture')} named more than once, with the same values: {listed(same)}.")
    if len(other):
        notes.append(
            f"{counted(len(other), 'picture')} named more than once, with different values, count for neither side: "
            f"{listed(other)}."
        )
    return rows[~rows.index.duplicated()].drop(index=other), notes
