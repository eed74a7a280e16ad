"""Writing the results of a command: all files are made before the first is put in its place."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from conceptstain.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section
    from conceptstain.concepts.concept import Concept
    from conceptstain.methods.finding import Finding
    from conceptstain.nets.encoder import Encoder

__all__ = ["CONTROLS", "EVIDENCE", "FORMATS", "check_targets", "file_stem", "write_results"]

CONTROLS, EVIDENCE = "-controls.csv", "-evidence.csv"
FORMATS = (".h5ad", "-spots.csv", "-genes.csv", ".svg", ".pdf", ".png")


def file_stem(*names: str) -> str:
    """A file name without ending, that every system takes."""
    return "-".join(re.sub(r"[^\w.+]+", "_", name).strip("._")[:80] or "unnamed" for name in names)


def check_targets(out: Path, stem: str, section: Section, *, overwrite: bool, formats: Sequence[str] = FORMATS) -> None:
    """Refuse, before anything is computed, a folder that cannot be written to and files that are to stay."""
    if out.exists() and not out.is_dir():
        raise InputError("Results are written into a folder", got=f"the file {out}", cure="Give a folder with --out")
    for target in (out / f"{stem}{ending}" for ending in formats):
        if section.path is not None and target.resolve() == section.path.resolve():
            raise InputError(
                "Results are not written over the file they were made from",
                got=str(target),
                cure="Choose another --out",
            )
        if target.is_dir():
            raise InputError("A file cannot be written in the place of a folder", got=str(target), cure="Rename it")
        if target.exists() and not overwrite:
            raise InputError(
                "The file exists already", got=str(target), cure="Choose another --out, or add --overwrite"
            )


def write_results(
    out: Path,
    stem: str,
    canvas: GenePictures,
    maps: Sequence[Finding],
    encoder: Encoder,
    *,
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

    tables = tables or {}
    check_targets(out, stem, canvas.section, overwrite=overwrite, formats=(*FORMATS, *tables))
    try:
        out.mkdir(parents=True, exist_ok=True)
        drawn = figure(canvas, *maps, *beside, settings=FigureSettings(columns=len(maps) if beside else None))
        with tempfile.TemporaryDirectory(prefix=".conceptstain-", dir=out) as folder:
            names = [Path(folder) / f"{stem}{ending}" for ending in FORMATS]
            for path in names:
                if path.suffix in {".svg", ".pdf", ".png"}:
                    save_figure(drawn, path)
                else:
                    table = "genes" if path.name.endswith("-genes.csv") else "spots"
                    export(path, canvas, maps, encoder, concepts=concepts, table=table)
            for ending, content in tables.items():
                names.append(write_table(content, Path(folder) / f"{stem}{ending}"))
            return [path.replace(out / path.name) for path in names]
    except OSError as error:
        raise InputError(
            "The results cannot be written there", got=error.strerror or str(error), cure="Choose another --out"
        ) from error
