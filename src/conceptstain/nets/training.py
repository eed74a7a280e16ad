"""Training a VAE: a plain function that reports, can be cancelled, and keeps its best epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs, Profiles
from conceptstain.nets.batches import Batch, Split, batches_of, drawn, n_batches, split_items
from conceptstain.nets.devices import best_device
from conceptstain.nets.disentangling import composed, remarks
from conceptstain.nets.kept_epochs import Watch, unwatched
from conceptstain.nets.terms import learns_counts, passed, plain_terms, weighed
from conceptstain.nets.training_settings import PAPER, UNIT, Loss, Schedule, TrainingSettings, check_training
from conceptstain.progress import Report, Step, silent

__all__ = ["History", "train"]

LEAST_EPOCHS = 12
ENOUGH_STEPS = 600
ACCURACY = "discriminator accuracy"
ASIDE = 2**40  # beyond the seeds that are counted up


@final
@dataclass(frozen=True)
class History:
    """How a training went.

    Attributes
    ----------
    loss
        Mean loss per item of each epoch, in nats for the squared error.
    validation_loss
        That of the objective ``"vae"`` on the items held out, at the mean of q(z | x); empty where none were.
    best_epoch
        The epoch that was kept, counted from 1.
    seconds
        Duration.
    device
        Where it ran.
    terms
        Mean of every term of the loss in each epoch, without its weight, by name; also what is only watched: the mass
        of attention maps, and how often a discriminator was right.
    remarks
        What has to be known to read the curves rightly, one sentence each.
    """

    loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    best_epoch: int
    seconds: float
    device: str
    terms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def train(
    network: nn.Module,
    data: Sequence[Inputs],
    settings: TrainingSettings | None = None,
    report: Report = silent,
    *,
    watch: Watch = unwatched,
) -> History:
    """Train a VAE in place; the same seed gives the same weights on the CPU.

    The reconstruction follows the network and the scaling: :func:`~conceptstain.nets.losses.negative_binomial_error`
    for a network that learns counts, :func:`~conceptstain.nets.losses.squared_error` inside the tissue for z-scores,
    :func:`~conceptstain.nets.losses.paper_error` for pictures in the scaling ``"paper"``, and
    :func:`~conceptstain.nets.losses.calibrated_error` for images. What is added to it is the settings' objective's.

    Parameters
    ----------
    network
        With ``encode`` and ``decode``; its first weights are taken as they are.
    data
        One or more sections of one shape and scaling; their trainable items are learned from.
    settings
        How. Whatever the objective, the epoch that is kept is the best by the plain loss of items held out, so that
        objectives can be compared.
    report
        Called after every step with how many of all steps are done, and at the end of every epoch with ``"loss"``,
        ``"validation loss"`` and every term. If it raises :class:`Cancelled`, the network is left half trained, to be
        discarded.
    watch
        Called before the first step and after every epoch, with a function that copies the weights.

    Raises
    ------
    InputError
        Settings out of range, sections that differ, too few items, a network that learns counts where there are none,
        or a training that diverged.
    MismatchError
        The objective is not for this network: attention needs a convolution.
    """
    settings = settings or TrainingSettings()
    check_training(data, settings)
    _check_counts(network, data)
    device = best_device(settings.device)
    generator = torch.Generator().manual_seed(settings.seed)
    split = split_items(data, settings.validation_fraction, generator, most=settings.items_per_epoch)
    network.to(device)
    begun = time.perf_counter()
    with _one_thread():
        course = _run(network, data, split, settings, generator=generator, report=report, watch=watch)
    network.load_state_dict(course.best)
    network.eval()
    return History(
        tuple(course.losses),
        tuple(course.validation_losses),
        course.best_epoch,
        time.perf_counter() - begun,
        device.type,
        {name: tuple(values) for name, values in course.terms.items()},
        remarks(course.terms),
    )


def _check_counts(network: nn.Module, data: Sequence[Inputs]) -> None:
    if learns_counts(network) and not all(isinstance(each, Profiles) for each in data):
        raise InputError(
            "This network learns counts", got="inputs without counts", cure='Use the likelihood "gaussian"'
        )


@final
@dataclass(eq=False)
class _Course:
    """The epochs so far, and which was best with its weights."""

    losses: list[float]
    validation_losses: list[float]
    terms: dict[str, list[float]]
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)

    def add(self, means: Mapping[str, float]) -> bool:
        """One epoch more; whether it is the best so far, or nothing is held out to tell."""
        self.losses.append(means["loss"])
        for name, mean in means.items():
            if name not in {"loss", "validation loss"}:
                self.terms.setdefault(name, []).append(mean)
        if "validation loss" in means:
            self.validation_losses.append(means["validation loss"])
        is_best = not self.validation_losses or self.validation_losses[-1] == min(self.validation_losses)
        self.best_epoch = len(self.losses) if is_best else self.best_epoch
        return is_best


def _run(
    network: nn.Module,
    data: Sequence[Inputs],
    split: Split,
    settings: TrainingSettings,
    *,
    generator: torch.Generator,
    report: Report,
    watch: Watch,
) -> _Course:
    device = next(network.parameters()).device
    masks = [torch.as_tensor(np.broadcast_to(each.mask, each.shape).astype(np.float32), device=device) for each in data]
    composition = composed(network, data, settings, _loss_for(data[0].scaling, settings), device=device)
    # A second batch is drawn apart, so that every objective sees the same first ones, with the same noise.
    aside = torch.Generator().manual_seed(ASIDE + settings.seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    most = settings.items_per_epoch or sum(len(items) for items in split.learned)
    learned = drawn(split.learned, most, torch.Generator())  # how many there will be
    steps_per_epoch = sum(n_batches(items, settings.batch_size) for items in learned)
    n_epochs = settings.epochs or max(LEAST_EPOCHS, math.ceil(ENOUGH_STEPS / steps_per_epoch))
    n_steps = n_epochs * steps_per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _fall(settings.schedule, step / n_steps))

    def batch_of(section: int, items: NDArray[np.integer], draws: torch.Generator) -> Batch:
        counted = learns_counts(network)
        return _changed(Batch.of(data[section], items, masks[section], counted=counted), settings, draws)

    def weights() -> tuple[dict[str, Tensor]]:
        return ({name: tensor.detach().clone() for name, tensor in network.state_dict().items()},)

    course = _Course([], [], {})
    watch(0, n_epochs, weights)
    for epoch in range(1, n_epochs + 1):
        message = f"Epoch {epoch} of {n_epochs}"
        network.train()
        sums, n_seen, step = dict[str, Tensor](), 0, (epoch - 1) * steps_per_epoch
        learned = split.learned if settings.items_per_epoch is None else drawn(split.learned, most, generator)
        for section, items in batches_of(learned, settings.batch_size, generator):
            seen, loss, values = composition.look(network, batch_of(section, items, generator), generator)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            if composition.adversary is not None:
                others = learned[section][torch.randperm(len(learned[section]), generator=aside)[: len(items)].numpy()]
                z = composition.sample(network, batch_of(section, others, aside), aside)
                values[ACCURACY] = composition.adversary.learn(seen.z, z)
            for name, value in {"loss": loss.detach(), **values}.items():
                sums[name] = sums.get(name, 0.0) + value * len(items)
            n_seen, step = n_seen + len(items), step + 1
            if step < epoch * steps_per_epoch:
                report(Step(step, n_steps, message))
        means = {name: float(total) / n_seen for name, total in sums.items()}
        if settings.validation_fraction:
            means["validation loss"] = _validate(network, data, masks, split.held_out, settings)
        _refuse_divergence(means, epoch)
        if course.add(means):
            (course.best,) = weights()
        watch(epoch, n_epochs, weights)
        report(Step(step, n_steps, message, means))
    return course


def _fall(schedule: Schedule, fraction: float) -> float:
    """What the learning rate has fallen to, of its first value, when this fraction of the steps is done."""
    return 0.5 * (1 + math.cos(math.pi * fraction)) if schedule == "cosine" else 1.0


def _refuse_divergence(values: dict[str, float], epoch: int) -> None:
    if not all(math.isfinite(value) for value in values.values()):
        raise InputError(
            f"The training diverged in epoch {epoch}",
            got=" and ".join(f"{name} {value}" for name, value in values.items()),
            cure="Lower the learning rate, or check the values for infinities",
        )


def _changed(batch: Batch, settings: TrainingSettings, generator: torch.Generator) -> Batch:
    """A batch as it is learned from: shifted and augmented by draws of the generator."""
    if settings.jitter:
        down, right = torch.randint(-settings.jitter, settings.jitter + 1, (2,), generator=generator).tolist()
        batch = batch.shifted(down, right)
    if settings.augmentation.changes:
        batch = batch._replace(x=settings.augmentation(batch.x, generator))
    return batch


@contextmanager
def _one_thread() -> Iterator[None]:
    """Networks this small gain nothing from more threads, and lose a lot where other programs need the cores too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _loss_for(scaling: str, settings: TrainingSettings) -> Loss:
    """The loss asked for, else what suits the scaling."""
    suited: dict[str, Loss] = {PAPER: "paper", UNIT: "calibrated"}
    return settings.loss or suited.get(scaling, "squared error")


def _validate(
    network: nn.Module,
    data: Sequence[Inputs],
    masks: Sequence[Tensor],
    held_out: Sequence[NDArray[np.integer]],
    settings: TrainingSettings,
) -> float:
    network.eval()
    total, n_seen = 0.0, 0
    with torch.inference_mode():
        for each, mask, items in zip(data, masks, held_out, strict=True):
            loss = _loss_for(each.scaling, settings)
            terms = plain_terms(network, loss, settings.beta)
            for start in range(0, len(items), settings.batch_size):
                chosen = items[start : start + settings.batch_size]
                batch = Batch.of(each, chosen, mask, counted=learns_counts(network))
                total, n_seen = (
                    total + float(weighed(terms, passed(network, batch, loss))[0]) * len(chosen),
                    n_seen + len(chosen),
                )
    return total / n_seen
