"""Counterfactuals and concept walks as findings: what changes in items, painted, kept and written down like any map."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.concept_walk import ConceptWalk
from conceptstain.methods.counterfactual import Counterfactual
from conceptstain.methods.counterfactual_settings import CounterfactualSettings
from conceptstain.methods.items import checked_items, items_told
from conceptstain.methods.spot_score import SpotScore

__all__ = ["concept_walk_map", "counterfactual_map", "gene_changes"]


def counterfactual_map(counterfactual: Counterfactual, canvas: Canvas, items: ItemIndices | None = None) -> Attribution:
    """What changes from items to their counterfactuals, ``dec(z_end) - dec(z_start)``.

    Also where the search did not arrive, which ``settings["success"]`` says.

    Parameters
    ----------
    counterfactual
        Of items of this canvas.
    canvas
        What they are of.
    items
        Indices of some of them; None: all that were asked about.

    Returns
    -------
    Attribution
        Of method ``"counterfactual"``, ``(items, *shape)`` in the units of the inputs. With what is in ``settings`` and
        the same classifier and encoder it can be found again.

    Raises
    ------
    MismatchError
        Another canvas.
    InputError
        An item that was not asked about.
    """
    _check(counterfactual, canvas)
    chosen, rows = _chosen(counterfactual, canvas, items)
    told = items_told(canvas, chosen)
    return Attribution(
        method="counterfactual",
        name=_name(counterfactual, rows),
        values=(counterfactual.end[rows] - counterfactual.start[rows]).astype(np.float32),
        items=tuple(int(item) for item in chosen),
        signed=True,
        encoder=counterfactual.generator,
        settings={
            **_asked(counterfactual),
            "success": tuple(bool(each) for each in counterfactual.success[rows]),
            "probability at the end": tuple(float(each) for each in counterfactual.probabilities[rows, -1]),
        },
        detail=f"{counterfactual.method}, {told}",
    )


def concept_walk_map(walk: ConceptWalk, canvas: Canvas, items: ItemIndices | None = None) -> Attribution:
    """What changes from items to the ends of their walks along a concept, ``dec(z_end) - dec(z_start)``.

    Also where the score was not reached, which ``settings["success"]`` says.

    Parameters
    ----------
    walk
        Of items of this canvas.
    canvas
        What they are of.
    items
        Indices of some of them; None: all that were asked about.

    Returns
    -------
    Attribution
        Of method ``"concept walk"``, ``(items, *shape)`` in the units of the inputs. With what is in ``settings`` and
        the same encoder it can be made again.

    Raises
    ------
    MismatchError
        Another canvas.
    InputError
        An item that was not asked about.
    """
    _check(walk, canvas)
    chosen, rows = _chosen(walk, canvas, items)
    return Attribution(
        method="concept walk",
        name=walk.concept.name,
        values=(walk.end[rows] - walk.start[rows]).astype(np.float32),
        items=tuple(int(item) for item in chosen),
        signed=True,
        concept=walk.concept,
        encoder=walk.network.fingerprint,
        settings={
            "to": walk.settings["to"],
            "frames": walk.settings["frames"],
            "asked": tuple(int(item) for item in walk.items),
            "success": tuple(bool(each) for each in walk.success[rows]),
            "score at the end": tuple(float(each) for each in walk.scores[rows, -1]),
        },
        detail=items_told(canvas, chosen),
    )


def gene_changes(counterfactual: Counterfactual, canvas: SpotProfiles, gene: str) -> SpotScore:
    """How much one gene would have to change in every spot that was asked about, as a map of the tissue.

    Parameters
    ----------
    counterfactual
        Of the spots of this canvas.
    canvas
        The spots, as the networks read them.
    gene
        One of its genes.

    Returns
    -------
    SpotScore
        Of method ``"counterfactual"``, in z-scores; NaN at spots that were not asked about.

    Raises
    ------
    InputError
        No such gene.
    MismatchError
        A counterfactual of other spots, or of no spots.
    """
    _check(counterfactual, canvas)
    if gene not in canvas.features:
        raise InputError("The profiles do not have that gene", got=repr(gene), cure="Choose one of canvas.features")
    values = np.full(len(canvas), np.nan)
    column = canvas.features.index(gene)
    values[counterfactual.items] = counterfactual.end[:, column] - counterfactual.start[:, column]
    return SpotScore(
        name=_name(counterfactual, np.arange(len(counterfactual.items))),
        values=values,
        section=canvas.section.name,
        concept=None,
        encoders=(counterfactual.generator,),
        settings={**_asked(counterfactual), "gene": gene},
        detail=f"{counterfactual.method}, {gene}",
        method="counterfactual",
    )


def _chosen(
    found: Counterfactual | ConceptWalk, canvas: Canvas, items: ItemIndices | None
) -> tuple[NDArray[np.integer], Int[np.ndarray, " items"]]:
    """The items to show, and their rows."""
    chosen = found.items if items is None else checked_items(canvas, items)
    return chosen, np.array([found.row(int(item)) for item in chosen])


def _check(found: Counterfactual | ConceptWalk, canvas: Canvas) -> None:
    """Refuse a canvas that what was found is not of; a MismatchError."""
    beyond = found.items.max(initial=-1) >= len(canvas)
    names = () if beyond else tuple(str(name) for name in canvas.item_names[found.items])
    if found.start.shape[1:] != tuple(canvas.shape) or names != found.item_names:
        raise MismatchError(
            f"The {'counterfactual' if isinstance(found, Counterfactual) else 'walk'} is not of these {canvas.noun}s",
            got=f"{len(found.items)} items of shape {found.start.shape[1:]} for {canvas.source.name}",
            cure="Give the canvas that it was made with",
        )


def _asked(counterfactual: Counterfactual) -> dict[str, Any]:
    """What the search was asked, for it to be done again."""
    told = counterfactual.settings
    targets = tuple(counterfactual.classes[row] for row in counterfactual.targets)
    return {
        "method": counterfactual.method,
        "search": {word: told[word] for word in (each.name for each in fields(CounterfactualSettings)) if word in told},
        "targets": targets[:1] if len(set(targets)) == 1 else targets,
        "asked": tuple(int(item) for item in counterfactual.items),
        "known": told.get("known"),
        "classifier": counterfactual.classifier,
        "classifier name": told.get("classifier name", "classifier"),
        "link": counterfactual.link,
        "network": counterfactual.network.name,
    }


def _name(counterfactual: Counterfactual, rows: Int[np.ndarray, " items"]) -> str:
    """E.g. ``"4 to 9"``; of several origins ``"to 9"``."""
    origins, targets = (
        list(dict.fromkeys(counterfactual.classes[row] for row in of[rows]))
        for of in (counterfactual.origins, counterfactual.targets)
    )
    if len(targets) > 1:
        return f"to {len(targets)} classes"
    return f"{origins[0]} to {targets[0]}" if len(origins) == 1 else f"to {targets[0]}"
