"""Maps of concepts of pictures and of slides from the command line: what ``stain`` does with these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import typer

from conceptstain.cli.choosing import check_shown, made
from conceptstain.cli.judging import controlled, tested
from conceptstain.cli.pictures import (
    RASTER,
    SCORES,
    PictureCanvas,
    canvas_of_pictures,
    fit_pictures,
    names_in,
    opened_pictures,
    picture_weights,
    say_pictures,
)
from conceptstain.cli.results import CONTROLS, EVIDENCE, check_files, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_written
from conceptstain.errors import ConceptStainError, InputError
from conceptstain.methods.maps import map_kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from conceptstain.canvas.canvas import Canvas
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition
    from conceptstain.methods.attribution import Attribution
    from conceptstain.methods.item_score import ItemScore
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.methods.maps import MapKind

__all__ = [
    "FIGURES",
    "MOST_PATCHES",
    "MOST_PICTURES",
    "STACK",
    "PictureStain",
    "holds_pictures",
    "middle",
    "named_in",
    "write_map",
]

DEFAULT_MAP = "gradient"
FIGURES = (".svg", ".pdf", ".png")
STACK = ".tif"
MOST_PICTURES, MOST_PATCHES = 24, 256  # that maps are drawn at, where none are named


def holds_pictures(file: Path) -> bool:
    """Whether a file or a folder is pictures or a slide; what cannot be told, a section's reader will tell."""
    from conceptstain.canvas.opening import kind_of

    try:
        return kind_of(file) != "section"
    except ConceptStainError:
        return False


@final
@dataclass(frozen=True)
class PictureStain:
    """What is asked of a set of pictures, or of a slide.

    Attributes
    ----------
    source, out
        What is stained, and the folder to write to.
    define
        The definition on a canvas, by the options that were given.
    kinds, settings
        Maps, and what was chosen about them.
    weights
        The encoder; None: one is fitted.
    at
        A list of names of what maps are drawn at.
    """

    source: Path
    out: Path
    define: Callable[[PictureCanvas], Definition]
    kinds: Sequence[MapKind]
    settings: MapSettings
    weights: Path | None
    at: Path | None
    space: str | None
    whiten: bool
    stride: int | None
    pixel_size: float | None
    with_controls: bool
    nulls: int
    seed: int
    overwrite: bool

    def write(self) -> None:
        """Make the concept, test it, paint its maps and write all of it."""
        from conceptstain.canvas.image_patches import ImagePatches
        from conceptstain.concepts.definition import LATENT
        from conceptstain.methods.item_score import item_score
        from conceptstain.nets.tap import layer_named

        loaded = picture_weights(self.weights)
        canvas = canvas_of_pictures(
            opened_pictures(self.source), loaded, stride=self.stride, pixel_size=self.pixel_size
        )
        kinds = list(self.kinds) or [map_kind(DEFAULT_MAP)]
        definition = self.define(canvas)
        if self.whiten:
            definition = replace(definition, form="whitened")
        for kind in kinds:
            kind.check(definition.in_space(self.space or LATENT))
        check_shown(kinds, canvas)
        named = None if self.at is None else named_in(self.at, canvas)
        stem = file_stem(canvas.source.name, definition.name)
        is_slide = isinstance(canvas, ImagePatches)
        endings = [f"-{kind.key}{'.ome' * is_slide}{STACK}" for kind in kinds]
        endings += [*FIGURES, SCORES, *([RASTER] if is_slide else []), *([EVIDENCE] if self.nulls else [])]
        targets = [self.out / f"{stem}{each}" for each in (*endings, *([CONTROLS] if self.with_controls else []))]
        check_files(self.out, targets, [self.source] if self.source.is_file() else [], overwrite=self.overwrite)
        encoder = loaded or fit_pictures([canvas], seed=self.seed)
        if self.space:
            definition = definition.in_space(layer_named(encoder, self.space))
        concept = made(definition, canvas, encoder)
        say_pictures(canvas)
        typer.echo(f"Encoder: {encoder.name}, {encoder.latent} latent dimensions (fingerprint {encoder.fingerprint}).")
        typer.echo(f"Concept {concept.name}: {concept.origin}.")
        items = _asked_at(canvas, concept) if named is None else named
        line = ProgressLine()
        try:
            how: dict[str, Any] = {"settings": self.settings, "items": items, "report": line}
            painted = [kind.make(canvas, encoder, concept, **how) for kind in kinds]
            score = item_score(canvas, encoder, concept, report=line)
        finally:
            line.close()
        tables = {} if definition.like else tested(concept, canvas, encoder, nulls=self.nulls, seed=self.seed)
        for note in () if tables else concept.notes:  # the evidence tells them, too
            typer.echo(f"  {note}")
        if self.with_controls:
            about: tuple[Any, ...] = (concept, canvas, encoder, [kind.key for kind in kinds])
            try:
                tables[CONTROLS] = controlled(*about, settings=self.settings, seed=self.seed)
            except InputError as error:
                typer.echo(f"No controls: {error}")
        self._put(stem, canvas, list(zip(endings, painted, strict=False)), score, tables)

    def _put(
        self,
        stem: str,
        canvas: PictureCanvas,
        maps: Sequence[tuple[str, Attribution]],
        score: ItemScore,
        tables: dict[str, Any],
    ) -> None:
        from conceptstain.canvas.score_raster import ScoreRaster
        from conceptstain.concepts.item_scores import ConceptScores
        from conceptstain.exporting import write_table
        from conceptstain.figures import figure, save_figure
        from conceptstain.raster_file import write_raster

        found = ConceptScores(score.concept, canvas, score.values)
        raster = found.painted()
        is_slide = isinstance(raster, ScoreRaster)
        drawn = figure(canvas, *([score] if is_slide else []), *(each for _, each in maps))
        with put_together(self.out) as folder:
            written = [save_figure(drawn, folder / f"{stem}{ending}") for ending in FIGURES]
            written += [write_map(each, canvas, folder / f"{stem}{ending}") for ending, each in maps]
            written.append(write_table(found.table(), folder / f"{stem}{SCORES}"))
            if isinstance(raster, ScoreRaster):
                written.append(write_raster(raster, folder / f"{stem}{RASTER}"))
            written += [write_table(table, folder / f"{stem}{ending}") for ending, table in tables.items()]
        say_written([self.out / path.name for path in written])


def write_map(each: Attribution, canvas: PictureCanvas, path: Path) -> Path:
    """A stack with a page for every picture, or the raster of the patches that a map was drawn at."""
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.picture_painting import patch_painting, picture_painting
    from conceptstain.raster_file import write_raster, write_stack

    if isinstance(canvas, ImagePatches):
        return write_raster(patch_painting(each, canvas), path)
    pages = picture_painting(each, canvas).maps
    if not each.items:  # one for all of them
        return write_stack({each.title: next(iter(pages.values()))}, path)
    return write_stack({str(canvas.item_names[item]): values for item, values in pages.items()}, path)


def named_in(at: Path, canvas: Canvas) -> list[int]:
    """Indices of the items that a list names; an InputError where it names none."""
    from conceptstain.canvas.expression import several

    items = [canvas.item(name) for name in names_in(at)]
    if not items:
        things = several(canvas.noun)
        raise InputError(f"The list names no {things}", got=at.name, cure="Write one name a line, or leave --at out")
    return sorted(set(items))


def _asked_at(canvas: PictureCanvas, concept: Concept) -> list[int]:
    """The first 24 pictures that the concept is made of; of patches the 256 that lie nearest their middle."""
    from conceptstain.canvas.image_patches import ImagePatches

    items = [canvas.item(name) for name in concept.items]
    return middle(canvas, items) if isinstance(canvas, ImagePatches) else items[:MOST_PICTURES]


def middle(canvas: ImagePatches, items: list[int]) -> list[int]:
    """Of patches, the 256 that lie nearest the middle of all."""
    import numpy as np

    corners: NDArray[np.integer] = canvas.corners[items]
    away = np.linalg.norm(corners - corners.mean(axis=0), axis=1)
    return sorted(items[nearest] for nearest in np.argsort(away, kind="stable")[:MOST_PATCHES])
