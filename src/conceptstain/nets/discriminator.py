"""Total correlation by a density ratio: a discriminator of latents, trained beside the VAE (Kim & Mnih 2018)."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from conceptstain.nets.objectives import Objective

__all__ = ["Adversary", "Discriminator", "permuted_dimensions"]

BETAS = (0.5, 0.9)  # of its Adam (Kim & Mnih 2018, appendix A)
SLOPE = 0.2  # of its leaky ReLU


def permuted_dimensions(z: Float[Tensor, "batch latent"], generator: torch.Generator) -> Float[Tensor, "batch latent"]:
    """Every latent dimension permuted over the batch on its own: a sample of the product of the marginals.

    Algorithm 1 of Kim & Mnih 2018.
    """
    n, latent = z.shape
    order = torch.rand((n, latent), generator=generator).argsort(dim=0).to(z.device)
    return z.gather(0, order)


@final
class Discriminator(nn.Module):
    """Dense layers with leaky ReLU that end in the log density ratio ``log q(z) - log prod_j q(z_j)``.

    Parameters
    ----------
    latent
        Dimensions of z.
    units
        Of each hidden layer.
    seed
        Of the first weights. torch's global random state is left as it was.
    """

    def __init__(self, latent: int, units: tuple[int, ...] = (1000,) * 6, *, seed: int = 0) -> None:
        super().__init__()
        sizes = (latent, *units)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            hidden = [
                part for i in range(1, len(sizes)) for part in (nn.Linear(sizes[i - 1], sizes[i]), nn.LeakyReLU(SLOPE))
            ]
            self.layers = nn.Sequential(*hidden, nn.Linear(sizes[-1], 2))

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, " batch"]:
        """The logit of "z is as the encoder gives it" minus that of "its dimensions are permuted"."""
        logits: Tensor = self.layers(z)
        return logits[:, 0] - logits[:, 1]


@final
class Adversary:
    """A discriminator in training: it estimates the total correlation, and learns after every step of the VAE.

    Parameters
    ----------
    latent
        Dimensions of z.
    objective
        Sizes and learning rate.
    seed
        Of its first weights and of the permutations.
    device
        Where the VAE is.
    """

    def __init__(self, latent: int, objective: Objective, *, seed: int, device: torch.device) -> None:
        self.network = Discriminator(latent, objective.discriminator, seed=seed).to(device)
        self._optimiser = torch.optim.Adam(
            self.network.parameters(),
            lr=objective.discriminator_learning_rate,
            betas=BETAS,
            fused=True,  # five million weights: a third of the time on the CPU
        )
        self._generator = torch.Generator().manual_seed(seed)

    def total_correlation(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, ""]:
        """Mean log density ratio of the batch, in nats; its gradient reaches z and not the discriminator."""
        held = {name: parameter.detach() for name, parameter in self.network.named_parameters()}
        ratio: Tensor = functional_call(self.network, held, (z,))
        return ratio.mean()

    def learn(self, z: Float[Tensor, "batch latent"], others: Float[Tensor, "others latent"]) -> Float[Tensor, ""]:
        """One step of telling z from the permuted dimensions of a second batch; which part it got right before it."""
        with torch.enable_grad():
            joint = self.network(z.detach())
            permuted = self.network(permuted_dimensions(others.detach(), self._generator))
            loss = 0.5 * (softplus(-joint).mean() + softplus(permuted).mean())
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        right: Tensor = 0.5 * ((joint > 0).float().mean() + (permuted < 0).float().mean())
        return right.detach()
