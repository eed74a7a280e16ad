"""What lies under ``uns["conceptstain"]``, of any format, as the present one has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from conceptstain.canvas.section import Section
from conceptstain.concepts.definition import LATENT, Definition, Form
from conceptstain.errors import InputError, ReadingError
from conceptstain.exporting import FORMAT_VERSION
from conceptstain.study.concept_list import WONG, Entry, ListState
from conceptstain.study.packing import Arrays
from conceptstain.study.snapshot import Snapshot

__all__ = ["Held", "check_format", "migrated"]


@final
@dataclass(frozen=True, eq=False)
class Held:
    """What a file holds of a study, in the words of the present format.

    Attributes
    ----------
    study
        The record as JSON; None in an export, which has concepts and no study.
    arrays
        Those the record speaks of.
    columns
        Columns of ``obs`` that were written with it.
    notes
        What is not in the file, one sentence each.
    definitions
        Of an export, its concepts.
    pictures
        Of an export, the scaling and the frame of its pictures.
    """

    study: str | None
    arrays: Arrays
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    definitions: tuple[Definition, ...] = ()
    pictures: Mapping[str, Any] = field(default_factory=dict)

    def snapshot(self, section: Section) -> Snapshot:
        """What an export holds, as a study."""
        entries = tuple(
            Entry(definition, WONG[number % len(WONG)]) for number, definition in enumerate(self.definitions)
        )
        return Snapshot(canvas=section.view("genes", **self.pictures), concepts=ListState(entries))


def migrated(told: Mapping[str, Any], file: str) -> Held:
    """Read what is there, step by step from its format to the present one.

    Raises
    ------
    ReadingError
        See :func:`check_format`.
    KeyError, ValueError, TypeError, AttributeError
        It is damaged.
    """
    number = check_format(told, file)
    content = dict(told)
    for step in _STEPS[number - 1 :]:
        content = step(content)
    arrays = {name.replace(".", "/"): np.asarray(values) for name, values in dict(content["arrays"]).items()}
    if content["study"] is not None:
        return Held(str(content["study"]), arrays, tuple(map(str, content["columns"])))
    definitions, notes = _definitions(content["concepts"])
    frame = tuple(int(side) for side in content["frame"])[-2:]
    maps = dict(content["maps"])
    if maps:
        notes += (f"The maps of {file} are kept as columns of obs, and are painted anew when asked for.",)
    if content["encoder"]:
        fingerprint = str(content["encoder"]["fingerprint"])
        notes += (f"{file} names the encoder {fingerprint} and does not hold it: load it, or fit another.",)
    pictures = {"scaling": str(content["scaling"]), "frame": frame}
    return Held(None, {}, (), notes, definitions, pictures)


def check_format(told: Mapping[str, Any], file: str) -> int:
    """The format; a ReadingError where there is none, or a newer one."""
    number = told.get("format")
    if isinstance(number, np.ndarray) and number.shape == ():
        number = number.item()
    if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < 1:
        raise ReadingError(
            f"What {file} holds under conceptstain was not written by it",
            got=f"format {str(number)[:40]}",
            cure="Open it as a section: conceptstain.open(path)",
        )
    if number > FORMAT_VERSION:
        raise ReadingError(
            f"{file} was saved in a newer format than this version reads",
            got=f"format {number} for {FORMAT_VERSION}",
            cure="Update napari-conceptstain; nothing was changed",
        )
    return int(number)


def _with_spaces(content: dict[str, Any]) -> dict[str, Any]:
    """1 to 2: all concepts were of the latent space, and none was combined."""
    concepts = {name: {**each, "space": LATENT, "parts": "[]"} for name, each in dict(content["concepts"]).items()}
    return {**content, "concepts": concepts}


def _with_study(content: dict[str, Any]) -> dict[str, Any]:
    """2 to 3: there were exports, and no saved studies."""
    return {**content, "study": None, "arrays": {}, "columns": ()}


def _with_dots(content: dict[str, Any]) -> dict[str, Any]:
    """3 to 4: arrays had colons in their names, and no controls were kept, which are drawn again when asked for."""
    arrays = {name.replace(":", "."): values for name, values in dict(content.get("arrays", {})).items()}
    return {**content, "arrays": arrays}


def _of_sections(content: dict[str, Any]) -> dict[str, Any]:
    """4 to 5: all studies were of sections, and are written as before."""
    return content


def _as_it_is(content: dict[str, Any]) -> dict[str, Any]:
    """5: an export still has no study."""
    return {"study": None, "arrays": {}, "columns": (), **content}


_STEPS = (_with_spaces, _with_study, _with_dots, _of_sections, _as_it_is)


def _definitions(concepts: Mapping[str, Any]) -> tuple[tuple[Definition, ...], tuple[str, ...]]:
    """Concepts as lists of the genes that made them: how those were chosen is told in words only."""
    made: dict[str, Definition] = {}
    notes: list[str] = []
    waiting: list[tuple[str, list[dict[str, Any]]]] = []
    for each in dict(concepts).values():
        name, parts = str(each["name"]), json.loads(str(each["parts"]))
        if parts:
            waiting.append((name, parts))
            continue
        items = tuple(map(str, np.atleast_1d(each["items"])))
        form: Form = "contrast" if str(each["form"]) == "contrast" else "mean"
        made[name] = Definition(name, items=items, form=form, space=str(each["space"]))
        notes.append(f"{name} is kept as its genes; it was made of {each['origin']}.")
    for name, parts in waiting:
        try:
            terms = tuple((float(part["weight"]), made[str(part["name"])]) for part in parts)
            first = terms[0][1]
            made[name] = Definition(name, form=first.form, combined=terms, space=first.space)
        except (KeyError, InputError):
            notes.append(f"{name} is left out: the concepts it combines are not in the file.")
    return tuple(made.values()), tuple(notes)
