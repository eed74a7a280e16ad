"""Fitting a link: from a classifier's penultimate layer to the latents of a generative model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from conceptstain.errors import InputError
from conceptstain.inputs import Inputs, ItemIndices, Targets
from conceptstain.methods.link import METHODS, Link, LinkMethod
from conceptstain.methods.link_fits import at_point, fitted
from conceptstain.methods.link_measures import measured
from conceptstain.methods.link_pairs import Pairs, encoded_pairs, read_samples, sampled_pairs
from conceptstain.methods.link_quality import LinkQuality
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator
from conceptstain.nets.generators import as_generator
from conceptstain.nets.reading import penultimate_layer
from conceptstain.nets.tap import layer_named
from conceptstain.progress import Report, silent

__all__ = ["link"]

FEWEST_PAIRS, FEWEST_LEFT = 8, 2
PENALISED = ("ridge", "elastic net")
SHUFFLES = 5  # links of shuffled pairs, whose mean is told; of an MLP, which takes its time, one


def link(
    classifier: Classifier,
    generator: Generator | Encoder,
    canvas: Inputs | None = None,
    *,
    labels: Targets | None = None,
    items: ItemIndices | None = None,
    pairs: Literal["encoded", "sampled"] = "encoded",
    method: LinkMethod = "least squares",
    alpha: float | None = None,
    n_pairs: int = 2000,
    held_out: float | ItemIndices = 0.25,
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
        to its size. None: pairs are sampled.
    labels
        Of the canvas, what its items are: then it is told how often a class survives the way there and back.
    items
        Of the canvas, which; None: all that can be learned from.
    pairs
        ``"encoded"``: items of the canvas, as the classifier represents them and as the encoder encodes them.
        ``"sampled"``: what the generator draws, as the classifier represents it; of a generator that draws classes by
        name, only what the classifier takes for the class that it was drawn as.
    method
        ``"least squares"``, ``"ridge"`` or ``"elastic net"``, as in the release, or ``"mlp"``, one hidden layer of 256
        units, which is not linear.
    alpha
        How strongly ridge and the elastic net are held back, for units of variance 1; None: chosen by pairs that are
        left out of the learned ones. (The release leaves units as they are, with 1.)
    n_pairs
        How many are sampled, of all classes together.
    held_out
        Part of the pairs that the link does not learn from, and that its quality is measured on; of encoded pairs also
        the items themselves, such as those that neither network learned from.
    seed
        Of what is held out, shuffled and drawn.
    layer
        Of the classifier; None: the one that classes are told from.
    report
        Called while pairs are read.

    Raises
    ------
    InputError
        No such method or layer, a negative seed, a penalty that a method has not, too few pairs, a generator without an
        encoder, or one whose samples the classifier does not take for what they were drawn as.
    MismatchError
        The canvas is not the encoder's, or samples are not what the classifier can read.

    References
    ----------
    Wehrheim, Osuna-Vargas & Kaschube 2024, "Linking in style", arXiv:2409.16865.
    """
    if method not in METHODS:
        raise InputError("There is no such link", got=repr(method), cure=f"Choose one of: {', '.join(METHODS)}")
    if alpha is not None and not (method in PENALISED and 0 < alpha < np.inf):
        raise InputError(
            "Only some links have a penalty, a number above 0",
            got=f"alpha={alpha:g} with {method}",
            cure=f"Leave it out, or use {' or '.join(PENALISED)}",
        )
    if seed < 0:
        raise InputError("Chance starts at a whole number", got=f"seed={seed}", cure="Use 0, or a number above it")
    made = as_generator(generator)
    named = None if layer is None else layer_named(classifier.encoder, layer)
    last = penultimate_layer(classifier)
    named = None if named == last else named
    rng = np.random.default_rng(seed)
    told: dict[str, Any] = {"pairs": pairs, "classifier": classifier.name, "generator": made.name}
    if pairs == "encoded":
        read = partial(encoded_pairs, classifier, made, _given(canvas), labels=labels, layer=named, report=report)
        learned, left = _encoded(read, _given(canvas), items, held_out, rng)
    else:
        if canvas is not None or labels is not None or items is not None:
            raise InputError(
                "Sampled pairs are of no canvas", got="a canvas", cure="Leave it out, with labels and items"
            )
        drawn = sampled_pairs(classifier, made, n_pairs, rng, layer=named, report=report)
        learned, left = _apart(drawn.pairs, held_out, rng)
        told["drawn"] = {name: list(counts) for name, counts in drawn.counts.items()}
    if len(learned.r) < FEWEST_PAIRS or len(left.r) < FEWEST_LEFT:
        raise InputError(
            "A link is learned from pairs, and measured on others",
            got=f"{len(learned.r)} to learn from and {len(left.r)} held out",
            cure=f"Give {FEWEST_PAIRS + FEWEST_LEFT} or more",
        )
    whole = Pairs(*(np.concatenate(each) for each in zip(learned, left, strict=True)))
    fit = fitted(learned.r, learned.latents, method, alpha=alpha, seed=seed)
    fit = at_point(fit, whole.r.mean(axis=0))
    shuffled = [
        fitted(learned.r, learned.latents[rng.permutation(len(learned.r))], method, alpha=fit.alpha, seed=seed).latents
        for _ in range(1 if method == "mlp" else SHUFFLES)
    ]
    measures = measured(
        fit.latents,
        shuffled,
        left,
        learned,
        read=lambda latents: read_samples(classifier, made.samples(latents), named),
    )
    return Link(
        weights=fit.weights,
        bias=fit.bias,
        method=method,
        layer=named or last,
        penultimate=named is None,
        classifier=classifier.fingerprint,
        generator=made.fingerprint,
        ranges=np.stack([whole.r.min(axis=0), whole.r.max(axis=0)], axis=1),
        means=whole.r.mean(axis=0),
        class_means=_class_means(whole, len(classifier.classes)),
        classes=classifier.classes,
        quality=LinkQuality(measures, len(learned.r), len(left.r)),
        seed=seed,
        card={**told, "alpha": fit.alpha},
        dense=fit.dense,
    )


def _given(canvas: Inputs | None) -> Inputs:
    if canvas is None:
        raise InputError(
            "Pairs are encoded from a canvas",
            got="none",
            cure='Give the encoder\'s view of the data, or sample them: pairs="sampled"',
        )
    return canvas


def _encoded(
    read: Callable[..., Pairs],
    canvas: Inputs,
    items: ItemIndices | None,
    held_out: float | ItemIndices,
    rng: np.random.Generator,
) -> tuple[Pairs, Pairs]:
    """Pairs to learn from, and pairs held out: a part at random, or those items."""
    chosen = canvas.trainable if items is None else np.asarray(items, dtype=int)
    if isinstance(held_out, float | int):
        return _apart(read(items=chosen), held_out, rng)
    left = np.asarray(held_out, dtype=int)
    return read(items=np.setdiff1d(chosen, left)), read(items=left)


def _apart(pairs: Pairs, held_out: float | ItemIndices, rng: np.random.Generator) -> tuple[Pairs, Pairs]:
    """Pairs with a part of them, at random, held out."""
    if not isinstance(held_out, float | int) or not 0 < held_out < 1:
        raise InputError(
            "A part of the pairs is held out", got=f"{held_out}", cure="Use .25, or another part between 0 and 1"
        )
    order = rng.permutation(len(pairs.r))
    n_left = round(held_out * len(order))
    return pairs.of(order[n_left:]), pairs.of(order[:n_left])


def _class_means(pairs: Pairs, n_classes: int) -> Float[np.ndarray, "classes units"]:
    """Mean representation of every class, by label where any is known; NaN where there is none."""
    codes = pairs.known if (pairs.known >= 0).any() else pairs.predicted
    means = np.full((n_classes, pairs.r.shape[1]), np.nan)
    for row in np.unique(codes[codes >= 0]):
        means[row] = pairs.r[codes == row].mean(axis=0)
    return means
