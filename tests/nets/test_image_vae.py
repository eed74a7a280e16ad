from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from conceptstain.errors import InputError
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.encoder import VAE, Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.ruled import refusal
from conceptstain.nets.rules import DECONVOLUTION, GRADIENT, GUIDED, rectified
from conceptstain.nets.tap import convolutional_layers
from conceptstain.nets.untrained import untrained

NETWORKS = ["average-pool", "places", "paper", "factor-vae"]
SMALL = {
    "average-pool": ImageVAESettings("average-pool", 3, (2, 3), (5,)),
    "places": ImageVAESettings("places", 36, (2, 3), ()),
    "paper": ImageVAESettings("paper", 3, (2, 2, 3, 3, 4), (5,)),
    "factor-vae": ImageVAESettings("factor-vae", 3, (2, 3), (5,)),
}


def side_of(network):
    return 2 ** len(SMALL[network].widths)


@settings(max_examples=12, deadline=None)
@given(network=st.sampled_from(NETWORKS), rows=st.integers(1, 3), columns=st.integers(1, 3), channels=st.integers(1, 3))
def test_every_frame_that_can_be_halved_comes_back_in_its_shape_and_range(network, rows, columns, channels):
    shape = (channels, side_of(network) * rows, side_of(network) * columns)
    vae = ImageVAE(shape, SMALL[network]).eval()
    encoding = vae.encode(torch.rand(2, *shape))
    decoded = vae.decode(50 * encoding.mean)
    assert encoding.mean.shape == encoding.log_var.shape == (2, SMALL[network].latent)
    assert decoded.shape == (2, *shape)
    assert decoded.min() >= 0
    assert decoded.max() <= 1


@pytest.mark.parametrize("side", [32, 64, 128, 256])
@pytest.mark.parametrize("network", ["average-pool", "places"])
def test_the_networks_with_average_pooling_halve_a_picture_to_four_pixels(network, side):
    assert side // 2 ** len(ImageVAESettings.of(network, side=side).widths) == 4


def test_with_places_a_latent_sees_and_draws_its_own_part_of_the_picture_alone():
    vae = ImageVAE((1, 32, 32), ImageVAESettings("places", 16 * 2, (2, 3, 3), ()), seed=2).eval()
    x = torch.rand(1, 1, 32, 32, requires_grad=True)
    means = vae.encode(x).mean.unflatten(1, (2, 4, 4))
    (seen,) = torch.autograd.grad(means[0, :, 0, 0].sum(), x)
    assert seen[..., :8, :8].abs().max() > 0
    assert seen[..., 24:, 24:].abs().max() == 0

    z = torch.zeros(1, 2, 4, 4)
    drawn = vae.decode(z.flatten(1))
    z[..., 0, 0] = 3.0
    changed = (vae.decode(z.flatten(1)) - drawn).abs()
    assert changed[..., :8, :8].max() > 0
    assert changed[..., 28:, 28:].max() == 0


def test_places_share_their_latents_evenly():
    assert ImageVAESettings.of("places", side=128).latent == 16 * 4 * 4
    with pytest.raises(InputError, match=r"30 latents for 4 places.*multiple of 4, such as 64"):
        ImageVAE((1, 8, 8), replace(SMALL["places"], latent=30))


def test_with_places_noise_begins_small_so_that_the_decoder_listens():
    encoding = ImageVAE((1, 8, 8), SMALL["places"]).encode(torch.rand(3, 1, 8, 8))
    assert (encoding.log_var == -2).all()
    assert encoding.mean.std() > 0


def test_the_paper_s_encoder_is_that_of_the_faces_notebook():
    vae = ImageVAE((3, 128, 128), ImageVAESettings.of("paper"))
    convolutions = [module for module in vae.encoder if isinstance(module, nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size[0], c.stride[0]) for c in convolutions] == [
        (64, 5, 2),
        (128, 5, 2),
        (256, 5, 2),
        (512, 5, 2),
        (1024, 2, 2),
    ]
    assert [module.out_features for module in vae.encoder if isinstance(module, nn.Linear)] == [512]
    assert vae.mean.out_features == vae.log_var.out_features == 400
    # Counted by hand from the notebook's layers, with 4 numbers for each normalised channel as Keras counts them.
    convolved = [3, 64, 128, 256, 512, 1024]
    kernels = [5, 5, 5, 5, 2]
    expected = sum(
        kernel**2 * before * after + after + 4 * after
        for kernel, before, after in zip(kernels, convolved, convolved[1:], strict=False)
    )
    expected += 1024 * 16 * 512 + 512 + 4 * 512 + 2 * (512 * 400 + 400)
    stored = {**vae.encoder.state_dict(), **vae.mean.state_dict(prefix="m"), **vae.log_var.state_dict(prefix="v")}
    assert sum(t.numel() for name, t in stored.items() if not name.endswith("num_batches_tracked")) == expected


@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_a_vae_that_every_rule_and_attention_can_be_asked_of(network):
    side = 2 * side_of(network)
    vae = ImageVAE((3, side, side), SMALL[network])
    assert isinstance(vae, VAE)
    encoder = Encoder("images", vae, vae.shape, "unit", SMALL[network].latent)
    assert [refusal(rule, encoder) for rule in (GRADIENT, GUIDED, DECONVOLUTION, rectified())] == [None] * 4
    assert convolutional_layers(encoder)[0] == "encoder.conv1"


@pytest.mark.parametrize("network", NETWORKS)
def test_the_seed_alone_decides_the_first_weights(network):
    side = side_of(network)
    before = torch.random.get_rng_state()
    first, again, other = (ImageVAE((1, side, side), SMALL[network], seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_saved_and_loaded_whole(network, tmp_path):
    side = side_of(network)
    vae = ImageVAE((3, side, side), SMALL[network], seed=4)
    encoder = Encoder("images", vae, vae.shape, "unit", SMALL[network].latent, {"seed": 4})
    loaded = load_encoder(save_encoder(encoder, tmp_path / "images"))
    assert loaded.fingerprint == encoder.fingerprint
    assert loaded.network.settings == vae.settings
    x = torch.rand(2, 3, side, side)
    assert torch.equal(loaded.encode(x).mean, encoder.encode(x).mean)


def test_its_untrained_twin_has_the_first_weights_of_another_seed():
    vae = ImageVAE((3, 8, 8), SMALL["average-pool"], seed=4)
    twin = untrained(Encoder("images", vae, vae.shape, "unit", 3), seed=9).network
    expected = ImageVAE((3, 8, 8), SMALL["average-pool"], seed=9)
    assert all(torch.equal(a, b) for a, b in zip(twin.parameters(), expected.parameters(), strict=True))


@pytest.mark.parametrize("shape", [(1, 12, 9), (8, 8), (1, 8, 0), (1, 512, 8)])
def test_a_size_that_cannot_be_halved_is_refused(shape):
    with pytest.raises(InputError, match="multiples of 4 up to 256"):
        ImageVAE(shape, SMALL["average-pool"])


@pytest.mark.parametrize("wrong", [{"latent": 0}, {"widths": ()}, {"hidden": ()}, {"hidden": (0,)}])
def test_settings_that_describe_no_network_are_refused(wrong):
    with pytest.raises(InputError, match="do not describe"):
        ImageVAE((1, 8, 8), replace(SMALL["average-pool"], **wrong))
    with pytest.raises(InputError, match="do not describe"):
        ImageVAE((1, 32, 32), replace(SMALL["paper"], widths=(2, 2)))
    with pytest.raises(InputError, match="with places, none"):
        ImageVAE((1, 8, 8), replace(SMALL["places"], hidden=(5,)))


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="average-pool, places, paper or factor-vae"):
        ImageVAESettings.of("transformer")


def test_building_leaves_numpy_s_global_random_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is looked at
    ImageVAE((1, 8, 8), SMALL["average-pool"], seed=5)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
