from __future__ import annotations

import numpy as np
import pytest
import torch

from conceptstain.concepts.scores import along, along_layer, asked, dimension, score_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoding
from conceptstain.nets.tap import activations
from laws import state_of
from scenes import scene, some_direction


def encoding(dtype: torch.dtype = torch.float64) -> Encoding:
    mean = torch.arange(12, dtype=dtype).reshape(3, 4).requires_grad_()
    return Encoding(mean, torch.zeros_like(mean))


def test_the_score_along_a_direction_is_the_product_with_the_mean() -> None:
    direction = np.array([1.0, -1.0, 0.5, 0.0])
    expected = encoding().mean.detach().numpy() @ direction
    np.testing.assert_allclose(along(direction)(encoding()).detach(), expected)


def test_its_gradient_is_the_direction() -> None:
    at = encoding()
    along(np.array([1.0, -1.0, 0.5, 0.0]))(at).sum().backward()
    np.testing.assert_array_equal(at.mean.grad, [[1.0, -1.0, 0.5, 0.0]] * 3)


def test_the_score_of_a_dimension_is_its_mean() -> None:
    assert dimension(2)(encoding()).tolist() == [2.0, 6.0, 10.0]


def test_scores_are_computed_in_the_networks_precision() -> None:
    assert along(np.ones(4))(encoding(torch.float32)).dtype == torch.float32


def test_a_direction_of_another_latent_space_is_refused() -> None:
    with pytest.raises(MismatchError, match="3 numbers for 4 latents"):
        along(np.ones(3))(encoding())


@pytest.mark.parametrize("direction", [np.ones((2, 2)), np.array([1.0, np.nan]), np.array([np.inf])])
def test_a_direction_that_is_not_a_finite_vector_is_refused(direction: np.ndarray) -> None:
    with pytest.raises(InputError, match="one finite number per latent"):
        along(direction)


def test_a_dimension_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="numbered from 0"):
        dimension(-1)
    with pytest.raises(InputError, match="Choose one of 0 to 3"):
        dimension(4)(encoding())


def test_scores_of_several_layers_are_asked_in_one_pass() -> None:
    at = scene()
    before = state_of(at.network)
    passes: list[object] = []
    hook = at.network.chain.conv1.register_forward_hook(lambda *_: passes.append(1))
    scores = [
        along_layer(np.array([1.0, -2.0, 0.5]), "chain.conv1"),
        along(some_direction()),
        along_layer(some_direction(), "chain.conv2"),
        along_layer(np.array([0.0, 0.0, 1.0]), "chain.conv1"),
    ]
    with asked(at.encoder, scores) as ask:
        found = [score.detach().numpy() for score in ask(at.encoder.tensor(at.canvas.inputs([2, 5])))]
    hook.remove()
    assert len(passes) == 1
    first, second = (activations(at.encoder, at.canvas, layer, [2, 5]) for layer in ("chain.conv1", "chain.conv2"))
    expected = [
        first @ [1.0, -2.0, 0.5],
        at.encoder.latents(at.canvas, [2, 5]) @ some_direction(),
        second @ some_direction(),
        first[:, 2],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert state_of(at.network) == before


def test_a_concept_is_scored_where_it_lives() -> None:
    at = scene()
    assert score_of(at.concept(some_direction())).direction.shape == (4,)
    of_layer = score_of(at.concept(some_direction(), space="chain.conv2"))
    assert of_layer.layer == "chain.conv2"


def test_a_direction_in_a_layer_is_a_vector_of_finite_numbers() -> None:
    with pytest.raises(InputError, match="one finite number"):
        along_layer(np.array([1.0, np.nan]), "chain.conv1")
