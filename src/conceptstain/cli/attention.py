"""Where latents look, from the command line: ``attention``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, final

import typer

from conceptstain.cli.choosing import canvas_and_encoder, latent_numbered, opened
from conceptstain.cli.networks import refuse_options
from conceptstain.cli.options import (
    Alignment,
    AttentionOf,
    AttentionVariantOption,
    FitHere,
    Image,
    ImageScale,
    Overwrite,
    SectionName,
    Seed,
    Stride,
)
from conceptstain.cli.picture_maps import (
    FIGURES,
    MOST_PICTURES,
    STACK,
    holds_pictures,
    middle,
    named_in,
    write_map,
)
from conceptstain.cli.pictures import (
    PictureCanvas,
    canvas_of_pictures,
    fit_pictures,
    opened_pictures,
    picture_weights,
    say_pictures,
)
from conceptstain.cli.results import (
    SCORE_FORMATS,
    check_files,
    check_targets,
    file_stem,
    put_together,
    write_results,
)
from conceptstain.cli.telling import ProgressLine, say_section, say_written, told
from conceptstain.errors import InputError, MismatchError

if TYPE_CHECKING:
    import pandas as pd

    from conceptstain.canvas.canvas import Canvas
    from conceptstain.inputs import ItemIndices
    from conceptstain.methods.attribution import Attribution
    from conceptstain.nets.encoder import Encoder

__all__ = ["attention"]

LATENTS = "-latents.csv"
MOST = 4  # latents that are painted where none is named


def attention(  # noqa: PLR0917 - options, which typer passes by name
    file: Annotated[
        Path,
        typer.Argument(
            help="A count matrix (.tsv, .tsv.gz), .h5ad, .zarr, a folder of Space Ranger or of pictures, or a slide.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it does not exist.", show_default=False)],
    dimension: Annotated[
        list[str] | None,
        typer.Option(
            "--dimension",
            help="Number of a latent, or all for all of them together; repeatable.",
            show_default=f"the {MOST} most informative",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="A convolution of the network, such as encoder.conv2.", show_default="the last one"),
    ] = None,
    attention_of: AttentionVariantOption = AttentionOf.PAPER,
    at: Annotated[
        Path | None,
        typer.Option(
            help="A list of the genes, pictures or patches to attend to, one name a line; of genes their mean map.",
            show_default="all genes; the first 24 pictures; the 256 patches in the middle of a slide",
        ),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="An encoder from the command fit.", show_default=False)] = None,
    fit_here: FitHere = False,
    image: Image = None,
    alignment: Alignment = None,
    image_scale: ImageScale = None,
    section_name: SectionName = None,
    stride: Stride = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Paint where latents look, the most informative first, and write the maps and a table of all latents.

    Of a section .h5ad, .csv, .svg, .pdf and .png; of pictures and slides the maps as 32-bit TIFF in place of .h5ad.
    """
    with told():
        asked = _Asked(tuple(map(latent_numbered, dimension or ())), layer, attention_of.value)
        if holds_pictures(file):
            of_sections = {
                "--image": image,
                "--alignment": alignment,
                "--image-scale": image_scale,
                "--section": section_name,
            }
            refuse_options(of_sections, "pictures or a slide", "Leave them out")
            if fit_here and weights is not None:
                raise InputError(
                    "There are two encoders to choose from", got="--weights and --fit", cure="Give one of them"
                )
            _of_pictures(file, out, asked, at=at, weights=weights, stride=stride, seed=seed, overwrite=overwrite)
            return
        refuse_options({"--stride": stride}, "a section", "Leave it out, or give a slide")
        section = opened(file, image, alignment, image_scale, section_name)
        stem = file_stem(section.name, "attention")
        check_targets(out, stem, section, overwrite=overwrite, formats=(*SCORE_FORMATS, LATENTS))
        canvas, encoder = canvas_and_encoder(section, weights, fit_here=fit_here, preset=None, seed=seed)
        say_section(section)
        items = None if at is None else named_in(at, canvas)
        maps, table = asked.made(canvas, encoder, items)
        written = write_results(
            out, stem, canvas, maps, encoder, formats=SCORE_FORMATS, tables={LATENTS: table}, overwrite=overwrite
        )
        say_written(written)


@final
@dataclass(frozen=True)
class _Asked:
    """What is asked of any data: latents (None: all together; none named: the most informative), layer, variant."""

    dimensions: tuple[int | None, ...]
    layer: str | None
    variant: Any

    def made(
        self, canvas: Canvas, encoder: Encoder, items: ItemIndices | None
    ) -> tuple[list[Attribution], pd.DataFrame]:
        """The maps, and the table of all latents."""
        from conceptstain.methods.attention import attention as attended
        from conceptstain.methods.attention import attention_maps
        from conceptstain.nets.tap import layer_named

        typer.echo(f"Encoder: {encoder.name}, {encoder.latent} latent dimensions (fingerprint {encoder.fingerprint}).")
        line = ProgressLine()
        try:
            table = _table(canvas, encoder, line)
            chosen = dict.fromkeys(self.dimensions or (int(number) for number in table.index[:MOST]))
            layer = None if self.layer is None else layer_named(encoder, self.layer)
            how: dict[str, Any] = {"layer": layer, "items": items, "variant": self.variant, "report": line}
            numbers = [number for number in chosen if number is not None]
            maps = (
                dict(zip(numbers, attention_maps(canvas, encoder, dimensions=numbers, **how), strict=True))
                if numbers
                else {}
            )
            found = [attended(canvas, encoder, **how) if number is None else maps[number] for number in chosen]
        finally:
            line.close()
        table["painted"] = [number in maps for number in table.index]
        typer.echo(f"Layer {found[0].settings['layer']}: {', '.join(each.name for each in found)}.")
        return found, table


def _table(canvas: Canvas, encoder: Encoder, line: ProgressLine) -> pd.DataFrame:
    """The latents with their information, the most informative first; in order where they have no variance."""
    import numpy as np
    import pandas as pd

    from conceptstain.concepts.information import latent_information

    try:
        information = latent_information(canvas, encoder, report=line)
    except MismatchError as error:
        encoder.check(canvas)
        typer.echo(f"No order of latents: {error}")
        information = np.full(encoder.latent, np.nan)
    table = pd.DataFrame({"information, nats": information}, index=pd.RangeIndex(encoder.latent, name="latent"))
    return table.sort_values("information, nats", ascending=False, kind="stable")


def _of_pictures(
    source: Path,
    out: Path,
    asked: _Asked,
    *,
    at: Path | None,
    weights: Path | None,
    stride: int | None,
    seed: int,
    overwrite: bool,
) -> None:
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.exporting import write_table
    from conceptstain.figures import figure, save_figure

    loaded = picture_weights(weights)
    canvas = canvas_of_pictures(opened_pictures(source), loaded, stride=stride, pixel_size=None)
    stem = file_stem(canvas.source.name, "attention")
    ending = f"{'.ome' * isinstance(canvas, ImagePatches)}{STACK}"
    named = [_file_of(number) for number in asked.dimensions]
    targets = [out / f"{stem}{each}" for each in (*FIGURES, LATENTS, *(f"-{name}{ending}" for name in named))]
    check_files(out, targets, [source] if source.is_file() else [], overwrite=overwrite)
    say_pictures(canvas)
    encoder = loaded or fit_pictures([canvas], seed=seed)
    maps, table = asked.made(canvas, encoder, _items(canvas, at))
    stacks = {out / f"{stem}-{_file_of(each.settings['dimension'])}{ending}": each for each in maps}
    check_files(out, list(stacks), [], overwrite=overwrite)
    drawn = figure(canvas, *maps)
    with put_together(out) as folder:
        written = [save_figure(drawn, folder / f"{stem}{each}") for each in FIGURES]
        written += [write_map(each, canvas, folder / path.name) for path, each in stacks.items()]
        written.append(write_table(table, folder / f"{stem}{LATENTS}"))
    say_written([out / path.name for path in written])


def _items(canvas: PictureCanvas, at: Path | None) -> Sequence[int]:
    from conceptstain.canvas.image_patches import ImagePatches

    if at is not None:
        return named_in(at, canvas)
    everything = list(range(len(canvas)))
    return middle(canvas, everything) if isinstance(canvas, ImagePatches) else everything[:MOST_PICTURES]


def _file_of(dimension: int | str | None) -> str:
    return f"latent{dimension}" if isinstance(dimension, int) else "all"
