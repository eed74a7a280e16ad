"""Broden's layout: pictures with several segmentations each, in categories (Bau, Zhou et al. 2017).

A folder with ``index.csv`` (a row for each picture), ``category.csv``, ``label.csv``, a ``c_<category>.csv`` for each
category, and ``images/`` with the pictures and their masks. A mask is a PNG whose pixels hold the number of a label,
red plus 256 times green.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Int

from conceptstain.canvas.expression import counted
from conceptstain.canvas.image_file import read_page
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.canvas.label_maps import Label, LabelMaps
from conceptstain.canvas.opening import open_source
from conceptstain.errors import InputError, MismatchError, ReadingError
from conceptstain.foreign import foreign_reader

__all__ = ["Broden", "open_broden"]

CURE = "Give a folder in Broden's layout: index.csv, category.csv, label.csv, c_<category>.csv and images/"
PICTURES = "images"


@final
@dataclass(frozen=True, eq=False)
class Broden:
    """Pictures and what is said of them. Make it with :func:`open_broden`.

    Attributes
    ----------
    folder
        Where it lies.
    images
        The pictures, in the order of the index.
    index
        The rows of ``index.csv`` that were kept.
    labels
        Every label in its primary category, the one in which it covers most.
    number_of
        Which label each number in a mask is, from 1; numbers that are none are missing.
    """

    folder: Path
    images: Images
    index: pd.DataFrame
    labels: tuple[Label, ...]
    number_of: dict[int, int]

    def maps(self, canvas: ImageSet) -> LabelMaps:
        """The segmentations on the frame of a view of these pictures, and the labels of whole pictures.

        Raises
        ------
        MismatchError
            A view of other pictures.
        """
        if canvas.images is not self.images:
            raise MismatchError(
                "These labels are of other pictures",
                got=f"a view of {canvas.images.name}",
                cure='Use broden.images.view("images")',
            )
        row_of = self._rows()
        categories = [column for column in self.index if column in {label.category for label in self.labels}]
        on_whole = np.zeros((len(canvas), 1 + len(self.labels)), dtype=bool)
        masks: dict[int, list[Path]] = {}
        for item, row in enumerate(row_of):
            for category in categories:
                for word in str(self.index.iloc[row][category]).split(";"):
                    if word.isdigit():
                        on_whole[item, self.number_of.get(int(word), 0)] = True
                    elif word:
                        masks.setdefault(item, []).append(self.folder / PICTURES / word)
        on_whole[:, 0] = False
        known = np.zeros(max(self.number_of, default=0) + 1, dtype=np.int32)
        known[list(self.number_of)] = list(self.number_of.values())

        def planes(item: int) -> Int[np.ndarray, "planes rows columns"] | None:
            found = [canvas.lay_labels(_read(path, known), item) for path in masks.get(item, ())]
            return np.stack(found) if found else None

        said = np.array([item in masks or on_whole[item].any() for item in range(len(canvas))], dtype=bool)
        frame = (canvas.shape[1], canvas.shape[2])
        return LabelMaps(
            self.folder.name, self.labels, frame, np.flatnonzero(said), sources=((planes, 0),), on_whole=on_whole
        )

    def _rows(self) -> list[int]:
        """The row of the index for each picture; those that could not be read are not among them."""
        place = {(self.folder / PICTURES / str(name)).resolve(): row for row, name in enumerate(self.index["image"])}
        return [place[each.path.resolve()] for each in self.images.stored if each.path is not None]


def open_broden(folder: str | os.PathLike[str], *, split: str | None = None, least_images: int = 1) -> Broden:
    """Open pictures with their segmentations in Broden's layout.

    Parameters
    ----------
    folder
        Where ``index.csv`` is.
    split
        ``"train"`` or ``"val"``; None: all pictures.
    least_images
        Labels on fewer pictures than this are left out; the paper left out those on fewer than 10.

    Raises
    ------
    ReadingError
        A table is missing or is none, or no picture can be read.
    InputError
        No picture of that split, or no label on so many.
    """
    folder = Path(folder)
    index = _table(folder / "index.csv", {"image"}, words=True)
    categories = [str(name) for name in _table(folder / "category.csv", {"name"})["name"]]
    names = _table(folder / "label.csv", {"number", "name", "category"}).set_index("number")["name"]
    if split is not None:
        index = index[index["split"] == split] if "split" in index else index.iloc[:0]
    if not len(index):
        raise InputError(f"{folder.name} has no pictures of that split", got=repr(split), cure="Use train or val")
    labels, number_of = _labels(folder, categories, names, least_images)
    if not labels:
        raise InputError(
            f"No label of {folder.name} is on so many pictures", got=f"{least_images:,}", cure="Lower least_images"
        )
    pictures = open_source([folder / PICTURES / str(name) for name in index["image"]], as_="images")
    if not isinstance(pictures, Images):
        raise ReadingError(f"{folder.name} has no pictures", got=counted(len(index), "row"), cure=CURE)
    return Broden(folder, pictures, index.reset_index(drop=True), labels, number_of)


def _labels(
    folder: Path, categories: list[str], names: pd.Series[str], least_images: int
) -> tuple[tuple[Label, ...], dict[int, int]]:
    """Labels in their primary categories, as the released code has it: where their coverage is largest."""
    coverage: dict[int, tuple[float, str]] = {}
    for category in categories:
        table = _table(folder / f"c_{category}.csv", {"number", "frequency", "coverage"})
        for row in table.itertuples():
            if row.frequency >= least_images and row.number != 0:
                share = float(row.coverage)
                if int(row.number) not in coverage or share > coverage[int(row.number)][0]:
                    coverage[int(row.number)] = (share, category)
    labels: list[Label] = []
    number_of: dict[int, int] = {}
    for category in categories:
        for number in sorted(each for each, (_, primary) in coverage.items() if primary == category):
            name = str(names.get(number, number))
            label = Label(name, category)
            if label in labels:
                label = Label(f"{name} ({number})", category)
            labels.append(label)
            number_of[number] = len(labels)
    return tuple(labels), number_of


def _table(path: Path, columns: set[str], *, words: bool = False) -> pd.DataFrame:
    if not path.is_file():
        raise ReadingError(f"{path.parent.name} has no {path.name}", got=str(path.parent), cure=CURE)
    with foreign_reader(path.name, "a table", CURE):
        # A column of numbers with gaps would be read as fractions.
        table = pd.read_csv(path, dtype=str, keep_default_na=False) if words else pd.read_csv(path)
    missing = columns - set(table)
    if missing:
        raise ReadingError(f"{path.name} has no column {min(missing)}", got=", ".join(table), cure=CURE)
    return table


def _read(path: Path, known: Int[np.ndarray, " numbers"]) -> Int[np.ndarray, "height width"]:
    """A mask as labels, those that are left out as none."""
    pixels = read_page(path, 0).pixels.astype(np.int64)
    numbers = pixels if pixels.ndim == 2 else pixels[..., 0] + 256 * pixels[..., 1]
    return np.where(numbers < len(known), known[np.minimum(numbers, len(known) - 1)], 0)
