"""What jobs run: plain functions with ``report=``, no Qt and no viewer. Heavy imports happen here, off the window."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from conceptstain.errors import ConceptStainError, InputError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Layer

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.image_layer import ImageLayer
    from conceptstain.canvas.images import Images
    from conceptstain.canvas.layer_source import LayerSource
    from conceptstain.canvas.opening import Opened
    from conceptstain.canvas.patch_blocks import World
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.slide import Slide
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.methods.checks import Checked
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.item_score import ItemScore
    from conceptstain.methods.link import Link
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.objectives import Objective
    from conceptstain.study import Study
    from conceptstain.study.autosave import Autosave, Restorable
    from conceptstain.study.snapshot import Snapshot

__all__ = [
    "OfferedLayer",
    "Stained",
    "autosave_study",
    "bundled_encoder",
    "check_map",
    "compare_concepts",
    "compare_with_controls",
    "discard_study",
    "export_figure",
    "export_results",
    "fit_encoder",
    "fit_spot_encoders",
    "forget_autosave",
    "is_scored_at_once",
    "live_map",
    "methods_paragraph",
    "need_torch",
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


GROWTH = 0.5  # seconds from one painting of a score that grows to the next
SIDE = 64  # pixels along a side of what a network sees of pictures and slides, as the bundled encoder does


def open_canvas(
    path: Path | None, image: Path | None, section: str | None = None, *, report: Report
) -> PictureCanvas | Study:
    """Open a section, pictures or a slide, or the study that the file holds; ``path=None`` opens the bundled sample."""
    from conceptstain.canvas.opening import open_source
    from conceptstain.canvas.samples import open_sample
    from conceptstain.canvas.section import Section

    report(Step(0, 2, "Reading"))
    _load_units()
    if path is not None and image is None and holds_study_of_pictures(path):
        return open_study_of_pictures(path, None, report=report)
    opened: Opened
    opened = open_sample() if path is None else open_source(path, image=image, section=section, report=report)
    if image is None and isinstance(opened, Section) and opened.path is not None and _holds_study(opened):
        from conceptstain.study.saving import open_study

        need_torch()
        report(Step(1, 2, "Opening the study"))
        return open_study(opened.path)
    return view(opened, report=report)


def holds_study_of_pictures(path: Path) -> bool:
    """Whether a file is a study of pictures or of a slide; it is not read, and PyTorch not loaded."""
    from conceptstain.canvas.anndata_file import items_held

    return path.exists() and items_held(path) is not None


def open_study_of_pictures(path: Path, pictures: Path | None, *, report: Report) -> Study:
    """Open a study of pictures or of a slide; None: where they were when it was saved."""
    from conceptstain.study.saving import open_study

    need_torch()
    report(Step(0, 2, "Opening the study"))
    return open_study(path, pictures=pictures, report=report)


class OfferedLayer(NamedTuple):
    """A layer of the viewer; it can be taken where nothing speaks against it, as ``taken_as``."""

    layer: Layer
    against: str = ""
    in_colour: bool = False
    taken_as: str = "section"


def offered_layers(layers: Iterable[Layer]) -> tuple[list[OfferedLayer], list[OfferedLayer]]:
    """All layers, with what speaks against taking each; and those that can lie under spots as their picture."""
    from conceptstain.canvas.image_layer import read_image_layer
    from conceptstain.canvas.layer_section import check_layer, check_layer_as_image

    sections: list[OfferedLayer] = []
    pictures: list[OfferedLayer] = []
    for layer in layers:
        against, taken_as = "", "section"
        try:
            if _is_image(layer):
                taken_as = "pictures" if layer.ndim == 3 else "slide"
                read_image_layer(layer)
            else:
                check_layer(layer)
        except ConceptStainError as error:
            against = str(error)
        sections.append(OfferedLayer(layer, against, taken_as=taken_as))
        with suppress(ConceptStainError):
            pictures.append(OfferedLayer(layer, in_colour=check_layer_as_image(layer).rgb))
    return sections, pictures


def told_by(
    layer: Layer, picture: Layer | None
) -> tuple[LayerSource | ImageLayer | Images | Slide, LayerSource | None]:
    """What the layers say now; jobs must not look at layers, which the user may change meanwhile."""
    from conceptstain.canvas.image_layer import read_image_layer
    from conceptstain.canvas.layer_section import check_layer, check_layer_as_image

    if _is_image(layer):
        return read_image_layer(layer), None
    return check_layer(layer), None if picture is None else check_layer_as_image(picture)


def take_layer(
    source: LayerSource | ImageLayer | Images | Slide, picture: LayerSource | None, *, report: Report
) -> PictureCanvas:
    """Open what a layer said: spots with a picture under them, pictures, or a slide."""
    from conceptstain.canvas.image_layer import ImageLayer
    from conceptstain.canvas.layer_section import section_of_layer
    from conceptstain.canvas.layer_source import LayerSource
    from conceptstain.canvas.opening import open_image_layer

    report(Step(0, 2, "Reading the layer"))
    _load_units()
    if isinstance(source, LayerSource):
        return view(section_of_layer(source, picture), report=report)
    if isinstance(source, ImageLayer):
        source = open_image_layer(source, report=report)
    return view(source, report=report)


def _is_image(layer: Layer) -> bool:
    """Whether it shows numbers or colours; labels, which are images to napari, too, are areas."""
    kinds = {base.__name__ for base in type(layer).__mro__}
    return "Image" in kinds and "Labels" not in kinds


def view(source: Opened, side: int = SIDE, *, report: Report) -> PictureCanvas:
    """View a section as gene pictures, a set of pictures each on a frame, a slide as patches, of that many pixels."""
    from conceptstain.canvas.images import Images
    from conceptstain.canvas.slide import Slide

    if isinstance(source, Images):
        report(Step(1, 2, "Viewing pictures"))
        return source.view("images", frame=side)
    if isinstance(source, Slide):
        report(Step(1, 2, "Looking for tissue"))
        return source.view("patches", size=side)
    report(Step(1, 2, "Making gene pictures"))
    return source.view("genes")


def bundled_encoder(canvas: PictureCanvas, *, report: Report) -> Encoder:
    """Load the encoder that comes with the package, and encode with it what is open."""
    need_torch()
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.nets.bundled import bundled

    name = "gene-pictures" if isinstance(canvas, GenePictures) else "histology-patches"
    return same_encoder(canvas, bundled(name), report=report)


def same_encoder(canvas: PictureCanvas, encoder: Encoder, *, report: Report) -> Encoder:
    """Encode what is open, but for a slide, of which only what is asked for is encoded."""
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.concepts.latents import latents_of

    encoder.check(canvas)
    if not isinstance(canvas, ImagePatches):
        latents_of(canvas, encoder, report=report)
    return encoder


def read_encoders(
    paths: tuple[Path, ...], canvas: PictureCanvas, *, report: Report
) -> Encoder | tuple[SpotProfiles, tuple[Encoder, ...]]:
    """Load the encoder of pictures in a file, or the encoders of spot profiles in several; ``.pt2``: the user's own."""
    need_torch()
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.nets.checkpoint import load_encoder
    from conceptstain.nets.own_networks import own_encoder

    exported = [path.suffix.lower() == ".pt2" for path in paths]
    encoders = tuple(
        own_encoder(path, scaling=canvas.scaling) if of_others else load_encoder(path)
        for path, of_others in zip(paths, exported, strict=True)
    )
    if isinstance(canvas, GenePictures) and all(encoder.features for encoder in encoders):
        return same_spot_encoders(canvas, encoders, report=report)
    if len(encoders) > 1:
        raise InputError(
            "One encoder of pictures is used at a time",
            got=f"{len(encoders)} files",
            cure="Choose one file, or several encoders of spot profiles",
        )
    return same_encoder(canvas, encoders[0], report=report)


def own_network(factory: str, weights: Path | None, canvas: PictureCanvas, *, report: Report) -> Encoder:
    """Take the network that a function of the user's builds as the encoder; naming the function runs its code."""
    need_torch()
    from conceptstain.nets.own_networks import own_encoder

    report(Step(0, 1, "Building the network"))
    encoder = own_encoder(factory, shape=canvas.shape, weights=weights, scaling=canvas.scaling)
    return same_encoder(canvas, encoder, report=report)


def fit_encoder(
    canvas: PictureCanvas, network: str, epochs: int, objective: Objective | None = None, *, report: Report
) -> Encoder:
    """Fit an encoder to what is open, and encode that with it; 0 epochs: as many as it takes."""
    need_torch()
    from dataclasses import replace
    from typing import Any, cast

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.fitting import FitSettings, fit
    from conceptstain.nets.objectives import Objective
    from conceptstain.nets.picture_vae import PictureVAESettings

    kind = cast("Any", network)
    of_genes = isinstance(canvas, GenePictures)
    settings = FitSettings(PictureVAESettings.of(kind)) if of_genes else FitSettings.of(canvas, network=kind)
    wanted = epochs or (None if of_genes else settings.training.epochs)
    training = replace(settings.training, epochs=wanted, objective=objective or Objective())
    settings = replace(settings, training=training)
    return same_encoder(canvas, fit(canvas, settings, report=report), report=report)


def fit_spot_encoders(canvas: GenePictures, epochs: int, *, report: Report) -> tuple[SpotProfiles, tuple[Encoder, ...]]:
    """Fit encoders of spot profiles to a section, from three seeds; 0 epochs: as many as it takes."""
    need_torch()
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
    need_torch()
    return study.try_definition(definition, report=report)


class Stained(NamedTuple):
    """A concept and its map.

    Attributes
    ----------
    concept
        What is painted; None: a map of no concept.
    finding
        Its map.
    genes
        By a spot score, the genes of the concept: see :func:`conceptstain.concept_genes`.
    scores
        By any other map, how much every gene, picture or patch has of it; None: a slide is not encoded for that.
    deviation
        Of a map of deviations on pictures, how far each of them deviates: these are ranked by it.
    """

    concept: Concept | None
    finding: Finding
    genes: pd.DataFrame | None = None
    scores: np.ndarray | None = None
    deviation: ItemScore | None = None


def go_on(study: Study, name: str, finding: Finding, *, report: Report) -> Stained:
    """Take up a map that is there already, such as that of an opened study."""
    need_torch()
    _ = study.need_canvas().item_names  # those of a slide take a while, which the window need not wait for
    return _ranked(study, name, study.concept(name, report=report), finding, report)


def _ranked(study: Study, name: str, concept: Concept, finding: Finding, report: Report) -> Stained:
    """A map with what genes, pictures or patches are ranked by."""
    from conceptstain.methods.maps import DEVIATION

    if finding.method == DEVIATION and study.need_canvas().noun == "picture":
        with suppress(InputError):  # of two or three pictures nobody knows how they vary
            deviation = study.item_deviation(name, report=report)
            return Stained(concept, finding, scores=deviation.values, deviation=deviation)
        return Stained(concept, finding)
    return Stained(concept, finding, scores=_scores(study, name, finding, report))


def _scores(study: Study, name: str, finding: Finding, report: Report) -> np.ndarray | None:
    from conceptstain.methods.item_score import ItemScore

    if isinstance(finding, ItemScore):
        return finding.values
    return None if study.need_canvas().noun == "patch" else study.item_scores(name, report=report)


def stain(study: Study, name: str, map_key: str, settings: MapSettings, *, report: Report) -> Stained:
    """Make a map of a concept."""
    need_torch()
    from conceptstain.methods.maps import SPOT_SCORE, map_kind

    if map_key == SPOT_SCORE.key:
        score = study.spot_score(name, report=report)
        return Stained(score.concept, score, study.spot_genes(name, report=report))
    if not name:
        return _of_no_concept(study, map_key, settings, None, report)
    concept = study.concept(name, report=report)
    canvas, encoder = study.need_canvas(), study.need_encoder()
    made = map_kind(map_key).make(canvas, encoder, concept, settings=settings, report=report)
    return _ranked(study, name, concept, made, report)


def stain_items(
    study: Study, name: str, map_key: str, settings: MapSettings, items: tuple[int, ...], *, report: Report
) -> Stained:
    """Make a map of a concept at these pictures or patches."""
    need_torch()
    from conceptstain.methods.maps import map_kind

    if not name:
        return _of_no_concept(study, map_key, settings, items or None, report)
    concept = study.concept(name, report=report)
    canvas, encoder = study.need_canvas(), study.need_encoder()
    kind = map_kind(map_key)
    made = kind.make(canvas, encoder, concept, settings=settings, items=items or None, report=report)
    return _ranked(study, name, concept, made, report)


def _of_no_concept(
    study: Study, map_key: str, settings: MapSettings, items: tuple[int, ...] | None, report: Report
) -> Stained:
    """Make the one map that needs no concept, at these items, or its mean over all."""
    from conceptstain.methods.attention import attention

    if map_key != "attention":
        raise InputError("A map is of a concept", got=map_key, cure="Make or choose a concept first")
    canvas, encoder = study.need_canvas(), study.need_encoder()
    dimension, variant = settings.dimension, settings.attention
    made = attention(canvas, encoder, dimension=dimension, variant=variant, items=items, report=report)
    return Stained(None, made)


def stain_score(
    study: Study, name: str, visible: World, grown: Callable[[ItemScore], None], *, report: Report
) -> Stained:
    """Score the patches of a slide by a concept: ``grown`` is told of the score a few times a second, as it grows."""
    need_torch()
    import time

    concept, told = study.concept(name, report=report), 0.0
    for score in study.item_score_runs(name, visible=visible, report=report):
        if time.monotonic() - told > GROWTH:
            grown(score)
            told = time.monotonic()
    return Stained(concept, score, scores=score.values)


def live_map(study: Study, definition: Definition, map_key: str, settings: MapSettings, *, report: Report) -> Finding:
    """Make a map of a concept that is still being drawn, and keep nothing of it."""
    need_torch()
    return study.preview(definition, map_key, settings=settings, report=report)


def is_scored_at_once(study: Study, map_key: str) -> bool:
    """Whether a score of a slide takes no longer than a blink: its patches are encoded already."""
    from conceptstain.concepts.latents import kept_latents
    from conceptstain.methods.maps import ITEM_DEVIATION, ITEM_SCORE

    if map_key not in {ITEM_SCORE.key, ITEM_DEVIATION.key} or study.encoder is None:
        return False
    return kept_latents(study.need_canvas(), study.encoder) is not None


def tested_concept(study: Study, name: str, n_null: int, *, report: Report) -> Evidence:
    """Make the evidence for a concept."""
    need_torch()
    return study.evidence(name, n_null=n_null, report=report)


def compare_concepts(study: Study, *, report: Report) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Cosines between all concepts that live in the latent space, and what random ones reach; None: units have none."""
    need_torch()
    names = [entry.name for entry in study.entries if study.concept(entry.name, report=report).space == "latent"]
    chance = None
    with suppress(InputError):
        chance = study.random_cosines(*names, report=report)
    return study.cosines(*names, report=report), chance


def compare_with_controls(study: Study, name: str, map_key: str, settings: MapSettings, *, report: Report) -> Controls:
    """Draw what a map has to beat."""
    need_torch()
    return study.controls(name, map_key, settings=settings, report=report)


def check_map(study: Study, name: str, map_key: str, settings: MapSettings, check: str, *, report: Report) -> Checked:
    """Put a map of a concept to a check."""
    need_torch()
    from conceptstain.methods.checks import check_kind

    concept = study.concept(name, report=report)
    about = (study.need_canvas(), study.need_encoder(), concept)
    return check_kind(check).make(map_key, *about, settings=settings, report=report)


def export_figure(canvas: PictureCanvas, findings: tuple[Finding, ...], path: Path, *, report: Report) -> Path:
    """Draw maps and write the figure."""
    from conceptstain.figures import figure, save_figure

    report(Step(0, 1, "Drawing"))
    save_figure(figure(canvas, *findings), path, overwrite=True)  # the file dialog has asked
    return path


def export_results(
    canvas: PictureCanvas,
    encoder: Encoder,
    definitions: tuple[Definition, ...],
    findings: tuple[Finding, ...],
    *,
    path: Path,
    table: str,
    report: Report,
) -> Path:
    """Write what was found: a table (.csv) of ``"spots"`` or ``"genes"``, of pictures or patches; or all of it.

    That is AnnData (.h5ad), of a section SpatialData (.zarr), too, and of one map of a slide a raster (.tif).
    """
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.concepts.concept import make
    from conceptstain.exporting import export
    from conceptstain.spatialdata_file import write_spatialdata

    report(Step(0, 1, "Writing"))
    made = {finding.concept.definition: finding.concept for finding in findings if finding.concept is not None}
    concepts = [made.get(each) or make(each, canvas, encoder, report=report) for each in definitions]
    if path.suffix.lower() == ".zarr" and isinstance(canvas, GenePictures):
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


def write_recipe(
    snapshot: Snapshot,
    path: Path,
    classifiers: tuple[Classifier, ...] = (),
    links: tuple[Link, ...] = (),
    *,
    report: Report,
) -> Path:
    """Write a study down as a recipe, with weights beside it: of classifiers and links those that it names."""
    from conceptstain.recipe.schema import Recipe

    report(Step(0, 1, "Writing"))
    encoders = [each for each in (snapshot.encoder, *snapshot.spot_encoders) if each is not None]
    named = {str(made.settings.get(word, "")) for made in snapshot.findings for word in ("classifier", "link")}
    written = Recipe.of(snapshot).write(
        path,
        encoders=encoders,
        classifiers=[each for each in classifiers if each.fingerprint in named],
        links=[each for each in links if each.fingerprint in named],
        overwrite=True,  # the file dialog has asked
    )
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
    need_torch()
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


def need_torch() -> None:
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
