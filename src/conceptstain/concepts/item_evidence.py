"""Evidence on pictures and patches: whether hidden ones are told from others along the direction of the visible ones.

The score is the concept's own (Brocki & Chung 2019): the product of the latent with the direction, which is made anew
in every fold of what is visible. Pictures are hidden one by one; patches in blocks of neighbours, and with a hidden
patch all are out of sight that share a pixel with it, on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from conceptstain.canvas.expression import several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.cross_fit import FOLDS, LEAST_PER_FOLD, cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.definition import Form
from conceptstain.concepts.evidence import NO_SHAPE, Evidence, Tries
from conceptstain.concepts.latent_scores import standardised
from conceptstain.concepts.latents import latents_at, latents_of
from conceptstain.concepts.members import choose_members
from conceptstain.concepts.nulls import both_nulls
from conceptstain.concepts.whitening import whitened
from conceptstain.errors import InputError
from conceptstain.progress import Step

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["ItemGround", "ItemScorer", "ground_of", "item_evidence"]

MOST_PATCHES = 20_000  # tested at most: of more, every second, third, ... row and column


@final
@dataclass(frozen=True, eq=False)
class ItemGround:
    """The pictures or patches that are tested, on which regions without meaning are selected, too.

    Attributes
    ----------
    items
        Their indices on the canvas, ascending.
    places
        World coordinates of the middles of patches; without columns for pictures, which lie nowhere.
    corners
        Row and column of patches on the grid of those that are tested; None for pictures.
    reach
        How many rows or columns of it a patch overlaps with.
    apart
        Rows and columns of the slide's grid from one tested patch to the next.
    """

    items: NDArray[np.integer]
    places: Float[np.ndarray, "items axes"]
    corners: Int[np.ndarray, "items 2"] | None = None
    reach: int = 0
    apart: int = 1

    def out_of_sight(self, hidden: Bool[np.ndarray, "maps items"]) -> Bool[np.ndarray, "maps items"]:
        """What is hidden, and what shares pixels with it."""
        if self.corners is None or not self.reach:
            return hidden
        rows, columns = (self.corners - self.corners.min(axis=0)).T
        grid = np.zeros((len(hidden), rows.max() + 1, columns.max() + 1), dtype=np.uint8)
        grid[:, rows, columns] = hidden
        across = 2 * self.reach + 1
        near = maximum_filter(grid, size=(1, across, across), mode="constant")
        return np.asarray(near[:, rows, columns] > 0)


@final
@dataclass(frozen=True, eq=False)
class ItemScorer:
    """Scores along the direction of the visible items; a :class:`~conceptstain.concepts.cross_fit.Scorer`.

    Scores are z-scored over what is visible, so that those of all folds can be laid beside each other.

    Attributes
    ----------
    latents
        Of the tested items; whitened where the concept is. The covariance is of all of them, the hidden ones too: it
        knows no side.
    ground
        Which they are.
    form
        Of the concept: the mean inside, or that minus the mean outside, plain or whitened.
    """

    latents: Float[np.ndarray, "items latent"]
    ground: ItemGround
    form: Form

    def __call__(
        self, inside: Bool[np.ndarray, "maps items"], hidden: Bool[np.ndarray, "maps items"]
    ) -> Float[np.ndarray, "maps items"]:
        """Scores of all items, one map per row; 0 everywhere where no item of one of the sides is visible."""
        visible = ~self.ground.out_of_sight(hidden)
        sides = [(side & visible).astype(np.float64) for side in (inside, ~inside)]
        z = self.latents.astype(np.float64)
        if self.form != "mean":
            z -= z.mean(axis=0)  # which changes no difference, and saves digits
        one, other = (side @ z / np.maximum(side.sum(axis=1), 1)[:, None] for side in sides)
        direction = one if self.form == "mean" else one - other
        known = np.all([side.any(axis=1) for side in sides], axis=0)
        return standardised((direction * known[:, None]) @ z.T, visible)


_grounds: WeakKeyDictionary[ImageSet | ImagePatches, dict[bytes, ItemGround]] = WeakKeyDictionary()


def ground_of(canvas: ImageSet | ImagePatches, items: NDArray[np.integer], positive: NDArray[np.integer]) -> ItemGround:
    """The items to test, all of them or, of more than 20,000 patches, those of a coarser grid.

    Kept as long as the canvas, so that the nulls that were made of them are known again.

    Parameters
    ----------
    canvas
        Their canvas.
    items
        Indices of both sides.
    positive
        Of one of them: so few that 15 are tested at least, where there are so many.
    """
    items = np.sort(items)
    corners, reach, apart = None, 0, 1
    places = np.empty((len(items), 0))
    if isinstance(canvas, ImagePatches):
        on_grid = {every: (canvas.corners % every == 0).all(axis=1) for every in range(1, _coarsest(canvas, items) + 1)}
        apart = max(on_grid)
        while apart > 1 and on_grid[apart][positive].sum() < FOLDS * LEAST_PER_FOLD:
            apart -= 1
        items = items[on_grid[apart][items]]
        corners = canvas.corners[items] // apart
        reach = -(-canvas.settings.size // (canvas.settings.step * apart)) - 1
        middles = canvas.corners[items] * canvas.settings.step + (canvas.settings.size - 1) / 2
        places = middles @ canvas.frame_to_world[:2, :2].T + canvas.frame_to_world[:2, 2]
    kept = _grounds.setdefault(canvas, {})
    return kept.setdefault(items.tobytes(), ItemGround(items, places, corners, reach, apart))


def _coarsest(canvas: ImagePatches, items: NDArray[np.integer]) -> int:
    """So that at most 20,000 patches are tested."""
    every = 1
    while int((canvas.corners[items] % every == 0).all(axis=1).sum()) > MOST_PATCHES:
        every += 1
    return every


def item_evidence(concept: Concept, canvas: ImageSet | ImagePatches, encoder: Encoder, tries: Tries) -> Evidence:
    """Of a concept of pictures or patches, of all that are on one of its sides.

    Null regions have no border that counts for neither side. So the values that are compared with theirs are of all
    patches, those at the border counted as outside.

    Raises
    ------
    InputError
        Latent neighbours, which are alike by choice; or fewer than three on one of the sides.
    """
    n_null, n_folds, seed, report = tries
    definition = concept.definition
    if definition.like is not None:
        raise InputError(
            "Latent neighbours have no evidence: they were chosen for lying together in latent space",
            got=concept.origin,
            cure=f"Name the {several(canvas.noun)} that show it",
        )
    if isinstance(canvas, ImageSet):
        latents_of(canvas, encoder, space=definition.space, report=report)  # kept for the next concept
    _, _, positive, negative, _ = choose_members(definition, canvas, np.empty((0, 0)))  # no neighbours: no latents
    sides = np.union1d(positive, negative)
    everything = sides if definition.against is not None else np.union1d(canvas.trainable, sides)
    asked = [_asked(canvas, items, positive, n_folds) for items in (sides, everything)]
    encoded = np.union1d(*(each.ground.items for each in asked))  # of a slide, no other patch is read
    latents = latents_at(canvas, encoder, encoded, space=definition.space, report=report)

    def crossed(of: _Asked) -> _Crossed:
        z = latents[np.searchsorted(encoded, of.ground.items)]
        scorer = ItemScorer(whitened(z) if definition.form == "whitened" else z, of.ground, definition.form)
        return _Crossed(scorer, of.inside, of.folds, cross_fitted(of.inside, of.folds, scorer))

    found = beside = crossed(asked[0])
    report(Step(1, 1, f"Hiding {several(canvas.noun)}"))
    if len(everything) > len(sides):
        beside = crossed(asked[1])
    random, shape = both_nulls(
        beside.scorer.ground,
        beside.inside,
        beside.scorer,
        number=n_null,
        seed=seed,
        key=("latents", encoder.fingerprint, definition.space, definition.form),
        n_folds=n_folds,
        report=report,
    )
    notes = [*concept.notes]
    if encoder.has_seen(canvas.source):
        notes.append(
            f"The encoder was fitted to {canvas.source.name}, hidden {several(canvas.noun)} included; it was never "
            "told which of them belong together."
        )
    notes += _border_notes(found, len(sides), n_partly=len(everything) - len(sides))
    if isinstance(canvas, ImagePatches) and shape is None:
        notes.append(NO_SHAPE)
    return Evidence(
        definition=definition,
        encoder=encoder.fingerprint,
        counted="pictures" if isinstance(canvas, ImageSet) else "patches",
        scores=found.scores,
        inside=found.inside,
        folds=found.folds,
        auroc=found.auroc,
        decoded_auroc=None,
        chosen=(),
        random=random,
        p_random=random.p(beside.auroc),
        shape=shape,
        p_shape=None if shape is None else shape.p(beside.auroc),
        items=tuple(map(str, canvas.item_names[found.scorer.ground.items])),
        settings={"n_null": n_null, "n_folds": n_folds, "seed": seed, "auroc beside nulls": beside.auroc},
        by="latents",
        notes=tuple(notes),
    )


class _Asked(NamedTuple):
    """Items to test, and in which fold each is hidden."""

    ground: ItemGround
    inside: Bool[np.ndarray, " items"]
    folds: Int[np.ndarray, " items"]


def _asked(
    canvas: ImageSet | ImagePatches, items: NDArray[np.integer], positive: NDArray[np.integer], n_folds: int
) -> _Asked:
    ground = ground_of(canvas, items, positive)
    inside = np.isin(ground.items, positive)
    return _Asked(ground, inside, folds_of(inside, ground.places, n_folds=n_folds))


class _Crossed(NamedTuple):
    """Items that were scored by the maps of folds that do not see them."""

    scorer: ItemScorer
    inside: Bool[np.ndarray, " items"]
    folds: Int[np.ndarray, " items"]
    scores: Float[np.ndarray, " items"]

    @property
    def auroc(self) -> float:
        return fold_auroc(self.scores, self.inside, self.folds)


def _border_notes(found: _Crossed, n_items: int, *, n_partly: int) -> list[str]:
    """What has to be known of the patches that were tested."""
    tested, inside, folds = found.scorer.ground, found.inside, found.folds
    notes = []
    if tested.apart > 1:
        notes.append(f"{len(tested.items):,} of {n_items:,} patches are tested, {tested.apart} rows and columns apart.")
    hidden = folds == np.arange(folds.max() + 1)[:, None]
    blind = int((~(inside & ~tested.out_of_sight(hidden)).any(axis=1)).sum())
    if blind:
        notes.append(
            f"In {blind} of {len(hidden)} folds all positives share pixels with hidden patches, so that nothing was "
            "told apart in them."
        )
    if n_partly:
        notes.append(
            "Beside regions without meaning, which have no border, patches that are partly covered count as outside."
        )
    return notes
