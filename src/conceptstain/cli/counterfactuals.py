"""Counterfactuals from the command line: ``counterfactual``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.network_files import canvas_and_decoder, classifier_at
from conceptstain.cli.options import AnySource, ClassifierFile, DecoderFile, Overwrite, SectionName, Seed
from conceptstain.cli.results import check_files, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.canvas import Canvas
    from conceptstain.methods.counterfactual import Counterfactual
    from conceptstain.nets.classifier import Classifier

__all__ = ["counterfactual"]

TABLE, STRIPS, BOUNDARY = ".csv", "-strips.svg", "-boundary.svg"
MOST_ITEMS = 200  # that are asked about where none is named


class Way(StrEnum):
    """How the path is found, in the order of ``methods.counterfactual_settings.METHODS``."""

    PROXIMAL_PATH = "proximal-path"
    LINE_SEARCH = "line-search"
    GRADIENT = "gradient"
    PUBLISHED = "published"


def counterfactual(  # noqa: PLR0917 - options, which typer passes by name
    source: AnySource,
    classifier: ClassifierFile,
    encoder: DecoderFile,
    target: Annotated[str, typer.Option(help="The class that items are to become.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    items: Annotated[
        str | None,
        typer.Option(
            help="Names of items, separated by commas.", show_default="the first 200 of other classes, by --origin"
        ),
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="Only items that are taken for this class.", show_default="any other")
    ] = None,
    second: Annotated[
        Path | None, typer.Option(help="A second classifier, which confirms.", show_default=False)
    ] = None,
    link: Annotated[
        Path | None, typer.Option(help="A link from link; needed by published.", show_default=False)
    ] = None,
    method: Annotated[Way, typer.Option(help="How the path is found.")] = Way.PROXIMAL_PATH,
    probability: Annotated[
        float | None, typer.Option(help="Of the target, at which the search ends.", show_default="as the method has it")
    ] = None,
    section_name: SectionName = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Find what would have to change in items for a classifier to take them for another class."""
    with told():
        from conceptstain.methods.counterfactual_search import counterfactual as searched
        from conceptstain.methods.counterfactual_settings import METHODS, CounterfactualSettings
        from conceptstain.methods.link_file import load_link

        settings = CounterfactualSettings(probability=probability, seed=seed)
        recogniser = classifier_at(classifier)
        judge = None if second is None else classifier_at(second)
        canvas, network = canvas_and_decoder(source, encoder, section_name)
        linked = None if link is None else load_link(link)
        recogniser.number(target)
        for note in canvas.source.notes:
            typer.echo(f"  {note}")
        stem = file_stem(canvas.source.name, f"to {target}")
        endings = [TABLE, BOUNDARY] if len(canvas.shape) < 3 else [TABLE, STRIPS, BOUNDARY]
        given = [source, classifier, encoder, *(path for path in (second, link) if path is not None)]
        check_files(out, [out / f"{stem}{ending}" for ending in endings], given, overwrite=overwrite)
        chosen = _chosen(canvas, recogniser, items, origin, target)
        line = ProgressLine()
        try:
            found = searched(
                recogniser,
                network,
                canvas,
                chosen,
                target,
                link=linked,
                method=METHODS[list(Way).index(method)],
                settings=settings,
                second=judge,
                report=line,
            )
        finally:
            line.close()
        typer.echo(found.sentence)
        say_written(_write(found, out, stem))


def _chosen(canvas: Canvas, classifier: Classifier, items: str | None, origin: str | None, target: str) -> list[int]:
    """Items by name; else the first of the class that is asked for, or of any but the target."""
    from conceptstain.methods.counterfactual_known import told_of

    if items is not None:
        if origin is not None:
            raise InputError(
                "Items are named, or found by their class", got=f"--origin {origin}", cure="Leave out one of the two"
            )
        return [canvas.item(name.strip()) for name in items.split(",")]
    predicted = told_of(canvas, classifier, canvas.trainable)
    of = predicted != classifier.number(target) if origin is None else predicted == classifier.number(origin)
    chosen = canvas.trainable[of][:MOST_ITEMS]
    if not len(chosen):
        raise InputError(
            "There is no item to ask about",
            got=f"none taken for {origin or f'anything but {target}'}",
            cure="Name items with --items",
        )
    return [int(item) for item in chosen]


def _write(found: Counterfactual, out: Path, stem: str) -> list[Path]:
    """The table; of pictures also their paths, where any arrived, and the boundary, where any was asked."""
    from conceptstain.counterfactual_figures import boundary_figure, counterfactual_figure
    from conceptstain.figures import save_figure
    from conceptstain.methods.decision_boundary import decision_boundary

    endings = [TABLE]
    with put_together(out) as folder:
        found.table.to_csv(folder / f"{stem}{TABLE}")
        if found.start.ndim == 4 and (found.success & found.asked).any():
            endings.append(STRIPS)
            save_figure(counterfactual_figure(found), folder / f"{stem}{STRIPS}")
        if found.asked.any():
            endings.append(BOUNDARY)
            save_figure(boundary_figure(decision_boundary(found)), folder / f"{stem}{BOUNDARY}")
    return [out / f"{stem}{ending}" for ending in endings]
