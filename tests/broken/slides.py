"""Folders of Space Ranger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from broken.making import Make, halved, noted, refused
from written import write_visium


def slide(change: Callable[[Path], object], **settings: Any) -> Make:
    def make(folder: Path) -> Path:
        write_visium(folder / "slide", **settings)
        change(folder / "slide")
        return folder / "slide"

    return make


def positions(change: Callable[[pd.DataFrame], pd.DataFrame], **writing: Any) -> Make:
    def rewrite(folder: Path) -> None:
        path = folder / "spatial/tissue_positions.csv"
        change(pd.read_csv(path)).to_csv(path, index=False, **writing)

    return slide(rewrite)


def written_in(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _linked_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("gone"))


MTX = "filtered_feature_bc_matrix/matrix.mtx"
HEADER = b"%%MatrixMarket matrix coordinate integer general\n%\n"
FACTORS = "spatial/scalefactors_json.json"
for name, says, make in (
    ("scale factors that are no JSON", "cannot be read as JSON", slide(written_in(FACTORS, b"{"))),
    ("scale factors that are a list", "cannot be read as JSON", slide(written_in(FACTORS, b"[1, 2]"))),
    (
        "scale factors in words",
        "cannot be read as JSON",
        slide(written_in(FACTORS, b'{"tissue_hires_scalef": "half"}')),
    ),
    ("a slide without its matrix", "no matrix", slide(lambda f: (f / "filtered_feature_bc_matrix.h5").unlink())),
    ("a matrix that is cut off", "a matrix of 10x", slide(lambda f: halved(f / "filtered_feature_bc_matrix.h5"))),
    ("an empty matrix", "is empty", slide(written_in("filtered_feature_bc_matrix.h5", b""))),
    ("a slide without positions", "where its spots", slide(lambda f: (f / "spatial/tissue_positions.csv").unlink())),
    ("positions without a column", "not a table of positions", positions(lambda t: t.drop(columns="array_row"))),
    ("positions of nobody", "barcodes without a position", positions(lambda t: t[:0])),
    (
        "positions of another slide",
        "barcodes without",
        positions(lambda t: t.assign(barcode=[f"{i}" for i in range(len(t))])),
    ),
    ("positions given twice", "same barcode", positions(lambda t: pd.concat([t, t]))),
    ("positions with holes", "some missing", positions(lambda t: t.assign(pxl_row_in_fullres=np.nan))),
    ("positions in words", "no number", positions(lambda t: t.assign(pxl_row_in_fullres="top"))),
    ("an empty table of positions", "table of positions", slide(written_in("spatial/tissue_positions.csv", b""))),
    (
        "positions in UTF-16",
        "table of positions",
        slide(written_in("spatial/tissue_positions.csv", "barcode".encode("utf-16"))),
    ),
    ("a broken image of a slide", "cannot be read", slide(lambda f: halved(f / "spatial/tissue_hires_image.png"))),
    (
        "a matrix of text without barcodes",
        "lacks a file",
        slide(lambda f: (f / MTX).with_name("barcodes.tsv").unlink(), matrix="mtx"),
    ),
    (
        "names in Latin-1",
        "cannot be read",
        slide(lambda f: (f / MTX).with_name("features.tsv").write_bytes(b"\xe9\t\xe9\n"), matrix="mtx"),
    ),
    (
        "a matrix of terabytes",
        "claims more",
        slide(written_in(MTX, HEADER + b"4 48 1000000000000\n1 1 1\n"), matrix="mtx"),
    ),
    (
        "a matrix of a million entries in a line",
        "than it can hold",
        slide(written_in(MTX, HEADER + b"4 48 1000000\n1 1 1\n"), matrix="mtx"),
    ),
    (
        "entries beyond the matrix",
        "cannot be read",
        slide(written_in(MTX, HEADER + b"4 48 1\n99 99 1\n"), matrix="mtx"),
    ),
    ("a matrix without a header", "cannot be read", slide(written_in(MTX, b"1 1 1\n"), matrix="mtx")),
    ("a matrix of text cut off", "can hold|cannot be read", slide(lambda f: halved(f / MTX), matrix="mtx")),
    (
        "a matrix of other sizes",
        "do not belong together",
        slide(written_in(MTX, HEADER + b"9 9 1\n1 1 1\n"), matrix="mtx"),
    ),
    (
        "a link of a slide to nowhere",
        "no matrix",
        slide(lambda f: _linked_nowhere(f / "filtered_feature_bc_matrix.h5")),
    ),
    (
        "bins of Visium HD",
        "Visium HD",
        lambda f: [(f / "hd/binned_outputs/square_008um").mkdir(parents=True), f / "hd"][1],
    ),
):
    refused(says, name)(make)


@refused("parquet|table of positions")
def positions_in_broken_parquet(folder: Path) -> Path:
    write_visium(folder / "slide")
    (folder / "slide/spatial/tissue_positions.csv").rename(folder / "slide/spatial/tissue_positions.parquet")
    return folder / "slide"


noted("scalefactors_json.json is missing", "a slide without scale factors")(slide(lambda f: (f / FACTORS).unlink()))
noted("decimal commas", "positions of a German spreadsheet")(positions(lambda t: t, sep=";", decimal=","))
noted("µm per pixel", "positions of whole numbers")(
    positions(lambda t: t.round().astype(t.dtypes.to_dict()), float_format="%.0f")
)
noted("µm per pixel", "positions with a mark of byte order")(positions(lambda t: t, encoding="utf-8-sig"))
noted("lengths are in pixels", "a slide without places on the array")(
    positions(lambda t: t.assign(array_row=0, array_col=0))
)


@noted("Counts are read from X")
def a_gene_that_is_called_na(folder: Path) -> Path:
    write_visium(folder / "slide", matrix="mtx")
    path = folder / "slide/filtered_feature_bc_matrix/features.tsv"
    path.write_text(path.read_text().replace("Doc2g", "NA"))
    return folder / "slide"
