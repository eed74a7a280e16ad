"""Definitions: what a concept is made from, apart from any encoder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, final

from conceptstain.canvas.region import Region
from conceptstain.errors import InputError

__all__ = ["Definition", "Form"]

Form = Literal["mean", "contrast"]


@final
@dataclass(frozen=True, eq=False)
class Definition:
    """What a concept is made from; exactly one of ``like``, ``items`` and ``region``.

    Attributes
    ----------
    name
        What the user calls it.
    like
        A gene: the concept is made of its nearest neighbours in latent space (the paper's way).
    items
        Genes, by name.
    region
        Spots: the concept is made of the genes enriched in them.
    form
        ``"mean"``: the mean latent of the genes (paper, unlabelled case). ``"contrast"``: that minus the mean latent of
        all other genes that can be learned from (paper, labelled case).
    neighbours
        How many genes ``like`` and ``region`` choose; the paper uses 50.
    """

    name: str
    like: str | None = None
    items: tuple[str, ...] | None = None
    region: Region | None = None
    form: Form = "mean"
    neighbours: int = 50

    def __post_init__(self) -> None:
        given = [word for word in ("like", "items", "region") if getattr(self, word) is not None]
        if len(given) != 1:
            raise InputError(
                f"The concept {self.name!r} needs one thing to be made from",
                got=" and ".join(given) or "none",
                cure="Give a gene (like=), a list of genes (items=) or a region (region=)",
            )
        if self.items is not None and len(self.items) == 0:
            raise InputError(
                f"The concept {self.name!r} has no genes", got="an empty list", cure="Name one gene or more"
            )
        if self.neighbours < 1:
            raise InputError(
                "A concept is made of one gene or more",
                got=f"neighbours={self.neighbours}",
                cure="Use 50, as the paper",
            )

    def has_same_source(self, other: Definition) -> bool:
        """Whether both are made from the same, whatever they are called."""
        return (self.like, self.items, self.region, self.form, self.neighbours) == (
            other.like,
            other.items,
            other.region,
            other.form,
            other.neighbours,
        )

    def renamed(self, name: str) -> Definition:
        """The same definition under another name."""
        return replace(self, name=name)
