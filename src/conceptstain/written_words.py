"""What results are called in AnnData: the words under ``uns["conceptstain"]``, and names that files can hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from conceptstain.canvas.anndata_file import STUDY_KEY
from conceptstain.concepts.concept import Concept
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.finding import Finding
from conceptstain.nets.encoder import Encoder

__all__ = [
    "FORMAT_VERSION",
    "UNS_KEY",
    "concept_words",
    "concepts_of",
    "distinct",
    "encoder_words",
    "map_words",
    "texts",
]

FORMAT_VERSION = 5
"""Of what lies under ``uns["conceptstain"]``; it grows when a reader has to know.

2: a concept has a ``space``, ``"latent"`` or a layer, and ``parts``; those of format 1 are all of ``"latent"``.
3: a saved study has ``study``, ``arrays`` and ``columns``; see :mod:`conceptstain.study.saving`.
4: a study holds the controls of its maps, and its arrays have dots in their names for colons, which no folder's name
has on every system.
5: a study may be of pictures or of a slide; it has ``items`` then, and the observations are these.
"""

UNS_KEY = STUDY_KEY
LONGEST_KEY = 200  # bytes: in a .zarr every name is one of a file
RESERVED = (".", "..", "_index")  # by file systems and anndata


def concepts_of(findings: Iterable[Finding]) -> list[Concept]:
    """The concepts in a picture encoder's latent space that maps are of, each once, in order."""
    maps = [made for made in findings if isinstance(made, Attribution)]
    named = [concept for made in maps for concept in (made.concept, *(along for along, _ in made.moves))]
    return list(dict.fromkeys(concept for concept in named if concept is not None))


def distinct(names: Iterable[str], *, taken: Iterable[object]) -> list[str]:
    """Names that ``.h5ad`` and ``.zarr`` can hold as keys, and that differ from each other and from those taken."""
    used = {str(name) for name in taken}
    found = []
    for name in names:
        short = name.replace("/", "\N{DIVISION SLASH}").encode()[:LONGEST_KEY].decode(errors="ignore")
        fresh = wanted = f"{short}_" if short in RESERVED else short or "unnamed"
        number = 2
        while fresh in used:
            fresh, number = f"{wanted} ({number})", number + 1
        used.add(fresh)
        found.append(fresh)
    return found


def concept_words(concept: Concept) -> dict[str, Any]:
    """A concept with its direction."""
    return {
        "name": concept.name,
        "direction": np.asarray(concept.direction),
        "items": texts(concept.items),
        "origin": concept.origin,
        "form": concept.definition.form,
        "space": concept.space,
        "parts": json.dumps([{"weight": w, "name": part.name, "origin": part.origin} for w, part in concept.parts]),
        "encoder": concept.encoder,
    }


def map_words(made: Finding) -> dict[str, Any]:
    """A map, or a score, with its settings."""
    return {
        "name": made.name,
        "method": made.method,
        "signed": made.signed,
        "encoder": made.encoder,
        "settings": _json(made.settings),
    }


def encoder_words(encoder: Encoder | None) -> dict[str, Any]:
    """An encoder by its fingerprint, with its card; nothing for None."""
    if encoder is None:
        return {}
    return {"name": encoder.name, "fingerprint": encoder.fingerprint, "card": _json(encoder.card)}


def texts(words: Sequence[str]) -> np.ndarray:
    """Texts as an array."""
    return np.array(list(words), dtype=object)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, default=str)
