"""Classifiers from the command line: ``fit-classifier``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.options import Overwrite, SectionName, Seed
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.class_labels import ClassLabels
    from conceptstain.canvas.part_labels import PartLabels
    from conceptstain.fitting import Learnable
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.confusion import Confusion

__all__ = ["BACKGROUND", "fit_classifier", "labels_said"]

FRAME = 64
FOLDERS = "folders"
BACKGROUND = "background"
SHOWN = 12  # classes of which a table of confusions still fits on a screen


def fit_classifier(  # noqa: PLR0917 - options, which typer passes by name
    source: Annotated[
        Path,
        typer.Argument(help='A section, or pictures: a folder, a stack, a pattern "*/*.png".', show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="File to write, .safetensors.", show_default=False)],
    labels: Annotated[
        str | None,
        typer.Option(help="Of spots, a column of obs, such as layer; of pictures, folders.", show_default=False),
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="A table of the items and its column: layers.csv:layer.", show_default=False)
    ] = None,
    parts: Annotated[
        Path | None, typer.Option(help="Label images of the pictures: tell parts of them.", show_default=False)
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(help="Of --parts, what 1, 2, 3, ... mean, separated by commas.", show_default="numbers"),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background/--no-background", help="Of --parts, whether 0 is a class of its own.")
    ] = True,
    folds: Annotated[
        int, typer.Option(min=0, help="Cross-validate by so many folds first, for an honest number; 0: not.")
    ] = 0,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data.", show_default="as many as it takes")
    ] = None,
    batch_norm: Annotated[
        bool | None,
        typer.Option(
            "--batch-norm/--no-batch-norm",
            help="Of pictures: normalise convolutions while they learn.",
            show_default="with --parts",
        ),
    ] = None,
    checkpoints: Annotated[
        str | None,
        typer.Option(help="Save it at these epochs, too, such as 0,1,2,5; 0: untrained.", show_default=False),
    ] = None,
    frame: Annotated[int | None, typer.Option(help="Side of pictures in pixels.", show_default=f"{FRAME}")] = None,
    section_name: SectionName = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Train a classifier on labelled spots or pictures, or on their parts, say how well it does, and save it."""
    with told():
        from conceptstain.classifying import ClassifierSettings, cross_validate_classifier
        from conceptstain.classifying import fit_classifier as fitted
        from conceptstain.nets.classifier import Classifier
        from conceptstain.nets.classifier_checkpoint import save_classifier
        from conceptstain.nets.kept_epochs import Checkpoints
        from conceptstain.writing import check_writable

        if out.suffix.lower() != ".safetensors":
            raise InputError("A classifier is saved as .safetensors", got=out.name, cure="End its name so")
        if (names or not background) and parts is None:
            raise InputError("This is a setting of parts", got="no --parts", cure="Leave it out")
        kept = None if checkpoints is None else Checkpoints[Classifier](_epochs(checkpoints))
        beside = {} if kept is None else {epoch: checkpoint_path(out, epoch) for epoch in kept.epochs}
        for path in (out, *beside.values()):
            check_writable(path, overwrite=overwrite)
        canvas = _canvas(source, section_name, frame)
        said = labels_said(canvas, labels, table, parts, names.split(",") if names else (), background=background)
        for note in (*canvas.source.notes, *said.notes):
            typer.echo(f"  {note}")
        settings = ClassifierSettings.of(canvas, parts=said.parts)
        training = replace(settings.training, epochs=epochs, seed=seed)
        training = training if batch_norm is None else replace(training, batch_norm=batch_norm)
        settings = replace(settings, training=training)
        line = ProgressLine()
        try:
            found = cross_validate_classifier(canvas, said, settings, folds=folds, report=line) if folds else None
            classifier = fitted(canvas, said, settings, checkpoints=kept, report=line)
        finally:
            line.close()
        typer.echo(
            f"Classifier {classifier.name}: {len(classifier.classes)} classes, {classifier.encoder.latent} latent "
            f"dimensions (fingerprint {classifier.fingerprint})."
        )
        if found is not None:
            low, high = min(found.folds), max(found.folds)
            _say(found.confusion, f"Cross-validated by {folds} folds ({low:.1%} to {high:.1%})", parts=said.parts)
        else:
            _say(_held_out(classifier), "Held out, which also chose the epoch", parts=said.parts)
        written = [save_classifier(classifier, out)]
        if kept is not None:
            written += [save_classifier(each, beside[epoch]) for epoch, each in kept.items()]
        say_written(written)


def checkpoint_path(out: Path, epoch: int) -> Path:
    """Beside the file of what was trained: parts-epoch-005.safetensors."""
    return out.with_name(f"{out.stem}-epoch-{epoch:03d}{out.suffix}")


def _epochs(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        raise InputError("Epochs are whole numbers", got=repr(text), cure="Such as --checkpoints 0,1,2,5") from error


def _canvas(source: Path, section_name: str | None, frame: int | None) -> Learnable:
    """A section as spots, or pictures; a slide as patches."""
    from conceptstain.canvas.images import Images
    from conceptstain.canvas.opening import open_source
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.slide import Slide

    if section_name is not None:
        from conceptstain.cli.choosing import opened

        return opened(source, name=section_name).view("spots")
    found: Section | Images | Slide = open_source(str(source))
    if isinstance(found, Section):
        if frame is not None:
            raise InputError("Spots have no frame", got=f"--frame {frame}", cure="Leave it out")
        return found.view("spots")
    if isinstance(found, Images):
        return found.view("images", frame=frame or FRAME)
    return found.view("patches", size=frame or FRAME)


def labels_said(
    canvas: Learnable,
    labels: str | None,
    table: str | None,
    parts: Path | None,
    names: Sequence[str],
    *,
    background: bool,
) -> ClassLabels | PartLabels:
    """What the one option that was given says."""
    from conceptstain.canvas.class_labels import class_labels
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.opening import open_source
    from conceptstain.canvas.painted_labels import painted_labels
    from conceptstain.canvas.part_labels import part_labels

    options = {"--labels": labels, "--table": table, "--parts": parts}
    given = [option for option, value in options.items() if value is not None]
    if len(given) != 1:
        raise InputError("Classes come from one place", got=" and ".join(given) or "none", cure="Give one of them")
    if labels is not None:
        return class_labels(canvas, folders=True) if labels == FOLDERS else class_labels(canvas, obs=labels)
    if table is not None:
        file, _, column = table.rpartition(":")
        exists = not file or Path(table).exists()  # a path of Windows has a colon, too
        return class_labels(canvas, table=table if exists else file, column=None if exists else column)
    if not isinstance(canvas, ImageSet | ImagePatches):
        raise InputError("Parts are painted on pictures", got=canvas.source.name, cure="Use --labels or --table")
    masks = open_source(str(parts), as_="slide") if isinstance(canvas, ImagePatches) else str(parts)
    maps = painted_labels(canvas, masks, names=["", *(name.strip() for name in names)] if names else None)
    return part_labels(canvas, maps, background=BACKGROUND if background else None)


def _held_out(classifier: Classifier) -> Confusion:
    import numpy as np

    from conceptstain.nets.confusion import Confusion

    return Confusion(classifier.classes, np.asarray(classifier.card["held out"]["confusion"], dtype=np.float64))


def _say(found: Confusion, how: str, *, parts: bool) -> None:
    """Accuracies beside what they have to beat, and what was taken for what."""
    import pandas as pd

    typer.echo(
        f"{how}: balanced accuracy {found.balanced_accuracy:.1%} (guessing {found.chance:.1%}), accuracy "
        f"{found.accuracy:.1%} (always the most frequent class {found.majority:.1%})."
    )
    recalls = dict(zip(found.classes, found.recalls, strict=True))
    if len(found.classes) > SHOWN:
        typer.echo(f"Recognised of each: {', '.join(f'{name} {part:.0%}' for name, part in recalls.items())}.")
        return
    there = found.counts.sum(axis=1, keepdims=True)
    counts = (100 * found.counts / there.clip(1e-12)).round(1) if parts else found.counts.astype(int)
    numbers = [str(number) for number in range(1, len(found.classes) + 1)]
    rows = [f"{number} {name}" for number, name in zip(numbers, found.classes, strict=True)]
    typer.echo(f"What was (rows) taken for what (columns){', in % of each' if parts else ''}:")
    typer.echo(pd.DataFrame(counts, index=rows, columns=numbers).to_string())
