"""The encoders that the benchmarks compare, each fitted once and kept in a folder."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import conceptstain as cs
from bulb import sections
from conceptstain.nets.picture_vae import PictureVAESettings
from conceptstain.nets.profile_vae import Likelihood, ProfileVAESettings
from conceptstain.nets.training_settings import TrainingSettings

LIKELIHOODS: tuple[Likelihood, ...] = ("gaussian", "negative binomial")


def bundled_settings() -> cs.FitSettings:
    """What the bundled encoder was trained with, on Rep1 and Rep2."""
    card = cs.bundled().card
    network = {name: tuple(value) if isinstance(value, list) else value for name, value in card["network"].items()}
    return cs.FitSettings(PictureVAESettings(**network), TrainingSettings(**card["training"]))


@dataclass(frozen=True)
class Encoders:
    """Encoders by what they learn from; those fitted before are read from a folder."""

    folder: Path

    def fit(
        self, name: str, canvases: Sequence[cs.GenePictures | cs.SpotProfiles], settings: cs.FitSettings
    ) -> cs.Encoder:
        """Fit to these canvases, or read what was fitted to the same ones with the same settings."""
        told = hashlib.sha256(repr(settings).encode())
        for canvas in canvases:
            told.update(repr((canvas.settings, canvas.section.matrix.shape)).encode())
            told.update(np.ascontiguousarray(canvas.section.spots).tobytes())
        path = self.folder / f"{name}-{settings.training.seed}-{told.hexdigest()[:10]}.safetensors"
        if path.is_file():
            return cs.load_encoder(path)
        encoder = cs.fit(canvases, settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = cs.save_encoder(encoder, path.with_name(f"{path.stem}-{os.getpid()}.safetensors"))
        beside.replace(path)
        return cs.load_encoder(path)

    def pictures(self, where: str, seed: int) -> cs.Encoder:
        """Of gene pictures: ``"zero-shot"``, with the bundled encoder's settings, or ``"fitted"`` to Rep11."""
        fitted = where == "fitted"
        names = (sections.LABELLED,) if fitted else sections.UNLABELLED
        settings = cs.FitSettings() if fitted else bundled_settings()
        return self.fit(f"pictures-{where}", [sections.pictures(name) for name in names], seeded(settings, seed))

    def profiles(
        self, name: str, canvases: Sequence[cs.SpotProfiles], likelihood: Likelihood, seeds: int
    ) -> tuple[cs.Encoder, ...]:
        """Of spot profiles."""
        settings = dataclasses.replace(cs.FitSettings.of(canvases[0]), network=ProfileVAESettings(likelihood))
        short = {"gaussian": "gaussian", "negative binomial": "nb"}[likelihood]
        return tuple(self.fit(f"profiles-{name}-{short}", canvases, seeded(settings, seed)) for seed in range(seeds))


def seeded(settings: cs.FitSettings, seed: int) -> cs.FitSettings:
    """The same settings with another seed, on the processor: there a seed gives the same weights again."""
    return dataclasses.replace(settings, training=dataclasses.replace(settings.training, seed=seed, device="cpu"))


@cache
def profiles(where: str, n_genes: int = 1000) -> tuple[cs.SpotProfiles, ...]:
    """Spot profiles to learn from: of Rep1 and Rep2 (``"zero-shot"``), or of Rep11 (``"fitted"``)."""
    if where == "fitted":
        return (sections.section(sections.LABELLED).view("spots", n_genes=n_genes),)
    first, *others = (sections.section(name) for name in sections.UNLABELLED)
    canvas = first.view("spots", n_genes=n_genes)
    return (canvas, *(other.view("spots", genes=canvas.features) for other in others))
