"""Encoders: networks that turn inputs into a latent space, and usually back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import MismatchError
from conceptstain.inputs import Inputs, ItemIndices, Profiles, Source
from conceptstain.progress import Report, Step, silent

__all__ = ["VAE", "Encoder", "Encoding"]

CHUNK = 256  # pictures per forward pass: large enough to be fast, small enough to stay in cache
FEWEST = 16  # of fewer, matrix products take other paths, and the last digits would depend on what is encoded together


class Encoding(NamedTuple):
    """Mean and logarithm of the variance of q(z | x), each ``(batch, latent)``."""

    mean: Float[Tensor, "batch latent"]
    log_var: Float[Tensor, "batch latent"]


@runtime_checkable
class VAE(Protocol):
    """What the methods ask of a network; it is also an :class:`torch.nn.Module`."""

    def encode(self, x: Float[Tensor, "batch ..."]) -> Encoding:
        """Inputs to the latent space."""
        ...

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch ..."]:
        """The latent space back to inputs."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Encoder:
    """A trained VAE, frozen, with what must be known to use it rightly.

    Attributes
    ----------
    name
        Name to show, e.g. ``"gene-pictures"``.
    network
        The VAE; set to evaluation with its parameters frozen when the encoder is made.
    shape
        Shape of one input.
    scaling
        Name of the scaling its inputs were trained in.
    latent
        Number of latent dimensions.
    card
        What it was trained on and how, for people to read: data, settings, seed, history.
    features
        Names of the numbers of an input, in order, where inputs are profiles; empty for pictures.
    """

    name: str
    network: nn.Module
    shape: tuple[int, ...]
    scaling: str
    latent: int
    card: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)
        # Convolutions and pooling of small pictures take half the time in this order of memory. Networks of the user's
        # own say that they stay as they are: a view of a convolution's output may count on the order.
        order = getattr(self.network, "memory_format", torch.channels_last)
        self.network.to(memory_format=order)  # type: ignore[call-overload]

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 over shape, scaling, features, weights; concepts are bound to it.

        Of a network of the user's own, also over which of its layers is the latent space.
        """
        digest = hashlib.sha256(f"{self.shape} {self.scaling}".encode())
        for feature in self.features:
            digest.update(f"{feature}\n".encode())
        digest.update(getattr(self.network, "latent_layer", "").encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:12]

    @property
    def sections(self) -> tuple[str, ...]:
        """Names of the sections, sets of images or slides that it learned from, where its card tells them."""
        return tuple(str(seen["name"]) for seen in self._told)

    def has_seen(self, section: Source) -> bool:
        """Whether it learned from this section, set of images or slide, as far as its card tells.

        A section is known by its counts, whatever its name; on a card that was written before counts were told, by its
        name and number of spots.
        """
        return any(_is_of(told, section) for told in self._told)

    @property
    def _told(self) -> tuple[Mapping[str, Any], ...]:
        return (*self.card.get("sections", ()), *self.card.get("images", ()))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def check(self, inputs: Inputs) -> None:
        """Refuse inputs that this encoder was not made for.

        Raises
        ------
        MismatchError
            Other shape, other scaling or other features.
        """
        if self.features and isinstance(inputs, Profiles) and inputs.features != self.features:
            shared = len(set(inputs.features) & set(self.features))
            raise MismatchError(
                f"The encoder {self.name!r} was trained on other genes, or on the same in another order",
                got=f"{shared:,} of its {len(self.features):,} genes",
                cure='View the section with section.view("spots", genes=encoder.features)',
            )
        if tuple(inputs.shape) != tuple(self.shape):
            raise MismatchError(
                f"The encoder {self.name!r} was made for inputs of another shape",
                got=f"{tuple(inputs.shape)} for {tuple(self.shape)}",
                cure="Fit an encoder to this data",
            )
        if inputs.scaling != self.scaling:
            raise MismatchError(
                f"The encoder {self.name!r} was trained in another scaling",
                got=f"{inputs.scaling!r} for {self.scaling!r}",
                cure=f"View the data with scaling={self.scaling!r}, or fit an encoder to it",
            )

    def latents(
        self,
        inputs: Inputs,
        items: ItemIndices | None = None,
        *,
        noise: torch.Generator | None = None,
        report: Report = silent,
    ) -> Float[np.ndarray, "items latent"]:
        """Where items lie in the latent space.

        Parameters
        ----------
        inputs
            The canvas.
        items
            Indices; None: all.
        noise
            None: the mean of q(z | x). A generator (on the CPU): one sample of it, ``mean + exp(log_var) * eps``, with
            the scale as the released Concept Saliency Maps code has it (it uses the variance as deviation).
        report
            Called after every chunk.
        """
        self.check(inputs)
        chosen = np.arange(len(inputs)) if items is None else np.asarray(items, dtype=int)
        latents = np.empty((len(chosen), self.latent), dtype=np.float32)
        for start in range(0, len(chosen), CHUNK):
            part = slice(start, start + CHUNK)
            asked = chosen[part]
            filled = np.concatenate([asked, np.repeat(asked[:1], max(FEWEST - len(asked), 0))])
            with torch.inference_mode():
                encoding = self.encode(self.tensor(inputs.inputs(filled)))
                z = encoding.mean[: len(asked)]
                if noise is not None:
                    eps = torch.randn(z.shape, generator=noise).to(z)
                    z = z + encoding.log_var[: len(asked)].exp() * eps
                latents[part] = z.cpu().numpy()
            report(Step(min(start + CHUNK, len(chosen)), len(chosen), "Encoding"))
        return latents

    def tensor(self, values: Float[np.ndarray, "..."]) -> Tensor:
        """Values in the network's precision, where the network is."""
        like = next(self.network.parameters())
        return torch.as_tensor(values).to(device=like.device, dtype=like.dtype)

    def encode(self, x: Float[Tensor, "batch ..."]) -> Encoding:
        """``network.encode``, typed."""
        network: Any = self.network
        encoding: Encoding = network.encode(x)
        return encoding

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch ..."]:
        """``network.decode``, typed.

        Raises
        ------
        MismatchError
            The network has no decoder.
        """
        network: Any = self.network
        if not hasattr(network, "decode"):
            raise MismatchError(
                f"The encoder {self.name!r} cannot decode", cure="Use a map that needs no decoder, such as the gradient"
            )
        decoded: Tensor = network.decode(z)
        return decoded


def _is_of(told: Mapping[str, Any], section: Source) -> bool:
    """Whether what a card tells of a section is of this one."""
    if "content" in told:
        return bool(told["content"] == section.content)
    return bool(told["name"] == section.name and told.get("spots") in {None, getattr(section, "n_spots", None)})
