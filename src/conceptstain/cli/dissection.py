"""What units see, from the command line: ``dissect``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.network_files import canvas_and_network, encoder_in
from conceptstain.cli.options import AnySource, Overwrite, SectionName, Seed
from conceptstain.cli.results import check_files, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError, MismatchError

if TYPE_CHECKING:
    import pandas as pd

    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.label_maps import LabelMaps
    from conceptstain.inputs import ItemIndices
    from conceptstain.methods.dissection import Dissection
    from conceptstain.methods.dissection_controls import DissectionControls
    from conceptstain.methods.dissection_passes import Canvas
    from conceptstain.nets.encoder import Encoder

__all__ = ["dissect", "labels_of_places"]

UNITS, DETECTORS, CHART, DRAWN = "-units.csv", "-detectors.csv", "-detectors.svg", "-units.svg"
SHOWN = 5  # units that are told


def dissect(  # noqa: PLR0917 - options, which typer passes by name
    source: AnySource,
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="An encoder from fit, a classifier from fit-classifier, or a .pt2 file; repeatable, to compare them.",
            show_default="none: the genes or channels themselves",
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="A layer, such as conv3; repeatable.", show_default="the last convolution or dense layer"),
    ] = None,
    annotation: Annotated[
        list[str] | None,
        typer.Option(help="Of sections, a column of obs, such as layer; repeatable.", show_default="all"),
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Label images of the pictures, or of the slide.", show_default=False)
    ] = None,
    names: Annotated[
        str | None, typer.Option(help="What 1, 2, 3, ... of --masks mean, separated by commas.", show_default="numbers")
    ] = None,
    instances: Annotated[
        str | None, typer.Option(help="All numbers of --masks are things of this kind.", show_default=False)
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
    least: Annotated[float, typer.Option(help="IoU above which a unit is a detector.")] = 0.04,
    controls: Annotated[
        int, typer.Option(min=0, help="Draws of each control (rotated, shuffled, untrained); 0: none.")
    ] = 3,
    figures: Annotated[
        bool,
        typer.Option(
            "--figures", help="Draw the unique detectors of all in one chart, and what excites the best units."
        ),
    ] = False,
    section_name: SectionName = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Say which unit of a network sees what, by labels of places, beside controls; write a table for each layer."""
    with told():
        if not 0 < least < 1:
            raise InputError("An IoU lies between 0 and 1", got=f"--least {least:g}", cure="The paper uses 0.04")
        canvas, encoders = _canvas_and_networks(source, weights or (), section_name)
        said = labels_of_places(
            canvas,
            columns=annotation or (),
            masks=masks,
            names=names,
            instances=instances,
            table=table,
            colours=colours,
        )
        for note in (*canvas.source.notes, *said.notes):
            typer.echo(f"  {note}")
        asked = {
            (f"{called}, {name}" if called else name): (encoder, name)
            for called, encoder in encoders.items()
            for name in _layers(canvas, encoder, layer or ())
        }
        stem = file_stem(canvas.source.name, "dissected")
        drawn = [name for name, (encoder, _) in asked.items() if figures and _drawable(canvas, encoder)]
        endings = [f"-{file_stem(name)}{UNITS}" for name in asked] + [DETECTORS] + [CHART] * figures
        endings += [f"-{file_stem(name)}{DRAWN}" for name in drawn]
        check_files(out, [out / f"{stem}{ending}" for ending in endings], [source], overwrite=overwrite)
        tables: dict[str, pd.DataFrame] = {}
        compared: dict[str, DissectionControls] = {}
        for name, (encoder, of_layer) in asked.items():
            found = _dissected(canvas, encoder, of_layer, said, quantile=quantile, draws=controls, seed=seed)
            units = found.trained.table(least)
            if encoder is None:
                units.insert(0, "name", [_unit_names(canvas)[number] for number in units.index])
            tables[f"-{file_stem(name)}{UNITS}"] = units
            compared[name] = found
            _say(found, units, least)
        tables[DETECTORS] = _counted(compared, least)
        with put_together(out) as folder:
            for ending, rows in tables.items():
                rows.to_csv(folder / f"{stem}{ending}")
            if figures:
                _draw(compared, folder / f"{stem}{CHART}", least)
            for name in drawn:
                _draw_units(
                    compared[name].trained,
                    asked[name][0],
                    canvas,
                    said.items,
                    folder / f"{stem}-{file_stem(name)}{DRAWN}",
                )
        say_written([out / f"{stem}{ending}" for ending in endings])


def _canvas_and_networks(
    source: Path, weights: Sequence[Path], section_name: str | None
) -> tuple[Canvas, dict[str, Encoder | None]]:
    """The canvas, and the networks by their files' names; one alone needs none."""
    canvas, first = canvas_and_network(source, weights[0] if weights else None, section_name)
    if len(weights) < 2:
        return canvas, {"": first}
    encoders: dict[str, Encoder | None] = {}
    for path in weights:
        name = path.name.removesuffix(path.suffix)
        if name in encoders:
            raise InputError(
                "Networks are told apart by the names of their files",
                got=f"{name} twice",
                cure="Rename one, or leave it out",
            )
        encoders[name] = encoder = encoder_in(path, of_pictures=len(canvas.shape) == 3 and canvas.scaling == "unit")
        try:
            encoder.check(canvas)
        except MismatchError as error:
            raise InputError(
                "Networks are compared on one canvas",
                got=f"inputs of {encoder.shape} in the scaling {encoder.scaling!r} for {name}, of {canvas.shape} in "
                f"{canvas.scaling!r} for {weights[0].name.removesuffix(weights[0].suffix)}",
                cure="Dissect it in a call of its own",
            ) from error
    return canvas, encoders


def labels_of_places(
    canvas: Canvas,
    *,
    columns: Sequence[str],
    masks: Path | None,
    names: str | None,
    instances: str | None,
    table: Path | None,
    colours: bool,
) -> LabelMaps:
    """All that the options say of the places, together."""
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section_labels import section_labels
    from conceptstain.canvas.spot_profiles import SpotProfiles

    of_pictures = {"--masks": masks, "--names": names, "--instances": instances, "--table": table}
    given = [option for option, value in of_pictures.items() if value is not None] + ["--colours"] * colours
    if isinstance(canvas, GenePictures | SpotProfiles):
        if given:
            raise InputError("These are labels of pictures", got=", ".join(given), cure="Use --annotation COLUMN")
        return section_labels(canvas, *columns)
    if columns:
        raise InputError("Pictures have no columns of obs", got="--annotation", cure="Use --masks or --table")
    return _of_pictures(canvas, masks=masks, names=names, instances=instances, table=table, colours=colours)


def _of_pictures(
    canvas: ImageSet | ImagePatches,
    *,
    masks: Path | None,
    names: str | None,
    instances: str | None,
    table: Path | None,
    colours: bool,
) -> LabelMaps:
    from conceptstain.canvas.annotation_table import read_annotations
    from conceptstain.canvas.colour_labels import colour_labels
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.opening import open_source
    from conceptstain.canvas.painted_labels import painted_labels
    from conceptstain.canvas.whole_labels import whole_labels

    if (names is not None or instances is not None) and masks is None:
        option = "--instances" if names is None else "--names"
        raise InputError("These are words for masks", got=option, cure="Give --masks, too")
    found: list[LabelMaps] = []
    if masks is not None:
        of_slide = isinstance(canvas, ImagePatches)
        read = open_source(str(masks), as_="slide") if of_slide else str(masks)
        words = ["", *(name.strip() for name in names.split(","))] if names else None
        found.append(painted_labels(canvas, read, names=words, instances=instances))
    if table is not None:
        if not isinstance(canvas, ImageSet):
            raise InputError("A table says something of pictures", got="a slide", cure="Use --masks")
        found.append(whole_labels(canvas, read_annotations(table)))
    if colours:
        found.append(colour_labels(canvas))
    if not found:
        raise InputError(
            "Units are held against labels", got="none", cure="Give --masks, --table or --colours, for pictures"
        )
    together = found[0]
    for each in found[1:]:
        together += each
    return together


def _layers(canvas: Canvas, encoder: Encoder | None, wanted: Sequence[str]) -> list[str]:
    from conceptstain.canvas.spot_profiles import SpotProfiles

    if encoder is None:
        if wanted:
            raise InputError("There is no network", got=f"--layer {wanted[0]}", cure="Give --weights, or leave it out")
        return ["input"]
    from conceptstain.methods.dissecting import layers_with_places
    from conceptstain.nets.tap import convolutional_layers, encoder_layers, layer_named

    if wanted:
        return list(dict.fromkeys(layer_named(encoder, name) for name in wanted))
    if isinstance(canvas, SpotProfiles):
        return [encoder_layers(encoder)[-1]]
    known = convolutional_layers(encoder) or layers_with_places(encoder)
    if not known:
        raise InputError(
            f"The network {encoder.name!r} has no layer with places", got="none", cure="Give one with convolutions"
        )
    return [known[-1]]


def _dissected(
    canvas: Canvas,
    encoder: Encoder | None,
    layer: str,
    said: LabelMaps,
    *,
    quantile: float | None,
    draws: int,
    seed: int,
) -> DissectionControls:
    from conceptstain.methods.dissecting import dissect as dissected
    from conceptstain.methods.dissecting import dissect_inputs
    from conceptstain.methods.dissection_controls import DissectionControls, dissection_controls

    line = ProgressLine()
    try:
        if encoder is None:
            own = dissect_inputs(canvas, said, quantile=quantile, report=line)
            drawn = [
                dissect_inputs(canvas, said, quantile=quantile, shuffled=seed + draw, report=line)
                for draw in range(draws if own.n_items > 1 else 0)
            ]
            return DissectionControls(own, {"shuffled": tuple(drawn)} if drawn else {})
        if not draws:
            return DissectionControls(dissected(encoder, layer, canvas, said, quantile=quantile, report=line), {})
        return dissection_controls(encoder, layer, canvas, said, quantile=quantile, draws=draws, seed=seed, report=line)
    finally:
        line.close()


def _counted(compared: Mapping[str, DissectionControls], least: float) -> pd.DataFrame:
    """Detectors of all layers and their controls, by category and in all."""
    from conceptstain.methods.detector_counts import ALL
    from conceptstain.methods.dissection_comparison import compare_dissections

    table = compare_dissections(compared, least=least).rename_axis(index={"dissection": "layer"})
    one_category = len(next(iter(compared.values())).trained.categories) == 1
    return table.loc[(slice(None), ALL, slice(None)), :] if one_category else table


def _draw(compared: Mapping[str, DissectionControls], path: Path, least: float) -> None:
    from conceptstain.dissection_figures import detector_figure
    from conceptstain.figures import save_figure

    alone = next(iter(compared.values())) if len(compared) == 1 else None
    title = f"Unique detectors (IoU above {least:g})" if alone is None else alone.trained.title
    save_figure(detector_figure(compared if alone is None else alone, least=least, title=title), path)


def _drawable(canvas: Canvas, encoder: Encoder | None) -> bool:
    from conceptstain.canvas.spot_profiles import SpotProfiles

    return encoder is not None and not isinstance(canvas, SpotProfiles)


def _draw_units(found: Dissection, encoder: Encoder | None, canvas: Canvas, items: ItemIndices, path: Path) -> None:
    from conceptstain.figures import save_figure
    from conceptstain.unit_figures import unit_figure

    if encoder is not None:
        save_figure(unit_figure(found, encoder, canvas, items=items), path)


def _unit_names(canvas: Canvas) -> list[str]:
    from conceptstain.canvas.spot_profiles import SpotProfiles

    if isinstance(canvas, SpotProfiles):
        return list(canvas.features)
    return ["grey"] if canvas.shape[0] == 1 else ["red", "green", "blue"][: canvas.shape[0]]


def _say(found: DissectionControls, units: pd.DataFrame, least: float) -> None:
    own = found.trained
    typer.echo(
        f"{own.title}: {own.n_units} units over {own.n_items:,} items, each active at {own.quantile:.2%} of its "
        f"places; {int(own.detectors(least).sum())} detectors (IoU above {least:g})."
    )
    for number, row in units.head(SHOWN).iterrows():
        called = row.get("name", f"unit {number}")
        typer.echo(
            f"  {called}: {row['label']} ({row['category']}), IoU {row['IoU']:.3f} of at most {row['bound']:.2f}"
        )
    if found.drawn:
        typer.echo(f"  {found.sentence_at(least)}")
