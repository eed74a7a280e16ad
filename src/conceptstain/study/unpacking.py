"""A record and its arrays as the snapshot that they were made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.opening import Opened
from conceptstain.canvas.picture_canvas import PictureCanvas
from conceptstain.canvas.section import Section
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.evidence import Evidence
from conceptstain.concepts.nulls import Null
from conceptstain.methods.attribution import Attribution, Method
from conceptstain.methods.controls import NAMES, Control, Controls
from conceptstain.methods.finding import Finding
from conceptstain.methods.item_score import ItemMethod, ItemScore
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import map_kind
from conceptstain.methods.spot_score import SpotMethod, SpotScore
from conceptstain.nets.checkpoint import encoder_from_bytes
from conceptstain.nets.encoder import Encoder
from conceptstain.study.concept_list import Entry, ListState
from conceptstain.study.packing import CONTROL_ARRAYS
from conceptstain.study.picture_finding import canvas_again
from conceptstain.study.records import EntryRecord
from conceptstain.study.snapshot import ControlsAsked, Snapshot
from conceptstain.study.study_record import (
    ConceptRecord,
    ControlsRecord,
    EncoderRecord,
    EvidenceRecord,
    FindingRecord,
    StudyRecord,
)

__all__ = ["unpacked"]


def unpacked(record: StudyRecord, arrays: Mapping[str, NDArray[Any]], source: Opened) -> Snapshot:
    """The snapshot that was packed, on its section, its pictures or its slide.

    Raises
    ------
    InputError, MismatchError, ReadingError, KeyError, ValueError, TypeError, IndexError
        What the record says cannot be, or an array is missing or of another shape; for the caller to tell which file.
    """
    canvas = _canvas(record, source)
    unpacker = _Unpacker(record, arrays, canvas)
    encoder = unpacker.encoder(record.encoder)
    encoders = [unpacker.encoder(each) for each in record.spot_encoders]
    if encoder is not None:
        encoder.check(canvas)
    usable = tuple(each for each in encoders if each is not None)
    if len(usable) < len(encoders):
        usable = ()  # an average over some of them would be another score
    known = {unpacker.definitions[of]: unpacker.concepts[number] for of, number in record.known}
    evidence = [(each.spots, *unpacker.evidence(number, each)) for number, each in enumerate(record.evidence)]
    return Snapshot(
        canvas=canvas,
        concepts=ListState(
            unpacker.entries(record.concepts.entries),
            tuple(map(unpacker.entries, record.concepts.done)),
            tuple(map(unpacker.entries, record.concepts.undone)),
        ),
        findings=tuple(unpacker.finding(number, each) for number, each in enumerate(record.findings)),
        encoder=encoder,
        spot_encoders=usable,
        spot_settings=None if record.spot_settings is None else record.spot_settings.made(),
        made=known,
        evidence={of: found for spots, of, found in evidence if not spots},
        spot_evidence={of: found for spots, of, found in evidence if spots},
        controls=dict(unpacker.controls(number, each) for number, each in enumerate(record.controls)),
        source=None if record.section is None else record.section.source,
    )


def _canvas(record: StudyRecord, source: Opened) -> PictureCanvas:
    """What was opened as it was viewed."""
    told = record.pictures
    if isinstance(source, Section) and told is not None:
        return source.view("genes", scaling=told.scaling, frame=told.frame, min_spots=told.min_spots)
    if isinstance(source, Section) or record.shown is None:
        raise TypeError("a section in the place of pictures, or pictures in that of a section")
    return canvas_again(record.shown, source)


class _Unpacker:
    def __init__(self, record: StudyRecord, arrays: Mapping[str, NDArray[Any]], canvas: PictureCanvas) -> None:
        self._arrays, self._canvas = arrays, canvas
        self._section = canvas.section if isinstance(canvas, GenePictures) else None
        self.definitions = record.tables.made(canvas.section if isinstance(canvas, GenePictures) else canvas)
        self.concepts: list[Concept] = []
        for number, each in enumerate(record.made):
            self.concepts.append(self._concept(number, each))

    def entries(self, records: tuple[EntryRecord, ...]) -> tuple[Entry, ...]:
        return tuple(Entry(self.definitions[each.definition], each.colour) for each in records)

    def encoder(self, record: EncoderRecord | None) -> Encoder | None:
        if record is None or not record.saved:
            return None
        encoder = encoder_from_bytes(self._array(f"weights/{record.fingerprint}").astype(np.uint8).tobytes())
        if encoder.fingerprint != record.fingerprint:
            raise ValueError(f"encoder {encoder.fingerprint} in the place of {record.fingerprint}")
        return encoder

    def finding(self, number: int, record: FindingRecord) -> Finding:
        values = self._array(f"finding/{number}/values")
        concept = None if record.concept is None else self.concepts[record.concept]
        if record.kind != "map":
            return self._score(record, values, concept)
        _check_shape(values, (len(values), *self._canvas.shape))
        method: Method = record.method  # type: ignore[assignment]  # a later version may know more of them
        (encoder,) = record.encoders
        return Attribution(
            method=method,
            name=record.name,
            values=values,
            items=record.items,
            signed=record.signed,
            concept=concept,
            encoder=encoder,
            settings=record.settings,
            detail=record.detail,
            colour_limits=record.colour_limits,
            moves=tuple((self.concepts[number], far) for number, far in record.moves),
        )

    def _score(self, record: FindingRecord, values: NDArray[Any], concept: Concept | None) -> Finding:
        of_items = record.kind == "item score"
        _check_shape(values, (len(self._canvas) if of_items else self._n_spots,))
        if concept is None and (of_items or record.method not in {"activation", "counterfactual"}):
            raise ValueError(f"the score of {record.name!r} is of no concept")
        said: dict[str, Any] = {
            "settings": record.settings,
            "detail": record.detail,
            "colour_limits": record.colour_limits,
        }
        if of_items and concept is not None:
            (encoder,) = record.encoders
            of: ItemMethod = record.method  # type: ignore[assignment]  # a later version may know more of them
            return ItemScore(record.name, values, record.section, concept, encoder, **said, method=of)
        by: SpotMethod = record.method  # type: ignore[assignment]  # likewise
        said |= {"method": by, "signed": record.signed}
        return SpotScore(record.name, values, record.section, concept, record.encoders, **said)

    @property
    def _n_spots(self) -> int:
        if self._section is None:
            raise ValueError("spots of what has none")
        return self._section.n_spots

    def evidence(self, number: int, record: EvidenceRecord) -> tuple[Definition, Evidence]:
        here = f"evidence/{number}"
        scores = self._array(f"{here}/scores")
        _check_shape(scores, (self._n_spots,) if record.counted == "spots" else (len(record.items),))
        random = self._null(here, "random")
        if random is None:
            raise KeyError(f"{here}/random")
        return self.definitions[record.of], Evidence(
            definition=self.definitions[record.told],
            encoder=record.encoder,
            counted=record.counted,
            scores=scores,
            inside=_check_shape(self._array(f"{here}/inside"), scores.shape),
            folds=_check_shape(self._array(f"{here}/folds"), scores.shape),
            auroc=record.auroc,
            decoded_auroc=record.decoded_auroc,
            chosen=record.chosen,
            random=random,
            p_random=record.p_random,
            shape=self._null(here, "shape"),
            p_shape=record.p_shape,
            items=record.items,
            settings=record.settings,
            by=record.by,
            notes=record.notes,
        )

    def controls(self, number: int, record: ControlsRecord) -> tuple[ControlsAsked, Controls]:
        here, made = f"controls/{number}", []
        found = self._array(f"{here}/values")
        _check_shape(found, (found.size if self._section is None else self._n_spots,))
        for place, each in enumerate(record.controls):
            values, aurocs, correlations = (self._array(f"{here}/{place}/{word}") for word in CONTROL_ARRAYS)
            _check_shape(values, (len(values), len(found)))
            _check_shape(correlations, (len(values),))
            _check_shape(aurocs, (0 if record.auroc is None else len(values),))
            if each.name not in NAMES:
                raise ValueError(f"a control {each.name!r}")
            made.append(Control(each.name, each.explanation, values, aurocs, correlations))
        asked = ControlsAsked(
            definition=self.definitions[record.of],
            map_key=record.map,
            heard=_heard(record),
            together=tuple(self.definitions[each] for each in record.together),
            spot_settings=None if record.spot_settings is None else record.spot_settings.made(),
        )
        return asked, Controls(
            name=record.name,
            method=record.method,
            values=found,
            judged=record.judged,
            auroc=record.auroc,
            controls=tuple(made),
            encoder=record.encoder,
            settings=record.settings,
            n_inside=record.n_inside,
        )

    def _null(self, here: str, word: str) -> Null | None:
        if f"{here}/{word}" not in self._arrays:
            return None
        return Null(self._array(f"{here}/{word}"), self._array(f"{here}/{word} scores").astype(np.float64))

    def _concept(self, number: int, record: ConceptRecord) -> Concept:
        columns = {}
        for place, (name, texts) in enumerate(record.columns.items()):
            columns[name] = list(texts) if texts is not None else self._array(f"concept/{number}/column {place}")
        return Concept(
            definition=self.definitions[record.definition],
            direction=self._array(f"concept/{number}/direction"),
            items=record.items,
            origin=record.origin,
            encoder=record.encoder,
            table=pd.DataFrame(columns, index=pd.Index(list(record.items), name=record.index)),
            parts=tuple((weight, self.concepts[part]) for weight, part in record.parts),
        )

    def _array(self, name: str) -> NDArray[Any]:
        return np.asarray(self._arrays[name])


def _heard(record: ControlsRecord) -> tuple[tuple[str, Any], ...]:
    """The settings of a map, those that were not there yet when it was saved as they are by default."""
    if not record.heard:
        return ()
    return tuple(map_kind(record.map).heard(MapSettings(**record.heard)).items())


def _check_shape(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if values.shape != shape:
        raise ValueError(f"an array of shape {values.shape} where {shape} is needed")
    return values
