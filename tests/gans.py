"""Generators shaped like those of the literature, of a few weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from classes import SIDE
from conceptstain.nets.generator import Generator
from conceptstain.nets.generators import generator

TILES, LATENT, NOISE = 4, 6, 3


class TinyGan(nn.Module):
    """A synthesis that takes one latent for every layer, as StyleGAN does, and paints in -1..1."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.ModuleList([nn.Linear(LATENT, 8) for _ in range(TILES)])
            self.picture = nn.Linear(8, SIDE * SIDE)

    def synthesis(self, ws: Tensor) -> Tensor:
        seen = torch.stack([layer(w) for layer, w in zip(self.layers, ws.unbind(1), strict=True)])
        return self.picture(seen.sum(dim=0).tanh()).tanh().reshape(-1, 1, SIDE, SIDE)


class TinyMapping(nn.Module):
    """Noise and a class become the same latent for every layer."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = nn.Linear(NOISE + 2, LATENT)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        w: Tensor = self.layer(torch.cat([noise, 2 * label], dim=1)).tanh()
        return w[:, None].expand(-1, TILES, -1)


def tiny_gan(*, truncation: float = 1.0, seed: int = 0) -> Generator:
    """A conditional generator of pictures of squares' size."""
    return generator(
        TinyGan(seed),
        mapping=TinyMapping(seed),
        latent=LATENT,
        noise=NOISE,
        tiles=TILES,
        span=(-1, 1),
        classes=["one", "two"],
        truncation=truncation,
    )
