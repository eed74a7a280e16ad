"""Fitting an encoder to the sections that are shown."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, final

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.profile_vae import ProfileVAE, ProfileVAESettings
from conceptstain.nets.training import History, TrainingSettings, train
from conceptstain.progress import Report, Step, silent

__all__ = ["Canvases", "FitSettings", "fit", "fit_seeds"]

Canvases = GenePictures | SpotProfiles | Sequence[GenePictures | SpotProfiles]
"""A section's canvas, or those of several sections, of one kind."""


@final
@dataclass(frozen=True)
class FitSettings:
    """What to fit and how.

    Attributes
    ----------
    network
        What to build, for gene pictures or for spot profiles; the range that pictures are decoded to follows the
        canvas's scaling.
    training
        How to train it.
    """

    network: PictureVAESettings | ProfileVAESettings = field(default_factory=PictureVAESettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    @classmethod
    def paper(cls, seed: int = 0) -> FitSettings:
        """Network, loss and training of the released notebook, for canvases in the paper's scaling."""
        return cls(PictureVAESettings.of("paper"), TrainingSettings.paper(seed))

    @classmethod
    def of(cls, canvas: GenePictures | SpotProfiles) -> FitSettings:
        """The defaults for a canvas: for pictures, in the paper's scaling or not; for profiles, of counts or not."""
        if isinstance(canvas, SpotProfiles):
            counts = canvas.section.counts == "counts"
            network = ProfileVAESettings("negative binomial" if counts else "gaussian")
            return cls(network, TrainingSettings(learning_rate=1e-3, beta=1.0))
        return cls.paper() if canvas.scaling == "paper" else cls()


def fit(
    canvas: Canvases,
    settings: FitSettings | None = None,
    *,
    name: str = "",
    report: Report = silent,
) -> Encoder:
    """Train an encoder on the pictures or profiles of one section or several; no label is used.

    Parameters
    ----------
    canvas
        What to learn from: pictures of one frame in one scaling, or profiles of the same genes.
    settings
        None: the defaults for the canvas, :meth:`FitSettings.of`.
    name
        Name to show; empty: made of the sections' names.
    report
        Called after every training step; may raise :class:`Cancelled`.

    Returns
    -------
    Encoder
        On the CPU, with a card that says what it was trained on and how.

    Raises
    ------
    InputError
        Canvases that do not belong together, settings for another kind of canvas or out of range.
    """
    canvases = _listed(canvas)
    first = canvases[0]
    settings = settings or FitSettings.of(first)
    network = _network(canvases, settings)
    if isinstance(network, PictureVAE):
        settings = replace(settings, network=network.settings)
    history = train(network, canvases, settings.training, report)
    names = ", ".join(each.section.name for each in canvases)
    return Encoder(
        name=name or f"fitted to {names}",
        network=network.to("cpu"),
        shape=first.shape,
        scaling=first.scaling,
        latent=settings.network.latent,
        card=_card(canvases, settings, history),
        features=first.features if isinstance(first, SpotProfiles) else (),
    )


def fit_seeds(
    canvas: Canvases,
    settings: FitSettings | None = None,
    *,
    seeds: int = 3,
    name: str = "",
    report: Report = silent,
) -> tuple[Encoder, ...]:
    """Train the same encoder from several seeds, for scores that are averaged over them.

    Parameters
    ----------
    canvas, settings, name
        As for :func:`fit`.
    seeds
        How many; their seeds count up from that of ``settings``.
    report
        Called after every training step of all.

    Raises
    ------
    InputError
        See :func:`fit`; or no seed.
    """
    if seeds < 1:
        raise InputError("An encoder is trained from one seed or more", got=f"seeds={seeds}", cure="Use 3")
    canvases = _listed(canvas)
    settings = settings or FitSettings.of(canvases[0])
    encoders = []
    for number in range(seeds):
        training = replace(settings.training, seed=settings.training.seed + number)

        def report_of_all(step: Step, number: int = number) -> None:
            message = f"Seed {number + 1} of {seeds}: {step.message}"
            report(Step(number * step.total + step.done, seeds * step.total, message, step.values))

        seeded = replace(settings, training=training)
        encoders.append(fit(canvases, seeded, name=name and f"{name}, seed {training.seed}", report=report_of_all))
    return tuple(encoders)


def _listed(canvas: Canvases) -> list[GenePictures | SpotProfiles]:
    canvases = [canvas] if isinstance(canvas, GenePictures | SpotProfiles) else list(canvas)
    if not canvases:
        raise InputError("There is nothing to fit an encoder to", got="no canvas", cure="Open a section first")
    return canvases


def _network(canvases: Sequence[GenePictures | SpotProfiles], settings: FitSettings) -> PictureVAE | ProfileVAE:
    """The network to train, with its first weights."""
    seed, wanted, first = settings.training.seed, settings.network, canvases[0]
    pictures = [each for each in canvases if isinstance(each, GenePictures)]
    profiles = [each for each in canvases if isinstance(each, SpotProfiles)]
    if pictures and profiles:
        raise InputError(
            "An encoder learns from one kind of canvas", got="gene pictures and spot profiles", cure="Choose one kind"
        )
    if isinstance(wanted, PictureVAESettings) and pictures:
        return PictureVAE(first.shape, replace(wanted, unit_range=first.scaling == "paper"), seed=seed)
    if isinstance(wanted, ProfileVAESettings) and profiles:
        if any(each.features != profiles[0].features for each in profiles):
            raise InputError(
                "Sections that are learned from together need the same genes in the same order",
                got=", ".join(each.section.name for each in profiles),
                cure='View the others with section.view("spots", genes=first.features)',
            )
        network = ProfileVAE(first.shape, wanted, seed=seed)
        network.begin_at(profiles)
        return network
    raise InputError(
        "These settings are for another kind of canvas",
        got=f"{type(wanted).__name__} for {type(first).__name__}",
        cure="Use FitSettings.of(canvas)",
    )


def _card(
    canvases: Sequence[GenePictures | SpotProfiles], settings: FitSettings, history: History
) -> Mapping[str, Any]:
    card = {
        "sections": [_told(each) for each in canvases],
        "profiles" if isinstance(canvases[0], SpotProfiles) else "pictures": asdict(canvases[0].settings),
        "network": asdict(settings.network),
        "training": asdict(settings.training),
        "history": asdict(history),
        "versions": {
            "python": platform.python_version(),
            **{package: _version(package) for package in ("napari-conceptstain", "torch", "numpy")},
        },
    }
    # As it comes back from a file: lists where there were tuples.
    plain: Mapping[str, Any] = json.loads(json.dumps(card))
    return plain


def _told(canvas: GenePictures | SpotProfiles) -> dict[str, Any]:
    """What of a section was learned from."""
    section = canvas.section
    told = {"name": section.name, "spots": section.n_spots, "content": section.content}
    if isinstance(canvas, SpotProfiles):
        return {
            **told,
            "spots learned from": len(canvas.trainable),
            "genes": len(canvas.features),
            "genes missing": len(canvas.missing),
        }
    return {**told, "genes": len(canvas), "genes learned from": len(canvas.trainable)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
