"""Controls of a map on pictures or patches of a slide.

What an item had a part in, cannot judge what is said of it: so the concept is made anew for every item that made it,
without that item and, of patches, without those that share a pixel with it. So it is for the map, for the untrained
networks and for the mean difference alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Bool, Float

from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.sides import sharing_pixels
from conceptstain.methods.agreement import shuffled_masks
from conceptstain.methods.controls import TWINS, Control, Controls, rank_correlation
from conceptstain.methods.display import Display, over_channels
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import MapKind
from conceptstain.methods.mean_difference import mean_differences
from conceptstain.methods.picture_masks import PictureMasks
from conceptstain.methods.picture_question import Asked, Question, asked_about
from conceptstain.nets.untrained import kept_by_twins, untrained
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["picture_controls"]

MOST_OF_A_SIDE = 2000  # whose mean stands for that of all: in untrained networks, at the input, of masks
NO_MODEL = "gene-mean"


def picture_controls(
    canvas: ImageSet | ImagePatches,
    encoder: Encoder,
    concept: Concept,
    kind: MapKind,
    question: Question,
    *,
    settings: MapSettings,
    draws: int,
    seed: int,
    report: Report,
) -> Controls:
    """Controls of a map on pictures; see :func:`conceptstain.methods.controls.controls`."""
    kind.check(concept.definition)
    asked = asked_about(canvas, encoder, concept, question, report)
    task = _Task(canvas, kind, settings, asked, report)
    made, display = task.drawn(encoder, asked.concepts(encoder, asked.latents), question.display)
    judge = _Judge(canvas, asked, made)
    few = asked.of_at_most(MOST_OF_A_SIDE)
    controls: list[Control] = []
    if kind.key != NO_MODEL:
        difference = mean_differences(few.sides, [few.hidden_with(item) for item in few.items])
        told = f"{_held_against(concept, canvas)}, no model"
        controls.append(judge.beside("mean difference", told, [replace(display, absolute=True).reduced(difference)]))
        report(Step(1, 3, "Averaged pictures"))
    through = [task.drawn(encoder, each, display)[0] for each in _random_concepts(asked, encoder, draws, seed, report)]
    n = counted(len(asked.sides.positives), canvas.noun)
    controls.append(judge.beside("random concept", f"{n} at random", through))
    if kind.key != NO_MODEL and not kept_by_twins(encoder):
        through = [task.drawn(*each, display)[0] for each in _twins(few, encoder, seed, report)]
        told = f"the same {several(canvas.noun)}, fresh weights"
        controls.append(judge.beside("untrained network", told, through))
    controls += _mean_mask(judge, few)
    if kind.about_items:
        controls += _shuffled(judge, draws, seed)
    values = judge.of(made)
    return Controls(
        name=concept.name,
        method=kind.key,
        values=values,
        judged="none" if asked.masks is None else "cross-fitted" if asked.holds_back else "plain",
        auroc=None if asked.masks is None else float(values.mean()),
        controls=tuple(controls),
        encoder=encoder.fingerprint,
        settings={
            "draws": draws,
            "seed": seed,
            **kind.heard(settings),
            "display": display.words,
            "noun": canvas.noun,
            "items": tuple(map(str, canvas.item_names[asked.items])),
        },
    )


@final
@dataclass(frozen=True, eq=False)
class _Task:
    """The map that is asked about."""

    canvas: ImageSet | ImagePatches
    kind: MapKind
    settings: MapSettings
    asked: Asked
    report: Report

    def drawn(
        self, encoder: Encoder, concepts: Sequence[Concept], display: Display | None
    ) -> tuple[Float[np.ndarray, "items height width"], Display]:
        """One map for each item, of its own concept, as it is shown; items of one concept are asked together."""
        maps = np.empty((len(concepts), *self.canvas.shape[1:]), dtype=np.float32)
        together: dict[int, list[int]] = {}
        for row, concept in enumerate(concepts):
            together.setdefault(id(concept), []).append(row)
        display = display or Display()
        for done, rows in enumerate(together.values()):
            self.report(Step(done, len(together), "Drawing maps"))
            concept = concepts[rows[0]]
            found = self.kind.make(self.canvas, encoder, concept, settings=self.settings, items=self.asked.items[rows])
            display = display.suited(found)
            maps[rows] = over_channels(found, display)[0]  # a map that is about no item is laid on all of them
        return maps, display


class _Judge:
    """Holds maps against masks, and against the map asked about."""

    def __init__(
        self, canvas: ImageSet | ImagePatches, asked: Asked, made: Float[np.ndarray, "items height width"]
    ) -> None:
        self.canvas = canvas
        self.made = made
        self.shown: list[Bool[np.ndarray, "height width"]] = [canvas.shown(int(item)) for item in asked.items]
        masks = asked.masks
        self.masks = None if masks is None else [masks.inside(int(item)) for item in asked.items]

    def of(self, maps: Float[np.ndarray, "items height width"]) -> Float[np.ndarray, " items"]:
        """How well each map finds the mask of its item; without masks, its rank correlation with the map."""
        return self.correlations(maps) if self.masks is None else self.aurocs(maps, self.masks)

    def aurocs(
        self, maps: Float[np.ndarray, "items height width"], masks: Sequence[Bool[np.ndarray, "height width"]]
    ) -> Float[np.ndarray, " items"]:
        """Of each item, over its pixels; .5 where what is seen of a mask is empty or full."""
        pairs = zip(self.shown, maps, masks, strict=True)
        return np.array([auroc(values[shown], mask[shown]) for shown, values, mask in pairs])

    def correlations(self, maps: Float[np.ndarray, "items height width"]) -> Float[np.ndarray, " items"]:
        """Rank correlation of each map with the one asked about, over the pixels of its item."""
        pairs = zip(self.shown, self.made, maps, strict=True)
        return np.array([rank_correlation(one[shown], other[shown]) for shown, one, other in pairs])

    def beside(self, name: str, explanation: str, draws: Sequence[Float[np.ndarray, "items height width"]]) -> Control:
        """A control of these draws."""
        alike = np.array([self.correlations(each) for each in draws])
        values = alike if self.masks is None else np.array([self.of(each) for each in draws])
        aurocs = np.empty(0) if self.masks is None else values.mean(axis=1)
        return Control(name, explanation, values, aurocs, alike.mean(axis=1))


def _random_concepts(asked: Asked, encoder: Encoder, draws: int, seed: int, report: Report) -> Iterator[list[Concept]]:
    """Concepts of as many random items, none of them asked about, each brought to the length of the concept."""
    generator = np.random.default_rng(seed)
    hidden = [asked.sides.hidden_with(int(item)) for item in asked.items] if asked.here else []
    unseen = np.unique(np.concatenate([np.empty(0, dtype=int), *hidden]))
    for draw in range(draws):
        sides = asked.sides.at_random(generator, hidden=unseen)
        made = sides.made_by(encoder, sides.latents_by(encoder))
        length = np.linalg.norm(made.direction)
        scale = np.linalg.norm(asked.concept.direction) / length if length > 0 else 1.0
        yield [replace(made, direction=made.direction * scale)] * len(asked.items)
        report(Step(draw + 1, draws, "Drawing random concepts"))


def _twins(asked: Asked, encoder: Encoder, seed: int, report: Report) -> Iterator[tuple[Encoder, list[Concept]]]:
    """Untrained networks, each with the concept that the same items make in it."""
    for number in range(TWINS):
        twin = untrained(encoder, seed=seed * TWINS + number)
        yield twin, asked.concepts(twin, asked.sides.latents_by(twin))
        report(Step(number + 1, TWINS, "Drawing maps of untrained networks"))


def _mean_mask(judge: _Judge, asked: Asked) -> list[Control]:
    """What the masks of others say of each item, without looking at it."""
    mean = None if asked.masks is None else _mean_masks(judge, asked, asked.masks)
    told = "mean of the other masks, without looking at the picture"
    return [] if mean is None else [judge.beside("mean mask", told, [mean])]


def _shuffled(judge: _Judge, draws: int, seed: int) -> list[Control]:
    """How well the maps find the masks of others: what they find of these, they find without looking at their item.

    Not of maps that are about no item. They are the same for all but for the item that is held back, so that the item
    whose mask they would be judged by had a part in them.
    """
    if judge.masks is None or len(judge.masks) < 2:
        return []
    shuffled = [shuffled_masks(judge.masks, seed=seed * draws + draw) for draw in range(draws)]
    values = np.array([judge.aurocs(judge.made, each) for each in shuffled])
    told = "the same maps, judged by the masks of others"
    return [Control("shuffled masks", told, values, values.mean(axis=1), np.ones(draws))]


def _mean_masks(judge: _Judge, asked: Asked, masks: PictureMasks) -> Float[np.ndarray, "items height width"] | None:
    """For each item the mean mask of what made the concept, else of what is asked about; never its own."""
    apart = [sharing_pixels(judge.canvas, int(item)) for item in asked.items]
    for pool in (masks.judgeable(asked.sides.positives) if asked.here else asked.items, asked.items):
        left = [np.setdiff1d(pool, hidden) for hidden in apart]
        if all(map(len, left)):
            laid = {int(item): masks.inside(int(item)).astype(np.float32) for item in pool}
            return np.array([np.mean([laid[int(each)] for each in others], axis=0) for others in left])
    return None


def _held_against(concept: Concept, canvas: ImageSet | ImagePatches) -> str:
    """What is averaged, in words."""
    if concept.parts:
        return f"mean differences of {several(canvas.noun)}, combined in the same way"
    if concept.definition.form == "mean":
        return f"mean of the same {several(canvas.noun)}"
    return f"mean of the same {several(canvas.noun)} minus that of those held against them"
