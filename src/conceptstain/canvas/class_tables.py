"""Classes of items from tables and from attributes of pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from conceptstain.canvas.annotation_table import read_columns
from conceptstain.canvas.annotations import Annotations, listed
from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.image_set import ImageSet
from conceptstain.errors import InputError

__all__ = ["classes_of_annotations", "classes_of_table"]


def classes_of_table(
    canvas: Canvas, path: str | os.PathLike[str], column: str | None
) -> tuple[str, pd.Series, tuple[str, ...]]:
    """What a column of a table says of every item, with the name and notes to tell.

    Raises
    ------
    InputError
        No such column, several to choose from, or none of the items is in the table.
    ReadingError
        It cannot be read.
    """
    path = Path(path)
    columns = read_columns(path)
    columns = columns[~columns.index.isna()]
    if column is None and columns.shape[1] == 1:
        column = str(columns.columns[0])
    if column is None or column not in columns:
        raise InputError(
            f"{path.name} has no column of that name" if column else f"{path.name} has several columns",
            got=repr(column) if column else listed(columns.columns),
            cure=f"Choose one of: {listed(columns.columns)}",
        )
    name = f"{path.name}, {column}"
    if isinstance(canvas, ImageSet):
        found = Annotations(path.name, columns[[column]]).of(canvas)
        return name, found.table[column].reindex(canvas.item_names), found.notes
    told = columns[column]
    repeated = told.index[told.index.duplicated()].unique()
    known = told.index.isin(canvas.item_names)
    if len(repeated) or not known.any():
        raise InputError(
            f"{path.name} names {several(canvas.noun)} more than once"
            if len(repeated)
            else f"{path.name} says nothing about the {several(canvas.noun)} of {canvas.source.name}",
            got=listed(repeated) if len(repeated) else f"names such as {str(told.index[0])!r}",
            cure="Name each once" if len(repeated) else f"Name them as {str(canvas.item_names[0])!r}",
        )
    strangers = told.index[~known]
    note = f"{len(strangers):,} of {len(told):,} names in {path.name} are of no {canvas.noun}: {listed(strangers)}."
    return name, told.reindex(canvas.item_names), (note,) if len(strangers) else ()


def classes_of_annotations(
    canvas: Canvas, annotations: Annotations, column: str | None
) -> tuple[str, pd.Series, tuple[str, ...]]:
    """Which attribute every picture has, with the name and notes to tell.

    Raises
    ------
    InputError
        No pictures, no such attribute, or annotations of other pictures.
    """
    if not isinstance(canvas, ImageSet):
        raise InputError(
            "Annotations are of pictures", got=f"{several(canvas.noun)} of {canvas.source.name}", cure="Give a table"
        )
    found = annotations.of(canvas)
    if column is not None and column in found.table:
        said = found.table[column].astype("boolean")
        words = np.where(said.fillna(value=False), column, f"not {column}")
        told = pd.Series(words, index=found.table.index).where(said.notna().to_numpy())
        return f"{found.name}, {column}", told.reindex(canvas.item_names), found.notes
    attributes = _of_column(found, column)
    has = found.table[attributes].fillna(value=False).to_numpy(dtype=bool)
    alone = has.sum(axis=1) == 1
    names = [attribute.removeprefix(f"{column} = ") for attribute in attributes]
    words = np.array(names, dtype=object)[has.argmax(axis=1)]
    told = pd.Series(words, index=found.table.index).where(alone)
    several_times = int((has.sum(axis=1) > 1).sum())
    note = f"{counted(several_times, 'picture')} with several of these attributes count for none."
    return found.name, told.reindex(canvas.item_names), (*found.notes, *((note,) if several_times else ()))


def _of_column(found: Annotations, column: str | None) -> Sequence[str]:
    """The attributes that a column of words was made into; without a column, all."""
    chosen = [name for name in found.attributes if column is None or name.startswith(f"{column} = ")]
    if not chosen:
        raise InputError(
            f"{found.name} has no attribute of that name",
            got=repr(column),
            cure=f"Choose one of: {listed(found.attributes)}",
        )
    return chosen
