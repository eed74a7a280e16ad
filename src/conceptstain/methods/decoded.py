"""The decoded concept: what the network draws when it goes along a concept."""

from __future__ import annotations

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.held_out import decoded_difference
from conceptstain.concepts.latents import centre_of
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
        Canvas, encoder and concept do not belong together, or the network cannot decode.
    """
    encoder.check(canvas)
    concept.check(encoder)
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
