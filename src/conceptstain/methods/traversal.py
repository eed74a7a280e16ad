"""Latent traversals: what the decoder draws on a walk along one latent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float

from conceptstain.errors import InputError
from conceptstain.nets.encoder import Encoder

__all__ = ["Traversal", "traverse"]


@final
@dataclass(frozen=True, eq=False)
class Traversal:
    """Pictures along one latent. Make it with :func:`traverse`.

    Attributes
    ----------
    dimension
        The latent, counted from 0.
    start
        Where the walk goes through; all latents but one keep these values.
    offsets
        What is added to the latent, ascending, in its own units; the prior has a standard deviation of 1.
    pictures
        What the decoder draws there, of the inputs' shape and scaling.
    encoder
        Fingerprint of the encoder.
    """

    dimension: int
    start: Float[np.ndarray, " latent"]
    offsets: Float[np.ndarray, " steps"]
    pictures: Float[np.ndarray, "steps ..."]
    encoder: str

    @property
    def name(self) -> str:
        """Name to show, e.g. ``"latent 3"``."""
        return f"latent {self.dimension}"


def traverse(
    encoder: Encoder,
    dimension: int,
    *,
    start: Float[np.ndarray, " latent"] | None = None,
    span: float = 3.0,
    steps: int = 5,
) -> Traversal:
    """Decode a walk along one latent, ``dec(start + t e_i)`` with ``t`` evenly spaced from ``-span`` to ``span``.

    A latent that the network does not use draws the same picture all the way. The pictures show what the decoder makes
    of the latent; what the encoder looks at, :func:`conceptstain.attention` shows.

    Parameters
    ----------
    encoder
        A network that decodes.
    dimension
        The latent, counted from 0.
    start
        Where the walk goes through, ``(latent,)``, such as the mean latent of some items (``encoder.latents``). None:
        the mean of the prior, 0.
    span
        How far it goes to either side, in units of the latent: 3 is three standard deviations of the prior. For those
        of the data, give a multiple of the standard deviation of their latents.
    steps
        Pictures; with an odd number the middle one is ``dec(start)``.

    Returns
    -------
    Traversal
        Its pictures are ``(steps, *encoder.shape)``, float32.

    Raises
    ------
    InputError
        No such latent, a start of another length or not finite, a span that is not above 0, or fewer than two steps.
    MismatchError
        The network has no decoder.

    References
    ----------
    Higgins et al. 2017, "beta-VAE: Learning basic visual concepts with a constrained variational framework".
    """
    if not 0 <= dimension < encoder.latent:
        raise InputError(
            "The encoder has no latent of that number",
            got=f"{dimension} for {encoder.latent} latents",
            cure=f"Choose one of 0 to {encoder.latent - 1}",
        )
    if not 0 < span < np.inf:
        raise InputError("A walk goes some way to both sides", got=f"a span of {span:g}", cure="Give one above 0")
    if steps < 2:
        raise InputError("A walk has two pictures or more", got=str(steps), cure="Use an odd number, such as 5")
    through = np.zeros(encoder.latent) if start is None else np.asarray(start, dtype=np.float64)
    if through.shape != (encoder.latent,) or not np.isfinite(through).all():
        raise InputError(
            "A walk starts at one finite number per latent",
            got=f"shape {through.shape} for {encoder.latent} latents",
            cure="Give the latents of one item, or the mean of some",
        )
    offsets = np.linspace(-span, span, steps)
    places = np.repeat(through[None], steps, axis=0)
    places[:, dimension] += offsets
    with torch.inference_mode():
        pictures = encoder.decode(encoder.tensor(places)).cpu().numpy().astype(np.float32)
    return Traversal(dimension, through, offsets, pictures, encoder.fingerprint)
