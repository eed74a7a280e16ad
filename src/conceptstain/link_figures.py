"""A link, drawn: what comes back of items that go through it, and how well it does beside a shuffled link."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from scipy.special import softmax

from conceptstain.canvas.canvas import Canvas
from conceptstain.errors import InputError
from conceptstain.figure_parts import INK, fitted_text
from conceptstain.inputs import ItemIndices
from conceptstain.methods.intervals import Interval
from conceptstain.methods.link import Link
from conceptstain.methods.link_pairs import read_samples
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator
from conceptstain.nets.generators import as_generator

__all__ = ["link_figure"]

LINK, SHUFFLED, CEILING = "#0072B2", "#D55E00", "#8a8a8a"
TEXT = 7.0  # points
WIDTH = 7.0  # inches: two columns of a page
WORDS = 0.9  # inches left of the pictures
LINES = 0.16  # inches of a line of text
MINUS = str.maketrans("-", "\N{MINUS SIGN}")


class _Row(NamedTuple):
    """Samples of one kind, with what the classifier takes each for."""

    name: str
    samples: Float[np.ndarray, "items ..."]
    told: list[str]


def link_figure(
    link: Link,
    classifier: Classifier,
    generator: Generator | Encoder,
    canvas: Canvas | None = None,
    items: ItemIndices | None = None,
    *,
    most: int = 8,
    seed: int = 0,
) -> Figure:
    """Draw a link, for :func:`conceptstain.save_figure`.

    Above, pictures as they are, samples of their own latents, and samples of the latents that the link makes of their
    representations; under each, what the classifier takes it for. Below, every measure on held-out pairs, beside that
    of a link that learned shuffled pairs and, grey, the ceiling. Of spots, the measures alone.

    Parameters
    ----------
    link
        From :func:`conceptstain.link`, linear or not.
    classifier, generator
        What it links.
    canvas
        The generator's encoder's view of the data; None: samples that the generator draws.
    items
        Of the canvas, which; None: ``most``, evenly spread over all.
    most
        How many pictures at most.
    seed
        Of what is drawn.

    Raises
    ------
    InputError
        No picture is to be shown.
    MismatchError
        The link is of another classifier or generator.
    """
    made = as_generator(generator)
    link.check(classifier, made)
    if most < 1:
        raise InputError("A figure of a link shows pictures", got=f"most={most}", cure="Use 8")
    rows = _rows(link, classifier, made, canvas, items, most, seed) if len(made.shape) == 3 else []
    measures_high = 0.6 + 0.2 * len(link.quality.measures)
    if not rows:
        drawn = Figure(figsize=(WIDTH / 2 + 0.6, measures_high), layout="constrained", facecolor="white")
        _draw_measures(drawn.add_subplot(), link)
        return drawn
    height, width = made.shape[-2:]
    n_items = len(rows[0].samples)
    side = min((WIDTH - WORDS) / n_items, 1.1)
    rows_high = len(rows) * (side * height / width + LINES + 0.05) + 0.1
    drawn = Figure(figsize=(WIDTH, rows_high + measures_high), layout="constrained", facecolor="white")
    above, below = cast("list[SubFigure]", drawn.subfigures(2, 1, height_ratios=[rows_high, measures_high]))
    panels = above.subplots(len(rows), n_items, squeeze=False)
    for row, axes in zip(rows, panels, strict=True):
        _draw_row(axes, row, side)
    _draw_measures(below.add_subplot(), link)
    return drawn


def _rows(  # noqa: PLR0917 - one step of the above
    link: Link,
    classifier: Classifier,
    made: Generator,
    canvas: Canvas | None,
    items: ItemIndices | None,
    most: int,
    seed: int,
) -> list[_Row]:
    layer = None if link.penultimate else link.layer
    if canvas is None or made.encoder is None:
        latents = made.draw(most, np.random.default_rng(seed))
        own = made.samples(latents)
        first = [("drawn", own)]
    else:
        spread = np.unique(np.linspace(0, len(canvas.trainable) - 1, most).astype(int))
        chosen = canvas.trainable[spread] if items is None else np.asarray(items, dtype=int)[:most]
        own = canvas.inputs(chosen)
        first = [("as they are", own), ("own latent", made.samples(made.encoder.latents(canvas, chosen)))]
    linked = made.samples(link.latents(read_samples(classifier, own, layer).r))
    return [_Row(name, samples, _taken_for(classifier, samples)) for name, samples in (*first, ("linked", linked))]


def _taken_for(classifier: Classifier, samples: Float[np.ndarray, "items ..."]) -> list[str]:
    probabilities = softmax(classifier.scores_of(read_samples(classifier, samples).r), axis=1)
    return [f"{classifier.classes[row.argmax()]} ({row.max():.2f})" for row in probabilities]


def _draw_row(panels: np.ndarray, row: _Row, side: float) -> None:
    pictures = row.samples if row.samples.shape[1] == 3 else row.samples.mean(axis=1, keepdims=True)
    low, high = float(pictures.min()), float(pictures.max())
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, max(high, low + 1e-12))
    for axes, picture, told in zip(panels, pictures, row.told, strict=True):
        seen = np.clip((np.moveaxis(picture, 0, -1) - low) / (high - low), 0, 1)
        axes.imshow(np.broadcast_to(seen, (*seen.shape[:2], 3)), interpolation="nearest", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        shown, size = fitted_text(told, 0.95 * side, TEXT)
        axes.set_xlabel(shown, fontsize=size, color=INK, labelpad=1.5, parse_math=False)
    panels[0].set_ylabel(
        row.name, fontsize=TEXT, color=INK, rotation=0, ha="right", va="center", labelpad=4, parse_math=False
    )


def _draw_measures(axes: Axes, link: Link) -> None:
    quality = link.quality
    names = list(quality.measures)
    drawn: dict[str, list[tuple[int, Interval]]] = {"shuffled pairs": [], "ceiling": [], "link": []}
    for place, measure in enumerate(quality.measures.values()):
        drawn["link"].append((place, measure.value))
        drawn["shuffled pairs"].append((place, measure.shuffled))
        if measure.ceiling is not None:
            drawn["ceiling"].append((place, measure.ceiling))
    looks = {"shuffled pairs": (SHUFFLED, "s"), "ceiling": (CEILING, "|"), "link": (LINK, "o")}
    for word, points in drawn.items():
        colour, marker = looks[word]
        for place, told in points:
            axes.plot([told.low, told.high], [place, place], color=colour, linewidth=1.2, solid_capstyle="butt")
        places, means = [place for place, _ in points], [max(told.mean, -1.0) for _, told in points]
        size = 9.0 if marker == "|" else 4.0
        axes.plot(means, places, marker, color=colour, markersize=size, label=word if points else "")
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.set_yticks(range(len(names)), names, fontsize=TEXT, color=INK)
    axes.invert_yaxis()
    lowest = min(0.0, *(told.mean for points in drawn.values() for _, told in points if np.isfinite(told.mean)))
    axes.set_xlim(max(lowest - 0.05, -1.05), 1.02)
    axes.tick_params(axis="x", labelsize=TEXT, colors=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for label in axes.get_xticklabels():
        label.set_text(label.get_text().translate(MINUS))
    axes.set_xlabel(f"on {quality.n_held_out:,} held-out pairs, {link.method}", fontsize=TEXT, color=INK)
    axes.legend(fontsize=TEXT, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, handletextpad=0.2)
