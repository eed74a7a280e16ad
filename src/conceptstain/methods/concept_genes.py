"""Genes of a concept of spots: what the network draws of it, and beside it what the network reads."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from conceptstain.concepts.scores import Against
from conceptstain.concepts.spot_concepts import SpotConcepts
from conceptstain.methods.decoded import decoded
from conceptstain.methods.gradient import input_gradients
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, Step, silent

__all__ = ["concept_genes"]


def concept_genes(concepts: SpotConcepts, name: str, *, report: Report = silent) -> pd.DataFrame:
    """The genes of a concept of spots, those it raises first and those it lowers last.

    Parameters
    ----------
    concepts
        Made with :func:`~conceptstain.concepts.spot_concepts.spot_concepts`.
    name
        Of one of them.
    report
        Called after every encoder.

    Returns
    -------
    DataFrame
        Indexed by gene, by falling ``decoded``:

        - ``decoded``: the decoded concept ``dec(z_mean + d) - dec(z_mean - d)``, in z-scores, mean over the encoders;
          ``d`` is the difference of the mean latents. Use this one to say what a concept is.
        - ``sign``: ``"up"``, ``"down"`` or ``""``.
        - ``agreeing``: part of the encoders that agree with the sign.
        - ``read``: what the encoder reads, the gradient of the score at the concept's spots, in scores (standard
          deviations over the section) per z-score, mean over spots and encoders. It ranks genes differently from seed
          to seed, and genes high that the concept does not have.

    Raises
    ------
    InputError
        No concept of that name.
    """
    drawn, read = [], []
    for done, encoder in enumerate(concepts.encoders, start=1):
        drawn.append(decoded(concepts.canvas, encoder, concepts.concept(name, encoder)).mean())
        read.append(_read(concepts, name, encoder))
        report(Step(done, len(concepts.encoders), f"Genes of {name}"))
    mean = np.asarray(np.mean(drawn, axis=0, dtype=np.float64))
    agreeing = (np.sign(drawn) == np.sign(mean)).mean(axis=0)
    table = pd.DataFrame(
        {
            "decoded": mean,
            "sign": np.where(mean > 0, "up", np.where(mean < 0, "down", "")),
            "agreeing": agreeing,
            "read": np.mean(read, axis=0, dtype=np.float64),
        },
        index=concepts.canvas.place(mean).index,
    )
    return table.sort_values("decoded", ascending=False, kind="stable")


def _read(concepts: SpotConcepts, name: str, encoder: Encoder) -> Float[np.ndarray, " genes"]:
    """Mean gradient of the score at the concept's spots, the context left out."""
    number, reading = concepts.number(name), concepts.reading(name, encoder)
    own = reading.concepts.index(number)
    gradients = input_gradients(encoder, Against(reading.groups, own), concepts.canvas, concepts.members[number])
    deviation = float(reading.scores(concepts.canvas)[:, own].std())
    return np.asarray(gradients.mean(axis=0, dtype=np.float64) / (deviation or 1.0))
