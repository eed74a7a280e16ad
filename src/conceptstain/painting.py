"""Paintings: whatever can be shown on tissue, as values at its spots with their colours, title and label.

Layers, figures and exports all start here, so a map has the same values, colours and name wherever it is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float

from conceptstain import colours
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.section import Section
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.finding import Finding
from conceptstain.methods.spot_score import SpotScore

__all__ = ["Paintable", "Painting", "map_label", "painting"]

Paintable = Finding | str | int
"""A map, or a gene by its name or index."""

MAP_LABELS: dict[str, str] = {
    "decoded": "dec(z + d) \N{MINUS SIGN} dec(z \N{MINUS SIGN} d)",
    "gene mean": "mean z-score of the genes",
    "picture mean": "mean of the pictures",
    "gradient saliency": "gradient of the concept score",
    "input x gradient": "gradient of the concept score",  # and " x input", like every map that was multiplied by it
    "guided backpropagation": "guided gradient",
    "deconvolution": "deconvolved gradient",
    "rectified saliency": "rectified gradient",
    "attention": "attention",
    "activation": "activation",
    "spot score": "score (standard deviations)",
    "concept score": "concept score",
    "deviation of spots": "distance from the normal (standard deviations)",
    "deviation score": "distance from the normal (standard deviations)",
    "integrated gradients": "gradient along the way from the baseline",
    "SmoothGrad": "mean gradient under noise",
    "DeepLift": "contribution against the baseline",
    "LRP-epsilon": "relevance",
    "occlusion": "concept score lost where covered",
    "Grad-CAM": "channels that speak for the concept",
    "gradient by regions": "gradient, mean over regions",
    "deviation": "deviation from the normal",
    "what if": "change of what is decoded",
    "counterfactual": "change of what is decoded",
    "concept walk": "change of what is decoded",
}


def map_label(thing: Attribution, scaling: str) -> str:
    """What the values of a map are, for a colour bar; ``scaling`` is its canvas's."""
    label = MAP_LABELS.get(thing.method, thing.method)
    if thing.method == "gene mean" and scaling == "paper":
        label = "mean of counts / maximum"
    if thing.settings.get("times_input"):
        label += " \N{MULTIPLICATION SIGN} input"
    return label


@final
@dataclass(frozen=True, eq=False)
class Painting:
    """Values at the spots, ready to be drawn.

    Attributes
    ----------
    title
        Name for a layer, a panel or a column.
    label
        What the values are, for a colour bar.
    values
        One per spot, in the order of the section.
    signed
        Whether 0 is the middle or the bottom of the colours.
    chosen_limits
        Values at the ends of the colours, where someone chose them.
    """

    title: str
    label: str
    values: Float[np.ndarray, " spots"]
    signed: bool
    chosen_limits: colours.Limits | None = None

    @cached_property
    def limits(self) -> colours.Limits:
        """Values at the ends of the colours: the chosen ones, else see :func:`conceptstain.colours.limits`."""
        return self.chosen_limits or colours.limits(self.values, signed=self.signed)

    @property
    def colours(self) -> Float[np.ndarray, "spots 4"]:
        """RGBA of every spot, in 0..1."""
        return colours.rgba(self.values, signed=self.signed, limits=self.limits)


def painting(thing: Paintable, canvas: GenePictures | SpotProfiles | Section) -> Painting:
    """Values of a map, a spot score or a gene at the spots.

    Parameters
    ----------
    thing
        A map made with this canvas: the mean over its pictures is read at the spots. A spot score of this section. Or a
        gene, by name or index: its expression before centring, so that 0 means that none was found.
    canvas
        The genes as pictures; for a spot score, its section or any canvas of it.

    Raises
    ------
    InputError
        No such gene, a map of another canvas, or something else altogether.
    MismatchError
        A spot score of a section of another number of spots.
    """
    if isinstance(thing, SpotScore):
        return _scored(thing, canvas if isinstance(canvas, Section) else canvas.section)
    if not isinstance(canvas, GenePictures):
        raise InputError(
            "Maps and genes are painted from gene pictures",
            got=f"a {type(canvas).__name__}",
            cure='Use section.view("genes")',
        )
    if isinstance(thing, Attribution):
        values = np.asarray(canvas.place(thing.mean()), dtype=np.float64)
        return Painting(thing.title, map_label(thing, canvas.scaling), values, thing.signed, thing.colour_limits)
    gene = canvas.item(thing) if isinstance(thing, str) else _checked(thing, canvas)
    values = canvas.expressed(gene).astype(np.float64)
    return Painting(f"{canvas.item_names[gene]} - expression", expression_label(canvas), values, signed=False)


def _scored(score: SpotScore, section: Section) -> Painting:
    if len(score.values) != section.n_spots:
        raise MismatchError(
            f"{score.title!r} belongs to another section",
            got=f"{len(score.values)} scores of {score.section} for {section.n_spots} spots",
            cure="Score this section by the concept",
        )
    return Painting(score.title, MAP_LABELS[score.method], score.values, score.signed, score.colour_limits)


def expression_label(canvas: GenePictures) -> str:
    """What the values of a gene are on this canvas."""
    if canvas.scaling == "paper":
        return "counts / maximum of the gene"
    return "log(1 + counts per 10,000)" if canvas.section.counts == "counts" else "normalised expression"


def _checked(thing: object, canvas: GenePictures) -> int:
    if not isinstance(thing, int | np.integer) or not 0 <= thing < len(canvas):
        raise InputError(
            "Neither a map nor a gene can be painted from this",
            got=repr(thing),
            cure=f"Give a map, the name of a gene, or an index below {len(canvas):,}",
        )
    return int(thing)
