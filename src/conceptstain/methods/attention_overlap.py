"""How much the attention maps of different latents overlap on data: what the attention disentanglement loss lowers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float

from conceptstain.inputs import Inputs, ItemIndices
from conceptstain.methods.gradient import as_evaluated
from conceptstain.methods.items import checked_items
from conceptstain.nets.attention_loss import attention_overlap, differentiable_maps, layer_to_attend
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.losses import divergence
from conceptstain.nets.tap import tap
from conceptstain.progress import Report, Step, silent

__all__ = ["OverlapOfMaps", "overlap_of_maps"]

CHUNK = 64  # items: all maps of a chunk are compared with each other
LEAST_NATS = 0.01  # of a latent that says anything of its item


@final
@dataclass(frozen=True, eq=False)
class OverlapOfMaps:
    """Means over items.

    Attributes
    ----------
    layer
        Whose maps were compared.
    overlap
        Of every pair of latents, in 0..1; 1 with themselves, 0 where both maps are dead.
    mass
        Of every latent: mean of its maps over items and places. Near 0 the map is dead, and overlaps with none.
    nats
        Of every latent: mean divergence from the prior, what it says of its item.
    """

    layer: str
    overlap: Float[np.ndarray, "latent latent"]
    mass: Float[np.ndarray, " latent"]
    nats: Float[np.ndarray, " latent"]

    @property
    def active(self) -> Bool[np.ndarray, " latent"]:
        """Latents that say something of their items."""
        return self.nats >= LEAST_NATS

    def mean(self, *, active: bool = False) -> float:
        """Mean over all pairs of different latents, or over those of which both are active; nan where there is none."""
        chosen = self.overlap[np.ix_(self.active, self.active)] if active else self.overlap
        pairs = chosen[np.triu_indices(len(chosen), k=1)]
        return float(pairs.mean()) if len(pairs) else float("nan")


def overlap_of_maps(
    inputs: Inputs,
    encoder: Encoder,
    *,
    layer: str | None = None,
    items: ItemIndices | None = None,
    report: Report = silent,
) -> OverlapOfMaps:
    """How much the attention maps of an encoder's latents overlap, at the latent means.

    Parameters
    ----------
    inputs
        The canvas.
    encoder
        A network with convolutions; used by one job at a time.
    layer
        As for :class:`~conceptstain.nets.objectives.Objective`; None: the third convolution, or the last of fewer.
    items
        Indices; None: all that are trainable.
    report
        Called after every chunk.

    Raises
    ------
    MismatchError
        The inputs are not the encoder's, or it has no such convolution.
    InputError
        No such item, or none.

    References
    ----------
    Liu et al. 2020, equation 5, for every pair of latents and not only two at random.
    """
    encoder.check(inputs)
    chosen = inputs.trainable if items is None else checked_items(inputs, items)
    latents = range(encoder.latent)
    overlap = np.zeros((encoder.latent, encoder.latent))
    mass, nats = np.zeros(encoder.latent), np.zeros(encoder.latent)
    example = encoder.tensor(np.zeros((1, *encoder.shape), dtype=np.float32))
    layer = layer_to_attend(encoder.network, example, layer)
    with as_evaluated(encoder.network), tap(encoder.network, layer, start=True) as tapped:
        for start in range(0, len(chosen), CHUNK):
            part = chosen[start : start + CHUNK]
            with torch.enable_grad():
                encoding = encoder.encode(encoder.tensor(inputs.inputs(part)))
                maps = differentiable_maps(encoding.mean, tapped.take(), latents, create_graph=False).detach()
            mass += maps.mean(dim=(2, 3)).sum(dim=1).double().cpu().numpy()
            nats += divergence(encoding).detach().sum(dim=0).double().cpu().numpy()
            for latent in latents:
                pairs = [attention_overlap(maps[latent], other).sum().item() for other in maps]
                overlap[latent] += pairs
            report(Step(min(start + CHUNK, len(chosen)), len(chosen), "Comparing attention"))
    n = max(len(chosen), 1)
    return OverlapOfMaps(layer, overlap / n, mass / n, nats / n)
