"""Making generators, and telling where they draw latents from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from sklearn.covariance import ledoit_wolf
from torch import nn

from conceptstain.errors import ConceptStainError, InputError, MismatchError
from conceptstain.inputs import Inputs, ItemIndices, Targets
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import MAPPED_FOR_MEAN, Gaussian, Generator

__all__ = ["as_generator", "generator"]

LEAST_ITEMS = 4  # of a class: of fewer, no covariance is known
TOLERANCE = 1e-3  # of samples, relative to their largest value: how well a batch has to equal one by one


def as_generator(made: Generator | Encoder) -> Generator:
    """A generator as it is; of an encoder, its decoder, which draws from the prior."""
    return made if isinstance(made, Generator) else generator(made)


def generator(
    network: Encoder | nn.Module,
    *,
    canvas: Inputs | None = None,
    labels: Targets | None = None,
    items: ItemIndices | None = None,
    latent: int | None = None,
    mapping: nn.Module | None = None,
    noise: int | None = None,
    classes: Sequence[str] = (),
    mean: Float[np.ndarray, " latent"] | None = None,
    truncation: float = 1.0,
    tiles: int = 0,
    span: tuple[float, float] | None = None,
    scaling: str = "unit",
    name: str | None = None,
) -> Generator:
    """A generative model, of an encoder's decoder or of a network of your own.

    Parameters
    ----------
    network
        An encoder that can decode; or a module of yours that makes samples of latents: its ``decode``, its
        ``synthesis``, or else what it does when it is called.
    canvas
        Of an encoder: where its items lie in the latent space is where latents are drawn from, one normal distribution
        with the covariance of Ledoit & Wolf (2004). None: the prior N(0, 1).
    labels
        Of the canvas, classes of items: a distribution for every class, too.
    items
        Of the canvas, which; None: all that can be learned from.
    latent
        Of your own network, how many numbers a latent has; None: as the mean or the mapping tells.
    mapping
        Of your own network, what makes latents of normal noise, as the mapping network of StyleGAN does; None: latents
        are normal noise around the mean.
    noise
        How many numbers the mapping takes; None: as many as a latent has.
    classes
        Of a mapping that is told which class to draw, as a second argument with a one at its place: their names.
    mean
        The mean latent; None: 0, or over draws of the mapping.
    truncation
        How far drawn latents lie from the mean, as a part of how far they were drawn.
    tiles
        How many times your network wants the latent, ``(batch, tiles, latent)``; 0: ``(batch, latent)``.
    span
        Lowest and highest value that your network means, such as ``(-1, 1)``, to be brought to 0..1.
    scaling
        Of your own network's samples; of pictures in 0..1, ``"unit"``.
    name
        Name to show; None: the encoder's, or the name of the network's class.

    Raises
    ------
    InputError
        Options that are not for such a network, classes of too few items, or a network that cannot be asked so.
    MismatchError
        The encoder has no decoder, or the canvas is not its own.

    References
    ----------
    Karras, Laine & Aila 2019, "A style-based generator architecture for generative adversarial networks", CVPR.
    """
    if isinstance(network, Encoder):
        own = {"mapping": mapping, "noise": noise, "classes": classes, "tiles": tiles, "span": span, "latent": latent}
        given = [word for word, value in own.items() if value]
        if given:
            raise InputError(
                "An encoder's decoder says itself how it is asked",
                got=", ".join(given),
                cure="Leave these out; they are for networks of your own",
            )
        made = replace(_of_encoder(network, canvas, labels, items), truncation=truncation)
        made = made if mean is None else replace(made, mean=np.asarray(mean, dtype=np.float64))
        return made if name is None else replace(made, name=name)
    if canvas is not None or labels is not None:
        raise InputError(
            "Where items lie is only known of an encoder's latent space",
            got=type(network).__name__,
            cure="Give a mapping, or an encoder",
        )
    told = None if mean is None else np.asarray(mean, dtype=np.float64)
    size = latent or (None if told is None else len(told)) or noise
    if size is None or (classes and mapping is None) or (span is not None and not span[0] < span[1]):
        raise InputError(
            "It is not said how the network is asked",
            got=f"latent {latent}, mean {mean}, classes {classes}, span {span}",
            cure="Say how many numbers a latent has (latent=), give a mapping with classes, and a span that rises",
        )
    tried = _tried(
        Generator(
            name=name or type(network).__name__,
            network=network,
            latent=size,
            shape=(),
            scaling=scaling,
            mean=np.zeros(size) if told is None else told,
            truncation=truncation,
            tiles=tiles,
            span=span,
            mapping=mapping,
            noise=noise or size,
            classes=tuple(classes),
        )
    )
    if told is not None or mapping is None:
        return tried
    drawn = replace(tried, truncation=1.0).draw(MAPPED_FOR_MEAN, np.random.default_rng(0))
    return replace(tried, mean=drawn.mean(axis=0))


def _of_encoder(
    encoder: Encoder,
    canvas: Inputs | None,
    labels: Targets | None,
    items: ItemIndices | None,
) -> Generator:
    if not hasattr(encoder.network, "decode"):
        raise MismatchError(
            f"The encoder {encoder.name!r} cannot decode",
            cure="Use the encoder of a VAE, or hand over a generating network",
        )
    gaussians: Mapping[str, Gaussian] = {}
    if canvas is None and labels is not None:
        raise InputError("Labels are of the items of a canvas", got="no canvas", cure="Give both")
    if canvas is not None:
        gaussians = _gaussians(encoder, canvas, labels, items)
    elif items is not None:
        raise InputError("Items are those of a canvas", got="no canvas", cure="Give both")
    return Generator(
        encoder.name,
        encoder.network,
        encoder.latent,
        encoder.shape,
        encoder.scaling,
        np.zeros(encoder.latent),
        features=encoder.features,
        encoder=encoder,
        gaussians=gaussians,
    )


def _gaussians(
    encoder: Encoder, canvas: Inputs, labels: Targets | None, items: ItemIndices | None
) -> dict[str, Gaussian]:
    """Where all items lie, and those of every class."""
    chosen = canvas.trainable if items is None else np.asarray(items, dtype=int)
    latents = encoder.latents(canvas, chosen).astype(np.float64)
    found = {"": _gaussian(latents, "all items")}
    if labels is None:
        return found
    if labels.parts:
        raise InputError(
            "Parts lie in no place of the latent space", got="labels of parts", cure="Give labels of whole items"
        )
    told = labels.of(chosen) > 0
    for row, name in enumerate(labels.classes):
        if told[:, row].any():
            found[name] = _gaussian(latents[told[:, row]], name)
    return found


def _gaussian(latents: Float[np.ndarray, "items latent"], name: str) -> Gaussian:
    if len(latents) < LEAST_ITEMS:
        raise InputError(
            "Where a class lies is learned from several items",
            got=f"{len(latents)} of {name}",
            cure=f"Give {LEAST_ITEMS} or more of each class",
        )
    covariance, _ = ledoit_wolf(latents)
    variances, axes = np.linalg.eigh(covariance)
    return Gaussian(latents.mean(axis=0), axes * np.sqrt(variances.clip(0)))


def _tried(made: Generator) -> Generator:
    """The generator with the shape of its samples, after its network answered to latents together and one by one."""
    try:
        latents = made.draw(2, np.random.default_rng(0))
        z = made.tensor(latents)
        with torch.no_grad():
            together, again = made.decode(z), made.decode(z)
            apart = torch.cat([made.decode(one) for one in torch.split(z, 1)])
    except ConceptStainError:
        raise
    except Exception as error:  # someone else's code fails in any way
        raise InputError(
            f"The network {made.name!r} cannot be asked with latents of {made.latent} numbers",
            got=f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}",
            cure="Say how it takes them with latent=, noise= and tiles=",
        ) from error
    within = TOLERANCE * max(float(together.abs().max()), 1e-12)
    if len(together) != len(z) or together.ndim < 2 or not bool(together.isfinite().all()):
        raise InputError(
            f"The network {made.name!r} puts out no samples",
            got=f"shape {tuple(together.shape)} of {len(z)} latents",
            cure="Let it keep the first dimension for the batch, and check its weights",
        )
    if float((together - again).abs().max()) > within or float((together - apart).abs().max()) > within:
        raise InputError(
            f"The network {made.name!r} answers at random, or differently by itself and among others",
            cure="Hold its noise constant (StyleGAN: noise_mode='const'), and normalise by running statistics",
        )
    return replace(made, shape=tuple(together.shape[1:]))
