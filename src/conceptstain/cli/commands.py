"""The commands. Each imports what it needs when it runs, so that ``--help`` does not wait for torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain import __version__
from conceptstain.cli.ablation import ablate
from conceptstain.cli.anomaly import anomaly
from conceptstain.cli.attention import attention
from conceptstain.cli.checks import check
from conceptstain.cli.choosing import (
    DrawnOn,
    alike,
    canvas_and_encoder,
    check_heard,
    check_shown,
    definition_asked,
    fit_settings,
    fitted,
    latent_numbered,
    made,
    opened,
    opened_all,
    scaling,
)
from conceptstain.cli.classifiers import fit_classifier
from conceptstain.cli.counterfactuals import counterfactual
from conceptstain.cli.dissection import dissect
from conceptstain.cli.explanation import explain
from conceptstain.cli.judging import controlled, tested
from conceptstain.cli.linking import link
from conceptstain.cli.networks import (
    NetworkLatent,
    NetworkMean,
    NetworkShape,
    NetworkStd,
    NetworkWeights,
    is_network,
    network_at,
    refuse_options,
    say_network,
)
from conceptstain.cli.objectives import (
    AttentionLayer,
    AttentionWeight,
    Beta,
    Gamma,
    ObjectiveOption,
    objective_of,
    say_terms,
)
from conceptstain.cli.objectives import Name as ObjectiveName
from conceptstain.cli.options import (
    Alignment,
    AnnotationText,
    AttentionLatent,
    AttentionOf,
    AttentionVariantOption,
    CanvasKind,
    ConceptForm,
    ConceptName,
    File,
    FitHere,
    Genes,
    Image,
    ImageScale,
    Like,
    MaskText,
    MinusGenes,
    MinusLike,
    MinusRegion,
    Negatives,
    Neighbours,
    Network,
    Nulls,
    Overwrite,
    Padding,
    Percentile,
    PixelSize,
    Positives,
    PresetOption,
    RectifiedVariant,
    RegionText,
    SectionForm,
    SectionName,
    Seed,
    Space,
    SpatialDataToo,
    Stride,
    Threshold,
    Variant,
    Weights,
    Whiten,
)
from conceptstain.cli.picture_maps import PictureStain, holds_pictures
from conceptstain.cli.pictures import FRAME, fit_pictures, picture_canvases, picture_definition, score
from conceptstain.cli.recipes import RecipeOption, check_recipe, run, write_recipe_of
from conceptstain.cli.results import (
    CONTROLS,
    EVIDENCE,
    FORMATS,
    check_targets,
    file_stem,
    formats_with,
    write_results,
)
from conceptstain.cli.spots import fit_profiles, spots
from conceptstain.cli.sweeping import sweep
from conceptstain.cli.telling import say_encoders, say_neighbours, say_section, say_written, told
from conceptstain.cli.window import has_display, open_window
from conceptstain.errors import InputError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import MAPS, map_kind, recommended_maps

if TYPE_CHECKING:
    from conceptstain.inputs import Source
    from conceptstain.nets.encoder import Encoder

__all__ = ["app"]

DEMO_GENES = ("Penk", "Doc2g", "Kctd12")

app = typer.Typer(
    name="conceptstain",
    help="Stain tissue with the concepts of a generative model's latent space.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"conceptstain {__version__}")
        raise typer.Exit


LAYOUTS = {
    "square": "on a square lattice",
    "hexagonal": "on a hexagonal lattice (every second row or column half a cell to the side)",
    "free": "without a lattice",
}


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Stain tissue with the concepts of a generative model's latent space."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.")] = Path(
        "conceptstain-demo"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="Use the bundled encoder instead of fitting one; blurrier maps.")
    ] = False,
    no_window: Annotated[bool, typer.Option("--no-window", help="Do not open napari.")] = False,
) -> None:
    """Fit an encoder to the bundled (simulated) olfactory bulb, stain it, write the figures, and open it in napari."""
    with told():
        from conceptstain.canvas.samples import open_sample
        from conceptstain.concepts.definition import Definition
        from conceptstain.fitting import FitSettings
        from conceptstain.methods.decoded import decoded
        from conceptstain.nets.bundled import bundled

        section = open_sample()
        canvas = section.view("genes")
        say_section(section)
        if quick:
            encoder = bundled()
            encoder.check(canvas)
            typer.echo(f"Encoder: {encoder.name}, {encoder.latent} latent dimensions; it comes with the package.")
        else:
            typer.echo(f"Fitting an encoder to {section.name}; this takes well under a minute.")
            encoder = fitted([canvas], FitSettings())
            seconds = encoder.card["history"]["seconds"]
            typer.echo(f"Encoder: {encoder.name}, {encoder.latent} latent dimensions, fitted in {seconds:.0f} s.")
        concepts = [made(Definition(gene, like=gene), canvas, encoder) for gene in DEMO_GENES]
        maps = [decoded(canvas, encoder, concept) for concept in concepts]
        for concept in concepts:
            typer.echo(f"Concept {concept.name}: {concept.origin}.")
        written = write_results(out, "demo", canvas, maps, encoder, beside=DEMO_GENES, overwrite=True)
        say_written(written)
        typer.echo(
            f"The figure has the decoded maps of {', '.join(DEMO_GENES)} above their expression: {out / 'demo.svg'}"
        )
        if no_window:
            return
        if not has_display():
            typer.echo("No display, so napari is not opened. With one: conceptstain demo, or Plugins > Concept Stain.")
            return
        open_window(section)


@app.command()
def info(  # noqa: PLR0917 - options, which typer passes by name
    file: File,
    image: Image = None,
    alignment: Alignment = None,
    image_scale: ImageScale = None,
    section_name: SectionName = None,
    weights: NetworkWeights = None,
    shape: NetworkShape = None,
    mean: NetworkMean = None,
    std: NetworkStd = None,
    latent: NetworkLatent = None,
) -> None:
    """Say what is in a file: spots, genes, unit, assumptions, and which encoder fits; or what a network can be asked.

    A network is a .pt2 file of torch.export, a .safetensors file of this package, or package.module:function, which
    builds one: naming a function runs its code.
    """
    with told():
        if is_network(file):
            of_sections = {"--image": image, "--alignment": alignment, "--image-scale": image_scale}
            refuse_options(of_sections | {"--section": section_name}, "a network", "Leave them out")
            say_network(network_at(file, weights=weights, shape=shape, mean=mean, std=std, latent=latent))
            return
        given = {"--weights": weights, "--shape": shape, "--mean": mean, "--std": std, "--latent": latent}
        refuse_options(given, "a section", "Give a network: a .pt2 file, or package.module:function")
        section = opened(file, image, alignment, image_scale, section_name)
        canvas = section.view("genes")
        say_section(section)
        height, width = canvas.grid.frame
        shared = f", {canvas.grid.n_shared} spots share a cell" if canvas.grid.n_shared else ""
        cells = f"{height} x {width} cells of {canvas.grid.pitch:.4g} {section.unit}"
        typer.echo(f"Pictures: {cells}, {LAYOUTS[canvas.grid.layout]}{shared}.")
        typer.echo(
            f"Genes to learn from: {len(canvas.trainable):,}, found in {canvas.settings.least_spots} spots or more."
        )
        for column, groups in section.annotations.items():
            typer.echo(f"obs:{column}: {', '.join(groups)}")
        say_encoders(canvas, file, section_name)


@app.command()
def fit(  # noqa: PLR0917 - options, which typer passes by name
    files: Annotated[
        list[Path], typer.Argument(help="Sections, folders of pictures or slides to learn from.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="File to write, .safetensors.", show_default=False)],
    canvas: Annotated[
        CanvasKind,
        typer.Option(help="Learn genes as pictures, spots as profiles, or, for the command score, images or patches."),
    ] = CanvasKind.GENES,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="How many encoders, for --canvas spots; written as name-0, name-1, ...", show_default="3 of spots"
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data.", show_default="as many as it takes")
    ] = None,
    network: Annotated[Network | None, typer.Option(help="What to fit.", show_default="average-pool")] = None,
    latent: Annotated[int | None, typer.Option(help="Latent dimensions.", show_default=False)] = None,
    section_names: Annotated[
        list[str] | None,
        typer.Option("--section", help="Which sections of the file, if it holds several; repeatable."),
    ] = None,
    frame: Annotated[
        int | None,
        typer.Option(help="Side in pixels, for --canvas images and patches.", show_default=f"{FRAME} of images"),
    ] = None,
    pixel_size: Annotated[
        float | None, typer.Option(help="Of patches, in the slide's unit.", show_default="the slide's own")
    ] = None,
    objective: ObjectiveOption = ObjectiveName.VAE,
    beta: Beta = None,
    gamma: Gamma = None,
    attention_weight: AttentionWeight = None,
    attention_layer: AttentionLayer = None,
    seed: Seed = 0,
    preset: PresetOption = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit an encoder to one section, folder of pictures or slide, or to several, and save it."""
    with told():
        from conceptstain.writing import check_writable

        if out.suffix.lower() != ".safetensors":
            raise InputError("An encoder is saved as .safetensors", got=out.name, cure="End the name in .safetensors")
        asked = objective_of(
            objective, beta=beta, gamma=gamma, attention_weight=attention_weight, attention_layer=attention_layer
        )
        if canvas is CanvasKind.SPOTS:
            if preset or network:
                raise InputError(
                    "Spots are learned by a network of their own",
                    got="--preset" if preset else "--network",
                    cure="Leave it out",
                )
            fit_profiles(
                files,
                out,
                seeds=seeds,
                latent=latent,
                epochs=epochs,
                seed=seed,
                overwrite=overwrite,
                section_names=section_names or (),
                objective=asked,
            )
            return
        if seeds is not None:
            raise InputError(
                "Several seeds are for spots", got=f"--seeds {seeds} of gene pictures", cure="Add --canvas spots"
            )
        check_writable(out, overwrite=overwrite)
        if canvas in {CanvasKind.IMAGES, CanvasKind.PATCHES}:
            if preset or network in {Network.MLP, Network.PAPER} or section_names:
                raise InputError(
                    "Pictures are learned by networks of their own",
                    got="--preset" if preset else f"--network {network}" if network else "--section",
                    cure="Leave it out, or use --network average-pool, places or factor-vae",
                )
            pictures = picture_canvases(files, canvas, frame=frame or FRAME, pixel_size=pixel_size)
            _save(
                fit_pictures(pictures, network=network, latent=latent, epochs=epochs, seed=seed, objective=asked),
                out,
                [each.source for each in pictures],
            )
            return
        if frame is not None or pixel_size is not None:
            raise InputError(
                "This is a setting of pictures",
                got="--pixel-size" if frame is None else "--frame",
                cure="Add --canvas images or --canvas patches",
            )
        if preset and network:
            raise InputError(
                "The preset has a network of its own", got="--preset and --network", cure="Give one of them"
            )
        settings = fit_settings(seed, preset, network=network, latent=latent, epochs=epochs, objective=asked)
        sections = opened_all(files, section_names or ())
        canvases = alike([section.view("genes", scaling=scaling(preset)) for section in sections])
        encoder = fitted(canvases, settings)
        _save(encoder, out, sections)


def _save(encoder: Encoder, out: Path, sources: Sequence[Source]) -> None:
    from conceptstain.nets.checkpoint import save_encoder

    save_encoder(encoder, out)
    history = encoder.card["history"]
    typer.echo(f"Fitted to {', '.join(source.name for source in sources)} in {history['seconds']:.0f} s.")
    say_terms(history)
    typer.echo(f"Wrote {out} (fingerprint {encoder.fingerprint}).")


@app.command()
def stain(  # noqa: PLR0917 - options, which typer passes by name
    file: Annotated[
        Path,
        typer.Argument(
            help="A count matrix (.tsv, .tsv.gz), .h5ad, .zarr, a folder of Space Ranger or of pictures, or a slide.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
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
    positives: Positives = None,
    negatives: Negatives = None,
    annotations: AnnotationText = None,
    masks: MaskText = None,
    whiten: Whiten = False,
    stride: Stride = None,
    at: Annotated[
        Path | None,
        typer.Option(
            help="A list of the pictures or patches to draw maps at, one name a line.",
            show_default="24 that made it; of a slide the 256 patches in their middle",
        ),
    ] = None,
    with_controls: Annotated[
        bool, typer.Option("--controls", help="Of pictures, too, hold the maps against their controls; takes a while.")
    ] = False,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help=f"{', '.join(kind.key for kind in MAPS)}; repeatable.",
            show_default="gene-mean and decoded, first the one that suits the encoder; of pictures gradient",
        ),
    ] = None,
    latent: AttentionLatent = "0",
    attention_of: AttentionVariantOption = AttentionOf.PAPER,
    percentile: Percentile = 95.0,
    variant: RectifiedVariant = Variant.PLAIN,
    threshold: Threshold = 0.0,
    padding: Padding = False,
    form: SectionForm = None,
    neighbours: Neighbours = 50,
    space: Space = None,
    weights: Weights = None,
    fit_here: FitHere = False,
    preset: PresetOption = None,
    seed: Seed = 0,
    sampled_latents: Annotated[
        bool, typer.Option("--sampled-latents", help="Draw each latent once, as the released notebook does.")
    ] = False,
    nulls: Nulls = 999,
    spatialdata: SpatialDataToo = False,
    recipe: RecipeOption = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a concept, test it, paint its maps beside their controls, and write .h5ad, .csv, .svg, .pdf and .png.

    Of pictures and slides, the maps are written as 32-bit TIFF in place of .h5ad, beside the scores.
    """
    with told():
        from conceptstain.concepts.definition import LATENT
        from conceptstain.nets.tap import layer_named

        check_recipe(recipe, sampled=sampled_latents, overwrite=overwrite)
        kinds = [map_kind(key) for key in dict.fromkeys(maps or ())]
        settings = MapSettings(
            latent_numbered(latent), percentile, variant.value, threshold, padding, attention=attention_of.value
        )
        check_heard(settings, kinds)
        of_sections = {
            "--genes": genes,
            "--minus-like": minus_like,
            "--minus-genes": minus_genes,
            "--minus-region": minus_region,
            "--image": image,
            "--alignment": alignment,
            "--image-scale": image_scale,
            "--section": section_name,
            "--form": form,
            "--preset": preset,
            "--sampled-latents": sampled_latents or None,
            "--spatialdata": spatialdata or None,
            "--recipe": recipe,
        }
        of_pictures = {
            "--positives": positives,
            "--negatives": negatives,
            "--annotations": annotations,
            "--masks": masks,
            "--whiten": whiten or None,
            "--stride": stride,
            "--at": at,
        }
        if holds_pictures(file):
            refuse_options(of_sections, "pictures or a slide", "Leave them out")
            if fit_here and weights is not None:
                raise InputError(
                    "There are two encoders to choose from", got="--weights and --fit", cure="Give one of them"
                )
            define = partial(
                picture_definition,
                positives=positives,
                negatives=negatives,
                annotations=annotations,
                masks=masks,
                region=region,
                like=like,
                name=name,
                neighbours=neighbours,
            )
            PictureStain(
                file,
                out,
                define,
                kinds,
                settings,
                weights=weights,
                at=at,
                space=space,
                whiten=whiten,
                stride=stride,
                pixel_size=pixel_size,
                with_controls=with_controls,
                nulls=nulls,
                seed=seed,
                overwrite=overwrite,
            ).write()
            return
        refuse_options(of_pictures, "a section", "Leave them out, or give a folder of pictures or a slide")
        open_once = cache(lambda: opened(file, image, alignment, image_scale, section_name))
        drawn_on = DrawnOn(open_once, pixel_size)
        definition = definition_asked(
            (like, genes, region),
            (minus_like, minus_genes, minus_region),
            form=(form or ConceptForm.MEAN).value,
            neighbours=neighbours,
            drawn_on=drawn_on,
        )
        definition = definition.renamed(name or definition.name).in_space(space or LATENT)
        for kind in kinds:
            kind.check(definition)
        section = open_once()
        stem = file_stem(section.name, definition.name)
        formats = formats_with(FORMATS, spatialdata=spatialdata)
        asked = (*formats, CONTROLS, *([EVIDENCE] if nulls else []))
        check_targets(out, stem, section, overwrite=overwrite, formats=asked)
        canvas, encoder = canvas_and_encoder(section, weights, fit_here=fit_here, preset=preset, seed=seed)
        check_shown(kinds, canvas)
        if space:
            definition = definition.in_space(layer_named(encoder, space))
        concept = made(definition, canvas, encoder, noise_seed=seed if sampled_latents else None)
        say_section(section)
        typer.echo(f"Encoder: {encoder.name}, {encoder.latent} latent dimensions (fingerprint {encoder.fingerprint}).")
        typer.echo(f"Concept {concept.name}: {concept.origin}.")
        for _, part in concept.terms:
            if part.definition.like:
                say_neighbours(part)
        kinds = kinds or [map_kind(key) for key in recommended_maps(encoder, canvas, definition)]
        painted = [kind.make(canvas, encoder, concept, settings=settings) for kind in kinds]
        tables = tested(concept, canvas, encoder, nulls=nulls, seed=seed)
        keys = [kind.key for kind in kinds]
        tables[CONTROLS] = controlled(concept, canvas, encoder, keys, settings=settings, seed=seed)
        written = write_results(
            out,
            stem,
            canvas,
            painted,
            encoder,
            formats=formats,
            concepts=[concept],
            tables=tables,
            overwrite=overwrite,
        )
        if recipe is not None:
            written += write_recipe_of(
                recipe,
                canvas,
                encoder,
                concept,
                painted,
                maps=[kind.key for kind in kinds],
                nulls=nulls if EVIDENCE in tables else 0,
                seed=seed,
                settings=settings,
                overwrite=overwrite,
            )
        say_written(written)


app.command()(attention)
app.command()(check)
app.command()(spots)
app.command()(score)
app.command()(anomaly)
app.command()(dissect)
app.command()(ablate)
app.command()(counterfactual)
app.command()(explain)
app.command()(run)
app.command()(fit_classifier)
app.command()(link)
app.command()(sweep)
