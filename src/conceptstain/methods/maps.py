"""The maps a concept can be painted with: one line each, read by the maps panel and the command line alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, final
from weakref import WeakKeyDictionary

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.progress import Report, silent

if TYPE_CHECKING:
    from conceptstain.canvas.canvas import Canvas
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition
    from conceptstain.inputs import ItemIndices
    from conceptstain.methods.attribution import Attribution
    from conceptstain.methods.saliency import RuleName
    from conceptstain.nets.encoder import Encoder

__all__ = [
    "DEVIATION",
    "DEVIATIONS",
    "ITEM_DEVIATION",
    "ITEM_SCORE",
    "KEYS",
    "MAPS",
    "SCORES",
    "SPOT_DEVIATION",
    "SPOT_SCORE",
    "MapKind",
    "ScoreKind",
    "map_kind",
    "recommended_maps",
    "refusal_on",
]


class Asked(NamedTuple):
    """All that a map is made from; ``items`` None: the concept's own."""

    canvas: Canvas
    encoder: Encoder
    concept: Concept
    settings: MapSettings
    items: ItemIndices | None
    report: Report


Painting: TypeAlias = "Callable[[Asked], Attribution]"


def _any_definition(_definition: Definition) -> str | None:
    return None


@final
@dataclass(frozen=True)
class MapKind:
    """A way to paint a concept.

    Attributes
    ----------
    key
        Its name on the command line and in files.
    label
        Its name in a menu.
    explanation
        One line on what it shows.
    paint
        Makes it.
    refusal
        ``refusal(encoder)``: why this network cannot be asked for it, or None.
    refusal_of
        ``refusal_of(definition)``: why a concept so defined cannot be asked for it, whatever the network, or None.
    settings
        Names of the fields of :class:`~conceptstain.methods.map_settings.MapSettings` that it listens to.
    about_items
        Whether there is a map for every item it is asked at; else one for all of them together.
    """

    key: str
    label: str
    explanation: str
    paint: Painting
    refusal: Callable[[Encoder], str | None]
    refusal_of: Callable[[Definition], str | None] = _any_definition
    settings: tuple[str, ...] = ()
    about_items: bool = True

    def __post_init__(self) -> None:
        # A network is asked once, by passing an empty input through it: asked again while it works on something else
        # in another thread, it would answer both.
        object.__setattr__(self, "refusal", _asked_once(self.refusal))

    def heard(self, settings: MapSettings) -> dict[str, Any]:
        """What it listens to of these settings, by name: two maps of a concept that agree in them are the same."""
        return {name: getattr(settings, name) for name in self.settings}

    def check(self, definition: Definition) -> None:
        """Refuse a definition whose concept cannot be painted this way.

        Raises
        ------
        MismatchError
            It cannot, with the reason.
        """
        reason = self.refusal_of(definition)
        if reason is not None:
            raise MismatchError(f"{self.label} cannot be made of this concept", got=reason, cure="Choose another map")

    def make(
        self,
        canvas: Canvas,
        encoder: Encoder,
        concept: Concept,
        *,
        settings: MapSettings | None = None,
        items: ItemIndices | None = None,
        report: Report = silent,
    ) -> Attribution:
        """Paint a concept this way; without settings, by those it has by default.

        Parameters
        ----------
        canvas, encoder, concept
            What is painted, and where.
        settings
            What can be chosen about it.
        items
            Indices of the pictures it is asked at; None: the concept's own. A map that is not about items takes none.
        report
            Called at its natural boundaries.

        Raises
        ------
        MismatchError
            The network or the concept does not support it, or the parts do not belong together.
        """
        self.check(concept.definition)
        reason = self.refusal(encoder)
        if reason is not None:
            raise MismatchError(f"{self.label} cannot be made with this encoder", got=reason, cure="Choose another map")
        items = items if self.about_items else None
        return self.paint(Asked(canvas, encoder, concept, settings or MapSettings(), items, report))


def _asked_once(refusal: Callable[[Encoder], str | None]) -> Callable[[Encoder], str | None]:
    known: WeakKeyDictionary[Encoder, str | None] = WeakKeyDictionary()

    def answer(encoder: Encoder) -> str | None:
        if encoder not in known:
            known[encoder] = refusal(encoder)
        return known[encoder]

    return answer


@final
@dataclass(frozen=True)
class ScoreKind:
    """A map with one number per place or item in place of a picture.

    Attributes
    ----------
    key, label, explanation
        As of a :class:`MapKind`.
    """

    key: str
    label: str
    explanation: str


SPOT_SCORE = ScoreKind(
    "spot-score",
    "Spot score (whole profiles)",
    "How much the profile of each spot is like those of the drawn spots. It needs encoders of spots, which are "
    "fitted to the section when it is first chosen.",
)
"""Made of spots, by encoders of their own: see :mod:`conceptstain.methods.spot_score`."""

ITEM_SCORE = ScoreKind(
    "score",
    "Concept score",
    "How much of the concept each patch has, where they overlap their mean: which parts of the slide are like it.",
)
"""Made of pictures or patches: see :mod:`conceptstain.methods.item_score`."""

SPOT_DEVIATION = ScoreKind(
    "spot-deviation",
    "Deviation of spots",
    "How far each spot lies from the drawn ones, which are taken as normal. It needs encoders of spots, which are "
    "fitted to the section when it is first chosen.",
)
ITEM_DEVIATION = ScoreKind(
    "item-deviation",
    "Deviation score",
    "How far each patch lies from those of the concept, which are taken as normal, where they overlap their mean.",
)
"""Both: see :mod:`conceptstain.methods.deviation_score`."""

SCORES = frozenset(kind.key for kind in (SPOT_SCORE, ITEM_SCORE, SPOT_DEVIATION, ITEM_DEVIATION))
DEVIATION = "deviation"
DEVIATIONS = frozenset({DEVIATION, SPOT_DEVIATION.key, ITEM_DEVIATION.key})
"""Keys of what takes a concept as normal."""


def refusal_on(kind: MapKind, canvas: Canvas) -> str | None:
    """Why a canvas cannot show a map, or None.

    One that is a single picture lies nowhere on a slide, and of genes none is the normal one.
    """
    if kind.key == "deviation" and canvas.noun == "gene":
        return "of a section whole spots deviate, and no gene is the normal one: view it as spots, and use deviations"
    if kind.about_items or canvas.noun not in {"patch", "picture"}:
        return None
    if canvas.noun == "patch":
        return "it is one picture for the whole concept, which lies nowhere on the slide"
    sizes = getattr(getattr(canvas, "images", None), "same_size", True)
    return None if sizes else "it is one picture for the whole concept, and these pictures differ in size"


def recommended_maps(encoder: Encoder, canvas: Canvas, definition: Definition) -> tuple[str, ...]:
    """Keys of the maps to look at first, the better one first: as measured in ``docs/layers.md`` and ``docs/faces.md``.

    Of genes the decoded map of an encoder that learned from the section, and that of its genes without any network; the
    other way round for an encoder that has never seen it, whose maps are poor. Of patches their score; of pictures the
    gradient by regions. What the concept or the canvas refuses is left out.

    Parameters
    ----------
    encoder
        The encoder in use.
    canvas
        What is painted on.
    definition
        Of the concept.
    """
    if canvas.noun == "patch":
        return (ITEM_SCORE.key,)
    if canvas.noun == "picture":
        order: tuple[str, ...] = ("regions", "gradient", "occlusion")
    else:
        order = ("decoded", "gene-mean") if encoder.has_seen(canvas.source) else ("gene-mean", "decoded")
    kinds = [map_kind(key) for key in order]
    return tuple(
        kind.key
        for kind in kinds
        if kind.refusal(encoder) is None and kind.refusal_of(definition) is None and refusal_on(kind, canvas) is None
    )


KEYS = {
    "decoded": "decoded",
    "gene mean": "gene-mean",
    "picture mean": "gene-mean",
    "gradient saliency": "gradient",
    "input x gradient": "input-gradient",
    "guided backpropagation": "guided",
    "deconvolution": "deconvolution",
    "rectified saliency": "rectified",
    "attention": "attention",
    "integrated gradients": "integrated-gradients",
    "SmoothGrad": "smoothgrad",
    "DeepLift": "deeplift",
    "LRP-epsilon": "lrp",
    "occlusion": "occlusion",
    "Grad-CAM": "grad-cam",
    "gradient by regions": "regions",
    "deviation": "deviation",
    "spot score": SPOT_SCORE.key,
    "concept score": ITEM_SCORE.key,
    "deviation of spots": SPOT_DEVIATION.key,
    "deviation score": ITEM_DEVIATION.key,
}
"""Key of the map that makes findings of a method."""


def map_kind(key: str) -> MapKind:
    """The map of that key; an InputError listing the keys where there is none."""
    for kind in MAPS:
        if kind.key == key:
            return kind
    raise InputError(
        "There is no map of that name", got=repr(key), cure=f"Choose one of: {', '.join(kind.key for kind in MAPS)}"
    )


# The methods import torch, so each is imported when it is first asked for: menus open without waiting for it.


def _decoded(asked: Asked) -> Attribution:
    from conceptstain.methods.decoded import decoded

    return decoded(asked.canvas, asked.encoder, asked.concept, report=asked.report)


def _score_map(asked: Asked) -> Attribution:
    from conceptstain.methods.score_map import score_map

    return score_map(asked.canvas, asked.concept)


def _by_rule(rule: RuleName) -> Painting:
    def paint(asked: Asked) -> Attribution:
        from conceptstain.methods.saliency import saliency

        canvas, encoder, concept, _settings, items, report = asked
        return saliency(canvas, encoder, concept, rule=rule, items=items, report=report)

    return paint


def _rectified(asked: Asked) -> Attribution:
    from conceptstain.methods.saliency import saliency
    from conceptstain.nets.rules import rectified

    canvas, encoder, concept, chosen, items, report = asked
    rule = rectified(chosen.percentile, variant=chosen.variant, threshold=chosen.threshold, padding=chosen.padding)
    return saliency(canvas, encoder, concept, rule=rule, items=items, report=report)


def _attention(asked: Asked) -> Attribution:
    from conceptstain.methods.attention import attention
    from conceptstain.methods.items import concept_items

    canvas, encoder, concept, settings, items, report = asked
    if items is None:
        items, _missing = concept_items(canvas, concept)
    finding = attention(
        canvas, encoder, dimension=settings.dimension, items=items, variant=settings.attention, report=report
    )
    detail = ", ".join(filter(None, (finding.name, finding.detail)))
    return replace(finding, name=concept.name, concept=concept, detail=detail)


def _made_by(function: str, *names: str) -> Painting:
    """A function ``module:name`` of this package, which is asked with these of the settings."""
    module, _, name = function.partition(":")

    def paint(asked: Asked) -> Attribution:
        make = getattr(import_module(f"conceptstain.methods.{module}"), name)
        canvas, encoder, concept, settings, items, report = asked
        given = {word: getattr(settings, word) for word in names}
        made: Attribution = make(canvas, encoder, concept, **given, items=items, report=report)
        return made

    return paint


def _refused_by(preflight: str) -> Callable[[Encoder], str | None]:
    def refusal(encoder: Encoder) -> str | None:
        reason: str | None = getattr(import_module("conceptstain.methods.preflight"), preflight)(encoder)
        return reason

    return refusal


def _has_no_places(encoder: Encoder) -> str | None:
    return None if len(encoder.shape) == 3 else "its inputs are no pictures, so no window can cover a part of them"


def _cannot_be_cut(encoder: Encoder) -> str | None:
    if len(encoder.shape) != 3:
        return "its inputs are no pictures, which alone fall into regions"
    return _refused_by("cannot_be_differentiated")(encoder)


def _never(_encoder: Encoder) -> str | None:
    return None


def _cannot_decode(encoder: Encoder) -> str | None:
    return None if hasattr(encoder.network, "decode") else "it has no decoder"


def _is_of_a_layer(definition: Definition) -> str | None:
    from conceptstain.concepts.definition import LATENT

    if definition.space == LATENT:
        return None
    return f"it lives in the layer {definition.space}, and the decoder reads the latent space alone"


def _refuses(rule: RuleName) -> Callable[[Encoder], str | None]:
    def refusal(encoder: Encoder) -> str | None:
        from conceptstain.methods.saliency import rule_refusal

        return rule_refusal(encoder, rule)

    return refusal


def _has_no_convolution(encoder: Encoder) -> str | None:
    from conceptstain.methods.attention import convolutional_layers

    return None if convolutional_layers(encoder) else "it has no convolutional layer, so no place to attend to"


def _cannot_deviate(encoder: Encoder) -> str | None:
    from conceptstain.methods.anomaly import anomaly_refusal

    return anomaly_refusal(encoder)


def _deviation(asked: Asked) -> Attribution:
    from conceptstain.methods.deviation import deviation

    canvas, encoder, concept, settings, items, report = asked
    return deviation(canvas, encoder, concept, anomaly=settings.anomaly, items=items, report=report)


MAPS = (
    MapKind(
        "decoded",
        "Decoded concept",
        "The picture the decoder draws for the concept, minus its opposite: the sharpest map of a fitted network.",
        _decoded,
        _cannot_decode,
        _is_of_a_layer,
        about_items=False,
    ),
    MapKind(
        "gene-mean",
        "Mean (no model)",
        "The mean of the concept's genes or pictures. No network at all: what every other map has to beat.",
        _score_map,
        _never,
        about_items=False,
    ),
    MapKind(
        "gradient",
        "Gradient saliency",
        "Where a little more signal would raise the concept score.",
        _by_rule("gradient"),
        _refuses("gradient"),
    ),
    MapKind(
        "input-gradient",
        "Input x gradient",
        "Gradient times picture: what the signal there adds to the score. On z-scores it misses thin layers.",
        _by_rule("input-gradient"),
        _refuses("input-gradient"),
    ),
    MapKind(
        "guided",
        "Guided backpropagation",
        "Only gradients that raise the score pass. It mostly redraws its input, whatever the concept, trained or not.",
        _by_rule("guided"),
        _refuses("guided"),
    ),
    MapKind(
        "deconvolution",
        "Deconvolution",
        "As guided, but through units that are off too. Finds layers less well than the gradient.",
        _by_rule("deconvolution"),
        _refuses("deconvolution"),
    ),
    MapKind(
        "rectified",
        "Rectified gradient",
        "The paper's map, from the strongest units alone. It mostly redraws its input: compare it with the gene mean.",
        _rectified,
        _refuses("rectified"),
        settings=("percentile", "variant", "threshold", "padding"),
    ),
    MapKind(
        "attention",
        "Latent attention",
        "Where one latent dimension looks, or all of them together, in the concept's own pictures.",
        _attention,
        _has_no_convolution,
        settings=("dimension", "attention"),
    ),
    MapKind(
        "integrated-gradients",
        "Integrated gradients",
        "What each pixel adds to the score on the way from a baseline. What is like the baseline shows nothing.",
        _made_by("integrated:integrated_gradients", "baseline", "steps", "quadrature"),
        _refused_by("cannot_be_differentiated"),
        settings=("baseline", "steps", "quadrature"),
    ),
    MapKind(
        "smoothgrad",
        "SmoothGrad",
        "The gradient, mean over noisy copies of the picture. Another draw of noise gives another map.",
        _made_by("smoothgrad:smoothgrad", "noise", "samples"),
        _refused_by("cannot_be_differentiated"),
        settings=("noise", "samples"),
    ),
    MapKind(
        "deeplift",
        "DeepLift",
        "What each pixel adds to the score against a baseline, in one pass: much like integrated gradients.",
        _made_by("deep_lift:deep_lift", "baseline"),
        _refused_by("deep_lift_refusal"),
        settings=("baseline",),
    ),
    MapKind(
        "lrp",
        "LRP (epsilon rule)",
        "The score, shared out layer by layer. In a network of ReLUs it is nearly input x gradient.",
        _made_by("relevance:lrp", "epsilon"),
        _refused_by("relevance_refusal"),
        settings=("epsilon",),
    ),
    MapKind(
        "occlusion",
        "Occlusion",
        "What is lost of the score where a window is covered. Any network will do; as coarse as the window, and slow.",
        _made_by("occlusion:occlusion", "window", "stride", "baseline"),
        _has_no_places,
        settings=("window", "stride", "baseline"),
    ),
    MapKind(
        "grad-cam",
        "Grad-CAM",
        "Where channels that speak for it are active: as coarse as the layer, and blind to what speaks against.",
        _made_by("grad_cam:grad_cam", "layer"),
        _has_no_convolution,
        settings=("layer",),
    ),
    MapKind(
        "regions",
        "Gradient by regions",
        "How strong the gradient is in each region of alike colours that the picture falls into: its edges, and whole.",
        _made_by("regions:gradient_by_regions"),
        _cannot_be_cut,
    ),
    MapKind(
        "deviation",
        "Deviation from the normal",
        "Where pictures are other than what the concept is made of: it is taken as normal. Look at others than these.",
        _deviation,
        _cannot_deviate,
        settings=("anomaly",),
    ),
)
