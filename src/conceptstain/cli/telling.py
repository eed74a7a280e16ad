"""What the command line says: what it did on standard output, progress and errors on standard error."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, final

import typer

from conceptstain.errors import ConceptStainError
from conceptstain.progress import Step

if TYPE_CHECKING:
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section
    from conceptstain.concepts.concept import Concept

__all__ = ["ProgressLine", "say_encoders", "say_neighbours", "say_section", "say_written", "told"]

NEIGHBOURS_SHOWN = 10


@contextmanager
def told() -> Iterator[None]:
    """Tell errors made on purpose in one line and exit with 2; let all others pass.

    Warnings of other packages are hushed: they speak to programmers.
    """
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        try:
            yield
        except ConceptStainError as error:
            typer.echo(f"conceptstain: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error


@final
class ProgressLine:
    """A report that keeps one line on standard error up to date; silent where nobody watches but at whole epochs."""

    def __init__(self) -> None:
        self.shown = ""
        self.live = sys.stderr.isatty()

    def __call__(self, step: Step) -> None:
        """Show a step."""
        told = f"{step.message}, {step.fraction:.0%}" if self.live else step.message if step.values else self.shown
        told += "".join(f", {name} {value:.4g}" for name, value in step.values.items())
        if told != self.shown:
            typer.echo(f"\r\x1b[K{told}" if self.live else told, err=True, nl=not self.live)
            self.shown = told

    def close(self) -> None:
        """Leave the line."""
        if self.live and self.shown:
            typer.echo("", err=True)


def say_section(section: Section) -> None:
    """What was read, and what was assumed in reading it."""
    image = "no tissue image" if section.image is None else "with its tissue image"
    typer.echo(
        f"Section {section.name}: {section.n_spots:,} spots x {section.n_genes:,} genes, {image}, in {section.unit}."
    )
    for note in section.notes:
        typer.echo(f"  {note}")


def say_neighbours(concept: Concept) -> None:
    """The genes nearest to the one a concept is like."""
    from conceptstain.concepts.members import place_of

    nearest = concept.table["r"].iloc[1 : NEIGHBOURS_SHOWN + 1]
    told = ", ".join(f"{gene} {r:.3f}" for gene, r in nearest.items())
    typer.echo(f"Nearest to {concept.items[0]} in {place_of(concept.space)} (Pearson's r): {told}")


def say_encoders(canvas: GenePictures, file: Path, section_name: str | None = None) -> None:
    """Which bundled encoders fit a canvas, and how to fit one."""
    from conceptstain.nets.bundled import bundled, bundled_names

    for name in bundled_names():
        encoder = bundled(name)
        try:
            encoder.check(canvas)
        except ConceptStainError as error:
            typer.echo(f"Encoder {name}: does not fit. {error}")
        else:
            typer.echo(f"Encoder {name}: fits ({encoder.latent} latent dimensions, comes with the package).")
    chosen = f' --section "{section_name}"' if section_name else ""
    typer.echo(f"Encoder of its own: conceptstain fit {file}{chosen} --out weights.safetensors")


def say_written(paths: Sequence[Path]) -> None:
    """The files that were written."""
    typer.echo("Wrote:")
    for path in paths:
        typer.echo(f"  {path}")
