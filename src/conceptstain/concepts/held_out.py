"""Concepts made without some spots, and their decoded maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.concepts.concept import Concept, direction_of
from conceptstain.concepts.cross_fit import fold_auroc
from conceptstain.concepts.definition import LATENT, Definition
from conceptstain.concepts.latents import centre_of
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["decoded_auroc", "decoded_difference", "fold_concept"]


def fold_concept(definition: Definition, canvas: GenePictures, encoder: Encoder, genes: Sequence[str]) -> Concept:
    """A concept of these genes by the definition's form; their pictures hide what the canvas hides."""
    items = [canvas.item(gene) for gene in genes]
    direction = direction_of(definition.form, canvas, encoder, items, space=definition.space)
    return Concept(
        definition=definition,
        direction=direction,
        items=tuple(genes),
        origin=f"{len(genes)} genes",
        encoder=encoder.fingerprint,
        table=pd.DataFrame(index=pd.Index(genes, name="gene")),
    )


def decoded_difference(
    encoder: Encoder, centre: Float[np.ndarray, " latent"], direction: Float[np.ndarray, " latent"]
) -> Float[np.ndarray, "..."]:
    """``dec(centre + direction) - dec(centre - direction)``, float32, of the shape of one input."""
    import torch

    with torch.inference_mode():
        along, against = encoder.decode(encoder.tensor(np.stack([centre + direction, centre - direction])))
        return np.asarray((along - against).cpu().numpy(), dtype=np.float32)


def decoded_auroc(
    definition: Definition,
    canvas: GenePictures,
    encoder: Encoder,
    *,
    inside: Bool[np.ndarray, " spots"],
    folds: Int[np.ndarray, " spots"],
    chosen: Sequence[tuple[str, ...]],
    report: Report = silent,
) -> float | None:
    """Cross-fitted AUROC of decoded maps, each of the concept made without its fold.

    None without a decoder, and for a concept of a layer.

    The pictures hide the fold, too, so the network has to fill in what it was not shown. That is stricter than what the
    mean z-score has to do, which reads the chosen genes at the hidden spots.
    A fold without genes has no map, and its spots are not told apart.
    """
    if definition.space != LATENT or not hasattr(encoder.network, "decode"):
        return None
    scores = np.zeros(len(inside))
    for fold, genes in enumerate(chosen):
        if genes:
            blind = canvas.hiding(folds == fold)
            concept = fold_concept(definition, blind, encoder, genes)
            drawn = decoded_difference(encoder, centre_of(blind, encoder), concept.direction)
            scores[folds == fold] = canvas.place(drawn)[folds == fold]
        report(Step(fold + 1, len(chosen), "Decoding without the hidden spots"))
    return fold_auroc(scores, inside, folds)
