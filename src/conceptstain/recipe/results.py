"""The files that a replay writes: all of them are made before the first is put in its place."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from conceptstain.errors import InputError
from conceptstain.exporting import spot_table, write_table
from conceptstain.figures import FigureSettings, figure, save_figure
from conceptstain.recipe.ingredients import AGAIN
from conceptstain.recipe.schema import Recipe
from conceptstain.study import Study
from conceptstain.study.saving import save_study

__all__ = ["CONTROLS", "EVIDENCE", "check_out", "names_of", "write_results"]

STUDY, SPOTS, METHODS = "study.h5ad", "spots.csv", "methods.txt"
EVIDENCE, CONTROLS = "evidence.csv", "controls.csv"


def names_of(recipe: Recipe) -> list[str]:
    """Names of all files that a replay may write."""
    return [STUDY, SPOTS, EVIDENCE, CONTROLS, METHODS, *(each.file for each in recipe.figures)]


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
            _write_into(recipe, study, tables, folder)
            made = sorted(folder.iterdir())
            check_out(out, [path.name for path in made], overwrite=overwrite)
            for path in made:
                path.replace(out / path.name)
    except OSError as error:
        raise InputError(
            "The results cannot be written there", got=error.strerror or str(error), cure="Choose another folder"
        ) from error
    return tuple(out / path.name for path in made)


def _write_into(recipe: Recipe, study: Study, tables: dict[str, pd.DataFrame], folder: Path) -> None:
    canvas = study.need_genes()
    save_study(study, folder / STUDY)
    if study.findings:
        write_table(spot_table(canvas, study.findings), folder / SPOTS)
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
