"""AnnData whose parts are changed before it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.sparse import csc_matrix, csr_matrix

from broken.making import Make, h5ad, noted, refused, setting
from written import lattice_anndata, library


def columns(x: Any, y: Any) -> Make:
    """An .h5ad whose positions are columns of ``obs``."""

    def change(adata: AnnData) -> None:
        adata.obs["x"], adata.obs["y"] = x(adata.obsm["spatial"][:, 0]), y(adata.obsm["spatial"][:, 1])
        del adata.obsm["spatial"]

    return h5ad(change)


def spatial(**content: Any) -> dict[str, Any]:
    return {"spatial": {"S1": {"images": {}, "scalefactors": {}} | content}}


def with_value(value: float) -> np.ndarray:
    counts = lattice_anndata().X.copy()
    counts[3, 1] = value
    return counts


N = 30
XY = lattice_anndata().obsm["spatial"]
WHITE = np.full((300, 300, 3), 255, dtype=np.uint8)
text_of = lambda values: [f"{value:.1f}" for value in values]  # noqa: E731 - shorter in the table below
comma_of = lambda values: [f"{value:.1f}".replace(".", ",") for value in values]  # noqa: E731

for name, says, make in (
    ("positions in three columns", "30 x 3 values", setting(spatial=np.ones((N, 3)))),
    ("positions missing", "some missing", setting(spatial=np.full((N, 2), np.nan))),
    ("one position missing", "some missing", setting(spatial=np.where(np.arange(N)[:, None] == 4, np.nan, XY))),
    ("positions infinite", "infinite", setting(spatial=np.where(np.arange(N)[:, None] == 4, np.inf, XY))),
    ("positions beyond all slides", "beyond", setting(spatial=XY * 1e300)),
    ("all spots at one place", "several spots at one place", setting(spatial=np.ones((N, 2)))),
    ("no positions at all", "does not say where", h5ad(lambda a: a.obsm.clear())),
    ("positions that are words", "no number", columns(lambda v: ["left"] * len(v), text_of)),
    ("commas of two meanings", "read in two ways", columns(lambda v: [f"1.{x:.0f},5" for x in v], text_of)),
    ("counts missing", "not numbers", setting(X=with_value(np.nan))),
    ("counts infinite", "not numbers", setting(X=with_value(np.inf))),
    ("counts beyond float32", "not numbers", setting(X=with_value(1.0).astype(float) * 1e300)),
    ("counts negative", "negative values", setting(X=with_value(-1))),
    ("sparse counts negative", "negative values", setting(X=csr_matrix(with_value(-1)))),
    ("nothing expressed", "No gene is expressed", setting(X=np.zeros((N, 4), dtype=np.float32))),
    ("no spot on the tissue", "no spot on the tissue", setting(in_tissue=0)),
    ("no matrix", "no expression matrix", h5ad(lambda a: setattr(a, "X", None))),
    ("one spot", "fewer than two spots", h5ad(lambda a: a[:1].copy())),
    ("no spots", "fewer than two spots|No gene|several|not hold", h5ad(lambda a: a[:0].copy())),
    ("no genes", "no genes", h5ad(lambda a: a[:, :0].copy())),
    ("two libraries and no column", "which spot is of which", setting(uns={"spatial": {"A": {}, "B": {}}})),
    (
        "two libraries and their column",
        "several sections.*A, B",
        setting(uns={"spatial": {"A": {}, "B": {}}}, library_id=["A", "B"] * 15),
    ),
    ("two sections over each other", "several sections", setting(sample=["a", "b"] * 15)),
    (
        "an image far from its spots",
        "No spot lies on the image",
        setting(uns={"spatial": {"S1": library(np.zeros((4, 4, 3), dtype=np.uint8))}}),
    ),
):
    refused(says, name)(make)

for name, says, make in (
    ("positions as text", "written as (text|categories)", columns(text_of, text_of)),
    ("positions with decimal commas", "decimal commas", columns(comma_of, comma_of)),
    ("positions as categories", "written as categories", columns(lambda v: pd.Categorical(text_of(v)), text_of)),
    ("dense counts", "Counts are read from X", setting(X=np.asarray(with_value(1)))),
    ("whole numbers of 64 bits", "Counts are read from X", setting(X=with_value(1).astype(np.int64))),
    ("CSR counts", "Counts are read from X", setting(X=csr_matrix(with_value(1)))),
    ("CSC counts", "Counts are read from X", setting(X=csc_matrix(with_value(1)))),
    ("truth values as counts", "Counts are read from X", setting(X=with_value(1) > 2)),
    ("fractions", "does not hold whole numbers", setting(X=with_value(0.5))),
    ("large fractions", "do not look like logarithms", setting(X=with_value(4000.5))),
    (
        "a spot without counts",
        "1 spot without any expression",
        setting(X=lattice_anndata().X * (np.arange(N) > 0)[:, None]),
    ),
    ("tissue told in words", "10 spots beside the tissue", setting(in_tissue=["True"] * 20 + ["False"] * 10)),
    ("no scale factors", "lengths are in pixels", setting(uns=spatial())),
    (
        "scale factors that are words",
        "lengths are in pixels",
        setting(uns=spatial(scalefactors={"microns_per_pixel": "x"})),
    ),
    ("a scale below zero", "lengths are in pixels", setting(uns=spatial(scalefactors={"microns_per_pixel": -1.0}))),
    (
        "a scale that is missing",
        "lengths are in pixels",
        setting(uns=spatial(scalefactors={"microns_per_pixel": np.nan})),
    ),
    (
        "a scale beyond all numbers",
        "lengths are in pixels",
        setting(uns=spatial(scalefactors={"microns_per_pixel": 1e308})),
    ),
    (
        "an image scaled to nothing",
        "has no tissue_hires_scalef",
        setting(uns={"spatial": {"S1": library(WHITE, 1e-320)}}),
    ),
    ("an image without its scale", "has no tissue_hires_scalef", setting(uns=spatial(images={"hires": WHITE}))),
    (
        "an image of two channels",
        "is not an RGB image",
        setting(uns={"spatial": {"S1": library(np.zeros((9, 9, 2), dtype=np.uint8))}}),
    ),
    (
        "an image with missing values",
        "is not an RGB image",
        setting(uns={"spatial": {"S1": library(np.full((300, 300, 3), np.nan))}}),
    ),
    ("an image of no pixels", "is not an RGB image", setting(uns={"spatial": {"S1": library(np.zeros((0, 0, 3)))}})),
    ("another thing called spatial", "lengths are in pixels", setting(uns={"spatial": "left brain"})),
):
    noted(says, name)(make)


def renamed(axis: str, names: list[str], **var: Any) -> Make:
    def change(adata: AnnData) -> None:
        setattr(adata, f"{axis}_names", pd.Index(names))
        for column, values in var.items():
            adata.var[column] = values

    return h5ad(change)


IDS = [f"ENSMUSG0000000000{index}" for index in range(4)]
noted("used more than once", "genes of one name")(renamed("var", ["Penk", "Th", "Penk", "Omp"]))
noted("the names were Ensembl ids", "ids with a column of symbols")(renamed("var", IDS, symbol=list("ABCD")))
noted("used more than once", "two ids of one symbol")(renamed("var", IDS, symbol=list("ABBD")))
noted("keep their id", "an id without a symbol")(renamed("var", IDS, symbol=["A", None, "C", "D"]))
refused("same spot more than once", "spots of one name")(renamed("obs", ["a"] * N))


@noted("Counts are read from raw.X")
def scaled_values_with_raw_counts(folder: Path) -> Path:
    adata = lattice_anndata()
    adata.raw = adata
    adata.X = adata.X - 3.5
    adata.write_h5ad(folder / "a.h5ad")
    return folder / "a.h5ad"
