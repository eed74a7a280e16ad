"""Parts of generated samples from a few drawn by hand: a small network that reads the generator's own features.

A generator has to know where things are to draw them, so that its layers tell parts after a handful of examples
(Tritrong et al. 2021, "Repurposing GANs for one-shot semantic part segmentation"). As in the released code of Wehrheim,
Osuna-Vargas and Kaschube 2024, "Linking in Style": outputs of every second layer, enlarged to the sample by their
nearest pixels and put on each other; five dilated convolutions; Adam, cross-entropy, one sample a step. Ours: channels
are standardised first, as layers differ in scale.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from conceptstain.errors import InputError, MismatchError
from conceptstain.progress import Report, Step, silent

__all__ = ["Draws", "FewShotNetwork", "FewShotSettings", "feature_layers", "features_of", "train_few_shot"]

LEAK = 0.2
UNKNOWN = -2  # a pixel of which nothing is said


class Draws(Protocol):
    """What is asked of a generator, or of an encoder with a decoder."""

    @property
    def name(self) -> str:
        """Name to show."""
        ...

    @property
    def network(self) -> nn.Module:
        """Its layers."""
        ...

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch ..."]:
        """Latents to samples."""
        ...

    def tensor(self, values: Float[np.ndarray, "..."]) -> Tensor:
        """Values where the network is, in its precision."""
        ...


@final
@dataclass(frozen=True)
class FewShotSettings:
    """What to build and how to train it; the defaults are those of the released code (its smallest network).

    Attributes
    ----------
    widths
        Channels of all convolutions but the last.
    dilations
        Of all convolutions.
    epochs
        Passes over the labelled samples, one sample a step.
    learning_rate, weight_decay
        Of Adam.
    drop_every
        Epochs after which the learning rate falls to a tenth.
    seed
        Of the first weights and the order.
    """

    widths: tuple[int, ...] = (128, 64, 64, 32)
    dilations: tuple[int, ...] = (1, 2, 1, 2, 1)
    epochs: int = 100
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    drop_every: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.dilations) != len(self.widths) + 1 or min(*self.widths, *self.dilations, self.epochs) < 1:
            raise InputError(
                "A setting of the segmenter is out of range",
                got=str(self),
                cure="Give positive numbers, and one dilation more than widths",
            )


@final
class FewShotNetwork(nn.Module):
    """Dilated convolutions from a generator's features to scores of the parts; class 0 is what is of no part.

    Parameters
    ----------
    features
        Of the labelled samples, to standardise by: ``(samples, channels, rows, columns)``.
    n_classes
        Parts, and one for none.
    settings
        What to build.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self, features: Float[Tensor, "samples channels rows columns"], n_classes: int, settings: FewShotSettings
    ) -> None:
        super().__init__()
        deviation, centre = torch.std_mean(features, dim=(0, 2, 3), keepdim=True, correction=0)
        self.register_buffer("centre", centre)
        self.register_buffer("spread", torch.where(deviation > 0, deviation, 1.0))
        channels = (features.shape[1], *settings.widths, n_classes)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(settings.seed)
            for i, dilation in enumerate(settings.dilations, 1):
                layers[f"conv{i}"] = nn.Conv2d(
                    channels[i - 1], channels[i], kernel_size=3, padding=dilation, dilation=dilation
                )
                if i < len(settings.dilations):
                    layers[f"relu{i}"] = nn.LeakyReLU(LEAK)
        self.layers = nn.Sequential(layers)

    def forward(
        self, features: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch classes rows columns"]:
        """Scores of none and of every part, at every pixel."""
        scores: Tensor = self.layers((features - self.centre) / self.spread)
        return scores


def feature_layers(generator: Draws, latent: Float[np.ndarray, " latent"]) -> tuple[str, ...]:
    """Every second convolution that a generator uses once while it draws, the last of them included.

    Parameters
    ----------
    generator
        Whose.
    latent
        Any one.

    Raises
    ------
    MismatchError
        It has no convolution with places.
    """
    outputs: dict[str, list[Tensor]] = {}

    def note(name: str) -> Any:
        def hook(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> None:
            outputs.setdefault(name, []).append(output)

        return hook

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in generator.network.named_modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    try:
        with torch.inference_mode():
            generator.decode(generator.tensor(latent[None]))
    finally:
        for hook in hooks:
            hook.remove()
    with_places = [name for name, (first, *again) in outputs.items() if not again and first.shape[-1] > 1]
    if not with_places:
        raise MismatchError(
            f"The generator {generator.name!r} has no features with places",
            got="no convolution that it uses once",
            cure="Train a segmenter on label images: part_segmenter",
        )
    return tuple(with_places[::-1][::2][::-1])


def features_of(
    generator: Draws, latents: Float[np.ndarray, "samples latent"], layers: Sequence[str]
) -> Float[Tensor, "samples channels rows columns"]:
    """What layers put out while samples are drawn, enlarged to these by the nearest pixels and put on each other."""
    seen: dict[str, Tensor] = {}

    def note(name: str) -> Any:
        def hook(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> None:
            seen[name] = output.detach().clone()

        return hook

    hooks = [generator.network.get_submodule(name).register_forward_hook(note(name)) for name in layers]
    try:
        with torch.no_grad():
            size = generator.decode(generator.tensor(latents)).shape[-2:]
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([functional.interpolate(seen[name], size=size, mode="nearest") for name in layers], dim=1)


def train_few_shot(
    features: Float[Tensor, "samples channels rows columns"],
    labels: Int[np.ndarray, "samples rows columns"],
    n_parts: int,
    settings: FewShotSettings,
    report: Report = silent,
) -> FewShotNetwork:
    """Train the network.

    Parameters
    ----------
    features
        Of the labelled samples.
    labels
        Number of the part at every pixel; -1: none; -2: not known, which is not learned from.
    n_parts
        How many there are.
    settings
        What to build and how.
    report
        Called after every epoch; may raise :class:`Cancelled`.
    """
    network = FewShotNetwork(features, 1 + n_parts, settings).to(features)
    wanted = torch.as_tensor(labels.astype(np.int64) + 1).to(features.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, settings.drop_every, gamma=0.1)
    rng = np.random.default_rng(settings.seed)
    network.train()
    for epoch in range(settings.epochs):
        for sample in rng.permutation(len(features)):
            optimiser.zero_grad()
            scores = network(features[sample : sample + 1])
            loss = functional.cross_entropy(scores, wanted[sample : sample + 1], ignore_index=UNKNOWN + 1)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        schedule.step()
        report(Step(epoch + 1, settings.epochs, "Learning parts"))
    return network.eval().requires_grad_(False)
