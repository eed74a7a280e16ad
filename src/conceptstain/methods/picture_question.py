"""What a map on pictures is asked about, what made its concept, and what judges it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.expression import several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.item_scores import scores
from conceptstain.concepts.sides import Sides, sides_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.display import Display
from conceptstain.methods.items import checked_items
from conceptstain.methods.picture_masks import Masks, PictureMasks, masks_of, masks_of_region
from conceptstain.progress import Report

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["MOST", "Asked", "Question", "asked_about"]

MOST = 24
"""Items that are asked about where none are named: enough for an interval, few enough to wait for."""


class Question(NamedTuple):
    """What a map on pictures is asked about, and what it is judged by; see :func:`conceptstain.controls`."""

    items: ItemIndices | None = None
    masks: Masks | None = None
    region: Region | None = None
    made_on: ImageSet | ImagePatches | None = None
    display: Display | None = None


@final
@dataclass(frozen=True, eq=False)
class Asked:
    """The items asked about, what made the concept, and what judges it.

    ``latents`` are known of the sides, and NaN elsewhere.
    ``masks`` is None without masks, and where an item that made the concept cannot be held back: then the concept is
    asked as it is (``holds_back`` False), and nothing is judged.
    """

    items: NDArray[np.integer]
    concept: Concept
    sides: Sides
    latents: Float[np.ndarray, "items numbers"]
    here: bool  # whether the concept was made on the canvas that is asked about
    holds_back: bool
    masks: PictureMasks | None

    def hidden_with(self, item: int) -> NDArray[np.integer]:
        """What has no part in the concept that the item is asked about."""
        return self.sides.hidden_with(item) if self.holds_back else np.empty(0, dtype=int)

    def of_at_most(self, number: int) -> Asked:
        """The same of as many of each side at most."""
        few = self.sides.at_most(number)
        visible = [few.without(few.hidden_with(int(item))) for item in self.items] if self.holds_back else []
        return self if any(each is None for each in visible) else replace(self, sides=few)

    def concepts(self, encoder: Encoder, latents: Float[np.ndarray, "items numbers"]) -> list[Concept]:
        """The concept that each item is asked about; one and the same where nothing has to be hidden."""
        everything = self.sides.made_by(encoder, latents)
        made = []
        for item in self.items:
            hidden = np.intersect1d(self.hidden_with(int(item)), self.sides.items)
            left = self.sides.without(hidden) if len(hidden) else None
            made.append(everything if left is None else left.made_by(encoder, latents))
        return made


def asked_about(
    canvas: ImageSet | ImagePatches, encoder: Encoder, concept: Concept, question: Question, report: Report
) -> Asked:
    """Which items are asked about, whether they can be held back, and what judges them.

    Raises
    ------
    InputError
        No item that a mask can judge, or masks and a region together.
    MismatchError
        The concept was not made on these pictures.
    """
    home = canvas if question.made_on is None else question.made_on
    if home.shape != canvas.shape:
        raise MismatchError(
            "The concept was made of other pictures than those asked about",
            got=f"{home.shape} and {canvas.shape}",
            cure="View both with the same frame and channels",
        )
    sides = sides_of(concept, home, encoder, report=report)
    here = home is canvas
    named = None if question.items is None else np.unique(checked_items(canvas, question.items))
    masks = _masks(canvas, question, concept if here else None)
    told = question.masks is not None or question.region is not None
    items = _judged_items(canvas, encoder, sides if here else concept, masks, named)
    if masks is not None and not len(items):
        if told:
            raise InputError(
                f"No {canvas.noun} can be judged by its mask",
                got="masks that are empty, full, or of others",
                cure=f"Give masks of parts of {several(canvas.noun)}, for those that are asked about",
            )
        masks, items = None, _judged_items(canvas, encoder, sides if here else concept, None, named)
    latents = sides.latents_by(encoder, report=report)
    made_it = here and any(np.isin(sides.hidden_with(int(item)), sides.items).any() for item in items)
    if made_it and any(sides.without(sides.hidden_with(int(item))) is None for item in items):
        return Asked(items, concept, sides, latents, here, holds_back=False, masks=None)
    return Asked(items, concept, sides, latents, here, holds_back=made_it, masks=masks)


def _masks(canvas: ImageSet | ImagePatches, question: Question, concept: Concept | None) -> PictureMasks | None:
    """What judges the items: what was given, else the region that made the concept."""
    if question.masks is not None and question.region is not None:
        raise InputError(
            "Maps are judged by masks or by a region", got=f"masks and {question.region.name!r}", cure="Give one"
        )
    if question.masks is not None:
        return masks_of(canvas, question.masks, None if question.items is None else np.asarray(question.items))
    made_by = None if concept is None or concept.parts else concept.definition.region
    region = question.region or made_by
    return None if region is None else masks_of_region(canvas, region)


def _judged_items(
    canvas: ImageSet | ImagePatches,
    encoder: Encoder,
    made: Sides | Concept,
    masks: PictureMasks | None,
    named: NDArray[np.integer] | None,
) -> NDArray[np.integer]:
    """The items named, or up to 24 of those that made the concept, or have most of it; those that a mask can judge."""
    if named is not None:
        return named if masks is None else masks.judgeable(named)
    if isinstance(made, Sides):  # in a mixed order: the first of a folder, or a corner of a slide, stand for nothing
        order = np.random.default_rng(0).permutation(made.positives if masks is None else _worth_trying(made))
    else:
        order = np.argsort(-scores(made, canvas, encoder).values, kind="stable")
    return np.sort(order[:MOST] if masks is None else masks.judgeable(order, MOST))


def _worth_trying(sides: Sides) -> NDArray[np.integer]:
    """What made the concept, without patches that lie wholly in its region: nothing in them could be told apart."""
    table = sides.concept.table
    if sides.concept.definition.region is None or "covered" not in table:
        return sides.positives
    partly = table.index[table["covered"] < 1]
    return np.array([sides.canvas.item(str(name)) for name in partly], dtype=int)
