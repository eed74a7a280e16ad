"""Faithfulness: whether the pixels that a map calls important change the concept score, and how steady the map is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, final, get_args

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.gradient import as_evaluated
from conceptstain.methods.intervals import Interval, interval
from conceptstain.methods.items import checked_items
from conceptstain.methods.randomisation import Paint
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.nets.tap import over_places, tap
from conceptstain.progress import Report, Step, silent

__all__ = ["Filling", "Perturbation", "Sensitivity", "perturbation", "sensitivity"]

Filling = Literal["mean", "blurred", "black"]
BLUR = 0.1  # of the shorter side: coarse light and colour stay, parts go


@final
@dataclass(frozen=True, eq=False)
class Perturbation:
    """Concept scores while pixels are deleted, or inserted, in the order of a map. Make it with :func:`perturbation`.

    All scores are in standard deviations of the concept score over the items; of a single item, as they are.

    Attributes
    ----------
    name
        Of the concept.
    parts
        The part of the pixels that was deleted, or inserted, at each step: from 0 to 1, of those that hold data.
    deletion, insertion
        Score of each item at each step, the map's highest pixels first.
    random_deletion, random_insertion
        The same in random orders, mean over the draws.
    settings
        Enough to repeat it.
    """

    name: str
    parts: Float[np.ndarray, " steps"]
    deletion: Float[np.ndarray, "items steps"]
    insertion: Float[np.ndarray, "items steps"]
    random_deletion: Float[np.ndarray, "items steps"]
    random_insertion: Float[np.ndarray, "items steps"]
    settings: dict[str, object] = field(default_factory=dict)

    @cached_property
    def deletion_gain(self) -> Interval:
        """How much faster the score falls than in random order: the area between the curves, mean over the items."""
        return interval(self._area(self.random_deletion - self.deletion))

    @cached_property
    def insertion_gain(self) -> Interval:
        """How much faster the score rises than in random order: the area between the curves, mean over the items."""
        return interval(self._area(self.insertion - self.random_insertion))

    @property
    def sentence(self) -> str:
        """What was found, in one plain sentence."""
        gains = {"deleted": self.deletion_gain, "inserted": self.insertion_gain}
        told = " and ".join(f"{word} {gain.mean:+.2f}" for word, gain in gains.items())
        if len(self.deletion) == 1:
            return (
                f"Against random pixels, those that the map calls important gain: {told}. One item is too few to tell."
            )
        better = [word for word, gain in gains.items() if gain.low > 0]
        if len(better) == 2:
            return f"Pixels that the map calls important change the score more than random ones ({told} deviations)."
        if better:
            return f"Only {better[0]} pixels change the score more than random ones ({told} deviations)."
        return f"Pixels that the map calls important change the score no more than random ones ({told} deviations)."

    def table(self) -> pd.DataFrame:
        """One row per step: means over the items of the four curves."""
        columns = {
            "deletion": self.deletion,
            "random deletion": self.random_deletion,
            "insertion": self.insertion,
            "random insertion": self.random_insertion,
        }
        means = {name: curve.mean(axis=0) for name, curve in columns.items()}
        return pd.DataFrame(means, index=pd.Index(self.parts, name="part of the pixels"))

    def _area(self, curves: Float[np.ndarray, "items steps"]) -> Float[np.ndarray, " items"]:
        return np.asarray(np.trapezoid(curves, self.parts, axis=1))


@final
@dataclass(frozen=True, eq=False)
class Sensitivity:
    """How much maps change when noise that nobody would see is laid on their inputs. Make it with :func:`sensitivity`.

    Attributes
    ----------
    name
        Of the concept.
    changes
        Of each item, the largest relative change of its map: ``max |A(x + e) - A(x)| / |A(x)|``.
    radius
        Largest change of a pixel.
    noise
        Of each item, the relative size of the largest noise itself: ``max |e| / |x|``.
    """

    name: str
    changes: Float[np.ndarray, " items"]
    radius: float
    noise: Float[np.ndarray, " items"]

    @property
    def interval(self) -> Interval:
        """Mean over the items."""
        return interval(self.changes)

    @property
    def sentence(self) -> str:
        """What was found, in one plain sentence."""
        noise, change = _percent(float(np.mean(self.noise))), _percent(self.interval.mean)
        return f"Noise that changes the input by {noise} changes the map by up to {change}, mean over the items."

    def table(self) -> pd.DataFrame:
        """One row per item, in the order they were given: largest relative change of the map, and of its input."""
        return pd.DataFrame({"change": self.changes, "noise": self.noise}).rename_axis("item")


def perturbation(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    maps: Float[np.ndarray, "items height width"],
    items: ItemIndices,
    *,
    filling: Filling = "blurred",
    steps: int = 20,
    draws: int = 3,
    seed: int = 0,
    report: Report = silent,
) -> Perturbation:
    """Delete, and insert, the pixels that maps call important, and ask for the concept score.

    Deletion begins at the picture and replaces its highest pixels, a twentieth at a time, by the filling; insertion
    begins at the filling and puts the highest pixels of the picture in (Petsiuk, Das & Saenko 2018, RISE). Both stand
    beside random orders: any pixels that are replaced change a score.

    Parameters
    ----------
    canvas, encoder, concept
        As for the maps.
    maps
        One for each item, on the canvas's frame: the higher, the more important.
    items
        Indices of the items that the maps belong to.
    filling
        What replaces a pixel: the ``"mean"`` of each channel of the picture, the picture ``"blurred"`` by a tenth of
        its shorter side, or ``"black"``.
    steps
        Into how many parts the pixels are divided.
    draws
        Random orders of each item.
    seed
        Of the random orders; those of an item do not depend on the other items.
    report
        Called after every item.

    Raises
    ------
    InputError
        Maps that are not of these items, no such filling, no step or no draw.
    MismatchError
        Canvas, encoder and concept do not belong together.

    Notes
    -----
    Places outside of the canvas's mask stay as they are, and are in no order: random orders that spend their time on
    the empty border of a section would make any map of the tissue look good.
    """
    chosen = checked_items(canvas, items)
    encoder.check(canvas)
    concept.check(encoder)
    _, height, width = _picture_shape(canvas)
    if maps.shape != (len(chosen), height, width) or steps < 1 or draws < 1 or filling not in get_args(Filling):
        raise InputError(
            "These maps cannot be tested so",
            got=f"maps of {maps.shape} for {len(chosen)} items of {height} x {width}, filling {filling!r}, "
            f"{steps} steps, {draws} draws",
            cure="Give one map per item on the canvas's frame, the filling mean, blurred or black, a step and a draw",
        )
    parts = np.linspace(0, 1, steps + 1)
    mask = np.broadcast_to(canvas.mask, canvas.shape)[0]
    places = np.flatnonzero(mask)
    curves: list[list[Float[np.ndarray, " steps"]]] = []
    with as_evaluated(encoder.network):
        for done, (item, values) in enumerate(zip(chosen, maps, strict=True), 1):
            picture = np.asarray(canvas.inputs([item])[0], dtype=np.float32)
            pair = _Pair(picture, _filled(picture, filling, mask))
            generator = np.random.default_rng([seed, int(item)])
            # Of pixels that are equally important a random one comes first, not the uppermost.
            order = np.lexsort((generator.random(len(places)), -values.ravel()[places]))
            orders = [places[order], *(generator.permutation(places) for _ in range(draws))]
            found = [_curves(encoder, concept, pair, each, parts) for each in orders]
            at_random = np.mean(found[1:], axis=0)
            curves.append([*found[0], *at_random])
            report(Step(done, len(chosen), "Deleting and inserting pixels"))
    deletion, insertion, random_deletion, random_insertion = np.array(curves).transpose(1, 0, 2)
    spread = float(deletion[:, 0].std())
    unit = spread if spread > 0 else 1.0
    return Perturbation(
        concept.name,
        parts,
        deletion / unit,
        insertion / unit,
        random_deletion / unit,
        random_insertion / unit,
        {"filling": filling, "steps": steps, "draws": draws, "seed": seed, "deviation": spread},
    )


def sensitivity(
    paint: Paint,
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    items: ItemIndices,
    *,
    radius: float = 0.02,
    draws: int = 10,
    seed: int = 0,
    report: Report = silent,
) -> Sensitivity:
    """The largest relative change of maps under small noise: SENS_MAX of Yeh et al. 2019, by random draws.

    Parameters
    ----------
    paint
        The map, such as ``cs.saliency``.
    canvas, encoder, concept, items
        As for the map.
    radius
        Noise is uniform between minus and plus this, in units of the input's values.
    draws
        How often noise is drawn; the true largest change is not smaller than what is found.
    seed
        Of the noise; that of an item does not depend on the other items.
    report
        Called after every draw.

    Raises
    ------
    InputError
        No noise or no draw.
    MismatchError
        As for the map.
    """
    if not radius > 0 or draws < 1:
        raise InputError(
            "Sensitivity needs noise", got=f"radius {radius:g}, {draws} draws", cure="Use a radius of 0.02 and 10 draws"
        )
    chosen = checked_items(canvas, items)
    before = canvas.inputs(chosen).astype(np.float32)
    plain = paint(canvas, encoder, concept, items=chosen).values.astype(np.float64)
    size = np.sqrt((plain.reshape(len(chosen), -1) ** 2).sum(axis=1))
    input_size = np.sqrt((before.reshape(len(chosen), -1).astype(np.float64) ** 2).sum(axis=1))
    largest, loudest = np.zeros(len(chosen)), np.zeros(len(chosen))
    generators = [np.random.default_rng([seed, int(item)]) for item in chosen]
    for draw in range(draws):
        noise = np.stack([generator.uniform(-radius, radius, before.shape[1:]) for generator in generators])
        noise *= np.broadcast_to(canvas.mask, canvas.shape)  # what is no data stays empty
        noisy: Any = _Replaced(canvas, chosen, before + noise.astype(np.float32))
        changed = paint(noisy, encoder, concept, items=chosen).values - plain
        distance = np.sqrt((changed.reshape(len(chosen), -1) ** 2).sum(axis=1))
        largest = np.maximum(largest, np.divide(distance, size, out=np.zeros_like(size), where=size > 0))
        loudness = np.sqrt((noise.reshape(len(chosen), -1) ** 2).sum(axis=1))
        loudest = np.maximum(
            loudest, np.divide(loudness, input_size, out=np.zeros_like(input_size), where=input_size > 0)
        )
        report(Step(draw + 1, draws, "Laying noise on the inputs"))
    return Sensitivity(concept.name, largest, radius, loudest)


class _Replaced:
    """A canvas with other values for some of its items; all else is the canvas's."""

    def __init__(self, canvas: Canvas, items: NDArray[np.integer], values: Float[np.ndarray, "items ..."]) -> None:
        self._canvas = canvas
        self._values = dict(zip((int(item) for item in items), values, strict=True))

    def __getattr__(self, name: str) -> object:
        return getattr(self._canvas, name)

    def __len__(self) -> int:
        return len(self._canvas)

    def inputs(self, items: ItemIndices) -> Float[np.ndarray, "items ..."]:
        return np.stack([self._values[int(item)] for item in np.asarray(items)])


def _picture_shape(canvas: Canvas) -> tuple[int, int, int]:
    if len(canvas.shape) != 3:
        raise InputError(
            "Pixels are deleted from pictures", got=f"inputs of shape {canvas.shape}", cure="Use a canvas of pictures"
        )
    channels, height, width = canvas.shape
    return channels, height, width


class _Pair(NamedTuple):
    """A picture, and what replaces its pixels."""

    picture: Float[np.ndarray, "channels height width"]
    filled: Float[np.ndarray, "channels height width"]


def _curves(
    encoder: Encoder,
    concept: Concept,
    pair: _Pair,
    order: NDArray[np.integer],
    parts: Float[np.ndarray, " steps"],
) -> tuple[Float[np.ndarray, " steps"], Float[np.ndarray, " steps"]]:
    """Scores of one item by deletion and by insertion in an order."""
    rank = np.full(pair.picture[0].size, len(order))  # what is in no order is never reached
    rank[order] = np.arange(len(order))
    first: Bool[np.ndarray, "steps pixels"] = rank < np.rint(parts * len(order))[:, None]
    taken = first.reshape(len(parts), 1, *pair.picture.shape[1:])
    deleted = np.where(taken, pair.filled, pair.picture)
    inserted = np.where(taken, pair.picture, pair.filled)
    scores = np.concatenate(list(_scores(encoder, concept, np.concatenate([deleted, inserted]))))
    return scores[: len(parts)], scores[len(parts) :]


def _scores(
    encoder: Encoder, concept: Concept, pictures: Float[np.ndarray, "items ..."]
) -> Iterator[Float[np.ndarray, " items"]]:
    for start in range(0, len(pictures), CHUNK):
        x = encoder.tensor(pictures[start : start + CHUNK])
        with torch.inference_mode():
            if concept.space == LATENT:
                latents = encoder.encode(x).mean
            else:
                with tap(encoder.network, concept.space) as tapped:
                    encoder.encode(x)
                    latents = over_places(tapped.take())
        yield concept.scores(latents.float().cpu().numpy().astype(np.float64))


def _filled(
    picture: Float[np.ndarray, "channels height width"], filling: Filling, mask: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "channels height width"]:
    """The picture with all its data replaced; what lies outside of the mask stays, and is not looked at."""
    if filling == "mean":
        filled = np.broadcast_to(picture[:, mask].mean(axis=1)[:, None, None], picture.shape)
    elif filling == "blurred":
        sigma = BLUR * min(picture.shape[1:])
        filled = gaussian_filter(picture * mask, (0, sigma, sigma), mode="nearest")
        within = gaussian_filter(mask.astype(np.float32), sigma, mode="nearest")
        filled = np.divide(filled, within, out=np.zeros_like(filled), where=within > 0)
    else:
        filled = np.zeros_like(picture)
    return np.where(mask, filled, picture)


def _percent(part: float) -> str:
    """A part as a reader would say it: a tenth of a percent counts where there is little."""
    return f"{part:.1%}" if part < 0.1 else f"{part:.0%}"
