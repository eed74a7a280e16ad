from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from torch import nn

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.saliency import rule_refusal, saliencies, saliency, supported_rules
from conceptstain.nets.rules import Rule, rectified
from conceptstain.progress import Step
from laws import agree
from scenes import GENES, scene, some_direction
from twins.gradient import gradient
from twins.guided import deconvolution, guided
from twins.rectified import rectified as slow_rectified


def test_the_gradient_map_is_the_twins() -> None:
    at = scene()
    found = saliency(at.canvas, at.encoder, at.concept(some_direction()), items=[3])
    np.testing.assert_allclose(
        found.values[0], gradient(at.network, at.canvas.inputs([3])[0], some_direction()), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
@pytest.mark.parametrize("percentile", [0.0, 35.0, 80.0, 95.0])
def test_the_rectified_map_is_the_twins_at_every_percentile(kind: str, percentile: float) -> None:
    at = scene(kind)
    found = saliency(at.canvas, at.encoder, at.concept(some_direction()), rule=rectified(percentile), items=[3, 9])
    pictures = at.canvas.inputs([3, 9])
    agree(found.values, np.stack([slow_rectified(at.network, x, some_direction(), percentile) for x in pictures]))


@pytest.mark.parametrize(("rule", "twin"), [("guided", guided), ("deconvolution", deconvolution)])
def test_the_guided_and_the_deconvolved_map_are_the_twins(rule: str, twin: Callable[..., np.ndarray]) -> None:
    at = scene()
    found = saliency(at.canvas, at.encoder, at.concept(some_direction()), rule=rule, items=[3, 9])
    agree(found.values, np.stack([twin(at.network, x, some_direction()) for x in at.canvas.inputs([3, 9])]))


def test_the_input_gradient_is_the_twins_gradient_times_the_picture() -> None:
    at = scene()
    picture = at.canvas.inputs([3])[0]
    found = saliency(at.canvas, at.encoder, at.concept(some_direction()), rule="input-gradient", items=[3])
    expected = picture * gradient(at.network, picture, some_direction())
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-5, atol=1e-7)


def test_the_input_gradient_is_the_gradient_times_the_picture() -> None:
    at = scene()
    concept = at.concept(some_direction())
    found = saliency(at.canvas, at.encoder, concept, rule="input-gradient")
    agree(found.values, saliency(at.canvas, at.encoder, concept).values * at.canvas.inputs(found.items))
    same = saliency(at.canvas, at.encoder, concept, rule="gradient", times_input=True)
    assert found.title == same.title == "granule - input x gradient"
    assert found.settings == same.settings == {"rule": "input-gradient", "times_input": True, "missing": ()}


@pytest.mark.parametrize("variant", ["proportional", "modified", "constant"])
def test_a_variant_of_the_rectified_map_is_the_twins_and_says_so(variant: str) -> None:
    at = scene("pooled", seed=5)
    rule = rectified(30, variant=variant, padding=True)
    found = saliency(at.canvas, at.encoder, at.concept(some_direction()), rule=rule, items=[3, 9])
    pictures = at.canvas.inputs([3, 9])
    expected = [slow_rectified(at.network, x, some_direction(), 30, variant=variant, padding=True) for x in pictures]
    agree(found.values, np.stack(expected))
    percentile = "" if variant == "constant" else ", q 30"
    assert found.title == f"granule - rectified saliency, {variant}{percentile}, padding"
    assert found.settings["variant"] == variant
    assert found.settings["padding"] is True


def test_nothing_passes_the_hundredth_percentile() -> None:
    at = scene()
    concept = at.concept(some_direction())
    assert not saliency(at.canvas, at.encoder, concept, rule=rectified(100)).values.any()


def test_without_items_the_concepts_own_genes_are_mapped_in_their_order() -> None:
    at = scene()
    concept = at.concept(some_direction())
    own = saliency(at.canvas, at.encoder, concept)
    assert own.items == tuple(at.canvas.item(name) for name in GENES)
    agree(own.values, saliency(at.canvas, at.encoder, concept, items=own.items).values)


def test_genes_that_the_section_does_not_have_are_named() -> None:
    at = scene()
    concept = at.concept(some_direction(), items=("Gene2", "Absent", "Gene5"))
    found = saliency(at.canvas, at.encoder, concept)
    assert found.items == (2, 5)
    assert found.settings["missing"] == ("Absent",)


def test_a_concept_with_none_of_its_genes_here_is_refused() -> None:
    at = scene()
    with pytest.raises(MismatchError, match=r"None of the items.*Absent"):
        saliency(at.canvas, at.encoder, at.concept(some_direction(), items=("Absent",)))


@pytest.mark.parametrize(
    ("rule", "scaling", "expected"),
    [
        ("gradient", "z-score", False),
        ("gradient", "paper", False),
        ("rectified", "z-score", False),
        ("rectified", "paper", True),
    ],
)
def test_only_the_papers_rectified_gradient_is_multiplied_by_the_picture(
    rule: str, scaling: str, expected: bool
) -> None:
    at = scene(scaling=scaling)
    concept = at.concept(some_direction())
    found = saliency(at.canvas, at.encoder, concept, rule=rule)
    told = saliency(at.canvas, at.encoder, concept, rule=rule, times_input=expected)
    assert found.settings["times_input"] is expected
    agree(found.values, told.values)


def test_values_outside_the_tissue_are_kept() -> None:
    at = scene()
    values = saliency(at.canvas, at.encoder, at.concept(some_direction())).values
    assert values[:, :, ~at.canvas.mask].any()


def test_it_says_how_it_was_made() -> None:
    at = scene()
    found = saliency(at.canvas, at.encoder, at.concept(some_direction()), rule=rectified(90))
    assert found.title == "granule - rectified saliency, q 90"
    assert found.signed
    assert found.encoder == at.encoder.fingerprint
    assert found.settings == {
        "rule": "rectified",
        "percentile": 90.0,
        "variant": "plain",
        "padding": False,
        "times_input": False,
        "missing": (),
    }
    assert saliency(at.canvas, at.encoder, found.concept).title == "granule - gradient saliency"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rule": "smooth"}, r"no such rule.*gradient, input-gradient, guided, deconvolution, rectified"),
        ({"rule": Rule("mine", lambda incoming, output, entered: incoming)}, r"no such rule.*'mine'"),
        ({"rule": "input-gradient", "times_input": False}, r"gradient times the input.*Choose the rule gradient"),
        ({"items": []}, "No item is chosen"),
        ({"items": [12]}, "12 to 12 for 12 items"),
        ({"items": [-1]}, "-1 to -1"),
        ({"items": [0.5]}, "whole numbers"),
    ],
)
def test_what_cannot_be_used_is_refused(settings: dict[str, object], said: str) -> None:
    at = scene()
    with pytest.raises(InputError, match=said):
        saliency(at.canvas, at.encoder, at.concept(some_direction()), **settings)


def test_several_concepts_at_once_are_what_each_is_by_itself() -> None:
    at = scene()
    concepts = [at.concept(some_direction(seed)) for seed in range(3)]
    for rule in ("gradient", "input-gradient", "guided", "rectified"):
        together = saliencies(at.canvas, at.encoder, concepts, rule=rule, items=[3, 0, 9])
        for concept, found in zip(concepts, together, strict=True):
            alone = saliency(at.canvas, at.encoder, concept, rule=rule, items=[3, 0, 9])
            agree(found.values, alone.values)
            assert (found.title, found.items, found.settings) == (alone.title, alone.items, alone.settings)
            assert found.concept is concept


def test_concepts_with_genes_of_their_own_are_asked_at_these_and_in_order() -> None:
    at, steps = scene(), []
    genes = [("Gene3", "Gene0"), ("Gene5", "Absent", "Gene1", "Gene2"), ("Gene3", "Gene0")]
    concepts = [at.concept(some_direction(seed), items=items) for seed, items in enumerate(genes)]
    together = saliencies(at.canvas, at.encoder, concepts, report=steps.append)
    assert [found.items for found in together] == [(3, 0), (5, 1, 2), (3, 0)]
    assert [found.settings["missing"] for found in together] == [(), ("Absent",), ()]
    for concept, found in zip(concepts, together, strict=True):
        agree(found.values, saliency(at.canvas, at.encoder, concept).values)
    assert steps == [Step(2, 5, "Differentiating"), Step(5, 5, "Differentiating")]


def test_concepts_at_the_same_pictures_share_the_pass_forward() -> None:
    at, passes = scene(), []
    at.network.chain.register_forward_hook(lambda *_: passes.append(1))
    saliencies(at.canvas, at.encoder, [at.concept(some_direction(seed)) for seed in range(4)], items=range(5))
    assert len(passes) == 1


def test_no_concept_gives_no_map() -> None:
    at = scene()
    assert saliencies(at.canvas, at.encoder, []) == ()


def test_a_network_says_which_rules_it_supports() -> None:
    assert set(supported_rules(scene("pooled").encoder).values()) == {None}
    assert supported_rules(scene("dense").encoder) == {
        "gradient": None,
        "input-gradient": None,
        "guided": None,
        "deconvolution": None,
        "rectified": None,
        "rectified, proportional": "the rule acts at MaxPool2d, and this is a network without any MaxPool2d",
        "rectified, padding": "the rule acts at padded Conv2d, and this is a network without any padded Conv2d",
    }


def test_a_network_with_another_activation_supports_the_gradient_alone() -> None:
    at = scene()
    at.network.chain.relu2 = nn.LeakyReLU()
    refused = supported_rules(at.encoder)
    assert [name for name, reason in refused.items() if reason is None] == ["gradient", "input-gradient"]
    assert refused["guided"] == "the rule is defined at ReLU alone, and the network has chain.relu2 (LeakyReLU)"
    assert rule_refusal(at.encoder, "guided") == refused["guided"]
    with pytest.raises(MismatchError, match="guided rule would not be itself"):
        saliency(at.canvas, at.encoder, at.concept(some_direction()), rule="guided")
