"""Reading samples with a classifier, so that gradients reach the samples."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import softmax
from torch import Tensor
from torch.nn import functional

from conceptstain.errors import MismatchError
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import CHUNK
from conceptstain.nets.tap import encoder_layers, over_places, tap

__all__ = [
    "Sampled",
    "check_readable",
    "class_probabilities",
    "class_scores",
    "penultimate",
    "penultimate_layer",
    "units_of",
]

RESIZABLE = "unit"  # pictures; of gene pictures, a pixel is a place that another frame does not have


class Sampled(Protocol):
    """What makes or encodes samples: a generator, an encoder or a canvas."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        ...

    @property
    def scaling(self) -> str:
        """Name of the scaling of its values."""
        ...


def check_readable(classifier: Classifier, source: Sampled) -> None:
    """Refuse samples that a classifier cannot read, whatever is done about their size.

    Raises
    ------
    MismatchError
        Another scaling, other genes, or a shape that cannot be brought to the classifier's.
    """
    encoder = classifier.encoder
    features = getattr(source, "features", ())
    if source.scaling != encoder.scaling:
        raise MismatchError(
            f"The classifier {classifier.name!r} was trained in another scaling",
            got=f"{source.scaling!r} for {encoder.scaling!r}",
            cure="Train classifier and generative model on the same view of the data",
        )
    if encoder.features and features and features != encoder.features:
        shared = len(set(features) & set(encoder.features))
        raise MismatchError(
            f"The classifier {classifier.name!r} was trained on other genes, or on the same in another order",
            got=f"{shared:,} of its {len(encoder.features):,} genes",
            cure='View the section with section.view("spots", genes=encoder.features) for both',
        )
    shape, wanted = tuple(source.shape), tuple(encoder.shape)
    pictures = len(shape) == len(wanted) == 3 and encoder.scaling == RESIZABLE
    if shape != wanted and not (pictures and (shape[0] == wanted[0] or 1 in {shape[0], wanted[0]})):
        raise MismatchError(
            f"The classifier {classifier.name!r} cannot read such samples",
            got=f"shape {shape} for {wanted}",
            cure="Train both on inputs of one shape; only pictures are resized, and made grey or coloured",
        )


def penultimate(classifier: Classifier, samples: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch units"]:
    """The representation that a classifier tells classes from; gradients reach the samples.

    Pictures of another size are brought to the classifier's by linear interpolation, smoothed first where they shrink;
    channels are averaged for a classifier of grey pictures, and repeated for one of colours.

    Parameters
    ----------
    classifier
        Its network runs in evaluation.
    samples
        In the scaling that the classifier was trained in, in any precision.

    Raises
    ------
    MismatchError
        Samples of a shape that cannot be brought to the classifier's.
    """
    return classifier.encoder.encode(_as_wanted(classifier, samples)).mean


def units_of(
    classifier: Classifier, samples: Float[Tensor, "batch ..."], layer: str | None = None
) -> Float[Tensor, "batch units"]:
    """The units of a layer, mean over places; None: as :func:`penultimate`.

    Raises
    ------
    InputError
        No such layer.
    MismatchError
        As for :func:`penultimate`.
    """
    if layer is None:
        return penultimate(classifier, samples)
    with tap(classifier.encoder.network, layer) as tapped:
        classifier.encoder.encode(_as_wanted(classifier, samples))
        return over_places(tapped.take())


def class_scores(classifier: Classifier, r: Float[Tensor, "batch units"]) -> Float[Tensor, "batch classes"]:
    """Scores of the classes of penultimate representations, before the softmax: ``W r + b``."""
    weights, bias = (torch.tensor(values).to(r) for values in (classifier.weights, classifier.bias))
    return r @ weights.T + bias


def class_probabilities(
    classifier: Classifier, samples: Float[np.ndarray, "samples ..."]
) -> Float[np.ndarray, "samples classes"]:
    """What a classifier says of samples, some at a time: softmax of its scores, float64."""
    scores = []
    with torch.inference_mode():
        for start in range(0, len(samples), CHUNK):
            part = classifier.encoder.tensor(samples[start : start + CHUNK])
            scores.append(class_scores(classifier, penultimate(classifier, part)).double().cpu().numpy())
    return np.asarray(softmax(np.concatenate(scores), axis=1))


def penultimate_layer(classifier: Classifier) -> str:
    """Name of the layer that classes are told from, by passing noise through the network; empty where it has none.

    Where the classes are told from the mean of a layer over its places, this one.
    """
    if classifier.places:
        return classifier.places
    encoder = classifier.encoder
    like = next(encoder.network.parameters())
    x = torch.rand(2, *encoder.shape, generator=torch.Generator().manual_seed(0)).to(like)
    for layer in encoder_layers(encoder):
        with torch.inference_mode(), tap(encoder.network, layer) as tapped:
            latents = encoder.encode(x).mean
            found = over_places(tapped.take())
        if found.shape == latents.shape and torch.equal(found, latents):
            return layer
    return ""


def _as_wanted(classifier: Classifier, samples: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch ..."]:
    """Samples in the shape and precision that the classifier reads."""
    encoder = classifier.encoder
    x = samples.to(next(encoder.network.parameters()))
    if tuple(x.shape[1:]) == tuple(encoder.shape):
        return x
    check_readable(classifier, _Shaped(tuple(x.shape[1:]), encoder.scaling))
    channels, height, width = encoder.shape
    if x.shape[1] != channels:
        x = x.mean(dim=1, keepdim=True).expand(-1, channels, -1, -1)
    if tuple(x.shape[2:]) != (height, width):
        x = functional.interpolate(x, size=(height, width), mode="bilinear", align_corners=False, antialias=True)
    return x


class _Shaped:
    """Samples of which only shape and scaling are known."""

    def __init__(self, shape: tuple[int, ...], scaling: str) -> None:
        self.shape, self.scaling = shape, scaling
