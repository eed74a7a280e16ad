"""One section out of a file that holds several."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData

from conceptstain.canvas.spot_positions import positions_in
from conceptstain.errors import ReadingError, SectionChoice

__all__ = ["Held", "chosen_section", "held_sections", "libraries_of", "refuse_choice"]

SURE = "library_id"  # the column that squidpy and scanpy tell sections by
COLUMNS = (
    SURE,
    "library",
    "section",
    "section_id",
    "slice",
    "slice_id",
    "sample",
    "sample_id",
    "sample_name",
    "batch",
)
OVERLAP = 0.1  # of the smaller box: sections laid side by side in one world share less


class Held(NamedTuple):
    """Names of the sections in a file, and the column of ``obs`` that says which spot is of which."""

    names: tuple[str, ...]
    column: str | None


def held_sections(adata: AnnData, file: str) -> Held:
    """What sections there are.

    Several entries of ``uns["spatial"]`` are several sections, told apart by the column of ``obs`` with their names. So
    are the values of ``obs["library_id"]``, and of a column such as ``sample`` where their spots lie over each other.

    Raises
    ------
    ReadingError
        Several sections, and no column that says which spot is of which.
    """
    libraries = tuple(libraries_of(adata))
    grouping = {name: _values(adata.obs[name]) for name in COLUMNS if name in adata.obs}
    if len(libraries) > 1:
        fitting = [name for name, values in grouping.items() if set(values) <= set(libraries)]
        if not fitting:
            raise ReadingError(
                f"{file} holds several sections and does not say which spot is of which",
                got=", ".join(libraries),
                cure=f'Write obs["{SURE}"] with these names, or one file for each section',
            )
        present = set(grouping[fitting[0]])
        return Held(tuple(name for name in libraries if name in present), fitting[0])
    for name, values in grouping.items():
        groups = tuple(dict.fromkeys(values))
        if 1 < len(groups) < adata.n_obs and (name == SURE or _overlap(adata, values, groups, file)):
            return Held(groups, name)
    return Held(libraries, None)


def chosen_section(adata: AnnData, file: str, name: str | None) -> tuple[AnnData, str | None, tuple[str, ...]]:
    """The spots of one section, its name where the file gives one, and a note.

    Raises
    ------
    SectionChoice
        Several sections and no name, or no section of that name.
    """
    held = held_sections(adata, file)
    if held.column is None or len(held.names) < 2:
        only = held.names[0] if held.names else None
        if name is not None and name != only:
            raise refuse_choice(file, held.names, name)
        return adata, only, ()
    if name not in held.names:
        raise refuse_choice(file, held.names, name)
    kept = (_values(adata.obs[held.column]) == name).to_numpy()
    chosen = adata[kept].copy()
    libraries = libraries_of(adata)
    if libraries:
        chosen.uns["spatial"] = {each: content for each, content in libraries.items() if each == name}
    return chosen, name, (f"{name} is one of {len(held.names)} sections in the file (obs[{held.column!r}]).",)


def refuse_choice(file: str, names: tuple[str, ...], asked: str | None) -> SectionChoice:
    """The error that offers the sections of a file."""
    if asked is None:
        listed = ", ".join(names)
        return SectionChoice(
            f"{file} holds several sections", got=listed, cure=f"Choose one, such as section={names[0]!r}", names=names
        )
    return SectionChoice(
        f"{file} has no section of that name",
        got=repr(asked),
        cure=f"Choose one of: {', '.join(names)}" if names else "Leave the section out; the file holds one",
        names=names,
    )


def libraries_of(adata: AnnData) -> dict[str, Mapping[str, object]]:
    """The entries of ``uns["spatial"]`` by name, sorted: folders of zarr are listed in any order."""
    spatial = adata.uns.get("spatial", {})
    entries = spatial.items() if isinstance(spatial, Mapping) else ()
    held = {str(name): content for name, content in entries if isinstance(content, Mapping)}
    return dict(sorted(held.items()))


def _values(column: pd.Series[str]) -> pd.Series[str]:
    return column.astype("object").where(column.notna(), "none").astype(str)


def _overlap(adata: AnnData, values: pd.Series[str], groups: tuple[str, ...], file: str) -> bool:
    """Whether the boxes around any two groups share more than a tenth of the smaller one."""
    try:
        positions, _ = positions_in(adata, file)
    except ReadingError:
        return False  # told later, with what is wrong with the positions
    boxes = []
    for group in groups[:100]:
        spots = positions[(values == group).to_numpy()]
        boxes.append((spots.min(axis=0), spots.max(axis=0)))
    for (low, high), (other_low, other_high) in combinations(boxes, 2):
        shared = np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None)
        smaller = np.minimum(high - low, other_high - other_low)
        if (smaller > 0).all() and np.prod(shared / smaller) > OVERLAP:
            return True
    return False
