"""What is said of a map on pictures beside its controls."""

from __future__ import annotations

import numpy as np
import pytest

from conceptstain.methods.control_sentences import SAYINGS, control_sentences
from conceptstain.methods.controls import NAMES, Control, Controls

SPREAD = np.linspace(-0.02, 0.02, 20)


def stated(value: float | None, spread: np.ndarray = SPREAD, **others: float | list[float]) -> Controls:
    """Controls of a map of twenty pictures with these AUROCs, or rank correlations."""
    made = []
    for name, found in others.items():
        means = np.atleast_1d(found)
        values = means[:, None] + SPREAD
        aurocs = np.empty(0) if value is None else means
        made.append(Control(name.replace("_", " "), "", values, aurocs, means))
    settings = {"items": tuple(f"face {number}" for number in range(len(spread))), "noun": "picture"}
    values = np.ones(len(spread)) if value is None else value + spread
    judged = "none" if value is None else "cross-fitted"
    return Controls("glasses", "gradient", values, judged, value, tuple(made), "", settings)


def test_every_control_has_a_saying():
    assert set(NAMES) == set(SAYINGS)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            stated(0.86, mean_difference=0.7, shuffled_masks=[0.7, 0.72]),
            (
                "The map finds the masks with AUROC .86 (.85 to .87), ahead of all its controls.",
                "The map depends on the picture: .86 on its own mask, .71 on others'.",
            ),
        ),
        (
            stated(0.8, mean_difference=0.83, random_concept=[0.5, 0.6]),
            ("A map without any model shows as much (AUROC .83, the map .80).",),
        ),
        (
            stated(0.8, mean_mask=0.9, shuffled_masks=[0.795, 0.805]),
            (
                "The mean of other masks finds as much, without looking at the picture (AUROC .90, the map .80).",
                (
                    "The map finds the masks of others as well, so it shows where such things usually are "
                    "(AUROC .80 on average, .80 to .81; the map .80)."
                ),
            ),
        ),
        (
            stated(0.51, SPREAD * 10),
            ("On 20 pictures, the map's AUROC of .51 is not told from chance.",),
        ),
        (
            stated(0.62, SPREAD * 5, mean_difference=0.6),
            ("A map without any model shows as much (AUROC .60, the map .62, not told apart on 20 pictures).",),
        ),
        (
            stated(0.8, np.zeros(1)),
            ("On one picture, the map's AUROC of .80 is not told from chance.",),
        ),
        (
            stated(None, random_concept=[0.95, 0.97], mean_difference=0.3),
            ("A random concept gives as good a map, so it says little about this one (rank correlation .96).",),
        ),
        (
            stated(None, mean_difference=0.3),
            ("No control draws the same map; without masks that can judge it, none can be said to be better.",),
        ),
    ],
)
def test_controls_of_pictures_say_what_speaks_against_the_map(found, said):
    assert control_sentences(found) == said
    assert found.sentences == said
