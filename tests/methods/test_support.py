"""What a network can be asked for is said before anything is asked, and is true."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import conceptstain as cs
from conceptstain.errors import MismatchError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import MAPS
from conceptstain.methods.support import supported_methods
from conceptstain.nets.own_networks import own_encoder
from conceptstain.nets.untrained import kept_by_twins
from factories import tiny_encoder, tiny_section
from own_networks import SHAPE, Functional, InPlace, Plain, Residual, WholeVAE, exported, of_gene_pictures, with_weights


def test_every_map_is_answered_for_and_twice_named_ones_once():
    answered = supported_methods(own_encoder(Plain(), shape=SHAPE))
    assert [kind.key for kind in MAPS] == list(answered)[: len(MAPS)]
    assert {"rectified, proportional", "rectified, padding", "concepts in layers", "untrained twin"} <= answered.keys()


def test_a_network_of_relu_modules_without_a_decoder_can_be_asked_all_but_decoding():
    refused = {name for name, reason in supported_methods(own_encoder(Plain(), shape=SHAPE)).items() if reason}
    assert refused == {"decoded"}  # defects are found without any network


def test_a_vae_can_be_asked_for_its_decoded_map_and_for_everything_where_it_pools():
    answered = supported_methods(own_encoder(WholeVAE(), shape=SHAPE))
    assert answered["decoded"] is None
    assert "without any MaxPool2d" in answered["rectified, proportional"]


@pytest.mark.parametrize(("kind", "reason"), [(Functional, "as a function"), (InPlace, "in place")])
def test_what_refuses_a_module_is_gone_in_its_export(kind, reason, tmp_path):
    network = with_weights(kind())
    assert reason in supported_methods(own_encoder(network, shape=SHAPE))["guided"]
    assert supported_methods(own_encoder(exported(network, tmp_path / "network.pt2")))["guided"] is None


@pytest.mark.parametrize(
    ("kind", "space"),
    [(Plain, "latent"), (Plain, "2.relu2"), (Residual, "latent"), (Residual, "2.blocks.0.relu2")],
)
def test_what_is_promised_is_kept_and_an_export_is_painted_as_its_original(kind, space, tmp_path):
    canvas = tiny_section().view("genes")
    network = with_weights(of_gene_pictures(kind()))
    original = own_encoder(network, shape=canvas.shape, scaling="z-score")
    export = own_encoder(exported(network, tmp_path / "mine.pt2", shape=canvas.shape), scaling="z-score")
    promised = supported_methods(export)
    assert promised == supported_methods(original)
    concepts = [cs.concept("Gene1", canvas, encoder, like="Gene1", space=space) for encoder in (original, export)]
    np.testing.assert_allclose(concepts[0].direction, concepts[1].direction, rtol=1e-4, atol=1e-6)
    for map_kind in MAPS:
        if promised[map_kind.key] is not None:
            with pytest.raises(MismatchError):
                map_kind.make(canvas, export, concepts[1])
            continue
        painted = [
            map_kind.make(canvas, encoder, concept, settings=MapSettings(percentile=50)).values
            for encoder, concept in zip((original, export), concepts, strict=True)
        ]
        scale = np.abs(painted[0]).max()
        assert scale > 0 or map_kind.key == "attention"  # which shows what speaks for a latent alone
        np.testing.assert_allclose(painted[0], painted[1], atol=1e-4 * scale, err_msg=map_kind.key)


class WithAnchor(Residual):
    """A weight outside of any layer."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.ones(4))

    def forward(self, x):
        return super().forward(x) * self.anchor


def test_weights_that_an_untrained_twin_would_keep_are_named(tmp_path):
    network = with_weights(WithAnchor())
    for encoder in (own_encoder(network, shape=SHAPE), own_encoder(exported(network, tmp_path / "network.pt2"))):
        assert kept_by_twins(encoder) == ("anchor",)
        assert "anchor cannot begin anew" in supported_methods(encoder)["untrained twin"]


def test_an_encoder_of_this_package_begins_anew_as_a_whole():
    assert supported_methods(tiny_encoder((1, 8, 8)))["untrained twin"] is None
