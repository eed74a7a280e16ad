"""What jobs run of deviations from the normal: scores of spots and patches, and where the normal ends; no Qt."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from conceptstain._qt.work import Stained, need_torch
from conceptstain.errors import InputError
from conceptstain.progress import Report

if TYPE_CHECKING:
    from conceptstain.methods.anomaly_threshold import AnomalyThreshold
    from conceptstain.methods.attribution import Attribution
    from conceptstain.study import Study

__all__ = ["deviation_threshold", "stain_deviation", "stain_spot_deviation"]


def stain_spot_deviation(study: Study, name: str, *, report: Report) -> Stained:
    """Find out how far the spots of a section lie from those of a concept."""
    need_torch()
    score, genes = study.spot_deviation(name, report=report), None
    with suppress(InputError):  # no gene may be enriched in what is normal
        genes = study.item_scores(name, report=report)
    return Stained(score.concept, score, scores=genes)


def stain_deviation(study: Study, name: str, *, report: Report) -> Stained:
    """Find out how far the patches of a slide lie from those of a concept."""
    need_torch()
    score = study.item_deviation(name, report=report)
    return Stained(score.concept, score, scores=score.values)


def deviation_threshold(study: Study, finding: Attribution, *, report: Report) -> AnomalyThreshold:
    """Find out where the normal ends on a map of deviations."""
    need_torch()
    from conceptstain.concepts.normal import normal_of
    from conceptstain.methods.anomaly_threshold import anomaly_threshold

    if finding.concept is None:
        raise InputError("A deviation is from a concept", got=finding.title, cure="Paint one of a concept")
    canvas, encoder = study.need_canvas(), study.need_encoder()
    normal = normal_of(finding.concept.definition, canvas, encoder, report=report)
    return anomaly_threshold(canvas, encoder, normal, method=finding.settings["anomaly"], report=report)
