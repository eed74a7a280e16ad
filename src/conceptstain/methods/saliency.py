"""Concept saliency maps: where in a picture a concept's score comes from (Brocki & Chung 2019)."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.scores import along
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.gradient import input_gradients
from conceptstain.methods.items import checked_items, concept_items
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.rules import GRADIENT, Rule, rectified
from conceptstain.progress import Report, silent

__all__ = ["RuleName", "saliency"]

RuleName = Literal["gradient", "rectified"]


def saliency(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    rule: RuleName = "gradient",
    items: ItemIndices | None = None,
    percentile: float = 95.0,
    times_input: bool | None = None,
    report: Report = silent,
) -> Attribution:
    """The gradient of the concept score ``s_c(x) = <z_mean(x), v_c>`` at pictures.

    Signed: no absolute value is taken, and values outside the tissue are kept as the network gives them.

    Parameters
    ----------
    canvas
        The pictures.
    encoder
        The network that the concept was made with.
    concept
        What is mapped.
    rule
        ``"gradient"``: the true derivative. ``"rectified"``: only the strongest units of every layer pass it on
        (:func:`conceptstain.nets.rules.rectified`); such a map mostly redraws its input, so compare it with the map of
        an untrained encoder.
    items
        Indices of the pictures; None: the concept's own genes that this canvas has (the others are named in
        ``settings["missing"]``).
    percentile
        q of the rectified rule.
    times_input
        Multiply by the picture. None: only for the rectified rule on pictures in the scaling ``"paper"``, as the
        released code does; with z-scored pictures it blurs the map.
    report
        Called after every chunk.

    Returns
    -------
    Attribution
        One map per item.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, or the rule does not know the encoder's activations.
    InputError
        No such rule, percentile or item.
    """
    encoder.check(canvas)
    concept.check(encoder)
    chosen_rule = _rule(rule, percentile)
    missing: tuple[str, ...] = ()
    if items is None:
        chosen, missing = concept_items(canvas, concept)
    else:
        chosen = checked_items(canvas, items)
    if times_input is None:
        times_input = rule == "rectified" and canvas.scaling == "paper"
    values = input_gradients(
        encoder, along(concept.direction), canvas, chosen, rule=chosen_rule, times_input=times_input, report=report
    )
    return Attribution(
        method="gradient saliency" if rule == "gradient" else "rectified saliency",
        name=concept.name,
        values=values,
        items=_numbers(chosen),
        signed=True,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={"rule": rule, **chosen_rule.settings, "times_input": times_input, "missing": missing},
    )


def _rule(name: str, percentile: float) -> Rule:
    if name == "gradient":
        return GRADIENT
    if name == "rectified":
        return rectified(percentile)
    raise InputError("There is no such rule", got=repr(name), cure=f"Choose one of: {', '.join(get_args(RuleName))}")


def _numbers(items: NDArray[np.integer]) -> tuple[int, ...]:
    return tuple(int(item) for item in items)
