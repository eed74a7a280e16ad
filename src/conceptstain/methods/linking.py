"""Fitting a link: from a classifier's penultimate layer to the latents of a generative model."""

from __future__ import annotations

from typing import Literal

import numpy as np

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs, ItemIndices, Targets
from conceptstain.methods.link import METHODS, Link, LinkMethod
from conceptstain.methods.link_fits import at_point, fitted
from conceptstain.methods.link_pairs import Pairs, encoded_pairs
from conceptstain.methods.link_quality import LinkQuality, basic_measures
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator
from conceptstain.nets.generators import as_generator
from conceptstain.nets.reading import penultimate_layer
from conceptstain.nets.tap import layer_named
from conceptstain.progress import Report, silent

__all__ = ["link"]

FEWEST_PAIRS = 8


def link(
    classifier: Classifier,
    generator: Generator | Encoder,
    canvas: Inputs | None = None,
    *,
    labels: Targets | None = None,
    items: ItemIndices | None = None,
    pairs: Literal["encoded"] = "encoded",
    method: LinkMethod = "least squares",
    alpha: float | None = None,
    held_out: float = 0.25,
    seed: int = 0,
    layer: str | None = None,
    report: Report = silent,
) -> Link:
    """Link a classifier's penultimate layer to a generative model's latent space: ``L(r) = W r + b``.

    Parameters
    ----------
    classifier
        Of whole items, or of parts, of which the layer's means over places are read.
    generator
        Whose latents are linked to; of an encoder, its decoder.
    canvas
        Where pairs are encoded from: the encoder's own view of the data. The classifier reads the same inputs, brought
        to its size.
    labels
        Of the canvas, what its items are: then it is told how often a class survives the way there and back.
    items
        Of the canvas, which; None: all that can be learned from.
    pairs
        ``"encoded"``: items of the canvas, as the classifier represents them and as the encoder encodes them.
    method
        ``"least squares"``, ``"ridge"`` or ``"elastic net"``, as in the release, or ``"mlp"``, one hidden layer of 256
        units, which is not linear.
    alpha
        How strongly ridge and the elastic net are held back, for units of variance 1; None: chosen by pairs that are
        left out of the learned ones. (The release leaves units as they are, with 1.)
    held_out
        Part of the pairs that the link does not learn from, and that its quality is measured on.
    seed
        Which these are.
    layer
        Of the classifier; None: the one that classes are told from.
    report
        Called while pairs are read.

    Raises
    ------
    InputError
        No such method or layer, too few pairs, or a generator without an encoder.
    MismatchError
        The canvas is not the encoder's, or not what the classifier can read.

    References
    ----------
    Wehrheim, Osuna-Vargas & Kaschube 2024, "Linking in style", arXiv:2409.16865.
    """
    if method not in METHODS:
        raise InputError("There is no such link", got=repr(method), cure=f"Choose one of: {', '.join(METHODS)}")
    if canvas is None:
        raise InputError("Pairs are encoded from a canvas", got="none", cure="Give the encoder's view of the data")
    if not 0 < held_out < 1:
        raise InputError("A part of the pairs is held out", got=f"{held_out}", cure="Use .25, or another from 0 to 1")
    made = as_generator(generator)
    named = None if layer is None else layer_named(classifier.encoder, layer)
    last = penultimate_layer(classifier)
    named = None if named == last else named
    found = encoded_pairs(classifier, made, canvas, items=items, labels=labels, layer=named, report=report)
    if len(found.r) < FEWEST_PAIRS:
        raise InputError("A link is learned from pairs", got=f"{len(found.r)}", cure=f"Give {FEWEST_PAIRS} or more")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(found.r))
    n_held_out = min(max(2, round(held_out * len(order))), len(order) - 2)
    left, learned = found.of(order[:n_held_out]), found.of(order[n_held_out:])
    fit = fitted(learned.r, learned.latents, method, alpha=alpha, seed=seed)
    fit = at_point(fit, found.r.mean(axis=0))
    mixed = learned.latents[rng.permutation(len(learned.r))]
    control = fitted(learned.r, mixed, method, alpha=fit.alpha, seed=seed)
    measures = basic_measures(fit.latents(left.r), control.latents(left.r), left.latents, learned.latents.mean(axis=0))
    return Link(
        weights=fit.weights,
        bias=fit.bias,
        method=method,
        layer=named or last,
        penultimate=named is None,
        classifier=classifier.fingerprint,
        generator=made.fingerprint,
        ranges=np.stack([found.r.min(axis=0), found.r.max(axis=0)], axis=1),
        means=found.r.mean(axis=0),
        class_means=_class_means(found, len(classifier.classes)),
        classes=classifier.classes,
        quality=LinkQuality(measures, len(learned.r), len(left.r)),
        seed=seed,
        card={
            "pairs": pairs,
            "classifier": classifier.name,
            "generator": made.name,
            "held out": held_out,
            "alpha": fit.alpha,
        },
        dense=fit.dense,
    )


def _class_means(pairs: Pairs, n_classes: int) -> np.ndarray:
    """Mean representation of every class, by label where any is known; NaN where there is none."""
    codes = pairs.known if (pairs.known >= 0).any() else pairs.predicted
    means = np.full((n_classes, pairs.r.shape[1]), np.nan)
    for row in np.unique(codes[codes >= 0]):
        means[row] = pairs.r[codes == row].mean(axis=0)
    return means
