"""Cross-fitted scores of pictures and patches, fold by fold and item by item."""

from __future__ import annotations

import numpy as np


def crossed(
    latents: np.ndarray, inside: np.ndarray, folds: np.ndarray, boxes: np.ndarray | None, form: str = "contrast"
) -> np.ndarray:
    """Scores of every item along the direction of those that are not hidden with it, and share no pixel with any.

    ``boxes`` are top, left, bottom and right of patches in pixels; None: pictures.
    """
    z = latents.astype(np.float64)
    found = np.zeros(len(z))
    for fold in range(folds.max() + 1):
        hidden = [item for item in range(len(z)) if folds[item] == fold]
        seen = [
            item
            for item in range(len(z))
            if item not in hidden
            and not (boxes is not None and any(_overlap(boxes[item], boxes[other]) for other in hidden))
        ]
        one, other = [item for item in seen if inside[item]], [item for item in seen if not inside[item]]
        if not one or not other:
            continue
        direction = z[one].mean(axis=0) - (z[other].mean(axis=0) if form == "contrast" else 0)
        scores = np.array([np.dot(each, direction) for each in z])
        for item in hidden:
            found[item] = (scores[item] - scores[seen].mean()) / scores[seen].std()
    return found


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3])
