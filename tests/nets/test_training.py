import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs
from conceptstain.nets.augmentation import Augmentation
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.training import train
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.progress import Cancelled

QUICK = TrainingSettings(epochs=3, batch_size=8, validation_fraction=0.2, device="cpu")


@dataclass
class Pictures:
    """Pictures of two patterns and noise, inside a mask."""

    n: int = 40
    seed: int = 0
    scaling: str = "z-score"
    side: int = 8

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.mask = rng.random((self.side, self.side)) < 0.8
        patterns = rng.normal(size=(2, 1, self.side, self.side))
        pictures = np.einsum("np,pchw->nchw", rng.normal(size=(self.n, 2)), patterns)
        pictures += 0.3 * rng.normal(size=pictures.shape)
        if self.scaling in {"paper", "unit"}:
            pictures = 1 / (1 + np.exp(-pictures))
        self.pictures = (pictures * self.mask).astype(np.float32)
        self.trainable = np.arange(1, self.n)
        self.asked = set()

    @property
    def shape(self):
        return self.pictures.shape[1:]

    def __len__(self):
        return self.n

    def inputs(self, items):
        self.asked |= set(np.asarray(items).tolist())
        return self.pictures[items]


def tiny(network="mlp", seed=0, side=8, unit_range=False):
    widths = () if network == "mlp" else (2, 3, 4)
    hidden = (8, 6) if network == "paper" else (8,)
    return PictureVAE((1, side, side), PictureVAESettings(network, 3, widths, hidden, unit_range), seed=seed)


def weights(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_pictures_are_inputs():
    assert isinstance(Pictures(), Inputs)


@pytest.mark.parametrize("network", ["average-pool", "mlp", "paper"])
def test_training_learns(network):
    data, vae = Pictures(n=120), tiny(network)
    history = train(vae, [data], replace(QUICK, epochs=20, learning_rate=0.02, beta=0.01))
    assert min(history.validation_loss) < 0.7 * history.validation_loss[0]
    assert not vae.training


def test_the_same_seed_gives_the_same_weights():
    trained = []
    for seed in (3, 3, 4):
        vae = tiny("average-pool")
        train(vae, [Pictures()], replace(QUICK, seed=seed, jitter=1))
        trained.append(weights(vae))
    assert same(trained[0], trained[1])
    assert not same(trained[0], trained[2])


def test_training_leaves_the_global_random_state_and_the_threads_alone():
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train(tiny(), [Pictures()], replace(QUICK, jitter=2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_only_trainable_items_are_asked_for():
    data = Pictures()
    train(tiny(), [data], QUICK)
    assert data.asked == set(data.trainable.tolist())


def test_sections_with_other_masks_are_learned_from_together():
    sections = [Pictures(seed=0), Pictures(n=25, seed=1)]
    history = train(tiny(), sections, replace(QUICK, epochs=10, learning_rate=0.01))
    assert history.loss[-1] < history.loss[0]
    assert all(len(section.asked) == len(section.trainable) for section in sections)


def test_the_best_epoch_is_kept():
    seen, vae = [], tiny()

    def keep(step):
        if step.values:
            seen.append((step.values["validation loss"], weights(vae)))

    # So high a rate makes the epochs go up and down.
    fast = replace(QUICK, epochs=12, learning_rate=0.2, schedule="constant")
    history = train(vae, [Pictures()], fast, keep)
    best = int(np.argmin([loss for loss, _ in seen]))
    assert best < len(seen) - 1
    assert history.best_epoch == best + 1
    assert same(weights(vae), seen[best][1])
    assert history.validation_loss == tuple(loss for loss, _ in seen)


def test_without_items_held_out_the_last_epoch_is_kept():
    history = train(tiny(), [Pictures()], replace(QUICK, validation_fraction=0))
    assert history.best_epoch == 3
    assert history.validation_loss == ()


def test_the_steps_count_up_to_the_total_and_the_epochs_bring_their_losses():
    steps = []
    history = train(tiny(), [Pictures()], QUICK, steps.append)
    assert [step.done for step in steps] == list(range(1, steps[0].total + 1))
    ends = [step for step in steps if step.values]
    assert [step.values["loss"] for step in ends] == list(history.loss)
    assert ends[-1] is steps[-1]
    assert steps[-1].fraction == 1
    assert steps[0].message == "Epoch 1 of 3"


def test_a_cancel_stops_at_the_next_step():
    steps = []

    def cancel(step):
        steps.append(time.perf_counter())
        if len(steps) == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(tiny("average-pool"), [Pictures()], replace(QUICK, epochs=1000), cancel)
    assert len(steps) == 4
    assert torch.get_num_threads() >= 1


def test_the_paper_s_pictures_are_learned_from_with_the_paper_s_loss():
    data, vae = Pictures(scaling="paper"), tiny("paper", unit_range=True)
    history = train(vae, [data], replace(TrainingSettings.paper(), epochs=2, device="cpu", batch_size=16))
    assert 0 < history.loss[-1] < history.loss[0] < 5
    assert history.best_epoch == 2


def test_images_are_learned_from_with_a_loss_that_weighs_itself():
    data = Pictures(n=120, scaling="unit")
    vae = ImageVAE((1, 8, 8), ImageVAESettings("average-pool", 3, (8,), (32,)))
    how = replace(QUICK, epochs=30, learning_rate=0.02, beta=1.0, augmentation=Augmentation(light=0.05))
    history = train(vae, [data], how)
    assert min(history.validation_loss) < history.validation_loss[0] - 10  # nats


def test_the_loss_of_the_faces_notebook_can_be_asked_for():
    data = Pictures(scaling="unit")
    losses = [
        train(ImageVAE((1, 8, 8), ImageVAESettings("average-pool", 3, (4, 6), (8,))), [data], replace(QUICK, loss=loss))
        for loss in ("paper", None)
    ]
    assert 0 < losses[0].loss[-1] < 5  # the mean over pixels; the other is a sum
    assert TrainingSettings.paper_images().loss == "paper"


def test_an_epoch_takes_no_more_items_than_it_may_and_the_next_takes_others():
    data, steps = Pictures(n=200, scaling="unit"), []
    vae = ImageVAE((1, 8, 8), ImageVAESettings("average-pool", 3, (4, 6), (8,)))
    how = replace(QUICK, epochs=3, batch_size=10, items_per_epoch=20)
    train(vae, [data], how, steps.append)
    assert steps[-1].total == 3 * 2
    assert 40 < len(data.asked) <= 3 * 20 + 20
    everything = Pictures(n=200, scaling="unit")
    train(vae, [everything], replace(how, items_per_epoch=None))
    assert len(everything.asked) == 199


def test_augmentation_is_for_images_alone():
    with pytest.raises(InputError, match="Only images are augmented"):
        train(tiny(), [Pictures()], replace(QUICK, augmentation=Augmentation("mirror")))


def test_a_last_batch_is_never_a_single_item():
    data = Pictures(n=18)  # 17 to learn from, in batches of 16: one would be left over
    vae = tiny("paper", unit_range=False)
    train(vae, [data], replace(QUICK, batch_size=16, validation_fraction=0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"beta": -1.0},
        {"jitter": -1},
        {"validation_fraction": 0.9},
        {"items_per_epoch": 1},
        {"learning_rate": float("nan")},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match="out of range"):
        train(tiny(), [Pictures()], replace(QUICK, **wrong))


def test_sections_that_differ_in_scaling_or_shape_are_refused():
    for other in (Pictures(scaling="paper"), Pictures(side=16)):
        with pytest.raises(InputError, match="one shape and one scaling"):
            train(tiny(), [Pictures(), other], QUICK)


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(InputError, match="nothing to learn"):
        train(tiny(), [], QUICK)
    with pytest.raises(InputError, match="too little"):
        train(tiny(), [Pictures(n=3)], QUICK)


def test_a_training_that_diverges_says_so():
    data = Pictures()
    data.pictures[:] = np.inf
    with pytest.raises(InputError, match="diverged in epoch 1"):
        train(tiny(), [data], QUICK)


def test_few_items_are_seen_more_often_and_many_no_fewer_than_twelve_times():
    def n_epochs(n, batch_size):
        told = []

        def stop(step):
            told.append(step.message)
            raise Cancelled

        with pytest.raises(Cancelled):
            train(tiny("mlp"), [Pictures(n)], replace(QUICK, epochs=None, batch_size=batch_size), stop)
        return int(told[0].split()[-1])

    assert n_epochs(20, 8) == 300  # of two steps each
    assert n_epochs(500, 2) == 12
