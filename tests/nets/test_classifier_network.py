from __future__ import annotations

import pytest
import torch
from torch import nn

from conceptstain.errors import InputError
from conceptstain.nets.classifier_network import ClassifierNetwork, ClassifierNetworkSettings
from conceptstain.nets.tap import tap


@pytest.mark.parametrize(("shape", "places"), [((3, 64, 64), (8, 8)), ((1, 35, 33), (8, 8)), ((3, 128, 128), (8, 8))])
def test_the_last_layer_of_pictures_still_knows_places(shape: tuple[int, ...], places: tuple[int, int]) -> None:
    network = ClassifierNetwork(shape)
    with tap(network, network.places) as tapped:
        latents = network.encode(torch.rand(2, *shape)).mean
        activation = tapped.take()
    assert activation.shape == (2, network.settings.latent, *places)
    torch.testing.assert_close(activation.mean(dim=(2, 3)), latents)


def test_parts_are_told_at_more_places_than_wholes() -> None:
    whole, parts = (ClassifierNetworkSettings.of((3, 128, 128), parts=each) for each in (False, True))
    assert (128 // 2**whole.halvings, 128 // 2**parts.halvings) == (8, 16)
    assert len(parts.widths) - parts.halvings == 2


def test_the_latents_of_profiles_are_the_last_hidden_layer() -> None:
    network = ClassifierNetwork((30,), ClassifierNetworkSettings((), 0, hidden=(8, 5), dropout=0.5)).eval()
    encoding = network.encode(torch.randn(4, 30))
    assert encoding.mean.shape == (4, 5)
    assert (encoding.mean >= 0).all()
    assert network.places == ""


def test_a_classifier_has_no_variance() -> None:
    assert (ClassifierNetwork((1, 16, 16)).encode(torch.rand(2, 1, 16, 16)).log_var == -torch.inf).all()


@pytest.mark.parametrize("shape", [(3, 32, 32), (30,)])
def test_every_activation_is_a_module_of_its_own_and_not_in_place(shape: tuple[int, ...]) -> None:
    activations = [each for each in ClassifierNetwork(shape).modules() if isinstance(each, nn.ReLU)]
    assert len(set(activations)) == len(activations) > 0
    assert not any(each.inplace for each in activations)


def test_first_weights_follow_the_seed_and_leave_the_global_state() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (ClassifierNetwork((1, 16, 16), seed=seed).encoder[0].weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("shape", "settings", "what"),
    [
        ((1, 16, 16), ClassifierNetworkSettings((), 0, hidden=(4,)), "do not describe"),
        ((20,), ClassifierNetworkSettings((4,), 0), "do not describe"),
        ((20,), ClassifierNetworkSettings((), 0, hidden=(0,)), "do not describe"),
        ((20,), ClassifierNetworkSettings((), 0, hidden=(4,), dropout=1.0), "do not describe"),
        ((1, 16, 16), ClassifierNetworkSettings((4,), 2), "halved behind"),
        ((1, 4, 4), ClassifierNetworkSettings((4,), 0), "too small"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    shape: tuple[int, ...], settings: ClassifierNetworkSettings, what: str
) -> None:
    with pytest.raises(InputError, match=what):
        ClassifierNetwork(shape, settings)
