from dataclasses import replace

import pytest

from conceptstain.errors import InputError
from conceptstain.nets.objectives import OBJECTIVES, Objective


def test_the_objective_is_that_of_a_vae_unless_another_is_asked_for():
    assert Objective().name == "vae"
    assert Objective().discriminator == (1000,) * 6


def test_each_objective_says_what_it_adds():
    added = {name: (Objective(name).factorises, Objective(name).attends) for name in OBJECTIVES}
    assert added == {
        "vae": (False, False),
        "beta-vae": (False, False),
        "factor-vae": (True, False),
        "ad-factor-vae": (True, True),
    }


def test_an_unknown_objective_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="vae, beta-vae, factor-vae, ad-factor-vae"):
        Objective("tc-vae")


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta": -1.0},
        {"gamma": -0.1},
        {"gamma": float("nan")},
        {"attention_weight": -1.0},
        {"discriminator": ()},
        {"discriminator": (10, 0)},
        {"discriminator_learning_rate": 0.0},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match="out of range"):
        replace(Objective("factor-vae"), **wrong)
