"""Writing down what was done: a study as its recipe."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd
import torch

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.picture_canvas import PictureCanvas
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.evidence import Evidence
from conceptstain.errors import InputError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.controls import Controls
from conceptstain.methods.finding import Finding
from conceptstain.methods.item_score import ItemScore
from conceptstain.methods.items import concept_items
from conceptstain.methods.maps import DEVIATIONS, KEYS
from conceptstain.methods.spot_score import SpotScore
from conceptstain.nets.bundled import bundled, bundled_names
from conceptstain.nets.encoder import Encoder
from conceptstain.recipe.records import (
    AttentionRecord,
    AttributedRecord,
    ClassifierRecord,
    ConceptWalkRecord,
    ControlsRecord,
    CounterfactualRecord,
    DeviationScoreRecord,
    EncoderRecord,
    EvidenceRecord,
    FigureRecord,
    FitRecord,
    ItemScoreRecord,
    MapRecord,
    MoveRecord,
    PlainMapRecord,
    ProfilesRecord,
    SaliencyRecord,
    SectionRecord,
    SpotScoreRecord,
    TrainingRecord,
    UnitMapRecord,
    UnitValueRecord,
    WhatIfRecord,
)
from conceptstain.recipe.schema import Recipe
from conceptstain.study import Snapshot, Study
from conceptstain.study.hashing import section_fingerprint
from conceptstain.study.packing import pictures_told, plain
from conceptstain.study.picture_records import pictures_record
from conceptstain.study.records import EntryRecord, SourceRecord, SpotSettingsRecord, Tables
from conceptstain.study.saving import sourced

__all__ = ["PACKAGES", "recorded", "sum_of", "sum_of_controls", "versions"]

PACKAGES = ("napari-conceptstain", "torch", "numpy", "scipy", "anndata", "scikit-learn", "captum")


def recorded(study: Study | Snapshot, *, figures: Sequence[str] = ("maps.svg",)) -> Recipe:
    """The recipe of a study: what is in its list, its maps, evidence and controls, with all parameters.

    Parameters
    ----------
    study
        The study, or a snapshot of it.
    figures
        Names of figures to write of all maps, ``.svg``, ``.pdf`` or ``.png``; none where there is no map.

    Raises
    ------
    InputError
        The section was read from no file, or a map cannot be written down.
    """
    snapshot = sourced(study.snapshot() if isinstance(study, Study) else study)
    canvas = snapshot.canvas
    shown = _of_section(canvas, snapshot.source) if isinstance(canvas, GenePictures) else _of_pictures(canvas)
    recorder = _Recorder(snapshot)
    maps = tuple(recorder.map(made) for made in snapshot.findings)
    concepts = tuple(
        EntryRecord(definition=recorder.tables.definition(each.definition), colour=each.colour)
        for each in snapshot.concepts.entries
    )
    evidence = tuple(recorder.evidences())
    controls = tuple(recorder.controls())
    return Recipe(
        made_with=versions(),
        threads=torch.get_num_threads(),
        device="cpu" if snapshot.encoder is None else snapshot.encoder.device.type,
        **shown,
        encoder=None if snapshot.encoder is None else _encoder(snapshot.encoder, canvas),
        spot_encoders=tuple(_encoder(each, canvas) for each in snapshot.spot_encoders),
        spot_settings=None if snapshot.spot_settings is None else recorder.spot_settings(),
        concepts=concepts,
        maps=maps,
        evidence=evidence,
        controls=controls,
        figures=tuple(FigureRecord(file=name) for name in figures) if maps else (),
        tables=recorder.tables.record,
    )


def _of_section(canvas: GenePictures, source: SourceRecord | None) -> dict[str, Any]:
    """The words of a recipe that say which section it is of."""
    section = canvas.section
    if source is None:
        raise InputError(
            "The section was read from no file, so no recipe can name it",
            got=section.name,
            cure="Save the study first, open it, and write the recipe of that",
        )
    told = SectionRecord(
        source=source,
        fingerprint=section_fingerprint(section),
        unit=section.unit,
        spots=section.n_spots,
        genes=section.n_genes,
    )
    return {"section": told, "pictures": pictures_told(canvas)}


def _of_pictures(canvas: ImageSet | ImagePatches) -> dict[str, Any]:
    """The same of pictures and slides, which are known by their pixels, were they in files or not."""
    return {"recipe": 2, "shown": pictures_record(canvas, keeping=False)}


def sum_of(values: np.ndarray) -> str:
    """SHA-256 of the values' type, shape and bytes: equal for equal arrays alone."""
    return hashlib.sha256(
        f"{values.dtype.str} {values.shape}".encode() + np.ascontiguousarray(values).tobytes()
    ).hexdigest()


def sum_of_controls(drawn: Controls) -> str:
    """:func:`sum_of` of a map, its controls and how well each of them finds the region."""
    parts = [drawn.values, *(part for each in drawn.controls for part in (each.values.ravel(), each.aurocs))]
    return sum_of(np.concatenate([*parts, [] if drawn.auroc is None else [drawn.auroc]]))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


class _Recorder:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        canvas = snapshot.canvas
        self.tables = Tables(canvas.section if isinstance(canvas, GenePictures) else canvas)
        for entry in snapshot.concepts.entries:
            self.tables.definition(entry.definition)

    # -- maps ------------------------------------------------------------------------------------------------------

    def map(self, made: Finding) -> MapRecord:
        known: dict[str, Any] = {
            "concept": None if made.concept is None else self.tables.definition(made.concept.definition),
            "detail": made.detail,
            "colour_limits": made.colour_limits,
            "sha256": sum_of(made.values),
        }
        told = plain(made.settings)
        ways: dict[str, Callable[[Any, dict[str, Any], dict[str, Any]], MapRecord]] = {
            "activation": self._of_unit,
            "counterfactual": self._of_class,
            "concept walk": self._of_walk,
            "what if": self._of_moves,
        }
        if made.method in ways:
            return ways[made.method](made, told, known)
        if isinstance(made, SpotScore | ItemScore):
            return self._of_score(made, told, known)
        if made.method == "attention":
            return AttentionRecord(
                map="attention",
                dimension=told["dimension"],
                layer=told["layer"],
                variant=told.get("variant", "paper"),
                at=self._at(made) if made.items else "all",
                **known,
            )
        if made.concept is None:
            raise _unwritable(made)
        if made.method in PLAIN:
            return PlainMapRecord(map=PLAIN[made.method], **known)
        if made.method in ATTRIBUTED:
            words = {word: told[word] for word in ATTRIBUTED[made.method]}
            return AttributedRecord(map=KEYS[made.method], at=self._at(made), **words, **known)  # type: ignore[arg-type]
        if "rule" not in told:
            raise _unwritable(made)
        words = {word: told[word] for word in ("percentile", "threshold", "variant", "padding") if word in told}
        return SaliencyRecord(map=told["rule"], times_input=told["times_input"], at=self._at(made), **words, **known)

    def _of_class(self, made: Finding, told: dict[str, Any], known: dict[str, Any]) -> CounterfactualRecord:
        names = self._spot_names if isinstance(made, SpotScore) else self.snapshot.canvas.item_names
        shown = list(made.items) if isinstance(made, Attribution) else told["asked"]
        return CounterfactualRecord(
            map="counterfactual",
            classifier=_classifier(told),
            link=told["link"] or None,
            network=self._network(made, told),
            fingerprint=made.encoder,
            targets=told["targets"],
            method=told["method"],
            settings=told["search"],
            asked=tuple(map(str, names[told["asked"]])),
            known=None if told["known"] is None else tuple(map(str, names[told["known"]])),
            at="all" if shown == told["asked"] else tuple(map(str, names[shown])),
            gene=told.get("gene"),
            **known,
        )

    def _network(self, made: Finding, told: dict[str, Any]) -> EncoderRecord | None:
        """Of a network that is none of the study's, what to look for it by."""
        snapshot = self.snapshot
        in_use = [] if snapshot.encoder is None else [snapshot.encoder]
        if made.encoder in {each.fingerprint for each in (*in_use, *snapshot.spot_encoders)}:
            return None
        return EncoderRecord(name=told["network"][:500], fingerprint=made.encoder)

    @property
    def _spot_names(self) -> pd.Index[str]:
        return self.snapshot.genes.section.adata.obs_names

    def _of_score(self, made: SpotScore | ItemScore, told: dict[str, Any], known: dict[str, Any]) -> MapRecord:
        if KEYS[made.method] in DEVIATIONS:
            return DeviationScoreRecord(map=KEYS[made.method], **known)  # type: ignore[arg-type]  # one of the two
        if isinstance(made, ItemScore):
            return ItemScoreRecord(map="score", **known)
        together = self._together([made.name, *told["against"]])
        return SpotScoreRecord(map="spot-score", together=together, settings=self._asked(told), **known)

    def _of_moves(self, made: Attribution, told: dict[str, Any], known: dict[str, Any]) -> WhatIfRecord:
        linked: dict[str, Any] = {}
        if "units" in told:
            linked = {
                "units": tuple(UnitValueRecord(unit=unit, value=value) for unit, value in told["units"]),
                "classifier": _classifier(told),
                "link": told["link"],
            }
        moves = tuple(MoveRecord(concept=self.tables.definition(of.definition), far=far) for of, far in made.moves)
        return WhatIfRecord(map="what-if", moves=moves, at=self._names(made), **linked, **known)

    def _of_walk(self, made: Attribution, told: dict[str, Any], known: dict[str, Any]) -> ConceptWalkRecord:
        names = self.snapshot.canvas.item_names
        return ConceptWalkRecord(
            map="concept-walk",
            to=told["to"],
            frames=told["frames"],
            asked=tuple(map(str, names[told["asked"]])),
            at="all" if list(made.items) == told["asked"] else self._names(made),
            **known,
        )

    def _of_unit(self, made: Finding, told: dict[str, Any], known: dict[str, Any]) -> UnitMapRecord:
        return UnitMapRecord(
            map="activation",
            unit=told["unit"],
            layer=told["layer"],
            alignment=told["alignment"],
            fingerprint=made.encoder,
            network=self._network(made, told),
            spots=isinstance(made, SpotScore),
            at=self._at(made) if isinstance(made, Attribution) and made.items else "all",
            **known,
        )

    def _at(self, made: Attribution) -> Any:
        """``"own"`` where the map is at the genes of its concept, else the names of the genes."""
        canvas = self.snapshot.canvas
        if made.concept is not None:
            own, _ = concept_items(canvas, made.concept) if made.concept.items else ((), ())
            if tuple(int(item) for item in own) == made.items:
                return "own"
        return self._names(made)

    def _names(self, made: Attribution) -> tuple[str, ...]:
        return tuple(str(name) for name in self.snapshot.canvas.item_names[list(made.items)])

    def _asked(self, told: dict[str, Any]) -> SpotSettingsRecord:
        if "asked" in told:
            return SpotSettingsRecord.model_validate(told["asked"])
        return self.spot_settings()

    def spot_settings(self) -> SpotSettingsRecord:
        chosen = self.snapshot.spot_settings
        return SpotSettingsRecord() if chosen is None else SpotSettingsRecord.of(chosen)

    def _together(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.tables.definition(self._named(name)) for name in names)

    def _named(self, name: str) -> Definition:
        for entry in self.snapshot.concepts.entries:
            if entry.name == name:
                return entry.definition
        raise InputError(
            "A spot score was made beside a concept that is not in the list any more",
            got=name,
            cure="Score the spots again, and write the recipe then",
        )

    # -- what they are worth ---------------------------------------------------------------------------------------

    def evidences(self) -> list[EvidenceRecord]:
        kept = [*self.snapshot.evidence.items(), *self.snapshot.spot_evidence.items()]
        records = []
        for definition, found in kept:
            by_spots = found.by == "spot profiles"
            records.append(
                EvidenceRecord(
                    concept=self.tables.definition(definition),
                    by=found.by,
                    n_null=found.settings["n_null"],
                    n_folds=found.settings.get("n_folds", 5),
                    seed=found.settings["seed"],
                    settings=self._by_rule(found) if by_spots else None,
                    auroc=found.auroc,
                    p=found.p,
                    sha256=sum_of(found.scores),
                )
            )
        return records

    def _by_rule(self, found: Evidence) -> SpotSettingsRecord:
        """The settings with the direction that was taken: left open, it depends on what else was drawn."""
        return self.spot_settings().model_copy(update={"direction": found.settings["direction"]})

    def controls(self) -> list[ControlsRecord]:
        listed = {entry.definition for entry in self.snapshot.concepts.entries}
        return [
            ControlsRecord(
                concept=self.tables.definition(asked.definition),
                map=asked.map_key,
                **dict(asked.heard),
                draws=drawn.settings["draws"],
                seed=drawn.settings["seed"],
                together=tuple(map(self.tables.definition, asked.together)),
                settings=None if asked.spot_settings is None else SpotSettingsRecord.of(asked.spot_settings),
                sha256=sum_of_controls(drawn),
            )
            for asked, drawn in self.snapshot.controls.items()
            if listed.issuperset((asked.definition, *asked.together))
        ]


PLAIN: Any = {"decoded": "decoded", "gene mean": "gene-mean", "picture mean": "gene-mean"}
ATTRIBUTED = {
    "integrated gradients": ("baseline", "steps", "quadrature"),
    "SmoothGrad": ("noise", "samples", "seed"),
    "DeepLift": ("baseline",),
    "LRP-epsilon": ("epsilon",),
    "occlusion": ("window", "stride", "baseline"),
    "Grad-CAM": ("layer",),
    "gradient by regions": (),
    "deviation": ("anomaly",),
}


def _classifier(told: dict[str, Any]) -> ClassifierRecord:
    return ClassifierRecord(name=told["classifier name"][:500], fingerprint=told["classifier"])


def _unwritable(made: Finding) -> InputError:
    return InputError(
        "This map cannot be written down, as it does not say how it was made",
        got=made.title,
        cure="Paint it again, or take its concept off the list",
    )


def _encoder(encoder: Encoder, canvas: PictureCanvas) -> EncoderRecord:
    known = [name for name in bundled_names() if bundled(name).fingerprint == encoder.fingerprint]
    return EncoderRecord(
        name=encoder.name,
        fingerprint=encoder.fingerprint,
        bundled=known[0] if known else None,
        fit=None if known else _fit(encoder, canvas),
        learned_from=encoder.sections,
    )


def _fit(encoder: Encoder, canvas: PictureCanvas) -> FitRecord | None:
    """How it was fitted, where that was to this section, these pictures or this slide alone."""
    card = plain(encoder.card)
    if (
        len(encoder.sections) != 1
        or not encoder.has_seen(canvas.source)
        or "training" not in card
        or "network" not in card
        or "labels" in card  # of a classifier: without its labels it cannot be fitted again
    ):
        return None
    kind, view = "profiles" if encoder.features else "pictures", "pictures"
    if not isinstance(canvas, GenePictures):
        kind, view = "images", "frames" if isinstance(canvas, ImageSet) else "patches"
    if kind != "profiles" and card.get(view, {}) != plain(vars(canvas.settings)):
        return None  # it learned from another view
    training = {word: value for word, value in card["training"].items() if word != "device"}
    return FitRecord.model_validate(
        {
            "network": {"kind": kind, **card["network"]},
            "training": TrainingRecord.model_validate(training),
            "profiles": ProfilesRecord.model_validate(card["profiles"]) if kind == "profiles" else None,
            "device": card.get("history", {}).get("device", "cpu"),
        }
    )
