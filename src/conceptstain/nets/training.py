"""Training a VAE: a plain function that reports, can be cancelled, and keeps its best epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs, Profiles
from conceptstain.nets.batches import Batch, Split, batches_of, drawn, n_batches, split_items
from conceptstain.nets.devices import best_device
from conceptstain.nets.encoder import Encoding
from conceptstain.nets.losses import calibrated_loss, negative_binomial_loss, paper_loss, squared_error_loss
from conceptstain.nets.training_settings import UNIT, Loss, Schedule, TrainingSettings, check_training
from conceptstain.progress import Report, Step, silent

__all__ = ["History", "train"]

PAPER = "paper"  # the scaling of gene pictures over their maxima
LEAST_EPOCHS = 12
ENOUGH_STEPS = 600


@final
@dataclass(frozen=True)
class History:
    """How a training went.

    Attributes
    ----------
    loss
        Mean loss per item of each epoch, in nats for the squared error.
    validation_loss
        The same of the items held out, at the mean of q(z | x); empty where none were.
    best_epoch
        The epoch that was kept, counted from 1.
    seconds
        Duration.
    device
        Where it ran.
    """

    loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    best_epoch: int
    seconds: float
    device: str


def train(
    network: nn.Module, data: Sequence[Inputs], settings: TrainingSettings | None = None, report: Report = silent
) -> History:
    """Train a VAE in place; the same seed gives the same weights on the CPU.

    The loss follows the network and the scaling: :func:`~conceptstain.nets.losses.negative_binomial_loss` for a network
    that learns counts, :func:`~conceptstain.nets.losses.squared_error_loss` inside the tissue for z-scores,
    :func:`~conceptstain.nets.losses.paper_loss` for pictures in the scaling ``"paper"``, and
    :func:`~conceptstain.nets.losses.calibrated_loss` for images.

    Parameters
    ----------
    network
        With ``encode`` and ``decode``; its first weights are taken as they are.
    data
        One or more sections of one shape and scaling; their trainable items are learned from.
    settings
        How.
    report
        Called after every step with how many of all steps are done, and at the end of every epoch with ``"loss"`` and
        ``"validation loss"``. If it raises :class:`Cancelled`, the network is left half trained, to be discarded.

    Raises
    ------
    InputError
        Settings out of range, sections that differ, too few items, a network that learns counts where there are none,
        or a training that diverged.
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
        losses, validation_losses, best_epoch, best = _run(
            network, data, split, settings, generator=generator, report=report
        )
    network.load_state_dict(best)
    network.eval()
    return History(tuple(losses), tuple(validation_losses), best_epoch, time.perf_counter() - begun, device.type)


def _check_counts(network: nn.Module, data: Sequence[Inputs]) -> None:
    if _learns_counts(network) and not all(isinstance(each, Profiles) for each in data):
        raise InputError(
            "This network learns counts", got="inputs without counts", cure='Use the likelihood "gaussian"'
        )


def _learns_counts(network: Any) -> bool:
    return bool(getattr(network, "learns_counts", False))


def _run(
    network: nn.Module,
    data: Sequence[Inputs],
    split: Split,
    settings: TrainingSettings,
    *,
    generator: torch.Generator,
    report: Report,
) -> tuple[list[float], list[float], int, dict[str, Tensor]]:
    """The epochs: losses, validation losses, and which epoch was best with its weights."""
    device = next(network.parameters()).device
    masks = [torch.as_tensor(np.broadcast_to(each.mask, each.shape).astype(np.float32), device=device) for each in data]
    loss_of, counted = _loss_for(data[0].scaling, settings), _learns_counts(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    most = settings.items_per_epoch or sum(len(items) for items in split.learned)
    learned = drawn(split.learned, most, torch.Generator())  # how many there will be
    steps_per_epoch = sum(n_batches(items, settings.batch_size) for items in learned)
    n_epochs = settings.epochs or max(LEAST_EPOCHS, math.ceil(ENOUGH_STEPS / steps_per_epoch))
    n_steps = n_epochs * steps_per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _fall(settings.schedule, step / n_steps))
    losses: list[float] = []
    validation_losses: list[float] = []
    best_epoch, best = 0, dict[str, Tensor]()
    for epoch in range(1, n_epochs + 1):
        message = f"Epoch {epoch} of {n_epochs}"
        network.train()
        total, seen = torch.zeros((), device=device), 0
        step = (epoch - 1) * steps_per_epoch
        learned = split.learned if settings.items_per_epoch is None else drawn(split.learned, most, generator)
        for section, items in batches_of(learned, settings.batch_size, generator):
            batch = Batch.of(data[section], items, masks[section], counted=counted)
            if settings.jitter:
                down, right = torch.randint(-settings.jitter, settings.jitter + 1, (2,), generator=generator).tolist()
                batch = batch.shifted(down, right)
            if settings.augmentation.changes:
                batch = batch._replace(x=settings.augmentation(batch.x, generator))
            loss = _loss(network, batch, loss_of, beta=settings.beta, generator=generator)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total, seen, step = total + loss.detach() * len(items), seen + len(items), step + 1
            if step < epoch * steps_per_epoch:
                report(Step(step, n_steps, message))
        losses.append(float(total) / seen)
        values = {"loss": losses[-1]}
        if settings.validation_fraction:
            validation_losses.append(_validate(network, data, masks, split.held_out, settings))
            values["validation loss"] = validation_losses[-1]
        _refuse_divergence(values, epoch)
        if not validation_losses or validation_losses[-1] == min(validation_losses):
            best_epoch = epoch
            best = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        report(Step(step, n_steps, message, values))
    return losses, validation_losses, best_epoch, best


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


def _loss(network: Any, batch: Batch, loss: Loss, *, beta: float, generator: torch.Generator | None = None) -> Tensor:
    """Loss at a sample of q(z | x), or at its mean where there is no generator."""
    encoding: Encoding = network.encode(batch.x)
    z = encoding.mean
    if generator is not None:
        noise = torch.randn(z.shape, generator=generator).to(z)
        # The notebooks take the variance for the deviation when they sample.
        deviation = encoding.log_var.exp() if loss == "paper" else (0.5 * encoding.log_var).exp()
        z = z + deviation * noise
    if batch.counts is not None and batch.depths is not None:
        log_mean = network.log_rates(z) + batch.depths.log()[:, None]
        return negative_binomial_loss(
            batch.counts, log_mean, network.log_dispersion, mask=batch.mask, encoding=encoding, beta=beta
        )
    decoded = network.decode(z)
    if loss == "paper":
        return paper_loss(batch.x, decoded, encoding, beta)
    if loss == "calibrated":
        return calibrated_loss(batch.x, decoded, encoding, beta)
    return squared_error_loss(batch.x, decoded, batch.mask, encoding, beta)


def _validate(
    network: nn.Module,
    data: Sequence[Inputs],
    masks: Sequence[Tensor],
    held_out: Sequence[NDArray[np.integer]],
    settings: TrainingSettings,
) -> float:
    network.eval()
    total, seen = 0.0, 0
    with torch.inference_mode():
        for each, mask, items in zip(data, masks, held_out, strict=True):
            for start in range(0, len(items), settings.batch_size):
                chosen = items[start : start + settings.batch_size]
                batch = Batch.of(each, chosen, mask, counted=_learns_counts(network))
                loss = _loss(network, batch, _loss_for(each.scaling, settings), beta=settings.beta)
                total, seen = total + float(loss) * len(chosen), seen + len(chosen)
    return total / seen
