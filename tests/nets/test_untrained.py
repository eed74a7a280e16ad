from __future__ import annotations

import torch

from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.profile_vae import ProfileVAE, ProfileVAESettings
from conceptstain.nets.untrained import untrained
from factories import tiny_encoder, tiny_section


def test_an_untrained_twin_has_the_same_shape_and_other_weights() -> None:
    for encoder in (
        tiny_encoder((1, 8, 8)),
        Encoder("vae", PictureVAE((1, 8, 8), PictureVAESettings(latent=4), seed=1), (1, 8, 8), "z-score", 4),
    ):
        before = {name: tensor.clone() for name, tensor in encoder.network.state_dict().items()}
        twin = untrained(encoder, seed=7)
        assert twin.fingerprint != encoder.fingerprint
        assert twin.fingerprint == untrained(encoder, seed=7).fingerprint
        assert twin.fingerprint != untrained(encoder, seed=8).fingerprint
        assert twin.network is not encoder.network
        weights = twin.network.state_dict()
        assert all(weights[name].shape == tensor.shape for name, tensor in before.items())
        assert all(torch.equal(encoder.network.state_dict()[name], tensor) for name, tensor in before.items())


def test_an_untrained_twin_of_a_network_of_profiles_keeps_what_is_of_the_data_and_nothing_that_was_learned() -> None:
    canvas = tiny_section().view("spots")
    network = ProfileVAE(canvas.shape, ProfileVAESettings("negative binomial", 4, (9,)))
    network.begin_at([canvas])
    encoder = Encoder("profiles", network, canvas.shape, "z-score", 4)
    network.log_dispersion += 3
    twin = untrained(encoder, seed=7).network
    assert isinstance(twin, ProfileVAE)
    assert torch.equal(twin.log_mean_rate, network.log_mean_rate)
    assert torch.equal(twin.spread, network.spread)
    assert not twin.log_dispersion.any()
    assert not torch.equal(twin.mean.weight, network.mean.weight)


def test_making_a_twin_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    untrained(tiny_encoder((1, 8, 8)), seed=7)
    assert torch.equal(torch.rand(2), expected)
