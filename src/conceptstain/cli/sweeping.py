"""What units change in generated samples, from the command line: ``sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.network_files import canvas_and_decoder, classifier_at
from conceptstain.cli.options import AnySource, ClassifierFile, DecoderFile, Overwrite, SectionName, Seed
from conceptstain.cli.results import check_files, file_stem, put_together
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Int

    from conceptstain.methods.dissection_passes import Canvas
    from conceptstain.methods.link import Link
    from conceptstain.methods.segmenters import Segmenter
    from conceptstain.methods.sweep import Sweep
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.encoder import Encoder

__all__ = ["sweep"]

TABLE, SELECTIVE, FIGURE = "-units.csv", "-selective.csv", ".svg"
STARTS = 16  # items that sweeps start from
DRAWN = 4  # units


def sweep(  # noqa: PLR0917 - options, which typer passes by name
    source: AnySource,
    classifier: ClassifierFile,
    encoder: DecoderFile,
    link: Annotated[Path, typer.Option(help="The link between both, from conceptstain link.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    units: Annotated[
        str | None, typer.Option(help="These units, separated by commas, also drawn.", show_default="all")
    ] = None,
    items: Annotated[
        str | None,
        typer.Option(help="Names of items to start from, separated by commas.", show_default=f"{STARTS} at random"),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Values from the lowest to the highest.")] = 3,
    parts: Annotated[
        Path | None,
        typer.Option(help="A classifier of parts, to measure parts of pictures with.", show_default="classes"),
    ] = None,
    threshold: Annotated[
        str | None, typer.Option(help="Or levels of grey, such as 0.5, above which parts lie.", show_default=False)
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="Or, of gene pictures, a column of obs, such as layer.", show_default=False)
    ] = None,
    draws: Annotated[int, typer.Option(min=2, help="Random directions that units stand beside.")] = 256,
    section_name: SectionName = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Set units to their lowest and highest values, draw what a linked generator makes of them, and measure it."""
    with told():
        from conceptstain.methods.link_file import load_link
        from conceptstain.methods.sweep_units import sweep_units
        from conceptstain.methods.sweeping import checked_units

        recogniser = classifier_at(classifier)
        canvas, network = canvas_and_decoder(source, encoder, section_name)
        found_link = load_link(link)
        found_link.check(recogniser, network)
        for note in canvas.source.notes:
            typer.echo(f"  {note}")
        segmenter = _segmenter(canvas, parts, threshold, layers)
        chosen = None if units is None else checked_units(found_link, _numbers(units))
        starts = _starts(canvas, items, seed)
        stem = file_stem(canvas.source.name, "swept")
        endings = [TABLE, SELECTIVE, FIGURE]
        given = [classifier, encoder, link, source]
        check_files(out, [out / f"{stem}{ending}" for ending in endings], given, overwrite=overwrite)
        line = ProgressLine()
        try:
            found = sweep_units(
                found_link,
                recogniser,
                network,
                canvas,
                units=chosen,
                items=starts,
                steps=steps,
                segmenter=segmenter,
                draws=draws,
                seed=seed,
                report=line,
            )
        finally:
            line.close()
        counts = found.selective_counts()
        rankings = {part: found.ranking(part) for part in found.parts}
        best = [int(rankings[part].index[0]) for part in counts.index[counts["units"] > 0]]
        shown = chosen[:DRAWN].tolist() if chosen is not None else list(dict.fromkeys(best or [int(found.units[0])]))
        strips = _swept(found_link, recogniser, network, canvas, shown[:DRAWN], starts, steps)
        with put_together(out) as folder:
            found.table.to_csv(folder / f"{stem}{TABLE}", index=False)
            counts.to_csv(folder / f"{stem}{SELECTIVE}")
            _draw(strips, canvas, segmenter, folder / f"{stem}{FIGURE}", overwrite=overwrite)
        typer.echo(
            f"Swept {len(found.units):,} units of {found_link.layer or 'the penultimate layer'} from {len(starts)} "
            f"items, and {draws} random directions of equal length; units that change one part and no other:"
        )
        typer.echo(counts.round(3).to_string())
        for part in counts.index[counts["units"] > 0]:
            row = rankings[part].iloc[0]
            typer.echo(
                f"  {part}: unit {row.name} first, {row['change']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}), "
                f"{row['strength']:.1f} times what 95 of 100 random directions reach."
            )
        say_written([out / f"{stem}{ending}" for ending in endings])


def _numbers(units: str) -> list[int]:
    words = [each.strip() for each in units.split(",")]
    if not all(word.isdecimal() for word in words):
        raise InputError("Units are known by their numbers", got=f"--units {units}", cure="Give such as 3,17")
    return [int(word) for word in words]


def _starts(canvas: Canvas, items: str | None, seed: int) -> Int[np.ndarray, " items"]:
    """Items by name, or some at random of those that can be learned from."""
    import numpy as np

    if items is not None:
        return np.array([canvas.item(name.strip()) for name in items.split(",")])
    known = canvas.trainable
    return np.sort(np.random.default_rng(seed).permutation(known)[:STARTS])


def _segmenter(canvas: Canvas, parts: Path | None, threshold: str | None, layers: str | None) -> Segmenter | None:
    from conceptstain.methods.segmenters import layer_segmenter, part_segmenter, threshold_segmenter

    given = {"--parts": parts, "--threshold": threshold, "--layers": layers}
    asked = [word for word, each in given.items() if each is not None]
    if len(asked) > 1:
        raise InputError("Parts are told in one way", got=", ".join(asked), cure="Give one of them")
    if parts is not None:
        return part_segmenter(classifier_at(parts))
    if threshold is not None:
        try:
            levels = [float(each) for each in threshold.split(",")]
        except ValueError as error:
            raise InputError("Levels are numbers", got=f"--threshold {threshold}", cure="Give such as 0.5") from error
        return threshold_segmenter(levels)
    if layers is not None:
        from conceptstain.canvas.gene_pictures import GenePictures
        from conceptstain.canvas.section_labels import section_labels

        if not isinstance(canvas, GenePictures):
            raise InputError("Layers lie on gene pictures", got=canvas.source.name, cure="Leave --layers out")
        return layer_segmenter(section_labels(canvas, layers))
    return None


def _swept(  # noqa: PLR0917 - what was opened, and which sweeps
    link: Link,
    classifier: Classifier,
    encoder: Encoder,
    canvas: Canvas,
    units: list[int],
    items: Int[np.ndarray, " items"],
    steps: int,
) -> list[Sweep]:
    from conceptstain.methods.sweeping import sweep as swept

    return [swept(link, classifier, encoder, canvas, unit, items=items, steps=steps) for unit in units]


def _draw(sweeps: list[Sweep], canvas: Canvas, segmenter: Segmenter | None, path: Path, *, overwrite: bool) -> None:
    """Strips of pictures; of spots the first unit alone."""
    from conceptstain.figures import save_figure
    from conceptstain.sweep_figures import sweep_figure

    shown = sweeps[:1] if sweeps[0].features else sweeps
    save_figure(sweep_figure(shown, canvas, segmenter=segmenter), path, overwrite=overwrite)
