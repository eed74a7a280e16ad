"""Integrated gradients: what a picture adds to the concept score on a straight way from a baseline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.inputs import ItemIndices
from conceptstain.methods.asking import ScoreOf, explained, items_asked, refuse
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.baselines import baselines_of
from conceptstain.methods.gradient import copies_at_once
from conceptstain.methods.map_settings import Baseline, MapSettings, Quadrature
from conceptstain.methods.preflight import cannot_be_differentiated
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, silent

__all__ = ["integrated_gradients"]

CAPTUM: dict[Quadrature, str] = {"right": "riemann_right", "gauss-legendre": "gausslegendre"}


def integrated_gradients(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    baseline: Baseline = "blurred",
    steps: int = 50,
    quadrature: Quadrature = "right",
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """Integrated gradients of the concept score, ``(x - b) * integral of the gradient from b to x``.

    Summed over a picture they give ``s_c(x) - s_c(b)``. How far the sum is from that with finitely many steps is told
    in ``settings["completeness_error"]``: the sum of the distances over all items, as a part of the sum of
    ``|s_c(x) - s_c(b)|``.

    Parameters
    ----------
    canvas, encoder, concept, items, report
        As for :func:`conceptstain.methods.saliency.saliency`.
    baseline
        ``b``: ``"blurred"``, ``"black"`` or ``"mean"``; see :func:`conceptstain.methods.baselines.baselines_of`.
    steps
        Points at which the gradient is asked.
    quadrature
        ``"right"``: the mean over the right ends of equal steps, as in the released code. ``"gauss-legendre"``: fewer
        steps do for the same error, where the score is smooth.

    Returns
    -------
    Attribution
        One map per item; linear in the concept.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, or the network cannot be differentiated.
    InputError
        No such item, baseline or quadrature, or no step.

    Notes
    -----
    The released code of Concept Saliency Maps always starts at 0, whatever the baseline; here the way starts at the
    baseline. Gauss-Legendre is the default of captum, not here.

    References
    ----------
    Sundararajan et al. 2017, arXiv:1703.01365, equation 1 and section 5; computed by captum.
    """
    detail = MapSettings(baseline=baseline, steps=steps, quadrature=quadrature).detail(
        "baseline", "steps", "quadrature"
    )
    chosen, missing = items_asked(canvas, encoder, concept, items)
    refuse("Integrated gradients", cannot_be_differentiated(encoder, concept.space))
    from captum.attr import IntegratedGradients

    baseline_of = baselines_of(baseline, canvas)
    copies = copies_at_once(canvas.shape)
    errors: list[float] = []
    differences: list[float] = []

    def explain(score: ScoreOf, x: Tensor, at: NDArray[np.integer]) -> Tensor:
        values, error = IntegratedGradients(score).attribute(
            x.detach(),
            baselines=encoder.tensor(baseline_of(at)),
            n_steps=steps,
            method=CAPTUM[quadrature],
            internal_batch_size=copies,
            return_convergence_delta=True,
        )
        found: Tensor = values
        errors.extend(error.abs().tolist())
        differences.extend((found.flatten(1).sum(dim=1) - error).abs().tolist())
        return found

    made = explained(
        canvas,
        encoder,
        concept,
        chosen,
        explain,
        at_once=max(1, copies // steps),
        message="Integrating gradients",
        report=report,
    )
    total = sum(differences)
    return Attribution(
        method="integrated gradients",
        name=concept.name,
        values=made,
        items=tuple(int(item) for item in chosen),
        signed=True,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={
            "baseline": baseline,
            "steps": int(steps),
            "quadrature": quadrature,
            "completeness_error": sum(errors) / total if total else 0.0,
            "missing": missing,
        },
        detail=detail,
    )
