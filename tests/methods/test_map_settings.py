"""Settings of maps: what they allow, and which map listens to which."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import numpy as np
import pytest

from conceptstain.cli import options
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.attention import attention
from conceptstain.methods.map_settings import ATTENTIONS, BASELINES, VARIANTS, AttentionVariant, Baseline, MapSettings
from conceptstain.methods.maps import MAPS, map_kind
from conceptstain.methods.saliency import saliency
from conceptstain.nets.rules import Variant, rectified
from scenes import scene, some_direction

OTHERS: dict[str, Any] = {
    "dimension": 2,
    "percentile": 60.0,
    "variant": "modified",
    "threshold": 0.25,
    "padding": True,
    "baseline": "black",
    "steps": 7,
    "quadrature": "gauss-legendre",
    "noise": 0.4,
    "samples": 6,
    "epsilon": 0.1,
    "window": 3,
    "stride": 1,
    "layer": "chain.relu1",
    "attention": "released",
    "anomaly": "attention-released",
}
BESIDE: dict[str, dict[str, Any]] = {  # where it shows: of the few units here the strongest twentieth is one or two
    "variant": {"percentile": 30.0},
    "padding": {"percentile": 30.0},
    "threshold": {"variant": "constant"},
    "stride": {"window": 4},
}


def test_the_variants_are_those_of_the_rule_here_and_on_the_command_line() -> None:
    assert tuple(VARIANTS) == get_args(Variant) == tuple(options.Variant)


def test_the_variants_of_attention_are_all_explained_here_and_on_the_command_line() -> None:
    assert tuple(ATTENTIONS) == get_args(AttentionVariant) == tuple(options.AttentionOf)


def test_the_baselines_are_all_explained() -> None:
    assert tuple(BASELINES) == get_args(Baseline)


def test_by_default_the_settings_are_those_of_the_rule() -> None:
    usual = MapSettings()
    rule = rectified()
    assert (usual.percentile, usual.variant, usual.padding) == tuple(
        rule.settings[name] for name in ("percentile", "variant", "padding")
    )
    assert usual.threshold == rectified(variant="constant").settings["threshold"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"dimension": -1}, "count from 0.*-1"),
        ({"attention": "mine"}, "no such variant.*'mine'.*paper, released"),
        ({"percentile": 101.0}, "between 0 and 100.*101"),
        ({"percentile": float("nan")}, "between 0 and 100.*nan"),
        ({"variant": "magic"}, "no such variant.*'magic'.*plain, proportional, modified, constant"),
        ({"threshold": float("inf")}, "A threshold is a number.*inf"),
        ({"baseline": "pink"}, "no such baseline.*'pink'.*blurred, black, mean"),
        ({"quadrature": "middle"}, "no such quadrature.*'middle'.*right, gauss-legendre"),
        ({"anomaly": "magic"}, "not looked for that way.*'magic'.*reconstruction, projection"),
        ({"steps": 0}, "A way needs steps.*0"),
        ({"samples": 1}, "two samples or more.*1"),
        ({"noise": float("nan")}, "part of the range.*nan"),
        ({"epsilon": -1.0}, "Epsilon is above 0.*-1"),
        ({"window": 0}, "The window of occlusion is 1 pixel or more"),
        ({"stride": 0}, "The stride of occlusion is 1 pixel or more"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        MapSettings(**wrong)


def test_a_map_changes_with_the_settings_it_listens_to_and_with_no_others() -> None:
    at = scene()
    concept = at.concept(some_direction())
    assert set(OTHERS) == {field.name for field in dataclasses.fields(MapSettings)}
    for kind in MAPS:
        for name, value in OTHERS.items():
            beside = BESIDE.get(name, {})
            before = kind.make(at.canvas, at.encoder, concept, settings=MapSettings(**beside))
            made = kind.make(at.canvas, at.encoder, concept, settings=MapSettings(**{**beside, name: value}))
            same = np.array_equal(made.values, before.values)
            assert same is (name not in kind.settings), (kind.key, name)
            assert (made.title == before.title) is same, (kind.key, name)


def test_the_rectified_map_is_that_of_the_rule_with_these_settings() -> None:
    at = scene("pooled")
    concept = at.concept(some_direction())
    settings = MapSettings(percentile=70.0, variant="proportional", padding=True)
    made = map_kind("rectified").make(at.canvas, at.encoder, concept, settings=settings)
    rule = rectified(70.0, variant="proportional", padding=True)
    np.testing.assert_array_equal(made.values, saliency(at.canvas, at.encoder, concept, rule=rule).values)
    assert made.title == "granule - rectified saliency, proportional, q 70, padding"
    constant = MapSettings(variant="constant", threshold=0.5)
    above = map_kind("rectified").make(at.canvas, at.encoder, concept, settings=constant)
    assert above.title == "granule - rectified saliency, constant, above 0.5"
    assert above.settings["threshold"] == 0.5


def test_attention_is_of_the_dimension_in_its_settings() -> None:
    at = scene()
    concept = at.concept(some_direction())
    made = map_kind("attention").make(at.canvas, at.encoder, concept, settings=MapSettings(3))
    items = [at.canvas.item(name) for name in concept.items]
    np.testing.assert_array_equal(made.values, attention(at.canvas, at.encoder, dimension=3, items=items).values)


def test_attention_of_no_dimension_is_that_of_all_together() -> None:
    at = scene()
    concept = at.concept(some_direction())
    made = map_kind("attention").make(at.canvas, at.encoder, concept, settings=MapSettings(None))
    items = [at.canvas.item(name) for name in concept.items]
    np.testing.assert_array_equal(made.values, attention(at.canvas, at.encoder, items=items).values)
    assert made.title == "granule - attention, all latents"
    released = MapSettings(None, attention="released")
    assert map_kind("attention").make(at.canvas, at.encoder, concept, settings=released).title == (
        "granule - attention, all latents, released"
    )


def test_a_variant_that_the_network_does_not_support_is_refused() -> None:
    at = scene()
    with pytest.raises(MismatchError, match="without any MaxPool2d"):
        map_kind("rectified").make(
            at.canvas, at.encoder, at.concept(some_direction()), settings=MapSettings(variant="proportional")
        )
