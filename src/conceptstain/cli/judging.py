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
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.spot_concepts import SpotConcepts
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.nets.encoder import Encoder

__all__ = ["controlled", "spots_controlled", "spots_tested", "tested"]


def tested(
    concept: Concept, canvas: GenePictures | ImageSet | ImagePatches, encoder: Encoder, *, nulls: int, seed: int
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
    concept: Concept,
    canvas: GenePictures | ImageSet | ImagePatches,
    encoder: Encoder,
    methods: Sequence[str],
    *,
    settings: MapSettings,
    seed: int,
) -> pd.DataFrame:
    """Say what the controls of each map say; one table of all of them."""
    import pandas as pd

    from conceptstain.methods.controls import controls

    tables = []
    for method in methods:
        line = ProgressLine()
        try:
            found = controls(canvas, encoder, concept, method, settings=settings, seed=seed, report=line)
        finally:
            line.close()
        for sentence in found.sentences:
            typer.echo(f"Controls of {method}: {sentence}")
        tables.append(found.table())
    return pd.concat(tables)


def spots_tested(concepts: SpotConcepts, *, nulls: int, seed: int) -> dict[str, pd.DataFrame]:
    """Say the evidence for concepts of drawn spots, corrected for how many there are; their cross-fitted scores."""
    import pandas as pd

    from conceptstain.concepts.evidence import corrected, evidence

    if nulls == 0:
        return {}
    found = []
    line = ProgressLine()
    for name in concepts.names:
        try:
            found.append(evidence(concepts, name=name, n_null=nulls, seed=seed, report=line))
        except InputError as error:
            typer.echo(f"No evidence for {name}: {error}")
        finally:
            line.close()
    if not found:
        return {}
    for each in corrected(found):
        typer.echo(f"Evidence for {each.name}: {each.sentence}")
    for note in dict.fromkeys(note for each in found for note in each.notes):
        typer.echo(f"  {note}")
    tables = []
    for each in found:
        table = each.table(concepts.canvas)
        table.insert(0, "concept", each.name)
        tables.append(table)
    return {EVIDENCE: pd.concat(tables)}


def spots_controlled(concepts: SpotConcepts, *, seed: int) -> pd.DataFrame:
    """Say what the controls of each painted score say; one table of all of them."""
    import pandas as pd

    from conceptstain.methods.controls import controls

    tables = []
    for name in concepts.names:
        found = controls(concepts, name=name, seed=seed)
        for sentence in found.sentences:
            typer.echo(f"Controls of {name}: {sentence}")
        tables.append(found.table())
    return pd.concat(tables)
