"""Anomaly maps are what their slow twins say, find what was put into a picture, and say what they cannot do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

import conceptstain as cs
from conceptstain.concepts.normal import learn_normal
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.anomaly import anomaly_refusal
from conceptstain.methods.anomaly_projection import energy, projected
from conceptstain.methods.anomaly_settings import ANOMALY_METHODS, DEFAULT_ANOMALY, AnomalySettings
from conceptstain.nets.encoder import Encoder, Encoding
from factories import tiny_encoder
from pictures import noise
from tiny_networks import encoder_of, tiny_vae
from twins import anomaly as twins

PLAIN = AnomalySettings(smoothing=0)
ITEMS = (4, 1)


@cache
def canvas(channels=3):
    last = (3,) if channels == 3 else ()
    return cs.open([noise(8, 8, *last, seed=each) for each in range(9)], as_="images").view(frame=8)


@cache
def encoder(kind="convolutional"):
    return tiny_encoder((3, 8, 8), kind=kind, scaling="unit")


@cache
def normal():
    return learn_normal("ordinary", canvas(), encoder(), range(6))


def maps(method, settings=PLAIN, of=normal, **asked):
    found = cs.anomaly(canvas(), encoder(), of(), method=method, items=ITEMS, settings=settings, **asked)
    assert (found.values == found.values[:, :1]).all()
    return found.values[:, 0]


def pictures():
    return canvas().inputs(ITEMS).astype(np.float64)


def agree(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def test_reconstruction_is_the_squared_error_of_what_is_decoded():
    network = encoder().network
    expected = [
        ((each - twins.decoded(network, twins.encoded(network, each)[0])) ** 2).sum(axis=0) for each in pictures()
    ]
    agree(maps("reconstruction"), np.array(expected))


def test_features_are_those_of_the_first_layer_or_of_the_one_that_is_named():
    network = encoder().network
    expected = np.array([twins.feature_difference(network, each, "chain.conv1") for each in pictures()])
    agree(maps("features"), expected)
    deeper = np.array([twins.feature_difference(network, each, "chain.relu2") for each in pictures()])
    agree(maps("features", AnomalySettings(smoothing=0, layer="chain.relu2")), deeper)


@cache
def small():
    """A network whose energy can be differentiated value by value, and a picture."""
    return tiny_encoder((1, 4, 4), seed=3, latent=2), np.random.default_rng(0).random((1, 4, 4))


def test_projection_follows_its_twin_whose_gradient_is_made_of_finite_differences():
    network, picture = small()
    asked = {"steps": 3, "rate": 0.4, "sparsity": 0.7}
    made = projected(network, torch.as_tensor(picture[None]), 0.2, AnomalySettings(**asked))
    expected = twins.projected(network.network, picture, 0.2, **asked)
    np.testing.assert_allclose(made[0].numpy(), expected, rtol=1e-6, atol=1e-8)
    assert np.abs(expected - picture).max() > 0.01


def test_the_projection_map_is_what_it_changed():
    asked = AnomalySettings(smoothing=0, steps=4)
    made = projected(encoder(), torch.as_tensor(pictures()), normal().noise, asked).numpy()
    agree(maps("projection", asked), np.abs(pictures() - made).sum(axis=1))


def test_the_gradient_of_the_energy_is_that_of_finite_differences():
    network, picture = small()
    x = torch.as_tensor(picture[None]).requires_grad_()
    spent, _ = energy(network, x, 0.3)
    (found,) = torch.autograd.grad(spent.sum(), x)
    assert spent.detach().item() == pytest.approx(twins.energy(network.network, picture, 0.3))
    expected = twins.gradient_of_energy(network.network, picture, 0.3)
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-5, atol=1e-7)


def test_projection_lowers_the_energy_and_stays_within_the_range_of_pictures():
    x = torch.as_tensor(pictures())
    before = energy(encoder(), x, 0.1)[0].detach()
    made = projected(encoder(), x, 0.1, AnomalySettings(steps=20, rate=0.1, sparsity=0))
    assert (energy(encoder(), made, 0.1)[0].detach() < before).all()
    assert made.min() >= 0
    assert made.max() <= 1


def test_the_sampled_attention_is_that_of_the_reparameterised_difference():
    network, learned = encoder().network, normal()
    expected = []
    for item, each in zip(ITEMS, pictures(), strict=True):
        log_var = twins.encoded(network, each)[1]
        drawn = np.random.default_rng([7, item]).standard_normal(4)
        # u = (mu_x - mu_y) + sqrt(v_x + exp(l_y)) eps: slopes in mu_y and in l_y
        spread = drawn * np.exp(log_var) / (2 * np.sqrt(learned.variance + np.exp(log_var)))
        slopes = np.stack([-np.ones(4), spread], axis=1)
        expected.append(twins.attention_of_scores(network, each, "chain.conv2", slopes))
    agree(maps("attention-sampled", AnomalySettings(seed=7)), np.array(expected))


def test_the_density_attention_is_that_of_the_density_at_no_difference():
    network, learned = encoder().network, normal()
    expected = []
    for each in pictures():
        mean, log_var = twins.encoded(network, each)
        v = learned.variance + np.exp(log_var)
        far = learned.mean - mean
        density = np.exp(-(far**2) / (2 * v)) / np.sqrt(2 * np.pi * v)
        slopes = np.stack([density * far / v, density * (far**2 / v - 1) / (2 * v) * np.exp(log_var)], axis=1)
        expected.append(twins.attention_of_scores(network, each, "chain.conv2", slopes))
    agree(maps("attention-density"), np.array(expected))


def test_the_released_attention_is_the_magnitude_of_that_of_the_sum_of_the_means():
    found = maps("attention-released")
    x = torch.as_tensor(pictures())
    chain = encoder().network.chain
    activation = chain[:4](x).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(encoder().network.mean(chain[4:](activation)).sum(), activation)
    small = (gradient.mean(dim=(2, 3), keepdim=True) * activation).sum(dim=1, keepdim=True)
    large = nn.functional.interpolate(small, size=(8, 8), mode="bilinear")
    agree(found, large[:, 0].abs().detach().numpy())


def test_baselines_ask_no_network():
    agree(maps("intensity"), pictures().mean(axis=1))
    blurred = gaussian_filter(pictures(), (0, 0, 0.8, 0.8), mode="nearest")
    np.testing.assert_allclose(maps("contrast"), np.abs(pictures() - blurred).sum(axis=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["reconstruction", "projection", "features", "contrast"])
def test_smoothing_is_a_blur_by_a_part_of_the_width(method):
    plain, smooth = maps(method), maps(method, AnomalySettings(smoothing=0.2))
    np.testing.assert_allclose(smooth, gaussian_filter(plain, (0, 1.6, 1.6), mode="nearest"), rtol=1e-4, atol=1e-6)


def test_noise_is_of_the_seed_and_of_the_item():
    again, other = maps("attention-sampled"), maps("attention-sampled", AnomalySettings(seed=1))
    np.testing.assert_array_equal(maps("attention-sampled"), again)
    assert not np.allclose(again, other)


class Perfect(nn.Module):
    """A network that redraws everything as it is, and finds all of it as ordinary as anything else."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 2, 3, padding=1)

    def encode(self, x):
        mean = torch.cat([x.flatten(1) * 1e-3, self.conv(x).mean(dim=(2, 3)) * self.scale], dim=1)
        return Encoding(mean, torch.zeros_like(mean))

    def decode(self, z):
        return (z[:, :-2] * 1e3).reshape(-1, 3, 8, 8)


@pytest.mark.parametrize("method", ["reconstruction", "projection", "features"])
def test_a_picture_that_is_redrawn_perfectly_deviates_nowhere(method):
    network = Encoder("perfect", Perfect(), (3, 8, 8), "unit", 194)
    learned = learn_normal("all", canvas(), network, range(9))
    found = cs.anomaly(canvas(), network, learned, method=method)
    assert np.abs(found.values).max() < 1e-4


def test_a_bright_patch_in_a_dark_picture_is_where_a_network_of_dark_pictures_is_surprised():
    class Dark(Perfect):
        def decode(self, z):
            return torch.zeros_like(super().decode(z))

    network = Encoder("dark", Dark(), (3, 8, 8), "unit", 194)
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[2:4, 5:7] = 200
    shown = cs.open([picture, np.full((8, 8, 3), 5, dtype=np.uint8)], as_="images").view(frame=8)
    learned = learn_normal("all", canvas(), network, range(9))
    for method in ("reconstruction", "projection", "features", "contrast", "intensity"):
        found = cs.anomaly(shown, network, learned, method=method, items=[0]).values[0, 0]
        at = np.unravel_index(found.argmax(), found.shape)
        beside = method == "features"  # those of a pixel see its neighbours, too
        assert 2 - beside <= at[0] <= 3 + beside, method
        assert 5 - beside <= at[1] <= 6 + beside, method


def test_pieces_are_the_maps_of_all_and_the_settings_tell_how_to_repeat_them():
    whole = cs.anomaly(canvas(), encoder(), normal())
    assert (whole.method, whole.detail, whole.name, whole.signed) == ("deviation", DEFAULT_ANOMALY, "ordinary", False)
    assert whole.items == tuple(range(9))
    pieces = list(cs.anomaly_maps(canvas(), encoder(), normal()))
    np.testing.assert_array_equal(np.concatenate([piece.maps for piece in pieces]), whole.values[:, 0])
    told = {**whole.settings}
    assert told.pop("anomaly") == DEFAULT_ANOMALY
    del told["normal"]
    assert AnomalySettings(**told) == AnomalySettings()


def test_every_method_is_explained_and_gives_maps_that_are_not_negative():
    for method in ANOMALY_METHODS:
        found = maps(method, AnomalySettings(steps=2))
        assert (found >= 0).all()
        assert found.any(), method


def test_what_cannot_be_asked_is_refused_with_the_reason():
    flat = tiny_encoder((3, 8, 8), kind="dense", scaling="unit")
    assert [method for method in ANOMALY_METHODS if anomaly_refusal(flat, method)] == [
        "features",
        "attention-sampled",
        "attention-density",
        "attention-released",
    ]
    network = tiny_vae((3, 8, 8))

    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def encode(self, x):
            return self.inner.encode(x)

    blind = encoder_of(Blind(), (3, 8, 8), "unit")
    learned = learn_normal("all", canvas(), blind, range(6))
    with pytest.raises(MismatchError, match=r"cannot be looked for by 'reconstruction'.*it has no decoder"):
        cs.anomaly(canvas(), blind, learned, method="reconstruction")
    assert cs.anomaly(canvas(), blind, learned, method="attention-density", items=[0]).values.shape == (1, 3, 8, 8)
    with pytest.raises(InputError, match=r"not looked for that way.*'magic'.*reconstruction"):
        maps("magic")
    with pytest.raises(MismatchError, match="no places to attend to"):
        maps("features", AnomalySettings(layer="chain.dense"))
    with pytest.raises(InputError, match="no such layer"):
        maps("features", AnomalySettings(layer="conv9"))
    with pytest.raises(MismatchError, match="belongs to another encoder"):
        cs.anomaly(canvas(), encoder("dense"), normal())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"smoothing": 2.0}, "part of the width"),
        ({"steps": 0}, "projected in steps"),
        ({"rate": float("nan")}, "projected in steps"),
        ({"sparsity": -1.0}, "projected in steps"),
        ({"seed": -1}, "count from 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong, told):
    with pytest.raises(InputError, match=told):
        AnomalySettings(**wrong)
