"""Fitting an encoder to the sections that are shown."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, final

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.errors import InputError
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.training import History, TrainingSettings, train
from conceptstain.progress import Report, silent

__all__ = ["FitSettings", "fit"]


@final
@dataclass(frozen=True)
class FitSettings:
    """What to fit and how.

    Attributes
    ----------
    network
        What to build; the range it decodes to follows the canvas's scaling.
    training
        How to train it.
    """

    network: PictureVAESettings = field(default_factory=PictureVAESettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    @classmethod
    def paper(cls, seed: int = 0) -> FitSettings:
        """Network, loss and training of the released notebook, for canvases in the paper's scaling."""
        return cls(PictureVAESettings.of("paper"), TrainingSettings.paper(seed))


def fit(
    canvas: GenePictures | Sequence[GenePictures],
    settings: FitSettings | None = None,
    *,
    name: str = "",
    report: Report = silent,
) -> Encoder:
    """Train an encoder on the pictures of one section or several; no label is used.

    Parameters
    ----------
    canvas
        What to learn from: pictures of one frame in one scaling.
    settings
        None: the defaults, and for the paper's scaling those of the paper.
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
        Canvases that do not belong together, or settings out of range.
    """
    canvases = [canvas] if isinstance(canvas, GenePictures) else list(canvas)
    if not canvases:
        raise InputError("There is nothing to fit an encoder to", got="no canvas", cure="Open a section first")
    if settings is None:
        settings = FitSettings.paper() if canvases[0].scaling == "paper" else FitSettings()
    settings = replace(settings, network=replace(settings.network, unit_range=canvases[0].scaling == "paper"))
    network = PictureVAE(canvases[0].shape, settings.network, seed=settings.training.seed)
    history = train(network, canvases, settings.training, report)
    names = ", ".join(each.section.name for each in canvases)
    return Encoder(
        name=name or f"fitted to {names}",
        network=network.to("cpu"),
        shape=canvases[0].shape,
        scaling=canvases[0].scaling,
        latent=settings.network.latent,
        card=_card(canvases, settings, history),
    )


def _card(canvases: Sequence[GenePictures], settings: FitSettings, history: History) -> Mapping[str, Any]:
    card = {
        "sections": [
            {
                "name": each.section.name,
                "spots": each.section.n_spots,
                "genes": len(each),
                "genes learned from": len(each.trainable),
            }
            for each in canvases
        ],
        "pictures": asdict(canvases[0].settings),
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


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
