"""The concept: a named direction in an encoder's latent space, or in the channels of one of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, SupportsFloat, final

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import LATENT, LEAST_WEIGHT, Definition, Form
from conceptstain.concepts.latents import centre_of, latents_at, latents_of, representations
from conceptstain.concepts.members import choose_members, latent_neighbours
from conceptstain.concepts.whitening import whitened_direction
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    import torch

    from conceptstain.nets.encoder import Encoder

__all__ = [
    "FEW",
    "MOST_PATCHES",
    "Concept",
    "combined",
    "concept",
    "direction_between",
    "direction_of",
    "latent_neighbours",
    "make",
]


MOST_PATCHES = 4096
"""Of a side of a slide's concept so many patches are encoded, spread evenly over it."""
FEW = 20
"""Concepts of fewer pictures or patches come with a warning: maps of them were found to be unreliable."""


@final
@dataclass(frozen=True, eq=False)
class Concept:
    """A direction ``v_c`` in latent space, or in a layer's channels. Make one with :func:`concept`.

    Concepts of one encoder and space add up: ``a - b``, ``a + b``, ``-a``, ``2 * a``, ``a / 2``. Each part is first
    brought to a common length, the mean of theirs, so that a concept of few, much alike genes does not drown one of
    many: the result says where one is rather than the other, and is about as long as its parts (the decoded map goes
    that far). Combined concepts are taken apart before they are combined again, so that order and brackets do not
    matter.

    Attributes
    ----------
    definition
        What it was made from.
    direction
        ``v_c``; ``(latent,)``, or one number per channel of the layer.
    items
        Names of the genes, spots, pictures or patches whose latents made it, strongest first. Of a combination: those
        that raise it, then those that lower it; what its parts share may cancel out.
    table
        One row per name of ``items``: how near in latent space (``r``), or how enriched (see ``enrichment``). Of a
        combination: ``weight``, what the gene counts in the gene mean, negative where it lowers, and ``part``.
    origin
        How it was made, in words for a legend ("50 genes nearest to Penk in latent space").
    encoder
        Fingerprint of the encoder whose latent space it lives in.
    parts
        Of a combination, the concepts it is made of with their weights; none of them combined itself.
    """

    definition: Definition
    direction: Float[np.ndarray, " latent"]
    items: tuple[str, ...]
    origin: str
    encoder: str
    table: pd.DataFrame = field(repr=False)
    parts: tuple[tuple[float, Concept], ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.definition.name

    @property
    def space(self) -> str:
        """``"latent"``, or the name of the layer in whose channels the direction is."""
        return self.definition.space

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known of how it was made, one sentence each, to be shown to the user."""
        if self.parts:
            return tuple(dict.fromkeys(note for _, part in self.parts for note in part.notes))
        noun, n = str(self.table.index.name), len(self.items)
        if self.definition.of_network or noun not in {"picture", "patch"} or n >= FEW:
            return ()
        few = f"{self.name} is made of {counted(n, noun)}"
        return (f"{few}; with fewer than {FEW}, scores and maps follow chance features of these.",)

    @property
    def terms(self) -> tuple[tuple[float, Concept], ...]:
        """The parts with their weights; of what is not combined, itself."""
        return self.parts or ((1.0, self),)

    def check(self, encoder: Encoder) -> None:
        """Refuse an encoder other than the one this concept was made with.

        Raises
        ------
        MismatchError
            Another fingerprint.
        InputError
            The encoder does not have the concept's layer; the message lists those it has.
        """
        if encoder.fingerprint != self.encoder:
            raise MismatchError(
                f"The concept {self.name!r} belongs to another encoder",
                got=f"encoder {encoder.fingerprint} for a concept of {self.encoder}",
                cure="Make the concept again with this encoder",
            )
        if self.space != LATENT and self.space not in dict(encoder.network.named_modules()):
            from conceptstain.nets.tap import check_layer

            check_layer(encoder, self.space)

    def scores(self, latents: Float[np.ndarray, "items latent"]) -> Float[np.ndarray, " items"]:
        """Concept scores ``s_c(x) = <z(x), v_c>`` (Brocki & Chung 2019); ``latents`` are of the concept's space.

        Raises
        ------
        MismatchError
            The latents are of another space.
        """
        if latents.shape[-1:] != self.direction.shape:
            raise MismatchError(
                f"The concept {self.name!r} lives in another space",
                got=f"{latents.shape[-1]} numbers per item for {len(self.direction)}",
                cure=f"Use latents_of(canvas, encoder, space={self.space!r})",
            )
        return np.asarray(latents @ self.direction)

    def __add__(self, other: Concept) -> Concept:
        """Both together; see :class:`Concept`."""
        if not isinstance(other, Concept):
            return NotImplemented
        _check_together(self, other)
        return combined(self.definition + other.definition, [*self.terms, *other.terms])

    def __sub__(self, other: Concept) -> Concept:
        """One against the other; see :class:`Concept`."""
        if not isinstance(other, Concept):
            return NotImplemented
        _check_together(self, other)
        return combined(self.definition - other.definition, [*self.terms, *other.terms])

    def __neg__(self) -> Concept:
        """The opposite."""
        return combined(-self.definition, self.terms)

    def __rmul__(self, factor: float) -> Concept:
        """So many times as long; a weight, in a combination."""
        if not isinstance(factor, SupportsFloat):
            return NotImplemented
        return combined(factor * self.definition, self.terms)

    def __mul__(self, factor: float) -> Concept:
        """The same, with the number behind."""
        return self.__rmul__(factor)

    def __truediv__(self, factor: float) -> Concept:
        """So many times shorter."""
        if not isinstance(factor, SupportsFloat):
            return NotImplemented
        return combined(self.definition / factor, self.terms)


def concept(
    name: str,
    canvas: Canvas,
    encoder: Encoder,
    *,
    like: str | None = None,
    items: str | Sequence[str] | None = None,
    against: str | Sequence[str] | None = None,
    region: Region | None = None,
    unit: int | None = None,
    form: Form | None = None,
    neighbours: int = 50,
    least_covered: float = 0.5,
    space: str = LATENT,
    noise: torch.Generator | None = None,
    report: Report = silent,
) -> Concept:
    """Make a concept from the latent neighbours of one item, a list of items, a region, or a unit of the network.

    On spot profiles, where items are spots, it is made of the spots themselves: those of the region, those named, or
    the latent neighbours of one. How much of it other spots have is better asked of
    :func:`~conceptstain.concepts.spot_concepts.spot_concepts`. On pictures it is the mean latent of the positives minus
    that of the negatives (the paper's labelled case); on patches of a slide, of those that a region covers minus those
    that it does not touch.

    Parameters
    ----------
    name, like, items, against, region, unit, neighbours, least_covered
        See :class:`Definition`.
    form
        See :class:`Definition`. None: ``"mean"`` for genes without ``against``, ``"contrast"`` for all else. On stained
        tissue ``"whitened"`` finds more (``docs/images-and-slides.md``); of spots, it hurts below about 30 on a side.
    canvas
        The genes as pictures, the spots as profiles, pictures, or patches of a slide.
    encoder
        The latent space the concept will live in.
    space
        ``"latent"``, or a layer of the encoder to live in, such as ``"conv3"``
        (:func:`~conceptstain.nets.tap.encoder_layers` lists them).
    noise
        None: mean latents. A generator: one sample of every latent, as the released code has it; then neighbours differ
        from call to call.
    report
        Called while the canvas is encoded for the first time.

    Raises
    ------
    InputError
        Nothing or several things to make it from, an item, region, layer or unit that is not there, no enriched gene,
        a contrast with nothing.
    MismatchError
        Canvas and encoder do not belong together.
    """
    named, others = (  # one name, not its letters
        (names,) if isinstance(names, str) else None if names is None else tuple(names) for names in (items, against)
    )
    form = form or ("mean" if isinstance(canvas, GenePictures) and others is None else "contrast")
    if space != LATENT:
        from conceptstain.nets.tap import layer_named

        space = layer_named(encoder, space)
    definition = Definition(
        name,
        like,
        named,
        region,
        form,
        neighbours,
        unit=unit,
        space=space,
        against=others,
        least_covered=least_covered,
    )
    return make(definition, canvas, encoder, noise=noise, report=report)


def make(
    definition: Definition,
    canvas: Canvas,
    encoder: Encoder,
    *,
    noise: torch.Generator | None = None,
    report: Report = silent,
) -> Concept:
    """Make the concept a definition describes; see :func:`concept`."""
    encoder.check(canvas)
    if definition.form == "whitened" and not isinstance(canvas, ImageSet | ImagePatches):
        raise InputError(
            f"The concept {definition.name!r} is whitened, which pictures and patches can be",
            got=several(canvas.noun),
            cure='Use form="contrast"; of drawn spots, cs.spot_concepts with the direction "whitened"',
        )
    if definition.combined is not None:
        parts = [(1.0, make(part, canvas, encoder, noise=noise, report=report)) for _, part in definition.combined]
        return combined(definition, parts)
    of_patches = isinstance(canvas, ImagePatches) and not definition.of_network and definition.like is None
    # Of a slide no more is encoded than the two sides.
    latents = np.empty((0, 0)) if of_patches and noise is None else _latents(definition, canvas, encoder, noise, report)
    direction = _of_network(definition, encoder, latents.shape[1])
    table, origin, chosen, others, against = choose_members(definition, canvas, latents)
    if direction is None:
        if definition.form != "mean":
            if not len(others):
                raise InputError(
                    f"The concept {definition.name!r} leaves nothing to hold against it",
                    got=origin,
                    cure="Choose fewer, or name what to hold against them (against=)",
                )
            origin = f"{origin}, against {against}"
        if definition.form == "whitened":
            origin = f"{origin}, whitened"
        if of_patches and noise is None:
            one, other = _sides_of_slide(definition, canvas, encoder, (chosen, others), report)
        else:
            one, other = latents[chosen], latents[others]
        direction = direction_between(definition.form, one, other)
    if definition.space != LATENT and definition.space not in origin:
        origin = f"{origin}, in the layer {definition.space}"
    return Concept(
        definition=definition,
        direction=direction,
        items=tuple(table.index),
        origin=origin,
        encoder=encoder.fingerprint,
        table=table,
    )


def _of_network(definition: Definition, encoder: Encoder, n_numbers: int) -> Float[np.ndarray, " numbers"] | None:
    """The direction of a unit, or of what was found elsewhere in this very network; None where items make it."""
    if definition.unit is not None:
        return np.asarray(np.eye(1, n_numbers, definition.unit)[0])
    along = definition.along
    if along is None:
        return None
    if along.encoder != encoder.fingerprint or len(along.direction) != n_numbers:
        raise MismatchError(
            f"The concept {definition.name!r} is {along.words}, which other networks do not have",
            got=f"encoder {encoder.fingerprint} for one of {along.encoder}, {n_numbers} numbers for "
            f"{len(along.direction)}",
            cure="Use the encoder of the classifier (classifier.encoder)",
        )
    return np.array(along.direction)


def _sides_of_slide(
    definition: Definition,
    canvas: Canvas,
    encoder: Encoder,
    sides: tuple[NDArray[np.integer], NDArray[np.integer]],
    report: Report,
) -> list[Float[np.ndarray, "items numbers"]]:
    """Both sides in the concept's space, of each at most 4,096 patches, spread evenly: those of a slide are many."""
    made = []
    for side in sides if definition.form != "mean" else sides[:1]:
        spread = side[np.unique(np.linspace(0, len(side) - 1, min(len(side), MOST_PATCHES)).astype(int))]
        made.append(latents_at(canvas, encoder, spread, space=definition.space, report=report))
    return made if len(made) == 2 else [*made, made[0][:0]]


def combined(definition: Definition, terms: Sequence[tuple[float, Concept]]) -> Concept:
    """The concept of a combined definition, from concepts of its parts.

    With lengths ``l_k = |v_k|`` and their mean ``l``, the direction is ``l * sum_k w_k v_k / l_k``.

    Parameters
    ----------
    definition
        A combination.
    terms
        A concept for each of its parts, found by what it is made from; the weights are those of the definition.

    Raises
    ------
    InputError
        The parts cancel out, or one of them has no direction.
    MismatchError
        Two concepts that were made from the same differ, as those of sampled latents do.
    """
    parts = tuple((weight, _made_from(part, terms)) for weight, part in definition.terms)
    directions = np.array([part.direction for _, part in parts])
    lengths = np.linalg.norm(directions, axis=1)
    if not (lengths > 0).all():
        raise InputError(
            "A concept without direction cannot be combined",
            got=", ".join(part.name for (_, part), length in zip(parts, lengths, strict=True) if not length > 0),
            cure="Make it of other genes",
        )
    scaled = np.array([weight for weight, _ in parts]) * lengths.mean() / lengths
    direction = scaled @ directions
    if np.linalg.norm(direction) <= LEAST_WEIGHT * np.abs(scaled) @ lengths:
        raise InputError(
            "Nothing is left of this combination: its parts point the same way",
            got=definition.words,
            cure="Combine concepts that differ",
        )
    table = _weights_of_items(parts)
    return Concept(
        definition=definition,
        direction=direction,
        items=tuple(table.index),
        origin=definition.words + (", each brought to the same length" if len(parts) > 1 else ""),
        encoder=parts[0][1].encoder,
        table=table,
        parts=parts,
    )


def direction_between(
    form: Form, positive: Float[np.ndarray, "positives latent"], negative: Float[np.ndarray, "negatives latent"]
) -> Float[np.ndarray, " latent"]:
    """The mean of the positives, or, of the other forms, that minus the mean of the negatives, plain or whitened."""
    if form == "whitened":
        return whitened_direction(positive, negative)
    mean = positive.mean(axis=0, dtype=np.float64)
    return np.asarray(mean if form == "mean" else mean - negative.mean(axis=0, dtype=np.float64))


def direction_of(
    form: Form, canvas: GenePictures, encoder: Encoder, items: ItemIndices, *, space: str = LATENT
) -> Float[np.ndarray, " latent"]:
    """The direction of genes, encoding no more of the canvas than has to be.

    The contrast is against the centre of all genes (:func:`conceptstain.concepts.latents.centre_of`), these included.
    """
    direction = representations(canvas, encoder, items, space=space).mean(axis=0, dtype=np.float64)
    return np.asarray(direction - centre_of(canvas, encoder, space=space) if form == "contrast" else direction)


def _latents(
    definition: Definition,
    canvas: Canvas,
    encoder: Encoder,
    noise: torch.Generator | None,
    report: Report,
) -> Float[np.ndarray, "items latent"]:
    if noise is None:
        return latents_of(canvas, encoder, space=definition.space, report=report)
    if definition.space != LATENT:
        raise InputError(
            "Only latents can be sampled", got=f"the layer {definition.space}", cure="Make the concept without noise"
        )
    return encoder.latents(canvas, noise=noise)


def _check_together(one: Concept, other: Concept) -> None:
    for word, cure in (
        ("encoder", "Make both with the same encoder"),
        ("space", "Make both in latent space, or both in the same layer"),
    ):
        mine, others = getattr(one, word), getattr(other, word)
        if mine != others:
            raise MismatchError(
                f"The concepts {one.name!r} and {other.name!r} do not belong to the same {word}",
                got=f"{mine} and {others}",
                cure=cure,
            )


def _made_from(part: Definition, terms: Sequence[tuple[float, Concept]]) -> Concept:
    found = [concept for _, concept in terms if concept.definition.has_same_source(part)]
    if any(not np.array_equal(concept.direction, found[0].direction) for concept in found):
        raise MismatchError(
            f"The concept {part.name!r} was made more than once, with different results",
            got="sampled latents, or another way of making it",
            cure="Make it once, and combine that",
        )
    return found[0]


def _weights_of_items(parts: Sequence[tuple[float, Concept]]) -> pd.DataFrame:
    """What each item of the parts counts in the sum of their gene means, and which parts hold it."""
    weights: dict[str, float] = {}
    holders: dict[str, list[str]] = {}
    for weight, part in parts:
        for item in part.items:
            weights[item] = weights.get(item, 0.0) + weight / len(part.items)
            holders.setdefault(item, []).append(part.name)
    table = pd.DataFrame(
        {"weight": weights.values(), "part": [", ".join(names) for names in holders.values()]},
        index=pd.Index(list(weights), name=parts[0][1].table.index.name),
    )
    table = table[table["weight"].abs() > LEAST_WEIGHT]
    return table.iloc[np.argsort(table["weight"].to_numpy() < 0, kind="stable")]
