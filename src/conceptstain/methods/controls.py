"""Controls of a map: what it has to beat before it says something about the network that drew it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, final, overload

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import spearmanr

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.region import Region
from conceptstain.canvas.section import Section
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.cross_fit import auroc_error
from conceptstain.concepts.spot_concepts import SpotConcepts
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.control_sentences import SAYINGS, control_sentences
from conceptstain.methods.intervals import Interval, interval
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import map_kind
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.methods.display import Display
    from conceptstain.methods.picture_masks import Masks
    from conceptstain.nets.encoder import Encoder

__all__ = ["DEPTH", "NAMES", "TWINS", "Control", "Controls", "Judged", "controls", "depth_like", "rank_correlation"]

MARGIN = 0.01  # of AUROC: what a map has to be ahead of the mean of a control by
DRAWS = 5
TWINS = 3  # untrained networks: one alone may find a layer, or miss it, by its seed
NO_BETTER = 0.5  # AUROC of chance
ONE_SIDED = 1.645  # standard errors: 95 % of a normal distribution lie below
DEPTH = ("sequencing depth", "counts per spot, many or few as suits the map")

Judged = Literal["cross-fitted", "plain", "none"]


@final
@dataclass(frozen=True, eq=False)
class Control:
    """One map that the map asked about has to beat.

    Attributes
    ----------
    name
        On gene pictures ``"no model"``, ``"random concept"``, ``"untrained network"``, ``"sequencing depth"``; of drawn
        spots ``"no model, profiles"``, ``"no model, principal components"``, ``"random spots"`` and the last two; on
        pictures ``"mean difference"``, ``"random concept"``, ``"untrained network"``, ``"mean mask"`` and
        ``"shuffled masks"``.
    explanation
        What it is, in a line.
    values
        At the spots; one row per draw. On pictures: one number for each of them, the AUROC with which the draw's map
        finds the pixels of its mask, or without masks the rank correlation with the map.
    aurocs
        How well each row tells the region's spots from the others; empty without a region. On pictures the mean of each
        row; empty without masks.
    correlations
        Spearman's rank correlation of each row with the map; on pictures the mean over them.
    """

    name: str
    explanation: str
    values: Float[np.ndarray, "draws places"]
    aurocs: Float[np.ndarray, " judged"]
    correlations: Float[np.ndarray, " draws"]

    @classmethod
    def beside(
        cls,
        map_values: Float[np.ndarray, " spots"],
        name: str,
        explanation: str,
        maps: Sequence[Float[np.ndarray, " spots"]],
        aurocs: Sequence[float],
    ) -> Control:
        """A control of these draws, compared with the values of the map that is asked about."""
        r = np.array([rank_correlation(map_values, each) for each in maps])
        return cls(name, explanation, np.array(maps), np.array(aurocs, dtype=np.float64), r)

    @property
    def auroc(self) -> float | None:
        """Mean over the draws; None without a region."""
        return float(self.aurocs.mean()) if len(self.aurocs) else None

    @property
    def correlation(self) -> float:
        """Mean over the draws."""
        return float(self.correlations.mean())

    def is_behind(self, auroc: float) -> bool:
        """Whether a map of that AUROC is ahead: of the mean by a margin, and of every draw."""
        return self.auroc is not None and auroc - self.auroc >= MARGIN and auroc > self.aurocs.max()


@final
@dataclass(frozen=True, eq=False)
class Controls:
    """A map beside its controls. Make it with :func:`controls`.

    Attributes
    ----------
    name
        The concept's.
    method
        Key of the map: ``"decoded"``, ``"gradient"``, ...; ``"spot score"`` for the score of drawn spots.
    values
        The map at the spots. On pictures: one number for each of them, as in :class:`Control`.
    judged
        ``"cross-fitted"``: the region made the concept, so every spot was judged by a map that was made without it; on
        pictures: each that made the concept was asked about the concept made without it.
        ``"plain"``: the region, or what is asked about, had no part in the concept. ``"none"``: there is no region or
        mask, or it made the concept and has fewer than three spots, or the pictures are too few, so that none can be
        held back.
    auroc
        Of the map; on pictures the mean over them. None without a region or masks.
    controls
        One for each control.
    encoder, settings
        Enough to repeat it; on pictures also their names (``"items"``) and how maps are shown (``"display"``).
    n_inside
        Spots of the region; 0 without one, and on pictures.
    """

    name: str
    method: str
    values: Float[np.ndarray, " places"]
    judged: Judged
    auroc: float | None
    controls: tuple[Control, ...]
    encoder: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    n_inside: int = 0

    @property
    def is_told_from_chance(self) -> bool:
        """Whether the map finds the region at all, by its AUROC alone.

        One-sided, at 95 %, by the standard error of Hanley & McNeil (1982). It takes spots as independent, which
        neighbours are not: what it lets pass may still be chance (the nulls of :func:`conceptstain.evidence` know
        better), what it refuses says nothing. On pictures by the interval over them, which are independent; patches
        are less so.
        """
        if self.items:
            return self.auroc is not None and self.interval.low > NO_BETTER
        n_outside = len(self.values) - self.n_inside
        if self.auroc is None or not self.n_inside or not n_outside:
            return False
        return self.auroc - ONE_SIDED * auroc_error(self.auroc, self.n_inside, n_outside) > NO_BETTER

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the pictures or patches that were asked about; of spots, which share one map, none."""
        return tuple(self.settings.get("items", ()))

    @property
    def noun(self) -> str:
        """What one of its places is called: spot, picture or patch."""
        return str(self.settings.get("noun", "spot"))

    @property
    def interval(self) -> Interval:
        """On pictures with masks the AUROC with its confidence interval, over the pictures; NaN for all else."""
        judged = bool(self.items) and self.auroc is not None
        return interval(self.values if judged else np.empty(0))

    def is_ahead_of(self, control: Control) -> bool:
        """Whether the map is ahead: of the control's mean by a margin, and of every draw.

        On pictures also picture by picture: the interval of the differences lies above 0.
        """
        if self.auroc is None or not control.is_behind(self.auroc):
            return False
        return not self.items or interval(self.values - control.values.mean(axis=0)).low > 0

    def control(self, name: str) -> Control | None:
        """The control of that name; None where it does not apply."""
        return next((each for each in self.controls if each.name == name), None)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What speaks against the map, chance first, then its controls; one sentence when nothing does.

        Of pictures with masks also how much the map depends on the picture.
        """
        return control_sentences(self)

    def table(self) -> pd.DataFrame:
        """One row per map and draw; ``control`` is empty for the map itself.

        The columns are ``map``, ``control``, ``draw``, ``auroc``, ``judged`` and ``rank correlation``; on pictures also
        ``low`` and ``high``, the ends of the confidence interval of the AUROC.
        """
        rows = [(self.name, self.method, "", 1, self.auroc, self.judged, 1.0)]
        for each in self.controls:
            aurocs = each.aurocs if len(each.aurocs) else [None] * len(each.correlations)
            for draw, (value, r) in enumerate(zip(aurocs, each.correlations, strict=True), 1):
                rows.append((self.name, self.method, each.name, draw, value, self.judged, float(r)))
        columns = ["concept", "map", "control", "draw", "auroc", "judged", "rank correlation"]
        table = pd.DataFrame(rows, columns=columns)
        if self.items:
            judged = (
                [] if self.auroc is None else [self.values, *(row for each in self.controls for row in each.values)]
            )
            spread = [interval(row) for row in judged] or [interval(np.empty(0))] * len(table)
            table["low"], table["high"] = [each.low for each in spread], [each.high for each in spread]
        return table.astype({"auroc": float}).set_index("concept")


NAMES = tuple(SAYINGS)
"""Of all controls."""


@overload
def controls(
    canvas: GenePictures,
    encoder: Encoder,
    concept: Concept,
    method: str = ...,
    *,
    region: Region | None = ...,
    settings: MapSettings | None = ...,
    draws: int = ...,
    seed: int = ...,
    report: Report = ...,
) -> Controls: ...


@overload
def controls(
    canvas: ImageSet | ImagePatches,
    encoder: Encoder,
    concept: Concept,
    method: str = ...,
    *,
    items: ItemIndices | None = ...,
    masks: Masks | None = ...,
    region: Region | None = ...,
    made_on: ImageSet | ImagePatches | None = ...,
    settings: MapSettings | None = ...,
    display: Display | None = ...,
    draws: int = ...,
    seed: int = ...,
    report: Report = ...,
) -> Controls: ...


@overload
def controls(
    concepts: SpotConcepts, /, *, name: str | None = ..., draws: int = ..., seed: int = ..., report: Report = ...
) -> Controls: ...


def controls(
    canvas: GenePictures | ImageSet | ImagePatches | SpotConcepts,
    encoder: Encoder | None = None,
    concept: Concept | None = None,
    method: str | None = None,
    *,
    name: str | None = None,
    items: ItemIndices | None = None,
    masks: Masks | None = None,
    region: Region | None = None,
    made_on: ImageSet | ImagePatches | None = None,
    settings: MapSettings | None = None,
    display: Display | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    report: Report = silent,
) -> Controls:
    """Draw what a map has to beat, on the same canvas and where it applies by the same method.

    A map of gene pictures: ``controls(canvas, encoder, concept, "decoded")``.

    - *no model*: the mean z-score of the same genes;
    - *random concept*: as many random genes, several draws;
    - *untrained network*: the same genes through networks with fresh weights, three of them;
    - *sequencing depth*: counts per spot, turned over where the map is high where they are low.

    A region judges them by AUROC. If it made the concept, the map, the gene mean and the untrained network's map are
    cross-fitted: spots are judged by maps of genes that were chosen with their values hidden, against others hidden
    with them. What does not depend on the region is judged on the same pairs of spots.

    A combination is controlled by what is combined in the same way: its parts' gene means, random genes in the place of
    each part's, and each part's own genes through the untrained network.

    A map of pictures, or of patches of a slide: ``controls(canvas, encoder, concept, "gradient", masks=masks)``.

    - *mean difference*: the mean of the positives minus that of the negatives, no model; magnitudes, shown as the map;
    - *random concept*: as many random pictures on each side, none of those asked about; several draws;
    - *untrained network*: the same pictures through networks with fresh weights, three of them; left out for networks
      that keep weights which no layer can begin anew;
    - with masks, *mean mask*: the mean of the other masks of the pictures that made the concept, or that are asked
      about, without looking at the picture;
    - with masks, *shuffled masks*: the same maps judged by the masks of others, how well they find where such things
      usually are.

    Masks judge them picture by picture, by the AUROC of its pixels on the frame that the network sees; of patches, the
    region that made the concept does. A picture that made the concept is asked about the concept made without it (a
    patch: without all that share a pixel with it), in the network, in the untrained ones and at the input alike. The
    encoder itself may have seen it, without labels.

    The painted score of drawn spots: ``controls(concepts, name="GCL")``.

    - *no model, profiles*: the profile of each spot along the difference of the mean profiles;
    - *no model, principal components*: as many of them as the network has latents, scored by the concept's rule;
    - *random spots*: as many random spots in place of the drawn ones, several draws;
    - *untrained network*: the same spots through networks with fresh weights, as many as the concept has, three times;
    - *sequencing depth*: as above.

    The drawn spots judge them, all cross-fitted by the folds of the evidence. As there, each is held against all other
    spots without neighbours' words, also where the painted score contrasts the concept with others.

    Parameters
    ----------
    canvas, encoder, concept
        As for the map; concepts of drawn spots stand alone.
    method
        Key of the map; see :mod:`conceptstain.methods.maps`. None: ``"decoded"`` of gene pictures, ``"gradient"`` of
        others.
    name
        Of one of the concepts of spots; None: the only one.
    items
        Indices of the pictures or patches that are asked about. None: up to 24 of those that made the concept; where it
        was made on other pictures, those that have most of it; with masks, those that these can judge.
    masks
        Of pictures or patches, at their own pixels: ``{name: mask}``, or one for each of ``items`` or of the canvas,
        None where there is none. What is not 0 is inside. A pixel of the frame is inside by half.
    region
        What the concept should find: of gene pictures in the tissue, of patches of a slide in each of them. None: the
        region that made it, if any.
    made_on
        The pictures that the concept was made on, where others are asked about: these had no part in it.
    settings
        Of the map; None: those it has by default.
    display
        Of pictures: how channels become one value per pixel; None: as the map is shown.
    draws
        Number of random concepts, one or more.
    seed
        Of the random concepts and of the untrained networks.
    report
        Called after every map; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        No such map or concept, no draw, a region without any spot, a unit, a region beside a combination that a
        region has a part in, or masks that cannot judge.
    MismatchError
        Canvas, encoder and concept do not belong together, or the map is not for this network.
    """
    if draws < 1:
        raise InputError(
            "A map is held against one random concept or more", got=f"draws={draws}", cure=f"Use {DRAWS}, or more"
        )
    if isinstance(canvas, SpotConcepts):
        from conceptstain.methods.spot_controls import spot_controls

        return spot_controls(canvas, canvas.only() if name is None else name, draws=draws, seed=seed, report=report)
    if encoder is None or concept is None:
        raise InputError(
            "A map of pictures is of a concept, by an encoder",
            got="a canvas alone",
            cure="Use controls(canvas, encoder, concept)",
        )
    settings = settings or MapSettings()
    if isinstance(canvas, ImageSet | ImagePatches):
        from conceptstain.methods.picture_controls import picture_controls
        from conceptstain.methods.picture_question import Question

        question = Question(items, masks, region, made_on, display)
        kind = map_kind(method or "gradient")
        return picture_controls(
            canvas, encoder, concept, kind, question, settings=settings, draws=draws, seed=seed, report=report
        )
    given = {"items": items, "masks": masks, "made_on": made_on, "display": display}
    if any(each is not None for each in given.values()):
        raise InputError(
            "Genes share one map, which is judged by a region",
            got=", ".join(word for word, each in given.items() if each is not None),
            cure="Use region=",
        )
    from conceptstain.methods.gene_controls import gene_controls

    return gene_controls(
        canvas,
        encoder,
        concept,
        method or "decoded",
        region=region,
        settings=settings,
        draws=draws,
        seed=seed,
        report=report,
    )


def depth_like(values: Float[np.ndarray, " spots"], section: Section) -> Float[np.ndarray, " spots"] | None:
    """Counts per spot, turned over where a map is high where they are low; None where the file holds no counts."""
    if section.counts != "counts":
        return None
    depth = np.asarray(section.matrix.sum(axis=1), dtype=np.float64).ravel()
    # A shallow layer is found by depth as well as a deep one.
    return -depth if rank_correlation(values, depth) < 0 else depth


def rank_correlation(one: Float[np.ndarray, " places"], other: Float[np.ndarray, " places"]) -> float:
    """Spearman's; 0 where a map is the same everywhere."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)
