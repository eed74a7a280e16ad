"""How much each latent says of the data: its mean divergence from the prior."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float

from conceptstain.canvas.canvas import Canvas
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.nets.losses import divergence
from conceptstain.progress import Report, Step, silent

__all__ = ["latent_information", "most_informative"]

_kept: WeakKeyDictionary[Encoder, WeakKeyDictionary[Canvas, Float[np.ndarray, " latent"]]] = WeakKeyDictionary()


def latent_information(
    canvas: Canvas, encoder: Encoder, *, items: ItemIndices | None = None, report: Report = silent
) -> Float[np.ndarray, " latent"]:
    """The mean divergence of each latent from its prior, ``mean_x KL(q(z_i | x) || N(0, 1))``, in nats.

    A latent that the network does not use stays at its prior, whatever the input: 0. The divergence bounds from above
    what the latent tells about which item was encoded (their mutual information), so latents are shown in this order.

    Parameters
    ----------
    canvas
        The encoder's inputs.
    encoder
        A VAE, or another network that puts out a mean and a variance.
    items
        Indices of the items; None: all trainable ones, and the answer is kept as long as canvas and encoder live.
    report
        Called after every chunk.

    Returns
    -------
    numpy.ndarray
        float64, one number per latent, not negative.

    Raises
    ------
    MismatchError
        The canvas is not the encoder's, or the network has no variance: its latents are points.
    InputError
        No item is chosen.

    References
    ----------
    Kingma & Welling 2014, appendix B (the divergence); Hoffman & Johnson 2016, "ELBO surgery" (the bound).
    """
    encoder.check(canvas)
    kept = _kept.setdefault(encoder, WeakKeyDictionary())
    if items is None and canvas in kept:
        return kept[canvas]
    chosen = np.asarray(canvas.trainable if items is None else items, dtype=int)
    if not len(chosen):
        raise InputError("No item is chosen", got="none", cure="Choose one item or more")
    total = np.zeros(encoder.latent)
    for start in range(0, len(chosen), CHUNK):
        with torch.inference_mode():
            encoding = encoder.encode(encoder.tensor(canvas.inputs(chosen[start : start + CHUNK])))
            if torch.isneginf(encoding.log_var).any():
                raise MismatchError(
                    f"The latents of {encoder.name!r} are points without a variance, so their divergence is not finite",
                    cure="Choose latents by number, or use a VAE",
                )
            total += divergence(encoding).sum(dim=0, dtype=torch.float64).cpu().numpy()
        report(Step(min(start + CHUNK, len(chosen)), len(chosen), "Measuring latents"))
    information = total / len(chosen)
    information.flags.writeable = False
    if items is None:
        kept[canvas] = information
    return information


def most_informative(information: Float[np.ndarray, " latent"], n: int | None = None) -> tuple[int, ...]:
    """The latents in order of their information, the most informative first; of equal ones the earlier.

    ``n`` None: all of them.
    """
    return tuple(int(latent) for latent in np.argsort(-information, kind="stable")[:n])
