"""What an objective adds to a step of training: terms, what is only watched, and a discriminator beside the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from conceptstain.errors import MismatchError
from conceptstain.inputs import Inputs
from conceptstain.nets.attention_loss import Attending, attention_overlap
from conceptstain.nets.batches import Batch
from conceptstain.nets.discriminator import Adversary
from conceptstain.nets.objectives import Objective
from conceptstain.nets.terms import Pass, Term, latent_sample, passed, plain_terms, weighed
from conceptstain.nets.training_settings import Loss, TrainingSettings

__all__ = ["Composition", "composed", "remarks"]

MASS = "attention mass"
COLLAPSED = 0.01  # of the largest mass of any epoch


@final
@dataclass(frozen=True, eq=False)
class Composition:
    """An objective put together for a network.

    Attributes
    ----------
    terms
        What is summed, and with a weight of 0 what is watched.
    loss
        Which reconstruction.
    attending
        Whose maps are compared, where they are.
    adversary
        The discriminator, where there is one; it has to see a second batch after every step.
    """

    terms: tuple[Term, ...]
    loss: Loss
    attending: Attending | None = None
    adversary: Adversary | None = None

    def look(
        self, network: nn.Module, batch: Batch, generator: torch.Generator
    ) -> tuple[Pass, Tensor, dict[str, Tensor]]:
        """A batch through the network: the pass, its loss, and its terms."""
        step = passed(network, batch, self.loss, generator=generator, attending=self.attending)
        return step, *weighed(self.terms, step)

    def sample(self, network: Any, batch: Batch, generator: torch.Generator) -> Tensor:
        """A sample of the latents of another batch, which nothing is learned from."""
        with torch.no_grad():
            return latent_sample(network.encode(batch.x), self.loss, generator)


def composed(
    network: nn.Module, data: Sequence[Inputs], settings: TrainingSettings, loss: Loss, *, device: torch.device
) -> Composition:
    """The terms of the settings' objective, for a network that is where it will be trained.

    Raises
    ------
    MismatchError
        The objective is not for this network, or not for this loss.
    """
    objective = settings.objective
    beta = objective.beta if objective.name == "beta-vae" else settings.beta
    terms: tuple[Term, ...] = plain_terms(network, loss, beta)
    if not objective.factorises:
        return Composition(terms, loss)
    network.eval()
    example = torch.zeros((1, *data[0].shape), device=device)
    with torch.inference_mode():
        latent = int(network.encode(example).mean.shape[1])  # type: ignore[operator]
    _check(objective, loss, latent)
    attending = None
    if objective.attends:
        attending = Attending(network, example, objective.attention_layer, seed=settings.seed)
    adversary = Adversary(latent, objective, seed=settings.seed, device=device)
    terms += (Term("total correlation", objective.gamma, lambda step: adversary.total_correlation(step.z)),)
    if attending is not None:
        terms += (
            Term("attention overlap", objective.attention_weight, _overlap),
            Term(MASS, 0.0, lambda step: _maps(step).mean()),
        )
    return Composition(terms, loss, attending, adversary)


def remarks(terms: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    """What has to be known of the curves of a training to read them rightly, one sentence each."""
    mass = terms.get(MASS, ())
    if not mass or mass[-1] >= COLLAPSED * max(mass):
        return ()
    died = f"The attention maps have died: their mass fell to {mass[-1] / max(mass):.2%} of its largest value."
    cure = "A small overlap then does not mean that latents look at different places; lower the attention weight."
    return (f"{died} {cure}",)


def _overlap(step: Pass) -> Tensor:
    first, second = _maps(step)
    return attention_overlap(first, second).mean()


def _maps(step: Pass) -> Tensor:
    if step.maps is None:
        raise TypeError("a pass without attention maps")
    return step.maps


def _check(objective: Objective, loss: Loss, latent: int) -> None:
    if loss == "paper":
        raise MismatchError(
            f"The objective {objective.name} weighs nats against nats",
            got="the loss of the notebook, which is a mean over pixels",
            cure="Use another loss, such as bernoulli for values in 0..1",
        )
    if latent < 2:
        raise MismatchError(f"The objective {objective.name} tells latents apart", got="1 latent", cure="Use 2 or more")
