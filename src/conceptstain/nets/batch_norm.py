"""Batch normalisation while a network learns, gone into its weights when it has learned.

Ioffe & Szegedy 2015 (arXiv:1502.03167): what a convolution puts out is shifted and scaled so that each channel has
mean 0 and variance 1 over the batch and its places, and then by two learned numbers. With the means and variances of
training this is an affine map of each channel, which the convolution before it can do as well: no network that is
saved, attributed or dissected has such a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor, nn

__all__ = ["BatchNorms", "batch_normalised"]

EPSILON = 1e-5


@final
class BatchNorms(nn.Module):
    """A batch normalisation behind every convolution of a network, without the network knowing of it.

    Make it with :func:`batch_normalised`.

    Parameters
    ----------
    convolutions
        By their names in the network.
    """

    def __init__(self, convolutions: dict[str, nn.Conv2d]) -> None:
        super().__init__()
        self._names = tuple(convolutions)
        self._norms = nn.ModuleList(nn.BatchNorm2d(each.out_channels, eps=EPSILON) for each in convolutions.values())

    def hook(self, number: int) -> Any:
        """What is done with the output of a convolution."""
        norm = self._norms[number]

        def normalise(_module: nn.Module, _given: Any, put_out: Tensor) -> Tensor:
            normalised: Tensor = norm(put_out)
            return normalised

        return normalise

    def folded(self, network: nn.Module) -> dict[str, Tensor]:
        """Weights of the network that does alone what it did with the normalisations of evaluation.

        Of channel ``k`` with the learned ``gamma, beta`` and the running mean ``mu`` and variance ``v`` these are
        ``s_k w_k`` and ``s_k (b_k - mu_k) + beta_k``, with ``s = gamma / sqrt(v + eps)``.
        """
        state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        for name, norm in zip(self._names, self._norms, strict=True):
            learned = norm.state_dict()
            scale = learned["weight"] / torch.sqrt(learned["running_var"] + EPSILON)
            state[f"{name}.weight"] *= scale[:, None, None, None]
            state[f"{name}.bias"] = scale * (state[f"{name}.bias"] - learned["running_mean"]) + learned["bias"]
        return state


@contextmanager
def batch_normalised(network: nn.Module, *, on: bool = True) -> Iterator[BatchNorms]:
    """Inside, what the convolutions of a network put out is normalised; nothing is left on them, also after an error.

    Parameters
    ----------
    network
        Its convolutions have biases and are used once.
    on
        Whether there are any normalisations; without, :meth:`BatchNorms.folded` gives the network's weights as they
        are.

    Yields
    ------
    BatchNorms
        To be trained with the network, and turned to evaluation with it.
    """
    found = {name: each for name, each in network.named_modules() if on and isinstance(each, nn.Conv2d)}
    norms = BatchNorms(found)
    norms.to(next(network.parameters()).device)
    handles = [each.register_forward_hook(norms.hook(number)) for number, each in enumerate(found.values())]
    try:
        yield norms
    finally:
        for handle in handles:
            handle.remove()
