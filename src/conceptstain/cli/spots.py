"""Concepts of spots from the command line: ``spots``, and the encoders that it uses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.choosing import DrawnOn, opened, opened_all, opened_named, region_from
from conceptstain.cli.judging import spots_controlled, spots_tested
from conceptstain.cli.objectives import say_terms
from conceptstain.cli.options import (
    Alignment,
    File,
    Image,
    ImageScale,
    Nulls,
    Overwrite,
    PixelSize,
    SectionName,
    Seed,
    SpatialDataToo,
    SpotDirection,
)
from conceptstain.cli.results import (
    CONTROLS,
    EVIDENCE,
    GENES,
    SCORE_FORMATS,
    check_targets,
    file_stem,
    formats_with,
    write_results,
)
from conceptstain.cli.telling import ProgressLine, say_section, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from conceptstain.canvas.region import Region
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.spot_concepts import SpotConcepts, SpotScores
    from conceptstain.fitting import FitSettings
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.objectives import Objective

__all__ = ["fit_profiles", "spots"]

SEEDS = 3


def spots(  # noqa: PLR0917 - options, which typer passes by name
    file: File,
    region: Annotated[
        list[str], typer.Option(help="Spots: obs:layer=GCL or areas.geojson#GCL; repeatable.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    on: Annotated[
        list[str] | None,
        typer.Option(
            help="Another section to score; slides.h5ad#name where a file holds several; repeatable.",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(help="An encoder from fit --canvas spots; repeatable.", show_default="fit to this section"),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many encoders to fit.")] = SEEDS,
    contrast: Annotated[
        bool, typer.Option("--contrast/--no-contrast", help="Compare regions with each other, or with all other spots.")
    ] = True,
    rest: Annotated[
        bool, typer.Option("--rest/--no-rest", help="In a contrast, compare with the spots of no region, too.")
    ] = True,
    singly: Annotated[
        bool,
        typer.Option("--singly", help="To a contrast, add the score against all other spots: for other sections."),
    ] = False,
    direction: Annotated[
        SpotDirection,
        typer.Option(help="Along the difference of means, in units of how spots differ, or that from 30 spots on."),
    ] = SpotDirection.AUTO,
    neighbours: Annotated[
        bool,
        typer.Option(
            "--neighbours/--no-neighbours",
            help="Let neighbouring spots have a word, as far as cross-validation finds it worth.",
        ),
    ] = True,
    image: Image = None,
    alignment: Alignment = None,
    image_scale: ImageScale = None,
    section_name: SectionName = None,
    pixel_size: PixelSize = None,
    nulls: Nulls = 999,
    seed: Seed = 0,
    spatialdata: SpatialDataToo = False,
    overwrite: Overwrite = False,
) -> None:
    """Find spots like those of regions, here and on other sections, test them, and write .h5ad, tables and figures."""
    with told():
        from conceptstain.concepts.spot_concepts import SpotConceptSettings, spot_concepts
        from conceptstain.methods.spot_score import spot_score

        if not contrast and (singly or not rest):
            raise InputError(
                "This is a setting of a contrast",
                got=f"{'--singly' if singly else '--no-rest'} and --no-contrast",
                cure="Leave one of them out",
            )
        settings = SpotConceptSettings(direction.value, contrast, rest, None if neighbours else 0.0, singly)
        section, *others = _told_apart(
            [opened(file, image, alignment, image_scale, section_name), *map(opened_named, on or ())]
        )
        regions = _regions(region, section, pixel_size)
        called = "+".join(each.name for each in regions)
        stems = [file_stem(each.name, called) for each in (section, *others)]
        _check_stems(stems, (section, *others))
        formats = formats_with(SCORE_FORMATS, spatialdata=spatialdata)
        asked = (*formats, GENES, CONTROLS, *([EVIDENCE] if nulls else []))
        check_targets(out, stems[0], section, overwrite=overwrite, formats=asked)
        for stem, other in zip(stems[1:], others, strict=True):
            check_targets(out, stem, other, overwrite=overwrite, formats=formats)
        say_section(section)
        canvas, encoders = _canvas_and_encoders(section, weights or (), seeds=seeds, seed=seed)
        concepts = spot_concepts(regions, canvas, encoders, settings)
        _say_concepts(concepts)
        tables = {
            GENES: _gene_table(concepts),
            **spots_tested(concepts, nulls=nulls, seed=seed),
            CONTROLS: spots_controlled(concepts, seed=seed),
        }
        scored = [concepts.score(), *(concepts.score(other) for other in others)]
        for each in scored[1:]:
            _say_scored(concepts, each)
        written = []
        for stem, each in zip(stems, scored, strict=True):
            maps = [spot_score(concepts, name, each.canvas) for name in concepts.names]
            written += write_results(
                out,
                stem,
                each.section.view("genes"),
                maps,
                None,
                formats=formats,
                tables=tables if each is scored[0] else None,
                overwrite=overwrite,
            )
        say_written(written)


def fit_profiles(
    files: Sequence[Path],
    out: Path,
    *,
    seeds: int | None,
    latent: int | None,
    epochs: int | None,
    seed: int,
    overwrite: bool,
    section_names: Sequence[str] = (),
    objective: Objective | None = None,
) -> None:
    """Fit encoders of spot profiles to sections, with the genes of the first, and save each in a file of its own.

    What is None is as :meth:`~conceptstain.fitting.FitSettings.of` has it; ``seeds``: three.
    """
    from dataclasses import replace

    from conceptstain.fitting import FitSettings
    from conceptstain.nets.checkpoint import save_encoder
    from conceptstain.writing import check_writable

    number = SEEDS if seeds is None else seeds
    paths = [out.with_name(f"{out.stem}-{index}{out.suffix}") for index in range(number)]
    for path in paths:
        check_writable(path, overwrite=overwrite)
    first, *others = opened_all(files, section_names)
    canvas = first.view("spots")
    canvases = [canvas, *(other.view("spots", genes=canvas.features) for other in others)]
    for each in canvases[1:]:
        for note in each.notes:
            typer.echo(note)
    settings = FitSettings.of(canvas, objective=objective)
    if latent is not None:
        settings = replace(settings, network=replace(settings.network, latent=latent))
    if epochs is not None:
        settings = replace(settings, training=replace(settings.training, epochs=epochs))
    encoders = _fitted(canvases, settings, seeds=number, seed=seed)
    for path, encoder in zip(paths, encoders, strict=True):
        save_encoder(encoder, path)
        typer.echo(f"Wrote {path} (fingerprint {encoder.fingerprint}), fitted in {_seconds(encoder):.0f} s.")
        say_terms(encoder.card["history"])


def _regions(texts: Sequence[str], section: Section, pixel_size: float | None) -> list[Region]:
    """What is named, each once, and checked before a network is fitted; values of two columns are told apart."""
    from dataclasses import replace

    regions = [region_from(text, DrawnOn(lambda: section, pixel_size)) for text in dict.fromkeys(texts)]
    for each in regions:
        each.choose(section)
    names = [each.name for each in regions]
    return [replace(each, name=str(each.selector)) if names.count(each.name) > 1 else each for each in regions]


def _canvas_and_encoders(
    section: Section, weights: Sequence[Path], *, seeds: int, seed: int
) -> tuple[SpotProfiles, tuple[Encoder, ...]]:
    """The section as profiles, with encoders that were given or are fitted to it."""
    if not weights:
        from conceptstain.fitting import FitSettings

        canvas = section.view("spots")
        encoders = _fitted([canvas], FitSettings.of(canvas), seeds=seeds, seed=seed)
        seconds = sum(map(_seconds, encoders))
        typer.echo(f"Encoders: {len(encoders)}, fitted to {section.name} in {seconds:.0f} s.")
        return canvas, encoders
    from conceptstain.nets.checkpoint import load_encoder

    encoders = tuple(load_encoder(path) for path in weights)
    for path, encoder in zip(weights, encoders, strict=True):
        if not encoder.features:
            raise InputError(
                "These weights are of gene pictures, not of spots",
                got=str(path),
                cure="Fit encoders with fit --canvas spots, or leave --weights out",
            )
    canvas = section.view("spots", genes=encoders[0].features)
    for note in canvas.notes:
        typer.echo(f"  {note}")
    typer.echo(f"Encoders: {', '.join(f'{each.name} ({each.fingerprint})' for each in encoders)}.")
    return canvas, encoders


def _fitted(canvases: Sequence[SpotProfiles], settings: FitSettings, *, seeds: int, seed: int) -> tuple[Encoder, ...]:
    from dataclasses import replace

    from conceptstain.fitting import fit_seeds

    line = ProgressLine()
    try:
        seeded = replace(settings, training=replace(settings.training, seed=seed))
        return fit_seeds(list(canvases), seeded, seeds=seeds, report=line)
    finally:
        line.close()


def _seconds(encoder: Encoder) -> float:
    return float(encoder.card["history"]["seconds"])


def _told_apart(sections: Sequence[Section]) -> list[Section]:
    """The sections, those of one name called by their files: tools write one library id into all that they make."""
    from dataclasses import replace

    names = [section.name for section in sections]
    for name in dict.fromkeys(names):
        files = [section.path.name for section in sections if section.name == name and section.path is not None]
        if len(set(files)) > 1:
            typer.echo(f"{', '.join(files)} all hold a section named {name}; each is called by its file here.")
    return [
        replace(section, name=re.sub(r"(\.h5ad|\.tsv|\.tsv\.gz|\.zarr|\.zarr\.zip)$", "", section.path.name))
        if names.count(section.name) > 1 and section.path is not None
        else section
        for section in sections
    ]


def _check_stems(stems: Sequence[str], sections: Sequence[Section]) -> None:
    """Refuse sections whose results would be written over each other's."""
    repeated = [section.name for stem, section in zip(stems, sections, strict=True) if stems.count(stem) > 1]
    if repeated:
        raise InputError(
            "Two sections of one name would be written to the same files", got=repeated[0], cure="Rename one file"
        )


def _say_concepts(concepts: SpotConcepts) -> None:
    for name in concepts.names:
        typer.echo(f"Concept {name}: {concepts.concept(name, concepts.encoders[0]).origin}.")
    for note in concepts.notes:
        typer.echo(f"  {note}")


def _say_scored(concepts: SpotConcepts, scored: SpotScores) -> None:
    """What was assumed of another section; and, where it has the same annotation, how well that is found."""
    from conceptstain.concepts.cross_fit import auroc
    from conceptstain.concepts.sentences import fraction

    section = scored.section
    say_section(section)
    for note in scored.notes:
        typer.echo(f"  {note}")
    for region in concepts.regions:
        if region.is_portable_to(section):
            found = auroc(scored.table[region.name].to_numpy(), region.choose(section))
            typer.echo(f"{region.name} of {section.name} itself is found with AUROC {fraction(found)}.")


def _gene_table(concepts: SpotConcepts) -> pd.DataFrame:
    """The genes of every concept, those that go up with it first."""
    import pandas as pd

    from conceptstain.methods.concept_genes import concept_genes

    tables = {name: concept_genes(concepts, name) for name in concepts.names}
    return pd.concat(tables, names=["concept"]).reset_index(level="concept")
