from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from conceptstain.errors import InputError
from conceptstain.nets.encoder import VAE
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings

NETWORKS = ["average-pool", "mlp", "paper"]


def small(network):
    sizes = {"average-pool": ((2, 3, 4), (5,)), "mlp": ((), (6, 5)), "paper": ((2, 3, 4), (5, 5))}
    widths, hidden = sizes[network]
    return replace(PictureVAESettings.of(network, latent=3), widths=widths, hidden=hidden)


@settings(max_examples=12, deadline=None)
@given(network=st.sampled_from(NETWORKS), rows=st.integers(1, 4), columns=st.integers(1, 4), channels=st.integers(1, 3))
def test_every_frame_of_multiples_of_8_comes_back_in_its_shape(network, rows, columns, channels):
    shape = (channels, 8 * rows, 8 * columns)
    vae = PictureVAE(shape, small(network)).eval()
    encoding = vae.encode(torch.randn(2, *shape))
    assert encoding.mean.shape == encoding.log_var.shape == (2, 3)
    assert vae.decode(encoding.mean).shape == (2, *shape)


@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_a_vae_as_the_methods_ask_for_it(network):
    assert isinstance(PictureVAE((1, 8, 8), small(network)), VAE)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_activation_is_a_relu_of_its_own_used_once(network):
    vae = PictureVAE((1, 16, 16), small(network)).eval()
    uses = {}

    def count(module, *_):
        uses[module] = uses.get(module, 0) + 1

    relus = [module for module in vae.modules() if isinstance(module, nn.ReLU)]
    for relu in relus:
        assert not relu.inplace
        relu.register_forward_hook(count)
    vae.decode(vae.encode(torch.randn(1, 1, 16, 16)).mean)
    assert relus
    assert uses == dict.fromkeys(relus, 1)


def test_the_layers_of_the_convolutions_have_the_names_that_maps_are_asked_for_by():
    names = [name for name, _ in PictureVAE((1, 8, 8), small("average-pool")).encoder.named_children()]
    assert names == [f"{kind}{i}" for i in (1, 2, 3) for kind in ("conv", "relu", "pool")] + ["flatten"]


def test_the_paper_s_network_is_that_of_the_notebook():
    vae = PictureVAE((1, 32, 32), PictureVAESettings.of("paper"))
    convolutions = [module for module in vae.encoder if isinstance(module, nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size, c.stride) for c in convolutions] == [
        (16, (4, 4), (2, 2)),
        (32, (4, 4), (2, 2)),
        (64, (4, 4), (2, 2)),
    ]
    assert [module.out_features for module in vae.encoder if isinstance(module, nn.Linear)] == [256, 256]
    assert vae.mean.out_features == vae.log_var.out_features == 20
    # Counted by hand from the notebook's layers, with 4 numbers for each normalised channel as Keras counts them.
    encoder = 272 + 64 + 8224 + 128 + 32832 + 256 + 262400 + 1024 + 65792 + 1024 + 2 * 5140
    decoder = 21504 + 256 + 65600 + 256 + 32800 + 128 + 8208 + 64 + 257
    stored = [t for name, t in vae.state_dict().items() if not name.endswith("num_batches_tracked")]
    assert sum(tensor.numel() for tensor in stored) == encoder + decoder


def test_pictures_in_the_paper_s_scaling_decode_to_0_to_1():
    vae = PictureVAE((1, 8, 8), replace(small("mlp"), unit_range=True)).eval()
    decoded = vae.decode(50 * torch.randn(20, 3))
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert PictureVAE((1, 8, 8), small("mlp")).decode(500 * torch.randn(20, 3)).abs().max() > 1


@pytest.mark.parametrize("network", NETWORKS)
def test_the_seed_alone_decides_the_first_weights(network):
    first, again, other = (PictureVAE((1, 8, 8), small(network), seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_building_leaves_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is looked at
    PictureVAE((1, 8, 8), small("paper"), seed=5)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (np.random.get_state()[1] == numpy_before).all()  # noqa: NPY002


@pytest.mark.parametrize("shape", [(1, 12, 8), (8, 8), (1, 8, 0), (1, 4, 8)])
def test_a_frame_that_cannot_be_halved_three_times_is_refused(shape):
    with pytest.raises(InputError, match="multiples of 8"):
        PictureVAE(shape)


@pytest.mark.parametrize("wrong", [{"latent": 0}, {"widths": (4, 4)}, {"hidden": (0,)}])
def test_settings_that_describe_no_network_are_refused(wrong):
    with pytest.raises(InputError, match="do not describe"):
        PictureVAE((1, 8, 8), replace(PictureVAESettings(), **wrong))


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="average-pool, mlp or paper"):
        PictureVAESettings.of("transformer")
