"""How well maps find anomalies: AUROC of pixels and pictures, overlap per region and IoU, in memory that stays flat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy import ndimage
from scipy.integrate import trapezoid

from conceptstain.errors import InputError

__all__ = ["Detection", "DetectionMetrics", "ValueHistogram"]

BITS = 20  # of a float32 that are told apart: its sign, its exponent and 11 bits behind the point
MOST_FALSE = 0.3  # of the normal pixels: where the overlap per region stops counting
TOUCHING = np.ones((3, 3), dtype=int)  # pixels that touch by a corner are of one region


@final
@dataclass(frozen=True)
class Detection:
    """How well maps find what masks show.

    Attributes
    ----------
    n_pictures, n_anomalous
        Pictures, and those of them with a painted mask.
    n_regions
        Connected regions of the masks.
    pixel_auroc
        Probability that a painted pixel has a higher value than one that is not, of all pictures together; NaN where
        there are none of one kind.
    image_auroc
        The same of pictures, by the highest value of each.
    aupro
        Mean part of a region above a threshold, over the thresholds at which up to 30 % of the pixels outside are above
        it, too (Bergmann et al. 2021, doi:10.1007/s11263-020-01400-4); 1 at best, .15 by chance.
    iou
        The best intersection over union of all pixels above one threshold with all that are painted; reached by
        ``threshold``, while one between values that count as equal might do better.
    threshold
        That threshold.
    bound
        How far ``pixel_auroc`` may be from that of the unrounded values.
    """

    n_pictures: int
    n_anomalous: int
    n_regions: int
    pixel_auroc: float
    image_auroc: float
    aupro: float
    iou: float
    threshold: float
    bound: float


@final
class ValueHistogram:
    """Counts, or weights, of float32 values, in bins whose width is 1/2048 of the power of 2 they lie at.

    The leading bits of a float, with those of negative ones turned over, are whole numbers in the order of the values:
    no range has to be known beforehand.
    """

    def __init__(self) -> None:
        self.weights: Float[np.ndarray, " bins"] = np.zeros(2**BITS)

    def add(self, values: Float[np.ndarray, "..."], weight: float | Float[np.ndarray, "..."] = 1.0) -> None:
        """Count values, each once or by its weight.

        Raises
        ------
        InputError
            Values that are not finite.
        """
        np.add.at(self.weights, _keys(values), np.ravel(weight))

    def quantile(self, part: float) -> float:
        """The least value that this part of the weight, above 0 and up to 1, does not exceed; NaN of nothing.

        It is the upper end of the bin: too high by less than 1/2048 of it, and never too low.
        """
        reached = np.cumsum(self.weights)
        if not reached[-1]:
            return float("nan")
        return _edge(int(np.searchsorted(reached, part * reached[-1])), upper=True)


@final
class DetectionMetrics:
    """Takes maps and masks one after another; :meth:`result` says how well the maps find what is painted.

    Memory is that of three histograms, 24 MB, and a number for each picture. Values are told apart to 1/2048 of the
    power of 2 they lie at; those that are not, count as equal. What that may change is told in
    :attr:`Detection.bound`.
    """

    def __init__(self) -> None:
        self._normal, self._painted, self._regions = ValueHistogram(), ValueHistogram(), ValueHistogram()
        self._n_regions = 0
        self._scores: list[float] = []
        self._anomalous: list[bool] = []

    def update(
        self,
        values: Float[np.ndarray, "height width"],
        mask: Shaped[np.ndarray, "rows columns"] | None,
        *,
        score: float | None = None,
    ) -> None:
        """Take the map of a picture and what is painted on it.

        Parameters
        ----------
        values
            The map; NaN where nothing is known, which counts for nothing.
        mask
            Not 0 where something is anomalous; None: nowhere.
        score
            Of the picture; None: the highest value of its map.

        Raises
        ------
        InputError
            A mask of another size, a map without values, or values or a score that are not finite.
        """
        values = np.asarray(values)
        if score is not None and not np.isfinite(score):
            raise InputError("The score of a picture is a finite number", got=str(score), cure="Leave it out")
        painted = np.zeros(values.shape, dtype=bool) if mask is None else np.asarray(mask) != 0
        if values.ndim != 2 or painted.shape != values.shape:
            raise InputError(
                "A mask has one value for each pixel of its map",
                got=f"{painted.shape} for {values.shape} pixels",
                cure="Give the mask at the pixels of the map",
            )
        known = ~np.isnan(values)
        if not known.any():
            raise InputError("This map has no values", got="NaN everywhere", cure="Give maps of pictures")
        self._normal.add(values[known & ~painted])
        inside = known & painted
        self._painted.add(values[inside])
        regions, _ = ndimage.label(inside, structure=TOUCHING)
        sizes = np.bincount(regions.ravel())[1:]
        self._regions.add(values[inside], 1.0 / sizes[regions[inside] - 1])
        self._n_regions += len(sizes)
        self._scores.append(float(values[known].max()) if score is None else float(score))
        self._anomalous.append(bool(painted.any()))

    def result(self) -> Detection:
        """What was found so far."""
        normal, painted = self._normal.weights, self._painted.weights
        pixel_auroc, bound = _auroc(normal, painted)
        iou, threshold = _best_iou(normal, painted)
        return Detection(
            n_pictures=len(self._scores),
            n_anomalous=sum(self._anomalous),
            n_regions=self._n_regions,
            pixel_auroc=pixel_auroc,
            image_auroc=_auroc_of_scores(np.array(self._scores), np.array(self._anomalous, dtype=bool)),
            aupro=_aupro(normal, self._regions.weights, self._n_regions),
            iou=iou,
            threshold=threshold,
            bound=bound,
        )


def _keys(values: Float[np.ndarray, "..."]) -> Int[np.ndarray, " values"]:
    """Whole numbers in the order of the values."""
    with np.errstate(over="ignore"):
        flat = np.ascontiguousarray(np.ravel(values), dtype=np.float32) + np.float32(0)  # -0 becomes 0
    if not np.isfinite(flat).all():
        raise InputError("Values of maps are finite numbers", got="infinite ones, or NaN", cure="Leave them out")
    bits = flat.view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(0x80000000))
    return (ordered >> np.uint32(32 - BITS)).astype(np.int64)


def _edge(key: int, *, upper: bool = False) -> float:
    """The least, or the highest, value of a bin."""
    ordered = key << (32 - BITS) | (2 ** (32 - BITS) - 1) * upper
    bits = ordered & 0x7FFFFFFF if ordered >> 31 else ordered ^ 0xFFFFFFFF
    return float(np.uint32(bits).view(np.float32))


def _auroc(normal: Float[np.ndarray, " bins"], painted: Float[np.ndarray, " bins"]) -> tuple[float, float]:
    """The probability, pairs of one bin counted half, and half of the part of such pairs: how far it may be off."""
    pairs = normal.sum() * painted.sum()
    if not pairs:
        return float("nan"), float("nan")
    below = np.cumsum(normal) - normal
    together = float(normal @ painted) / 2
    return float((painted @ below + together) / pairs), float(together / pairs)


def _auroc_of_scores(scores: Float[np.ndarray, " pictures"], anomalous: Shaped[np.ndarray, " pictures"]) -> float:
    if anomalous.all() or not anomalous.any():
        return float("nan")
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(anomalous, scores))


def _above(weights: Float[np.ndarray, " bins"]) -> Float[np.ndarray, " thresholds"]:
    """The weight at or above each bin, from the highest bin down, with nothing before it."""
    return np.concatenate([[0.0], np.cumsum(weights[::-1])])


def _aupro(normal: Float[np.ndarray, " bins"], regions: Float[np.ndarray, " bins"], n_regions: int) -> float:
    """The area under the mean overlap of a region by the part of normal pixels, up to 30 %, as a part of 30 %."""
    if not n_regions or not normal.any():
        return float("nan")
    false, overlap = _above(normal) / normal.sum(), _above(regions) / n_regions
    last = int(np.searchsorted(false, MOST_FALSE, side="right"))
    at_end = np.interp(MOST_FALSE, false[last - 1 : last + 1], overlap[last - 1 : last + 1])
    x, y = np.append(false[:last], MOST_FALSE), np.append(overlap[:last], at_end)
    return float(trapezoid(y, x) / MOST_FALSE)


def _best_iou(normal: Float[np.ndarray, " bins"], painted: Float[np.ndarray, " bins"]) -> tuple[float, float]:
    if not painted.any():
        return float("nan"), float("nan")
    found, false = np.cumsum(painted[::-1]), np.cumsum(normal[::-1])
    overlap = found / (painted.sum() + false)
    best = int(np.argmax(overlap))
    return float(overlap[best]), _edge(len(painted) - 1 - best)
