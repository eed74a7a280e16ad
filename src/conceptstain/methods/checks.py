"""The checks that a painted map can be put to: one line each, read by the Maps card and the command line alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.maps import SCORES, MapKind, map_kind
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    import pandas as pd

    from conceptstain.canvas.canvas import Canvas
    from conceptstain.concepts.concept import Concept
    from conceptstain.inputs import ItemIndices
    from conceptstain.methods.attribution import Attribution
    from conceptstain.methods.faithfulness import Perturbation, Sensitivity
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.methods.randomisation import Paint, Randomisation
    from conceptstain.nets.encoder import Encoder

    Check: TypeAlias = Randomisation | Perturbation | Sensitivity

__all__ = ["AT_MOST", "CHECKS", "CheckKind", "Checked", "check_kind", "check_refusal", "checked_at", "importance"]

AT_MOST = 16
"""Items that a check asks at: enough for an interval, and done in seconds."""

YARDSTICK = "gradient"  # the map that depends on the network by its making

# Of these a pixel's value is what it adds to the score; of all others the magnitude says how much it matters.
CONTRIBUTIONS = frozenset(
    {"input x gradient", "integrated gradients", "DeepLift", "LRP-epsilon", "occlusion", "Grad-CAM"}
)


@final
@dataclass(frozen=True, eq=False)
class Checked:
    """What a check of a map found. Make it with :meth:`CheckKind.make`.

    Attributes
    ----------
    check
        Key of the check.
    result
        What it found.
    items
        Names of the items that the map was asked at.
    of
        How many the concept has.
    noun
        What an item is: ``"gene"``, ``"picture"``, ``"patch"``.
    gradient
        The same of the gradient, as a yardstick; None where it is not asked beside, or is the map itself.
    """

    check: str
    result: Check
    items: tuple[str, ...]
    of: int
    noun: str
    gradient: Randomisation | None = None

    @property
    def sentence(self) -> str:
        """What was found, beside what, and at how many items."""
        from conceptstain.canvas.expression import counted

        told = [self.result.sentence]
        if self.gradient is not None:
            told.append(f"The gradient's correlation is {self.gradient.over_the_cascade.mean:.2f}.")
        asked = counted(len(self.items), self.noun)
        told.append(f"Asked at {asked}." if len(self.items) == self.of else f"Asked at {asked} of {self.of:,}.")
        return " ".join(told)

    def table(self) -> pd.DataFrame:
        """What the plot shows, as a table."""
        found = self.result.table()
        if self.check == "sensitivity":
            found.index = found.index.map(dict(enumerate(self.items))).rename(self.noun)
        if self.gradient is not None:
            found = found.join(self.gradient.table().add_prefix("gradient "))
        return found


class _Progress:
    """Reports the steps of a check; those of the maps inside it only let it be cancelled."""

    def __init__(self, report: Report, parts: int = 1) -> None:
        self._report, self._parts, self._part = report, parts, 0
        self._last = Step(0, 1, "Making the map")

    def __call__(self, step: Step) -> None:
        done = step.done + self._part * step.total
        self._last = Step(done, self._parts * step.total, step.message)
        self._report(self._last)

    def inside(self, _step: Step) -> None:
        """A step of a map."""
        self._report(self._last)

    def next_part(self) -> None:
        """The same number of steps begins again."""
        self._part += 1


class _Asked(NamedTuple):
    """All that a check is made from."""

    kind: MapKind
    canvas: Canvas
    encoder: Encoder
    concept: Concept
    settings: MapSettings | None
    items: NDArray[np.integer]
    seed: int
    report: Report

    def painter(self, kind: MapKind, progress: _Progress) -> Paint:
        """Makes that map as the check asks for it: with other networks, or with other inputs."""

        def paint(canvas: Canvas, encoder: Encoder, concept: Concept, *, items: ItemIndices) -> Attribution:
            return kind.make(canvas, encoder, concept, settings=self.settings, items=items, report=progress.inside)

        return paint


@final
@dataclass(frozen=True)
class CheckKind:
    """A way to find out whether a map means something.

    Attributes
    ----------
    key
        Its name on the command line and in files: that of the function.
    label
        Its name in a menu, after "Check this map".
    explanation
        One line on what is done.
    find
        Does it.
    refusal
        ``refusal(kind, encoder)``: why this map of this network cannot be put to it, or None.
    """

    key: str
    label: str
    explanation: str
    find: Callable[[_Asked], tuple[Check, Randomisation | None]]
    refusal: Callable[[MapKind, Encoder], str | None]

    def make(
        self,
        map_key: str,
        canvas: Canvas,
        encoder: Encoder,
        concept: Concept,
        *,
        settings: MapSettings | None = None,
        items: ItemIndices | None = None,
        seed: int = 0,
        report: Report = silent,
    ) -> Checked:
        """Put a map of a concept to the check.

        Parameters
        ----------
        map_key
            See :mod:`conceptstain.methods.maps`.
        canvas, encoder, concept, settings
            As for the map.
        items
            Indices of the items to ask at; None: 16 of the concept's own, or all where it has fewer.
        seed
            Of new weights, random orders or noise.
        report
            Called at every step, and while maps are made.

        Raises
        ------
        MismatchError
            The map cannot be put to this check, with the reason; or as for the map.
        InputError
            No such map or item.
        """
        from conceptstain.methods.items import checked_items

        reason = check_refusal(self, map_key, encoder)
        if reason is not None:
            raise MismatchError(f"This map cannot be checked {self.label}", got=reason, cure="Choose another check")
        own = _own_items(canvas, concept) if items is None else checked_items(canvas, items)
        chosen = checked_at(own) if items is None else own
        found, beside = self.find(_Asked(map_kind(map_key), canvas, encoder, concept, settings, chosen, seed, report))
        names = tuple(str(canvas.item_names[item]) for item in chosen)
        return Checked(self.key, found, names, len(own), canvas.noun, beside)


def check_refusal(check: CheckKind, map_key: str, encoder: Encoder) -> str | None:
    """Why a map cannot be put to a check, or None; scores, which are no maps, are put to none."""
    if map_key in SCORES:
        return "a score is one number for each place, and no map whose pixels could be asked about"
    return check.refusal(map_kind(map_key), encoder)


def check_kind(key: str) -> CheckKind:
    """The check of that key; an InputError listing the keys where there is none."""
    for kind in CHECKS:
        if kind.key == key:
            return kind
    raise InputError(
        "There is no check of that name", got=repr(key), cure=f"Choose one of: {', '.join(kind.key for kind in CHECKS)}"
    )


def checked_at(items: NDArray[np.integer], at_most: int = AT_MOST) -> NDArray[np.integer]:
    """So many of the items, spread evenly over their order: strong and weak ones, and all parts of a slide."""
    if len(items) <= at_most:
        return items
    return np.asarray(items[np.linspace(0, len(items) - 1, at_most).round().astype(int)])


def importance(made: Attribution, number: int) -> Float[np.ndarray, "items height width"]:
    """How important a map calls each pixel, of so many items: the higher, the more.

    What a pixel adds to the score, with its sign, where the method says that; its magnitude otherwise. Channels are
    summed. A map that is one for the whole concept is that of every item.
    """
    values = made.values.astype(np.float64)
    summed = (values if made.method in CONTRIBUTIONS else np.abs(values)).sum(axis=1)
    return summed if made.items else np.broadcast_to(summed, (number, *summed.shape[1:]))


def _own_items(canvas: Canvas, concept: Concept) -> NDArray[np.integer]:
    """The concept's items here; of a combination those that raise it, whose score falls when they are taken apart."""
    from conceptstain.methods.items import concept_items

    raising = [part for weight, part in concept.terms if weight > 0]
    if not raising or not concept.parts:
        return concept_items(canvas, concept)[0]
    found = np.concatenate([concept_items(canvas, part)[0] for part in raising])
    return np.asarray(list(dict.fromkeys(found.tolist())), dtype=int)


# Each imports torch when it is first asked for: menus open without waiting for it.


def _forget(asked: _Asked) -> tuple[Check, Randomisation | None]:
    from conceptstain.methods.randomisation import randomisation

    yardstick = map_kind(YARDSTICK)
    compared = asked.kind is not yardstick and yardstick.refusal(asked.encoder) is None
    about = (asked.canvas, asked.encoder, asked.concept, asked.items)
    progress = _Progress(asked.report, 2 if compared else 1)
    found = randomisation(asked.painter(asked.kind, progress), *about, seed=asked.seed, report=progress)
    if not compared:
        return found, None
    progress.next_part()
    return found, randomisation(asked.painter(yardstick, progress), *about, seed=asked.seed, report=progress)


def _delete(asked: _Asked) -> tuple[Check, Randomisation | None]:
    from conceptstain.methods.faithfulness import perturbation

    about, progress = (asked.canvas, asked.encoder, asked.concept), _Progress(asked.report)
    made = asked.painter(asked.kind, progress)(*about, items=asked.items)
    return perturbation(*about, importance(made, len(asked.items)), asked.items, seed=asked.seed, report=progress), None


def _shake(asked: _Asked) -> tuple[Check, Randomisation | None]:
    from conceptstain.methods.faithfulness import sensitivity

    about, progress = (asked.canvas, asked.encoder, asked.concept), _Progress(asked.report)
    return sensitivity(asked.painter(asked.kind, progress), *about, asked.items, seed=asked.seed, report=progress), None


def _cannot_forget(kind: MapKind, encoder: Encoder) -> str | None:
    if kind.key == "gene-mean":
        return "no network draws it, so there is nothing to forget"
    if kind.key == "decoded":
        return "the decoder draws it, and what forgets is the encoder; its controls have an untrained network"
    from conceptstain.methods.support import keeps_what_it_learned

    return keeps_what_it_learned(encoder)


def _cannot_be_deleted(kind: MapKind, encoder: Encoder) -> str | None:
    if kind.key == "attention":
        return "it shows where one latent dimension looks, and not what the concept's score rests on"
    if kind.key == "deviation":
        return "it shows where pictures are other than the concept's own, and not what the concept's score rests on"
    return None if len(encoder.shape) == 3 else "its inputs are no pictures, so they have no pixels to delete"


def _cannot_be_shaken(kind: MapKind, _encoder: Encoder) -> str | None:
    return None if kind.about_items else "it is one map for the whole concept, and not one for each picture"


CHECKS = (
    CheckKind(
        "randomisation",
        "while the network forgets",
        "Layer by layer, the network forgets what it learned. A map that stays shows the picture, not the network.",
        _forget,
        _cannot_forget,
    ),
    CheckKind(
        "perturbation",
        "by deleting pixels",
        "Pixels that the map calls important are deleted, and put back: does the score follow more than at random?",
        _delete,
        _cannot_be_deleted,
    ),
    CheckKind(
        "sensitivity",
        "under noise",
        "A little noise is laid on the pictures: how much does the map change?",
        _shake,
        _cannot_be_shaken,
    ),
)
