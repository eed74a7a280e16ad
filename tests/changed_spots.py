"""A counterfactual of three spots of a tiny section, by an encoder that was never trained."""

from __future__ import annotations

from functools import cache

import conceptstain as cs
from classes import quick
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.methods.counterfactual import Counterfactual
from factories import tiny_profile_encoders, tiny_section

ASKED = [7, 3, 20]


@cache
def of_spots() -> tuple[Counterfactual, SpotProfiles]:
    canvas = tiny_section().view("spots")
    settings = cs.ClassifierSettings(training=quick(2).training)
    classifier = cs.fit_classifier(canvas, cs.class_labels(canvas, obs="layer"), settings)
    short = cs.CounterfactualSettings(most_steps=4, frames=3)
    (encoder,) = tiny_profile_encoders(canvas.features, 1)
    found = cs.counterfactual(classifier, encoder, canvas, ASKED, "inner", method="gradient", settings=short)
    return found, canvas
