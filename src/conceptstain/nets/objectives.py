"""Objectives: what a VAE is to make small beside the reconstruction, as settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final, get_args

from conceptstain.errors import InputError

__all__ = ["OBJECTIVES", "Objective", "ObjectiveName"]

ObjectiveName = Literal["vae", "beta-vae", "factor-vae", "ad-factor-vae"]
OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)


@final
@dataclass(frozen=True)
class Objective:
    """What is made small.

    Attributes
    ----------
    name
        ``"vae"``: reconstruction and divergence, with the weight ``beta`` of the training settings.
        ``"beta-vae"``: the same with a weight of its own (Higgins et al. 2017).
        ``"factor-vae"``: ``"vae"`` and ``gamma`` times the total correlation of the latents, by the density ratio of a
        discriminator that is trained beside it (Kim & Mnih 2018).
        ``"ad-factor-vae"``: that and ``attention_weight`` times the overlap of the attention maps of two latents drawn
        at every step (Liu et al. 2020, equation 5); for networks with convolutions.
    beta
        Of ``"beta-vae"``: weight of the divergence; 1 is the evidence bound.
    gamma
        Of both FactorVAEs: weight of the total correlation, in nats. It is weighed against a reconstruction in nats.
    discriminator
        Units of the discriminator's hidden layers; Kim & Mnih have six of 1,000.
    discriminator_learning_rate
        Of its Adam, with betas .5 and .9.
    attention_weight
        Of ``"ad-factor-vae"``: lambda, weight of the overlap, which is between 0 and 1.
    attention_layer
        Of ``"ad-factor-vae"``: the layer whose maps are compared, as in ``network.named_modules()``; the end of the
        name is enough (``"conv3"``). None: the third convolution, or the last of fewer.
    """

    name: ObjectiveName = "vae"
    beta: float = 4.0
    gamma: float = 10.0
    discriminator: tuple[int, ...] = (1000,) * 6
    discriminator_learning_rate: float = 1e-4
    attention_weight: float = 1.0
    attention_layer: str | None = None

    def __post_init__(self) -> None:
        if self.name not in OBJECTIVES:
            raise InputError(
                "There is no objective of that name", got=repr(self.name), cure=f"Use one of: {', '.join(OBJECTIVES)}"
            )
        in_range = (
            self.beta >= 0
            and self.gamma >= 0
            and self.attention_weight >= 0
            and self.discriminator_learning_rate > 0
            and len(self.discriminator) > 0
            and min(self.discriminator) > 0
        )
        if not in_range:
            raise InputError(
                "A setting of the objective is out of range",
                got=str(self),
                cure="Use weights of 0 or more, a positive learning rate, and one hidden layer or more",
            )

    @property
    def factorises(self) -> bool:
        """Whether the total correlation is among its terms."""
        return self.name in {"factor-vae", "ad-factor-vae"}

    @property
    def attends(self) -> bool:
        """Whether the overlap of attention maps is among its terms."""
        return self.name == "ad-factor-vae"
