"""How far spots, pictures or patches deviate from what a definition calls normal: one number each, as a finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept, make
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.normal import Normal, normal_of
from conceptstain.errors import InputError
from conceptstain.methods.anomaly_threshold import QUANTILE
from conceptstain.methods.item_score import ItemScore
from conceptstain.methods.spot_score import SpotScore
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.nets.encoder import Encoder

__all__ = ["item_deviation", "spot_deviation"]


def spot_deviation(
    definition: Definition, canvas: SpotProfiles, encoders: Sequence[Encoder], *, report: Report = silent
) -> SpotScore:
    """How far every spot of a section lies from the spots of a region: the mean distance over the encoders.

    Parameters
    ----------
    definition
        Made from a region, whose spots are normal.
    canvas
        The section's spots, as the encoders read them.
    encoders
        One or more.
    report
        Called while spots are encoded.

    Returns
    -------
    SpotScore
        Mahalanobis distances in standard deviations; those of normal spots are held against a normal without them
        (:meth:`conceptstain.concepts.normal.Normal.held_out`). ``settings["threshold"]`` is the 99th percentile of
        these.

    Raises
    ------
    InputError
        The definition was not made from a region, the region has too few spots, or there is no encoder.
    MismatchError
        An encoder does not read these spots.
    """
    if definition.region is None:
        raise InputError(
            f"The concept {definition.name!r} was not made from spots, so none are normal",
            got=definition.words,
            cure="Learn the normal from drawn spots",
        )
    if not encoders:
        raise InputError("Spots are judged by one encoder or more", got="none", cure="Fit some to the section")
    normals = [normal_of(definition, canvas, encoder, report=report) for encoder in encoders]
    far = [_distances(canvas, each, normal, report) for each, normal in zip(encoders, normals, strict=True)]
    return SpotScore(
        name=definition.name,
        values=np.mean(far, axis=0),
        section=canvas.section.name,
        concept=make(definition, canvas, encoders[0], report=report),
        encoders=tuple(each.fingerprint for each in encoders),
        settings=_told(normals),
        method="deviation of spots",
        signed=False,
    )


def item_deviation(
    canvas: ImageSet | ImagePatches, encoder: Encoder, concept: Concept, *, report: Report = silent
) -> ItemScore:
    """How far every picture or patch lies from what raises a concept, as :func:`spot_deviation` of spots.

    Raises
    ------
    InputError
        Nothing raises the concept, or too few items do.
    MismatchError
        Canvas, encoder and concept do not belong together.
    """
    concept.check(encoder)
    normal = normal_of(concept.definition, canvas, encoder, report=report)
    values = _distances(canvas, encoder, normal, report)
    told = _told([normal])
    return ItemScore(
        concept.name, values, canvas.source.name, concept, encoder.fingerprint, told, method="deviation score"
    )


def _distances(canvas: Canvas, encoder: Encoder, normal: Normal, report: Report) -> Float[np.ndarray, " items"]:
    """As :func:`conceptstain.concepts.normal.deviations`, of latents that are kept for whatever is asked next."""
    latents = latents_of(canvas, encoder, report=report)
    own = normal.held_out()  # which says why not, of fewer than three
    distances = normal.distance(latents)
    distances[[canvas.item(name) for name in normal.items]] = own
    return distances


def _told(normals: Sequence[Normal]) -> dict[str, Any]:
    """What a score says of the normal it is of."""
    own = np.mean([each.held_out() for each in normals], axis=0)
    threshold = float(np.quantile(own, QUANTILE))
    return {"normal": normals[0].origin, "learned from": len(own), "threshold": threshold, "quantile": QUANTILE}
