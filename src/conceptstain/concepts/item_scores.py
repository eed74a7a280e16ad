"""How much of a concept the items of a canvas have: one number each, as a table or as a raster of a slide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas, Painted
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.patch_blocks import World
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.latents import keep_latents, kept_latents, latents_of, representations
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["ConceptScores", "ScoredRun", "raster_limits", "score_runs", "scores"]

LIMITS = (1, 99)  # percentiles at the ends of a raster's colours


class ScoredRun(NamedTuple):
    """Some items of a canvas, and their scores."""

    items: NDArray[np.integer]
    values: Float[np.ndarray, " items"]


@final
@dataclass(frozen=True, eq=False)
class ConceptScores:
    """Concept scores ``s_c(x) = <z(x), v_c>`` of all items of a canvas. Make them with :func:`scores`.

    They say which item has more of the concept than another; their 0 means nothing.

    Attributes
    ----------
    concept
        What was asked about.
    canvas
        Whose items were asked.
    values
        One per item, in the order of the canvas.
    """

    concept: Concept
    canvas: Canvas
    values: Float[np.ndarray, " items"]

    @property
    def name(self) -> str:
        """The concept's."""
        return self.concept.name

    def table(self) -> pd.DataFrame:
        """One row per item by name, ``score``, the highest first.

        Of the items that the concept was made of, these are not the scores that new items would have: see the
        cross-fitted ones of :func:`conceptstain.concepts.evidence.evidence`.
        """
        names = pd.Index(self.canvas.item_names, name=self.canvas.noun)
        order = np.argsort(-self.values, kind="stable")
        return pd.DataFrame({"score": self.values}, index=names).iloc[order]

    def painted(self) -> Painted:
        """The scores where they belong: one per picture, gene or spot; of patches a raster, overlaps averaged."""
        painted = self.canvas.paint(self.values)
        if not isinstance(painted, ScoreRaster):
            return painted.rename(self.name)
        return replace(painted, name=self.name, signed=False, colour_limits=raster_limits(painted))


def raster_limits(raster: ScoreRaster) -> tuple[float, float] | None:
    """Ends of the colours of painted scores: percentiles 1 and 99; None where these are alike, or nothing is known."""
    known = raster.values[np.isfinite(raster.values)]
    low, high = (float(limit) for limit in np.percentile(known, LIMITS)) if len(known) else (0.0, 0.0)
    return (low, high) if high > low else None


def scores(concept: Concept, canvas: Canvas, encoder: Encoder, *, report: Report = silent) -> ConceptScores:
    """Score all items of a canvas by a concept: pictures, patches of a slide, genes or spots.

    The canvas need not be the one that the concept was made on. Patches are read and forgotten block by block: of a
    slide only the scores are kept.

    Parameters
    ----------
    concept
        The concept.
    canvas
        What to score.
    encoder
        The one the concept was made with.
    report
        Called after every block of patches, or chunk of other items; may raise :class:`Cancelled`.

    Raises
    ------
    MismatchError
        Another encoder, or a canvas that it was not made for.
    """
    values = np.full(len(canvas), np.nan)
    done = 0
    for items, found in score_runs(concept, canvas, encoder, report=report):
        values[items] = found
        done += len(items)
        report(Step(done, len(canvas), "Scoring"))
    return ConceptScores(concept, canvas, values)


def score_runs(
    concept: Concept,
    canvas: Canvas,
    encoder: Encoder,
    *,
    visible: World | None = None,
    keep: bool = False,
    report: Report = silent,
) -> Iterator[ScoredRun]:
    """Scores as they are made; of a slide block by block, so that what is looked at can be painted first.

    Where the latents are kept already, all scores come at once.

    Parameters
    ----------
    concept, canvas, encoder
        As for :func:`scores`, also in what is refused.
    visible
        Of a slide, the rectangle of the world that comes first: top, left, bottom, right.
    keep
        Keep the latents of a slide once all of it is encoded, so that the next concept is scored at once.
    report
        Called while items other than patches are encoded for the first time.
    """
    encoder.check(canvas)
    concept.check(encoder)
    kept = kept_latents(canvas, encoder, space=concept.space)
    if isinstance(canvas, ImagePatches) and kept is None:
        every: np.ndarray | None = None
        for items in canvas.blocks(visible):
            latents = representations(canvas, encoder, items, space=concept.space)
            if keep:
                every = np.empty((len(canvas), latents.shape[1]), dtype=latents.dtype) if every is None else every
                every[items] = latents
            yield ScoredRun(items, concept.scores(latents))
        if every is not None:
            keep_latents(canvas, encoder, every, space=concept.space)
        return
    latents = latents_of(canvas, encoder, space=concept.space, report=report)
    yield ScoredRun(np.arange(len(canvas)), concept.scores(latents))
