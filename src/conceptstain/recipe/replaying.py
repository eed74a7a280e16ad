"""Doing a study over again from its recipe, without a window, to equal numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import pandas as pd
import torch

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.concepts.evidence import Evidence, corrected, evidence
from conceptstain.errors import InputError
from conceptstain.methods.attention import attention
from conceptstain.methods.concept_walk import concept_walk
from conceptstain.methods.controls import Controls, controls
from conceptstain.methods.counterfactual_maps import concept_walk_map, counterfactual_map, gene_changes
from conceptstain.methods.counterfactual_search import counterfactual
from conceptstain.methods.counterfactual_settings import CounterfactualSettings
from conceptstain.methods.decoded import decoded
from conceptstain.methods.deep_lift import deep_lift
from conceptstain.methods.deviation import deviation
from conceptstain.methods.deviation_score import item_deviation, spot_deviation
from conceptstain.methods.finding import Finding
from conceptstain.methods.grad_cam import grad_cam
from conceptstain.methods.integrated import integrated_gradients
from conceptstain.methods.item_score import item_score
from conceptstain.methods.items import concept_items
from conceptstain.methods.maps import SPOT_SCORE, map_kind
from conceptstain.methods.occlusion import occlusion
from conceptstain.methods.regions import gradient_by_regions
from conceptstain.methods.relevance import lrp
from conceptstain.methods.saliency import saliency
from conceptstain.methods.score_map import score_map
from conceptstain.methods.smoothgrad import smoothgrad
from conceptstain.methods.spot_score import spot_score
from conceptstain.methods.unit_maps import unit_map
from conceptstain.methods.what_if import what_if
from conceptstain.nets.rules import rectified
from conceptstain.progress import Report, Step, silent
from conceptstain.recipe.ingredients import AGAIN, Ingredients
from conceptstain.recipe.recording import sum_of, sum_of_controls, versions
from conceptstain.recipe.records import (
    AttentionRecord,
    AttributedRecord,
    ConceptWalkRecord,
    ControlsRecord,
    CounterfactualRecord,
    DeviationScoreRecord,
    EvidenceRecord,
    ItemScoreRecord,
    MapRecord,
    PlainMapRecord,
    SaliencyRecord,
    SpotScoreRecord,
    UnitMapRecord,
    WhatIfRecord,
)
from conceptstain.recipe.results import CONTROLS, EVIDENCE, check_out, names_of, write_results
from conceptstain.recipe.schema import Recipe
from conceptstain.study import Entry, Snapshot, Study
from conceptstain.study.concept_list import ListState
from conceptstain.study.records import SpotSettingsRecord
from conceptstain.study.snapshot import ControlsAsked

__all__ = ["TOLERANCE", "Replay", "replay"]

TOLERANCE = 1e-5
"""How far a map may lie from that of another machine or number of threads, as a part of its largest value.

Measured with ``benchmarks/replay_tolerance.py``: 1e-6 between numbers of threads, 2e-6 on a CUDA device without TF32.
With TF32, which PyTorch uses there by default, it is 2e-3; replays run on the processor, wherever the study was made.
"""


@final
@dataclass(frozen=True, eq=False)
class Replay:
    """A study that was done over again.

    Attributes
    ----------
    study
        It, as it would be after painting by hand.
    written
        Files, where a folder was given.
    told
        What is worth knowing, one sentence each: other versions, encoders that were fitted again, numbers that differ.
    equal
        Titles of maps, evidence and controls: whether their numbers equal those of the recipe to the last bit.
    """

    study: Study
    written: tuple[Path, ...]
    told: tuple[str, ...]
    equal: dict[str, bool]


def replay(
    recipe: Recipe,
    data: Path,
    out: Path | None = None,
    *,
    weights: Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Replay:
    """Do a study over again.

    On one machine, with the versions and the number of threads of the recipe (which is set while it runs), the numbers
    are equal to the last bit; elsewhere within :data:`TOLERANCE`. Nothing outside the folders given here is read or
    written.

    Parameters
    ----------
    recipe
        What to do.
    data
        The folder that holds the section's file, and those opened with it. Of pictures their folder or file, and of a
        slide that or its folder; their names may be others, their pixels may not.
    out
        A folder to write to, made where it does not exist: the study, tables, figures and a paragraph on the methods.
        None: nothing is written.
    weights
        Another folder to look for encoders in.
    overwrite
        Replace files of the same names in ``out``.
    report
        Called after every part; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        A folder or file is missing, lies outside, or exists already.
    MismatchError
        A file, the section, a region or the weights are not those of the recipe.
    ReadingError
        The section or the weights cannot be read.
    """
    if not data.exists() or (recipe.shown is None and not data.is_dir()):
        raise InputError("There is no such folder of data", got=str(data), cure="Check the path")
    if out is not None:
        check_out(out, names_of(recipe), overwrite=overwrite)
    steps = _Steps(2 + len(recipe.maps) + len(recipe.evidence) + len(recipe.controls), report)
    with _threads(recipe.threads):
        steps.begin("Reading")
        ingredients = Ingredients(recipe, data, weights, steps.within)
        made = _Made(recipe, ingredients, steps)
        study = made.study()
        steps.begin("Writing")
        written = () if out is None else write_results(recipe, study, made.tables, out, overwrite=overwrite)
    told = (*_other_versions(recipe), *ingredients.told, *_comparison(made.equal))
    return Replay(study, written, told, made.equal)


@final
class _Steps:
    """Counts the parts, and passes on what is said within them."""

    def __init__(self, total: int, report: Report) -> None:
        self._total, self._report, self._done = total, report, 0

    def begin(self, message: str) -> None:
        self._report(Step(self._done, self._total, message))
        self._done += 1

    def within(self, step: Step) -> None:
        self._report(Step(self._done - 1, self._total, step.message, step.values))


@final
class _Made:
    """All that a recipe asks for, made in order."""

    def __init__(self, recipe: Recipe, ingredients: Ingredients, steps: _Steps) -> None:
        self._recipe, self._from, self._steps = recipe, ingredients, steps
        self.equal: dict[str, bool] = {}
        self.tables: dict[str, pd.DataFrame] = {}

    def study(self) -> Study:
        recipe, known = self._recipe, self._from
        findings = []
        for record in recipe.maps:
            self._steps.begin(f"Painting {_named(record)}")
            made = replace(self._map(record), detail=record.detail, colour_limits=record.colour_limits)
            self.equal[made.title] = sum_of(made.values) == record.sha256
            findings.append(made)
        found = [self._evidence(record) for record in recipe.evidence]
        drawn = [self._controls(record) for record in recipe.controls]
        if drawn:
            self.tables[CONTROLS] = pd.concat([each.table() for _, each in drawn])
        if found:
            self.tables[EVIDENCE] = _evidence_table([made for _, made in found])
        listed = tuple(Entry(known.definition(each.definition), each.colour) for each in recipe.concepts)
        snapshot = Snapshot(
            canvas=known.canvas,
            concepts=ListState(listed),
            findings=tuple(findings),
            encoder=known.encoder,
            spot_encoders=known.spot_encoders,
            spot_settings=None if recipe.spot_settings is None else recipe.spot_settings.made(),
            made={known.definition(key): made for key, made in known.concepts.items()},
            evidence={known.definition(key): made for key, made in found if made.by != "spot profiles"},
            spot_evidence={known.definition(key): made for key, made in found if made.by == "spot profiles"},
            controls=dict(drawn),
            source=None if recipe.section is None else recipe.section.source,
        )
        return Study.of(snapshot)

    def _map(self, record: MapRecord) -> Finding:
        ways: dict[type[MapRecord], Callable[[Any], Finding]] = {
            AttentionRecord: self._attention,
            UnitMapRecord: self._of_unit,
            WhatIfRecord: self._what_if,
            CounterfactualRecord: self._counterfactual,
            ConceptWalkRecord: self._concept_walk,
            PlainMapRecord: self._plain,
            SaliencyRecord: self._saliency,
            AttributedRecord: self._attributed,
            ItemScoreRecord: self._item_score,
            DeviationScoreRecord: self._deviation_score,
            SpotScoreRecord: self._spot_score,
        }
        return ways[type(record)](record)

    def _saliency(self, record: SaliencyRecord) -> Finding:
        canvas, at = self._from.canvas, record.at
        return saliency(
            canvas,
            self._from.need_encoder(),
            self._from.concept(record.concept),
            rule=_rule(record),
            items=None if at == "own" else [canvas.item(name) for name in at],
            times_input=record.times_input,
            report=self._steps.within,
        )

    def _attributed(self, record: AttributedRecord) -> Finding:
        canvas, at = self._from.canvas, record.at
        return ATTRIBUTED[record.map](
            canvas,
            self._from.need_encoder(),
            self._from.concept(record.concept),
            items=None if at == "own" else [canvas.item(name) for name in at],
            **record.settings,
            report=self._steps.within,
        )

    def _spot_score(self, record: SpotScoreRecord) -> Finding:
        definition = self._from.definition(record.concept)
        read = self._from.together(record.together, record.settings)
        return spot_score(read, definition.name, report=self._steps.within).defined_by(definition)

    def _what_if(self, record: WhatIfRecord) -> Finding:
        canvas = self._from.canvas
        moves = [(self._from.concept(each.concept), each.far) for each in record.moves]
        items = [canvas.item(name) for name in record.at]
        return what_if(
            self._from.need_encoder(),
            canvas,
            items,
            moves,
            units={each.unit: each.value for each in record.units},
            link=None if record.link is None else self._from.link(record.link),
            classifier=None if record.classifier is None else self._from.classifier(record.classifier),
            report=self._steps.within,
        )

    def _of_unit(self, record: UnitMapRecord) -> Finding:
        encoder = self._from.network(record)
        canvas = self._from.profiles_for(encoder) if record.spots else self._from.canvas
        items = None if record.at == "all" else [canvas.item(name) for name in record.at]
        how: Any = {"items": items, "alignment": record.alignment, "report": self._steps.within}
        return unit_map(encoder, record.layer, canvas, record.unit, **how)

    def _counterfactual(self, record: CounterfactualRecord) -> Finding:
        encoder, classifier = self._from.network(record), self._from.classifier(record.classifier)
        canvas: Any = self._from.canvas if record.gene is None else self._from.profiles_for(encoder)
        method: Any = record.method  # refused where it is none
        linked: dict[str, Any] = {} if record.link is None else {"link": self._from.link(record.link)}
        found = counterfactual(
            classifier,
            encoder,
            canvas,
            [canvas.item(name) for name in record.asked],
            record.targets[0] if len(record.targets) == 1 else record.targets,
            method=method,
            settings=_search(record),
            known=None if record.known is None else [canvas.item(name) for name in record.known],
            **linked,
            report=self._steps.within,
        )
        if record.gene is not None:
            return gene_changes(found, canvas, record.gene)
        return counterfactual_map(found, canvas, None if record.at == "all" else [canvas.item(at) for at in record.at])

    def _concept_walk(self, record: ConceptWalkRecord) -> Finding:
        canvas = self._from.canvas
        walk = concept_walk(
            self._from.need_encoder(),
            canvas,
            [canvas.item(name) for name in record.asked],
            self._from.concept(record.concept),
            to=record.to,
            frames=record.frames,
            report=self._steps.within,
        )
        return concept_walk_map(walk, canvas, None if record.at == "all" else [canvas.item(at) for at in record.at])

    def _plain(self, record: PlainMapRecord) -> Finding:
        canvas, concept = self._from.canvas, self._from.concept(record.concept)
        if record.map == "gene-mean":
            return score_map(canvas, concept)
        return decoded(canvas, self._from.need_encoder(), concept, report=self._steps.within)

    def _deviation_score(self, record: DeviationScoreRecord) -> Finding:
        canvas, report = self._from.canvas, self._steps.within
        if record.map == "spot-deviation":
            definition, profiles = self._from.definition(record.concept), self._from.need_profiles()
            return spot_deviation(definition, profiles, self._from.spot_encoders, report=report)
        if isinstance(canvas, GenePictures):
            raise InputError("Genes have no score that is painted", got=record.concept, cure=AGAIN)
        return item_deviation(canvas, self._from.need_encoder(), self._from.concept(record.concept), report=report)

    def _item_score(self, record: ItemScoreRecord) -> Finding:
        canvas = self._from.canvas
        if isinstance(canvas, GenePictures):
            raise InputError("Genes have no score that is painted", got=record.concept, cure=AGAIN)
        concept = self._from.concept(record.concept)
        return item_score(canvas, self._from.need_encoder(), concept, report=self._steps.within)

    def _attention(self, record: AttentionRecord) -> Finding:
        canvas = self._from.canvas
        concept = None if record.concept is None else self._from.concept(record.concept)
        items: Any = None
        if record.at == "own":
            if concept is None:
                raise InputError("A map at a concept's genes needs the concept", got="none", cure=AGAIN)
            items, _ = concept_items(canvas, concept)
        elif record.at != "all":
            items = [canvas.item(name) for name in record.at]
        of_concept = record.dimension == "concept"
        if of_concept and concept is None:
            raise InputError("Attention of a concept needs the concept", got="none", cure=AGAIN)
        made = attention(
            canvas,
            self._from.need_encoder(),
            dimension=record.dimension if isinstance(record.dimension, int) else None,
            concept=concept if of_concept else None,
            layer=record.layer,
            items=items,
            variant=record.variant,
            report=self._steps.within,
        )
        return made if concept is None else replace(made, name=concept.name, concept=concept)

    def _evidence(self, record: EvidenceRecord) -> tuple[str, Evidence]:
        self._steps.begin(f"Testing {record.concept}")
        definition = self._from.definition(record.concept)
        tries: Any = {
            "n_null": record.n_null,
            "n_folds": record.n_folds,
            "seed": record.seed,
            "report": self._steps.within,
        }
        if record.by == "spot profiles":
            read = self._from.together((record.concept,), record.settings)
            found = replace(evidence(read, name=definition.name, **tries), definition=definition)
        else:
            concept = self._from.concept(record.concept)
            found = evidence(concept, self._from.canvas, self._from.need_encoder(), **tries)
        if record.sha256 is not None:
            self.equal[f"evidence for {definition.name}"] = sum_of(found.scores) == record.sha256
        return record.concept, found

    def _controls(self, record: ControlsRecord) -> tuple[ControlsAsked, Controls]:
        self._steps.begin(f"Controls of {record.concept}")
        how: Any = {"draws": record.draws, "seed": record.seed, "report": self._steps.within}
        definition = self._from.definition(record.concept)
        if record.map == SPOT_SCORE.key:
            together = tuple(map(self._from.definition, record.together))
            settings = (record.settings or SpotSettingsRecord()).made()
            asked = ControlsAsked(definition, record.map, together=together, spot_settings=settings)
            drawn = controls(self._from.together(record.together, record.settings), name=definition.name, **how)
        else:
            heard = tuple(map_kind(record.map).heard(record.map_settings).items())
            asked = ControlsAsked(definition, record.map, heard)
            concept, encoder = self._from.concept(record.concept), self._from.need_encoder()
            canvas: Any = self._from.canvas
            drawn = controls(canvas, encoder, concept, record.map, settings=record.map_settings, **how)
        if record.sha256 is not None:
            self.equal[f"controls of {definition.name}, {record.map}"] = sum_of_controls(drawn) == record.sha256
        return asked, drawn


ATTRIBUTED: dict[str, Callable[..., Finding]] = {
    "integrated-gradients": integrated_gradients,
    "smoothgrad": smoothgrad,
    "deeplift": deep_lift,
    "lrp": lrp,
    "occlusion": occlusion,
    "grad-cam": grad_cam,
    "regions": gradient_by_regions,
    "deviation": deviation,
}


def _named(record: MapRecord) -> str:
    if isinstance(record, WhatIfRecord | CounterfactualRecord):
        return "a what-if" if isinstance(record, WhatIfRecord) else "a counterfactual"
    return f"unit {record.unit}" if isinstance(record, UnitMapRecord) else record.concept or "latents"


def _search(record: CounterfactualRecord) -> CounterfactualSettings:
    """How it was searched for; an InputError for words that are no settings of it."""
    try:
        return CounterfactualSettings(**record.settings)  # type: ignore[arg-type]  # refused by what it is made of
    except TypeError as error:
        raise InputError(
            "The recipe asks for a counterfactual in words that are not known here", got=str(error), cure=AGAIN
        ) from error


def _rule(record: SaliencyRecord) -> Any:
    if record.map != "rectified":
        return record.map
    words = {"percentile": record.percentile, "threshold": record.threshold}
    given: Any = {word: value for word, value in words.items() if value is not None}
    return rectified(**given, variant=record.variant, padding=record.padding)


def _evidence_table(found: Sequence[Evidence]) -> pd.DataFrame:
    rows = [(each.name, each.by, each.auroc, each.p, each.tried, each.sentence) for each in corrected(found)]
    columns = ["concept", "by", "cross-fitted auroc", "p", "concepts tried", "sentence"]
    return pd.DataFrame(rows, columns=columns).set_index("concept")


# -- what has to be told -----------------------------------------------------------------------------------------------


def _other_versions(recipe: Recipe) -> list[str]:
    here = versions()
    other = [
        f"{name} {here.get(name, 'none')} for {was}" for name, was in recipe.made_with.items() if here.get(name) != was
    ]
    return [f"Other versions than the recipe was made with: {', '.join(other)}."] if other else []


def _comparison(equal: dict[str, bool]) -> list[str]:
    other = [what for what, same in equal.items() if not same]
    if other:
        number = f"{len(other)} of {len(equal)} results"
        return [f"{number} differ from the recipe's in some digits: {', '.join(other)}."]
    return [f"All {len(equal)} results equal the recipe's to the last bit."] if equal else []


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
