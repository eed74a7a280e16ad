"""Recipes from the command line: ``run``, and writing that of ``stain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.options import Overwrite
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.concepts.concept import Concept
    from conceptstain.methods.attribution import Attribution
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.nets.encoder import Encoder

__all__ = ["RecipeOption", "check_recipe", "run", "write_recipe_of"]

RecipeOption = Annotated[
    Path | None,
    typer.Option("--recipe", help="Also write how it was made (.yaml), for the command run.", show_default=False),
]


def run(
    recipe: Annotated[Path, typer.Argument(help="A recipe (.yaml).", show_default=False)],
    data: Annotated[
        Path, typer.Option(help="Folder of the section's file, or of the pictures; or the slide.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    weights: Annotated[Path | None, typer.Option(help="Folder of encoders.", show_default="the recipe's own")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Do a study over again from its recipe: the same maps, evidence, controls, figures and a methods paragraph."""
    with told():
        from conceptstain.recipe import Recipe

        asked = Recipe.read(recipe)
        line = ProgressLine()
        try:
            done = asked.run(data, out, weights=weights or recipe.parent, overwrite=overwrite, report=line)
        finally:
            line.close()
        for sentence in done.told:
            typer.echo(sentence)
        say_written(done.written)


def check_recipe(path: Path | None, *, sampled: bool, overwrite: bool) -> None:
    """Refuse, before anything is computed, a recipe that could not be written."""
    if path is None:
        return
    from conceptstain.writing import check_writable

    if path.suffix.lower() not in {".yaml", ".yml"}:
        raise InputError("A recipe is written as YAML", got=path.name, cure="End the name in .yaml")
    if sampled:
        raise InputError(
            "Sampled latents cannot be replayed", got="--recipe and --sampled-latents", cure="Give one of them"
        )
    check_writable(path, overwrite=overwrite)


def write_recipe_of(
    path: Path,
    canvas: GenePictures,
    encoder: Encoder,
    concept: Concept,
    painted: Sequence[Attribution],
    *,
    maps: Sequence[str],
    nulls: int,
    seed: int,
    settings: MapSettings,
    overwrite: bool,
) -> list[Path]:
    """Write the recipe of one stain, and beside it the weights of an encoder that does not come with the package."""
    from conceptstain.concepts.cross_fit import FOLDS
    from conceptstain.methods.maps import map_kind
    from conceptstain.recipe.records import ControlsRecord, EvidenceRecord
    from conceptstain.recipe.schema import Recipe
    from conceptstain.study import WONG, Entry, Snapshot
    from conceptstain.study.concept_list import ListState

    listed = ListState((Entry(concept.definition, WONG[0]),))
    recipe = Recipe.of(Snapshot(canvas=canvas, concepts=listed, findings=tuple(painted), encoder=encoder))
    key = recipe.concepts[0].definition
    tests = (EvidenceRecord(concept=key, by="genes", n_null=nulls, n_folds=FOLDS, seed=seed),) if nulls else ()
    asked = tuple(ControlsRecord(concept=key, map=each, seed=seed, **map_kind(each).heard(settings)) for each in maps)
    recipe = recipe.model_copy(update={"evidence": tests, "controls": asked})
    own = [] if recipe.encoder is None or recipe.encoder.bundled else [encoder]
    return list(recipe.write(path, encoders=own, overwrite=overwrite))
