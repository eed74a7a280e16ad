"""A link between tiny networks, to sweep units along."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from classes import fitted_to_squares
from conceptstain.canvas.class_labels import class_labels
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.classifying import ClassifierSettings, fit_classifier
from conceptstain.methods.link import Link
from conceptstain.methods.linking import link
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.classifier_network import ClassifierNetworkSettings
from conceptstain.nets.classifier_settings import ClassifierTrainingSettings
from conceptstain.nets.encoder import Encoder
from factories import tiny_encoder, tiny_profile_encoders, tiny_section


@cache
def linked() -> tuple[Link, Classifier, Encoder, ImageSet]:
    """From a classifier of squares to an untrained decoder, with the pictures of both."""
    classifier, canvas, _ = fitted_to_squares(4)
    encoder = tiny_encoder(canvas.shape, scaling="unit")
    return link(classifier, encoder, canvas, method="ridge", alpha=1.0), classifier, encoder, canvas


@cache
def bent() -> Link:
    """A link between the same that is not linear: a layer of three units between."""
    made = linked()[0]
    rng = np.random.default_rng(0)
    shapes = ((3, made.units), (made.latent, 3))
    dense = tuple((rng.normal(size=shape), rng.normal(size=shape[0])) for shape in shapes)
    return replace(made, method="mlp", dense=dense)


@cache
def linked_spots() -> tuple[Link, Classifier, Encoder, SpotProfiles]:
    """From a classifier of layers to an untrained decoder of profiles, with the spots of both."""
    canvas = tiny_section().view("spots", min_spots=1)
    (encoder,) = tiny_profile_encoders(canvas.features, 1)
    training = ClassifierTrainingSettings(2, batch_size=8, device="cpu", validation_fraction=0.25)
    settings = ClassifierSettings(ClassifierNetworkSettings((), halvings=0, hidden=(6,)), training)
    classifier = fit_classifier(canvas, class_labels(canvas, obs="layer"), settings)
    return link(classifier, encoder, canvas, method="ridge", alpha=1.0), classifier, encoder, canvas
