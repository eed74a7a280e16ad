"""What is said of whole pictures as labels: scenes, kinds of tissue, attributes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conceptstain.canvas.annotations import Annotations
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.label_maps import Label, LabelMaps

__all__ = ["whole_labels"]


def whole_labels(
    canvas: ImageSet, annotations: Annotations, attributes: Sequence[str] | None = None, *, category: str = "picture"
) -> LabelMaps:
    """Attributes of pictures as labels of all their pixels, as Broden has scenes and textures.

    Parameters
    ----------
    canvas
        The pictures.
    annotations
        What is said of them: :func:`~conceptstain.canvas.annotation_table.read_annotations`.
    attributes
        Those that are meant; None: all.
    category
        Of all these labels.

    Raises
    ------
    InputError
        No such attribute, or nothing is said of these pictures.
    """
    found = annotations.of(canvas)
    chosen = tuple(attributes or found.attributes)
    on_whole = np.zeros((len(canvas), 1 + len(chosen)), dtype=bool)
    for column, attribute in enumerate(chosen, 1):
        for name in found.positives(attribute):
            on_whole[canvas.item(name), column] = True
    items = np.array(sorted(canvas.item(str(name)) for name in found.table.index))
    labels = tuple(Label(attribute, category) for attribute in chosen)
    frame = (canvas.shape[1], canvas.shape[2])
    return LabelMaps(found.name, labels, frame, items, on_whole=on_whole, notes=found.notes)
