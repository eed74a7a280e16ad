"""Published sections that are downloaded when they are first opened."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import final

from conceptstain.errors import ReadingError

__all__ = ["PUBLISHED", "Published", "published_path"]

DATA = "CONCEPTSTAIN_DATA"
FOLDERS = ("mob", "")  # where that variable's folder may hold them
SERVER = "https://www.spatialresearch.org/wp-content/uploads/2016/07/"
CITATION = "Ståhl et al., Science 353, 78 (2016), doi 10.1126/science.aaf2403"
SECONDS = 30  # without an answer


@final
@dataclass(frozen=True)
class Published:
    """The files of a section.

    Attributes
    ----------
    title
        What it is, and who published it.
    table
        Name of the count matrix on the server.
    sha256
        Of that matrix.
    beside
        Names of its image and its alignment, which were published without a checksum.
    """

    title: str
    table: str
    sha256: str
    beside: tuple[str, ...]

    @classmethod
    def replicate(cls, number: int, sha256: str) -> Published:
        """A replicate of the mouse olfactory bulb."""
        return cls(
            title=f"Mouse olfactory bulb, replicate {number}: {CITATION}.",
            table=f"Rep{number}_MOB_count_matrix-1.tsv",
            sha256=sha256,
            beside=(f"HE_Rep{number}.jpg", f"Rep{number}_MOB_transformation.txt"),
        )


PUBLISHED = {
    "mob-rep1": Published.replicate(1, "9624cdb5954f3f48f95574bb31d654d13b4fec5928dd73fcc78d580bce5fa51d"),
    "mob-rep2": Published.replicate(2, "b0d95678ea8fecfed5dc7365503f79f5c01f8066127aad677f8dd92cfd520eb8"),
}


def published_path(name: str) -> Path:
    """The count matrix of a published section, its image and alignment beside it.

    It is taken from the folder that the environment variable CONCEPTSTAIN_DATA names, where that holds it (gzipped or
    not, in its subfolder ``mob`` or not); else from the cache of earlier downloads; else from the server.

    Raises
    ------
    ReadingError
        It can neither be found nor downloaded, or what was found is not what was published.
    """
    sample = PUBLISHED[name]
    return _in_data_folder(sample) or _downloaded(name, sample)


def _in_data_folder(sample: Published) -> Path | None:
    root = os.environ.get(DATA)
    if not root:
        return None
    for folder in FOLDERS:
        for ending in ("", ".gz"):
            path = Path(root) / folder / f"{sample.table}{ending}"
            if path.is_file():
                _check(path, sample)
                return path
    return None


def _check(path: Path, sample: Published) -> None:
    """Refuse a matrix that is not the published one."""
    found = hashlib.sha256()
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while part := file.read(2**20):
                found.update(part)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadingError(
            f"{path.name} cannot be read", got=str(error), cure=f"Replace it, or unset {DATA}"
        ) from error
    if found.hexdigest() != sample.sha256:
        raise ReadingError(
            f"{path.name} is not the published file",
            got=f"SHA-256 {found.hexdigest()[:12]}..., not {sample.sha256[:12]}...",
            cure=f"Replace it, or unset {DATA} to have it downloaded",
        )


def _downloaded(name: str, sample: Published) -> Path:
    import pooch

    folder = pooch.os_cache("napari-conceptstain") / name
    table = ""
    for file in (*sample.beside, sample.table):
        known = f"sha256:{sample.sha256}" if file == sample.table else None
        try:
            table = pooch.retrieve(
                SERVER + file, known, fname=file, path=folder, downloader=pooch.HTTPDownloader(timeout=SECONDS)
            )
        except (OSError, ValueError) as error:  # no network or no such file; another checksum
            files = ", ".join((sample.table, *sample.beside))
            raise ReadingError(
                f"The section {name} cannot be downloaded",
                got=f"{type(error).__name__} for {SERVER}{file}",
                cure=f"Try again with a network; or put {files} into one folder and set {DATA} to it",
            ) from error
    return Path(table)
