"""Generators: networks that make samples of latents, such as the decoder of an encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import InputError
from conceptstain.nets.encoder import CHUNK, Encoder
from conceptstain.progress import Report, Step, silent

__all__ = ["Gaussian", "Generator"]

MAPPED_FOR_MEAN = 2000  # draws of a mapping that the mean latent of a class is taken over
MAPPED_AT_ONCE = 1024


class Gaussian(NamedTuple):
    """A normal distribution of latents: its mean, and a square root of its covariance."""

    mean: Float[np.ndarray, " latent"]
    root: Float[np.ndarray, "latent latent"]


@final
@dataclass(frozen=True, eq=False)
class Generator:
    """A generative model: latents become samples. Make one with :func:`~conceptstain.nets.generators.generator`.

    Attributes
    ----------
    name
        Name to show.
    network
        What makes samples of latents; set to evaluation with its parameters frozen when the generator is made.
    latent
        Number of latent dimensions.
    shape
        Shape of one sample.
    scaling
        Name of the scaling of its samples, as of an encoder's inputs.
    mean
        The mean latent, 0 of a VAE's prior.
    truncation
        Drawn latents are ``mean + truncation * (w - mean)`` (Karras et al. 2019, appendix B); of a class with a mean of
        its own, towards that one. 1: as they are drawn.
    tiles
        How many times a latent is repeated before the network sees it, as networks with one input for every layer want
        it; 0: not at all.
    features
        Names of the numbers of a sample, in order, where samples are profiles.
    span
        Lowest and highest value that the network means; samples are brought to 0..1 and what lies beyond is cut off.
        None: they are left as they are.
    encoder
        The encoder whose decoder it is; None: of a network of the user's own.
    gaussians
        Where the items of each class lie, by name; ``""``: all items. Empty: latents are drawn from the prior.
    mapping
        Of a network of the user's own, what makes latents of normal noise, such as the mapping network of StyleGAN;
        it is handed the class as a row of zeros with a one, too, where there are ``classes``.
    noise
        How many numbers the mapping takes.
    classes
        Names of the classes that the mapping was trained with, in order.
    """

    name: str
    network: nn.Module
    latent: int
    shape: tuple[int, ...]
    scaling: str
    mean: Float[np.ndarray, " latent"]
    truncation: float = 1.0
    tiles: int = 0
    features: tuple[str, ...] = ()
    span: tuple[float, float] | None = None
    encoder: Encoder | None = None
    gaussians: Mapping[str, Gaussian] = field(default_factory=dict)
    mapping: nn.Module | None = None
    noise: int = 0
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for network in (self.network, self.mapping):
            if network is not None:
                network.eval().requires_grad_(False)
        if self.mean.shape != (self.latent,) or self.truncation < 0 or self.tiles < 0:
            raise InputError(
                f"The latents of {self.name!r} are not described well",
                got=f"mean {self.mean.shape}, truncation {self.truncation}, {self.tiles} tiles",
                cure=f"Give a mean of {self.latent} numbers, and a truncation and tiles of 0 or more",
            )

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of a SHA-256 over what makes samples of latents; an encoder's own of its decoder.

        How latents are drawn is not part of it.
        """
        if self.encoder is not None:
            return self.encoder.fingerprint
        digest = hashlib.sha256(f"{self.latent} {self.shape} {self.scaling} {self.tiles} {self.span}".encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:12]

    @property
    def _like(self) -> Tensor:
        tensors = (*self.network.parameters(), *self.network.buffers())
        return next((each for each in tensors if each.is_floating_point()), torch.empty(0))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self._like.device

    def tensor(self, values: Float[np.ndarray, "..."]) -> Tensor:
        """Values in the network's precision, where the network is."""
        return torch.tensor(np.asarray(values)).to(self._like)  # a copy: what is kept of a canvas is read-only

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch ..."]:
        """Samples of latents, differentiable.

        Raises
        ------
        MismatchError
            It is the decoder of an encoder that has none.
        """
        if self.encoder is not None:
            return self.encoder.decode(z)
        network: Any = self.network
        make = next((getattr(network, way) for way in ("decode", "synthesis") if hasattr(network, way)), network)
        made: Tensor = make(z[:, None].expand(-1, self.tiles, -1) if self.tiles else z)
        if self.span is None:
            return made
        low, high = self.span
        return ((made - low) / (high - low)).clamp(0, 1)

    def samples(
        self, latents: Float[np.ndarray, "items latent"], *, report: Report = silent
    ) -> Float[np.ndarray, "items ..."]:
        """Samples of latents, without gradients and some at a time; float32.

        Parameters
        ----------
        latents
            One row for every sample.
        report
            Called after every chunk.

        Raises
        ------
        InputError
            Latents of another size.
        """
        latents = np.asarray(latents)
        if latents.ndim != 2 or latents.shape[1] != self.latent:
            raise InputError(
                f"The latents are not those of {self.name!r}",
                got=f"shape {latents.shape}",
                cure=f"Give rows of {self.latent} numbers",
            )
        made = np.empty((len(latents), *self.shape), dtype=np.float32)
        for start in range(0, len(latents), CHUNK):
            with torch.inference_mode():
                part = self.decode(self.tensor(latents[start : start + CHUNK]))
            made[start : start + CHUNK] = part.float().cpu().numpy()
            report(Step(min(start + CHUNK, len(latents)), len(latents), "Decoding"))
        return made

    def draw(self, n: int, rng: np.random.Generator, label: str | None = None) -> Float[np.ndarray, "n latent"]:
        """Latents at random, truncated.

        Parameters
        ----------
        n
            How many.
        rng
            Where chance comes from; the next call goes on where this one stopped.
        label
            Of which class; None: of any.

        Raises
        ------
        InputError
            Nothing is known of such a class.
        """
        if label is not None and label not in {*self.gaussians, *self.classes}:
            names = sorted({*self.gaussians, *self.classes} - {""})
            raise InputError(
                f"The generator {self.name!r} draws no samples of that class",
                got=repr(label),
                cure=f"Choose one of: {', '.join(names)}" if names else "Make it with a canvas and labels",
            )
        mean = self.mean
        if self.mapping is not None:
            if label is not None:
                mean = self._mapped(MAPPED_FOR_MEAN, np.random.default_rng(0), label).mean(axis=0)
            drawn = self._mapped(n, rng, label)
        elif (known := self.gaussians.get(label or "")) is not None:
            mean = known.mean
            drawn = mean + rng.standard_normal((n, self.latent)) @ known.root.T
        else:
            drawn = mean + rng.standard_normal((n, self.latent))
        return np.asarray(mean + self.truncation * (drawn - mean))

    def _mapped(self, n: int, rng: np.random.Generator, label: str | None) -> Float[np.ndarray, "n latent"]:
        """Noise that went through the mapping; of an input for every layer, all alike, the first."""
        mapping: Any = self.mapping
        parts = []
        for start in range(0, n, MAPPED_AT_ONCE):
            size = min(MAPPED_AT_ONCE, n - start)
            taken = [self.tensor(rng.standard_normal((size, self.noise)))]
            if self.classes:
                rows = rng.integers(len(self.classes), size=size) if label is None else self.classes.index(label)
                taken.append(self.tensor(np.eye(len(self.classes))[np.broadcast_to(rows, size)]))
            with torch.inference_mode():
                mapped: Tensor = mapping(*taken)
            mapped = mapped[:, 0] if mapped.ndim == 3 else mapped
            if mapped.shape != (size, self.latent):
                raise InputError(
                    f"The mapping of {self.name!r} makes latents of another size",
                    got=f"shape {tuple(mapped.shape[1:])} for {self.latent} numbers",
                    cure="Say how many numbers a latent has (latent=)",
                )
            parts.append(mapped.double().cpu().numpy())
        return np.concatenate(parts) if parts else np.empty((0, self.latent))
