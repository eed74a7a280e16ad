"""Objectives at work: what is added to a training, and what is not changed by it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.disentangling import remarks
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.objectives import OBJECTIVES, Objective
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.training import train
from conceptstain.nets.training_settings import TrainingSettings

QUICK = TrainingSettings(epochs=2, batch_size=8, validation_fraction=0.2, device="cpu")
SMALL = {"discriminator": (12, 12)}
PLAIN = {"reconstruction", "divergence"}
WATCHED = {"discriminator accuracy", "attention mass"}


@dataclass
class Blots:
    """Pictures of one bright square each."""

    n: int = 40
    scaling: str = "unit"
    side: int = 16

    def __post_init__(self):
        rng = np.random.default_rng(0)
        self.pictures = np.zeros((self.n, 1, self.side, self.side), dtype=np.float32)
        for picture, (row, column) in zip(self.pictures, rng.integers(self.side - 4, size=(self.n, 2)), strict=True):
            picture[0, row : row + 4, column : column + 4] = 1
        self.mask = np.ones(self.shape, dtype=bool)
        self.trainable = np.arange(self.n)

    @property
    def shape(self):
        return self.pictures.shape[1:]

    def __len__(self):
        return self.n

    def inputs(self, items):
        return self.pictures[items]


def images(network="average-pool", latent=4):
    hidden = () if network == "places" else (8,)
    return ImageVAE((1, 16, 16), ImageVAESettings(network, latent, (3, 3, 3), hidden))


def asking(name, **how):
    return replace(QUICK, objective=Objective(name, **{**SMALL, **how}))


def weights(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def fitted(settings, network=None):
    network = network or images()
    return train(network, [Blots()], settings), weights(network)


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("vae", PLAIN),
        ("beta-vae", PLAIN),
        ("factor-vae", PLAIN | {"total correlation", "discriminator accuracy"}),
        ("ad-factor-vae", PLAIN | {"total correlation", "attention overlap"} | WATCHED),
    ],
)
def test_every_term_has_a_curve_and_their_weighted_sum_is_the_loss(name, terms):
    settings, steps = replace(asking(name, gamma=3.0, attention_weight=7.0, beta=2.0), beta=0.5), []
    history = train(images(), [Blots()], settings, steps.append)
    assert set(history.terms) == terms
    assert list(history.terms)[:2] == ["reconstruction", "divergence"]
    assert all(len(curve) == 2 for curve in history.terms.values())
    weight = {"divergence": 2.0 if name == "beta-vae" else 0.5, "total correlation": 3.0, "attention overlap": 7.0}
    summed = sum(
        weight.get(term, 1.0) * np.array(curve) for term, curve in history.terms.items() if term not in WATCHED
    )
    np.testing.assert_allclose(summed, history.loss, rtol=1e-5)
    last = next(step.values for step in reversed(steps) if step.values)
    assert last == {
        "loss": history.loss[-1],
        "validation loss": history.validation_loss[-1],
        **{term: curve[-1] for term, curve in history.terms.items()},
    }


@pytest.mark.parametrize("name", ["factor-vae", "ad-factor-vae"])
def test_the_same_seed_gives_the_same_weights(name):
    (_, first), (_, again) = fitted(asking(name)), fitted(asking(name))
    _, other = fitted(replace(asking(name), seed=1))
    assert same(first, again)
    assert not same(first, other)


def test_an_objective_whose_weights_are_zero_trains_as_the_plain_one_does():
    # Every objective sees the same batches with the same noise: what differs between two of them is the objective.
    _, plain = fitted(asking("vae"))
    _, nothing_added = fitted(asking("ad-factor-vae", gamma=0.0, attention_weight=0.0))
    assert same(plain, nothing_added)
    for added in ({"gamma": 0.0}, {"attention_weight": 0.0}):
        _, something_added = fitted(asking("ad-factor-vae", **added))
        assert not same(plain, something_added)


def test_the_beta_of_a_beta_vae_is_the_objective_s_own():
    (_, own), (_, training_s) = fitted(asking("beta-vae", beta=3.0)), fitted(replace(QUICK, beta=3.0))
    assert same(own, training_s)
    (history, _), (plain, _) = fitted(asking("beta-vae", beta=0.0)), fitted(asking("vae"))
    assert history.terms["divergence"][-1] > plain.terms["divergence"][-1]


def test_the_validation_loss_is_the_plain_one_whatever_the_objective():
    network = images()
    untouched = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    still = {"learning_rate": 1e-12, "epochs": 1}
    plain = train(network, [Blots()], replace(asking("vae"), **still)).validation_loss
    for name in OBJECTIVES[1:]:
        network.load_state_dict(untouched)
        other = train(network, [Blots()], replace(asking(name, gamma=100.0, beta=50.0), **still)).validation_loss
        assert other == pytest.approx(plain, rel=1e-6)


def test_the_attention_loss_moves_maps_apart():
    settings = replace(asking("ad-factor-vae", gamma=0.0), epochs=12, learning_rate=3e-3, validation_fraction=0.0)
    without = fitted(replace(settings, objective=replace(settings.objective, attention_weight=0.0)))[0]
    with_it = fitted(replace(settings, objective=replace(settings.objective, attention_weight=300.0)))[0]
    assert with_it.terms["attention overlap"][-1] < 0.7 * without.terms["attention overlap"][-1]


@pytest.mark.parametrize("network", ["average-pool", "places", "factor-vae"])
def test_networks_of_images_learn_with_attention(network):
    history = train(images(network, 8), [Blots()], replace(asking("ad-factor-vae"), epochs=1, loss="bernoulli"))
    assert np.isfinite(history.loss).all()


def test_gene_pictures_learn_with_attention_and_with_jitter():
    network = PictureVAE((1, 16, 16), PictureVAESettings("average-pool", 3, (2, 3, 4), (5,)))
    history = train(network, [Blots(scaling="z-score")], replace(asking("ad-factor-vae"), jitter=1))
    assert set(history.terms) > PLAIN | {"attention overlap"}


def test_attention_is_refused_before_the_training_where_there_is_no_convolution():
    network = PictureVAE((1, 16, 16), PictureVAESettings("mlp", 3, (), (5,)))
    before = weights(network)

    def never(step):
        raise AssertionError("it began to train")

    with pytest.raises(MismatchError, match="no convolution"):
        train(network, [Blots(scaling="z-score")], asking("ad-factor-vae"), never)
    assert same(weights(network), before)
    train(network, [Blots(scaling="z-score")], asking("factor-vae"))


def test_what_is_no_sum_of_nats_is_refused():
    with pytest.raises(MismatchError, match="mean over pixels"):
        fitted(replace(asking("factor-vae"), loss="paper"))
    with pytest.raises(MismatchError, match="2 or more"):
        fitted(asking("factor-vae"), images(latent=1))
    network = PictureVAE((1, 16, 16), PictureVAESettings("mlp", 3, (), (5,)))
    with pytest.raises(InputError, match=r"values in 0\.\.1"):
        train(network, [Blots(scaling="z-score")], replace(QUICK, loss="bernoulli"))


def test_training_with_an_objective_leaves_the_global_random_state_and_the_layers_alone():
    before, network = torch.random.get_rng_state(), images()
    train(network, [Blots()], asking("ad-factor-vae"))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not any(module._forward_hooks for module in network.modules())


def test_maps_that_have_died_are_told_about():
    (told,) = remarks({"attention mass": [0.5, 2.0, 0.001]})
    assert "0.05% of its largest" in told
    assert "died" in told
    assert remarks({"attention mass": [0.5, 2.0, 0.1]}) == ()
    assert remarks({"attention mass": [0.0, 0.0]}) == ()
    assert remarks({"loss": [1.0]}) == ()
