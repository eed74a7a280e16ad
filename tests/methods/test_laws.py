"""Which map obeys which law; the laws are in ``tests/laws.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import laws
from conceptstain.concepts.concept import Concept
from conceptstain.concepts.normal import Normal, learn_normal
from conceptstain.errors import MismatchError
from conceptstain.methods.anomaly import anomaly
from conceptstain.methods.anomaly_settings import AnomalySettings
from conceptstain.methods.attention import attention
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.decoded import decoded
from conceptstain.methods.deep_lift import deep_lift
from conceptstain.methods.grad_cam import grad_cam
from conceptstain.methods.integrated import integrated_gradients
from conceptstain.methods.occlusion import occlusion
from conceptstain.methods.regions import gradient_by_regions
from conceptstain.methods.relevance import lrp
from conceptstain.methods.saliency import saliency
from conceptstain.methods.smoothgrad import smoothgrad
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.rules import Rule, rectified
from conceptstain.progress import Report
from scenes import FRAME, LATENT, Scene, concept_along, scene, some_direction
from tiny_networks import TinyVAE, encoder_of, tiny_vae

SCENES = {"convolutional": scene(), "dense": scene("dense"), "pooled": scene("pooled", seed=5)}
USUAL = ("convolutional", "dense")


def gradient_map(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
    return saliency(at.canvas, at.encoder, at.concept(direction), items=items, report=report).values


def by_rule(name: str, rule: str | Rule) -> laws.Paint:
    def paint(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
        return saliency(at.canvas, at.encoder, at.concept(direction), rule=rule, items=items, report=report).values

    paint.__name__ = f"{name}_map"
    return paint


input_gradient_map = by_rule("input_gradient", "input-gradient")
guided_map = by_rule("guided", "guided")
deconvolution_map = by_rule("deconvolution", "deconvolution")
rectified_map = by_rule("rectified", rectified(60))
bordered_map = by_rule("rectified_padding", rectified(20, padding=True))
proportional_map = by_rule("proportional", rectified(20, variant="proportional"))
modified_map = by_rule("modified", rectified(60, variant="modified"))
constant_map = by_rule("constant", rectified(variant="constant"))


def by(method: Callable[..., Attribution], space: str = "latent", **settings: object) -> laws.Paint:
    def paint(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
        concept = at.concept(direction, space=space)
        return method(at.canvas, at.encoder, concept, items=items, report=report, **settings).values

    paint.__name__ = "_".join([method.__name__, *(str(value) for value in settings.values() if value == "mean")])
    return paint


integrated_map = by(integrated_gradients, steps=5)
integrated_from_mean_map = by(integrated_gradients, steps=3, baseline="mean", quadrature="gauss-legendre")
smoothgrad_map = by(smoothgrad, samples=3)
deep_lift_map = by(deep_lift)
layer_deep_lift_map = by(deep_lift, space="chain.conv2", baseline="mean")
lrp_map = by(lrp, epsilon=0.05)
occlusion_map = by(occlusion, window=3, stride=2, baseline="black")
grad_cam_map = by(grad_cam)
regions_map = by(gradient_by_regions)
early_grad_cam_map = by(grad_cam, space="chain.conv2", layer="chain.relu1")


def layer_gradient_map(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
    """Of a concept in the four channels of a layer."""
    concept = at.concept(direction, space="chain.conv2")
    return saliency(at.canvas, at.encoder, concept, items=items, report=report).values


def decoded_map(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
    return decoded(at.canvas, at.encoder, at.concept(direction), report=report).values


def attention_map(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
    return attention(at.canvas, at.encoder, dimension=2, items=items, report=report).values


def attention_along(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
    """Attention of a latent that is the concept score itself: the head is turned until latent 0 lies along it."""
    network = tiny_vae((1, *FRAME), latent=LATENT)
    assert isinstance(network, TinyVAE)
    head, along = network.mean, torch.as_tensor(direction)
    with torch.no_grad():
        head.weight[0], head.bias[0] = along @ head.weight, along @ head.bias
    encoder = encoder_of(network, (1, *FRAME), latent=LATENT)
    return attention(at.canvas, encoder, dimension=0, items=items, report=report).values


def aggregate_map(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
    return attention(at.canvas, at.encoder, items=items, report=report).values


def attention_of_the_concept(at: Scene, direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
    concept = at.concept(direction)
    return attention(at.canvas, at.encoder, concept=concept, layer="chain.conv1", items=items, report=report).values


NORMALS: dict[str, Normal] = {}


def deviation_by(method: str) -> laws.Paint:
    """Where items deviate; no concept takes part, so the laws of concepts say nothing of it."""

    def paint(at: Scene, _direction: np.ndarray, items: Sequence[int], report: Report) -> np.ndarray:
        known = NORMALS.get(at.encoder.fingerprint)  # learned once, so that only the steps of maps are counted
        if known is None:
            known = NORMALS[at.encoder.fingerprint] = learn_normal("normal", at.canvas, at.encoder, range(8))
        asked = AnomalySettings(steps=3)
        return anomaly(at.canvas, at.encoder, known, method=method, items=items, settings=asked, report=report).values

    paint.__name__ = f"deviation_{method.replace('-', '_')}_map"
    return paint


redrawn_map, projected_map, features_map, sampled_map, density_map, released_map = map(
    deviation_by,
    (
        "reconstruction",
        "projection",
        "features",
        "attention-sampled",
        "attention-density",
        "attention-released",
    ),
)
DEVIATIONS = (redrawn_map, projected_map, features_map, sampled_map, density_map, released_map)
ADDED = (integrated_map, integrated_from_mean_map, smoothgrad_map, deep_lift_map, layer_deep_lift_map, occlusion_map)
LINEAR = (gradient_map, input_gradient_map, layer_gradient_map, lrp_map, *ADDED)
LOOKING = (grad_cam_map, early_grad_cam_map, attention_of_the_concept)
RECTIFIED = (rectified_map, bordered_map, proportional_map, modified_map, constant_map)
RULED = (guided_map, deconvolution_map, *RECTIFIED)
HOMOGENEOUS = (*LINEAR, *RULED, *LOOKING, regions_map, attention_along)
ODD = (decoded_map, *LINEAR, modified_map)  # |a R| does not know the sign of the concept
NOTHING_AT_ZERO = (decoded_map, *LINEAR, *RULED, *LOOKING, regions_map, attention_along)
PER_ITEM = (*LINEAR, *RULED, *LOOKING, regions_map, attention_map, aggregate_map)
PER_ITEM = (*LINEAR, *RULED, *LOOKING, regions_map, attention_map, *DEVIATIONS)
ONE_BY_ONE = (*ADDED, regions_map)
ALL = (*PER_ITEM, decoded_map)
KINDS_OF = {
    attention_map: ("convolutional",),
    attention_along: ("convolutional",),
    aggregate_map: ("convolutional", "pooled"),
    attention_of_the_concept: ("convolutional",),
    layer_gradient_map: ("convolutional",),
    layer_deep_lift_map: ("convolutional",),
    grad_cam_map: ("convolutional", "pooled"),
    early_grad_cam_map: ("convolutional",),
    integrated_map: ("pooled",),
    lrp_map: ("dense", "pooled"),
    bordered_map: ("convolutional",),
    proportional_map: ("pooled",),
    redrawn_map: ("dense",),
    projected_map: ("dense",),
    features_map: ("convolutional",),
    sampled_map: ("convolutional",),
    density_map: ("pooled",),
    released_map: ("convolutional",),
}

directions = arrays(np.float64, LATENT, elements=st.floats(-3, 3, width=16))
factors = st.floats(0.05, 20)
few = settings(max_examples=12, deadline=None)


def on(*maps: Callable[..., np.ndarray]) -> pytest.MarkDecorator:
    """A case for every map on every kind of encoder that it can be asked with."""
    cases = [(paint, kind) for paint in maps for kind in KINDS_OF.get(paint, USUAL)]
    return pytest.mark.parametrize(("paint", "kind"), cases, ids=[f"{paint.__name__}-{kind}" for paint, kind in cases])


@on(*LINEAR)
@few
@given(first=directions, second=directions, factor=st.floats(-5, 5))
def test_it_is_linear_in_the_concept(
    paint: laws.Paint, kind: str, first: np.ndarray, second: np.ndarray, factor: float
) -> None:
    laws.is_linear_in_the_concept(paint, SCENES[kind], first, second, factor)


@on(*HOMOGENEOUS)
@few
@given(direction=directions, factor=factors)
def test_it_is_positively_homogeneous(paint: laws.Paint, kind: str, direction: np.ndarray, factor: float) -> None:
    laws.is_positively_homogeneous(paint, SCENES[kind], direction, factor)


@on(*ODD)
@few
@given(direction=directions)
def test_it_is_odd_and_zero_at_zero(paint: laws.Paint, kind: str, direction: np.ndarray) -> None:
    laws.is_odd_and_zero_at_zero(paint, SCENES[kind], direction)


@on(*NOTHING_AT_ZERO)
def test_no_concept_gives_an_empty_map(paint: laws.Paint, kind: str) -> None:
    laws.is_nothing_for_no_concept(paint, SCENES[kind])


@on(*PER_ITEM)
@few
@given(direction=directions)
def test_a_batch_equals_one_by_one(paint: laws.Paint, kind: str, direction: np.ndarray) -> None:
    laws.asks_each_item_by_itself(paint, SCENES[kind], direction)


@on(*PER_ITEM)
@few
@given(direction=directions, order=st.permutations(range(len(laws.ITEMS))))
def test_permuting_items_permutes_maps(paint: laws.Paint, kind: str, direction: np.ndarray, order: list[int]) -> None:
    laws.follows_the_order_of_items(paint, SCENES[kind], direction, order)


@on(*ALL)
def test_nothing_is_left_behind(paint: laws.Paint, kind: str) -> None:
    laws.leaves_nothing_behind(paint, scene(kind))


@on(*ALL)
def test_nothing_is_left_behind_when_it_is_cancelled(paint: laws.Paint, kind: str) -> None:
    laws.leaves_nothing_behind_when_cancelled(paint, scene(kind))


@on(*ALL)
def test_nothing_is_left_behind_when_the_network_fails(
    paint: laws.Paint, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    laws.leaves_nothing_behind_when_the_network_fails(paint, scene(kind), monkeypatch, "mean")


@on(*PER_ITEM)
def test_chunks_do_not_show(paint: laws.Paint, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = paint(SCENES[kind], some_direction(), laws.ITEMS, lambda step: None)
    steps = []
    monkeypatch.setattr("conceptstain.methods.gradient.CHUNK", 2)
    in_chunks = paint(SCENES[kind], some_direction(), laws.ITEMS, steps.append)
    laws.agree(in_chunks, at_once)
    assert (steps[-1].done, steps[-1].total) == (5, 5)
    assert len(steps) == (5 if paint in ONE_BY_ONE else 3)
    assert [step.done for step in steps] == sorted({step.done for step in steps})


@on(*ALL)
def test_maps_are_float32_of_the_inputs_shape_with_something_in_them(paint: laws.Paint, kind: str) -> None:
    values = paint(SCENES[kind], some_direction(), laws.ITEMS, lambda step: None)
    assert values.dtype == np.float32
    assert values.shape[1:] == SCENES[kind].canvas.shape
    assert np.isfinite(values).all()
    assert values.any()


@pytest.mark.parametrize("paint", [saliency, decoded])
def test_a_concept_of_another_encoder_is_refused(
    paint: Callable[[object, Encoder, Concept], Attribution],
) -> None:
    at, other = scene(), scene(seed=1)
    with pytest.raises(MismatchError, match="belongs to another encoder"):
        paint(at.canvas, at.encoder, other.concept(some_direction()))


@pytest.mark.parametrize(
    "paint",
    [
        saliency,
        decoded,
        lambda canvas, encoder, concept: attention(canvas, encoder, dimension=0),
    ],
    ids=["saliency", "decoded", "attention"],
)
def test_an_encoder_of_another_scaling_or_shape_is_refused(
    paint: Callable[[object, Encoder, Concept], Attribution],
) -> None:
    canvas = scene().canvas
    for encoder, said in (
        (scene(scaling="paper").encoder, "another scaling"),
        (encoder_of(tiny_vae((1, 16, 16)), (1, 16, 16)), "another shape"),
    ):
        with pytest.raises(MismatchError, match=said):
            paint(canvas, encoder, concept_along(encoder, some_direction()))
