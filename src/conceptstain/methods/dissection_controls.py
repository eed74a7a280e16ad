"""A dissection beside what it has to beat: other axes of the layer, the labels of other pictures, no training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pandas as pd

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.label_maps import LabelMaps
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.detector_counts import ALL, counts_beside
from conceptstain.methods.dissecting import Alignment, dissect
from conceptstain.methods.dissection import DETECTOR, CountingRule, Dissection
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.items import checked_items
from conceptstain.methods.rotation import random_rotation
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.untrained import kept_by_twins, untrained
from conceptstain.progress import Report, Step, silent

__all__ = ["DissectionControls", "dissection_controls"]

KINDS = ("rotated", "shuffled", "untrained")


@final
@dataclass(frozen=True, eq=False)
class DissectionControls:
    """A dissection and its controls. Make it with :func:`dissection_controls`.

    Attributes
    ----------
    trained
        The network as it is.
    drawn
        By kind, the same under several draws: ``"rotated"`` (another orthogonal basis of the layer's channels),
        ``"shuffled"`` (each item against the labels of another) and ``"untrained"`` (the network's first weights anew).
        A network whose weights cannot all begin anew has no untrained twins; gene pictures, of which all have the same
        map of labels, and a single item have nothing to shuffle.
    """

    trained: Dissection
    drawn: Mapping[str, tuple[Dissection, ...]]

    def compared(
        self, least: float = DETECTOR, rule: CountingRule = "published", *, category: str | None = None
    ) -> pd.DataFrame:
        """How many detectors and unique detectors there are, beside the controls.

        Parameters
        ----------
        least
            IoU that makes a detector.
        rule
            How unique detectors are counted.
        category
            One of the categories; None: all of them.

        Returns
        -------
        DataFrame
            Indexed by ``"trained"`` and the controls: ``detectors`` and ``unique``, each with ``low`` and ``high``. Of
            the trained network these are the 95 % interval over groups of items drawn anew; of controls the least and
            the greatest of the draws, around their mean.

        Raises
        ------
        InputError
            No such category, or no such rule.
        """
        if category is not None and category not in self.trained.categories:
            raise InputError(
                "There is no category of that name",
                got=repr(category),
                cure=f"Use one of: {', '.join(self.trained.categories)}",
            )
        return counts_beside(self.trained, self.drawn, least, rule).loc[ALL if category is None else category]

    @property
    def sentence(self) -> str:
        """What the controls say of the unique detectors, in plain words."""
        return self.sentence_at(DETECTOR)

    def sentence_at(self, least: float) -> str:
        """The same for another IoU that makes a detector; with a warning where chance alone makes detectors."""
        chance = self.trained.chance
        if chance.max(initial=0) <= least:
            return self._verdict(least)
        label = self.trained.labels[int(chance.argmax())].name
        return (
            f"{self._verdict(least)} Masks of this size overlap with {label} by {chance.max():.2f} wherever they lie: "
            f"ask for a higher IoU than {least:g}."
        )

    def _verdict(self, least: float) -> str:
        table = self.compared(least)
        own, others = table.loc["trained"], table.drop(index="trained")
        number = round(own["unique"])
        told = "1 label has a unit of its own" if number == 1 else f"{number or 'no'} labels have a unit of their own"
        beaten = [str(kind) for kind, row in others.iterrows() if row["unique high"] < own["unique low"]]
        not_beaten = [str(kind) for kind in others.index if kind not in beaten]
        if not len(others):
            return f"{told}; there are no controls."
        if not number:
            return f"{told} ({_listed(others)})."
        if math.isnan(own["unique low"]):
            return f"{told}; of one item that has no interval ({_listed(others)})."
        if not not_beaten:
            return f"{told}, more than in any control ({_listed(others)})."
        why = {
            "rotated": "other axes of the layer do as well: the units are not what sees them",
            "shuffled": "the labels of other items do as well: chance, or where a thing usually lies, explains it",
            "untrained": "a network that learned nothing does as well",
        }
        return f"{told}, but {'; '.join(why[kind] for kind in not_beaten)} ({_listed(others)})."


def dissection_controls(
    encoder: Encoder,
    layer: str,
    canvas: Canvas,
    annotation: LabelMaps,
    *,
    quantile: float | None = None,
    items: ItemIndices | None = None,
    alignment: Alignment = "receptive field",
    draws: int = 3,
    seed: int = 0,
    report: Report = silent,
) -> DissectionControls:
    """Dissect a layer, and beside it the same layer rotated, against shuffled labels, and untrained.

    Parameters
    ----------
    encoder, layer, canvas, annotation, quantile, items, alignment
        As for :func:`conceptstain.dissect`.
    draws
        Of each control.
    seed
        The draws count up from it.
    report
        Called after every chunk of each pass of all.

    Raises
    ------
    InputError
        No draw; or as for :func:`conceptstain.dissect`.

    References
    ----------
    Bau, Zhou et al. 2017, section 3.2: a rotated layer has the same discriminative power, and far fewer unique
    detectors.
    """
    if draws < 1:
        raise InputError("Controls are drawn once or more", got=str(draws), cure="Use 3")
    known = annotation.items if items is None else checked_items(canvas, items)
    left_out = {
        # Each gene would meet the map that it met before, and so would a single item.
        "shuffled": isinstance(canvas, GenePictures) or len(np.intersect1d(known, annotation.items)) < 2,
        "untrained": bool(kept_by_twins(encoder)),
    }
    kinds = [kind for kind in KINDS if not left_out.get(kind)]
    runs = 1 + draws * len(kinds)

    def asked(number: int, network: Encoder, **control: object) -> Dissection:
        return dissect(
            network,
            layer,
            canvas,
            annotation,
            quantile=quantile,
            items=items,
            alignment=alignment,
            report=lambda step: report(
                Step(number * step.total + step.done, runs * step.total, f"{number + 1} of {runs}: {step.message}")
            ),
            **control,  # type: ignore[arg-type]
        )

    trained = asked(0, encoder)
    drawn: dict[str, list[Dissection]] = {kind: [] for kind in kinds}
    for draw in range(draws):
        for place, kind in enumerate(kinds):
            number = 1 + draw * len(kinds) + place
            if kind == "rotated":
                turned = random_rotation(trained.n_units, seed + draw)
                drawn[kind].append(asked(number, encoder, rotation=turned))
            elif kind == "shuffled":
                drawn[kind].append(asked(number, encoder, shuffled=seed + draw))
            else:
                twin = untrained(encoder, seed=seed + draw)
                drawn[kind].append(replace(asked(number, twin), name=encoder.name, detail="untrained"))
    return DissectionControls(trained, {kind: tuple(each) for kind, each in drawn.items()})


def _listed(others: pd.DataFrame) -> str:
    return ", ".join(f"{kind} {row['unique']:.1f}" for kind, row in others.iterrows())
