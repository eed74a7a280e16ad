"""Concept saliency maps: where in a picture a concept's score comes from (Brocki & Chung 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.scores import score_of
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attribution import Attribution, Method
from conceptstain.methods.gradient import gradients_of_scores
from conceptstain.methods.items import checked_items, concept_items
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.ruled import refusal
from conceptstain.nets.rules import DECONVOLUTION, GRADIENT, GUIDED, Rule, rectified
from conceptstain.progress import Report, Step, silent

__all__ = ["RuleName", "rule_refusal", "saliencies", "saliency", "supported_rules"]

RuleName = Literal["gradient", "input-gradient", "guided", "deconvolution", "rectified"]

RULES: dict[str, Rule] = {
    "gradient": GRADIENT,
    "input-gradient": GRADIENT,
    "guided": GUIDED,
    "deconvolution": DECONVOLUTION,
    "rectified": rectified(),
}
# What may be asked beyond the names: settings of the rectified rule that act at other layers, too.
MORE = {
    "rectified, proportional": rectified(variant="proportional"),
    "rectified, padding": rectified(padding=True),
}
NOT_NEGATIVE = ("paper", "unit")  # scalings in which the released code multiplies by the picture
METHODS: dict[str, Method] = {
    "gradient": "gradient saliency",
    "input-gradient": "input x gradient",
    "guided": "guided backpropagation",
    "deconvolution": "deconvolution",
    "rectified": "rectified saliency",
}


def saliency(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    rule: RuleName | Rule = "gradient",
    items: ItemIndices | None = None,
    times_input: bool | None = None,
    report: Report = silent,
) -> Attribution:
    """The gradient of the concept score ``s_c(x) = <z_mean(x), v_c>`` at pictures; of a layer's concept, that layer's.

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
        What happens to the gradient on its way back through the network.

        ``"gradient"``: the true derivative. ``"input-gradient"``: the same times the picture. ``"guided"``,
        ``"deconvolution"``: only positive gradients pass a ReLU, where the unit was on or everywhere. ``"rectified"``:
        only the strongest units of every layer pass it on, as :func:`conceptstain.nets.rules.rectified` has it by
        default; hand over ``rectified(...)`` itself to choose its settings.

        Guided and rectified maps mostly redraw their input: compare them with those of an untrained encoder, and of
        another concept at the same items.
        :func:`supported_rules` says which rules a network can be asked with.
    items
        Indices of the pictures; None: the concept's own that this canvas has (the others are named in
        ``settings["missing"]``).
    times_input
        Multiply by the picture. None: for ``"input-gradient"``, and for the rectified rule on pictures that have no
        negative values, such as photographs, as the released code does; with z-scored pictures it blurs the map.
    report
        Called after every chunk.

    Returns
    -------
    Attribution
        One map per item.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, or the rule does not know the encoder's layers.
    InputError
        No such rule or item.
    """
    return saliencies(canvas, encoder, [concept], rule=rule, items=items, times_input=times_input, report=report)[0]


def saliencies(
    canvas: Canvas,
    encoder: Encoder,
    concepts: Sequence[Concept],
    *,
    rule: RuleName | Rule = "gradient",
    items: ItemIndices | None = None,
    times_input: bool | None = None,
    report: Report = silent,
) -> tuple[Attribution, ...]:
    """The maps of several concepts, as :func:`saliency` makes each.

    Concepts that are asked at the same pictures share the pass forward through the network; only the way back is made
    anew for each. Where every concept has items of its own, nothing is shared and nothing gained: hand over ``items``.

    Parameters
    ----------
    canvas, encoder, rule, times_input, report
        As for :func:`saliency`.
    concepts
        What is mapped.
    items
        Indices of the pictures that all concepts are asked at; None: each at its own items.

    Returns
    -------
    tuple of Attribution
        One per concept, in order.

    Raises
    ------
    MismatchError, InputError
        As for :func:`saliency`.
    """
    encoder.check(canvas)
    for concept in concepts:
        concept.check(encoder)
    asked = _asked(rule, canvas.scaling, times_input)
    at = None if items is None else checked_items(canvas, items)
    wanted = [concept_items(canvas, concept) if at is None else (at, ()) for concept in concepts]
    sharing: dict[tuple[int, ...], list[int]] = {}
    for number, (chosen, _) in enumerate(wanted):
        sharing.setdefault(_numbers(chosen), []).append(number)

    values: dict[int, Float[np.ndarray, "items ..."]] = {}
    total, done = sum(len(shared) for shared in sharing), 0

    def report_of_all(step: Step) -> None:
        report(Step(done + step.done, total, step.message))

    for shared, numbers in sharing.items():
        gradients = gradients_of_scores(
            encoder,
            [score_of(concepts[number]) for number in numbers],
            canvas,
            shared,
            rule=asked.rule,
            times_input=asked.times_input,
            report=report_of_all,
        )
        values.update(zip(numbers, gradients, strict=True))
        done += len(shared)
    return tuple(
        Attribution(
            method=METHODS[asked.name],
            name=concept.name,
            values=values[number],
            items=_numbers(chosen),
            signed=True,
            concept=concept,
            encoder=encoder.fingerprint,
            settings={"rule": asked.name, **asked.rule.settings, "times_input": asked.times_input, "missing": missing},
            detail=asked.detail,
        )
        for number, (concept, (chosen, missing)) in enumerate(zip(concepts, wanted, strict=True))
    )


def supported_rules(encoder: Encoder) -> dict[str, str | None]:
    """Which rules a network can be asked with.

    A rule is refused where a layer between the input and the latent mean is one that it does not know, and would be
    given its true gradient in silence; or where the network has no layer that the rule acts at.

    Parameters
    ----------
    encoder
        Any encoder; it is asked about one empty picture.

    Returns
    -------
    dict
        The names for ``rule=`` in :func:`saliency`, and ``"rectified, proportional"`` and ``"rectified, padding"`` for
        those settings of the rectified rule. Each with None, or with the reason why not.
    """
    return {name: refusal(rule, encoder) for name, rule in {**RULES, **MORE}.items()}


def rule_refusal(encoder: Encoder, name: RuleName) -> str | None:
    """Why a network cannot be asked with this rule, or None; see :func:`supported_rules`."""
    return refusal(RULES[name], encoder)


class _Asked(NamedTuple):
    """A rule, and all that its name left open."""

    name: str
    rule: Rule
    times_input: bool

    @property
    def detail(self) -> str:
        """What tells it from the rule's usual form."""
        usual, settings = RULES[self.name].settings, self.rule.settings
        words = {"variant": "{}", "percentile": "q {:g}", "threshold": "above {:g}", "padding": "padding"}
        changed = [name for name in words if name in settings and settings[name] != usual.get(name, 0.0)]
        return ", ".join(words[name].format(settings[name]) for name in changed)


def _asked(rule: RuleName | Rule, scaling: str, times_input: bool | None) -> _Asked:
    name = rule.name if isinstance(rule, Rule) else rule
    if name not in RULES:
        raise InputError("There is no such rule", got=repr(name), cure=f"Choose one of: {', '.join(RULES)}")
    if name == "input-gradient" and times_input is False:
        raise InputError(
            "This rule is the gradient times the input",
            got="rule='input-gradient' with times_input=False",
            cure="Choose the rule gradient",
        )
    if times_input is None:
        times_input = name == "input-gradient" or (name == "rectified" and scaling in NOT_NEGATIVE)
    if name == "gradient" and times_input:
        name = "input-gradient"
    return _Asked(name, rule if isinstance(rule, Rule) else RULES[name], times_input)


def _numbers(items: NDArray[np.integer]) -> tuple[int, ...]:
    return tuple(int(item) for item in items)
