"""Why a classifier took an item for what it did, from the command line: ``explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.dissection import labels_of_places
from conceptstain.cli.network_files import canvas_and_network, classifier_at
from conceptstain.cli.options import AnySource, Overwrite, SectionName
from conceptstain.cli.results import check_files, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.class_labels import ClassLabels
    from conceptstain.canvas.label_maps import LabelMaps
    from conceptstain.canvas.part_labels import PartLabels
    from conceptstain.methods.dissection_passes import Canvas
    from conceptstain.methods.explanation import Explanation
    from conceptstain.nets.classifier import Classifier

__all__ = ["explain"]

ENDINGS = ("-units.csv", ".svg", ".png")
FOLDERS = "folders"


def explain(  # noqa: PLR0917 - options, which typer passes by name
    source: AnySource,
    weights: Annotated[Path, typer.Option(help="A classifier from fit-classifier.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    item: Annotated[
        str | None,
        typer.Option(
            help="Name of the spot, picture or patch.", show_default="with --truth, the one taken most wrongly"
        ),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Whose score is explained.", show_default="what it was taken for")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Another class.", show_default="what it is, where it was taken wrongly")
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option(
            help='What items are: a column of obs, "folders", or a table and its column, classes.csv:kind.',
            show_default="of parts, --masks",
        ),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="A layer, such as conv3.", show_default="the last")] = None,
    annotation: Annotated[
        list[str] | None,
        typer.Option(help="What units are named by: of sections, a column of obs; repeatable.", show_default="all"),
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Label images of the pictures, or of the slide.", show_default=False)
    ] = None,
    names: Annotated[
        str | None, typer.Option(help="What 1, 2, 3, ... of --masks mean, separated by commas.", show_default="numbers")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Attributes of whole pictures: a table, a row each.", show_default=False)
    ] = None,
    colours: Annotated[bool, typer.Option("--colours", help="The colours of the pictures as labels, too.")] = False,
    quantile: Annotated[
        float | None,
        typer.Option(
            help="The part of the places at which a unit is active.", show_default="0.005; on tissue the median label's"
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Units in the figure.")] = 8,
    section_name: SectionName = None,
    overwrite: Overwrite = False,
) -> None:
    """Explain what a classifier took an item for by its units: what each added, what it sees and where it is active."""
    with told():
        from conceptstain.methods.dissecting import dissect
        from conceptstain.methods.explanation import explain as explained

        canvas, _ = canvas_and_network(source, weights, section_name)
        classifier = classifier_at(weights)
        named_by = labels_of_places(
            canvas,
            columns=annotation or (),
            masks=masks,
            names=names,
            instances=None,
            table=table,
            colours=colours,
        )
        known = _truth(classifier, canvas, truth, named_by, masks)
        for note in (*canvas.source.notes, *named_by.notes):
            typer.echo(f"  {note}")
        chosen = item or _most_wrong(classifier, canvas, known)
        stem = file_stem(canvas.source.name, "explained", chosen)
        check_files(out, [out / f"{stem}{ending}" for ending in ENDINGS], [source], overwrite=overwrite)
        line = ProgressLine()
        try:
            found = dissect(
                classifier.encoder, layer or _last(classifier), canvas, named_by, quantile=quantile, report=line
            )
        finally:
            line.close()
        made = explained(classifier, found, canvas, chosen, class_name=class_name, against=against, labels=known)
        typer.echo(made.sentence)
        _write(made, canvas, out, stem, most)


def _last(classifier: Classifier) -> str:
    from conceptstain.nets.tap import encoder_layers

    return classifier.places or encoder_layers(classifier.encoder)[-1]


def _truth(
    classifier: Classifier, canvas: Canvas, truth: str | None, named_by: LabelMaps, masks: Path | None
) -> ClassLabels | PartLabels | None:
    """What items are; of parts what pixels are, where masks say that of the classifier's classes."""
    from conceptstain.canvas.class_labels import class_labels
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.part_labels import part_labels

    if classifier.parts:
        if truth is not None:
            raise InputError("Of parts, masks say what they are", got=f"--truth {truth}", cure="Give --masks instead")
        known = {label.name for label in named_by.labels}
        parts = [name for name in classifier.classes if name in known]
        if masks is None or not parts or not isinstance(canvas, ImageSet | ImagePatches):
            return None
        others = [name for name in classifier.classes if name not in known]
        return part_labels(canvas, named_by, names=parts, background=others[0] if len(others) == 1 else None)
    if truth is None:
        return None
    if truth == FOLDERS:
        return class_labels(canvas, folders=True)
    if isinstance(canvas, ImageSet | ImagePatches):
        file, _, column = truth.rpartition(":")
        whole = not file or Path(truth).exists()  # a path of Windows has a colon, too
        return class_labels(canvas, table=truth if whole else file, column=None if whole else column)
    return class_labels(canvas, obs=truth)


def _most_wrong(classifier: Classifier, canvas: Canvas, known: ClassLabels | PartLabels | None) -> str:
    """The item whose score of a wrong class is farthest above that of its own."""
    import numpy as np

    from conceptstain.canvas.class_labels import ClassLabels

    if not isinstance(known, ClassLabels):
        raise InputError(
            "Which item is explained?", got="none", cure="Name one (--item), or say what they are: --truth"
        )
    rows = np.array([classifier.classes.index(name) if name in classifier.classes else -1 for name in known.classes])
    items = known.labelled[rows[known.codes[known.labelled]] >= 0]
    scores = classifier.scores(canvas, items) if len(items) else np.zeros((0, 1))
    own = scores[np.arange(len(items)), rows[known.codes[items]]]
    above = scores.max(axis=1) - own if len(items) else np.zeros(0)
    if not len(items) or above.max() <= 0:
        raise InputError(
            "No item is taken wrongly", got=f"{len(items)} with a known class", cure="Name the one to explain (--item)"
        )
    return str(canvas.item_names[items[above.argmax()]])


def _write(made: Explanation, canvas: Canvas, out: Path, stem: str, most: int) -> None:
    from conceptstain.explanation_figures import explanation_figure
    from conceptstain.figures import save_figure

    drawn = explanation_figure(made, canvas, most=most)
    with put_together(out) as folder:
        for ending in ENDINGS:
            if ending.endswith(".csv"):
                made.table().to_csv(folder / f"{stem}{ending}")
            else:
                save_figure(drawn, folder / f"{stem}{ending}")
    say_written([out / f"{stem}{ending}" for ending in ENDINGS])
