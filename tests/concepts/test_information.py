from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conceptstain.concepts.information import latent_information, most_informative
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.own_networks import own_encoder
from conceptstain.progress import Cancelled, Step
from scenes import FRAME, scene
from twins.losses import divergence


def test_it_is_the_mean_divergence_of_each_latent() -> None:
    at = scene()
    items = [2, 5, 6]
    expected = np.zeros(at.encoder.latent)
    for picture in at.canvas.inputs(items):
        encoding = at.encoder.encode(at.encoder.tensor(picture[None]))
        mean, log_var = (part[0].numpy() for part in encoding)
        expected += [divergence(mean[[i]], log_var[[i]]) / len(items) for i in range(len(expected))]
    np.testing.assert_allclose(latent_information(at.canvas, at.encoder, items=items), expected, rtol=1e-10)


def test_without_items_it_is_of_all_that_can_be_learned_from_and_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    at = scene()
    asked = latent_information(at.canvas, at.encoder, items=at.canvas.trainable)
    monkeypatch.setattr("conceptstain.concepts.information.CHUNK", 5)
    found = latent_information(at.canvas, at.encoder)
    np.testing.assert_allclose(found, asked, rtol=1e-10)
    assert latent_information(at.canvas, at.encoder) is found


def test_a_latent_at_its_prior_tells_nothing() -> None:
    at = scene()
    heads = [at.network.get_submodule(name) for name in ("mean", "log_var")]
    with torch.no_grad():
        for head in heads:
            assert isinstance(head, nn.Linear)
            head.weight[2], head.bias[2] = 0.0, 0.0
    found = latent_information(at.canvas, at.encoder)
    assert found[2] == 0
    assert (np.delete(found, 2) > 0).all()
    assert most_informative(found)[-1] == 2


def test_the_most_informative_come_first_and_equal_ones_in_order() -> None:
    information = np.array([0.5, 2.0, 0.0, 2.0])
    assert most_informative(information) == (1, 3, 0, 2)
    assert most_informative(information, 1) == (1,)


def test_a_network_without_a_variance_is_refused() -> None:
    class Points(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(64, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.dense(x.flatten(1))

    at = scene()
    encoder = own_encoder(Points(), shape=(1, *FRAME), scaling="z-score")
    with pytest.raises(MismatchError, match="without a variance"):
        latent_information(at.canvas, encoder)


def test_no_items_are_refused_and_a_cancel_is_heard() -> None:
    at = scene()
    with pytest.raises(InputError, match="No item"):
        latent_information(at.canvas, at.encoder, items=[])

    def cancel(step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        latent_information(at.canvas, at.encoder, report=cancel)
