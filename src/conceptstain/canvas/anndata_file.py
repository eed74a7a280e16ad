"""AnnData as it lies on the disk: ``.h5ad``, a ``.zarr`` folder, or such a folder in a zip file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anndata
import h5py
from anndata import AnnData
from scipy import sparse

from conceptstain.canvas.spot_positions import OBSM_KEYS
from conceptstain.canvas.untrusted import check_hdf5, check_pieces, check_zarr, check_zip, foreign_reader
from conceptstain.errors import ReadingError

__all__ = [
    "ITEMS_KEY",
    "SPATIALDATA",
    "STUDY_KEY",
    "ZARR_MARKS",
    "ZIPPED",
    "check_nothing_is_missing",
    "is_anndata_folder",
    "is_spatialdata_folder",
    "items_held",
    "load_anndata",
    "load_spots",
    "opened_zarr",
    "zarr_attributes",
]

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIPPED = ".zarr.zip"
SPATIALDATA = "spatialdata_attrs"  # among the attributes of its root
STUDY_KEY = "conceptstain"  # in uns, what this package writes
ITEMS_KEY = "items"  # under it, what the observations are, where these are pictures or patches
ZARR_MARKS = ("zarr.json", ".zgroup", ".zattrs")  # a zarr folder holds one of these
CURE = "It may be cut off, or not be written by anndata; download it again or write it with adata.{}"


def load_anndata(path: Path, *, of_items: bool = False) -> tuple[AnnData, tuple[str, ...]]:
    """Read a whole file into memory, and say what of it was missing.

    Parameters
    ----------
    path
        The file or folder.
    of_items
        Whether it may hold pictures or patches, which are no spots.

    Raises
    ------
    ReadingError
        Not AnnData, damaged, larger than can be opened, or pointing to other files; or it holds no spots.
    """
    with _checked(path) as (root, notes):
        if not of_items:
            _refuse_items(root, path.name)
        adata = anndata.io.read_h5ad(path) if isinstance(root, h5py.File) else anndata.io.read_zarr(root)
        _check_indices(adata)
    return adata, notes


def load_spots(path: Path) -> AnnData:
    """The spots of a file alone: ``obs``, positions, and the names under ``uns["spatial"]``, without any gene.

    Files of anndata before 0.7, which wrote tables in another way, are read whole.

    Raises
    ------
    ReadingError
        As :func:`load_anndata`.
    """
    with _checked(path) as (root, _):
        _refuse_items(root, path.name)
        if root["obs"].attrs.get("encoding-type") == "dataframe":
            held, libraries = root.get("obsm", {}), root.get("uns/spatial", {})
            return AnnData(
                obs=anndata.io.read_elem(root["obs"]),
                obsm={key: anndata.io.read_elem(held[key]) for key in OBSM_KEYS if key in held},
                uns={"spatial": {name: {} for name in libraries if hasattr(libraries[name], "keys")}},
            )
    return load_anndata(path)[0]


def items_held(path: Path) -> str | None:
    """What the observations of a file are that we wrote of ``"pictures"`` or ``"patches"``; None of any other file."""
    with suppress(ReadingError, OSError), _checked(path) as (root, _):
        return _items(root)
    return None


def _items(root: Any) -> str | None:
    named = f"uns/{STUDY_KEY}/{ITEMS_KEY}"
    return str(anndata.io.read_elem(root[named])) if named in root else None


def _refuse_items(root: Any, file: str) -> None:
    """Refuse AnnData of pictures or patches where spots are asked for."""
    items = _items(root)
    if items is not None:
        is_study = f"uns/{STUDY_KEY}/study" in root
        raise ReadingError(
            f"{file} is a study of pictures or of a slide, not a section"
            if is_study
            else f"{file} holds scores of pictures or of a slide, not a section",
            got=f"{items} where spots should be",
            cure=f'Open it with conceptstain.open_study("{file}")' if is_study else "Open the pictures themselves",
        )


@contextmanager
def _checked(path: Path) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The root group of a file, once it is known that what it claims can be read, and what is missing of it."""
    if path.is_dir() or path.name.lower().endswith(ZIPPED):
        with opened_zarr(path) as group, foreign_reader(path.name, "AnnData", CURE.format("write_zarr")):
            _check_encoding(group, path.name)
            check_pieces(group, path.name)
            yield group, check_zarr(group, path.name)
        return
    with path.open("rb") as file:
        if file.read(len(HDF5)) != HDF5:
            raise ReadingError(
                f"{path.name} is not an .h5ad file",
                got="a file where a folder should be" if path.suffix.lower() == ".zarr" else "content that is not HDF5",
                cure="Write it with adata.write_h5ad",
            )
    with foreign_reader(path.name, ".h5ad", CURE.format("write_h5ad")):
        check_hdf5(path)
        with h5py.File(path, "r") as root:
            yield root, ()


@contextmanager
def opened_zarr(path: Path) -> Iterator[Any]:
    """The root group of a zarr folder or zip file, to be read.

    Raises
    ------
    ReadingError
        No zarr group, or an archive that cannot be trusted.
    """
    import zarr

    store: Any = None
    inside = ""
    if path.is_file():
        check_zip(path)
        with foreign_reader(path.name, "zarr", "Zip the .zarr folder again"):
            store = _zip_store(path)
            inside = _only_folder(path)
    try:
        with foreign_reader(path.name, "zarr", "It may be cut off; copy or download it again"):
            group = zarr.open_group(store or path, mode="r", path=inside)
        yield group
    finally:
        if store is not None:
            store.close()


def _zip_store(path: Path) -> Any:
    """A zip file as zarr reads it, but that what begins with the name of an array is not taken for a part of it."""
    import zarr

    class Archive(zarr.storage.ZipStore):
        async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
            inside = f"{prefix.rstrip('/')}/" if prefix else ""
            async for key in super().list_prefix(prefix):
                if key.startswith(inside):
                    yield key

    return Archive(path, mode="r")


def _only_folder(path: Path) -> str:
    """The folder that holds all of an archive, if there is one; else the archive itself."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    first = {name.split("/")[0] for name in names}
    return first.pop() if len(first) == 1 and all("/" in name for name in names) else ""


def zarr_attributes(path: Path) -> dict[str, Any]:
    """Attributes of the root group.

    Raises
    ------
    ReadingError
        See :func:`opened_zarr`.
    """
    with opened_zarr(path) as group:
        return dict(group.attrs)


def is_anndata_folder(path: Path) -> bool:
    """Whether a folder is AnnData in zarr, and nothing else."""
    with suppress(ReadingError):
        return zarr_attributes(path).get("encoding-type") == "anndata"
    return False


def is_spatialdata_folder(path: Path) -> bool:
    """Whether a folder is SpatialData, and nothing else."""
    with suppress(ReadingError):
        return SPATIALDATA in zarr_attributes(path)
    return False


def check_nothing_is_missing(path: Path, inside: str) -> None:
    """Refuse a zarr folder that lacks pieces of arrays in one of its groups, which zarr would read as zeros.

    Only for what was written with empty pieces, too.

    Raises
    ------
    ReadingError
        A piece is missing, or the folder cannot be read.
    """
    import zarr

    with opened_zarr(path) as group, foreign_reader(path.name, "AnnData", CURE.format("write_zarr")):
        for name, each in group[inside].members(max_depth=None):
            missing = each.nchunks - each.nchunks_initialized if isinstance(each, zarr.Array) and each.size else 0
            if missing:
                raise ReadingError(
                    f"{path.name} is not whole",
                    got=f"{missing:,} of {each.nchunks:,} pieces of {inside}/{name} missing",
                    cure="It was cut off or copied in part; copy or download it again",
                )


def _check_encoding(group: Any, file: str) -> None:
    kind = group.attrs.get("encoding-type", "anndata" if "obs" in group and "var" in group else None)
    if kind != "anndata":
        inside = ", ".join(sorted(map(str, group))[:8]) or "nothing"
        raise ReadingError(
            f"{file} holds no AnnData",
            got=f"a zarr group with {inside}",
            cure="Open a folder written by adata.write_zarr or by spatialdata",
        )


def _check_indices(adata: AnnData) -> None:
    """Refuse sparse matrices with an index beyond their shape, which would read memory that is not theirs."""
    raw = () if adata.raw is None else (adata.raw.X,)
    for stored in (adata.X, *adata.layers.values(), *raw, *adata.obsm.values(), *adata.obsp.values()):
        if sparse.issparse(stored):
            stored.check_format(full_check=True)
