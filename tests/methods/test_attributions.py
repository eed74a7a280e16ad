"""Attribution methods of the literature, against slow twins, captum's own words and what each promises."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from scipy.stats import pearsonr
from torch import nn

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods import smoothgrad as smoothing
from conceptstain.methods.baselines import baselines_of
from conceptstain.methods.deep_lift import deep_lift
from conceptstain.methods.grad_cam import grad_cam, grad_cam_layers
from conceptstain.methods.integrated import integrated_gradients
from conceptstain.methods.occlusion import occlusion
from conceptstain.methods.preflight import cannot_be_differentiated, deep_lift_refusal, relevance_refusal
from conceptstain.methods.relevance import lrp
from conceptstain.methods.saliency import saliency
from conceptstain.methods.smoothgrad import smoothgrad
from laws import ITEMS, agree, state_of
from scenes import FRAME, LATENT, Scene, scene, some_direction
from tiny_networks import encoder_of, tiny_vae
from twins.attention import attention as slow_attention
from twins.attributions import blurred, each, integrated, occluded, relevance, rescaled, smoothed

AT = [3, 9]
KINDS = ("convolutional", "dense")
ALL = (integrated_gradients, smoothgrad, deep_lift, lrp, occlusion, grad_cam)


def black(canvas, items):
    return np.zeros((len(items), *canvas.shape))


def mean(canvas, items):
    return np.stack([canvas.inputs(canvas.trainable).mean(axis=0, dtype=np.float64)] * len(items))


def blur(canvas, items):
    return each(blurred, canvas.inputs(items))


BASELINES = {"black": black, "mean": mean, "blurred": blur}


def compared(twin, at, baseline):
    pairs = zip(at.canvas.inputs(AT), BASELINES[baseline](at.canvas, AT), strict=True)
    return np.stack([twin(at.network, picture, some_direction(), baseline=base) for picture, base in pairs])


# -- against the twins -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", BASELINES)
def test_a_baseline_is_what_its_name_says(baseline):
    canvas = scene().canvas
    found = baselines_of(baseline, canvas)(np.array(AT))
    np.testing.assert_allclose(found, BASELINES[baseline](canvas, AT), atol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("quadrature", ["right", "gauss-legendre"])
def test_integrated_gradients_are_the_twins(kind, baseline, quadrature):
    at = scene(kind)
    asked = {"steps": 4, "quadrature": quadrature}
    found = integrated_gradients(
        at.canvas, at.encoder, at.concept(some_direction()), baseline=baseline, items=AT, **asked
    )
    agree(found.values, compared(lambda *given, **base: integrated(*given, **base, **asked), at, baseline))


@pytest.mark.parametrize("samples", [2, 5])
def test_smoothgrad_is_the_twins(samples):
    at = scene()
    found = smoothgrad(
        at.canvas, at.encoder, at.concept(some_direction()), noise=0.3, samples=samples, seed=7, items=AT
    )
    seeds = [smoothing._seed_of(7, item) for item in AT]
    expected = [
        smoothed(at.network, picture, some_direction(), noise=0.3, samples=samples, seed=seed)
        for picture, seed in zip(at.canvas.inputs(AT), seeds, strict=True)
    ]
    agree(found.values, np.stack(expected))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("baseline", BASELINES)
def test_deep_lift_is_the_twins(kind, baseline):
    at = scene(kind)
    found = deep_lift(at.canvas, at.encoder, at.concept(some_direction()), baseline=baseline, items=AT)
    agree(found.values, compared(rescaled, at, baseline))


@pytest.mark.parametrize("kind", [*KINDS, "pooled"])
@pytest.mark.parametrize("epsilon", [1e-4, 0.1])
def test_lrp_is_the_twins(kind, epsilon):
    at = scene(kind, seed=5)
    found = lrp(at.canvas, at.encoder, at.concept(some_direction()), epsilon=epsilon, items=AT)
    agree(found.values, each(lambda x: relevance(at.network, x, some_direction(), epsilon), at.canvas.inputs(AT)))


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (3, 2), (4, 4), (8, 8)])
@pytest.mark.parametrize("baseline", ["black", "blurred"])
def test_occlusion_is_the_twins(window, stride, baseline):
    at = scene("dense")
    asked = {"window": window, "stride": stride}
    found = occlusion(at.canvas, at.encoder, at.concept(some_direction()), baseline=baseline, items=AT, **asked)
    agree(found.values, compared(lambda *given, **base: occluded(*given, **base, **asked), at, baseline))


@pytest.mark.parametrize("layer", ["chain.conv1", "chain.relu1", "chain.conv2"])
def test_grad_cam_is_the_twins_attention_of_a_latent_turned_along_the_concept(layer):
    at = scene()
    turned = tiny_vae((1, *FRAME), latent=LATENT)
    along = torch.as_tensor(some_direction())
    with torch.no_grad():
        turned.mean.weight[0], turned.mean.bias[0] = along @ turned.mean.weight, along @ turned.mean.bias
    found = grad_cam(at.canvas, at.encoder, at.concept(some_direction()), layer=layer, items=AT)
    turned.requires_grad_(False)
    agree(found.values, each(lambda x: slow_attention(turned, x, 0, layer)[None], at.canvas.inputs(AT)))


def test_lrp_with_a_vanishing_epsilon_is_captums():
    at = scene()
    score = nn.Linear(LATENT, 1, bias=False).double()
    score.weight.data[0] = torch.as_tensor(some_direction())
    whole = nn.Sequential(*at.network.chain, at.network.mean, score).requires_grad_(False)
    for layer in whole:
        if not isinstance(layer, nn.ReLU):
            layer.rule = EpsilonRule(1e-12)
    x = at.encoder.tensor(at.canvas.inputs(AT)).requires_grad_()
    theirs = LRP(whole).attribute(x).detach().numpy()
    ours = lrp(at.canvas, at.encoder, at.concept(some_direction()), epsilon=1e-12, items=AT).values
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)


# -- what each promises ------------------------------------------------------------------------------------------------


def scores(at, pictures):
    with torch.no_grad():
        return (at.encoder.encode(at.encoder.tensor(pictures)).mean @ torch.as_tensor(some_direction())).numpy()


@pytest.mark.parametrize("method", [deep_lift, integrated_gradients])
@pytest.mark.parametrize("baseline", BASELINES)
def test_contributions_add_up_to_the_difference_of_the_scores(method, baseline):
    at = scene()
    found = method(at.canvas, at.encoder, at.concept(some_direction()), baseline=baseline, items=AT)
    base = baselines_of(baseline, at.canvas)(np.array(AT))
    expected = scores(at, at.canvas.inputs(AT)) - scores(at, base)
    tolerance = 1e-5 if method is deep_lift else 0.1
    np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)), expected, rtol=tolerance)


def test_the_completeness_error_is_told_and_falls_with_steps():
    at = scene()
    base = baselines_of("blurred", at.canvas)(np.array(AT))
    differences = scores(at, at.canvas.inputs(AT)) - scores(at, base)
    errors = []
    for steps in (3, 300):
        found = integrated_gradients(at.canvas, at.encoder, at.concept(some_direction()), steps=steps, items=AT)
        missed = np.abs(found.values.sum(axis=(1, 2, 3)) - differences).sum() / np.abs(differences).sum()
        assert found.settings["completeness_error"] == pytest.approx(missed, rel=1e-2, abs=1e-6)
        errors.append(found.settings["completeness_error"])
    assert errors[1] < errors[0] / 10


def test_the_run_correlation_is_what_two_runs_correlate():
    at = scene("dense")
    concept = at.concept(some_direction())
    runs = [smoothgrad(at.canvas, at.encoder, concept, noise=2.0, samples=60, seed=seed) for seed in range(8)]
    told = np.mean([run.settings["run_correlation"] for run in runs])
    pairs = [(one, other) for one in range(8) for other in range(one)]
    real = np.mean(
        [
            pearsonr(runs[one].values[item].ravel(), runs[other].values[item].ravel()).statistic
            for one, other in pairs
            for item in range(3)
        ]
    )
    assert real < 0.98
    assert told == pytest.approx(real, abs=0.03)


def test_without_noise_smoothgrad_is_the_gradient():
    at = scene()
    concept = at.concept(some_direction())
    found = smoothgrad(at.canvas, at.encoder, concept, noise=0.0)
    agree(found.values, saliency(at.canvas, at.encoder, concept).values)
    assert found.settings["run_correlation"] == pytest.approx(1.0)


def test_smoothgrad_leaves_the_random_numbers_of_others_alone():
    at = scene()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    smoothgrad(at.canvas, at.encoder, at.concept(some_direction()), samples=2)
    assert torch.equal(torch.rand(3), expected)


def test_lrp_is_nearly_the_input_gradient_where_all_activations_are_relus():
    at = scene()
    concept = at.concept(some_direction())
    found = lrp(at.canvas, at.encoder, concept, epsilon=1e-9)
    agree(found.values, saliency(at.canvas, at.encoder, concept, rule="input-gradient").values)


def side_by_side(seed=0):
    """A scene whose network pools by maxima of windows side by side."""
    network = tiny_vae((1, *FRAME), seed)
    network.chain.pool1 = nn.MaxPool2d(2)
    return Scene(scene().canvas, encoder_of(network, (1, *FRAME)))


def test_deep_lift_through_maxima_adds_up_and_asks_each_item_by_itself():
    at = side_by_side()
    concept = at.concept(some_direction())
    found = deep_lift(at.canvas, at.encoder, concept, baseline="black", items=ITEMS)
    expected = scores(at, at.canvas.inputs(ITEMS)) - scores(at, np.zeros((1, *at.canvas.shape), dtype=np.float32))
    np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)), expected, rtol=1e-5)
    alone = [deep_lift(at.canvas, at.encoder, concept, baseline="black", items=[item]).values for item in ITEMS]
    agree(found.values, np.concatenate(alone))


@pytest.mark.parametrize("kind", [nn.LeakyReLU, nn.ELU, nn.Sigmoid, nn.Tanh, nn.Softplus])
def test_deep_lift_through_other_activations_adds_up(kind):
    network = tiny_vae((1, *FRAME))
    network.chain.relu1, network.chain.relu3 = kind(), kind()
    at = Scene(scene().canvas, encoder_of(network, (1, *FRAME)))
    found = deep_lift(at.canvas, at.encoder, at.concept(some_direction()), items=AT)
    base = baselines_of("blurred", at.canvas)(np.array(AT))
    expected = scores(at, at.canvas.inputs(AT)) - scores(at, base)
    np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)), expected, rtol=1e-4)


def test_grad_cam_looks_at_the_last_convolution_before_the_score():
    at = scene()
    assert grad_cam_layers(at.encoder) == ("chain.conv1", "chain.conv2")
    assert grad_cam(at.canvas, at.encoder, at.concept(some_direction())).settings["layer"] == "chain.conv2"
    of_layer = at.concept(some_direction(), space="chain.conv2")
    assert grad_cam(at.canvas, at.encoder, of_layer).settings["layer"] == "chain.conv1"
    with pytest.raises(MismatchError, match=r"does not depend on it.*Choose one of: chain\.conv1"):
        grad_cam(at.canvas, at.encoder, of_layer, layer="chain.relu2")
    with pytest.raises(MismatchError, match="no places to look at"):
        grad_cam(at.canvas, at.encoder, at.concept(some_direction()), layer="chain.dense")
    with pytest.raises(InputError, match="no such layer"):
        grad_cam(at.canvas, at.encoder, at.concept(some_direction()), layer="chain.magic")
    with pytest.raises(MismatchError, match="needs a convolution"):
        grad_cam(at.canvas, scene("dense").encoder, scene("dense").concept(some_direction()))


def test_titles_tell_what_is_not_as_usual():
    at = scene()
    concept = at.concept(some_direction())
    titles = [
        integrated_gradients(at.canvas, at.encoder, concept, steps=3, baseline="black").title,
        smoothgrad(at.canvas, at.encoder, concept, samples=4, noise=0.2).title,
        deep_lift(at.canvas, at.encoder, concept).title,
        lrp(at.canvas, at.encoder, concept, epsilon=0.01).title,
        occlusion(at.canvas, at.encoder, concept, window=4).title,
        grad_cam(at.canvas, at.encoder, concept, layer="chain.relu1").title,
    ]
    assert titles == [
        "granule - integrated gradients, black baseline, 3 steps",
        "granule - SmoothGrad, noise 0.2, 4 samples",
        "granule - DeepLift",
        "granule - LRP-epsilon, epsilon 0.01",
        "granule - occlusion, window 4",
        "granule - Grad-CAM, chain.relu1",
    ]


@pytest.mark.parametrize("method", ALL)
def test_own_items_are_asked_and_missing_ones_named(method):
    at = scene()
    found = method(at.canvas, at.encoder, at.concept(some_direction(), items=("Gene2", "Absent", "Gene5")))
    assert found.items == (2, 5)
    assert found.settings["missing"] == ("Absent",)
    assert found.signed is (method is not grad_cam)


@pytest.mark.parametrize(
    ("method", "wrong", "told"),
    [
        (integrated_gradients, {"steps": 0}, "A way needs steps"),
        (integrated_gradients, {"baseline": "pink"}, "no such baseline.*'pink'"),
        (integrated_gradients, {"quadrature": "middle"}, "no such quadrature"),
        (smoothgrad, {"samples": 1}, "two samples"),
        (smoothgrad, {"noise": -0.1}, "-0.1"),
        (lrp, {"epsilon": 0.0}, "Epsilon is above 0"),
        (occlusion, {"window": 9}, "window of 9 pixels"),
        (occlusion, {"window": 2, "stride": 3}, "stride of 3"),
        (occlusion, {"window": 0}, "1 pixel or more"),
    ],
)
def test_what_means_nothing_is_refused(method, wrong, told):
    at = scene()
    with pytest.raises(InputError, match=told):
        method(at.canvas, at.encoder, at.concept(some_direction()), **wrong)


# -- pre-flight --------------------------------------------------------------------------------------------------------


class Functional(nn.Module):
    def forward(self, x):
        return x.relu()


class Squared(nn.Module):
    def forward(self, x):
        return x * x


class Scaled(nn.Module):
    def forward(self, x):
        return 2 * x / 3 - 1


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Sigmoid()

    def forward(self, x):
        return x * self.gate(x)


REFUSED = {
    "leaky": (nn.LeakyReLU(), None, "chain.relu1 (LeakyReLU)"),
    "gelu": (nn.GELU(), "chain.relu1 (GELU)", "chain.relu1 (GELU)"),
    "function": (Functional(), "(Functional)", "(Functional)"),
    "square": (Squared(), "(Squared)", "(Squared)"),
    "scale": (Scaled(), None, None),
    "gate": (Gated(), "chain.relu1 (Gated)", "chain.relu1.gate (Sigmoid), chain.relu1 (Gated)"),
    "in place": (nn.ReLU(inplace=True), "in place", "in place"),
    "layer norm": (nn.LayerNorm([3, 8, 8]), "(LayerNorm)", "(LayerNorm)"),
    "group norm": (nn.GroupNorm(3, 3), "(GroupNorm)", "(GroupNorm)"),
    "batch norm": (nn.BatchNorm2d(3), None, None),
    "norm by the batch": (nn.BatchNorm2d(3, track_running_stats=False), "(BatchNorm2d)", "(BatchNorm2d)"),
    "softmax": (nn.Softmax(dim=1), "(Softmax)", "(Softmax)"),
    "dropout": (nn.Dropout(0.5), None, None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_rule_is_named_and_refused_at_the_door(name):
    layer, by_deep_lift, by_lrp = REFUSED[name]
    network = tiny_vae((1, *FRAME))
    network.chain.relu1 = layer.double()
    at = Scene(scene().canvas, encoder_of(network, (1, *FRAME)))
    concept = at.concept(some_direction())
    for method, refusal, reason in ((deep_lift, deep_lift_refusal, by_deep_lift), (lrp, relevance_refusal, by_lrp)):
        if reason is None:
            assert refusal(at.encoder) is None
            assert method(at.canvas, at.encoder, concept).values.any()
            continue
        assert reason in refusal(at.encoder)
        with pytest.raises(MismatchError, match=re.escape(reason)):
            method(at.canvas, at.encoder, concept)


def test_an_activation_that_is_used_twice_is_refused_where_it_matters():
    network = tiny_vae((1, *FRAME))
    network.chain.relu2 = network.chain.relu1
    encoder = encoder_of(network, (1, *FRAME))
    assert "chain.relu1 (ReLU used 2 times)" in deep_lift_refusal(encoder)
    assert relevance_refusal(encoder) is None


def test_maxima_that_overlap_are_refused_by_deep_lift():
    refusal = deep_lift_refusal(scene("pooled").encoder)
    assert "chain.pool1 (MaxPool2d with windows that overlap or pad" in refusal
    assert "pool2" not in refusal
    assert deep_lift_refusal(side_by_side().encoder) is None


def test_only_what_lies_before_the_score_counts():
    network = tiny_vae((1, *FRAME))
    network.chain.relu3 = nn.GELU()
    network.log_var = nn.Sequential(network.log_var, nn.Softplus())
    encoder = encoder_of(network, (1, *FRAME))
    assert "GELU" in deep_lift_refusal(encoder)
    assert "Softplus" not in deep_lift_refusal(encoder)
    assert deep_lift_refusal(encoder, "chain.conv2") is None
    assert relevance_refusal(encoder, "chain.conv2") is None


def test_a_network_without_a_gradient_is_refused(monkeypatch):
    at = scene()
    plain = at.network.encode
    monkeypatch.setattr(at.network, "encode", lambda x: type(plain(x))(*(each.detach() for each in plain(x))))
    assert cannot_be_differentiated(at.encoder) == "its latent mean cannot be differentiated"
    for method in (integrated_gradients, smoothgrad, deep_lift, lrp):
        with pytest.raises(MismatchError, match="cannot be differentiated"):
            method(at.canvas, at.encoder, at.concept(some_direction()))
    assert occlusion(at.canvas, at.encoder, at.concept(some_direction())).values.any()


# -- nothing is left behind --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ALL)
def test_nothing_is_left_behind_where_the_network_fails_half_way(method, monkeypatch):
    at = scene()
    before = state_of(at.network)
    real = type(at.network.mean).forward

    def fail(x):
        if len(x) > 1:  # the pre-flight asks about one picture, and what is explained comes in larger batches
            raise RuntimeError("out of memory")
        return real(at.network.mean, x)

    with monkeypatch.context() as patch:
        patch.setattr(at.network.mean, "forward", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            method(at.canvas, at.encoder, at.concept(some_direction()), items=ITEMS)
    assert state_of(at.network) == before


def test_activations_beside_the_way_keep_nothing():
    network = tiny_vae((1, *FRAME))
    network.log_var = nn.Sequential(network.log_var, nn.Softplus().double())
    at = Scene(scene().canvas, encoder_of(network, (1, *FRAME)))
    before = state_of(network)
    deep_lift(at.canvas, at.encoder, at.concept(some_direction()))
    assert state_of(network) == before


def test_captum_is_loaded_only_when_it_is_needed():
    asked = "import sys, conceptstain.methods.integrated, conceptstain.methods.maps; print('captum' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
