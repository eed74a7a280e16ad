"""Evidence in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conceptstain.concepts.evidence import Evidence

__all__ = ["evidence_sentence", "evidence_words", "fraction", "p_value", "times"]


def evidence_sentence(evidence: Evidence) -> str:
    """One plain sentence: how many, how well others like them are found, and how often nothing does as well."""
    found = fraction(evidence.auroc)
    if evidence.counted != "genes":
        by = "by their profiles, " if evidence.by == "spot profiles" else ""
        against = f" against {int((~evidence.inside).sum()):,}" if evidence.definition.against else ""
        told = f"{evidence.number:,} {evidence.counted}{against}; {by}others like them are found with AUROC {found}"
        random = f"a random selection of as many {evidence.counted}"
        area = "patch" if evidence.counted == "spots" else "area"
        rival = f"an arbitrary {area} of this shape" if evidence.shape else random
        nothing = f"a random {area}" if evidence.shape and evidence.p_random <= _alpha() else random
    else:
        hidden = "" if evidence.definition.items else "in spots hidden while they were chosen, "
        told = f"{evidence.number} genes; {hidden}they go together with AUROC {found}"
        rival, nothing = "random genes, found as often,", "random genes that are found as often"
    verdict = f"{rival} {_do(rival)} as well {times(evidence.uncorrected_p, evidence.n_least)}"
    if evidence.has_too_few_nulls:
        return f"{told}; {verdict}, but {_too_few(evidence)}."
    if evidence.tried > 1:
        verdict += f"; corrected for {evidence.tried} concepts, {p_value(evidence.p)}"
    if not evidence.holds:
        verdict = f"not distinguishable from {nothing} ({verdict})"
    return f"{told}; {verdict}."


def evidence_words(evidence: Evidence) -> str:
    """The evidence in three words, for a list: ``AUROC .97  p .002``, that there is none, or that nobody can tell."""
    if evidence.has_too_few_nulls:
        return "too few nulls"
    if not evidence.holds:
        return "not told from chance"
    return f"AUROC {fraction(evidence.auroc)}  {p_value(evidence.p)}"


def fraction(value: float) -> str:
    """Two digits without a leading zero, three where two would round up to 1: ``.87``, ``.997``, ``1.00``."""
    digits = 3 if 0.995 <= value < 0.9995 else 2
    return f"{value:.{digits}f}".removeprefix("0")


def p_value(p: float) -> str:
    """A p value of three digits: ``p .004``; ``p < .001`` where they would all be 0."""
    return "p < .001" if p < 0.0005 else f"p {p:.3f}".replace(" 0.", " .")


def times(p: float, n_null: int) -> str:
    """A chance as a frequency: ``3 times in 100``; the smallest that so many tries can show is ``less than``."""
    if p <= 1.000001 / (n_null + 1):
        return f"less than once in {n_null + 1:,}"
    out_of = 100 if p >= 0.0095 else 1000
    number = max(1, round(p * out_of))
    return f"{'once' if number == 1 else f'{number} times'} in {out_of:,}"


def _too_few(evidence: Evidence) -> str:
    """That so many nulls cannot tell, and the cure where there is one."""
    tried = f"with {evidence.tried} concepts tried, " if evidence.tried > 1 else ""
    if evidence.shape is not None and len(evidence.shape.aurocs) < len(evidence.random.aurocs):
        return f"{tried}the {evidence.n_least:,} places that the tissue has for this shape are too few to tell"
    one, several = ("random set", "random sets") if evidence.counted == "genes" else ("region", "regions")
    what = "of genes" if evidence.counted == "genes" else "without meaning"
    number = f"one {one} {what} is" if evidence.n_least == 1 else f"{evidence.n_least:,} {several} {what} are"
    return f"{tried}{number} too few to tell; use more"


def _do(rival: str) -> str:
    return "do" if rival.startswith("random genes") else "does"


def _alpha() -> float:
    from conceptstain.concepts.evidence import ALPHA

    return ALPHA
