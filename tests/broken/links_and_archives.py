"""Links, names and archives."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

from broken.making import Make, bytes_of, h5ad, noted, refused


@noted("Counts are read from X")
def a_link_to_a_section(folder: Path) -> Path:
    (folder / "real").mkdir()
    (folder / "link.h5ad").symlink_to(h5ad(lambda adata: None)(folder / "real"))
    return folder / "link.h5ad"


@refused("There is no file")
def a_link_to_nowhere(folder: Path) -> Path:
    (folder / "a.h5ad").symlink_to(folder / "gone.h5ad")
    return folder / "a.h5ad"


@refused("There is no file")
def links_to_each_other(folder: Path) -> Path:
    (folder / "a.h5ad").symlink_to(folder / "b.h5ad")
    (folder / "b.h5ad").symlink_to(folder / "a.h5ad")
    return folder / "a.h5ad"


@noted("Counts are read from X")
def a_name_of_many_scripts(folder: Path) -> Path:
    path = h5ad(lambda adata: None)(folder)
    return path.rename(folder / "Schnitt 1 – 組織 #%.h5ad")


@refused("not a kind of file")
def a_folder_called_h5ad(folder: Path) -> Path:
    (folder / "a.h5ad").mkdir()
    return folder / "a.h5ad"


def zipped(name: str, *, mode: int = 0o644, archive: str = "a.zarr.zip") -> Make:
    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / archive, "w") as file:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            file.writestr(entry, "/etc/passwd")
        return folder / archive

    return make


refused("points to other files", "a zip that climbs out")(zipped("../../etc/passwd"))
refused("points to other files", "a zip with an absolute name")(zipped("/etc/passwd"))
refused("points to other files", "a zip that climbs out as Windows does")(zipped("a\\..\\..\\passwd"))
refused("points to other files", "a zip with a name of a drive")(zipped("C:/passwd"))
refused("points to other files", "a zip with a link in it")(zipped("zarr.json", mode=0o120777))
refused("is an archive", "a zip of something")(zipped("a.h5ad", archive="a.zip"))
refused("cannot be read as|holds no AnnData", "a zip without zarr in it")(zipped("readme.txt"))
refused("cannot be read as a zip", "noise called zip")(bytes_of(b"PK\x03\x04noise", "a.zarr.zip"))


@refused("claims more than can be opened")
def a_zip_that_unpacks_to_terabytes(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "a.zarr.zip", "w") as file:
        for index in range(5):
            file.writestr(f"c/{index}", "x")
    content = bytearray((folder / "a.zarr.zip").read_bytes())
    start = 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:
        content[start + 24 : start + 28] = struct.pack("<I", 0xFFFFFFF0)
        start += 4
    (folder / "a.zarr.zip").write_bytes(bytes(content))
    return folder / "a.zarr.zip"


@refused("is an archive")
def a_tar_that_climbs_out(folder: Path) -> Path:
    with tarfile.open(folder / "slide.tar.gz", "w:gz") as file:
        entry = tarfile.TarInfo("../../etc/cron.d/x")
        entry.size = 1
        file.addfile(entry, io.BytesIO(b"x"))
    return folder / "slide.tar.gz"
