import numpy as np
import pytest
import torch

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.attention import attention_maps
from conceptstain.methods.attention_overlap import overlap_of_maps
from scenes import scene
from tiny_networks import encoder_of, tiny_vae
from twins import attention_loss as twin

LAYER = "chain.conv1"  # as large as the picture, so that its maps are not enlarged


@pytest.fixture(scope="module")
def canvas():
    return scene().canvas


def encoder_for(canvas, **how):
    return encoder_of(tiny_vae(canvas.shape, **how), canvas.shape, canvas.scaling)


def test_overlaps_are_those_of_the_attention_maps_that_are_shown(canvas):
    encoder, items = encoder_for(canvas), canvas.trainable[:3]
    found = overlap_of_maps(canvas, encoder, layer=LAYER, items=items)
    maps = [each.values[:, 0] for each in attention_maps(canvas, encoder, layer=LAYER, items=items)]
    for first in range(4):
        assert found.mass[first] == pytest.approx(maps[first].mean(), rel=1e-5)
        for second in range(4):
            slow = [twin.overlap(one, other) for one, other in zip(maps[first], maps[second], strict=True)]
            assert found.overlap[first, second] == pytest.approx(np.mean(slow), rel=1e-4, abs=1e-6)


def test_a_latent_overlaps_with_itself_wholly_and_the_mean_leaves_that_out(canvas):
    found = overlap_of_maps(canvas, encoder_for(canvas), layer=LAYER)
    alive = found.mass > 0
    np.testing.assert_allclose(found.overlap, found.overlap.T, atol=1e-6)
    assert (np.diag(found.overlap)[alive] > 0).all()
    pairs = [found.overlap[i, j] for i in range(4) for j in range(i)]
    assert found.mean() == pytest.approx(np.mean(pairs))


def test_only_latents_that_say_something_are_active(canvas):
    encoder = encoder_for(canvas)
    network = encoder.network
    with torch.no_grad():
        for head in (network.mean, network.log_var):
            head.weight[1:] = 0
            head.bias[1:] = 0
    found = overlap_of_maps(canvas, encoder)
    assert found.active.tolist() == [True, False, False, False]
    assert np.isnan(found.mean(active=True))
    assert found.mean() == 0  # dead maps overlap with none: a small overlap alone says nothing
    assert found.mass[1:].max() == 0


def test_chunks_make_no_difference_and_nothing_is_left_behind(canvas, monkeypatch):
    encoder = encoder_for(canvas)
    whole = overlap_of_maps(canvas, encoder)
    monkeypatch.setattr("conceptstain.methods.attention_overlap.CHUNK", 3)
    parts = overlap_of_maps(canvas, encoder)
    np.testing.assert_allclose(parts.overlap, whole.overlap, rtol=1e-5)
    np.testing.assert_allclose(parts.nats, whole.nats, rtol=1e-5)
    assert not any(module._forward_hooks for module in encoder.network.modules())
    assert all(parameter.grad is None for parameter in encoder.network.parameters())


def test_an_encoder_without_convolutions_is_refused(canvas):
    with pytest.raises(MismatchError, match="no convolution"):
        overlap_of_maps(canvas, encoder_for(canvas, kind="dense"))
    with pytest.raises((InputError, MismatchError), match="conv9"):
        overlap_of_maps(canvas, encoder_for(canvas), layer="conv9")


@pytest.mark.parametrize(("items", "told"), [([], "No item is chosen"), ([10_000], "no such item")])
def test_items_that_are_not_there_are_refused_and_none_overlap_in_nothing(canvas, items, told):
    with pytest.raises(InputError, match=told):
        overlap_of_maps(canvas, encoder_for(canvas), items=items)
