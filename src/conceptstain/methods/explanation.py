"""Why a network scored one item as it did: what every unit of a layer added, with what it sees and where it is active.

The score of a class is a sum over units of the penultimate layer, ``s = sum_n w_n x_n + b`` (Zhou, Khosla et al. 2016);
a dissection gives every unit a name, so that the sum reads as a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from conceptstain.canvas.class_labels import ClassLabels
from conceptstain.canvas.part_labels import PartLabels
from conceptstain.concepts.concept import Concept
from conceptstain.errors import InputError
from conceptstain.methods.asking import refuse
from conceptstain.methods.class_question import Asked, class_question
from conceptstain.methods.dissecting import geometry_of
from conceptstain.methods.dissection import DETECTOR, Dissection
from conceptstain.methods.dissection_passes import Canvas, Places, counted_pixels
from conceptstain.methods.items import checked_items
from conceptstain.methods.preflight import cannot_be_differentiated
from conceptstain.methods.unit_contributions import Question, contributions_to
from conceptstain.methods.unit_maps import check_dissected
from conceptstain.methods.unit_overlaps import Cells, enlarged
from conceptstain.nets.classifier import Classifier
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["Explanation", "explain"]

STEPS = 50
TOLD = 3  # units that a sentence names


@final
@dataclass(frozen=True, eq=False)
class Explanation:
    """What the units of a layer added to the score of one item. Make it with :func:`explain`.

    Attributes
    ----------
    question
        What the score is of: ``"dog"``, ``"dog against cat"``, or a concept's name.
    item
        Index of the item.
    item_name
        Its name.
    score
        As the network has it; of two classes the log-odds of the one against the other.
    rest
        The score with all units at zero; of a linear score the bias.
    contributions
        What each unit added.
    gap
        ``score - rest - sum of the contributions``: rounding, or of integrated gradients what finitely many steps miss.
    linear
        Whether units enter linearly; else contributions are integrated gradients.
    dissection
        What the units see.
    activation
        What the layer put out for the item.
    cells
        How its places lie along rows and columns of the frame.
    shown
        The pixels of the frame that belong to the item.
    within
        The pixels that were asked about; None: the whole.
    predicted, truth
        Names of the classes that the network and the labels have for it; empty where there are none.
    settings
        Enough to repeat it.
    """

    question: str
    item: int
    item_name: str
    score: float
    rest: float
    contributions: Float[np.ndarray, " units"]
    gap: float
    linear: bool
    dissection: Dissection
    activation: Float[np.ndarray, "units height width"]
    cells: tuple[Cells, Cells] = field(repr=False)
    shown: Bool[np.ndarray, "rows columns"] = field(repr=False)
    within: Bool[np.ndarray, "rows columns"] | None = field(default=None, repr=False)
    predicted: str = ""
    truth: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wrong(self) -> bool:
        """Whether the labels have it for something else than the network."""
        return bool(self.predicted and self.truth) and self.predicted != self.truth

    @property
    def order(self) -> NDArray[np.integer]:
        """Units, those that pulled the score up most first."""
        return np.argsort(-self.contributions, kind="stable")

    def mask(self, unit: int) -> Bool[np.ndarray, "rows columns"]:
        """Where on the item a unit is active, as :func:`conceptstain.unit_mask` has it."""
        surface = enlarged(self.activation[unit], *self.cells)
        return np.asarray((surface > self.dissection.thresholds[unit]) & self.shown)

    def table(self, least: float = DETECTOR) -> pd.DataFrame:
        """One row for every unit, those that pulled the score up most first.

        Returns
        -------
        DataFrame
            Indexed by unit: ``contribution``, ``part`` (of all that pulls the same way), ``activation`` (its highest on
            the item), ``active`` (part of the item's pixels), and from the dissection ``label``, ``category``, ``IoU``
            and ``detector``.
        """
        order, contributions = self.order, self.contributions
        up, down = contributions[contributions > 0].sum(), -contributions[contributions < 0].sum()
        whole = np.where(contributions > 0, up, down)
        part = np.divide(np.abs(contributions), whole, out=np.zeros(len(whole)), where=whole > 0)
        known = self.dissection.table(least)[["label", "category", "IoU", "detector"]]
        told = pd.DataFrame(
            {
                "contribution": contributions,
                "part": part,
                "activation": self.activation.max(axis=(1, 2)),
                "active": [self.mask(unit).sum() / max(self.shown.sum(), 1) for unit in range(len(order))],
            },
            index=pd.Index(np.arange(len(order)), name="unit"),
        )
        return told.join(known).iloc[order]

    def called(self, unit: int, least: float = DETECTOR) -> str:
        """A unit in words: its number, and its label where it is a detector."""
        number = self.dissection.best[unit]
        iou = self.dissection.iou[unit, number]
        return f"unit {unit}" + (f" ({self.dissection.labels[number].name}, IoU {iou:.2f})" if iou > least else "")

    @property
    def title(self) -> str:
        """Name for a figure, e.g. ``"dog against cat, cells/3.png: +2.31"``."""
        return f"{self.question}, {self.item_name}: {_signed(self.score)}"

    @property
    def sentence(self) -> str:
        """The explanation in plain words."""
        begin = f"{self.item_name} is taken for {self.predicted}; the labels say {self.truth}. " if self.wrong else ""
        pulling = [unit for unit in self.order[:TOLD] if self.contributions[unit] > 0]
        holding = [unit for unit in self.order[::-1][:TOLD] if self.contributions[unit] < 0]
        told = [
            f"The score of {self.question} is {_signed(self.score)}, of which {_signed(self.rest)} without any unit"
        ]
        for word, units in (("pulled up", pulling), ("held down", holding)):
            listed = ", ".join(f"{self.called(int(unit))} {_signed(self.contributions[unit])}" for unit in units)
            told += [f"most {word} by {listed}"] if units else []
        gap = "" if self.linear else f" The sum misses the score by {_signed(self.gap)}."
        return f"{begin}{'; '.join(told)}.{gap}"


def explain(
    network: Classifier | Encoder,
    dissection: Dissection,
    canvas: Canvas,
    item: int | str,
    *,
    class_name: str | None = None,
    against: str | None = None,
    concept: Concept | None = None,
    labels: ClassLabels | PartLabels | None = None,
    within: Bool[np.ndarray, "rows columns"] | None = None,
    steps: int = STEPS,
    report: Report = silent,
) -> Explanation:
    """Explain the score of one item by the units of the layer that was dissected.

    Contributions and the rest add up to the score: exactly where units enter it linearly, which are those of a
    classifier's last layer behind its ReLU, and those of a layer in whose channels a concept lives. Of any other layer
    they are integrated gradients from the layer put to zero, whose sum is off by the gap that is told.

    Parameters
    ----------
    network
        A classifier; or any encoder, for the score of a concept.
    dissection
        Of one of its layers.
    canvas
        What the item is of.
    item
        Index or name.
    class_name
        Whose score is explained; None: the class that the network takes the item for.
    against
        Another class: the score is the log-odds of the one against the other. None: the class that the labels say,
        where that is another; else none.
    concept
        In place of a class.
    labels
        What items, or pixels, are. Of a classifier of parts they also choose ``within``.
    within
        Pixels of the frame, of a classifier of parts: the mean score over these is explained. None: where the labels
        say something else than the network, which takes them for the class; without labels, the whole picture.
    steps
        Of integrated gradients.
    report
        Called when it is done.

    Raises
    ------
    InputError
        No such class or item, a question without an answer, or a dissection that is a control.
    MismatchError
        Network, dissection, canvas and concept do not belong together, or the score does not depend on the layer.

    References
    ----------
    Zhou, Khosla et al. 2016, arXiv:1512.04150, equation 1; Zhou, Bau et al. 2018, arXiv:1711.05611; Sundararajan et al.
    2017, arXiv:1703.01365.
    """
    encoder = network.encoder if isinstance(network, Classifier) else network
    encoder.check(canvas)
    check_dissected(dissection, encoder)
    if dissection.settings.get("shuffled") is not None:
        raise InputError(
            "Units are not called by the labels of other items",
            got=dissection.title,
            cure="Give a dissection that was not shuffled",
        )
    if steps < 1:
        raise InputError("A gradient is integrated in one step or more", got=str(steps), cure=f"Use {STEPS}")
    (number,) = checked_items(canvas, [canvas.item(item) if isinstance(item, str) else item])
    if labels is not None:
        labels.check(canvas)
    if concept is not None:
        if class_name is not None or against is not None or within is not None or labels is not None:
            raise InputError("A score is of a concept or of a class", got="both", cure="Leave one of them out")
        concept.check(encoder)
        asked = Asked(concept.name, Question(concept.direction.astype(np.float64), space=concept.space))
    elif isinstance(network, Classifier):
        asked = class_question(
            network, canvas, int(number), class_name=class_name, against=against, labels=labels, within=within
        )
    else:
        raise InputError(
            f"The encoder {encoder.name!r} tells no classes", got="no concept", cure="Give a concept, or a classifier"
        )
    space = asked.question.space
    if dissection.layer != space:
        refuse("An explanation by units", cannot_be_differentiated(encoder, space))
    x = encoder.tensor(canvas.inputs([int(number)]))
    made = contributions_to(asked.question, encoder, dissection.layer, x, steps=steps)
    report(Step(1, 1, "Explaining"))
    height, width = made.activation.shape[1:]
    alignment = dissection.settings.get("alignment", "receptive field")
    where = geometry_of(encoder, dissection.layer, (height, width), canvas, alignment)
    places = Places(canvas, np.array([number]), where, (height, width))
    return Explanation(
        question=asked.name,
        item=int(number),
        item_name=str(canvas.item_names[int(number)]),
        score=made.score,
        rest=made.rest,
        contributions=made.each,
        gap=made.gap,
        linear=made.linear,
        dissection=dissection,
        activation=made.activation,
        cells=(places.down, places.across),
        shown=counted_pixels(canvas, np.array([number]))[0],
        within=asked.within,
        predicted=asked.predicted,
        truth=asked.truth,
        settings={"layer": dissection.layer, "steps": 0 if made.linear else steps, "network": network.name},
    )


def _signed(value: float) -> str:
    return f"{round(value, 2) or 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")  # no minus before a zero
