"""Anomalies from the command line: pictures against ordinary ones, or a section or slide against a region of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, final

import typer

from conceptstain.cli.choosing import DrawnOn, encoder_at, opened, region_from
from conceptstain.cli.networks import refuse_options
from conceptstain.cli.options import Overwrite, PixelSize, Seed, Stride
from conceptstain.cli.picture_maps import FIGURES, STACK, holds_pictures
from conceptstain.cli.pictures import (
    RASTER,
    PictureCanvas,
    canvas_of_pictures,
    fit_pictures,
    opened_pictures,
    picture_definition,
    picture_weights,
    say_pictures,
)
from conceptstain.cli.results import check_files, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_section, say_written, told
from conceptstain.errors import InputError
from conceptstain.methods.anomaly_settings import ANOMALY_METHODS, DEFAULT_ANOMALY, checked_method, checked_quantile

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.images import Images
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.normal import Normal
    from conceptstain.methods.anomaly_threshold import AnomalyThreshold
    from conceptstain.nets.encoder import Encoder

__all__ = ["anomaly"]

RANKED, DETECTION, DEVIATIONS = "-anomalies.csv", "-detection.csv", "-deviations.csv"
HELD_OUT = 5  # every fifth ordinary picture sets the threshold, and nothing is learned from it
LEAST = 10  # pictures, of which some can be held out
QUANTILE = 0.99
DRAWN = 24  # pictures in the figure


def anomaly(  # noqa: PLR0917 - options, which typer passes by name
    test: Annotated[
        Path, typer.Option(help="Pictures to look at; with --normal-region a section or a slide.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    normal: Annotated[
        Path | None, typer.Option(help="A folder or stack of ordinary pictures.", show_default=False)
    ] = None,
    normal_region: Annotated[
        str | None,
        typer.Option(
            help="Of a section or slide in --test, what is ordinary: obs:layer=GCL, areas.geojson#GCL, labels.tif#4.",
            show_default=False,
        ),
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Masks of the names of the pictures in --test, to judge by.", show_default=False)
    ] = None,
    mask_above: Annotated[
        float | None,
        typer.Option(
            help="What is brighter in a mask is painted; 127 where it was stored with losses.", show_default="0"
        ),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help=f"{', '.join(ANOMALY_METHODS)}.", show_default=DEFAULT_ANOMALY)
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            "--encoder",
            help="An encoder of such data.",
            show_default="fit one to the ordinary pictures, the section or the slide",
        ),
    ] = None,
    quantile: Annotated[
        float | None,
        typer.Option(help="Part of what is ordinary that is not above the threshold.", show_default=f"{QUANTILE:g}"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data, where an encoder is fitted.", show_default="enough")
    ] = None,
    stride: Stride = None,
    pixel_size: PixelSize = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Find what deviates from ordinary data: maps and a ranking of pictures, or one number for each spot or patch."""
    with told():
        if (normal is None) == (normal_region is None):
            raise InputError(
                "What is ordinary is said in one way",
                got="--normal and --normal-region" if normal is not None else "neither --normal nor --normal-region",
                cure="Give a folder of ordinary pictures (--normal), or a region of the section or slide",
            )
        if weights is not None:
            refuse_options({"--epochs": epochs}, "an encoder that is fitted already", "Leave it out, or --weights")
        if normal is not None:
            refuse_options({"--stride": stride, "--pixel-size": pixel_size}, "a set of pictures", "Leave them out")
            if masks is None:
                refuse_options({"--mask-above": mask_above}, "a test without masks", "Leave it out, or give --masks")
            asked = _PictureAnomalies(
                normal,
                test,
                out,
                masks,
                0.0 if mask_above is None else mask_above,
                DEFAULT_ANOMALY if method is None else method,
                weights,
                QUANTILE if quantile is None else quantile,
                epochs,
                seed,
            )
            asked.write(overwrite=overwrite)
            return
        of_pictures = {"--masks": masks, "--mask-above": mask_above, "--method": method, "--quantile": quantile}
        refuse_options(of_pictures, "--normal-region, which has a number in place of a map,", "Leave them out")
        _of_region(test, out, str(normal_region), weights, epochs, stride, pixel_size, seed, overwrite=overwrite)


@final
@dataclass(frozen=True)
class _PictureAnomalies:
    """What is asked of pictures."""

    normal: Path
    test: Path
    out: Path
    masks: Path | None
    mask_above: float
    method: str
    weights: Path | None
    quantile: float
    epochs: int | None
    seed: int

    def write(self, *, overwrite: bool) -> None:
        from conceptstain.canvas.named_masks import named_masks
        from conceptstain.canvas.shared_ranges import in_shared_ranges
        from conceptstain.exporting import write_table
        from conceptstain.figures import figure, save_figure
        from conceptstain.methods.anomaly import anomaly as anomaly_of
        from conceptstain.methods.anomaly_settings import AnomalySettings
        from conceptstain.methods.inspection import Inspection
        from conceptstain.raster_file import write_stack

        method, settings = checked_method(self.method), AnomalySettings(seed=self.seed)
        checked_quantile(self.quantile)
        ordinary, looked_at = in_shared_ranges(_pictures_at(self.normal), _pictures_at(self.test))
        painted = None if self.masks is None else named_masks(looked_at, str(self.masks), above=self.mask_above)
        loaded = picture_weights(self.weights)
        stem = file_stem(looked_at.name, method)
        endings = [STACK, RANKED, *FIGURES, *([] if painted is None else [DETECTION])]
        targets = [self.out / f"{stem}{ending}" for ending in endings]
        sources = [path for path in (self.normal, self.test) if path.is_file()]
        check_files(self.out, targets, sources, overwrite=overwrite)
        encoder = loaded or fit_pictures([_view(_split(ordinary)[0], None)], epochs=self.epochs, seed=self.seed)
        canvas = _view(looked_at, encoder)
        for each in (_view(ordinary, encoder), canvas):
            say_pictures(each)
        typer.echo(f"Encoder: {encoder.name}, {encoder.latent} latent dimensions (fingerprint {encoder.fingerprint}).")
        line = ProgressLine()
        try:
            known, threshold = self._learned(ordinary, encoder, line)
            masks = None if painted is None else painted.at
            found = Inspection(
                canvas,
                encoder,
                known,
                method=method,
                settings=settings,
                threshold=threshold,
                masks=masks,
                report=line,
            )
            with put_together(self.out) as folder:
                written = [write_stack(found.pages(), folder / f"{stem}{STACK}")]
                written.append(write_table(found.table(), folder / f"{stem}{RANKED}"))
                top = found.most_anomalous(DRAWN)
                drawn = figure(canvas, anomaly_of(canvas, encoder, known, method=method, items=top, settings=settings))
                written += [save_figure(drawn, folder / f"{stem}{ending}") for ending in FIGURES]
                if painted is not None:
                    written.append(write_table(found.detection(), folder / f"{stem}{DETECTION}"))
        finally:
            line.close()
        self._say(found.table(), threshold, None if painted is None else found.detection())
        say_written([self.out / path.name for path in written])

    def _learned(self, ordinary: Images, encoder: Encoder, line: ProgressLine) -> tuple[Normal, AnomalyThreshold]:
        """The normal, and a threshold of pictures that it was not learned from."""
        from conceptstain.concepts.normal import normal as normal_from
        from conceptstain.methods.anomaly_settings import AnomalySettings
        from conceptstain.methods.anomaly_threshold import anomaly_threshold

        learned, held_out = _split(ordinary)
        known = normal_from(learned.name, _view(learned, encoder), encoder, report=line)
        threshold = anomaly_threshold(
            _view(held_out or learned, encoder),
            encoder,
            known,
            method=self.method,
            quantile=self.quantile,
            settings=AnomalySettings(seed=self.seed),
            report=line,
        )
        # Weights that were given may have learned from all of the folder, and do not know again what is held out of it.
        seen = threshold.encoder_has_seen or encoder.has_seen(ordinary)
        return known, replace(threshold, encoder_has_seen=seen)

    def _say(self, table: pd.DataFrame, threshold: AnomalyThreshold, judged: pd.DataFrame | None) -> None:
        typer.echo(f"Threshold: {threshold.value:.4g} for a pixel, {threshold.item_value:.4g} for a picture's highest.")
        typer.echo(f"  {threshold.sentence}")
        typer.echo(f"Anomalous: {int(table['anomalous'].sum()):,} of {len(table):,} pictures, by {self.method}.")
        if judged is None:
            return
        if table["painted"].all():
            typer.echo("  All pictures have masks: image AUROC needs ordinary ones among those in --test.")
        typer.echo(f"{'':20s} pixel AUROC  image AUROC  AUPRO  best IoU")
        for name, row in judged.iterrows():
            values = (row["pixel_auroc"], row["image_auroc"], row["aupro"], row["iou"])
            typer.echo("{:20s} {:11.3f}  {:11.3f}  {:5.3f}  {:8.3f}".format(str(name), *values))


def _of_region(  # noqa: PLR0917 - as the options are
    test: Path,
    out: Path,
    region: str,
    weights: Path | None,
    epochs: int | None,
    stride: int | None,
    pixel_size: float | None,
    seed: int,
    *,
    overwrite: bool,
) -> None:
    """How far each spot of a section, or each patch of a slide, lies from those of a region."""
    import numpy as np

    from conceptstain.canvas.score_raster import ScoreRaster
    from conceptstain.concepts.definition import Definition
    from conceptstain.concepts.members import choose_members
    from conceptstain.concepts.normal import deviations, normal_of
    from conceptstain.exporting import write_table
    from conceptstain.raster_file import write_raster

    canvas: SpotProfiles | PictureCanvas
    if holds_pictures(test):
        loaded = picture_weights(weights)
        patches = canvas_of_pictures(opened_pictures(test), loaded, stride=stride, pixel_size=pixel_size)
        nothing: Any = dict.fromkeys(("positives", "negatives", "annotations", "masks", "like", "name"))
        definition = picture_definition(patches, **nothing, region=region, neighbours=1)
        canvas, encoder = patches, loaded or fit_pictures([patches], epochs=epochs, seed=seed)
        say_pictures(patches)
    else:
        section = opened(test, None, None, None, None)
        area = region_from(region, DrawnOn(lambda: section, pixel_size))
        area.choose(section)
        definition = Definition(area.name, region=area)
        say_section(section)
        canvas, encoder = _profiles(section.view("spots"), weights, epochs, seed)
    stem = file_stem(canvas.source.name, definition.name)
    targets = [out / f"{stem}{ending}" for ending in (DEVIATIONS, RASTER)]
    check_files(out, targets, [test] if test.is_file() else [], overwrite=overwrite)
    line = ProgressLine()
    try:
        known = normal_of(definition, canvas, encoder, report=line)
        far = deviations(canvas, encoder, known, report=line)
    finally:
        line.close()
    table = canvas.item_names.to_frame(name=canvas.noun).set_index(canvas.noun)
    table["deviation"] = far
    # Of a large region the normal is learned from a part; the rest of it is no less ordinary.
    within = np.zeros(len(canvas), dtype=bool)
    within[choose_members(definition, canvas, np.empty((0, 0))).items] = True
    table["normal"] = within
    _say_apart(known, far, within)
    painted = canvas.paint(far)
    with put_together(out) as folder:
        written = [write_table(table.sort_values("deviation", ascending=False), folder / f"{stem}{DEVIATIONS}")]
        if isinstance(painted, ScoreRaster):
            written.append(write_raster(painted, folder / f"{stem}{RASTER}"))
    say_written([out / path.name for path in written])


def _say_apart(known: Normal, far: NDArray[np.floating], within: NDArray[np.bool_]) -> None:
    """How well distances tell what is in the region from what is not."""
    from conceptstain.concepts.cross_fit import FOLDS, auroc
    from conceptstain.concepts.sentences import fraction

    typer.echo(f"Normal {known.name}: {known.origin}.")
    if within.all():
        typer.echo("There is nothing else here that could lie further from it.")
        return
    held = "held out in five folds" if len(known) >= FOLDS else "too few to be held out in five folds"
    typer.echo(f"All others lie further from it with AUROC {fraction(auroc(far, ~within))}, its own {held}.")


def _profiles(
    canvas: SpotProfiles, weights: Path | None, epochs: int | None, seed: int
) -> tuple[SpotProfiles, Encoder]:
    """Spots, and an encoder of them: given, or fitted here."""
    from conceptstain.fitting import FitSettings, fit

    if weights is not None:
        encoder = encoder_at(weights)
        if not encoder.features:
            raise InputError(
                "These weights are not of spots", got=str(weights), cure="Fit an encoder with fit --canvas spots"
            )
        return canvas.section.view("spots", genes=encoder.features), encoder
    settings = FitSettings.of(canvas)
    training = replace(settings.training, seed=seed, epochs=settings.training.epochs if epochs is None else epochs)
    line = ProgressLine()
    try:
        return canvas, fit(canvas, replace(settings, training=training), report=line)
    finally:
        line.close()


def _pictures_at(path: Path) -> Images:
    from conceptstain.canvas.images import Images

    found = opened_pictures(path, None if path.is_dir() else "images")
    if not isinstance(found, Images):
        raise InputError(
            "Maps of anomalies are made of sets of pictures",
            got=f"the slide {found.name}",
            cure="Give folders of pictures, or say what is ordinary on the slide (--normal-region)",
        )
    return found


def _split(ordinary: Images) -> tuple[Images, Images | None]:
    """Those to learn from, and every fifth, which is held out; None where they are too few."""
    if len(ordinary) < LEAST:
        return ordinary, None
    parts = [
        tuple(each for number, each in enumerate(ordinary.stored) if (number % HELD_OUT == HELD_OUT - 1) is held)
        for held in (False, True)
    ]
    learned, held_out = (replace(ordinary, stored=part) for part in parts)
    return learned, held_out


def _view(images: Images, encoder: Encoder | None) -> ImageSet:
    from conceptstain.canvas.image_set import ImageSet

    canvas = canvas_of_pictures(images, encoder)
    if not isinstance(canvas, ImageSet):
        raise InputError("Maps of anomalies are made of sets of pictures", got=images.name, cure="Give a folder")
    return canvas
