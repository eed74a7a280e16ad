"""What a concept and its maps are worth: said, and as tables to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from conceptstain.cli.results import EVIDENCE
from conceptstain.cli.telling import ProgressLine
from conceptstain.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.concepts.concept import Concept
    from conceptstain.nets.encoder import Encoder

__all__ = ["controlled", "tested"]


def tested(
    concept: Concept, canvas: GenePictures, encoder: Encoder, *, nulls: int, seed: int
) -> dict[str, pd.DataFrame]:
    """Say the evidence for a concept; its cross-fitted scores, by the ending of the file they belong in.

    A concept too small to be tested is painted all the same, and it is said why there is no evidence.
    """
    from conceptstain.concepts.evidence import evidence

    if nulls == 0:
        return {}
    line = ProgressLine()
    try:
        found = evidence(concept, canvas, encoder, n_null=nulls, seed=seed, report=line)
    except InputError as error:
        line.close()
        typer.echo(f"No evidence: {error}")
        return {}
    finally:
        line.close()
    typer.echo(f"Evidence: {found.sentence}")
    for note in found.notes:
        typer.echo(f"  {note}")
    return {EVIDENCE: found.table(canvas)}


def controlled(
    concept: Concept, canvas: GenePictures, encoder: Encoder, methods: Sequence[str], *, latent: int, seed: int
) -> pd.DataFrame:
    """Say what the controls of each map say; one table of all of them."""
    import pandas as pd

    from conceptstain.methods.controls import controls

    tables = []
    for method in methods:
        line = ProgressLine()
        try:
            found = controls(canvas, encoder, concept, method, dimension=latent, seed=seed, report=line)
        finally:
            line.close()
        for sentence in found.sentences:
            typer.echo(f"Controls of {method}: {sentence}")
        tables.append(found.table())
    return pd.concat(tables)
