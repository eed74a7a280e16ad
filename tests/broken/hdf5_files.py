"""HDF5 files that are cut off, of other kinds, or lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.sparse import csr_matrix

from broken.making import Make, bytes_of, h5ad, refused, setting
from written import lattice_anndata

N = 30


def cut(part: float) -> Make:
    def make(folder: Path) -> Path:
        path = h5ad(lambda adata: None)(folder)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * part)])
        return path

    return make


refused("is empty", "an empty h5ad")(bytes_of(b""))
refused("not an .h5ad file", "a page of the web")(bytes_of(b"<html>not found</html>"))
refused("cannot be read as .h5ad", "the first bytes of HDF5")(bytes_of(b"\x89HDF\r\n\x1a\n"))
refused("cannot be read as .h5ad", "noise after the first bytes")(
    bytes_of(b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 9)
)
for part in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
    refused("cannot be read as .h5ad", f"h5ad cut off at {part:.0%}")(cut(part))
refused("There is no file", "a file that is gone")(lambda folder: folder / "gone.h5ad")
refused("not a kind of file", "a table of another program")(bytes_of(b"x", "a.xlsx"))
refused("not a kind of file", "a folder of nothing")(lambda folder: folder)


def hdf5(change: Callable[[h5py.File], None]) -> Make:
    """An .h5ad of sparse counts, changed as a file."""

    def make(folder: Path) -> Path:
        path = setting(X=csr_matrix(lattice_anndata().X))(folder)
        assert isinstance(path, Path)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return make


def replaced(name: str, **dataset: Any) -> Make:
    def change(file: h5py.File) -> None:
        attributes = dict(file[name].attrs)
        del file[name]
        made = file.create_dataset(name, **dataset)
        made.attrs.update(attributes)

    return hdf5(change)


def linked(name: str, link: Any) -> Make:
    def change(file: h5py.File) -> None:
        file[name] = link

    return hdf5(change)


def dense_claim(file: h5py.File) -> None:
    del file["X"]
    claimed = file.create_dataset("X", shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000))
    claimed.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})


def ring(file: h5py.File) -> None:
    file["uns/ring"] = file["uns"]


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(N, 2), dtype="f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(N, 2))
    del file["obsm/spatial"]
    file.create_virtual_dataset("obsm/spatial", layout)


def words(file: h5py.File) -> None:
    del file["X"]
    file.create_dataset("X", data=np.full((N, 4), b"many")).attrs.update({"encoding-type": "array"})


def claimed_shape(shape: tuple[int, int]) -> Make:
    return hdf5(lambda file: file["X"].attrs.__setitem__("shape", np.array(shape)))


def indices_beyond(file: h5py.File) -> None:
    file["X/indices"][0] = 10**6


def pointers_backwards(file: h5py.File) -> None:
    file["X/indptr"][5] = 0


for name, says, make in (
    ("a dense matrix of terabytes", "claims more than can be opened", hdf5(dense_claim)),
    (
        "an image of terabytes",
        "claims more",
        hdf5(lambda f: f.create_dataset("uns/x", (10**7, 10**7), "u1", chunks=(9, 9))),
    ),
    ("a sparse matrix that is longer than it is", "contradicts itself", claimed_shape((10**9, 4))),
    ("a sparse matrix that is wider than it is", "cannot be read", claimed_shape((N, 10**12))),
    ("a sparse matrix of a negative size", "contradicts itself|cannot be read", claimed_shape((-1, 4))),
    ("indices beyond the matrix", "cannot be read", hdf5(indices_beyond)),
    ("pointers that run backwards", "cannot be read", hdf5(pointers_backwards)),
    ("values fewer than indices", "contradicts itself", replaced("X/data", data=np.ones(3, dtype="f4"))),
    ("names of bytes that are no text", "cannot be read|UTF", replaced("obs/_index", data=np.array([b"\xff\xfe"] * N))),
    ("a link to another file", "points to other files", linked("uns/x", h5py.ExternalLink("/etc/passwd", "/x"))),
    (
        "values stored in another file",
        "points to other files",
        replaced("obsm/spatial", shape=(N, 2), dtype="f4", external="/etc/passwd"),
    ),
    ("positions in another file", "points to other files", hdf5(virtual)),
    ("a ring of groups", "cannot be read", hdf5(ring)),
    ("a matrix of words", "not hold numbers|cannot be read", hdf5(words)),
    ("no table of spots", "cannot be read", hdf5(lambda file: file.__delitem__("obs"))),
):
    refused(says, name)(make)


@refused("cannot be read as .h5ad")
def hdf5_of_another_program(folder: Path) -> Path:
    with h5py.File(folder / "a.h5ad", "w") as file:
        file["measurement"] = np.arange(9)
    return folder / "a.h5ad"
