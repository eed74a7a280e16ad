"""Anomalies by what was learned from defects that are pasted into ordinary pictures.

No picture with a defect is needed: strokes and spots of all sizes are drawn into ordinary pictures, filled with another
place of another picture, with one of its values, or with a change of light. Boosted trees learn to tell changed pixels
from others by what is seen at a place and around it. What they find is then not an unusual picture as a whole, but
something that does not belong to its surroundings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, shift, zoom

from conceptstain.concepts.normal import Normal
from conceptstain.errors import MismatchError
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

__all__ = ["DefectFinder", "finder_of", "learn_finder", "paste", "surroundings"]

PIXELS = 150_000  # that are learned from at most; a third of them are painted where there are as many
TREES = 120
AS_IT_IS = 0.25  # of the pictures stay without a defect
SCALES = (0, 1, 2)  # standard deviations in pixels
WIDE = 4  # of the blur that stands for the light
RINGS = (3, 6, 11)  # radii in pixels
DIRECTIONS = 8
VISIBLE = 0.02  # least change of a value in 0..1 that counts as one
OF_SPREAD = 0.25  # the same as a part of a picture's standard deviation
SMOOTH = 1.0  # standard deviation of the blur of the log odds, in pixels

_finders: "WeakKeyDictionary[Normal, DefectFinder]" = WeakKeyDictionary()


def paste(
    pictures: Float[np.ndarray, "items channels height width"], *, seed: int = 0
) -> tuple[Float[np.ndarray, "items channels height width"], Bool[np.ndarray, "items height width"]]:
    """Ordinary pictures with defects drawn into most of them, and where they are visibly changed.

    Each defect is a pen along a quadratic curve: its length is 2 % to 50 % of the height, its radius 0.6 % to 6 %, both
    drawn on a logarithmic scale, and its edge is uneven. It is filled with another place of any of the pictures, with
    the value of one pixel, or it makes what is there darker or lighter, by a tenth to half of the picture's maximum.

    Parameters
    ----------
    pictures
        With values in 0..1, or in any other range.
    seed
        Of all that is drawn.

    Returns
    -------
    pictures, masks
        Float32; a pixel is painted where a channel changed by more than .02 and a quarter of the picture's standard
        deviation.

    References
    ----------
    Learning from pasted patches and scars: Li et al. 2021, "CutPaste", arXiv:2104.04015; from blended ones, pixel by
    pixel: Zavrtanik et al. 2021, "DRAEM", arXiv:2108.07610. The shapes and fillings here are this package's own.
    """
    random = np.random.default_rng(seed)
    changed = np.array(pictures, dtype=np.float32)
    for picture in changed:
        if random.random() >= AS_IT_IS:
            for _ in range(int(random.integers(1, 4))):
                _draw(picture, pictures, random)
    visible = np.maximum(VISIBLE, OF_SPREAD * pictures.std(axis=(1, 2, 3)))
    masks = np.abs(changed - pictures).max(axis=1) > visible[:, None, None]
    return changed, masks


def _draw(picture: Float[np.ndarray, "channels height width"], others: np.ndarray, random: np.random.Generator) -> None:
    """One defect, in place."""
    _, height, width = picture.shape
    start = random.uniform((0, 0), (height, width))
    angle = random.uniform(0, 2 * math.pi)
    length = height * np.exp(random.uniform(np.log(0.02), np.log(0.5)))
    radius = height * np.exp(random.uniform(np.log(0.006), np.log(0.06)))
    if radius > 0.03 * height and length > 0.25 * height:
        radius *= 0.4  # what is long is thin, or half of the picture is a defect
    end = start + length * np.array([math.sin(angle), math.cos(angle)])
    middle = (start + end) / 2 + 0.3 * length * random.standard_normal(2)
    t = np.linspace(0, 1, 24)[:, None]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    reach = 2 * radius + 2
    top, left = np.maximum(np.floor(curve.min(axis=0) - reach), 0).astype(int)
    bottom, right = np.minimum(np.ceil(curve.max(axis=0) + reach), (height, width)).astype(int)
    if bottom - top < 2 or right - left < 2:
        return
    rows, columns = np.mgrid[top:bottom, left:right]
    far = np.sqrt(((rows - curve[:, 0, None, None]) ** 2 + (columns - curve[:, 1, None, None]) ** 2).min(axis=0))
    uneven = zoom(random.standard_normal((5, 5)), np.array(far.shape) / 5, order=1, grid_mode=True, mode="nearest")
    pen = np.clip(radius * (1 + 0.4 * uneven) + 0.5 - far, 0, 1) * (
        random.uniform(0.3, 1) if random.random() < 0.5 else 1
    )
    old = picture[:, top:bottom, left:right]
    picture[:, top:bottom, left:right] = pen * _filling(old, picture, others, random) + (1 - pen) * old


def _filling(old: np.ndarray, picture: np.ndarray, others: np.ndarray, random: np.random.Generator) -> np.ndarray:
    kind, height, width = random.random(), *old.shape[1:]
    other = others[random.integers(len(others))]
    if kind < 0.4:
        down = random.integers(other.shape[1] - height + 1)
        across = random.integers(other.shape[2] - width + 1)
        piece = other[:, down : down + height, across : across + width]
        return np.asarray(piece[:, ::-1] if random.random() < 0.5 else piece)
    if kind < 0.7:
        value = other[:, random.integers(other.shape[1]), random.integers(other.shape[2])]
        return np.broadcast_to(value[:, None, None], old.shape)
    change = random.uniform(0.1, 0.5) * random.choice((-1, 1)) * picture.max()
    # Within the range of images, and of gene pictures within their own.
    return np.asarray(np.clip(old + change, min(0, others.min()), max(1, others.max())))


def surroundings(picture: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width numbers"]:
    """What is seen at a place of one channel and around it: 37 numbers, of which one changes with the light.

    At three scales the value against a wide blur and against a narrower one, and the length of the gradient; the wide
    blur itself; how far the brightest and the darkest of 5 x 5 pixels are, and the local standard deviation; and on
    rings of 3, 6 and 11 pixels eight values against that of the place, in order of size, so that no direction counts.
    """
    wide = _blurred(picture, WIDE)
    numbers = [wide]
    for scale in SCALES:
        value = _blurred(picture, scale)
        numbers += [value - wide, value - _blurred(picture, 2 * scale + 1), np.hypot(*np.gradient(value))]
    numbers += [maximum_filter(picture, 5) - picture, picture - minimum_filter(picture, 5)]
    numbers.append(np.sqrt(np.maximum(_blurred(picture**2, 2) - _blurred(picture, 2) ** 2, 0)))
    for radius in RINGS:
        value = _blurred(picture, radius / 3)
        angles = 2 * math.pi * np.arange(DIRECTIONS) / DIRECTIONS
        steps = [(round(radius * math.sin(angle)), round(radius * math.cos(angle))) for angle in angles]
        ring = np.sort([shift(value, step, order=0, mode="nearest") for step in steps], axis=0)
        numbers += list(ring - picture)
    return np.stack(numbers, axis=-1).astype(np.float32)


def _blurred(picture: Float[np.ndarray, "height width"], sigma: float) -> Float[np.ndarray, "height width"]:
    return picture if sigma == 0 else np.asarray(gaussian_filter(picture, sigma, mode="nearest"))


@final
@dataclass(frozen=True, eq=False)
class DefectFinder:
    """Tells pixels that do not belong to their surroundings. Make one with :func:`learn_finder`.

    Attributes
    ----------
    shape
        ``(channels, height, width)`` of the pictures it learned from.
    mean, deviation
        Of ordinary pictures at each place, ``(channels, height, width)``.
    trees
        What was learned.
    """

    shape: tuple[int, ...]
    mean: Float[np.ndarray, "channels height width"] = field(repr=False)
    deviation: Float[np.ndarray, "channels height width"] = field(repr=False)
    trees: HistGradientBoostingClassifier | None = field(repr=False)

    def numbers(self, picture: Float[np.ndarray, "channels height width"]) -> Float[np.ndarray, "height width numbers"]:
        """:func:`surroundings` of each channel; the place's usual value, its spread, how many of them it is away."""
        found = []
        for value, mean, deviation in zip(picture, self.mean, self.deviation, strict=True):
            placed = np.stack([mean, deviation, (value - mean) / deviation], axis=-1)
            found += [surroundings(value), placed.astype(np.float32)]
        return np.concatenate(found, axis=-1)

    def __call__(
        self, pictures: Float[np.ndarray, "items channels height width"]
    ) -> Float[np.ndarray, "items height width"]:
        """``log(1 + odds)`` that a pixel was changed, of log odds blurred by a pixel; not negative."""
        maps = np.zeros((len(pictures), *self.shape[1:]), dtype=np.float32)
        if self.trees is None:
            return maps
        for map_, picture in zip(maps, pictures, strict=True):
            numbers = self.numbers(picture)
            odds = self.trees.decision_function(numbers.reshape(-1, numbers.shape[-1])).reshape(map_.shape)
            map_[:] = np.logaddexp(0, gaussian_filter(odds, SMOOTH, mode="nearest"))
        return maps


def learn_finder(
    pictures: Float[np.ndarray, "items channels height width"], *, seed: int = 0, report: Report = silent
) -> DefectFinder:
    """Learn to find defects from ordinary pictures alone.

    Parameters
    ----------
    pictures
        Ordinary ones.
    seed
        Of the pasted defects and of the pixels that are learned from.
    report
        Called after every picture.

    Returns
    -------
    DefectFinder
        One that finds nothing where nothing could be pasted visibly, as into a single tiny picture.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng([seed, 1])
    spread = pictures.var(axis=0)
    deviation = np.sqrt(np.maximum(spread + 0.1 * spread.mean(), VISIBLE**2))
    finder = DefectFinder(pictures.shape[1:], pictures.mean(axis=0), deviation, None)
    changed, masks = paste(pictures, seed=seed)
    each = math.ceil(PIXELS / len(pictures))
    numbers, painted = [], []
    for done, (picture, mask) in enumerate(zip(changed, masks, strict=True), 1):
        inside, outside = np.flatnonzero(mask), np.flatnonzero(~mask)
        taken = random.permutation(inside)[: each // 2]
        chosen = np.concatenate([taken, random.permutation(outside)[: each - len(taken)]])
        numbers.append(finder.numbers(picture).reshape(mask.size, -1)[chosen])
        painted.append(mask.ravel()[chosen])
        report(Step(done, len(pictures), "Learning to find defects"))
    known = np.concatenate(painted)
    if known.all() or not known.any():
        return finder
    trees = HistGradientBoostingClassifier(
        max_iter=TREES,
        learning_rate=0.1,
        max_leaf_nodes=31,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    )
    return DefectFinder(finder.shape, finder.mean, deviation, trees.fit(np.concatenate(numbers), known))


def finder_of(normal: Normal, *, report: Report = silent) -> DefectFinder:
    """What was learned from the pictures that a normal keeps; learned once for each normal.

    Raises
    ------
    MismatchError
        The normal keeps no pictures: it is not of pictures or patches.
    """
    found = _finders.get(normal)
    if found is None:
        if not len(normal.pictures):
            raise MismatchError(
                f"The normal {normal.name!r} keeps no pictures to paste defects into",
                got=f"a normal of {len(normal)} items, each a {normal.noun}",
                cure="Learn it from pictures or patches, or choose another method",
            )
        found = _finders[normal] = learn_finder(normal.pictures, report=report)
    return found
