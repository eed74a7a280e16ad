from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from conceptstain.concepts.scores import dimension
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.attention import attention, attention_maps
from conceptstain.methods.grad_cam import grad_cam
from conceptstain.methods.gradient import as_evaluated
from conceptstain.methods.layer_attention import score_attention
from conceptstain.nets.encoder import Encoding
from laws import agree, state_of
from scenes import FRAME, scene, some_direction
from tiny_networks import encoder_of, tiny_vae
from twins.attention import aggregate as slow_aggregate
from twins.attention import attention as slow_attention
from twins.attention import enlarged
from twins.attention import released as slow_released


@pytest.mark.parametrize("layer", ["chain.conv1", "chain.relu1", "chain.conv2", "chain.relu2"])
def test_it_is_the_twins_at_every_layer(layer: str) -> None:
    at = scene()
    pictures = at.canvas.inputs([2, 6])
    for latent, found in enumerate(attention_maps(at.canvas, at.encoder, layer=layer, items=[2, 6])):
        expected = [slow_attention(at.network, picture, latent, layer)[None] for picture in pictures]
        np.testing.assert_allclose(found.values, expected, rtol=1e-5, atol=1e-8)


def test_the_last_convolution_is_the_default() -> None:
    at = scene()
    found = attention(at.canvas, at.encoder, dimension=1, items=[2])
    agree(found.values, attention(at.canvas, at.encoder, dimension=1, layer="chain.conv2", items=[2]).values)
    assert found.settings == {"dimension": 1, "layer": "chain.conv2", "mean over": 1}


def test_one_latent_alone_is_its_map_among_all() -> None:
    at = scene()
    maps = attention_maps(at.canvas, at.encoder, items=[2, 6])
    assert [found.name for found in maps] == ["latent 0", "latent 1", "latent 2", "latent 3"]
    for latent, found in enumerate(maps):
        agree(attention(at.canvas, at.encoder, dimension=latent, items=[2, 6]).values, found.values)


def test_it_is_never_negative_and_not_always_empty() -> None:
    maps = attention_maps(scene().canvas, scene().encoder, items=[0, 1, 2])
    assert all((found.values >= 0).all() and not found.signed for found in maps)
    assert any(found.values.any() for found in maps)


def test_without_items_it_is_the_mean_over_all_genes_that_can_be_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    at = scene()
    monkeypatch.setattr("conceptstain.methods.gradient.CHUNK", 5)
    mean = attention(at.canvas, at.encoder, dimension=3)
    each = attention(at.canvas, at.encoder, dimension=3, items=at.canvas.trainable)
    agree(mean.values[0], each.mean())
    assert mean.items == ()
    assert mean.settings["mean over"] == len(at.canvas.trainable)


def test_enlarging_keeps_a_constant_and_the_order_of_the_pixels() -> None:
    np.testing.assert_allclose(enlarged(np.full((2, 3), 5.0), (4, 6)), 5.0)
    np.testing.assert_allclose(enlarged(np.array([[0.0, 1.0]]), (1, 4)), [[0.0, 0.25, 0.75, 1.0]])


def test_a_network_without_convolutions_is_refused_with_the_reason() -> None:
    at = scene("dense")
    with pytest.raises(MismatchError, match=r"no convolution.*Choose saliency"):
        attention_maps(at.canvas, at.encoder)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"layer": "conv9"}, InputError, r"no such layer.*chain\.conv1, chain\.relu1"),
        ({"layer": "chain.dense"}, MismatchError, r"no places.*chain\.conv1, chain\.conv2"),
        ({"layer": "log_var"}, MismatchError, "no places"),
        ({"layer": "decoder"}, MismatchError, "0 outputs"),
        ({"dimension": 4}, InputError, "4 for 4 latents"),
        ({"dimension": -1}, InputError, "-1 for 4 latents"),
        ({"items": []}, InputError, "No item is chosen"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing_behind(
    settings: dict[str, object], error: type[Exception], said: str
) -> None:
    at = scene()
    before = state_of(at.network)
    with pytest.raises(error, match=said):
        attention(at.canvas, at.encoder, **{"dimension": 0, **settings})
    assert state_of(at.network) == before


def test_a_layer_that_the_latent_mean_does_not_depend_on_is_refused() -> None:
    at = scene()
    network = tiny_vae((1, *FRAME))

    def look_aside(_: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        network.aside(*inputs)

    network.aside = nn.Conv2d(1, 2, kernel_size=3, dtype=torch.float64)
    network.chain.register_forward_pre_hook(look_aside)
    with pytest.raises(MismatchError, match=r"does not depend on the layer 'aside'.*chain\.conv1, chain\.conv2"):
        attention(at.canvas, encoder_of(network, (1, *FRAME)), dimension=0, layer="aside")


def test_an_input_of_several_channels_has_the_same_map_in_each() -> None:
    canvas = scene().canvas

    class BesideItsNegative:
        """Every gene picture, with its negative as second channel."""

        scaling, shape = canvas.scaling, (2, *FRAME)

        def __len__(self) -> int:
            return len(canvas)

        def inputs(self, items: ItemIndices) -> np.ndarray:
            pictures = canvas.inputs(items)
            return np.concatenate([pictures, -pictures], axis=1)

    encoder = encoder_of(tiny_vae((2, *FRAME)), (2, *FRAME))
    values = attention(BesideItsNegative(), encoder, dimension=0, items=[1, 2]).values
    assert values.shape == (2, 2, *FRAME)
    assert values.any()
    np.testing.assert_array_equal(values[:, 0], values[:, 1])


@pytest.mark.parametrize("layer", ["chain.conv1", "chain.relu2"])
def test_the_aggregate_is_the_mean_of_the_maps_of_all_latents_as_in_the_twin(layer: str) -> None:
    at = scene()
    found = attention(at.canvas, at.encoder, layer=layer, items=[2, 6])
    expected = [slow_aggregate(at.network, picture, layer)[None] for picture in at.canvas.inputs([2, 6])]
    np.testing.assert_allclose(found.values, expected, rtol=1e-5, atol=1e-8)
    assert (found.name, found.settings["dimension"]) == ("all latents", "all")


@pytest.mark.parametrize("layer", ["chain.conv1", "chain.conv2"])
def test_one_pass_and_backpropagation_paint_the_same_maps(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = scene()
    found = attention_maps(at.canvas, at.encoder, layer=layer)
    monkeypatch.setattr("conceptstain.methods.layer_attention.contraction", lambda *_: None)
    for each, expected in zip(found, attention_maps(at.canvas, at.encoder, layer=layer), strict=True):
        agree(each.values, expected.values)


def test_some_latents_are_those_of_all_in_the_order_asked() -> None:
    at = scene()
    every = attention_maps(at.canvas, at.encoder, items=[2])
    some = attention_maps(at.canvas, at.encoder, dimensions=[3, 1], items=[2])
    assert [each.settings["dimension"] for each in some] == [3, 1]
    for each in some:
        agree(each.values, every[each.settings["dimension"]].values)


@pytest.mark.parametrize(
    ("space", "layer"), [("latent", None), ("latent", "chain.relu1"), ("chain.conv2", "chain.conv1")]
)
def test_attention_of_a_concept_is_grad_cam_of_its_score(space: str, layer: str | None) -> None:
    at = scene()
    concept = at.concept(some_direction(), space=space)
    found = attention(at.canvas, at.encoder, concept=concept, layer=layer, items=[1, 4])
    agree(found.values, grad_cam(at.canvas, at.encoder, concept, layer=layer, items=[1, 4]).values)
    assert found.concept is concept
    assert found.title == "granule - attention"


def test_the_released_variant_is_its_twins_and_of_the_batch_it_is_asked_in() -> None:
    at = scene()
    pictures = at.canvas.inputs([2, 6, 1])
    found = attention(at.canvas, at.encoder, layer="chain.conv2", items=[2, 6, 1], variant="released")
    expected = slow_released(at.network, pictures, "chain.conv2")
    np.testing.assert_allclose(found.values[:, 0], expected, rtol=1e-5, atol=1e-8)
    assert found.settings["batch"] == 3
    assert found.title == "all latents - attention, released"
    alone = attention(at.canvas, at.encoder, layer="chain.conv2", items=[2], variant="released").values[0]
    factor = alone.sum() / found.values[0].sum()
    assert abs(factor - 1) > 0.01
    agree(alone, factor * found.values[0])


def test_a_score_of_any_kind_has_a_map() -> None:
    at = scene()
    x = at.encoder.tensor(at.canvas.inputs([2, 6]))
    noise = torch.randn((2, 4), generator=torch.Generator().manual_seed(0), dtype=x.dtype)

    def sampled(encoding: Encoding) -> torch.Tensor:
        return ((encoding.mean + (encoding.log_var / 2).exp() * noise) ** 2).sum(dim=1)

    with as_evaluated(at.network):
        found = score_attention(x, at.encoder, sampled, "chain.conv2")
        means = score_attention(x, at.encoder, dimension(1), "chain.conv2")
    assert found.shape == (2, *FRAME)
    assert found.any()
    agree(means[:, None].numpy().astype(np.float32), attention(at.canvas, at.encoder, dimension=1, items=[2, 6]).values)


def test_a_latent_and_a_concept_no_latents_and_an_unknown_variant_are_refused() -> None:
    at = scene()
    with pytest.raises(InputError, match="of a latent or of a concept"):
        attention(at.canvas, at.encoder, dimension=1, concept=at.concept(some_direction()))
    with pytest.raises(InputError, match="No latent is chosen"):
        attention_maps(at.canvas, at.encoder, dimensions=[])
    with pytest.raises(InputError, match=r"no such variant.*'mine'"):
        attention(at.canvas, at.encoder, variant="mine")
    with pytest.raises(MismatchError, match="does not depend on the layer"):
        attention(at.canvas, at.encoder, concept=at.concept(some_direction(), space="chain.conv1"), layer="chain.conv2")
