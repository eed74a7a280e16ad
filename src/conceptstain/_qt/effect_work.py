"""What jobs run of units that are put out: the effect on classes, concepts and reconstructions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from conceptstain._qt.units_work import Dissected
    from conceptstain.concepts.concept import Concept
    from conceptstain.methods.performance import Labels
    from conceptstain.study import Study

__all__ = ["Effect", "effect_of"]


class Effect(NamedTuple):
    """What changed.

    Attributes
    ----------
    sentence
        In plain words.
    measures
        Name, before, after, change, and the ends of its interval; of every measure the mean, then the largest changes.
    """

    sentence: str
    measures: list[tuple[str, float, float, float, float, float]]


def effect_of(
    study: Study, of: Dissected, units: tuple[int, ...], value: Literal["out", "peak"], *, report: Report
) -> Effect:
    """Put units out, or force them, and measure what that changes.

    A classifier is measured by the labels that were dissected, where they are its classes; the encoder in use by the
    concepts of the study.
    """
    from conceptstain.methods.interventions import effect_of_units

    report(Step(0, 1, "Reading labels"))
    network, encoder = of.network, of.network.encoder
    asked = network.classifier or encoder
    if asked is None:
        return Effect("Inputs have no network to be put out of.", [])
    concepts: list[Concept] = []
    if encoder is study.encoder:
        concepts = [study.concept(entry.name, report=report) for entry in study.entries]
    found = effect_of_units(
        asked,
        of.layer,
        network.need_canvas,
        units,
        value=0.0 if value == "out" else "peak",
        labels=_labels(of),
        concepts=concepts,
        report=report,
    )
    table = found.table
    measures = list(dict.fromkeys(measure for measure, _ in table.index))
    kind = np.array([measures.index(measure) for measure, _ in table.index])
    of_one = np.array([name != "mean" for _, name in table.index])
    order = np.lexsort((-table["change"].abs().fillna(0).to_numpy(), of_one, kind))
    names = [f"{of_what}: {measure}" for measure, of_what in table.index[order]]
    rows = table[["before", "after", "change", "low", "high"]].to_numpy()[order].tolist()
    return Effect(found.sentence, [(name, *row) for name, row in zip(names, rows, strict=True)])


def _labels(of: Dissected) -> Labels | None:
    """What was dissected, as the classes of the classifier; None where it is of something else."""
    from conceptstain.canvas.class_labels import class_labels
    from conceptstain.canvas.image_set import ImageSet
    from conceptstain.canvas.part_labels import part_labels
    from conceptstain.canvas.spot_profiles import SpotProfiles

    classifier, canvas, labels = of.network.classifier, of.network.need_canvas, of.labels
    if classifier is None:
        return None
    known = {label.name for label in labels.labels} & set(classifier.classes)
    if classifier.parts:
        names = [name for name in classifier.classes if name in known]
        return part_labels(canvas, labels, names=names) if names and labels.sources else None
    if isinstance(canvas, SpotProfiles):
        for category in labels.categories:
            if {label.name for label in labels.labels if label.category == category} <= set(classifier.classes):
                return class_labels(canvas, obs=category)
    if isinstance(canvas, ImageSet) and labels.on_whole is not None and known:
        columns = [number for number, label in enumerate(labels.labels, 1) if label.name in known]
        alone = np.flatnonzero(labels.on_whole[:, columns].sum(axis=1) == 1)
        of_item = labels.on_whole[:, columns].argmax(axis=1)
        names_of = [labels.labels[number - 1].name for number in columns]
        values = {str(canvas.item_names[item]): names_of[of_item[item]] for item in alone}
        return class_labels(canvas, values=values) if values else None
    return None
