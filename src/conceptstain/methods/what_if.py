"""What if an item had more of a concept: what the decoder would draw of it, minus what it draws of it now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.concepts.latents import latents_at, latents_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attribution import Attribution, Move, moves_told
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.gradient import copies_at_once
from conceptstain.methods.items import checked_items, items_told
from conceptstain.methods.link import Link
from conceptstain.methods.sweeping import checked_units, moved_latents, starts_of
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import FEWEST, Encoder
from conceptstain.progress import Report, Step, silent

__all__ = ["concept_step", "latent_shift", "what_if"]


def what_if(
    encoder: Encoder,
    canvas: Canvas,
    items: ItemIndices,
    moves: Sequence[Move] = (),
    *,
    units: Mapping[int, float] | None = None,
    link: Link | None = None,
    classifier: Classifier | None = None,
    report: Report = silent,
) -> Attribution:
    """What changes in decoded items when they get more, or less, of some concepts, or when units have other values.

    ``dec(z + shift) - dec(z)``, with ``z`` the mean latent of the item and ``shift`` the sum of the moves
    (:func:`latent_shift`) and of what a link makes of the units, ``L(r') - L(r)``: of a linear one
    ``sum_u W[:, u] (value_u - r_u)``. Both pictures are the decoder's, so that what it cannot draw of the item is no
    change. It is what the network would draw, and no experiment: concepts that go together in the data go together
    here.

    Parameters
    ----------
    encoder
        A network that decodes.
    canvas
        What the items are of: gene pictures, pictures, patches, or spot profiles.
    items
        Indices, one map each.
    moves
        Concepts of the encoder's latent space, each with how far to go along it, in standard deviations of its score
        over the canvas; below 0: against it.
    units
        Values of units of a classifier's layer, by their numbers; all other units stay as they are in each item.
    link, classifier
        Of the units: what leads from the layer to the encoder's latent space, and the classifier; see
        :func:`conceptstain.link`.
    report
        Called while the canvas is encoded for the first time, and after every chunk.

    Returns
    -------
    Attribution
        Of method ``"what if"``, ``(items, *shape)`` in the units of the inputs, float32.

    Raises
    ------
    InputError
        No such item or unit, nothing to change, a concept twice, a number that is not finite, or units without their
        link and classifier.
    MismatchError
        Canvas, networks, link and concepts do not belong together, the network cannot decode, or a concept is a
        layer's.

    References
    ----------
    Concept directions: Brocki & Chung 2019, arXiv:1910.13140; units through a link: Wehrheim et al. 2024,
    arXiv:2409.16865. Units of the score, and the difference, are ours.
    """
    encoder.check(canvas)
    chosen = checked_items(canvas, items)
    values = {int(unit): float(value) for unit, value in sorted((units or {}).items())}
    going = _checked_moves(moves, values)
    shift = latent_shift(encoder, canvas, going, report=report)
    start = np.asarray(latents_at(canvas, encoder, chosen, report=report), dtype=np.float64)
    settings: dict[str, Any] = {"start": "mean latents of the items"}
    end = start + shift
    if values:
        if link is None or classifier is None:
            raise InputError(
                "Units move a latent through a link", got=f"{len(values)} units", cure="Give link= and classifier="
            )
        link.check(classifier, encoder)
        end += _linked_shift(link, classifier, canvas, chosen, values)
        settings |= {
            "units": tuple(values.items()),
            "link": link.fingerprint,
            "classifier": classifier.fingerprint,
            "classifier name": classifier.name,
        }
    return Attribution(
        method="what if",
        name=moves_told(going, settings.get("units", ())),
        values=_decoded_change(encoder, canvas.shape, start, end, report),
        items=tuple(int(item) for item in chosen),
        signed=True,
        encoder=encoder.fingerprint,
        settings=settings,
        detail=items_told(canvas, chosen),
        moves=going,
    )


def latent_shift(
    encoder: Encoder, canvas: Canvas, moves: Sequence[Move], *, report: Report = silent
) -> Float[np.ndarray, " latent"]:
    """Where moves lead from any place of the latent space: the sum of so many :func:`concept_step` of each.

    Directions of concepts that have something in common add up: going along one changes the score of the other, too.
    """
    shift = np.zeros(encoder.latent)
    for concept, far in moves:
        shift += far * concept_step(encoder, canvas, concept, report=report)
    return shift


def concept_step(
    encoder: Encoder, canvas: Canvas, concept: Concept, *, report: Report = silent
) -> Float[np.ndarray, " latent"]:
    """The shortest way in latent space that raises a concept's score by one standard deviation.

    That of the scores of all trainable items. A concept without a direction has no step: zeros.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, or the concept is a layer's.
    """
    encoder.check(canvas)
    concept.check(encoder)
    if concept.space != LATENT:
        raise MismatchError(
            "The decoder reads the latent space alone",
            got=f"the concept {concept.name!r} of the layer {concept.space}",
            cure="Make the concept in latent space",
        )
    latents = latents_of(canvas, encoder, report=report)[canvas.trainable]
    along = np.asarray(concept.direction, dtype=np.float64)
    spread = float(concept.scores(latents.astype(np.float64)).std())
    length = float(along @ along)
    return along * (spread / length) if length > 0 else np.zeros_like(along)


def _decoded_change(
    encoder: Encoder,
    shape: tuple[int, ...],
    start: Float[np.ndarray, "items latent"],
    end: Float[np.ndarray, "items latent"],
    report: Report,
) -> Float[np.ndarray, "items ..."]:
    """``dec(end) - dec(start)``, some items at a time."""
    size = max(copies_at_once(shape), FEWEST)
    values = np.empty((len(start), *shape), dtype=np.float32)
    for first in range(0, len(start), size):
        part = slice(first, first + size)
        values[part] = _decoded(encoder, end[part]) - _decoded(encoder, start[part])
        report(Step(min(first + size, len(start)), len(start), "Decoding"))
    return values


def _decoded(encoder: Encoder, latents: Float[np.ndarray, "items latent"]) -> Float[np.ndarray, "items ..."]:
    """What is drawn there; few are decoded as many are, so that the last digits do not depend on their number."""
    filled = np.concatenate([latents, np.repeat(latents[:1], max(FEWEST - len(latents), 0), axis=0)])
    with torch.inference_mode():
        return np.asarray(encoder.decode(encoder.tensor(filled))[: len(latents)].cpu().numpy())


def _linked_shift(
    link: Link, classifier: Classifier, canvas: Canvas, items: NDArray[np.integer], values: Mapping[int, float]
) -> Float[np.ndarray, "items latent"]:
    """Where a link leads when units are set to values, from where it leads as they are."""
    starts = starts_of(link, classifier, canvas, items)
    units = checked_units(link, list(values))
    moved = moved_latents(link, starts.r, units, np.array(list(values.values()))[:, None])
    return np.asarray(moved[:, 0] - link.latents(starts.r))


def _checked_moves(moves: Sequence[Move], units: Mapping[int, float]) -> tuple[Move, ...]:
    try:
        going = tuple((concept, float(far)) for concept, far in moves)
        names = [concept.name for concept, _ in going]
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            "A move is a concept with how far to go along it", got=str(error), cure="Give moves=[(concept, 2.0)]"
        ) from error
    if not going and not units:
        raise InputError("Nothing is to change", got="no moves", cure="Give concepts, each with how far to go along it")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError("A concept is moved along twice", got=repr(twice[0]), cure="Add its distances up")
    endless = [f"{far:g} along {concept.name}" for concept, far in going if not np.isfinite(far)]
    endless += [f"{value:g} for unit {unit}" for unit, value in units.items() if not np.isfinite(value)]
    if endless:
        raise InputError("A move goes a finite way", got=endless[0], cure="Give it in standard deviations, such as 2")
    return going
