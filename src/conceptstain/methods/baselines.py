"""Baselines: the inputs that stand for "nothing there", which a map measures from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import several
from conceptstain.errors import InputError
from conceptstain.methods.map_settings import Baseline

__all__ = ["BLUR", "SAMPLE", "baselines_of"]

BLUR = 0.1
"""Standard deviation of the blur, as a part of the picture's width."""

SAMPLE = 512
"""Items, spread evenly over the canvas, that the mean is taken of."""


def baselines_of(baseline: Baseline, canvas: Canvas) -> Callable[[NDArray[np.integer]], Float[np.ndarray, "items ..."]]:
    """The baseline of items, as a function of their indices; float32, of the inputs' shape.

    Parameters
    ----------
    baseline
        ``"black"``: 0 everywhere, which is black for photographs, no count in the paper's scaling, and a gene's mean
        where values are z-scores. ``"mean"``: the mean of the trainable items, of 512 of them spread evenly where there
        are more. ``"blurred"``: each picture itself through a Gaussian with a standard deviation of 10 % of its width,
        its edge repeated beyond it.
    canvas
        The pictures.

    Raises
    ------
    InputError
        Profiles, which have no places, blurred.
    """
    if baseline == "blurred" and len(canvas.shape) < 3:
        raise InputError(
            f"Only pictures can be blurred, and these are {several(canvas.noun)}",
            got='baseline="blurred"',
            cure='Use baseline="mean"',
        )
    if baseline == "blurred":
        return lambda items: _blurred(canvas.inputs(items))
    same = np.zeros(canvas.shape, dtype=np.float32)
    if baseline == "mean":
        spread = np.unique(np.linspace(0, len(canvas.trainable) - 1, SAMPLE).astype(int))
        same = canvas.inputs(canvas.trainable[spread]).mean(axis=0, dtype=np.float64).astype(np.float32)
    return lambda items: np.broadcast_to(same, (len(items), *canvas.shape)).copy()


def _blurred(pictures: Float[np.ndarray, "items ..."]) -> Float[np.ndarray, "items ..."]:
    sigma = BLUR * pictures.shape[-1]
    return np.asarray([gaussian_filter(each, (0, sigma, sigma), mode="nearest") for each in pictures], dtype=np.float32)
