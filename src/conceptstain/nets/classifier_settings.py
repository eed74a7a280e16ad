"""How a classifier is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from conceptstain.errors import InputError
from conceptstain.nets.augmentation import Augmentation

__all__ = ["ClassifierTrainingSettings"]


@final
@dataclass(frozen=True)
class ClassifierTrainingSettings:
    """How to train a classifier.

    Attributes
    ----------
    epochs
        Passes over the items. None: 20 or more, as many as make 400 steps.
    batch_size
        Items per step.
    learning_rate
        Of AdamW; it falls to 0 along half a cosine.
    weight_decay
        Of AdamW.
    balance
        How much rare classes count more: the weight of a class is its number of items (of parts, its area) to the power
        of minus this. 1: every class as much as every other. 0: every item.
    validation_fraction
        Part of the items, of each class alike, that is not learned from; the epoch with the best balanced accuracy on
        it is kept. 0: the last one.
    seed
        Of the split, the order, the changes and what is left out.
    device
        ``"auto"``: the fastest of this machine.
    augmentation
        How images are changed before every step; parts are moved with them.
    jitter
        Largest shift of gene pictures in pixels, drawn anew for every step.
    items_per_epoch
        How many items an epoch takes at most, drawn anew for each. None: all.
    batch_norm
        Of pictures, whether what each convolution puts out is normalised over the batch while it learns; afterwards its
        weights do it (:mod:`~conceptstain.nets.batch_norm`).
    """

    epochs: int | None = None
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    balance: float = 1.0
    validation_fraction: float = 0.2
    seed: int = 0
    device: str = "auto"
    augmentation: Augmentation = field(default_factory=Augmentation)
    jitter: int = 0
    items_per_epoch: int | None = None
    batch_norm: bool = False

    def __post_init__(self) -> None:
        in_range = (
            (self.epochs is None or self.epochs >= 1)
            and self.batch_size >= 2
            and self.learning_rate > 0
            and self.weight_decay >= 0
            and 0 <= self.balance <= 1
            and 0 <= self.validation_fraction <= 0.5
            and self.jitter >= 0
            and (self.items_per_epoch is None or self.items_per_epoch >= 2)
        )
        if not in_range:
            raise InputError(
                "A setting of the training is out of range",
                got=str(self),
                cure="Use 1 epoch or more, batches of 2 or more, a positive learning rate, a balance from 0 to 1, and "
                "a validation fraction from 0 to 0.5",
            )
