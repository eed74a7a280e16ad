"""Layer-wise relevance propagation with the epsilon rule."""

from __future__ import annotations

import torch
from torch import Tensor

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.scores import score_of
from conceptstain.inputs import ItemIndices
from conceptstain.methods.asking import items_asked, refuse
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.gradient import gradients_of_scores
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.preflight import relevance_refusal
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.rules import Rule
from conceptstain.progress import Report, silent

__all__ = ["epsilon_rule", "lrp"]


def lrp(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    epsilon: float = 1e-4,
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """Relevance of every pixel for the concept score by the epsilon rule, in the form of a gradient rule.

    At every ReLU the gradient is multiplied by ``a / (u + epsilon * sign(u))`` in place of the derivative, all other
    layers have their own, and the result is multiplied by the picture.

    A ReLU that is on has ``a = u``: with a small ``epsilon`` this is nearly input x gradient. That is no fault of the
    computation; a larger ``epsilon`` takes relevance from units that are barely on.

    Parameters
    ----------
    canvas, encoder, concept, items, report
        As for :func:`conceptstain.methods.saliency.saliency`.
    epsilon
        In units of what enters the activations, above 0.

    Returns
    -------
    Attribution
        One map per item; linear in the concept.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, or the network has layers without a rule; see
        :func:`conceptstain.methods.preflight.relevance_refusal`.
    InputError
        No such item, or an ``epsilon`` that is not positive.

    Notes
    -----
    This is the form of the released code of Concept Saliency Maps. captum's has the ``epsilon`` at every linear layer,
    the score too, so that its relevances are not linear in the concept, and it has no rule for some layers of our
    networks (``BatchNorm1d``, ``Flatten``). Where ``epsilon`` tends to 0 both are the same; a test holds that.

    References
    ----------
    Bach et al. 2015, doi:10.1371/journal.pone.0130140, equation 58; as a gradient rule: Ancona et al. 2018,
    arXiv:1711.06104, table 1.
    """
    detail = MapSettings(epsilon=epsilon).detail("epsilon")
    chosen, missing = items_asked(canvas, encoder, concept, items)
    refuse("LRP", relevance_refusal(encoder, concept.space))
    (values,) = gradients_of_scores(
        encoder, [score_of(concept)], canvas, chosen, rule=epsilon_rule(epsilon), times_input=True, report=report
    )
    return Attribution(
        method="LRP-epsilon",
        name=concept.name,
        values=values,
        items=tuple(int(item) for item in chosen),
        signed=True,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={"epsilon": float(epsilon), "missing": missing},
        detail=detail,
    )


def epsilon_rule(epsilon: float) -> Rule:
    """``R' = R a / (u + epsilon * sign(u))``, the sign of 0 being 1."""

    def at_relu(incoming: Tensor, output: Tensor, entered: Tensor) -> Tensor:
        sign = torch.where(entered >= 0, 1.0, -1.0).to(entered.dtype)
        return incoming * output / (entered + epsilon * sign)

    return Rule("LRP-epsilon", at_relu, settings={"epsilon": float(epsilon)})
