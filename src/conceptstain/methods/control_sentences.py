"""Controls in words: what speaks against a map, and what it was found to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conceptstain.canvas.expression import counted
from conceptstain.concepts.sentences import fraction

if TYPE_CHECKING:
    from conceptstain.methods.controls import Control, Controls

__all__ = ["SAYINGS", "control_sentences"]

ALIKE = 0.9  # rank correlation from which two maps show the same

SAYINGS = {
    "no model": "The model adds little to the mean of these genes here",
    "no model, profiles": "The model adds little to the difference of the mean profiles here",
    "no model, principal components": "The model adds little to principal components here",
    "mean difference": "A map without any model shows as much",
    "random spots": "Random spots give as good a score, so it says little about this concept",
    "random concept": "A random concept gives as good a map, so it says little about this one",
    "untrained network": "An untrained network draws as good a map, so it says nothing about what was learned",
    "sequencing depth": "Sequencing depth alone shows as much",
    "mean mask": "The mean of other masks finds as much, without looking at the picture",
    "shuffled masks": "The map finds the masks of others as well, so it shows where such things usually are",
}


def control_sentences(found: Controls) -> tuple[str, ...]:
    """What speaks against the map, chance first, then its controls; one sentence when nothing does.

    Of pictures with masks also how much the map depends on the picture.
    """
    said = [sentence for each in found.controls if (sentence := _against(found, each))]
    if found.auroc is not None and not found.is_told_from_chance:
        judges = _spelled(len(found.items) or found.n_inside, found.noun)
        preposition = "On" if found.items else "With"
        said.insert(0, f"{preposition} {judges}, the map's AUROC of {fraction(found.auroc)} is not told from chance.")
    if not said and found.controls:
        said.append(_nothing_against(found))
    return (*said, *_dependence(found))


def _spelled(number: int, noun: str) -> str:
    return f"one {noun}" if number == 1 else counted(number, noun)


def _nothing_against(found: Controls) -> str:
    """What is said of a map that no control speaks against."""
    if found.auroc is not None:
        what = "masks" if found.items else "region"
        spread = f" ({found.interval.words})" if found.items else ""
        return f"The map finds the {what} with AUROC {fraction(found.auroc)}{spread}, ahead of all its controls."
    if found.n_inside:
        few = _spelled(min(found.n_inside, len(found.values) - found.n_inside), "spot")
        return f"No control draws the same map; {few} cannot be held back, so none can be said to be better."
    what = "masks that can judge it" if found.items else "a region"
    return f"No control draws the same map; without {what}, none can be said to be better."


def _dependence(found: Controls) -> tuple[str, ...]:
    """How much better a map finds its own picture's mask than others'."""
    shuffled = found.control("shuffled masks")
    if found.auroc is None or shuffled is None or not found.is_ahead_of(shuffled) or not found.is_told_from_chance:
        return ()
    own, others = fraction(found.auroc), fraction(shuffled.auroc or 0.0)
    return (f"The map depends on the {found.noun}: {own} on its own mask, {others} on others'.",)


def _against(found: Controls, control: Control) -> str:
    """What speaks against the map; empty where it is ahead."""
    saying = SAYINGS[control.name]
    if found.auroc is None or control.auroc is None:
        if control.correlation < ALIKE:
            return ""
        return f"{saying} (rank correlation {fraction(control.correlation)})."
    if found.is_ahead_of(control):
        return ""
    told = fraction(control.auroc)
    if len(control.aurocs) > 1:
        told += f" on average, {fraction(control.aurocs.min())} to {fraction(control.aurocs.max())}"
    comma = "; " if len(control.aurocs) > 1 else ", "
    own = f"the map {fraction(found.auroc)}"
    if control.is_behind(found.auroc):
        own += f", not told apart on {counted(len(found.items), found.noun)}"
    return f"{saying} (AUROC {told}{comma}{own})."
