"""Concepts of pictures and slides from the command line: ``score``, and the encoders that it uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from conceptstain.cli.choosing import encoder_at
from conceptstain.cli.judging import tested
from conceptstain.cli.networks import network_at
from conceptstain.cli.options import (
    AnnotationText,
    CanvasKind,
    MaskText,
    Negatives,
    Network,
    Nulls,
    Overwrite,
    Positives,
    Seed,
    Stride,
    Whiten,
)
from conceptstain.cli.results import EVIDENCE, check_files, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.annotations import Annotations
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.images import Images
    from conceptstain.canvas.region import Region
    from conceptstain.canvas.slide import Slide
    from conceptstain.concepts.definition import Definition
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.image_vae import ImageNetwork
    from conceptstain.nets.objectives import Objective

PictureCanvas: TypeAlias = "ImageSet | ImagePatches"

__all__ = [
    "FRAME",
    "RASTER",
    "SCORES",
    "PictureCanvas",
    "canvas_of_pictures",
    "fit_pictures",
    "names_in",
    "opened_pictures",
    "picture_canvases",
    "picture_definition",
    "picture_weights",
    "say_pictures",
    "score",
]

SCORES, RASTER = "-scores.csv", "-scores.ome.tif"
FRAME = 64
SAME_SHAPE = 0.01  # how far labels may differ from the proportions of their slide: a pixel or two of a small level


def score(  # noqa: PLR0917 - options, which typer passes by name
    source: Annotated[
        Path, typer.Argument(help="A folder of pictures, a stack (.tif), or a slide.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    weights: Annotated[
        Path | None,
        typer.Option(
            help="An encoder from fit --canvas images or patches, a .pt2 file, or histology-patches.",
            show_default="fit one",
        ),
    ] = None,
    positives: Positives = None,
    negatives: Negatives = None,
    annotations: AnnotationText = None,
    masks: MaskText = None,
    region: Annotated[
        str | None,
        typer.Option(
            help="On a slide: areas.geojson#gland, or a label image labels.tif#4; the patches it covers.",
            show_default=False,
        ),
    ] = None,
    like: Annotated[
        str | None, typer.Option(help="A picture or a patch: its latent neighbours.", show_default=False)
    ] = None,
    neighbours: Annotated[int, typer.Option(help="How many --like chooses.")] = 50,
    whiten: Whiten = False,
    name: Annotated[str | None, typer.Option(help="What to call the concept.", show_default=False)] = None,
    on: Annotated[
        list[Path] | None,
        typer.Option(help="Score these pictures, or this slide, too; repeatable.", show_default=False),
    ] = None,
    stride: Stride = None,
    pixel_size: Annotated[
        float | None, typer.Option(help="Of patches, in the slide's unit.", show_default="the slide's own")
    ] = None,
    nulls: Nulls = 999,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Make a concept of pictures or of patches of a slide, test it, and write what has most of it (.csv, .tif)."""
    with told():
        from conceptstain.canvas.score_raster import ScoreRaster
        from conceptstain.cli.choosing import made
        from conceptstain.concepts.item_scores import scores
        from conceptstain.exporting import write_table
        from conceptstain.raster_file import write_raster

        opened = [opened_pictures(path) for path in (source, *(on or ()))]
        loaded = picture_weights(weights)
        canvases = [canvas_of_pictures(each, loaded, stride=stride, pixel_size=pixel_size) for each in opened]
        canvas = canvases[0]
        definition = picture_definition(
            canvas,
            positives=positives,
            negatives=negatives,
            annotations=annotations,
            masks=masks,
            region=region,
            like=like,
            name=name,
            neighbours=neighbours,
        )
        if whiten:
            definition = replace(definition, form="whitened")
        stems = [file_stem(each.source.name, definition.name) for each in canvases]
        endings = [_endings(each) for each in canvases]
        endings[0] += (EVIDENCE,) if nulls else ()
        targets = [out / f"{stem}{ending}" for stem, each in zip(stems, endings, strict=True) for ending in each]
        check_files(out, targets, [path for path in (source, *(on or ())) if path.is_file()], overwrite=overwrite)
        encoder = loaded or fit_pictures([canvas], seed=seed)
        concept = made(definition, canvas, encoder)
        for each in canvases:
            say_pictures(each)
        typer.echo(f"Encoder: {encoder.name}, {encoder.latent} latent dimensions (fingerprint {encoder.fingerprint}).")
        typer.echo(f"Concept {concept.name}: {concept.origin}.")
        tables = {} if like else tested(concept, canvas, encoder, nulls=nulls, seed=seed)
        for note in () if tables else concept.notes:  # the evidence tells them, too
            typer.echo(f"  {note}")
        with put_together(out) as folder:
            written = [write_table(table, folder / f"{stems[0]}{ending}") for ending, table in tables.items()]
            for stem, each in zip(stems, canvases, strict=True):
                line = ProgressLine()
                found = scores(concept, each, encoder, report=line)
                line.close()
                written.append(write_table(found.table(), folder / f"{stem}{SCORES}"))
                painted = found.painted()
                if isinstance(painted, ScoreRaster):
                    written.append(write_raster(painted, folder / f"{stem}{RASTER}"))
        say_written([out / path.name for path in written])


def fit_pictures(
    canvases: Sequence[PictureCanvas],
    *,
    network: Network | None = None,
    latent: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
    objective: Objective | None = None,
) -> Encoder:
    """An encoder of pictures or patches; what is None is as :meth:`~conceptstain.fitting.FitSettings.of` has it."""
    from dataclasses import replace

    from conceptstain.fitting import FitSettings, fit

    named: dict[Network | None, ImageNetwork] = {Network.PLACES: "places", Network.FACTOR_VAE: "factor-vae"}
    settings = FitSettings.of(canvases[0], network=named.get(network, "average-pool"), objective=objective)
    if latent is not None:
        settings = replace(settings, network=replace(settings.network, latent=latent))
    training = replace(settings.training, seed=seed, epochs=settings.training.epochs if epochs is None else epochs)
    line = ProgressLine()
    try:
        return fit(list(canvases), replace(settings, training=training), report=line)
    finally:
        line.close()


def picture_canvases(
    files: Sequence[Path], kind: CanvasKind, *, frame: int, pixel_size: float | None
) -> list[PictureCanvas]:
    """Sets of pictures or slides, as ``fit --canvas images`` or ``patches`` learns from them."""
    return [
        _viewed(opened_pictures(file, "images" if kind is CanvasKind.IMAGES else "slide"), frame, pixel_size=pixel_size)
        for file in files
    ]


def opened_pictures(path: Path, kind: str | None = None) -> Images | Slide:
    """A set of pictures or a slide; a section is refused."""
    from conceptstain.canvas.opening import open_source
    from conceptstain.canvas.section import Section

    options: dict[str, Any] = {} if kind is None else {"as_": kind}
    found = open_source(path, **options)
    if isinstance(found, Section):
        raise InputError(
            "Pictures and slides are scored here",
            got=f"a section in {path.name}",
            cure="Use the command stain or spots",
        )
    opened: Images | Slide = found
    return opened


def canvas_of_pictures(
    source: Images | Slide, encoder: Encoder | None, *, stride: int | None = None, pixel_size: float | None = None
) -> PictureCanvas:
    """Pictures as an encoder reads them; where there is none yet, with a side of 64 pixels."""
    frame = encoder.shape[1] if encoder else FRAME
    return _viewed(source, frame, stride=stride, pixel_size=pixel_size, encoder=encoder)


def _viewed(
    source: Images | Slide,
    frame: int,
    *,
    stride: int | None = None,
    pixel_size: float | None = None,
    encoder: Encoder | None = None,
) -> PictureCanvas:
    from conceptstain.canvas.images import Images

    if isinstance(source, Images):
        return source.view("images", frame=frame, channels=encoder.shape[0] if encoder else None)
    return source.view("patches", size=frame, stride=stride, pixel_size=pixel_size)


def picture_weights(weights: Path | None) -> Encoder | None:
    """The encoder of pictures in a file, saved by this package or exported as ``.pt2``; a bundled one by its name."""
    if weights is None:
        return None
    if weights.suffix.lower() == ".pt2":
        encoder = network_at(weights, weights=None, shape=None, mean=None, std=None, latent=None)
    else:
        encoder = encoder_at(weights)
    if encoder.scaling != "unit" or len(encoder.shape) != 3:
        raise InputError(
            "These weights are not of pictures or patches",
            got=str(weights),
            cure="Fit an encoder with fit --canvas images or patches, or leave --weights out",
        )
    return encoder


def picture_definition(
    canvas: PictureCanvas,
    *,
    positives: Path | None,
    negatives: Path | None,
    annotations: str | None,
    masks: str | None,
    region: str | None,
    like: str | None,
    name: str | None,
    neighbours: int,
) -> Definition:
    """What the one option that was given asks for; without a name it is called by what it is made of."""
    from conceptstain.canvas.annotation_table import read_annotations
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.painted_annotations import painted_annotations
    from conceptstain.concepts.definition import Definition

    given = {
        "--positives": positives,
        "--annotations": annotations,
        "--masks": masks,
        "--region": region,
        "--like": like,
    }
    named = [option for option, value in given.items() if value is not None]
    if len(named) != 1 or (negatives and not positives):
        raise InputError(
            "A concept is made from one thing",
            got=" and ".join(named) or "none of " + ", ".join(given),
            cure="Give one of them; --negatives belongs to --positives",
        )
    of_pictures = named[0] in {"--annotations", "--masks"}
    if (of_pictures and not isinstance(canvas, ImageSet)) or (region and isinstance(canvas, ImageSet)):
        kind = "pictures" if isinstance(canvas, ImageSet) else "a slide"
        raise InputError(
            f"{named[0]} is not for {kind}",
            got=canvas.source.name,
            cure="Use --annotations or --masks for pictures, --region for a slide",
        )
    if region is not None:
        chosen = _region(region, canvas)
        return Definition(name or chosen.name, region=chosen, form="contrast")
    if like is not None:
        return Definition(name or like, like=like, form="contrast", neighbours=neighbours)
    if positives is not None:
        against = None if negatives is None else names_in(negatives)
        return Definition(name or positives.stem, items=names_in(positives), form="contrast", against=against)
    file, _, attribute = (annotations or masks or "").partition("#")
    said = read_annotations(file, canvas) if annotations else painted_annotations(canvas, file)  # type: ignore[arg-type]
    for note in said.notes:
        typer.echo(f"  {note}")
    attribute = attribute or _only(said)
    items, against = said.positives(attribute), said.negatives(attribute)
    return Definition(name or attribute, items=items, form="contrast", against=against or None)


def _only(said: Annotations) -> str:
    """The attribute that is meant where none is named: the only one."""
    if len(said.attributes) > 1:
        raise InputError(
            f"{said.name} says several things of the pictures",
            got=f"{len(said.attributes)} attributes",
            cure=f"Write {said.name}#{said.attributes[0]}; there are {', '.join(said.attributes[:12])}",
        )
    return said.attributes[0]


def names_in(path: Path) -> tuple[str, ...]:
    """The names in a list, one a line."""
    from conceptstain.foreign import foreign_reader

    with foreign_reader(path.name, "a list of names", "Write one name a line"):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _region(text: str, canvas: PictureCanvas) -> Region:
    """The region that is written ``FILE.geojson#NAME`` or ``LABELS.tif#NUMBER``."""
    from dataclasses import replace

    import numpy as np

    from conceptstain.canvas.opening import open_source
    from conceptstain.canvas.region import Region
    from conceptstain.canvas.slide import Slide

    file, _, name = text.partition("#")
    slide = canvas.source
    if not isinstance(slide, Slide):
        raise InputError("A region is drawn on a slide", got=slide.name, cure="Name the pictures")
    if file.lower().endswith((".geojson", ".json")):
        return Region.from_geojson(file, name or None, slide=slide)
    labels = open_source(file, as_="slide")
    down, across = (of_slide / of_labels for of_slide, of_labels in zip(slide.size, labels.size, strict=True))
    if abs(down / across - 1) > SAME_SHAPE or (name and not name.isdecimal()):
        raise InputError(
            "Labels are painted over the whole slide, and are numbers",
            got=f"{labels.size} for {slide.size} pixels" + (f", label {name!r}" if name else ""),
            cure="Export the labels of the whole slide, at any size; write labels.tif#4",
        )
    onto = np.array([[down, 0, (down - 1) / 2], [0, across, (across - 1) / 2], [0, 0, 1]])
    placed = replace(labels, to_world=slide.to_world @ onto, unit=slide.unit)
    return Region.from_labels(Path(file).stem + (f" {name}" if name else ""), placed, int(name) if name else None)


def _endings(canvas: PictureCanvas) -> tuple[str, ...]:
    from conceptstain.canvas.image_patches import ImagePatches

    return (SCORES, RASTER) if isinstance(canvas, ImagePatches) else (SCORES,)


def say_pictures(canvas: PictureCanvas) -> None:
    """What was read, and what was assumed in reading it."""
    from conceptstain.canvas.expression import counted

    source = canvas.source
    typer.echo(f"{source.name}: {counted(len(canvas), canvas.noun)} of {canvas.shape[1]} x {canvas.shape[2]} pixels.")
    for note in (*source.notes, *getattr(canvas, "notes", ())):
        typer.echo(f"  {note}")
