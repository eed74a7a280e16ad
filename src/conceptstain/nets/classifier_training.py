"""Training a classifier: a plain function that reports, can be cancelled, and keeps its best epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs, ItemIndices, Targets
from conceptstain.nets.batch_norm import BatchNorms, batch_normalised
from conceptstain.nets.batches import batches_of, drawn, n_batches, shifted
from conceptstain.nets.class_loss import balanced_cross_entropy, class_weights, counted_confusion, masses_of
from conceptstain.nets.classifier_network import ClassifierNetwork
from conceptstain.nets.classifier_settings import ClassifierTrainingSettings
from conceptstain.nets.confusion import Confusion
from conceptstain.nets.devices import best_device
from conceptstain.nets.kept_epochs import Watch, unwatched
from conceptstain.progress import Report, Step, silent

__all__ = ["ClassifierHistory", "held_out", "train_classifier"]

LEAST_EPOCHS = 20
ENOUGH_STEPS = 400
CHUNK = 32


@final
@dataclass(frozen=True, eq=False)
class ClassifierHistory:
    """How a training went.

    Attributes
    ----------
    loss
        Mean loss of each epoch, in nats.
    balanced_accuracy
        Of what was learned from, while it was.
    validation_loss, validation_balanced_accuracy
        The same of the items held out, after each epoch; empty where none were.
    best_epoch
        The epoch that was kept, counted from 1.
    confusion
        Of the items held out, by that epoch. The epoch was chosen by them, so that this flatters a little.
    seconds
        Duration.
    device
        Where it ran.
    """

    loss: tuple[float, ...]
    balanced_accuracy: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_balanced_accuracy: tuple[float, ...]
    best_epoch: int
    confusion: Confusion | None
    seconds: float
    device: str


class _Task(NamedTuple):
    """What does not change from step to step."""

    network: ClassifierNetwork
    head: nn.Linear
    data: Inputs
    targets: Targets
    weights: Tensor
    settings: ClassifierTrainingSettings
    generator: torch.Generator
    norms: BatchNorms


class _Course(NamedTuple):
    """How the steps are made, and how many there are."""

    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    n_epochs: int
    steps_per_epoch: int


def train_classifier(
    network: ClassifierNetwork,
    head: nn.Linear,
    data: Inputs,
    targets: Targets,
    settings: ClassifierTrainingSettings | None = None,
    *,
    items: ItemIndices | None = None,
    report: Report = silent,
    watch: Watch = unwatched,
) -> ClassifierHistory:
    """Train a network and its last step in place; the same seed gives the same weights on the CPU.

    The loss is :func:`~conceptstain.nets.class_loss.balanced_cross_entropy`: of whole items, or, where parts are told,
    of every place against the fraction of each part in it.

    Parameters
    ----------
    network, head
        Their first weights are taken as they are.
    data
        What is learned from.
    targets
        What is learned.
    settings
        How.
    items
        Indices of the items to learn from and to hold out; None: all that are labelled and trainable.
    report
        Called after every step, and at the end of every epoch with ``"loss"`` and ``"balanced accuracy"``, of the items
        held out where there are some. If it raises :class:`Cancelled`, the network is left half trained.
    watch
        Called before the first step and after every epoch, with a function that copies the weights.

    Raises
    ------
    InputError
        Settings that are not for these inputs, or a training that diverged.
    """
    settings = settings or ClassifierTrainingSettings()
    _check(data, targets, settings)
    device = best_device(settings.device)
    generator = torch.Generator().manual_seed(settings.seed)
    known = np.intersect1d(targets.labelled, data.trainable) if items is None else np.asarray(items, dtype=int)
    learned, left = held_out(targets, known, settings.validation_fraction, generator)
    weights = torch.as_tensor(class_weights(masses_of(targets, learned), settings.balance), dtype=torch.float32)
    network.to(device)
    head.to(device)
    begun = time.perf_counter()
    with _as_seeded(settings.seed), batch_normalised(network, on=settings.batch_norm) as norms:
        task = _Task(network, head, data, targets, weights.to(device), settings, generator, norms)
        history = _run(task, learned, left, report, watch)
    network.eval()
    return replace(history, seconds=time.perf_counter() - begun, device=device.type)


def held_out(
    targets: Targets, items: NDArray[np.integer], fraction: float, generator: torch.Generator
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Items to learn from and items held out, of every class alike; at least one of each where any are held out."""
    groups = np.zeros(len(items), dtype=int) if targets.parts else targets.of(items).argmax(axis=1)
    learned, left = [], []
    for group in np.unique(groups):
        mine = items[groups == group]
        mine = mine[torch.randperm(len(mine), generator=generator).numpy()]
        n_left = min(math.ceil(fraction * len(mine)), len(mine) - 1)
        left.append(mine[:n_left])
        learned.append(mine[n_left:])
    return np.sort(np.concatenate(learned)), np.sort(np.concatenate(left))


def _check(data: Inputs, targets: Targets, settings: ClassifierTrainingSettings) -> None:
    of_pictures = len(data.shape) == 3
    if settings.augmentation.changes and data.scaling != "unit":
        raise InputError(
            "Only images are augmented",
            got=f"{settings.augmentation} for inputs in the scaling {data.scaling!r}",
            cure="Use jitter for gene pictures, whose frame the tissue does not fill",
        )
    if settings.batch_norm and not of_pictures:
        raise InputError(
            "Only convolutions are normalised", got="batch_norm for profiles", cure="Leave it out: batch_norm=False"
        )
    if settings.jitter and (not of_pictures or targets.parts):
        raise InputError(
            "Only whole pictures can be shifted",
            got=f"jitter {settings.jitter} for {'parts' if targets.parts else 'profiles'}",
            cure="Use a jitter of 0",
        )


def _run(
    task: _Task, learned: NDArray[np.integer], left: NDArray[np.integer], report: Report, watch: Watch
) -> ClassifierHistory:
    settings = task.settings
    most = min(settings.items_per_epoch or len(learned), len(learned))
    steps_per_epoch = n_batches(learned[:most], settings.batch_size)
    n_epochs = settings.epochs or max(LEAST_EPOCHS, math.ceil(ENOUGH_STEPS / steps_per_epoch))
    optimiser = torch.optim.AdamW(
        [*task.network.parameters(), *task.norms.parameters(), *task.head.parameters()],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_epochs * steps_per_epoch)
    course = _Course(optimiser, schedule, n_epochs, steps_per_epoch)
    losses: list[float] = []
    learned_accuracies: list[float] = []
    left_losses: list[float] = []
    left_accuracies: list[float] = []
    best_epoch, best, confusion = 0, list[dict[str, Tensor]](), None

    def weights() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        return task.norms.folded(task.network), _copied(task.head)

    watch(0, n_epochs, weights)
    for epoch in range(1, n_epochs + 1):
        chosen = learned if most == len(learned) else drawn([learned], most, task.generator)[0]
        loss, seen = _learn(task, chosen, course, epoch, report)
        losses.append(loss)
        learned_accuracies.append(seen.balanced_accuracy)
        told = {"loss": loss, "balanced accuracy": seen.balanced_accuracy}
        better = True
        if len(left):
            left_loss, seen = _validate(task, left)
            left_losses.append(left_loss)
            left_accuracies.append(seen.balanced_accuracy)
            told = {"loss": left_loss, "balanced accuracy": seen.balanced_accuracy}
            ranks = list(zip(left_accuracies, [-each for each in left_losses], strict=True))
            better = ranks[-1] == max(ranks)
        if not math.isfinite(loss) or not math.isfinite(told["loss"]):
            raise InputError(
                f"The training diverged in epoch {epoch}",
                got=f"loss {told['loss']}",
                cure="Lower the learning rate, or check the values for infinities",
            )
        if better:
            best_epoch, confusion = epoch, seen if len(left) else None
            best = list(weights())
        watch(epoch, n_epochs, weights)
        report(Step(epoch * steps_per_epoch, n_epochs * steps_per_epoch, f"Epoch {epoch} of {n_epochs}", told))
    for module, state in zip((task.network, task.head), best, strict=True):
        module.load_state_dict(state)
    return ClassifierHistory(
        loss=tuple(losses),
        balanced_accuracy=tuple(learned_accuracies),
        validation_loss=tuple(left_losses),
        validation_balanced_accuracy=tuple(left_accuracies),
        best_epoch=best_epoch,
        confusion=confusion,
        seconds=0.0,
        device="",
    )


def _copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def _learn(
    task: _Task,
    items: NDArray[np.integer],
    course: _Course,
    epoch: int,
    report: Report,
) -> tuple[float, Confusion]:
    """One epoch: its mean loss, and what was taken for what on the way."""
    task.network.train()
    task.norms.train()
    total, step = torch.zeros((), device=task.weights.device), (epoch - 1) * course.steps_per_epoch
    confusion = np.zeros((len(task.targets.classes),) * 2)
    for _, batch in batches_of([items], task.settings.batch_size, task.generator):
        x, told = _changed(task, *_read(task, batch))
        scores, told = _scores(task, x), _at_places(task, told, x)
        loss = balanced_cross_entropy(scores, told, task.weights)
        course.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        course.optimiser.step()
        course.schedule.step()
        confusion += counted_confusion(scores.detach(), told)
        total, step = total + loss.detach() * len(batch), step + 1
        if step < epoch * course.steps_per_epoch:
            n_steps = course.n_epochs * course.steps_per_epoch
            report(Step(step, n_steps, f"Epoch {epoch} of {course.n_epochs}"))
    return float(total) / len(items), Confusion(task.targets.classes, confusion)


def _validate(task: _Task, items: NDArray[np.integer]) -> tuple[float, Confusion]:
    """Loss and confusion of the items held out."""
    task.network.eval()
    task.norms.eval()
    total, confusion = 0.0, np.zeros((len(task.targets.classes),) * 2)
    with torch.inference_mode():
        for start in range(0, len(items), CHUNK):
            batch = items[start : start + CHUNK]
            x, told = _read(task, batch)
            scores, told = _scores(task, x), _at_places(task, told, x)
            total += float(balanced_cross_entropy(scores, told, task.weights)) * len(batch)
            confusion += counted_confusion(scores, told)
    return total / len(items), Confusion(task.targets.classes, confusion)


def _read(task: _Task, items: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
    device = task.weights.device
    x = torch.as_tensor(task.data.inputs(items), device=device)
    return x, torch.as_tensor(task.targets.of(items), dtype=torch.float32, device=device)


def _changed(task: _Task, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
    """The inputs as they are shown this time, with what is said of their pixels moved alike."""
    jitter, augmentation = task.settings.jitter, task.settings.augmentation
    if jitter:
        down, right = torch.randint(-jitter, jitter + 1, (2,), generator=task.generator).tolist()
        x = shifted(x, down, right)
    if not augmentation.changes:
        return x, told
    if not task.targets.parts:
        return augmentation(x, task.generator), told
    moved = replace(augmentation, light=0.0)(torch.cat([x, told], dim=1), task.generator)
    x, told = moved[:, : x.shape[1]], moved[:, x.shape[1] :]
    return replace(augmentation, symmetries="none", shift=0)(x, task.generator), told


def _scores(task: _Task, x: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch classes ..."]:
    """Scores of the items, or, where parts are told, of every place."""
    if not task.targets.parts:
        scores: Tensor = task.head(task.network.encode(x).mean)
        return scores
    by_place: Tensor = task.head(task.network.encoder(x).movedim(1, -1))
    return by_place.movedim(-1, 1)


def _at_places(task: _Task, told: Tensor, x: Tensor) -> Tensor:
    """What is said of pixels as the fraction of each class in the places that the network tells."""
    if not task.targets.parts:
        return told
    side = 2**task.network.settings.halvings
    return functional.adaptive_avg_pool2d(told, (x.shape[-2] // side, x.shape[-1] // side))


@contextmanager
def _as_seeded(seed: int) -> Iterator[None]:
    """One thread, which is enough for networks this small, and dropout by the seed; both as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)
