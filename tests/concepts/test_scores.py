from __future__ import annotations

import numpy as np
import pytest
import torch

from conceptstain.concepts.scores import along, dimension
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoding


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
