"""Fitting an encoder to what is shown: sections, sets of images, slides."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias, final

from torch import Tensor

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError
from conceptstain.nets.augmentation import Augmentation, Symmetries
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageNetwork, ImageVAE, ImageVAESettings
from conceptstain.nets.kept_epochs import Checkpoints, KeptAt, unwatched
from conceptstain.nets.objectives import Objective
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.profile_vae import ProfileVAE, ProfileVAESettings
from conceptstain.nets.training import train
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.progress import Report, Step, silent

__all__ = ["KINDS", "Canvases", "FitSettings", "Learnable", "card_of", "fit", "fit_seeds"]

Learnable: TypeAlias = GenePictures | SpotProfiles | ImageSet | ImagePatches

Canvases: TypeAlias = Learnable | Sequence[Learnable]
"""A canvas, or several of one kind: of sections, of sets of images, or of slides."""

KINDS = {
    GenePictures: "gene pictures",
    SpotProfiles: "spot profiles",
    ImageSet: "images",
    ImagePatches: "patches",
}
# How a card calls what was learned from, and how that was viewed.
CARD_WORDS = {
    GenePictures: ("sections", "pictures"),
    SpotProfiles: ("sections", "profiles"),
    ImageSet: ("images", "frames"),
    ImagePatches: ("images", "patches"),
}
IMAGE_BATCH = 32
IMAGE_EPOCHS = 20
IMAGE_STEPS = 1000  # at least
LITERATURE_BATCH = 64
IMAGES_PER_EPOCH = 5000  # at most; a slide has more patches than can be gone through


@final
@dataclass(frozen=True)
class FitSettings:
    """What to fit and how.

    Attributes
    ----------
    network
        What to build, for gene pictures, spot profiles or images; the range that gene pictures are decoded to follows
        the canvas's scaling.
    training
        How to train it.
    """

    network: PictureVAESettings | ProfileVAESettings | ImageVAESettings = field(default_factory=PictureVAESettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    @classmethod
    def paper(cls, seed: int = 0) -> FitSettings:
        """Network, loss and training of the released notebook, for canvases in the paper's scaling."""
        return cls(PictureVAESettings.of("paper"), TrainingSettings.paper(seed))

    @classmethod
    def paper_images(cls, epochs: int = 15, seed: int = 0) -> FitSettings:
        """The five-layer network of the released faces notebook, its loss and training; for images of 128 pixels."""
        return cls(ImageVAESettings.of("paper"), TrainingSettings.paper_images(epochs, seed))

    @classmethod
    def of(
        cls, canvas: Learnable, *, network: ImageNetwork = "average-pool", objective: Objective | None = None
    ) -> FitSettings:
        """The defaults for a canvas.

        Of gene pictures, in the paper's scaling or not; of spot profiles, with counts or not. Images are shifted and
        their light is changed while they are learned from; patches of a slide, which have no way up, are also turned
        and reflected. The network of FactorVAE comes with the training of its literature, without augmentation.

        Parameters
        ----------
        canvas
            What is learned from.
        network
            Of images and patches: which one, see :class:`~conceptstain.nets.image_vae.ImageVAESettings`.
        objective
            What is made small beside the reconstruction; None: nothing more than a VAE does.
        """
        settings = cls._of(canvas, network)
        return replace(settings, training=replace(settings.training, objective=objective or Objective()))

    @classmethod
    def _of(cls, canvas: Learnable, network: ImageNetwork) -> FitSettings:
        if isinstance(canvas, SpotProfiles):
            counts = canvas.section.counts == "counts"
            of_profiles = ProfileVAESettings("negative binomial" if counts else "gaussian")
            return cls(of_profiles, TrainingSettings(learning_rate=1e-3, beta=1.0))
        if isinstance(canvas, ImageSet | ImagePatches) and network == "factor-vae":
            literature = TrainingSettings.factor_vae(epochs=_epochs(canvas, LITERATURE_BATCH))
            return cls(ImageVAESettings.of(network), replace(literature, items_per_epoch=IMAGES_PER_EPOCH))
        if isinstance(canvas, ImageSet | ImagePatches):
            symmetries: Symmetries = "all" if isinstance(canvas, ImagePatches) else "none"
            training = TrainingSettings(
                epochs=_epochs(canvas, IMAGE_BATCH),
                batch_size=IMAGE_BATCH,
                learning_rate=1e-3,
                beta=1.0,
                augmentation=Augmentation(symmetries, shift=2, light=0.05),
                items_per_epoch=IMAGES_PER_EPOCH,
            )
            return cls(ImageVAESettings.of(network, side=min(canvas.shape[1:])), training)
        return cls.paper() if canvas.scaling == "paper" else cls()


def fit(
    canvas: Canvases,
    settings: FitSettings | None = None,
    *,
    name: str = "",
    checkpoints: Checkpoints[Encoder] | None = None,
    report: Report = silent,
) -> Encoder:
    """Train an encoder on one canvas or several of a kind; no label is used.

    Parameters
    ----------
    canvas
        What to learn from: pictures of one frame in one scaling, profiles of the same genes, or images and patches of
        one size with as many channels.
    settings
        None: the defaults for the canvas, :meth:`FitSettings.of`.
    name
        Name to show; empty: made of the names of what was learned from.
    checkpoints
        At which epochs to keep the encoder as it then is, beside the one that is best in the end.
    report
        Called after every training step; may raise :class:`Cancelled`.

    Returns
    -------
    Encoder
        On the CPU, with a card that says what it was trained on and how.

    Raises
    ------
    InputError
        Canvases that do not belong together, settings for another kind of canvas or out of range, or checkpoints
        that the training does not come to.
    """
    canvases = _listed(canvas)
    first = canvases[0]
    settings = settings or FitSettings.of(first)
    network = _network(canvases, settings)
    settings = replace(settings, network=network.settings)
    called = name or f"fitted to {', '.join(each.source.name for each in canvases)}"

    def encoder(called: str, network: ImageVAE | PictureVAE | ProfileVAE, history: Any) -> Encoder:
        return Encoder(
            name=called,
            network=network.to("cpu"),
            shape=first.shape,
            scaling=first.scaling,
            latent=settings.network.latent,
            card=card_of(canvases, settings.network, settings.training, history),
            features=first.features if isinstance(first, SpotProfiles) else (),
        )

    blank = network if checkpoints is None else deepcopy(network)

    def kept(at: KeptAt, weights: Mapping[str, Tensor]) -> Encoder:
        copied = deepcopy(blank)
        copied.load_state_dict(weights)
        return encoder(f"{called}, epoch {at.epoch}", copied, at)

    watch = unwatched if checkpoints is None else checkpoints.watching(kept)
    history = train(network, canvases, settings.training, report, watch=watch)
    return encoder(called, network, history)


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


def _epochs(canvas: ImageSet | ImagePatches, batch_size: int) -> int:
    """As many passes as it takes: a set of a few hundred images makes few steps an epoch."""
    steps_per_epoch = math.ceil(min(len(canvas.trainable), IMAGES_PER_EPOCH) / batch_size)
    return max(IMAGE_EPOCHS, math.ceil(IMAGE_STEPS / max(steps_per_epoch, 1)))


def _listed(canvas: Canvases) -> list[Learnable]:
    canvases = [canvas] if isinstance(canvas, Learnable) else list(canvas)
    if not canvases:
        raise InputError("There is nothing to fit an encoder to", got="no canvas", cure="Open a section first")
    kinds = {KINDS[type(each)] for each in canvases}
    if len(kinds) > 1 and kinds != {"images", "patches"}:
        raise InputError(
            "An encoder learns from one kind of canvas", got=" and ".join(sorted(kinds)), cure="Choose one kind"
        )
    return canvases


def _network(canvases: Sequence[Learnable], settings: FitSettings) -> PictureVAE | ProfileVAE | ImageVAE:
    """The network to train, with its first weights."""
    seed, wanted, first = settings.training.seed, settings.network, canvases[0]
    if isinstance(wanted, PictureVAESettings) and isinstance(first, GenePictures):
        return PictureVAE(first.shape, replace(wanted, unit_range=first.scaling == "paper"), seed=seed)
    if isinstance(wanted, ImageVAESettings) and isinstance(first, ImageSet | ImagePatches):
        return ImageVAE(first.shape, wanted, seed=seed)
    if isinstance(wanted, ProfileVAESettings) and isinstance(first, SpotProfiles):
        profiles = [each for each in canvases if isinstance(each, SpotProfiles)]
        if any(each.features != first.features for each in profiles):
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
        got=f"{type(wanted).__name__} for {KINDS[type(first)]}",
        cure="Use FitSettings.of(canvas)",
    )


def card_of(canvases: Sequence[Learnable], network: Any, training: Any, history: Any) -> dict[str, Any]:
    """What a network was trained on and how, for people to read; the last three are dataclasses."""
    sources, view = CARD_WORDS[type(canvases[0])]
    card = {
        sources: [_told(each) for each in canvases],
        view: asdict(canvases[0].settings),
        "network": asdict(network),
        "training": asdict(training),
        "history": asdict(history),
        "versions": {
            "python": platform.python_version(),
            **{package: _version(package) for package in ("napari-conceptstain", "torch", "numpy")},
        },
    }
    # As it comes back from a file: lists where there were tuples.
    plain: dict[str, Any] = json.loads(json.dumps(card))
    return plain


def _told(canvas: Learnable) -> dict[str, Any]:
    """What of a section, a set of images or a slide was learned from."""
    told: dict[str, Any] = {"name": canvas.source.name, "content": canvas.source.content}
    if isinstance(canvas, ImageSet | ImagePatches):
        return {**told, KINDS[type(canvas)]: len(canvas), "learned from": len(canvas.trainable)}
    told["spots"] = canvas.section.n_spots
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
