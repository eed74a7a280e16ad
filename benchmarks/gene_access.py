"""How long one gene of a large .h5ad takes to fetch, and all its gene pictures.

    python benchmarks/gene_access.py [--spots 5000] [--genes 20000]

The file is simulated and lies in a folder that goes away. The peer of fetching is anndata's row-compressed matrix,
backed by the file: ``adata[:, gene].X``. The peer of the pictures is a loop that fetches, scales and draws gene by gene
from the row-compressed matrix in memory; it is timed on some of the genes. What both ways give is compared, too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

import conceptstain as cs
from conceptstain.canvas.gene_pictures import DEPTH

FETCHED = 40  # genes that are timed
CHUNK = 256  # pictures at a time, as many as an encoder asks for


def simulated(path: Path, n_spots: int, n_genes: int) -> Path:
    """Counts on a square lattice, about one value in nine above 0, row by row."""
    rng = np.random.default_rng(0)
    rates, depths = rng.lognormal(-3, 1.5, n_genes), rng.lognormal(0, 0.3, n_spots)
    rows = [sparse.csr_matrix(rng.poisson(rates * depth).astype(np.float32)) for depth in depths]
    lattice = np.stack(np.divmod(np.arange(n_spots), int(np.ceil(np.sqrt(n_spots)))), axis=1)
    adata = anndata.AnnData(
        sparse.vstack(rows, format="csr"),
        obs=pd.DataFrame(index=[f"spot{spot}" for spot in range(n_spots)]),
        var=pd.DataFrame(index=[f"Gene{gene}" for gene in range(n_genes)]),
        obsm={"spatial": lattice[:, ::-1] * 100.0},
    )
    adata.write_h5ad(path)
    return path


def seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def picture(canvas: cs.GenePictures, counts: sparse.csr_matrix, totals: np.ndarray, gene: int) -> np.ndarray:
    """A gene picture as a plain loop makes it."""
    column = counts[:, gene].toarray().ravel()
    values = np.log1p(column * (DEPTH / totals))
    spread = values.std()
    drawn = np.zeros(canvas.grid.frame, dtype=np.float32)
    drawn.flat[canvas.grid.cells] = (values - values.mean()) / (spread if spread > 0 else 1)
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spots", type=int, default=5000)
    parser.add_argument("--genes", type=int, default=20_000)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    with tempfile.TemporaryDirectory() as folder:
        path = simulated(Path(folder) / "simulated.h5ad", arguments.spots, arguments.genes)
        backed = anndata.read_h5ad(path, backed="r")
        begun = time.perf_counter()
        section = cs.open(path)
        opened = time.perf_counter()
        canvas = section.view("genes")
        viewed = time.perf_counter()
        genes = np.linspace(0, len(canvas) - 1, FETCHED).astype(int)
        names = canvas.item_names[genes]
        totals = np.asarray(section.matrix.sum(axis=1)).ravel()
        for gene, name in zip(genes, names, strict=True):
            column = backed[:, name].X.toarray().ravel()
            np.testing.assert_allclose(canvas.expressed(gene), np.log1p(column * (DEPTH / totals)), atol=1e-5)
        fetched = [
            (seconds(lambda n=n: backed[:, n].X), seconds(lambda n=n: canvas.expressed(canvas.item(n)))) for n in names
        ]
        theirs, ours = (median(each) for each in zip(*fetched, strict=True))
        print(f"{arguments.spots:,} spots x {arguments.genes:,} genes, {section.matrix.nnz:,} values above 0")
        print(f"once: opening {opened - begun:.2f} s, normalising and turning to columns {viewed - opened:.2f} s")
        print(
            f"one gene: anndata, backed {1000 * theirs:.1f} ms; conceptstain {1000 * ours:.3f} ms, "
            f"{theirs / ours:.0f} x faster (median of {FETCHED} genes)"
        )
        print(f"it has paid for itself after {(viewed - begun) / (theirs - ours):.0f} genes")

        counts = sparse.csr_matrix(section.matrix)
        looped = np.array([picture(canvas, counts, totals, gene) for gene in genes])
        np.testing.assert_allclose(canvas.inputs(genes)[:, 0], looped, atol=1e-3)
        fresh = section.view("genes")
        whole = seconds(
            lambda: [
                fresh.inputs(np.arange(start, min(start + CHUNK, len(fresh)))) for start in range(0, len(fresh), CHUNK)
            ]
        )
        loop = seconds(lambda: [picture(canvas, counts, totals, gene) for gene in genes]) / len(genes)
        print(
            f"all {len(fresh):,} gene pictures of {fresh.shape[1]} x {fresh.shape[2]} cells: {whole:.1f} s, means and "
            f"deviations included; a loop {1000 * loop:.1f} ms per gene, {loop * len(fresh):.0f} s for all (from "
            f"{FETCHED} genes), {loop * len(fresh) / whole:.0f} x as long"
        )
        backed.file.close()


if __name__ == "__main__":
    main()
