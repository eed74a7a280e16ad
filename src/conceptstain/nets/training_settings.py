"""How a VAE is trained: settings, and which inputs they go with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, final

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs
from conceptstain.nets.augmentation import Augmentation
from conceptstain.nets.objectives import Objective

__all__ = ["Loss", "Schedule", "TrainingSettings", "check_training"]

Schedule = Literal["cosine", "constant"]
Loss = Literal["squared error", "calibrated", "paper", "bernoulli"]
UNIT = "unit"  # the scaling of images
PAPER = "paper"  # the scaling of gene pictures over their maxima


@final
@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    epochs
        Passes over the items. None: 12 or more, as many as make 600 steps, so that a panel of a few hundred genes is
        learned as thoroughly as a transcriptome.
    batch_size
        Items per step; those of one step come from one section.
    learning_rate
        Of Adam.
    schedule
        ``"cosine"``: the learning rate falls to 0 along half a cosine, which needs fewer epochs. ``"constant"``.
    beta
        Weight of the divergence against the reconstruction.
    jitter
        Largest shift of the pictures in pixels, drawn anew for every step.
    validation_fraction
        Part of the items that is not learned from; the epoch that reconstructs it best is kept. 0: the last one.
    seed
        Of the split, the order, the shifts and the samples of z.
    device
        ``"auto"``: the fastest of this machine.
    loss
        Of a network that does not learn counts. None: what suits the scaling, as :func:`train` has it.
        ``"bernoulli"``: cross-entropy summed over pixels in 0..1.
    augmentation
        How images are changed before every step.
    items_per_epoch
        How many items an epoch takes at most, drawn anew for each: a slide has more patches than can be gone through.
        As many are held out at most. None: all.
    objective
        What is made small beside the reconstruction.
    """

    epochs: int | None = None
    batch_size: int = 64
    learning_rate: float = 2e-3
    schedule: Schedule = "cosine"
    beta: float = 0.3
    jitter: int = 0
    validation_fraction: float = 0.05
    seed: int = 0
    device: str = "auto"
    loss: Loss | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    items_per_epoch: int | None = None
    objective: Objective = field(default_factory=Objective)

    @classmethod
    def paper(cls, seed: int = 0) -> TrainingSettings:
        """Those of the released notebook: Adam 5e-4, batches of 64, 10 epochs, the last one kept."""
        return cls(10, 64, 5e-4, "constant", beta=1.0, jitter=0, validation_fraction=0.0, seed=seed)

    @classmethod
    def paper_images(cls, epochs: int = 15, seed: int = 0) -> TrainingSettings:
        """Those of the released faces notebook: Adam 1e-3, batches of 20, its weight of the divergence, the last epoch.

        Its epochs are of 10,000 steps, twice as many as a set of 100,000 images has.
        """
        return cls(epochs, 20, 1e-3, "constant", beta=10.0, validation_fraction=0.0, seed=seed, loss="paper")

    @classmethod
    def factor_vae(
        cls, objective: Objective | None = None, *, epochs: int | None = None, seed: int = 0
    ) -> TrainingSettings:
        """Those of the literature of disentangling: Adam 1e-4, batches of 64, Bernoulli pixels (Kim & Mnih 2018)."""
        return cls(
            epochs,
            64,
            1e-4,
            "constant",
            beta=1.0,
            seed=seed,
            loss="bernoulli",
            objective=objective or Objective("factor-vae"),
        )


def check_training(data: Sequence[Inputs], settings: TrainingSettings) -> None:
    """Refuse inputs that differ, and settings that are out of range or are not for these inputs.

    Raises
    ------
    InputError
        They do not go together.
    """
    if not data:
        raise InputError("There is nothing to learn from", got="no section", cure="Give one canvas or more")
    kinds = {(tuple(each.shape), each.scaling) for each in data}
    if len(kinds) > 1:
        raise InputError(
            "Sections that are learned from together need one shape and one scaling",
            got=" and ".join(f"{shape} in {scaling!r}" for shape, scaling in sorted(kinds)),
            cure="View them with the same scaling= and frame=",
        )
    in_range = (
        (settings.epochs is None or settings.epochs >= 1)
        and settings.batch_size >= 2
        and settings.learning_rate > 0
        and settings.beta >= 0
        and settings.jitter >= 0
        and 0 <= settings.validation_fraction <= 0.5
        and (settings.items_per_epoch is None or settings.items_per_epoch >= 2 * len(data))
    )
    if not in_range:
        raise InputError(
            "A setting of the training is out of range",
            got=str(settings),
            cure="Use 1 epoch or more, batches of 2 or more, a positive learning rate, "
            "a validation fraction from 0 to 0.5, and two items an epoch or more",
        )

    if settings.jitter and len(data[0].shape) < 3:
        raise InputError(
            "Only pictures can be shifted", got=f"jitter {settings.jitter} for profiles", cure="Use a jitter of 0"
        )
    if settings.loss == "bernoulli" and data[0].scaling not in {UNIT, PAPER}:
        raise InputError(
            "Bernoulli pixels have values in 0..1",
            got=f"inputs in the scaling {data[0].scaling!r}",
            cure="Use it for images, or leave the loss out",
        )
    if settings.augmentation.changes and data[0].scaling != UNIT:
        raise InputError(
            "Only images are augmented",
            got=f"{settings.augmentation} for inputs in the scaling {data[0].scaling!r}",
            cure="Use jitter for gene pictures, whose frame the tissue does not fill",
        )
