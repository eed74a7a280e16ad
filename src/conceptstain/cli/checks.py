"""Whether maps of a concept mean something, from the command line."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from conceptstain.cli.choosing import (
    DrawnOn,
    canvas_and_encoder,
    check_heard,
    definition_asked,
    latent_numbered,
    made,
    opened,
)
from conceptstain.cli.options import (
    Alignment,
    AttentionLatent,
    AttentionOf,
    AttentionVariantOption,
    ConceptForm,
    ConceptName,
    File,
    FitHere,
    FormOption,
    Genes,
    Image,
    ImageScale,
    Like,
    MinusGenes,
    MinusLike,
    MinusRegion,
    Neighbours,
    Overwrite,
    Padding,
    Percentile,
    PixelSize,
    PresetOption,
    RectifiedVariant,
    RegionText,
    SectionName,
    Seed,
    Space,
    Threshold,
    Variant,
    Weights,
)
from conceptstain.cli.results import check_targets, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_section, say_written, told
from conceptstain.methods.checks import CHECKS, check_kind, check_refusal
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import MAPS, map_kind

__all__ = ["check"]

MAP = "gradient"
FILES = (".csv", ".svg")


def check(  # noqa: PLR0917 - options, which typer passes by name
    file: File,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write tables and plots to.", show_default="none is written")
    ] = None,
    like: Like = None,
    genes: Genes = None,
    region: RegionText = None,
    minus_like: MinusLike = None,
    minus_genes: MinusGenes = None,
    minus_region: MinusRegion = None,
    name: ConceptName = None,
    image: Image = None,
    alignment: Alignment = None,
    image_scale: ImageScale = None,
    section_name: SectionName = None,
    pixel_size: PixelSize = None,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", help=f"{', '.join(kind.key for kind in MAPS)}; repeatable.", show_default=MAP),
    ] = None,
    checks: Annotated[
        list[str] | None,
        typer.Option(
            "--check",
            help=f"{', '.join(kind.key for kind in CHECKS)}; repeatable.",
            show_default="all that say something about the map",
        ),
    ] = None,
    latent: AttentionLatent = "0",
    attention: AttentionVariantOption = AttentionOf.PAPER,
    percentile: Percentile = 95.0,
    variant: RectifiedVariant = Variant.PLAIN,
    threshold: Threshold = 0.0,
    padding: Padding = False,
    form: FormOption = ConceptForm.MEAN,
    neighbours: Neighbours = 50,
    space: Space = None,
    weights: Weights = None,
    fit_here: FitHere = False,
    preset: PresetOption = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Put maps of a concept to checks: while the network forgets, by deleting pixels, under noise (.csv, .svg)."""
    with told():
        from conceptstain.check_figures import check_figure
        from conceptstain.concepts.definition import LATENT
        from conceptstain.exporting import write_table
        from conceptstain.figures import save_figure
        from conceptstain.nets.tap import layer_named

        kinds = [map_kind(key) for key in dict.fromkeys(maps or (MAP,))]
        asked = [check_kind(key) for key in dict.fromkeys(checks or ())]
        settings = MapSettings(
            latent_numbered(latent), percentile, variant.value, threshold, padding, attention=attention.value
        )
        check_heard(settings, kinds)
        open_once = cache(lambda: opened(file, image, alignment, image_scale, section_name))
        definition = definition_asked(
            (like, genes, region),
            (minus_like, minus_genes, minus_region),
            form=form.value,
            neighbours=neighbours,
            drawn_on=DrawnOn(open_once, pixel_size),
        )
        definition = definition.renamed(name or definition.name).in_space(space or LATENT)
        for kind in kinds:
            kind.check(definition)
        section = open_once()
        stem = file_stem(section.name, definition.name)
        if out is not None:
            parts = [
                f"-{kind.key}-{each.key}{ending}" for kind in kinds for each in asked or CHECKS for ending in FILES
            ]
            check_targets(out, stem, section, overwrite=overwrite, formats=parts)
        canvas, encoder = canvas_and_encoder(section, weights, fit_here=fit_here, preset=preset, seed=seed)
        if space:
            definition = definition.in_space(layer_named(encoder, space))
        concept = made(definition, canvas, encoder)
        say_section(section)
        typer.echo(f"Encoder: {encoder.name}, {encoder.latent} latent dimensions (fingerprint {encoder.fingerprint}).")
        typer.echo(f"Concept {concept.name}: {concept.origin}.")
        made_of = {}
        for kind in kinds:
            for each in asked or CHECKS:
                reason = check_refusal(each, kind.key, encoder)
                if reason is not None and not asked:
                    typer.echo(f"{kind.label}, {each.label}: not checked, {reason}.")
                    continue
                line = ProgressLine()
                try:
                    found = each.make(kind.key, canvas, encoder, concept, settings=settings, seed=seed, report=line)
                finally:
                    line.close()
                typer.echo(f"{kind.label}, {each.label}: {found.sentence}")
                made_of[f"{stem}-{kind.key}-{each.key}"] = (found, f"{concept.name}, {kind.label}, {each.label}")
        if out is not None:
            with put_together(out) as folder:
                written = []
                for file_name, (found, title) in made_of.items():
                    written.append(write_table(found.table(), folder / f"{file_name}.csv"))
                    written.append(save_figure(check_figure(found, title=title), folder / f"{file_name}.svg"))
            say_written([out / path.name for path in written])
