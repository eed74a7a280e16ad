"""Definitions: what a concept is made from, apart from any encoder."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, SupportsFloat, final

from conceptstain.canvas.region import Region
from conceptstain.errors import InputError

__all__ = ["LATENT", "LEAST_WEIGHT", "Along", "Definition", "Form"]

Form = Literal["mean", "contrast", "whitened"]

LATENT = "latent"
"""The space of concepts that are no layer's: the means of q(z | x)."""

LEAST_WEIGHT = 1e-9  # below it a part has cancelled out
SOURCES = ("like", "items", "region", "unit", "along", "combined")


@final
@dataclass(frozen=True)
class Along:
    """A direction that was found elsewhere, such as that of a class.

    Attributes
    ----------
    direction
        One number for each latent dimension, or each channel of the layer.
    encoder
        Fingerprint of the encoder in whose space it lies.
    words
        What it is, for a legend: ``"the class GCL of the classifier layers"``.
    """

    direction: tuple[float, ...]
    encoder: str
    words: str


@final
@dataclass(frozen=True, eq=False)
class Definition:
    """What a concept is made from; exactly one of ``like``, ``items``, ``region``, ``unit``, ``along``, ``combined``.

    Definitions add up: ``a - b``, ``a + b``, ``-a``, ``2 * a`` and ``a / 2`` are definitions too, of what they are made
    of. No definition holds a combination: ``(a + b) - b`` is made of ``a`` alone.

    Attributes
    ----------
    name
        What the user calls it.
    like
        An item (a gene, a picture): the concept is made of its nearest neighbours in latent space (the paper's way).
    items
        Items, by name.
    region
        Places: the concept is made of the genes enriched in these spots, of the spots, or of the patches that it
        covers.
    form
        ``"mean"``: the mean latent of the items (paper, unlabelled case). ``"contrast"``: that minus the mean latent of
        those in ``against``, else of all others that can be learned from (paper, labelled case). ``"whitened"``: the
        contrast weighed by how latents vary, of pictures and patches alone. A unit has none.
    neighbours
        How many items ``like``, ``unit`` and, of genes, ``region`` choose; the paper uses 50.
    combined
        Weights and the definitions they belong to, all of one form and one space; none of them combined itself. They
        are kept as they were: renaming or removing a part elsewhere changes nothing here.
    unit
        Number of a channel of the layer, or of a latent: the concept points along its axis.
    space
        ``"latent"``, or the name of a layer of the network: the concept lives in the layer's channels. An item is then
        represented by the mean of the layer's output over all places, tissue or not.
    against
        The negatives of ``items``, by name, for a contrast with them alone. None: all others.
    least_covered
        Part of a patch that has to lie in the region. Patches of which a smaller part does count for neither side.
    along
        A direction as it is, such as that of a class; of one encoder alone.
    """

    name: str
    like: str | None = None
    items: tuple[str, ...] | None = None
    region: Region | None = None
    form: Form = "mean"
    neighbours: int = 50
    combined: tuple[tuple[float, Definition], ...] | None = None
    unit: int | None = None
    space: str = LATENT
    against: tuple[str, ...] | None = None
    least_covered: float = 0.5
    along: Along | None = None

    def __post_init__(self) -> None:
        given = [word for word in SOURCES if getattr(self, word) is not None]
        if len(given) != 1:
            raise InputError(
                f"The concept {self.name!r} needs one thing to be made from",
                got=" and ".join(given) or "none",
                cure="Give one to be like (like=), a list of them (items=) or a region (region=)",
            )
        if self.items is not None and len(self.items) == 0:
            raise InputError(
                f"The concept {self.name!r} is made of nothing", got="an empty list", cure="Name one item or more"
            )
        if self.neighbours < 1:
            raise InputError(
                "A concept is made of one item or more",
                got=f"neighbours={self.neighbours}",
                cure="Use 50, as the paper",
            )
        if not 0 < self.least_covered <= 1:
            raise InputError(
                "A patch of a region lies in it with a part above 0",
                got=f"least_covered={self.least_covered:g}",
                cure="Use .5, for those that it covers by half",
            )
        if self.against is not None:
            _check_negatives(self)
        if self.combined is not None:
            _check_parts(self)

    @property
    def of_network(self) -> bool:
        """Whether the network alone tells the direction, so that it is made of no items: a unit, a class."""
        return self.unit is not None or self.along is not None

    @property
    def terms(self) -> tuple[tuple[float, Definition], ...]:
        """The parts with their weights; of what is not combined, itself."""
        return self.combined or ((1.0, self),)

    @property
    def words(self) -> str:
        """The combination in words: ``"GCL minus MCL"``; of what is not combined, the name."""
        told = ""
        for weight, part in self.terms:
            sign = "minus " if weight < 0 else "plus " if told else ""
            factor = "" if abs(weight) == 1 else f"{abs(weight):g} x "
            told += f"{' ' if told else ''}{sign}{factor}{part.name}"
        return told

    def __add__(self, other: Definition) -> Definition:
        """Both together."""
        if not isinstance(other, Definition):
            return NotImplemented
        return _combination(f"{self.name} + {_factor(other)}", [*self.terms, *other.terms])

    def __sub__(self, other: Definition) -> Definition:
        """One against the other."""
        if not isinstance(other, Definition):
            return NotImplemented
        against = [(-weight, part) for weight, part in other.terms]
        return _combination(f"{self.name} - {_factor(other)}", [*self.terms, *against])

    def __neg__(self) -> Definition:
        """The opposite."""
        return _combination(f"-{_factor(self)}", [(-weight, part) for weight, part in self.terms])

    def __rmul__(self, factor: float) -> Definition:
        """So many times as long."""
        if not isinstance(factor, SupportsFloat):
            return NotImplemented
        return _combination(f"{factor:g} {_factor(self)}", [(factor * weight, part) for weight, part in self.terms])

    def __mul__(self, factor: float) -> Definition:
        """The same, with the number behind."""
        return self.__rmul__(factor)

    def __truediv__(self, factor: float) -> Definition:
        """So many times shorter."""
        if not isinstance(factor, SupportsFloat):
            return NotImplemented
        return self.__rmul__(1 / factor if factor else math.inf)  # which is refused as a weight

    def has_same_source(self, other: Definition) -> bool:
        """Whether both are made from the same, whatever they are called."""
        if self.combined is not None or other.combined is not None:
            mine, theirs = self.combined or (), other.combined or ()
            return len(mine) == len(theirs) and all(
                any(weight == known and part.has_same_source(its) for known, its in theirs) for weight, part in mine
            )
        return _source(self) == _source(other)

    def renamed(self, name: str) -> Definition:
        """The same definition under another name."""
        return replace(self, name=name)

    def in_space(self, space: str) -> Definition:
        """The same definition in another space, with all its parts."""
        parts = self.combined and tuple((weight, part.in_space(space)) for weight, part in self.combined)
        return replace(self, space=space, combined=parts)


def _factor(definition: Definition) -> str:
    """The name as it stands behind a sign."""
    return f"({definition.name})" if definition.combined is not None else definition.name


def _source(definition: Definition) -> tuple[object, ...]:
    return (
        definition.like,
        definition.items,
        definition.region,
        definition.form,
        definition.neighbours,
        definition.unit,
        definition.space,
        definition.against,
        definition.least_covered,
        definition.along,
    )


def _combination(name: str, terms: Iterable[tuple[float, Definition]]) -> Definition:
    """The terms as one definition, those of the same source taken together."""
    parts: list[tuple[float, Definition]] = []
    for weight, part in terms:
        for place, (known, same) in enumerate(parts):
            if same.has_same_source(part):
                parts[place] = (known + weight, same)
                break
        else:
            parts.append((weight, part))
    left = tuple((weight, part) for weight, part in parts if not abs(weight) < LEAST_WEIGHT)
    if not left:
        raise InputError("Nothing is left of this combination", got=name, cure="Combine concepts that differ")
    return Definition(name, form=left[0][1].form, combined=left, space=left[0][1].space)


def _check_negatives(definition: Definition) -> None:
    """Refuse negatives of what has no positives, of a form without any, and items that are both."""
    if definition.items is None or definition.form == "mean":
        raise InputError(
            f"The concept {definition.name!r} has negatives without positives to hold against them",
            got="against= without items=" if definition.items is None else f"form={definition.form!r}",
            cure='Name both (items=, against=) with form="contrast" or "whitened"',
        )
    if not definition.against:
        raise InputError(
            f"The concept {definition.name!r} is held against nothing",
            got="an empty list",
            cure="Name one negative or more, or leave against= out for all others",
        )
    both = [name for name in definition.against if name in definition.items]
    if both:
        raise InputError(
            f"The concept {definition.name!r} is held against what it is made of",
            got=f"{len(both)} on both sides: {', '.join(both[:3])}",
            cure="Name each on one side",
        )


def _check_parts(definition: Definition) -> None:
    parts = definition.combined or ()
    if not parts or not all(math.isfinite(weight) and abs(weight) >= LEAST_WEIGHT for weight, _ in parts):
        raise InputError(
            f"The combination {definition.name!r} needs parts, each with a finite weight other than 0",
            got=", ".join(f"{weight:g}" for weight, _ in parts) or "none",
            cure="Write it as a - b or a + b",
        )
    if any(part.combined is not None for _, part in parts):
        raise InputError(
            f"The parts of the combination {definition.name!r} are combinations themselves",
            got=", ".join(part.name for _, part in parts if part.combined is not None),
            cure="Write it as a - b or a + b, which takes them apart",
        )
    for word, why in (
        ("form", "a mean holds what all items share, and a contrast does not"),
        ("space", "directions of different spaces cannot be added"),
    ):
        told = {part.name: getattr(part, word) for part in (*(part for _, part in parts), definition)}
        if len(set(told.values())) > 1:
            raise InputError(
                f"Concepts are combined in one {word}: {why}",
                got="; ".join(f"{name}: {value}" for name, value in told.items()),
                cure=f"Make them with the same {word}",
            )
