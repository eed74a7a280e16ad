"""What jobs run: plain functions with ``report=``, no Qt and no viewer. Heavy imports happen here, off the window."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from conceptstain.errors import ConceptStainError, InputError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Layer

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.layer_source import LayerSource
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.picture_vae import Network
    from conceptstain.study import Study
    from conceptstain.study.autosave import Autosave, Restorable
    from conceptstain.study.snapshot import Snapshot

__all__ = [
    "OfferedLayer",
    "Stained",
    "autosave_study",
    "bundled_encoder",
    "compare_concepts",
    "compare_with_controls",
    "discard_study",
    "export_figure",
    "export_results",
    "fit_encoder",
    "fit_spot_encoders",
    "forget_autosave",
    "live_map",
    "methods_paragraph",
    "offered_layers",
    "open_canvas",
    "read_encoders",
    "restorable_studies",
    "restore_study",
    "same_encoder",
    "same_spot_encoders",
    "save_study",
    "stain",
    "take_layer",
    "tested_concept",
    "told_by",
    "try_concept",
    "view",
    "write_encoders",
    "write_recipe",
]


def open_canvas(
    path: Path | None, image: Path | None, section: str | None = None, *, report: Report
) -> GenePictures | Study:
    """Open a section as gene pictures, or the study that the file holds; ``path=None`` opens the bundled sample."""
    from conceptstain.canvas.reading import open_section
    from conceptstain.canvas.samples import open_sample

    report(Step(0, 2, "Reading"))
    _load_units()
    opened = open_sample() if path is None else open_section(path, image=image, section=section)
    if path is not None and image is None and opened.path is not None and _holds_study(opened):
        from conceptstain.study.saving import open_study

        _need_torch()
        report(Step(1, 2, "Opening the study"))
        return open_study(opened.path)
    return view(opened, report=report)


class OfferedLayer(NamedTuple):
    """A layer of the viewer; it can be taken where nothing speaks against it."""

    layer: Layer
    against: str = ""
    in_colour: bool = False


def offered_layers(layers: Iterable[Layer]) -> tuple[list[OfferedLayer], list[OfferedLayer]]:
    """All layers, with what speaks against taking each as a section; and those that can be pictures."""
    from conceptstain.canvas.layer_section import check_layer, check_layer_as_image

    sections: list[OfferedLayer] = []
    pictures: list[OfferedLayer] = []
    for layer in layers:
        against = ""
        try:
            check_layer(layer)
        except ConceptStainError as error:
            against = str(error)
        sections.append(OfferedLayer(layer, against))
        with suppress(ConceptStainError):
            pictures.append(OfferedLayer(layer, in_colour=check_layer_as_image(layer).rgb))
    return sections, pictures


def told_by(layer: Layer, picture: Layer | None) -> tuple[LayerSource, LayerSource | None]:
    """What the layers say now; jobs must not look at layers, which the user may change meanwhile."""
    from conceptstain.canvas.layer_section import check_layer, check_layer_as_image

    return check_layer(layer), None if picture is None else check_layer_as_image(picture)


def take_layer(source: LayerSource, picture: LayerSource | None, *, report: Report) -> GenePictures:
    """Open what a layer said, with a picture under it, as gene pictures."""
    from conceptstain.canvas.layer_section import section_of_layer

    report(Step(0, 2, "Reading the layer"))
    _load_units()
    return view(section_of_layer(source, picture), report=report)


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


def read_encoders(
    paths: tuple[Path, ...], canvas: GenePictures, *, report: Report
) -> Encoder | tuple[SpotProfiles, tuple[Encoder, ...]]:
    """Load the encoder of gene pictures in a file, or the encoders of spot profiles in several."""
    _need_torch()
    from conceptstain.concepts.latents import latents_of
    from conceptstain.nets.checkpoint import load_encoder

    encoders = tuple(load_encoder(path) for path in paths)
    if all(encoder.features for encoder in encoders):
        return same_spot_encoders(canvas, encoders, report=report)
    if len(encoders) > 1:
        raise InputError(
            "One encoder of gene pictures is used at a time",
            got=f"{len(encoders)} files",
            cure="Choose one file, or several encoders of spot profiles",
        )
    latents_of(canvas, encoders[0], report=report)
    return encoders[0]


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


def fit_spot_encoders(canvas: GenePictures, epochs: int, *, report: Report) -> tuple[SpotProfiles, tuple[Encoder, ...]]:
    """Fit encoders of spot profiles to a section, from three seeds; 0 epochs: as many as it takes."""
    _need_torch()
    from dataclasses import replace

    from conceptstain.concepts.latents import latents_of
    from conceptstain.fitting import FitSettings, fit_seeds

    report(Step(0, 1, "Choosing genes"))
    profiles = canvas.section.view("spots")
    settings = FitSettings.of(profiles)
    settings = replace(settings, training=replace(settings.training, epochs=epochs or settings.training.epochs))
    encoders = fit_seeds(profiles, settings, report=report)
    for encoder in encoders:
        latents_of(profiles, encoder)
    return profiles, encoders


def same_spot_encoders(
    canvas: GenePictures, encoders: tuple[Encoder, ...], *, report: Report
) -> tuple[SpotProfiles, tuple[Encoder, ...]]:
    """Keep encoders of spot profiles for another view of the section they were used on."""
    report(Step(0, 1, "Viewing spots"))
    return canvas.section.view("spots", genes=encoders[0].features), encoders


def try_concept(study: Study, definition: Definition, *, report: Report) -> Concept:
    """Make a concept, so that one that cannot be made never enters the list."""
    _need_torch()
    return study.try_definition(definition, report=report)


class Stained(NamedTuple):
    """A concept, its map, and for a concept of spots its genes: see :func:`conceptstain.concept_genes`."""

    concept: Concept
    finding: Finding
    genes: pd.DataFrame | None = None


def stain(study: Study, name: str, map_key: str, settings: MapSettings, *, report: Report) -> Stained:
    """Make a map of a concept."""
    _need_torch()
    from conceptstain.methods.maps import SPOT_SCORE, map_kind

    if map_key == SPOT_SCORE.key:
        score = study.spot_score(name, report=report)
        return Stained(score.concept, score, study.spot_genes(name, report=report))
    concept = study.concept(name, report=report)
    canvas, encoder = study.need_canvas(), study.need_encoder()
    return Stained(concept, map_kind(map_key).make(canvas, encoder, concept, settings=settings, report=report))


def live_map(study: Study, definition: Definition, map_key: str, settings: MapSettings, *, report: Report) -> Finding:
    """Make a map of a concept that is still being drawn, and keep nothing of it."""
    _need_torch()
    return study.preview(definition, map_key, settings=settings, report=report)


def tested_concept(study: Study, name: str, n_null: int, *, report: Report) -> Evidence:
    """Make the evidence for a concept."""
    _need_torch()
    return study.evidence(name, n_null=n_null, report=report)


def compare_concepts(study: Study, *, report: Report) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cosines between all concepts that live in the latent space, and what random genes reach."""
    _need_torch()
    names = [entry.name for entry in study.entries if study.concept(entry.name, report=report).space == "latent"]
    return study.cosines(*names, report=report), study.random_cosines(*names, report=report)


def compare_with_controls(study: Study, name: str, map_key: str, settings: MapSettings, *, report: Report) -> Controls:
    """Draw what a map has to beat."""
    _need_torch()
    return study.controls(name, map_key, settings=settings, report=report)


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
    """Write what was found: a table of ``"spots"`` or ``"genes"`` (.csv), or the section with all of it.

    That is AnnData (.h5ad) or SpatialData (.zarr).
    """
    from conceptstain.concepts.concept import make
    from conceptstain.exporting import export
    from conceptstain.spatialdata_file import write_spatialdata

    report(Step(0, 1, "Writing"))
    made = {finding.concept.definition: finding.concept for finding in findings if finding.concept is not None}
    concepts = [made.get(each) or make(each, canvas, encoder, report=report) for each in definitions]
    if path.suffix.lower() == ".zarr":
        return write_spatialdata(path, canvas, findings, encoder, concepts=concepts, overwrite=True)
    return export(
        path,
        canvas,
        findings,
        encoder,
        concepts=concepts,
        table=table,
        overwrite=True,  # the file dialog has asked
    )


def write_encoders(encoders: tuple[Encoder, ...], path: Path, *, report: Report) -> Path:
    """Save an encoder under a name, or several with a number after it."""
    from conceptstain.nets.checkpoint import save_encoder

    paths = [path]
    if len(encoders) > 1:
        paths = [path.with_stem(f"{path.stem}-{number}") for number in range(len(encoders))]
        there = [each.name for each in paths if each.exists()]
        if there:  # the file dialog has asked about the name without a number
            raise InputError("A file exists already", got=", ".join(there), cure="Choose another name")
    for number, (encoder, each) in enumerate(zip(encoders, paths, strict=True)):
        report(Step(number, len(encoders), "Writing"))
        save_encoder(encoder, each)
    return path


def write_recipe(snapshot: Snapshot, path: Path, *, report: Report) -> Path:
    """Write a study down as a recipe, with the weights of its encoders beside it."""
    from conceptstain.recipe.schema import Recipe

    report(Step(0, 1, "Writing"))
    encoders = [each for each in (snapshot.encoder, *snapshot.spot_encoders) if each is not None]
    written = Recipe.of(snapshot).write(path, encoders=encoders, overwrite=True)  # the file dialog has asked
    return written[0]


def methods_paragraph(snapshot: Snapshot, *, report: Report) -> str:
    """What was done, for a paper."""
    from conceptstain.recipe.schema import Recipe

    report(Step(0, 1, "Writing"))
    return Recipe.of(snapshot).methods_paragraph()


def save_study(snapshot: Snapshot, path: Path, own: Path | None, *, report: Report) -> Path:
    """Save a study as it was when the snapshot was taken."""
    from conceptstain.study.saving import save_study as save

    return save(snapshot, path, overwrite=True, own=own, report=report)  # the file dialog has asked


def autosave_study(autosave: Autosave, snapshot: Snapshot, saved_as: Path | None, *, report: Report) -> None:
    """Write a snapshot where it can be restored from."""
    autosave.write(snapshot, saved_as=saved_as, report=report)


def forget_autosave(autosave: Autosave, *, report: Report) -> None:
    """Delete what was autosaved of a study that is saved now."""
    report(Step(0, 1))
    autosave.clear()


def restorable_studies(*, report: Report) -> tuple[Restorable, ...]:
    """What sessions that have ended left unsaved."""
    from conceptstain.study.autosave import restorable

    report(Step(0, 1))
    return restorable()


def restore_study(found: Restorable, *, report: Report) -> Study:
    """Open what a session left unsaved."""
    _need_torch()
    report(Step(0, 1, "Restoring"))
    return found.open()


def discard_study(found: Restorable, *, report: Report) -> None:
    """Delete what a session left unsaved."""
    report(Step(0, 1))
    found.discard()


def _holds_study(section: Section) -> bool:
    from collections.abc import Mapping

    from conceptstain.exporting import UNS_KEY

    return isinstance(section.adata.uns.get(UNS_KEY), Mapping)


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
