"""Occlusion: how much of the concept score is lost where a window of the picture is covered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.asking import ScoreOf, explained, items_asked
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.baselines import baselines_of
from conceptstain.methods.gradient import copies_at_once
from conceptstain.methods.map_settings import Baseline, MapSettings
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, silent

__all__ = ["occlusion"]

WINDOWS = 8  # side by side along the shorter side of a picture, unless the window is chosen


def occlusion(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    window: int | None = None,
    stride: int | None = None,
    baseline: Baseline = "blurred",
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """What is lost of the concept score where a square window is covered: ``s_c(x) - s_c(x covered)``.

    A pixel has the mean over all windows that lie on it, all channels the same value. It asks for no gradient: any
    network will do.

    Parameters
    ----------
    canvas, encoder, concept, items, report
        As for :func:`conceptstain.methods.saliency.saliency`.
    window
        Side of the window in pixels; None: an eighth of the shorter side.
    stride
        Step of the window; None: half a window. Windows at the far edges are cut off there.
    baseline
        What the window shows instead: ``"blurred"``, ``"black"`` or ``"mean"``; see
        :func:`conceptstain.methods.baselines.baselines_of`.

    Returns
    -------
    Attribution
        One map per item; linear in the concept.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together.
    InputError
        No such item or baseline, a window larger than the picture, or a stride larger than the window.

    Notes
    -----
    The released code of Concept Saliency Maps divides by the number of values under the windows, not by the number of
    windows: where no window is cut off, the same map, smaller by the number of values in a window.

    References
    ----------
    Zeiler & Fergus 2014, arXiv:1311.2901, section 4.2; computed by captum.
    """
    detail = MapSettings(window=window, stride=stride, baseline=baseline).detail("window", "stride", "baseline")
    if len(canvas.shape) != 3:
        raise InputError("Only pictures have windows", got=f"inputs of {canvas.shape}", cure="Choose another map")
    side = max(1, min(canvas.shape[1:]) // WINDOWS) if window is None else window
    step = max(1, side // 2) if stride is None else stride
    if not 1 <= side <= min(canvas.shape[1:]) or not 1 <= step <= side:
        raise InputError(
            "The window has to lie within the picture, and its step within the window",
            got=f"a window of {side} pixels and a stride of {step} for pictures of {canvas.shape[1:]}",
            cure="Choose smaller ones",
        )
    chosen, missing = items_asked(canvas, encoder, concept, items)
    from captum.attr import Occlusion

    baseline_of = baselines_of(baseline, canvas)
    copies = copies_at_once(canvas.shape)
    channels = canvas.shape[0]

    def explain(score: ScoreOf, x: Tensor, at: NDArray[np.integer]) -> Tensor:
        found: Tensor = Occlusion(score).attribute(
            x.detach(),
            sliding_window_shapes=(channels, side, side),
            strides=(channels, step, step),
            baselines=encoder.tensor(baseline_of(at)),
            perturbations_per_eval=copies,
        )
        return found

    made = explained(canvas, encoder, concept, chosen, explain, at_once=1, message="Covering windows", report=report)
    return Attribution(
        method="occlusion",
        name=concept.name,
        values=made,
        items=tuple(int(item) for item in chosen),
        signed=True,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={"window": int(side), "stride": int(step), "baseline": baseline, "missing": missing},
        detail=detail,
    )
