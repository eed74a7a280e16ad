"""From options to the things they name: sections, encoders, concepts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from conceptstain.cli.options import Network, Preset
from conceptstain.cli.telling import ProgressLine
from conceptstain.errors import InputError, MismatchError

if TYPE_CHECKING:
    from conceptstain.canvas.canvas import Canvas
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.region import Region
    from conceptstain.canvas.section import Section
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition, Form
    from conceptstain.fitting import FitSettings
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.methods.maps import MapKind
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.objectives import Objective
    from conceptstain.nets.picture_vae import Network as NetworkName

__all__ = [
    "DrawnOn",
    "alike",
    "canvas_and_encoder",
    "check_heard",
    "check_shown",
    "definition_asked",
    "definition_from",
    "encoder_at",
    "fit_settings",
    "fitted",
    "made",
    "opened",
    "opened_all",
    "opened_named",
    "region_from",
    "scaling",
]


def opened(
    file: Path,
    image: Path | None = None,
    alignment: Path | None = None,
    image_scale: float | None = None,
    name: str | None = None,
) -> Section:
    """The section in a file; the one of that name where it holds several."""
    from conceptstain.canvas.reading import open_section

    return open_section(file, image=image, alignment=alignment, image_scale=image_scale, section=name)


def opened_named(text: str) -> Section:
    """The section that is written ``FILE`` or, where a file holds several, ``FILE#NAME``."""
    file, _, name = text.rpartition("#")
    return opened(Path(text)) if not file or Path(text).exists() else opened(Path(file), name=name)


def opened_all(files: Sequence[Path], names: Sequence[str]) -> list[Section]:
    """The sections in files; those of these names where one file holds several.

    Raises
    ------
    InputError
        Names, and more than one file that they could be in.
    """
    if not names:
        return [opened(file) for file in files]
    if len(files) > 1:
        raise InputError(
            "Sections are named in one file",
            got=f"--section for {len(files)} files",
            cure="Give one file, or files that hold one section each",
        )
    return [opened(files[0], name=name) for name in names]


def definition_from(
    like: str | None,
    genes: str | None,
    region: str | None,
    *,
    name: str | None = None,
    form: Form = "mean",
    neighbours: int = 50,
    minus: str = "",
    drawn_on: DrawnOn | None = None,
) -> Definition:
    """What ``--like``, ``--genes`` or ``--region`` asks for; without a name it is called by what it is made of.

    ``minus`` comes before the options' names: ``"minus-"`` for those of what is subtracted. ``drawn_on``: see
    :func:`region_from`.

    Raises
    ------
    InputError
        None or several of the three, or a region that is not written ``obs:COLUMN=VALUE``.
    """
    from conceptstain.concepts.definition import Definition

    given = {f"--{minus}like": like, f"--{minus}genes": genes, f"--{minus}region": region}
    named = [option for option, value in given.items() if value is not None]
    if len(named) != 1:
        raise InputError(
            "A concept is made from one thing",
            got=" and ".join(named) or "none of --like, --genes and --region",
            cure=f"Give --{minus}like Penk, --{minus}genes Penk,Nrgn or --{minus}region obs:layer=GCL",
        )
    spots = None if region is None else region_from(region, drawn_on)
    items = None if genes is None else tuple(filter(None, (gene.strip() for gene in genes.split(","))))
    called = name or like or (spots.name if spots else ", ".join(items or ()))
    return Definition(called, like, items, spots, form, neighbours)


def definition_asked(
    plus: tuple[str | None, str | None, str | None],
    minus: tuple[str | None, str | None, str | None],
    *,
    form: Form,
    neighbours: int,
    drawn_on: DrawnOn,
) -> Definition:
    """What ``--like``, ``--genes`` or ``--region`` ask for, without what the same with ``--minus-`` do."""
    definition = definition_from(*plus, form=form, neighbours=neighbours, drawn_on=drawn_on)
    if any(minus):
        definition -= definition_from(*minus, form=form, neighbours=neighbours, minus="minus-", drawn_on=drawn_on)
    return definition


class DrawnOn(NamedTuple):
    """What places outlines: the size of a pixel, or the image of a section, which is opened when it is needed."""

    section: Callable[[], Section]
    pixel_size: float | None


def region_from(text: str, drawn_on: DrawnOn | None = None) -> Region:
    """The region that is written ``obs:COLUMN=VALUE`` or ``FILE.geojson#NAME``.

    Raises
    ------
    InputError
        Another writing, or outlines without a scale.
    ReadingError
        The outlines cannot be read.
    """
    from conceptstain.canvas.region import Region

    file, _, name = text.partition("#")
    if file.lower().endswith((".geojson", ".json")) and drawn_on is not None:
        if drawn_on.pixel_size is not None:
            return Region.from_geojson(file, name or None, scale=drawn_on.pixel_size)
        return Region.from_geojson(file, name or None, section=drawn_on.section())
    found = re.fullmatch(r"obs:([^=]+)=(.+)", text)
    if found is None:
        raise InputError(
            "A region is named by an annotation or an outline",
            got=repr(text),
            cure="Write obs:COLUMN=VALUE or FILE.geojson#NAME",
        )
    return Region.from_obs(found[1].strip(), found[2].strip())


def made(definition: Definition, canvas: Canvas, encoder: Encoder, *, noise_seed: int | None = None) -> Concept:
    """The concept of a definition; with a seed, from one random draw of every latent."""
    import torch

    from conceptstain.concepts.concept import make

    noise = None if noise_seed is None else torch.Generator().manual_seed(noise_seed)
    return make(definition, canvas, encoder, noise=noise)


def latent_numbered(text: str) -> int | None:
    """The number of a latent dimension; None for ``all``.

    Raises
    ------
    InputError
        Neither.
    """
    if text == "all":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError("Latents have numbers", got=repr(text), cure="Give a number from 0, or all") from None


def check_heard(settings: MapSettings, kinds: Sequence[MapKind]) -> None:
    """Refuse a setting that was changed, where none of the maps listens to it: it would be ignored in silence.

    Raises
    ------
    InputError
        There is one.
    """
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.methods.maps import MAPS

    for kind in MAPS:
        for name, value in kind.heard(settings).items():
            if value != getattr(MapSettings(), name) and not any(name in each.settings for each in kinds):
                raise InputError(
                    "No map that is asked for listens to this option", got=f"--{name}", cure=f"Add --map {kind.key}"
                )


def check_shown(kinds: Sequence[MapKind], canvas: Canvas) -> None:
    """Refuse maps that the canvas cannot show.

    Raises
    ------
    MismatchError
        There is one, with the reason.
    """
    from conceptstain.methods.maps import refusal_on

    for kind in kinds:
        reason = refusal_on(kind, canvas)
        if reason is not None:
            raise MismatchError(f"{kind.label} cannot be shown here", got=reason, cure="Choose another --map")


def scaling(preset: Preset | None) -> str:
    """Name of the scaling of the pictures."""
    return "paper" if preset else "z-score"


def fit_settings(
    seed: int,
    preset: Preset | None,
    *,
    network: Network | None = None,
    latent: int | None = None,
    epochs: int | None = None,
    objective: Objective | None = None,
) -> FitSettings:
    """Settings of a fit; what is None is as the preset, or the default, has it."""
    from dataclasses import replace

    from conceptstain.fitting import FitSettings
    from conceptstain.nets.picture_vae import PictureVAESettings

    settings = FitSettings.paper(seed) if preset else FitSettings()
    named: NetworkName = "paper" if preset else _of_genes(network or Network.AVERAGE_POOL)
    built = PictureVAESettings.of(named, latent)
    training = replace(settings.training, seed=seed, epochs=settings.training.epochs if epochs is None else epochs)
    if objective is not None:
        training = replace(training, objective=objective)
    return FitSettings(built, training)


def _of_genes(network: Network) -> NetworkName:
    known: dict[Network, NetworkName] = {
        Network.AVERAGE_POOL: "average-pool",
        Network.MLP: "mlp",
        Network.PAPER: "paper",
    }
    if network not in known:
        raise InputError(
            "This network learns pictures and patches",
            got=f"--network {network} of gene pictures",
            cure="Use average-pool, mlp or paper",
        )
    return known[network]


def fitted(canvases: Sequence[GenePictures], settings: FitSettings) -> Encoder:
    """An encoder fitted to the canvases, with its progress on standard error."""
    from conceptstain.fitting import fit as fit_encoder

    line = ProgressLine()
    try:
        return fit_encoder(canvases, settings, report=line)
    finally:
        line.close()


def alike(canvases: Sequence[GenePictures]) -> list[GenePictures]:
    """The canvases in the smallest frame that all of them fit."""
    height, width = (max(canvas.grid.frame[side] for canvas in canvases) for side in (0, 1))
    return [
        canvas
        if canvas.grid.frame == (height, width)
        else canvas.section.view("genes", scaling=canvas.scaling, frame=(height, width))
        for canvas in canvases
    ]


def encoder_at(weights: Path) -> Encoder:
    """The encoder in a file; a bundled one by its name, unless a file is called so.

    Raises
    ------
    ReadingError
        The weights cannot be read.
    """
    from conceptstain.nets.bundled import bundled, bundled_names
    from conceptstain.nets.checkpoint import load_encoder

    if not weights.exists() and str(weights) in bundled_names():
        return bundled(str(weights))
    return load_encoder(weights)


def canvas_and_encoder(
    section: Section, weights: Path | None, *, fit_here: bool, preset: Preset | None, seed: int
) -> tuple[GenePictures, Encoder]:
    """The section as pictures, and the encoder that was asked for: given, fitted here, or the bundled one.

    Raises
    ------
    InputError
        Two encoders are asked for, or the bundled one is too small for the section.
    ReadingError
        The weights cannot be read.
    """
    if weights is not None:
        if fit_here or preset:
            other = "--fit" if fit_here else "--preset"
            raise InputError(
                "There are two encoders to choose from", got=f"--weights and {other}", cure="Give one of them"
            )
        encoder = encoder_at(weights)
        return section.view("genes", scaling=encoder.scaling, frame=tuple(encoder.shape[1:])), encoder
    canvas = section.view("genes", scaling=scaling(preset))
    if fit_here or preset:
        return canvas, fitted([canvas], fit_settings(seed, preset))
    from conceptstain.nets.bundled import bundled

    encoder = bundled()
    if tuple(encoder.shape) != canvas.shape:
        raise InputError(
            "The bundled encoder was made for smaller sections",
            got=f"pictures of {canvas.shape} for {tuple(encoder.shape)}",
            cure="Fit one to this section with --fit",
        )
    return canvas, encoder
