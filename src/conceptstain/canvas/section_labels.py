"""Annotations of spots as label maps: layers on gene pictures and on spot profiles."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from conceptstain.canvas.expression import counted
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.label_maps import Label, LabelMaps
from conceptstain.canvas.section import Section
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError

__all__ = ["section_labels"]


def section_labels(canvas: GenePictures | SpotProfiles, *columns: str) -> LabelMaps:
    """Groups of spots, such as layers, by columns of ``obs``: each column is a category, each of its values a label.

    On gene pictures every item has the same map, of the grid's cells. On spot profiles the spots are the places of one
    picture: the map of an item is its own spot, one by one pixel.

    Parameters
    ----------
    canvas
        A view of the section.
    columns
        Names of columns; none: all that sort the spots into groups.

    Raises
    ------
    InputError
        No such column, or none that sorts the spots.
    """
    section = canvas.section
    groups = section.annotations
    chosen = columns or tuple(groups)
    unknown = [column for column in chosen if column not in groups]
    if unknown or not chosen:
        raise InputError(
            f"{section.name} has no annotation of that name",
            got=repr(unknown[0]) if unknown else "none that sorts the spots into groups",
            cure=f"Choose one of: {', '.join(groups)}" if groups else "Annotate the spots in a column of obs",
        )
    labels = tuple(Label(value, column) for column in chosen for value in groups[column])
    numbers = _numbers(section, chosen, labels)
    unsaid = int((numbers == 0).all(axis=0).sum())
    notes = [f"{counted(unsaid, 'spot')} of {section.n_spots:,} without any label."] if unsaid else []
    if isinstance(canvas, SpotProfiles):
        return LabelMaps(
            section.name,
            labels,
            (1, 1),
            np.flatnonzero((numbers > 0).any(axis=0)),
            sources=((lambda item: numbers[:, item, None, None], 0),),
            notes=tuple(notes),
        )
    on_grid = np.zeros((len(chosen), canvas.grid.frame[0] * canvas.grid.frame[1]), dtype=np.int32)
    shared = np.zeros(on_grid.shape, dtype=bool)
    for plane, values in enumerate(numbers):
        for cell, value in zip(canvas.grid.cells, values, strict=True):
            shared[plane, cell] |= on_grid[plane, cell] not in {0, value}
            on_grid[plane, cell] = value
    on_grid[shared] = 0
    if shared.any():
        notes.append(f"{counted(int(shared.sum()), 'cell')} with spots of different labels count for none of them.")
    planes = on_grid.reshape(len(chosen), *canvas.grid.frame)
    return LabelMaps(
        section.name,
        labels,
        canvas.grid.frame,
        canvas.trainable,
        sources=((lambda _item: planes, 0),),
        notes=tuple(notes),
    )


def _numbers(section: Section, columns: tuple[str, ...], labels: tuple[Label, ...]) -> Int[np.ndarray, "columns spots"]:
    number_of = {label: number for number, label in enumerate(labels, 1)}
    numbers = np.zeros((len(columns), section.n_spots), dtype=np.int32)
    for row, column in enumerate(columns):
        values = section.adata.obs[column]
        for spot in np.flatnonzero(values.notna().to_numpy()):
            numbers[row, spot] = number_of[Label(str(values.iloc[spot]), column)]
    return numbers
