"""Which class every item of a canvas is of: what a classifier learns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy.typing import NDArray

from conceptstain.canvas.annotations import Annotations, listed
from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.class_tables import classes_of_annotations, classes_of_table
from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.patch_coverage import covered_parts
from conceptstain.canvas.region import Region
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices

__all__ = ["ClassLabels", "class_labels"]

MOST_CLASSES = 200
LEAST_COVERED = 0.5


@final
@dataclass(frozen=True, eq=False)
class ClassLabels:
    """A class for every item of a canvas, or none. Make them with :func:`class_labels`.

    Attributes
    ----------
    name
        Where they come from.
    classes
        Names of the classes.
    codes
        Index of the class of every item; -1 where none is known.
    items
        Names of the items.
    notes
        What was assumed or left out, one sentence each, to be shown to the user.
    """

    parts: ClassVar[bool] = False

    name: str
    classes: tuple[str, ...]
    codes: Int[np.ndarray, " items"]
    items: pd.Index[str]
    notes: tuple[str, ...] = ()

    @property
    def labelled(self) -> NDArray[np.integer]:
        """Indices of the items of which a class is known."""
        return np.flatnonzero(self.codes >= 0)

    @property
    def counts(self) -> dict[str, int]:
        """How many items of each class there are."""
        return {name: int((self.codes == code).sum()) for code, name in enumerate(self.classes)}

    def of(self, items: ItemIndices) -> Float[np.ndarray, "items classes"]:
        """1 for the class of each item; all 0 where none is known."""
        codes = self.codes[np.asarray(items, dtype=int)]
        return np.asarray(codes[:, None] == np.arange(len(self.classes)), dtype=np.float32)

    def check(self, canvas: Canvas) -> None:
        """Refuse a canvas of other items.

        Raises
        ------
        InputError
            They have other names, or another order.
        """
        if not self.items.equals(pd.Index(canvas.item_names)):
            raise InputError(
                f"The labels of {self.name} are of other {several(canvas.noun)}",
                got=f"{len(self.items):,} labels for {counted(len(canvas), canvas.noun)} of {canvas.source.name}",
                cure="Make them for the canvas that is learned from",
            )


def class_labels(
    canvas: Canvas,
    *,
    obs: str | None = None,
    folders: bool = False,
    table: str | os.PathLike[str] | None = None,
    annotations: Annotations | None = None,
    column: str | None = None,
    regions: Sequence[Region] | None = None,
    values: Mapping[str, str] | pd.Series | None = None,
) -> ClassLabels:
    """Classes of items, from one of several sources.

    Items of which nothing is said are not learned from; the notes tell how many.

    Parameters
    ----------
    canvas
        What is to be told apart.
    obs
        Of spots: a column of the section's ``obs``, such as ``"layer"``.
    folders
        Of pictures: the name of the folder that each lies in.
    table
        A CSV or TSV file with a row for each item, its name first.
    annotations
        Attributes of pictures: :func:`~conceptstain.canvas.annotation_table.read_annotations`.
    column
        Of a table, the column with the classes; None: the only one. Of annotations, the attribute, which is told from
        what does not have it; or the column that several attributes were made of; None: all attributes are classes.
    regions
        Of spots and of patches of a slide: each region is a class. Patches are of the one that covers half of them or
        more; what lies in several is of none.
    values
        Classes by name of the item.

    Raises
    ------
    InputError
        Nothing or several of these, a source that is not for such a canvas, or no class at all.
    ReadingError
        A table that cannot be read.
    """
    sources = {
        "obs": obs,
        "folders": folders or None,
        "table": table,
        "annotations": annotations,
        "regions": regions,
        "values": values,
    }
    given = [word for word, source in sources.items() if source is not None]
    if len(given) != 1:
        raise InputError(
            "Classes come from one source",
            got=" and ".join(given) or "none",
            cure=f"Give one of: {', '.join(f'{word}=' for word in sources)}",
        )
    if obs is not None:
        return _of_obs(canvas, obs)
    if folders:
        return _of_folders(canvas)
    if table is not None:
        return _labels(canvas, *classes_of_table(canvas, table, column))
    if annotations is not None:
        return _labels(canvas, *classes_of_annotations(canvas, annotations, column))
    if regions is not None:
        return _of_regions(canvas, regions)
    told = values if isinstance(values, pd.Series) else pd.Series(dict(values or {}), dtype=object)
    strangers = [str(name) for name in told.index if name not in canvas.item_names]
    if strangers:
        raise InputError(
            f"{canvas.source.name} has no {several(canvas.noun)} of these names",
            got=listed(strangers),
            cure="Name items of the canvas",
        )
    return _labels(canvas, "values", told.reindex(canvas.item_names))


def _of_obs(canvas: Canvas, column: str) -> ClassLabels:
    if not isinstance(canvas, SpotProfiles):
        raise InputError(
            f"Only spots are annotated in obs, and here the items are {several(canvas.noun)}",
            got=f"obs={column!r}",
            cure='View the section with section.view("spots")',
        )
    groups = canvas.section.annotations
    table = canvas.section.adata.obs
    if column not in table:
        raise InputError(
            f"{canvas.section.name} has no annotation of that name",
            got=repr(column),
            cure=f"Choose one of: {', '.join(groups)}" if groups else "Give a table of the spots (table=)",
        )
    return _labels(canvas, f"{canvas.section.name}, {column}", table[column])


def _of_folders(canvas: Canvas) -> ClassLabels:
    paths = [each.path for each in canvas.images.stored] if isinstance(canvas, ImageSet) else [None]
    if not isinstance(canvas, ImageSet) or any(path is None for path in paths):
        raise InputError(
            "Only pictures in files lie in folders",
            got=f"{several(canvas.noun)} of {canvas.source.name}",
            cure="Open the files of several folders, or give a table",
        )
    told = [path.absolute().parent.name for path in paths if path is not None]
    return _labels(canvas, f"the folders of {canvas.images.name}", pd.Series(told, index=canvas.item_names))


def _of_regions(canvas: Canvas, regions: Sequence[Region]) -> ClassLabels:
    names = [region.name for region in regions]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated or not isinstance(canvas, SpotProfiles | ImagePatches):
        raise InputError(
            "Regions are classes of spots or of patches, each by its own name",
            got=f"{repeated[0]!r} more than once" if repeated else several(canvas.noun),
            cure="Rename one of them" if repeated else "View the section as spots, or the slide as patches",
        )
    chosen = np.zeros((len(regions), len(canvas)), dtype=bool)
    for row, region in enumerate(regions):
        if isinstance(canvas, SpotProfiles):
            chosen[row] = region.choose(canvas.section)
        else:
            chosen[row] = covered_parts(region, canvas) >= LEAST_COVERED
    several_times = chosen.sum(axis=0) > 1
    told = np.full(len(canvas), None, dtype=object)
    for row, name in enumerate(names):
        told[chosen[row] & ~several_times] = name
    shared = int(several_times.sum())
    notes = (f"{counted(shared, canvas.noun)} in several regions count for none.",) if shared else ()
    return _labels(canvas, "regions", pd.Series(told, index=canvas.item_names), notes, order=names)


def _labels(
    canvas: Canvas,
    name: str,
    told: pd.Series,
    notes: Sequence[str] = (),
    *,
    order: Sequence[str] | None = None,
) -> ClassLabels:
    """Classes by what is said of the items, in their order; what is said of none of them is no class."""
    known = told.notna().to_numpy()
    words = np.array([_word(value) if there else "" for value, there in zip(told, known, strict=True)], object)
    found = set(words) - {""}
    if order is None:
        is_ordered = isinstance(told.dtype, pd.CategoricalDtype)
        order = [_word(each) for each in told.cat.categories] if is_ordered else sorted(found)
    classes = tuple(word for word in dict.fromkeys(order) if word in found)
    if not 0 < len(classes) <= MOST_CLASSES:
        raise InputError(
            f"{name} sorts the {several(canvas.noun)} into no classes",
            got=f"{len(classes):,} different values",
            cure=f"Name what has 2 to {MOST_CLASSES} values",
        )
    codes = np.array([classes.index(word) if word else -1 for word in words])
    unsaid = int((codes < 0).sum())
    lacking = (f"{counted(unsaid, canvas.noun)} of {len(canvas):,} without a class are not learned from.",)
    return ClassLabels(name, classes, codes, pd.Index(canvas.item_names), (*notes, *(lacking if unsaid else ())))


def _word(value: object) -> str:
    """A class as it is called; numbers that a gap in their column made fractions are whole again."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
