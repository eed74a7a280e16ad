"""Tiny things made on the spot: sections a test can hold in its head."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.sparse import csr_array, csr_matrix

from conceptstain.canvas.section import Section, TissueImage

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

PITCH = 200.0
PIXEL = 20.0  # micrometres per pixel of a tiny tissue image


def tiny_section(
    n_rows: int = 6,
    n_columns: int = 7,
    n_genes: int = 12,
    seed: int = 0,
    *,
    with_image: bool = False,
    missing: float = 0.0,
    jitter: float = 0.03,
) -> Section:
    """Spots on a jittered square lattice of 200 µm, with counts; ``obs["layer"]`` is ``inner`` or ``outer``.

    The first third of the genes is richer in the inner spots, the second third in the outer ones, the rest is the
    same everywhere. ``missing`` is the part of the lattice without a spot, ``jitter`` the standard deviation of a
    position in pitches.
    """
    rng = np.random.default_rng(seed)
    lattice = np.stack(np.meshgrid(np.arange(n_rows), np.arange(n_columns), indexing="ij"), axis=-1).reshape(-1, 2)
    kept = rng.permutation(len(lattice))[: max(2, round(len(lattice) * (1 - missing)))]
    lattice = lattice[np.sort(kept)]
    spots = (lattice + rng.normal(0, jitter, lattice.shape)) * PITCH
    inner = is_inner(lattice, n_rows, n_columns)
    matrix = csr_matrix(_counts(inner, n_genes, rng))
    names = [f"{column}x{row}" for row, column in lattice]
    adata = AnnData(
        X=matrix,
        obs=pd.DataFrame({"layer": pd.Categorical(np.where(inner, "inner", "outer"))}, index=pd.Index(names)),
        var=pd.DataFrame(index=pd.Index([f"Gene{index}" for index in range(n_genes)])),
        obsm={"spatial": spots[:, ::-1].copy()},
    )
    return Section(
        name="tiny",
        adata=adata,
        matrix=csr_array(matrix),
        spots=spots,
        unit="µm",
        spot_diameter=PITCH / 2,
        pitch=PITCH,
        image=tiny_image(n_rows, n_columns, rng) if with_image else None,
    )


def tiny_encoder(
    shape: tuple[int, ...],
    seed: int = 0,
    *,
    kind: Literal["convolutional", "pooled", "dense"] = "convolutional",
    scaling: str = "z-score",
    latent: int = 4,
) -> Encoder:
    """An untrained VAE of a few weights, in float64; see ``tiny_networks``."""
    from tiny_networks import encoder_of, tiny_vae

    return encoder_of(tiny_vae(shape, seed, kind, latent), shape, scaling, latent)


def tiny_profile_encoders(features: tuple[str, ...], number: int = 2) -> tuple[Encoder, ...]:
    """Untrained encoders of profiles: random projections, which keep apart what is far apart."""
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.profile_vae import ProfileVAE, ProfileVAESettings

    shape = (len(features),)
    networks = [ProfileVAE(shape, ProfileVAESettings("gaussian", 4, (9,)), seed=seed) for seed in range(number)]
    return tuple(
        Encoder(f"profiles {seed}", network, shape, "z-score", 4, {}, features) for seed, network in enumerate(networks)
    )


def is_inner(lattice: np.ndarray, n_rows: int, n_columns: int) -> np.ndarray:
    """Whether lattice points lie in the middle of the tissue."""
    middle = np.array([n_rows - 1, n_columns - 1]) / 2
    return np.asarray((np.abs(lattice - middle) <= middle / 2 + 0.01).all(axis=1))


def tiny_image(n_rows: int, n_columns: int, rng: np.random.Generator) -> TissueImage:
    """A picture of noise that covers the lattice of a tiny section with one pitch to spare on every side."""
    height, width = (round((cells + 1) * PITCH / PIXEL) for cells in (n_rows, n_columns))
    to_world = np.array([[PIXEL, 0, PIXEL / 2 - PITCH], [0, PIXEL, PIXEL / 2 - PITCH], [0, 0, 1]])
    return TissueImage(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), to_world)


def _counts(inner: np.ndarray, n_genes: int, rng: np.random.Generator) -> np.ndarray:
    rates = np.full((len(inner), n_genes), 3.0)
    third = n_genes // 3
    rates[np.ix_(inner, np.arange(third))] *= 4
    rates[np.ix_(~inner, np.arange(third, 2 * third))] *= 4
    depth = rng.lognormal(0, 0.3, len(inner))
    return rng.poisson(rates * depth[:, None]).astype(np.float32)


def noise_section(
    n_rows: int = 12, n_columns: int = 14, n_genes: int = 200, seed: int = 0, *, smooth: bool = False
) -> Section:
    """A section without any layer: Poisson counts, with rates that drift smoothly over the tissue if ``smooth``."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    section = tiny_section(n_rows, n_columns, n_genes=n_genes, seed=seed, jitter=0.0)
    rates = np.full((n_rows * n_columns, n_genes), 2.0)
    if smooth:
        drifts = gaussian_filter(rng.normal(size=(n_rows, n_columns, 5)), (2.0, 2.0, 0)).reshape(-1, 5)
        rates *= np.exp(drifts / drifts.std(axis=0) @ rng.normal(0, 0.3, (5, n_genes)))
    return replace(section, matrix=csr_array(rng.poisson(rates).astype(np.float32)))
