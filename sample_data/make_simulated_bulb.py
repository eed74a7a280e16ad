"""Make ``simulated_bulb.h5ad``: a simulated section of the mouse olfactory bulb, with its layers known.

Run ``python sample_data/make_simulated_bulb.py``; it takes some seconds. PROVENANCE.md tells what is simulated, and
what it must not be used for.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.sparse import csr_matrix

LAYERS = ("GCL", "MCL", "EPL", "GL", "ONL")  # from inside out
EDGES = (0.53, 0.62, 0.75, 0.885)  # outer edges of the inner four, as parts of the way to the surface
PITCH, SPOT_DIAMETER = 200.0, 100.0  # micrometres
MICRONS_PER_PIXEL = 6.0
MARKERS = {
    "GCL": ("Penk", "Nrgn", "Meis2", "Kcnh3", "Epha4", "Tenm3"),
    "MCL": ("Doc2g", "Cdhr1", "Slc17a7", "Tbx21", "Reln"),
    "EPL": ("Pvalb",),
    "GL": ("Th", "Eomes", "Calb1"),
    "ONL": ("Kctd12", "Omp", "Apod", "Fabp7", "Frzb", "Npy"),
}
HOUSEKEEPING = ("Actb", "Gapdh", "Ubb", "Eef1a1", "Tubb5", "Rpl13a", "Rps18", "Hsp90ab1", "Ppia", "Tpt1")
# Optical density of the two stains in red, green and blue, about as Ruifrok & Johnston (2001) measured them.
HAEMATOXYLIN, EOSIN = np.array([0.65, 0.70, 0.29]), np.array([0.10, 0.95, 0.30])
# Nuclei per pixel and amount of eosin, by layer.
NUCLEI = {"GCL": 0.27, "MCL": 0.10, "EPL": 0.022, "GL": 0.10, "ONL": 0.075}
PLASMA = {"GCL": 0.22, "MCL": 0.27, "EPL": 0.30, "GL": 0.27, "ONL": 0.37}


@dataclass(frozen=True)
class Bulb:
    """Shape of the bulb: half axes in micrometres, and the waves of its surface and of the edges between its layers."""

    half_axes: tuple[float, float]
    centre: tuple[float, float]
    waves: np.ndarray

    @classmethod
    def random(cls, half_axes: tuple[float, float], rng: np.random.Generator) -> Bulb:
        """A slightly irregular ellipse with some room around it."""
        waves = rng.normal(0, 1, (1 + len(EDGES), 5, 2)) / np.arange(2, 7)[:, None]
        return cls(half_axes, tuple(1.12 * axis for axis in half_axes), waves)

    def depth(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """0 in the middle, 1 at the surface."""
        towards_y, towards_x = (y - self.centre[0]) / self.half_axes[0], (x - self.centre[1]) / self.half_axes[1]
        return np.hypot(towards_y, towards_x) / (1 + 0.055 * self.wave(0, y, x))

    def layer(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Number of the layer: 0 (GCL) to 4 (ONL), 5 outside."""
        depth = self.depth(y, x)
        edges = [edge + 0.015 * self.wave(1 + number, y, x) for number, edge in enumerate(EDGES)]
        return sum((depth > edge).astype(int) for edge in [*edges, np.ones_like(depth)])

    def wave(self, number: int, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """One wave around the bulb."""
        angle = np.arctan2(y - self.centre[0], x - self.centre[1])
        terms = enumerate(self.waves[number], start=2)
        return sum(sine * np.sin(n * angle) + cosine * np.cos(n * angle) for n, (sine, cosine) in terms)


def simulate(
    seed: int = 11,
    *,
    half_axes: tuple[float, float] = (1990.0, 2450.0),
    genes_per_layer: int = 40,
    n_genes: int = 1200,
    with_image: bool = True,
) -> AnnData:
    """Simulate a section.

    Parameters
    ----------
    seed
        The same seed gives the same section.
    half_axes
        Half height and half width of the bulb in micrometres.
    genes_per_layer
        Genes of each layer's programme, its markers among them.
    n_genes
        All genes: the programmes, housekeeping genes, genes with a gradient, and noise.
    with_image
        Draw the tissue image too.
    """
    shape, places, genes, counts, tissue = (np.random.default_rng([seed, part]) for part in range(5))
    bulb = Bulb.random(half_axes, shape)
    spots, lattice = lay_spots(bulb, places)
    mixture = layers_under(bulb, spots)
    var, profiles = make_genes(genes_per_layer, n_genes, genes)
    layer = pd.Categorical.from_codes(bulb.layer(*spots.T), categories=list(LAYERS))
    adata = AnnData(
        X=csr_matrix(draw_counts(mixture, spots / np.array(half_axes), profiles, var, counts)),
        obs=pd.DataFrame(
            {"layer": layer, "array_x": lattice[:, 1].round(3), "array_y": lattice[:, 0].round(3)},
            index=[f"{x:.3f}x{y:.3f}" for y, x in lattice],
        ),
        var=var,
        obsm={"spatial": spots[:, ::-1] / MICRONS_PER_PIXEL},
    )
    images = {"hires": draw_tissue(bulb, tissue)} if with_image else {}
    factors = {
        "microns_per_pixel": MICRONS_PER_PIXEL,
        "spot_diameter_fullres": SPOT_DIAMETER / MICRONS_PER_PIXEL,
        "tissue_hires_scalef": 1.0,
    }
    adata.uns["spatial"] = {"simulated bulb": {"images": images, "scalefactors": factors}}
    adata.uns["description"] = (
        "This section is simulated: spots, counts, image and layers come from a script, not from tissue."
    )
    return adata


def lay_spots(bulb: Bulb, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Spots on a jittered square lattice inside the bulb, some lost: micrometres ``(y, x)`` and array positions."""
    n_rows, n_columns = (int(2 * middle / PITCH) for middle in bulb.centre)
    rows, columns = np.meshgrid(np.arange(1, n_rows + 1), np.arange(1, n_columns + 1), indexing="ij")
    lattice = np.stack([rows.ravel(), columns.ravel()], axis=1) + rng.normal(0, 0.03, (rows.size, 2))
    spots = lattice * PITCH - PITCH / 2
    covered = (bulb.layer(*spots.T) < len(LAYERS)) & (rng.random(len(spots)) > 0.03)
    order = rng.permutation(np.flatnonzero(covered))  # the published tables are in no order either
    return spots[order], lattice[order]


def layers_under(bulb: Bulb, spots: np.ndarray) -> np.ndarray:
    """Part of every layer under each spot, from points spread over its disc and a rim that RNA diffuses from."""
    number = np.arange(60)
    radius, angle = 70.0 * np.sqrt(number / 60), number * np.pi * (3 - np.sqrt(5))
    offsets = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    under = bulb.layer(*np.moveaxis(spots[:, None] + offsets, -1, 0))
    parts = np.stack([(under == layer).mean(axis=1) for layer in range(len(LAYERS))], axis=1)
    return parts / parts.sum(axis=1, keepdims=True)


def make_genes(per_layer: int, n_genes: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Names and kinds of the genes, and their expression in each layer (genes x layers)."""
    names, kinds = [], []
    for layer in LAYERS:
        names += [*MARKERS[layer], *[""] * (per_layer - len(MARKERS[layer]))]
        kinds += [layer] * per_layer
    names += HOUSEKEEPING
    kinds += ["housekeeping"] * len(HOUSEKEEPING)
    n_left = n_genes - len(names)
    names += [""] * n_left
    kinds += ["gradient"] * (n_left // 10) + ["noise"] * (n_left - n_left // 10)
    names = [name or f"Sim{number:04d}" for number, name in enumerate(names, start=1)]
    var = pd.DataFrame(
        {"kind": pd.Categorical(kinds), "marker": np.isin(names, sum(MARKERS.values(), ()))}, index=names
    )
    level = rng.lognormal(0.2, 1.0, n_genes)
    level[var["marker"]] = rng.uniform(3.0, 9.0, var["marker"].sum())
    level[var["kind"] == "housekeeping"] = rng.uniform(30, 100, len(HOUSEKEEPING))
    profiles = np.repeat(level[:, None], len(LAYERS), axis=1) * rng.lognormal(0, 0.15, (n_genes, len(LAYERS)))
    for number, layer in enumerate(LAYERS):
        own = np.flatnonzero(var["kind"] == layer)
        profiles[own, number] *= rng.uniform(3, 8, len(own)) + 3 * var["marker"].to_numpy()[own]
        # A programme leaks into the neighbouring layers: cells send their processes there.
        for beside in {number - 1, number + 1} & set(range(len(LAYERS))):
            profiles[own, beside] *= rng.uniform(1, 2, len(own))
    # What is listed in a random order cannot be found by its place in the table.
    order = rng.permutation(n_genes)
    return var.iloc[order], profiles[order]


def draw_counts(
    mixture: np.ndarray, around: np.ndarray, profiles: np.ndarray, var: pd.DataFrame, rng: np.random.Generator
) -> np.ndarray:
    """Gamma-Poisson counts: depth by spot, richer in the granule layer, and drop-out of what is rare."""
    expected = mixture @ profiles.T
    slopes = np.where(var["kind"] == "gradient", rng.normal(0, 0.5, len(var)), 0.0)
    expected *= np.exp(slopes * (around[:, :1] - around[:, :1].mean()))
    depth = rng.lognormal(0, 0.35, len(mixture)) * (1 + 0.5 * mixture[:, 0])
    expected *= depth[:, None]
    noisy = rng.gamma(5.0, expected / 5.0)  # variance = mean + mean squared / 5
    dropped = rng.random(expected.shape) < 0.4 * np.exp(-expected)
    return np.where(dropped, 0, rng.poisson(noisy)).astype(np.float32)


def draw_tissue(bulb: Bulb, rng: np.random.Generator) -> np.ndarray:
    """An image that looks like haematoxylin and eosin: nuclei by layer, glomeruli as pale round bodies."""
    height, width = (round(2 * middle / MICRONS_PER_PIXEL) for middle in bulb.centre)
    y, x = (np.indices((height, width)) + 0.5) * MICRONS_PER_PIXEL
    layer, depth = bulb.layer(y, x), bulb.depth(y, x)
    coarse, middle, fine = (blurred(rng.normal(size=y.shape), sigma, unit=True) for sigma in (25, 9, 2))
    layer[depth > 0.992 + 0.006 * middle] = len(LAYERS)  # the cut edge is rough
    tissue = blurred((layer < len(LAYERS)).astype(float), 1.0)
    nuclei = np.array([*NUCLEI.values(), 0.0])[layer]
    plasma = blurred(np.array([*PLASMA.values(), 0.0])[layer], 2.0)
    # Granule cells lie in rows along the layer; mitral cells in one line.
    rows = np.clip(0.55 * np.sin(depth * 120 + 2.2 * coarse + 0.8 * middle) + 0.45 * middle, -0.75, 1.0)
    core = 1 / (1 + np.exp((depth - 0.12 - 0.02 * coarse) * 60))  # the pale path that new neurons come in by
    nuclei *= np.where(layer == 0, (1 + 0.6 * rows) * (1 - 0.6 * core), 1.0)
    beyond = depth - EDGES[0] - 0.015 * bulb.wave(1, y, x)
    nuclei *= np.where(layer == 1, 0.35, 1.0)
    nuclei += 0.30 * np.exp(-(((beyond - 0.035) / 0.011) ** 2)) * (layer < len(LAYERS))
    inside, rim = glomeruli(bulb, y.shape, rng)
    nuclei = nuclei * (1 - 0.93 * inside) + 0.22 * rim * (layer == 3)
    plasma = plasma * (1 - 0.40 * inside)
    # Nerve fibres run along the surface.
    fibres = np.sin(depth * 330 + 2.5 * coarse + fine) * (layer == 4)
    plasma = tissue * np.clip(plasma * (1 + 0.13 * coarse + 0.10 * fine) + 0.04 * fibres, 0, None)
    blue = blurred((rng.random(y.shape) < nuclei).astype(float) * rng.uniform(0.6, 1.5, y.shape), 0.75) * 1.9
    blue = tissue * np.clip(0.10 + blue, 0, 1.25)
    density = blue[..., None] * HAEMATOXYLIN + plasma[..., None] * EOSIN
    light = np.array([241.0, 239.0, 242.0]) * np.exp(-density)
    return (np.rint(light / 8).clip(0, 31) * 8).astype(np.uint8)  # few colours, so that it packs small


def glomeruli(bulb: Bulb, shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Insides and rims of round bodies, packed into the glomerular layer without overlap."""
    tried = np.column_stack([rng.uniform(0, 2, (9000, 2)) * np.array(bulb.centre), rng.uniform(40, 75, 9000)])
    ring = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    along_y, along_x = (0.8 * tried[:, 2:] * turn for turn in (np.sin(ring), np.cos(ring)))
    fits = (bulb.layer(tried[:, :1] + along_y, tried[:, 1:2] + along_x) == 3).all(axis=1)
    placed: list[tuple[float, float, float]] = []
    for y, x, radius in tried[fits]:
        if all(np.hypot(y - other[0], x - other[1]) > radius + other[2] + 12 for other in placed):
            placed.append((y, x, radius))
    inside, rim = np.zeros(shape), np.zeros(shape)
    for y, x, radius in placed:
        top, left = (int(max(0, (at - 110) / MICRONS_PER_PIXEL)) for at in (y, x))
        window = np.s_[top : top + 38, left : left + 38]
        rows, columns = np.indices(inside[window].shape)
        distance = (
            np.hypot((rows + top + 0.5) * MICRONS_PER_PIXEL - y, (columns + left + 0.5) * MICRONS_PER_PIXEL - x)
            / radius
        )
        inside[window] = np.maximum(inside[window], 1 / (1 + np.exp((distance - 0.95) * 14)))
        rim[window] = np.maximum(rim[window], np.exp(-(((distance - 1.12) / 0.10) ** 2)))
    return inside, rim * (1 - inside)


def blurred(image: np.ndarray, sigma: float, *, unit: bool = False) -> np.ndarray:
    """Gaussian blur by Fourier transform; ``unit`` brings the result to variance 1."""
    along = [np.exp(-2 * (np.pi * sigma * np.fft.fftfreq(side)) ** 2) for side in image.shape]
    smooth = np.fft.ifft2(np.fft.fft2(image) * np.outer(*along)).real
    return smooth / smooth.std() if unit else smooth


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Simulate a section of the mouse olfactory bulb.")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("simulated_bulb.h5ad"))
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    section = simulate(options.seed)
    section.write_h5ad(options.out, compression="gzip", compression_opts=9)
    print(f"{options.out}: {section.n_obs} spots x {section.n_vars} genes, {options.out.stat().st_size / 1e6:.2f} MB")
    print(section.obs["layer"].value_counts(sort=False).to_string())
