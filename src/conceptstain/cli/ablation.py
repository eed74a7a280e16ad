"""What a network does without units, from the command line: ``ablate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.classifiers import BACKGROUND, labels_said
from conceptstain.cli.network_files import any_source, network_in, shown
from conceptstain.cli.options import AnySource, Overwrite, SectionName, Seed
from conceptstain.cli.results import check_files, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.methods.ablation_curves import AblationCurves
    from conceptstain.methods.dissection_passes import Canvas
    from conceptstain.methods.performance import Labels
    from conceptstain.methods.unit_effect import UnitEffect, Value
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.encoder import Encoder

__all__ = ["ablate"]

EFFECT, CURVES, IMPORTANCE, FIGURE = "-effect.csv", "-curves.csv", "-importance.csv", ".svg"
PEAK = "peak"


def ablate(  # noqa: PLR0917 - options, which typer passes by name
    source: AnySource,
    weights: Annotated[
        Path, typer.Option(help="A classifier from fit-classifier, or an encoder (with --units).", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    layer: Annotated[
        str | None,
        typer.Option(help="A layer, such as relu4.", show_default="the one that classes are read from"),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(
            help="These units, separated by commas.", show_default="those that each class needs most, more and more"
        ),
    ] = None,
    value: Annotated[
        str, typer.Option(help="Of --units: what they are set to; 0 puts them out, peak is their 99.5 % quantile.")
    ] = "0",
    labels: Annotated[
        str | None,
        typer.Option(help="Of spots, a column of obs, such as layer; of pictures, folders.", show_default=False),
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="A table of the items and its column: layers.csv:layer.", show_default=False)
    ] = None,
    parts: Annotated[
        Path | None, typer.Option(help="Label images of the pictures, of a classifier of parts.", show_default=False)
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(help="Of --parts, what 1, 2, 3, ... mean, separated by commas.", show_default="numbers"),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Sets of random units that the curves stand beside.")] = 10,
    rotations: Annotated[
        int, typer.Option(min=0, help="Rotations of the layer whose axes the curves stand beside; 0: none.")
    ] = 3,
    section_name: SectionName = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Put units of a network out, or force them, and say what that does to classes, parts and reconstructions."""
    with told():
        wanted = None if units is None else _numbers(units)
        setting = _value(value, alone=wanted is None)
        network = network_in(weights)
        canvas = shown(any_source(source, section_name), network)
        said = _labels(canvas, network, labels=labels, table=table, parts=parts, names=names)
        for note in (*canvas.source.notes, *(said.notes if said else ())):
            typer.echo(f"  {note}")
        stem = file_stem(canvas.source.name, "ablated")
        endings = [EFFECT] if wanted is not None else [CURVES, IMPORTANCE, FIGURE]
        check_files(out, [out / f"{stem}{ending}" for ending in endings], [source, weights], overwrite=overwrite)
        name = _layer(network, layer)
        line = ProgressLine()
        try:
            if wanted is not None:
                from conceptstain.methods.interventions import effect_of_units

                found = effect_of_units(network, name, canvas, wanted, value=setting, labels=said, report=line)
                _write_effect(found, out, stem)
            else:
                curves = _curves(network, name, canvas, said, draws=draws, rotations=rotations, seed=seed, line=line)
                _write_curves(curves, out, stem, overwrite=overwrite)
        finally:
            line.close()
        say_written([out / f"{stem}{ending}" for ending in endings])


def _numbers(units: str) -> list[int]:
    words = [each.strip() for each in units.split(",")]
    if not all(word.isdecimal() for word in words):
        raise InputError("Units are known by their numbers", got=f"--units {units}", cure="Give such as 3,17")
    return [int(word) for word in words]


def _value(value: str, *, alone: bool) -> Value:
    if alone and value != "0":
        raise InputError("This is a setting of --units", got=f"--value {value}", cure="Give --units, too")
    if value == PEAK:
        return "peak"
    try:
        return float(value)
    except ValueError as error:
        raise InputError("Units are set to a number", got=f"--value {value}", cure="Give 0, or peak") from error


def _labels(
    canvas: Canvas,
    network: Encoder | Classifier,
    *,
    labels: str | None,
    table: str | None,
    parts: Path | None,
    names: str | None,
) -> Labels | None:
    from conceptstain.nets.classifier import Classifier

    given = [word for word, each in (("--labels", labels), ("--table", table), ("--parts", parts)) if each is not None]
    if names is not None and parts is None:
        raise InputError("These are words for parts", got=f"--names {names}", cure="Give --parts, too")
    if not given:
        return None
    if not isinstance(network, Classifier):
        raise InputError("Classes are told by classifiers", got=given[0], cure="Leave it out, or give a classifier")
    background = BACKGROUND in network.classes
    return labels_said(canvas, labels, table, parts, names.split(",") if names else (), background=background)


def _layer(network: Encoder | Classifier, layer: str | None) -> str:
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.tap import encoder_layers, layer_named

    encoder = network.encoder if isinstance(network, Classifier) else network
    if layer is not None:
        return layer_named(encoder, layer)
    if isinstance(network, Classifier):
        known = encoder_layers(encoder)
        return network.places or ([each for each in known if "." in each] or known)[-1]
    raise InputError(
        "Units are of a layer", got="no --layer", cure=f"Choose one of: {', '.join(encoder_layers(encoder))}"
    )


def _curves(
    network: Encoder | Classifier,
    layer: str,
    canvas: Canvas,
    said: Labels | None,
    *,
    draws: int,
    rotations: int,
    seed: int,
    line: ProgressLine,
) -> AblationCurves:
    """The curves of a classifier; of parts, beside units that a dissection of the first half calls by them."""
    import numpy as np

    from conceptstain.canvas.part_labels import PartLabels
    from conceptstain.methods.ablating import ablation_curves
    from conceptstain.methods.dissecting import dissect, layers_with_places
    from conceptstain.nets.classifier import Classifier

    if not isinstance(network, Classifier) or said is None:
        raise InputError(
            "Units are chosen by what the classes of a classifier lose without them",
            got="no labels" if isinstance(network, Classifier) else f"the encoder {network.name}",
            cure="Give --labels, --table or --parts of a classifier, or say which units (--units)",
        )
    items = np.random.default_rng(seed).permutation(said.labelled)
    items, tested = np.sort(items[: len(items) // 2]), np.sort(items[len(items) // 2 :])
    beside = None
    if isinstance(said, PartLabels) and layer in layers_with_places(network.encoder):
        beside = dissect(network.encoder, layer, canvas, said.maps, items=items, report=line)
    return ablation_curves(
        network,
        layer,
        canvas,
        said,
        items=items,
        tested=tested,
        dissection=beside,
        draws=draws,
        rotations=rotations,
        seed=seed,
        report=line,
    )


def _write_effect(found: UnitEffect, out: Path, stem: str) -> None:
    with put_together(out) as folder:
        found.table.to_csv(folder / f"{stem}{EFFECT}")
    typer.echo(found.sentence)
    seen = int((found.table["low"] > 0).sum() + (found.table["high"] < 0).sum())
    typer.echo(f"  {seen} of {len(found.table)} measures changed by more than chance (95 %), {found.n_items:,} items.")


def _write_curves(curves: AblationCurves, out: Path, stem: str, *, overwrite: bool) -> None:
    from conceptstain.ablation_figures import ablation_figure
    from conceptstain.figures import save_figure

    with put_together(out) as folder:
        curves.table().to_csv(folder / f"{stem}{CURVES}", index=False)
        curves.importance.table().to_csv(folder / f"{stem}{IMPORTANCE}")
        save_figure(ablation_figure(curves), folder / f"{stem}{FIGURE}", overwrite=overwrite)
    typer.echo(curves.sentence)
