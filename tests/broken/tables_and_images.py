"""Count tables and tissue images."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from broken.making import Make, bytes_of, h5ad, halved, noted, refused
from written import table_text, write_image


def table(text: str | None = None, encoding: str = "utf-8", **parts: Any) -> Make:
    return bytes_of((table_text(**parts) if text is None else text).encode(encoding), "a.tsv")


def packed_half(folder: Path) -> Path:
    content = gzip.compress(table_text(values=np.arange(12).reshape(4, 3).tolist()).encode())
    (folder / "a.tsv.gz").write_bytes(content[: len(content) * 2 // 3])
    return folder / "a.tsv.gz"


def packed_noise(folder: Path) -> Path:
    (folder / "a.tsv.gz").write_bytes(gzip.compress(b"")[:10] + b"noise" * 20)
    return folder / "a.tsv.gz"


for name, says, make in (
    ("an empty table", "is empty", table("")),
    ("a table of empty lines", "is empty", table("\n\n  \n")),
    ("a table of a header", "header and no spots", table("\tPenk\tTh\n")),
    ("a table with commas", "not separated by tabs", table(delimiter=",")),
    ("a table with semicolons", "not separated by tabs", table(delimiter=";")),
    ("a table in Latin-1", "not UTF-8", table(genes=("Pénk", "Th", "Omp"), encoding="latin-1")),
    ("a table in UTF-16", "not|UTF-8", table(encoding="utf-16")),
    ("rows of different lengths", "line 3", table(table_text().replace("\t4\t0\t0", "\t4\t0"))),
    ("a cell that is missing", "not a number.*NaN", table(values=((0, "NaN", 1),) * 4)),
    ("a cell that is infinite", "not a number.*inf", table(values=((0, "inf", 1),) * 4)),
    ("a cell that is a word", "not a number", table(values=((0, "many", 1),) * 4)),
    ("a cell with a decimal comma", "decimal point", table(values=((0, "1,5", 1),) * 4)),
    ("a negative cell", "negative values", table(values=((0, -2, 1),) * 4)),
    ("a table of zeros", "No gene is expressed", table(values=((0, 0, 0),) * 4)),
    ("rows without a place", "does not say where", table(spots=("a", "b", "c", "d"))),
    ("genes as rows", "genes as rows", table("\t1x1\t2x1\nPenk\t1\t2\nTh\t0\t3\n")),
    ("two rows at one place", "twice|same", table(spots=("1x1", "1x1", "2x1", "2x2"))),
    ("two genes of one name in a table", "same gene", table(genes=("Penk", "Penk", "Th"))),
    ("half a gzip file", "not a whole gzip file", packed_half),
    ("noise called gzip", "not a whole gzip file", packed_noise),
    ("bytes that are no table", "missing|not", bytes_of(bytes(range(256)) * 20, "a.tsv")),
):
    refused(says, name)(make)

noted("decimal commas", "places with decimal commas")(table(spots=("1,0x1,1", "2,0x1,0", "1,0x2,0", "2,1x2,0")))
noted("Positions are array positions", "a table with a mark of byte order")(table("\ufeff" + table_text()))
noted("Positions are array positions", "a table with the lines of Windows")(table(table_text().replace("\n", "\r\n")))
noted("not whole numbers", "a table of fractions")(table(values=((0, 0.5, 1),) * 4))


@refused("too large to be read as text", **{"conceptstain.canvas.count_table.LARGEST_TEXT": 10_000})
def a_gzip_file_that_unpacks_to_more_than_allowed(folder: Path) -> Path:
    (folder / "a.tsv.gz").write_bytes(gzip.compress(b"\t" * 10_000_000))
    return folder / "a.tsv.gz"


def beside(image: Callable[[Path], Path]) -> Make:
    def make(folder: Path) -> tuple[Path, dict[str, Any]]:
        path = h5ad(lambda adata: None)(folder)
        assert isinstance(path, Path)
        return path, {"image": image(folder)}

    return make


def claimed_png(folder: Path) -> Path:
    path = write_image(folder / "he.png", 20, 20)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 200_000, 200_000)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    path.write_bytes(bytes(content))
    return path


def cut_jpg(folder: Path) -> Path:
    path = write_image(folder / "he.jpg", 300, 300)
    halved(path)
    return path


def deep_grey(folder: Path) -> Path:
    Image.fromarray(np.zeros((300, 300), dtype=np.uint16)).save(folder / "he.tif")
    return folder / "he.tif"


def image_bytes(content: bytes) -> Callable[[Path], Path]:
    return bytes_of(content, "he.png")  # type: ignore[return-value]


for name, says, image in (
    ("an image of 40 gigapixels", "too large to be opened", claimed_png),
    ("half an image", "cannot be read", cut_jpg),
    ("an empty image", "cannot be read", image_bytes(b"")),
    ("text called image", "cannot be read", image_bytes(b"<html>")),
    ("an image of 16 bits", "no colours", deep_grey),
    ("an image that is gone", "There is no image", lambda folder: folder / "gone.png"),
):
    refused(says, name)(beside(image))
