"""The user's own networks become encoders that every method can ask, or are refused with the reason."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn
from torch.nn.functional import dropout

import conceptstain as cs
from conceptstain.errors import InputError, MismatchError, ReadingError
from conceptstain.nets.own_networks import own_encoder
from conceptstain.nets.untrained import untrained
from own_networks import (
    SHAPE,
    Functional,
    InPlace,
    MeanAndVariance,
    Plain,
    Residual,
    WholeVAE,
    exported,
    some_inputs,
    with_weights,
)
from pictures import noise

NAMED = "own_networks:build"


def test_encoders_of_one_network_with_other_latent_layers_have_other_fingerprints():
    network = with_weights(Residual())
    made = [own_encoder(network, shape=SHAPE, latent=layer) for layer in (None, "blocks.0", "blocks.1")]
    assert len({encoder.fingerprint for encoder in made}) == 3
    assert made[1].fingerprint == own_encoder(network, shape=SHAPE, latent="blocks.0").fingerprint


def test_a_vae_asked_by_one_of_its_layers_has_no_decoder():
    encoder = own_encoder(WholeVAE(), shape=SHAPE, latent="encoder.features.0")
    assert encoder.latent == 4
    assert not hasattr(encoder.network, "decode")


@pytest.mark.parametrize("kind", [Plain, Residual, WholeVAE])
def test_an_untrained_twin_of_every_weight_begins_anew_and_the_original_stays(kind, tmp_path):
    network = with_weights(kind())
    encoder = own_encoder(network, shape=SHAPE)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    twin = untrained(encoder, seed=1)
    learned = dict(encoder.network.named_parameters())
    assert all((value != learned[name]).any() for name, value in twin.network.named_parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    torch.testing.assert_close(
        untrained(encoder, seed=1).encode(some_inputs()).mean, twin.encode(some_inputs()).mean, rtol=0, atol=0
    )


@pytest.mark.parametrize("kind", [Plain, Functional, Residual, InPlace, MeanAndVariance])
def test_an_untrained_twin_of_an_export_begins_anew_in_every_weight(kind, tmp_path):
    encoder = own_encoder(exported(with_weights(kind()), tmp_path / "network.pt2"))
    learned = dict(encoder.network.named_parameters())
    assert all((value != learned[name]).any() for name, value in untrained(encoder).network.named_parameters())


@pytest.fixture(scope="module")
def images():
    """Five pictures of three colours, as a canvas."""
    return cs.open(noise(5, 64, 64, 3), as_="images").view("images")


def test_pictures_are_encoded_as_the_network_sees_them_normalised(images):
    network = with_weights(Residual())
    encoder = own_encoder(network, shape=images.shape, mean=[0.5], std=[0.25])
    seen = (torch.as_tensor(images.inputs(range(5))) - 0.5) / 0.25
    np.testing.assert_allclose(encoder.latents(images), network(seen).detach().numpy(), rtol=1e-4, atol=1e-6)


def test_latents_with_noise_are_the_points_themselves_where_the_network_has_no_variance(images):
    encoder = own_encoder(with_weights(Residual()), shape=images.shape)
    drawn = encoder.latents(images, noise=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(drawn, encoder.latents(images))


def test_pictures_of_another_scaling_are_refused(images):
    with pytest.raises(MismatchError, match="another scaling"):
        own_encoder(Residual(), shape=images.shape, scaling="z-score").latents(images)


def test_a_function_builds_the_network_and_its_weights_come_from_safetensors(tmp_path):
    network = with_weights(Plain(), seed=5)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    encoder = own_encoder(NAMED, shape=SHAPE, weights=tmp_path / "weights.safetensors")
    torch.testing.assert_close(encoder.encode(some_inputs()).mean, network(some_inputs()))
    assert encoder.name == "build"


def test_tied_weights_are_written_once_and_still_match(tmp_path):
    def tied():
        network = nn.Sequential(nn.Flatten(), nn.Linear(768, 6), nn.ReLU(), nn.Linear(6, 6), nn.Linear(6, 6))
        network[4].weight = network[3].weight
        return network

    network = with_weights(tied())
    save_model(network, str(tmp_path / "tied.safetensors"))
    encoder = own_encoder(tied(), shape=SHAPE, weights=tmp_path / "tied.safetensors")
    torch.testing.assert_close(encoder.encode(some_inputs()).mean, network(some_inputs()))


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        ("no_such_module:build", "There is no module no_such_module"),
        ("own_networks.inside:build", "There is no module own_networks.inside"),
        ("module_that_fails:build", "The module module_that_fails cannot be imported. Got ZeroDivisionError"),
        ("module_that_needs:build", "The module module_that_needs cannot be imported. Got ModuleNotFoundError"),
        ("own_networks:no_such", "own_networks has no function no_such"),
        ("own_networks:SHAPE", "own_networks has no function SHAPE"),
        ("own_networks:build_nothing", "builds no network. Got str"),
        ("own_networks:build_and_fail", "build_and_fail failed. Got OSError: no such disk"),
        ("own_networks.build", "no network of that kind"),
    ],
)
def test_a_wrong_function_is_told_with_what_is_wrong(factory, told, tmp_path, monkeypatch):
    (tmp_path / "module_that_fails.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "module_that_needs.py").write_text("import what_is_not_installed", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=told):
        own_encoder(factory, shape=SHAPE)


def without_one(tensors):
    return {name: tensor for name, tensor in tensors.items() if name != "conv1.bias"}


def with_another(tensors):
    return tensors | {"conv9.bias": torch.zeros(3)}


def with_other_shape(tensors):
    return tensors | {"conv1.bias": torch.zeros(7)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_one, r"1 missing \(conv1\.bias\)"),
        (with_another, r"1 not of the network \(conv9\.bias\)"),
        (with_other_shape, r"1 of another shape \(conv1\.bias\)"),
    ],
)
def test_weights_that_do_not_match_are_named_and_nothing_is_changed(tmp_path, change, told):
    save_file(change(with_weights(Plain(), seed=5).state_dict()), tmp_path / "weights.safetensors")
    network = with_weights(Plain())
    before = network.conv2.bias.clone()
    with pytest.raises(InputError, match=told):
        own_encoder(network, shape=SHAPE, weights=tmp_path / "weights.safetensors")
    assert torch.equal(network.conv2.bias, before)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin", ".pkl"])
def test_pickles_and_scripts_are_refused_with_the_reason_unopened(tmp_path, suffix):
    path = tmp_path / f"network{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(ReadingError, match=r"pickle can run any code.*torch\.export"):
        own_encoder(path)
    with pytest.raises(ReadingError, match=r"may be a pickle.*safetensors"):
        own_encoder(Plain(), shape=SHAPE, weights=path)


@pytest.mark.parametrize(("name", "told"), [("no.safetensors", "no file"), ("bad.safetensors", "no whole safetensors")])
def test_weights_that_cannot_be_read_are_told(tmp_path, name, told):
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 50)
    with pytest.raises(ReadingError, match=told):
        own_encoder(Plain(), shape=SHAPE, weights=tmp_path / name)


def test_an_export_has_its_weights_and_its_shape(tmp_path):
    path = exported(Plain().eval(), tmp_path / "network.pt2")
    assert own_encoder(path, shape=SHAPE).shape == own_encoder(str(path)).shape == SHAPE
    with pytest.raises(InputError, match="has its weights with it"):
        own_encoder(path, weights=tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"another shape. Got \(3, 20, 20\)"):
        own_encoder(path, shape=(3, 20, 20))


class Mixing(Plain):
    def forward(self, x):
        return super().forward(x) - super().forward(x).mean(dim=0)


class Dropping(Plain):
    def forward(self, x):
        return dropout(super().forward(x), training=True)


class Squeezing(Plain):
    def forward(self, x):
        return super().forward(x).squeeze()


class Several(Plain):
    def forward(self, x):
        return x, super().forward(x), super().forward(x)


class Divided(Plain):
    def forward(self, x):
        return super().forward(x) / 0


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (Mixing(), "by itself and among others"),
        (Dropping(), "at random|by itself and among others"),
        (Squeezing(), "neither a latent mean"),
        (Several(), "neither a latent mean.*Name the layer"),
        (Divided(), "no number"),
        (nn.Flatten(), "no parameters"),
        (Plain().half(), "torch.float16"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_networks_that_no_method_could_ask_are_refused_with_the_reason(network, told):
    with pytest.raises(InputError, match=told):
        own_encoder(network, shape=SHAPE)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"shape": None}, "not said what the network takes"),
        ({"shape": (3, 20, 20)}, r"cannot be asked with inputs of shape \(3, 20, 20\)"),
        ({"latent": "conv7"}, "There is no such layer"),
        ({"mean": (0.5, 0.5)}, "one number for each channel"),
        ({"std": (0.5, 0.0, 0.5)}, "above 0"),
        ({"mean": (math.nan,)}, "one number for each channel"),
    ],
)
def test_settings_that_do_not_fit_the_network_are_told(settings, told):
    with pytest.raises(InputError, match=told):
        own_encoder(Plain(), **{"shape": SHAPE, **settings})
