"""DeepLift: differences from a baseline, handed back through the network by the rescale rule."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.inputs import ItemIndices
from conceptstain.methods.asking import ScoreOf, explained, items_asked, refuse
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.baselines import baselines_of
from conceptstain.methods.gradient import copies_at_once
from conceptstain.methods.map_settings import Baseline, MapSettings
from conceptstain.methods.preflight import deep_lift_refusal
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, silent

__all__ = ["deep_lift"]

EPS = 1e-5  # of the released code: differences that are smaller have the true derivative


def deep_lift(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    baseline: Baseline = "blurred",
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """DeepLift of the concept score by the rescale rule.

    At every activation the gradient is multiplied by ``(a - a_b) / (u - u_b)`` in place of the derivative: ``u`` is
    what enters it and ``a`` what leaves it, ``u_b`` and ``a_b`` the same for the baseline. The result is multiplied by
    ``x - b``; summed over a picture it is ``s_c(x) - s_c(b)``.

    Parameters
    ----------
    canvas, encoder, concept, items, report
        As for :func:`conceptstain.methods.saliency.saliency`.
    baseline
        ``b``: ``"blurred"``, ``"black"`` or ``"mean"``; see :func:`conceptstain.methods.baselines.baselines_of`.

    Returns
    -------
    Attribution
        One map per item; linear in the concept.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, or the network has layers without a rule; see
        :func:`conceptstain.methods.preflight.deep_lift_refusal`.
    InputError
        No such item or baseline.

    Notes
    -----
    ``u`` and ``u_b`` less than 1e-5 apart have the true derivative. There the released code asks it half way between
    the two, captum at ``u``.

    References
    ----------
    Shrikumar et al. 2017, arXiv:1704.02685, section 3.5.1; computed by captum.
    """
    detail = MapSettings(baseline=baseline).detail("baseline")
    chosen, missing = items_asked(canvas, encoder, concept, items)
    refuse("DeepLift", deep_lift_refusal(encoder, concept.space))
    from captum.attr import DeepLift

    baseline_of = baselines_of(baseline, canvas)

    def explain(score: ScoreOf, x: Tensor, at: NDArray[np.integer]) -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Setting forward, backward hooks")
            found: Tensor = DeepLift(_Scored(encoder.network, score), eps=EPS).attribute(
                x, baselines=encoder.tensor(baseline_of(at))
            )
        return found

    pools = any(isinstance(module, nn.MaxPool2d) for module in encoder.network.modules())
    made = explained(
        canvas,
        encoder,
        concept,
        chosen,
        explain,
        at_once=1 if pools else max(1, copies_at_once(canvas.shape) // 2),  # captum's rule of pooling mixes a batch
        message="Comparing with the baseline",
        report=report,
    )
    return Attribution(
        method="DeepLift",
        name=concept.name,
        values=made,
        items=tuple(int(item) for item in chosen),
        signed=True,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={"baseline": baseline, "missing": missing},
        detail=detail,
    )


class _Scored(nn.Module):
    """The network as a module that puts out the score, which is what captum hooks."""

    def __init__(self, network: nn.Module, score: ScoreOf) -> None:
        super().__init__()
        self.network = network
        self._score = score

    def forward(self, x: Tensor) -> Tensor:
        return self._score(x)
