"""What jobs run: plain functions with ``report=``, no Qt and no viewer. Heavy imports happen here, off the window."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from conceptstain.errors import ConceptStainError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition
    from conceptstain.methods.finding import Finding
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.picture_vae import Network
    from conceptstain.study import Study

__all__ = [
    "bundled_encoder",
    "export_figure",
    "export_results",
    "fit_encoder",
    "open_canvas",
    "read_encoder",
    "same_encoder",
    "stain",
    "try_concept",
    "view",
    "write_encoder",
]


def open_canvas(path: Path | None, image: Path | None, *, report: Report) -> GenePictures:
    """Open a section as gene pictures; ``path=None`` opens the bundled sample."""
    from conceptstain.canvas.reading import open_section
    from conceptstain.canvas.samples import open_sample

    report(Step(0, 2, "Reading"))
    _load_units()
    section = open_sample() if path is None else open_section(path, image=image)
    return view(section, report=report)


def view(section: Section, *, report: Report) -> GenePictures:
    """Make gene pictures of a section."""
    report(Step(1, 2, "Making gene pictures"))
    return section.view("genes")


def bundled_encoder(canvas: GenePictures, *, report: Report) -> Encoder:
    """Load the encoder that comes with the package, and encode the section with it."""
    _need_torch()
    from conceptstain.concepts.latents import latents_of
    from conceptstain.nets.bundled import bundled

    encoder = bundled("gene-pictures")
    latents_of(canvas, encoder, report=report)
    return encoder


def same_encoder(canvas: GenePictures, encoder: Encoder, *, report: Report) -> Encoder:
    """Keep an encoder for another view of the section it was used on."""
    from conceptstain.concepts.latents import latents_of

    latents_of(canvas, encoder, report=report)
    return encoder


def read_encoder(path: Path, canvas: GenePictures, *, report: Report) -> Encoder:
    """Load an encoder from a file, and encode the section with it."""
    _need_torch()
    from conceptstain.concepts.latents import latents_of
    from conceptstain.nets.checkpoint import load_encoder

    encoder = load_encoder(path)
    latents_of(canvas, encoder, report=report)
    return encoder


def fit_encoder(canvas: GenePictures, network: Network, epochs: int, *, report: Report) -> Encoder:
    """Fit an encoder to a section, and encode the section with it; 0 epochs: as many as it takes."""
    _need_torch()
    from dataclasses import replace

    from conceptstain.concepts.latents import latents_of
    from conceptstain.fitting import FitSettings, fit
    from conceptstain.nets.picture_vae import PictureVAESettings

    settings = FitSettings(network=PictureVAESettings.of(network))
    settings = replace(settings, training=replace(settings.training, epochs=epochs or None))
    encoder = fit(canvas, settings, report=report)
    latents_of(canvas, encoder)
    return encoder


def try_concept(study: Study, definition: Definition, *, report: Report) -> Concept:
    """Make a concept, so that one that cannot be made never enters the list."""
    _need_torch()
    return study.try_definition(definition, report=report)


def stain(study: Study, name: str, map_key: str, dimension: int, *, report: Report) -> tuple[Concept, Finding]:
    """Make a map of a concept."""
    _need_torch()
    from conceptstain.methods.maps import map_kind

    concept = study.concept(name, report=report)
    finding = map_kind(map_key).make(
        study.need_canvas(), study.need_encoder(), concept, dimension=dimension, report=report
    )
    return concept, finding


def export_figure(canvas: GenePictures, findings: tuple[Finding, ...], path: Path, *, report: Report) -> Path:
    """Draw maps and write the figure."""
    from conceptstain.figures import figure, save_figure

    report(Step(0, 1, "Drawing"))
    save_figure(figure(canvas, *findings), path, overwrite=True)  # the file dialog has asked
    return path


def export_results(
    canvas: GenePictures,
    encoder: Encoder,
    definitions: tuple[Definition, ...],
    findings: tuple[Finding, ...],
    *,
    path: Path,
    table: str,
    report: Report,
) -> Path:
    """Write what was found: a table of ``"spots"`` or ``"genes"`` (.csv), or the section with all of it (.h5ad)."""
    from conceptstain.concepts.concept import make
    from conceptstain.exporting import export

    report(Step(0, 1, "Writing"))
    made = {finding.concept.definition: finding.concept for finding in findings if finding.concept is not None}
    return export(
        path,
        canvas,
        findings,
        encoder,
        concepts=[made.get(each) or make(each, canvas, encoder, report=report) for each in definitions],
        table=table,
        overwrite=True,  # the file dialog has asked
    )


def write_encoder(encoder: Encoder, path: Path, *, report: Report) -> Path:
    """Save an encoder."""
    from conceptstain.nets.checkpoint import save_encoder

    report(Step(0, 1, "Writing"))
    save_encoder(encoder, path)
    return path


def _load_units() -> None:
    """Load the units that napari's layers ask for: half a second that would stop the window at the first layer."""
    import pint

    pint.get_application_registry().Unit("um")


def _need_torch() -> None:
    """Load PyTorch, and leave a core to the window: threads that wait for each other spin, and slow each other down."""
    try:
        import torch
    except OSError as error:  # on Windows its DLLs load only before Qt's
        raise ConceptStainError(
            "PyTorch could not be loaded",
            got=str(error).splitlines()[0],
            cure='Start napari with: python -c "import torch, napari; napari.Viewer(); napari.run()"',
        ) from error
    torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 2) - 1)))
