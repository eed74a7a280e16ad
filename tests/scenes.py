"""A canvas, an encoder that fits it and concepts of its latent space: what every method is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from torch import nn

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.concepts.concept import Concept, Definition
from conceptstain.nets.encoder import Encoder
from factories import tiny_encoder, tiny_section

FRAME = (8, 8)
LATENT = 4
GENES = ("Gene3", "Gene0", "Gene7")


@dataclass(frozen=True, eq=False)
class Scene:
    """A tiny section of 12 genes as pictures of 8 x 8, some cells of them outside the tissue, and an encoder."""

    canvas: GenePictures
    encoder: Encoder

    @property
    def network(self) -> nn.Module:
        return self.encoder.network

    def concept(
        self, direction: Sequence[float] | np.ndarray, items: tuple[str, ...] = GENES, space: str = "latent"
    ) -> Concept:
        return concept_along(self.encoder, direction, items, space)


def concept_along(
    encoder: Encoder,
    direction: Sequence[float] | np.ndarray,
    items: tuple[str, ...] = GENES,
    space: str = "latent",
) -> Concept:
    """A concept with this very direction."""
    return Concept(
        definition=Definition("granule", items=items or ("Gene0",), space=space),
        direction=np.asarray(direction, dtype=np.float64),
        items=items,
        origin="given",
        encoder=encoder.fingerprint,
        table=pd.DataFrame(index=pd.Index(items)),
    )


@cache
def canvas_in(scaling: str) -> GenePictures:
    """The section's gene pictures, made once."""
    return tiny_section(n_rows=6, n_columns=7, missing=0.15).view("genes", frame=FRAME, scaling=scaling)


def scene(kind: str = "convolutional", scaling: str = "z-score", seed: int = 0) -> Scene:
    """A scene whose encoder is new, so that a test may spoil it."""
    return Scene(canvas_in(scaling), tiny_encoder((1, *FRAME), seed, kind=kind, scaling=scaling, latent=LATENT))


def some_direction(seed: int = 0) -> np.ndarray:
    """A direction without zeros or equal numbers."""
    return np.random.default_rng(seed).normal(size=LATENT)
