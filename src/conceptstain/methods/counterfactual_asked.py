"""What a counterfactual is asked for: whether the networks belong together, where items lie, and what they become."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from conceptstain.canvas.canvas import Canvas
from conceptstain.errors import InputError
from conceptstain.methods.counterfactual_settings import CounterfactualMethod
from conceptstain.methods.link import Link
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator
from conceptstain.nets.reading import check_readable

__all__ = ["space_of", "targets_of"]


def space_of(
    classifier: Classifier, generator: Generator, canvas: Canvas, link: Link | None, method: CounterfactualMethod
) -> Encoder | Link:
    """What makes latents of items; refuses networks that do not belong together."""
    if link is not None:
        link.check(classifier, generator)
        check_readable(classifier, canvas)
        if not link.penultimate:
            raise InputError(
                "The link does not start from the layer that classes are told from",
                got=link.layer,
                cure="Make one with conceptstain.link, without a layer",
            )
        return link
    if method == "published":
        raise InputError("The published search goes through a link", got="none", cure="Make one with conceptstain.link")
    if generator.encoder is None:
        raise InputError(
            f"Where items lie for {generator.name!r} is not known, as it has no encoder",
            got="no link",
            cure="Make one with conceptstain.link, and give it as link=",
        )
    generator.encoder.check(canvas)
    check_readable(classifier, canvas)
    return generator.encoder


def targets_of(classifier: Classifier, target: str | Sequence[str], n_items: int) -> Int[np.ndarray, " items"]:
    """A row for every item."""
    if isinstance(target, str):
        return np.full(n_items, classifier.number(target))
    if not isinstance(target, Sequence):
        raise InputError("A target is the name of a class", got=repr(target), cure="Choose one of classifier.classes")
    if len(target) != n_items:
        raise InputError(
            "Every item has one target",
            got=f"{len(target)} targets for {n_items} items",
            cure="Give one class for all, or one for each",
        )
    return np.array([classifier.number(name) for name in target], dtype=int)
