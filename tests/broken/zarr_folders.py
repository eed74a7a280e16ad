"""Zarr folders with parts missing or changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import zarr
from scipy.sparse import csr_matrix

from broken.making import Make, bytes_of, halved, noted, refused
from written import lattice_anndata, write_zarr


def zarred(change: Callable[[Path], None], *, version: Literal[2, 3] = 3, dense: bool = False) -> Make:
    def make(folder: Path) -> Path:
        adata = lattice_anndata()
        adata.X = adata.X if dense else csr_matrix(adata.X)
        path = write_zarr(adata, folder / "a.zarr", version=version)
        # Consolidated metadata would hide what is changed below it.
        root = path / "zarr.json"
        if root.is_file():
            content = json.loads(root.read_text())
            content.pop("consolidated_metadata", None)
            root.write_text(json.dumps(content))
        (path / ".zmetadata").unlink(missing_ok=True)
        change(path)
        return path

    return make


def chunk(path: Path, array: str) -> Path:
    """The only chunk of an array."""
    return next(each for each in sorted((path / array).rglob("*")) if each.is_file() and each.suffix != ".json")


def shape_claimed(path: Path) -> None:
    content = json.loads((path / "X/zarr.json").read_text())
    content["shape"] = [10**7, 10**7]
    (path / "X/zarr.json").write_text(json.dumps(content))


def _second_piece_gone(path: Path) -> None:
    counts = lattice_anndata().X
    shutil.rmtree(path / "X")
    made = zarr.open_group(path, mode="a").create_array("X", data=counts, chunks=(15, 4))
    made.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    (path / "X/c/1/0").unlink()


noted("Counts are read from X", "zarr of format 2")(zarred(lambda path: None, version=2))
noted("Counts are read from X", "zarr of format 3")(zarred(lambda path: None))
noted("absent, which zarr takes as zeros|No gene", "zarr without a piece of dense counts")(
    zarred(_second_piece_gone, dense=True)
)
for name, says, make in (
    ("zarr without the indices", "is not whole", zarred(lambda path: chunk(path, "X/indices").unlink())),
    ("zarr without the counts", "is not whole", zarred(lambda path: chunk(path, "X/data").unlink())),
    ("zarr without the names", "is not whole", zarred(lambda path: chunk(path, "obs/_index").unlink())),
    ("zarr without the positions", "is not whole", zarred(lambda path: chunk(path, "obsm/spatial").unlink())),
    ("zarr with half a piece", "cannot be read", zarred(lambda path: halved(chunk(path, "obsm/spatial")))),
    ("zarr with an empty piece", "cannot be read", zarred(lambda path: chunk(path, "X/data").write_bytes(b""))),
    (
        "zarr with noise for a piece",
        "cannot be read",
        zarred(lambda path: chunk(path, "X/indices").write_bytes(b"noise" * 9)),
    ),
    ("zarr without the table of spots", "cannot be read", zarred(lambda path: shutil.rmtree(path / "obs"))),
    ("zarr without its root", "cannot be read|holds no", zarred(lambda path: (path / "zarr.json").unlink())),
    ("zarr with half its root", "cannot be read", zarred(lambda path: halved(path / "zarr.json"))),
    ("zarr with half the metadata of X", "cannot be read", zarred(lambda path: halved(path / "X/data/zarr.json"))),
    ("zarr of terabytes", "claims more", zarred(shape_claimed, dense=True)),
):
    refused(says, name)(make)


@refused("cannot be read as")
def an_empty_zarr_folder(folder: Path) -> Path:
    (folder / "a.zarr").mkdir()
    return folder / "a.zarr"


@refused("cannot be read as AnnData.*pickle")
def zarr_with_a_pickle(folder: Path) -> Path:
    make = zarred(lambda path: None, version=2)
    path = make(folder)
    assert isinstance(path, Path)
    metadata = json.loads((path / "obsm/spatial/.zarray").read_text())
    metadata["compressor"] = {"id": "pickle", "protocol": 5}
    (path / "obsm/spatial/.zarray").write_text(json.dumps(metadata))
    return path


@refused("claims more than can be opened")
def zarr_in_too_many_pieces(folder: Path) -> Path:
    path = zarred(lambda path: None)(folder)
    assert isinstance(path, Path)
    zarr.open_group(path, mode="a").create_array("uns/many", shape=(10**8,), chunks=(1,), dtype="u1")
    return path


@refused("holds no AnnData")
def zarr_of_an_image(folder: Path) -> Path:
    zarr.open_group(folder / "a.zarr", mode="w").create_array("0", data=np.zeros((9, 9)))
    return folder / "a.zarr"


@refused("not an .h5ad file")
def a_file_called_zarr(folder: Path) -> Path:
    return bytes_of(b"noise", "a.zarr")(folder)  # type: ignore[return-value]


@refused("SpatialData|no table of spots")
def spatialdata_of_nothing(folder: Path) -> Path:
    group = zarr.open_group(folder / "a.zarr", mode="w")
    group.attrs["spatialdata_attrs"] = {"version": "0.2", "spatialdata_software_version": "0.5"}
    return folder / "a.zarr"
