"""Links: from a classifier's penultimate layer to the latent space of a generative model.

A link is ``L(r) = W r + b`` (Wehrheim, Osuna-Vargas & Kaschube 2024, "Linking in style", arXiv:2409.16865): what the
network represents becomes a latent, and the generator makes a sample of it. As it is linear, a change of unit u moves
the latent along column u of ``W``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.link_quality import LinkQuality
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator

__all__ = ["Dense", "Link", "LinkMethod"]

LinkMethod = Literal["least squares", "ridge", "elastic net", "mlp"]
METHODS: tuple[LinkMethod, ...] = ("least squares", "ridge", "elastic net", "mlp")

Dense = tuple[Float[np.ndarray, "_ _"], Float[np.ndarray, " _"]]
"""Weights ``(out, into)`` and bias of one dense layer."""


@final
@dataclass(frozen=True, eq=False)
class Link:
    """From the units of a classifier's layer to a generator's latents. Make it with :func:`conceptstain.link`.

    Attributes
    ----------
    weights, bias
        ``W`` and ``b``. Of an MLP, its Jacobian at the mean representation, and what makes the two agree there.
    method
        How it was fitted.
    layer
        Name of the classifier's layer that the units are in; empty where it has none.
    penultimate
        Whether this is the layer that classes are told from.
    classifier, generator
        Fingerprints of what it links.
    ranges
        Lowest and highest value of every unit over the pairs.
    means
        Mean of every unit over the pairs.
    class_means
        The same of every class, by its labels where they are known, else by the classifier's predictions; NaN where no
        pair is of the class.
    classes
        The classifier's classes, in order.
    quality
        How well it does on pairs that it did not learn from.
    seed
        What chance it had came from.
    card
        Which pairs, how many, and settings, for people to read.
    dense
        The layers of an MLP, with ReLUs between them; empty: the link is linear.
    """

    weights: Float[np.ndarray, "latent units"]
    bias: Float[np.ndarray, " latent"]
    method: LinkMethod
    layer: str
    penultimate: bool
    classifier: str
    generator: str
    ranges: Float[np.ndarray, "units 2"]
    means: Float[np.ndarray, " units"]
    class_means: Float[np.ndarray, "classes units"]
    classes: tuple[str, ...]
    quality: LinkQuality
    seed: int
    card: Mapping[str, Any] = field(default_factory=dict)
    dense: tuple[Dense, ...] = ()

    def __post_init__(self) -> None:
        latent, units = self.weights.shape
        shapes = {
            "bias": (self.bias.shape, (latent,)),
            "ranges": (self.ranges.shape, (units, 2)),
            "means": (self.means.shape, (units,)),
            "class_means": (self.class_means.shape, (len(self.classes), units)),
        }
        wrong = [f"{word} {found}, not {wanted}" for word, (found, wanted) in shapes.items() if found != wanted]
        if wrong or self.method not in METHODS:
            raise InputError(
                f"These are not the numbers of a link from {units} units to {latent} latents",
                got=", ".join(wrong) or repr(self.method),
                cure="Make links with conceptstain.link",
            )

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 over what it links and how."""
        digest = hashlib.sha256(f"{self.classifier} {self.generator} {self.layer} {self.method}".encode())
        for values in (self.weights, self.bias, *(each for layer in self.dense for each in layer)):
            digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
        return digest.hexdigest()[:12]

    @property
    def units(self) -> int:
        """How many units the layer has."""
        return int(self.weights.shape[1])

    @property
    def latent(self) -> int:
        """How many dimensions a latent has."""
        return int(self.weights.shape[0])

    @property
    def is_linear(self) -> bool:
        """Whether a change of a unit moves the latent along its column of ``W``, wherever it starts from."""
        return not self.dense

    def latents(self, r: Float[np.ndarray, "items units"]) -> Float[np.ndarray, "items latent"]:
        """Latents of representations: ``L(r)``.

        Raises
        ------
        InputError
            Representations of another number of units.
        """
        found = np.asarray(r, dtype=np.float64)
        self._check_units(found.shape)
        if not self.dense:
            return np.asarray(found @ self.weights.T + self.bias)
        for number, (weights, bias) in enumerate(self.dense, 1):
            found = found @ weights.T + bias
            found = np.maximum(found, 0) if number < len(self.dense) else found
        return found

    def torch_latents(self, r: Float[Tensor, "batch units"]) -> Float[Tensor, "batch latent"]:
        """The same of tensors, differentiable, in their precision and where they are."""
        self._check_units(tuple(r.shape))
        layers = self.dense or ((self.weights, self.bias),)
        for number, (weights, bias) in enumerate(layers, 1):
            r = r @ torch.tensor(weights).to(r).T + torch.tensor(bias).to(r)
            r = r.relu() if number < len(layers) else r
        return r

    def check(self, classifier: Classifier, generator: Generator | Encoder) -> None:
        """Refuse networks that the link is not between.

        Raises
        ------
        MismatchError
            Another classifier or another generator.
        """
        for word, made, own in (
            ("classifier", classifier, self.classifier),
            ("generator", generator, self.generator),
        ):
            if made.fingerprint != own:
                raise MismatchError(
                    f"The link was made for another {word}",
                    got=f"{made.name!r}, fingerprint {made.fingerprint} for {own}",
                    cure=f"Link {made.name!r} with conceptstain.link, or use the {word} that was linked",
                )

    def _check_units(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 2 or shape[1] != self.units:
            raise InputError(
                f"The representations are not of the layer {self.layer!r}, which is linked",
                got=f"shape {shape}",
                cure=f"Give rows of {self.units} numbers, one for every unit",
            )
