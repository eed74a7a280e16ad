"""The concept score of pictures or patches as a finding: how much of a concept each of them has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, final

import numpy as np
from jaxtyping import Float

from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.patch_blocks import World
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.item_scores import raster_limits, score_runs
from conceptstain.errors import MismatchError
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["ItemMethod", "ItemScore", "item_score", "item_score_runs"]

ItemMethod: TypeAlias = Literal["concept score", "deviation score"]


@final
@dataclass(frozen=True, eq=False)
class ItemScore:
    """One number per picture of a set, or per patch of a slide.

    Make it with :func:`item_score`: it says which item has more of the concept than another, and its 0 means nothing.
    Or with :func:`conceptstain.item_deviation`: how far an item lies from the normal.

    Attributes
    ----------
    name
        The concept's.
    values
        One per item, in the order of the canvas; NaN where it is not known yet.
    source
        Name of the pictures or the slide.
    concept
        What was asked about.
    encoder
        Fingerprint of the encoder.
    settings
        Enough to repeat it.
    detail
        What tells it from other scores of the same concept.
    colour_limits
        Values at the ends of the colours, where someone chose them; None: those its values suggest.
    method
        Name of the score as a figure would print it.
    """

    signed: ClassVar[bool] = False

    name: str
    values: Float[np.ndarray, " items"]
    source: str
    concept: Concept
    encoder: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    colour_limits: tuple[float, float] | None = None
    method: ItemMethod = "concept score"

    @property
    def title(self) -> str:
        """Name for a layer or a figure panel, e.g. ``"glands - concept score"``."""
        return f"{self.name} - {self.method}" + (f", {self.detail}" if self.detail else "")

    def raster(self, canvas: ImagePatches) -> ScoreRaster:
        """The scores of patches where they lie on the slide, overlaps averaged.

        Raises
        ------
        MismatchError
            Patches of another slide, or other patches of it.
        """
        self.check(canvas)
        painted = canvas.paint(self.values)
        return replace(
            painted, name=self.title, signed=False, colour_limits=self.colour_limits or raster_limits(painted)
        )

    def check(self, canvas: ImageSet | ImagePatches) -> None:
        """Refuse a canvas with other items.

        Raises
        ------
        MismatchError
            Another number of them.
        """
        if len(canvas) != len(self.values):
            raise MismatchError(
                f"{self.title!r} belongs to other data",
                got=f"{len(self.values):,} scores of {self.source} for {len(canvas):,} of {canvas.source.name}",
                cure="Score these by the concept",
            )


def item_score(
    canvas: ImageSet | ImagePatches, encoder: Encoder, concept: Concept, *, report: Report = silent
) -> ItemScore:
    """Score all pictures or patches by a concept, ``s_c(x) = <z(x), v_c>`` (Brocki & Chung 2019), as a finding.

    Parameters
    ----------
    canvas
        What to score; it need not be what the concept was made on.
    encoder
        The one the concept was made with.
    concept
        What to score by.
    report
        Called after every block of patches; may raise :class:`Cancelled`.

    Raises
    ------
    MismatchError
        Another encoder, or a canvas that it was not made for.
    """
    *_, whole = item_score_runs(canvas, encoder, concept, report=report)
    return whole


def item_score_runs(
    canvas: ImageSet | ImagePatches,
    encoder: Encoder,
    concept: Concept,
    *,
    visible: World | None = None,
    keep: bool = False,
    report: Report = silent,
) -> Iterator[ItemScore]:
    """The score as it grows, block by block of a slide: NaN where it is not known yet, whole at last.

    Parameters
    ----------
    canvas, encoder, concept, report
        As for :func:`item_score`.
    visible
        Of a slide, the rectangle of the world that comes first: top, left, bottom, right.
    keep
        Keep the latents of a slide for the next concept: see :func:`conceptstain.concepts.item_scores.score_runs`.
    """
    values, done = np.full(len(canvas), np.nan), 0
    for items, found in score_runs(concept, canvas, encoder, visible=visible, keep=keep, report=report):
        values[items] = found
        done += len(items)
        report(Step(done, len(canvas), "Scoring"))
        yield ItemScore(concept.name, values.copy(), canvas.source.name, concept, encoder.fingerprint)
