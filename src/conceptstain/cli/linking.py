"""Links between classifiers and generative models from the command line: ``link``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conceptstain.cli.classifiers import labels_said
from conceptstain.cli.network_files import canvas_and_decoder, classifier_at
from conceptstain.cli.options import AnySource, ClassifierFile, DecoderFile, Overwrite, SectionName, Seed
from conceptstain.cli.telling import ProgressLine, say_written, told
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.methods.link import Link

__all__ = ["link"]


class Pairing(StrEnum):
    """Where pairs come from."""

    ENCODED = "encoded"
    SAMPLED = "sampled"


class Regression(StrEnum):
    """How a link is fitted, in the order of ``methods.link.METHODS``."""

    LEAST_SQUARES = "least-squares"
    RIDGE = "ridge"
    ELASTIC_NET = "elastic-net"
    MLP = "mlp"


def link(  # noqa: PLR0917 - options, which typer passes by name
    source: AnySource,
    classifier: ClassifierFile,
    encoder: DecoderFile,
    out: Annotated[Path, typer.Option(help="File to write, .safetensors.", show_default=False)],
    labels: Annotated[
        str | None,
        typer.Option(help="What items are: of spots, a column of obs; of pictures, folders.", show_default=False),
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="The same by a table of the items: layers.csv:layer.", show_default=False)
    ] = None,
    pairs: Annotated[Pairing, typer.Option(help="Items as they are encoded, or samples that are drawn.")] = (
        Pairing.ENCODED
    ),
    n_pairs: Annotated[int, typer.Option(min=10, help="Of --pairs sampled, how many.")] = 2000,
    method: Annotated[Regression, typer.Option(help="How the link is fitted.")] = Regression.LEAST_SQUARES,
    alpha: Annotated[
        float | None,
        typer.Option(
            min=0, help="Of ridge and elastic-net: how strongly they hold back.", show_default="cross-validated"
        ),
    ] = None,
    held_out: Annotated[float, typer.Option(help="Part of the pairs that it is measured on.")] = 0.25,
    layer: Annotated[
        str | None, typer.Option(help="Of the classifier, such as conv3.", show_default="what classes are told from")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="A figure to write, .svg, .pdf or .png.", show_default=False)
    ] = None,
    section_name: SectionName = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Link a classifier's penultimate layer to an encoder's latent space, say how well that does, and save it."""
    with told():
        from conceptstain.methods.link import METHODS
        from conceptstain.methods.link_file import save_link
        from conceptstain.methods.linking import link as linked
        from conceptstain.nets.generators import generator

        if out.suffix.lower() != ".safetensors":
            raise InputError("A link is saved as .safetensors", got=out.name, cure="End its name so")
        _check_writable(out, figure, overwrite=overwrite)
        recogniser = classifier_at(classifier)
        canvas, network = canvas_and_decoder(source, encoder, section_name)
        said = None if labels is table is None else labels_said(canvas, labels, table, None, (), background=True)
        for note in (*canvas.source.notes, *(() if said is None else said.notes)):
            typer.echo(f"  {note}")
        encoded = pairs is Pairing.ENCODED
        made = generator(network, canvas=canvas, labels=said)
        line = ProgressLine()
        try:
            found = linked(
                recogniser,
                made,
                canvas if encoded else None,
                labels=said if encoded else None,
                pairs=pairs.value,
                method=METHODS[list(Regression).index(method)],
                alpha=alpha,
                n_pairs=n_pairs,
                held_out=held_out,
                seed=seed,
                layer=layer,
                report=line,
            )
        finally:
            line.close()
        _say(found)
        written = [save_link(found, out)]
        if figure is not None:
            from conceptstain.figures import save_figure
            from conceptstain.link_figures import link_figure

            save_figure(link_figure(found, recogniser, made, canvas), figure, overwrite=overwrite)
            written.append(figure)
        say_written(written)


def _check_writable(out: Path, figure: Path | None, *, overwrite: bool) -> None:
    """Refuse files that cannot be written, before hours of work are done for them."""
    from conceptstain.figures import check_format
    from conceptstain.writing import check_writable

    check_writable(out, overwrite=overwrite)
    if figure is not None:
        check_writable(check_format(figure), overwrite=overwrite)


def _say(found: Link) -> None:
    """What is linked, from how many pairs, and every measure beside those of shuffled pairs and the ceiling."""
    import pandas as pd

    typer.echo(
        f"Linked {found.units} units of {found.layer or 'the penultimate layer'} to {found.latent} latent dimensions "
        f"by {found.method}, from {found.quality.n_learned:,} pairs (fingerprint {found.fingerprint})."
    )
    for name, (kept, drawn) in found.card.get("drawn", {}).items():
        typer.echo(f"  {name}: {kept:,} of {drawn:,} samples kept.")
    rows = {
        name: {
            "link": str(each.value),
            "shuffled pairs": str(each.shuffled),
            "ceiling": "" if each.ceiling is None else str(each.ceiling),
        }
        for name, each in found.quality.measures.items()
    }
    typer.echo(f"On {found.quality.n_held_out:,} held-out pairs, with 95 % intervals:")
    typer.echo(pd.DataFrame.from_dict(rows, orient="index").to_string())
