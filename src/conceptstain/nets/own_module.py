"""The module that stands between the methods and a network of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import InputError
from conceptstain.nets.encoder import Encoding
from conceptstain.nets.tap import over_places, tap

__all__ = ["OwnNetwork", "OwnVAE"]


class OwnNetwork(nn.Module):
    """A network of the user's own behind the ``encode`` that the methods ask.

    Its layers keep their names in :meth:`named_modules`, so that taps, rules and concepts use the user's own.

    Parameters
    ----------
    network
        What is asked.
    mean, std
        What is subtracted from the inputs first, and what they are divided by, shaped to broadcast; None: nothing.
    latent_layer
        The layer whose output is the latent space; empty: what the network puts out.
    """

    memory_format = torch.contiguous_format  # the user's network may count on it
    input_mean: Tensor | None
    input_std: Tensor | None

    def __init__(
        self, network: nn.Module, mean: Tensor | None = None, std: Tensor | None = None, *, latent_layer: str = ""
    ) -> None:
        super().__init__()
        like = next(network.parameters())
        self.network = network
        self.latent_layer = latent_layer
        self.register_buffer("input_mean", None if mean is None else mean.to(like))
        self.register_buffer("input_std", None if std is None else std.to(like))

    def named_modules(
        self, memo: set[nn.Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Module]]:
        """The layers of the user's network by its own names; the network itself and this module have none."""
        yield prefix, self
        yield from self.network.named_modules(memo, prefix, remove_duplicate)

    def encode(self, x: Float[Tensor, "batch ..."]) -> Encoding:
        """Inputs to the latent space; where the network has no variance, a latent is a point: its logarithm is -inf."""
        if self.input_mean is not None:
            x = x - self.input_mean
        if self.input_std is not None:
            x = x / self.input_std
        encode = getattr(self.network, "encode", self.network)
        if not self.latent_layer:
            return _encoding(encode(x))
        with tap(self.network, self.latent_layer) as tapped:
            encode(x)
            return _encoding(tapped.take())


@final
class OwnVAE(OwnNetwork):
    """A network of the user's own that can also decode."""

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch ..."]:
        """The latent space back to inputs, in their scaling."""
        network: Any = self.network
        x: Tensor = network.decode(z)
        if self.input_std is not None:
            x = x * self.input_std
        return x if self.input_mean is None else x + self.input_mean


def _encoding(output: Any) -> Encoding:
    """What a network put out as mean and logarithm of the variance."""
    parts = tuple(output) if isinstance(output, tuple | list) else (output,)
    tensors = [part for part in parts if isinstance(part, Tensor) and part.ndim > 1]
    if len(tensors) != len(parts) or len(parts) not in {1, 2} or (len(parts) == 2 and parts[0].shape != parts[1].shape):
        told = [tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in parts]
        raise InputError(
            "The network puts out neither a latent mean nor a mean and log variance of one shape",
            got=", ".join(map(str, told)) or "nothing",
            cure="Name the layer that is the latent space with latent=..., or hand over the encoding part alone",
        )
    mean = over_places(tensors[0])
    return Encoding(mean, over_places(tensors[1]) if len(tensors) == 2 else torch.full_like(mean, -torch.inf))
