"""Writing the results of a command: all files are made before the first is put in its place."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from conceptstain.errors import InputError
from conceptstain.writing import take_place

if TYPE_CHECKING:
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section
    from conceptstain.concepts.concept import Concept
    from conceptstain.methods.finding import Finding
    from conceptstain.nets.encoder import Encoder

__all__ = [
    "CONTROLS",
    "EVIDENCE",
    "FORMATS",
    "GENES",
    "SCORE_FORMATS",
    "SPATIALDATA",
    "SPOTS",
    "check_files",
    "check_targets",
    "file_stem",
    "formats_with",
    "put_together",
    "write_results",
]

CONTROLS, EVIDENCE = "-controls.csv", "-evidence.csv"
SPOTS, GENES = "-spots.csv", "-genes.csv"
SPATIALDATA = ".zarr"
SCORE_FORMATS = (".h5ad", SPOTS, ".svg", ".pdf", ".png")
FORMATS = (".h5ad", SPOTS, GENES, ".svg", ".pdf", ".png")


def file_stem(*names: str) -> str:
    """A file name without ending, that every system takes."""
    return "-".join(re.sub(r"[^\w.+]+", "_", name).strip("._")[:80] or "unnamed" for name in names)


def formats_with(formats: Sequence[str], *, spatialdata: bool) -> tuple[str, ...]:
    """The formats, and SpatialData where it is asked for; an InputError where that needs what is not installed."""
    if not spatialdata:
        return tuple(formats)
    from conceptstain.spatialdata_file import need_spatialdata

    need_spatialdata()
    return (*formats, SPATIALDATA)


def check_targets(out: Path, stem: str, section: Section, *, overwrite: bool, formats: Sequence[str] = FORMATS) -> None:
    """Refuse, before anything is computed, a folder that cannot be written to and files that are to stay."""
    targets = [out / f"{stem}{ending}" for ending in formats]
    check_files(out, targets, [] if section.path is None else [section.path], overwrite=overwrite)


def check_files(out: Path, targets: Sequence[Path], sources: Sequence[Path], *, overwrite: bool) -> None:
    """As :func:`check_targets`, for any files, which are not to take the place of the sources."""
    if out.exists() and not out.is_dir():
        raise InputError("Results are written into a folder", got=f"the file {out}", cure="Give a folder with --out")
    for target in targets:
        if target.resolve() in {source.resolve() for source in sources}:
            raise InputError(
                "Results are not written over the file they were made from",
                got=str(target),
                cure="Choose another --out",
            )
        is_folder = target.suffix == SPATIALDATA
        if target.exists() and (target.is_dir() != is_folder or (is_folder and not _is_zarr(target))):
            raise InputError("Something of another kind is in the way", got=str(target), cure="Rename it")
        if target.exists() and not overwrite:
            raise InputError(
                "The file exists already", got=str(target), cure="Choose another --out, or add --overwrite"
            )


def write_results(
    out: Path,
    stem: str,
    canvas: GenePictures,
    maps: Sequence[Finding],
    encoder: Encoder | None,
    *,
    formats: Sequence[str] = FORMATS,
    concepts: Sequence[Concept] | None = None,
    beside: Sequence[str] = (),
    tables: Mapping[str, pd.DataFrame] | None = None,
    overwrite: bool,
) -> list[Path]:
    """Write all formats into a folder of their own, then move them out together.

    ``beside`` are genes to draw too, ``tables`` more tables to write, by the ending of their names.
    """
    from conceptstain.exporting import export, write_table
    from conceptstain.figures import FigureSettings, figure, save_figure
    from conceptstain.spatialdata_file import write_spatialdata

    tables = tables or {}
    check_targets(out, stem, canvas.section, overwrite=overwrite, formats=(*formats, *tables))
    with put_together(out) as folder:
        drawn = figure(canvas, *maps, *beside, settings=FigureSettings(columns=len(maps) if beside else None))
        names = [folder / f"{stem}{ending}" for ending in formats]
        for path in names:
            if path.suffix in {".svg", ".pdf", ".png"}:
                save_figure(drawn, path)
            elif path.suffix == SPATIALDATA:
                write_spatialdata(path, canvas, maps, encoder, concepts=concepts)
            else:
                table = "genes" if path.name.endswith(GENES) else "spots"
                export(path, canvas, maps, encoder, concepts=concepts, table=table)
        names += [write_table(content, folder / f"{stem}{ending}") for ending, content in tables.items()]
    return [out / path.name for path in names]


def _is_zarr(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in ("zarr.json", ".zgroup", ".zattrs"))


@contextmanager
def put_together(out: Path) -> Iterator[Path]:
    """A folder beside the results; what was written to it moves to ``out`` when all of it is there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".conceptstain-", dir=out) as name:
            folder = Path(name)
            yield folder
            for path in sorted(folder.iterdir()):
                if path.is_dir():
                    take_place(path, out / path.name)
                else:
                    path.replace(out / path.name)
    except OSError as error:
        raise InputError(
            "The results cannot be written there", got=error.strerror or str(error), cure="Choose another --out"
        ) from error
