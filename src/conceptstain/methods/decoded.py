"""The decoded concept: what the network draws when it goes along a concept."""

from __future__ import annotations

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import LATENT
from conceptstain.concepts.held_out import decoded_difference
from conceptstain.concepts.latents import centre_of
from conceptstain.errors import MismatchError
from conceptstain.methods.attribution import Attribution
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, silent

__all__ = ["decoded"]


def decoded(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    report: Report = silent,
) -> Attribution:
    """The difference of the pictures that lie one step along and one step against a concept.

    ``dec(z_mean + d) - dec(z_mean - d)``, with ``d`` the concept's direction as it is (a direction twice as long is
    a step twice as far) and ``z_mean`` the mean latent of the trainable items. It is odd in ``d``.

    Parameters
    ----------
    canvas
        The pictures.
    encoder
        The network that the concept was made with; it must decode.
    concept
        What is mapped.
    report
        Called while encoding, the first time that this encoder meets this canvas.

    Returns
    -------
    Attribution
        A single map, in the units of the pictures.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, the network cannot decode, or the concept is a layer's.
    """
    encoder.check(canvas)
    concept.check(encoder)
    if concept.space != LATENT:
        raise MismatchError(
            "The decoder reads the latent space alone",
            got=f"the concept {concept.name!r} of the layer {concept.space}",
            cure="Choose a gradient map, or make the concept in latent space",
        )
    centre = centre_of(canvas, encoder, report=report)
    difference = decoded_difference(encoder, centre, concept.direction)
    return Attribution(
        method="decoded",
        name=concept.name,
        values=difference.reshape(1, *canvas.shape),
        items=(),
        signed=True,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={"centre": "mean latent of the trainable items"},
    )
