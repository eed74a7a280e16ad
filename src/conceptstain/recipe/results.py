"""The files that a replay writes: all of them are made before the first is put in its place."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.errors import InputError
from conceptstain.exporting import spot_table, write_table
from conceptstain.figures import FigureSettings, figure, save_figure
from conceptstain.methods.item_score import ItemScore
from conceptstain.picture_tables import item_table
from conceptstain.raster_file import write_raster
from conceptstain.recipe.ingredients import AGAIN
from conceptstain.recipe.records import DeviationScoreRecord, ItemScoreRecord
from conceptstain.recipe.schema import Recipe
from conceptstain.study import Study
from conceptstain.study.picture_records import SlideRecord
from conceptstain.study.saving import save_study

__all__ = ["CONTROLS", "EVIDENCE", "check_out", "names_of", "write_results"]

STUDY, SPOTS, ITEMS, METHODS = "study.h5ad", "spots.csv", "scores.csv", "methods.txt"
EVIDENCE, CONTROLS = "evidence.csv", "controls.csv"
RASTER = "-scores.ome.tif"


def names_of(recipe: Recipe) -> list[str]:
    """Names of all files that a replay may write."""
    table = SPOTS if recipe.shown is None else ITEMS
    rasters = raster_names(recipe).values()
    return [STUDY, table, EVIDENCE, CONTROLS, METHODS, *rasters, *(each.file for each in recipe.figures)]


def raster_names(recipe: Recipe) -> dict[int, str]:
    """Names of the files of painted scores of a slide, by the number of the map."""
    names: dict[int, str] = {}
    shown, known = recipe.shown, recipe.tables.definitions
    if not isinstance(shown, SlideRecord) or shown.to_world[0][1] or shown.to_world[1][0]:
        return names  # a TIFF cannot say that it is turned
    for number, record in enumerate(recipe.maps):
        if isinstance(record, ItemScoreRecord | DeviationScoreRecord):
            called = known[record.concept].name if record.concept in known else ""
            stem = re.sub(r"[^\w+.-]+", "-", called, flags=re.ASCII).strip("-.")[:80] or "concept"
            name = f"{stem}{RASTER}"
            names[number] = f"{stem}-{number}{RASTER}" if name in names.values() else name
    return names


def write_results(
    recipe: Recipe, study: Study, tables: dict[str, pd.DataFrame], out: Path, *, overwrite: bool
) -> tuple[Path, ...]:
    """Write the study, its tables (by the names of their files), figures and methods.

    Raises
    ------
    InputError
        The folder cannot be written to, or holds a file of one of these names that is to stay.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".conceptstain-", dir=out) as name:
            folder = Path(name)
            _write_into(recipe, study, tables, folder, out)
            made = sorted(folder.iterdir())
            check_out(out, [path.name for path in made], overwrite=overwrite)
            for path in made:
                path.replace(out / path.name)
    except OSError as error:
        raise InputError(
            "The results cannot be written there", got=error.strerror or str(error), cure="Choose another folder"
        ) from error
    return tuple(out / path.name for path in made)


def _write_into(recipe: Recipe, study: Study, tables: dict[str, pd.DataFrame], folder: Path, out: Path) -> None:
    canvas = study.need_canvas()
    save_study(study, folder / STUDY, final=out / STUDY)
    if isinstance(canvas, GenePictures):
        if study.findings:
            write_table(spot_table(canvas, study.findings), folder / SPOTS)
    else:
        write_table(item_table(canvas, study.findings), folder / ITEMS)
    for number, name in raster_names(recipe).items():
        made = study.findings[number]
        if isinstance(made, ItemScore) and isinstance(canvas, ImagePatches):
            write_raster(made.raster(canvas), folder / name)
    for name, table in tables.items():
        write_table(table, folder / name)
    (folder / METHODS).write_text(recipe.methods_paragraph() + "\n", encoding="utf-8")
    for each in recipe.figures:
        numbers = range(len(study.findings)) if each.maps is None else each.maps
        if any(number >= len(study.findings) for number in numbers):
            raise InputError(
                "A figure asks for a map that the recipe does not have", got=f"map {max(numbers)}", cure=AGAIN
            )
        shown = [study.findings[number] for number in numbers]
        save_figure(figure(canvas, *shown, settings=FigureSettings(columns=each.columns)), folder / each.file)


def check_out(out: Path, names: Sequence[str], *, overwrite: bool) -> None:
    """Refuse a folder that is none, and files that are to stay; an InputError."""
    if out.exists() and not out.is_dir():
        raise InputError("Results are written into a folder", got=f"the file {out}", cure="Give a folder")
    there = [name for name in names if (out / name).exists()]
    if there and (not overwrite or any((out / name).is_dir() for name in there)):
        raise InputError(
            "A file exists already", got=str(out / there[0]), cure="Choose another folder, or allow it to be replaced"
        )
