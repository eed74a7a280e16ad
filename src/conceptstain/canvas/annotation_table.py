"""Tables of attributes: a row for each picture, its name first; CSV, TSV, and the lists that come with CelebA."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from conceptstain.canvas.annotations import Annotations, listed
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.errors import InputError, ReadingError
from conceptstain.foreign import foreign_reader

__all__ = ["read_annotations", "read_columns"]

LARGEST_FILE = 2**28
MOST_VALUES = 50  # of a column of words: with more it is no category
YES = frozenset({"true", "t", "yes", "y", "1", "+", "present", "positive"})
NO = frozenset({"false", "f", "no", "n", "0", "-1", "-", "absent", "negative"})
CURE = "Write one row for each picture: its name, then a value for every column of the header"


def read_annotations(
    path: str | os.PathLike[str],
    images: Images | ImageSet | None = None,
    *,
    thresholds: Mapping[str, float] | None = None,
) -> Annotations:
    """Attributes of pictures from a table whose first column names the picture.

    Columns of 0 and 1, of -1 and 1, of true and false, and of yes and no are attributes. A column of other words gives
    one attribute for each of them, called ``"column = word"``. A column of numbers is one where a threshold is given.
    Empty cells, and ``NA``, say nothing. CelebA's own lists (a line with the number of pictures, then columns with
    spaces between them) are read as they are.

    Parameters
    ----------
    path
        The table: separated by commas, tabs, semicolons or spaces.
    images
        The pictures it is about; see :meth:`Annotations.of`. None: they are matched later.
    thresholds
        For columns of numbers: pictures with this value or more have the attribute.

    Raises
    ------
    ReadingError
        Not a table, no columns beside the names, or a column name that is there twice.
    InputError
        None of the pictures is in it, or a threshold for what is no column of numbers.
    """
    path = Path(path)
    columns = read_columns(path)
    wanted = dict(thresholds or {})
    strangers = [name for name in wanted if name not in columns or not pd.api.types.is_numeric_dtype(columns[name])]
    if strangers:
        raise InputError(
            f"{path.name} has no numbers to compare with a threshold",
            got=f"a threshold for {listed(strangers)}",
            cure="Give thresholds for columns of numbers alone",
        )
    attributes: dict[str, pd.Series[bool]] = {}
    notes: list[str] = []
    nameless = columns.index.isna()
    if nameless.any():
        notes.append(f"{int(nameless.sum()):,} rows without the name of a picture are left out.")
    for name, column in columns[~nameless].items():
        made, note = _attributes(str(name), column, wanted.get(str(name)))
        attributes |= made
        notes += [note] if note else []
    if not attributes:
        raise ReadingError(f"{path.name} has no attributes", got="; ".join(notes) or "no columns", cure=CURE)
    table = pd.DataFrame(attributes, index=columns.index[~nameless])
    found = Annotations(path.name, table, tuple(notes))
    return found if images is None else found.of(images)


def read_columns(path: Path) -> pd.DataFrame:
    """A table as it is written, indexed by its first column; a ReadingError where it is none."""
    if not path.is_file():
        raise ReadingError(f"There is no file {path.name}", got=str(path), cure="Check the path")
    if path.stat().st_size > LARGEST_FILE:
        raise ReadingError(f"{path.name} is too large", got=f"{path.stat().st_size:,} bytes", cure="Leave columns out")
    with foreign_reader(path.name, "a table", CURE):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        filled = [line for line in lines if line.strip()]
        if filled and filled[0].strip().isdigit():  # CelebA's lists begin with how many pictures there are
            filled = filled[1:]
        if len(filled) < 2:
            raise ReadingError(f"{path.name} has no rows", got=f"{len(filled)} lines", cure=CURE)
        separator = next((each for each in "\t,;" if each in filled[0]), r"\s+")
        rows = pd.read_csv(
            io.StringIO("\n".join(filled)),
            sep=separator,
            header=None,
            skiprows=1,
            dtype={0: str},
            keep_default_na=False,
            na_values=["", "NA", "NaN", "nan"],
            skipinitialspace=True,
            index_col=False,
        )
        header = pd.read_csv(
            io.StringIO(filled[0]), sep=separator, header=None, dtype=str, skipinitialspace=True, keep_default_na=False
        )
        names = [str(name).strip() for name in header.iloc[0]]
    if len(names) == rows.shape[1] - 1:  # nothing written above the names of the pictures
        names = ["picture", *names]
    if len(names) != rows.shape[1] or len(names) < 2:
        raise ReadingError(
            f"{path.name} is no table of attributes",
            got=f"{len(names)} names of columns above {rows.shape[1]} columns",
            cure=CURE,
        )
    repeated = pd.Index(names)[pd.Index(names).duplicated()]
    if len(repeated):
        raise ReadingError(
            f"{path.name} has several columns of one name", got=listed(repeated.unique()), cure="Rename all but one"
        )
    return rows.set_axis(names, axis=1).set_index(names[0])


def _attributes(name: str, column: pd.Series, threshold: float | None) -> tuple[dict[str, pd.Series[bool]], str]:
    """What a column says as attributes, and what has to be told about it."""
    said = column.notna()
    if pd.api.types.is_bool_dtype(column):
        return {name: column.astype("boolean")}, ""
    if pd.api.types.is_numeric_dtype(column):
        values = set(column[said].unique())
        if threshold is not None:
            return {name: (column >= threshold).astype("boolean").where(said)}, ""
        if values <= {0, 1} or values <= {-1, 1}:
            return {name: (column == 1).astype("boolean").where(said)}, ""
        return {}, f"{name} holds numbers and is left out: give a threshold to make it an attribute."
    words = column.astype(str).str.strip()
    values = set(words[said])
    if {word.lower() for word in values} <= YES | NO:
        return {name: words.str.lower().isin(YES).astype("boolean").where(said)}, ""
    if len(values) > MOST_VALUES:
        return {}, f"{name} has {len(values):,} different values and is left out: no attribute has so many."
    made = {f"{name} = {word}": (words == word).astype("boolean").where(said) for word in sorted(values)}
    return made, f"{name} has {len(values)} values, each of which is an attribute: {listed(made)}."
