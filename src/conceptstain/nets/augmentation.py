"""Augmentation: pictures shown a little differently every time, so that fewer of them are learned by heart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from conceptstain.errors import InputError

__all__ = ["Augmentation", "Symmetries"]

Symmetries = Literal["none", "mirror", "all"]


@final
@dataclass(frozen=True)
class Augmentation:
    """How pictures with values in 0..1 are changed before every step; each picture by draws of its own.

    Attributes
    ----------
    symmetries
        ``"mirror"``: left and right are swapped in half of the pictures, as suits faces. ``"all"``: all eight turns and
        reflections, for tissue, which has no way up; pictures that are not square are only turned upside down.
    shift
        Largest shift in pixels along each axis; the border is repeated into what becomes free.
    light
        Largest relative change of brightness and of contrast: 0.1 is ten per cent.
    """

    symmetries: Symmetries = "none"
    shift: int = 0
    light: float = 0.0

    def __post_init__(self) -> None:
        if self.symmetries not in ("none", "mirror", "all") or self.shift < 0 or not 0 <= self.light < 1:
            raise InputError(
                "A setting of the augmentation is out of range",
                got=str(self),
                cure='Use the symmetries "none", "mirror" or "all", a shift of 0 or more, and light from 0 to below 1',
            )

    @property
    def changes(self) -> bool:
        """Whether anything is changed at all."""
        return self != Augmentation()

    def __call__(
        self, x: Float[Tensor, "batch channels height width"], generator: torch.Generator
    ) -> Float[Tensor, "batch channels height width"]:
        """The pictures changed; what is drawn depends on the generator alone (on the CPU), not on the device."""
        if self.symmetries != "none":
            x = _turned(x, self.symmetries, generator)
        if self.shift:
            x = _moved(x, self.shift, generator)
        if self.light:
            x = _relit(x, self.light, generator)
        return x


def _turned(x: Tensor, symmetries: Symmetries, generator: torch.Generator) -> Tensor:
    n = len(x)
    mirrored = torch.randint(2, (n,), generator=generator).bool().to(x.device)
    x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    if symmetries == "mirror":
        return x
    square = x.shape[-1] == x.shape[-2]
    turns = torch.randint(4 if square else 2, (n,), generator=generator).to(x.device)
    turned = torch.empty_like(x)
    for quarter in range(4 if square else 2):
        which = turns == quarter
        turned[which] = torch.rot90(x[which], quarter if square else 2 * quarter, dims=(-2, -1))
    return turned


def _moved(x: Tensor, shift: int, generator: torch.Generator) -> Tensor:
    n, _, height, width = x.shape
    down, right = torch.randint(-shift, shift + 1, (2, n, 1), generator=generator).to(x.device)
    rows = (torch.arange(height, device=x.device) - down).clamp(0, height - 1)
    columns = (torch.arange(width, device=x.device) - right).clamp(0, width - 1)
    items = torch.arange(n, device=x.device)[:, None, None]
    # Fancy indices before and behind a slice put their own axes first: (batch, height, width, channels).
    moved: Tensor = x[items, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return moved


def _relit(x: Tensor, light: float, generator: torch.Generator) -> Tensor:
    brightness, contrast = (2 * torch.rand((2, len(x), 1, 1, 1), generator=generator) - 1).to(x) * light
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    relit: Tensor = ((x - middle) * (1 + contrast) + middle * (1 + brightness)).clamp(0, 1)
    return relit
