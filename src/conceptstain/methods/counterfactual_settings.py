"""What can be chosen about the search for a counterfactual."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, final, get_args

from conceptstain.errors import InputError

__all__ = ["METHODS", "CounterfactualMethod", "CounterfactualSettings", "check_method"]

CounterfactualMethod: TypeAlias = Literal["proximal path", "line search", "gradient", "published"]
"""How the path is found; see :func:`~conceptstain.methods.counterfactual_search.counterfactual`."""

METHODS: tuple[CounterfactualMethod, ...] = get_args(CounterfactualMethod)

PROBABILITY = {"proximal path": 0.9, "line search": 0.9, "gradient": 0.9}
AIM = 0.98  # of the proximal path, where it can be had
MOST_STEPS = {"proximal path": 180, "line search": 60, "gradient": 500, "published": 2000}
LEARNING_RATE = {"gradient": 0.05, "published": 0.5}


@final
@dataclass(frozen=True)
class CounterfactualSettings:
    """How a counterfactual is searched for.

    Attributes
    ----------
    probability
        A search has arrived where the classifier, shown the decoded sample, gives the target this probability. None:
        .9, and the proximal path goes on to .98 where it can; the published search ends where the target is the most
        probable class.
    most_steps
        Of the search; None: 180 positions of the proximal path, 60 of the line, 500 steps of the gradient, 2,000 of the
        published search.
    learning_rate
        None: .05 of Adam (gradient), .5 of the published plain descent.
    pull
        Weight of the squared distance to the start, against the target's log-probability (gradient).
    farthest
        How far a path goes: the line search in differences of the means of the two classes, the proximal path in
        differences of start and middle.
    nearest
        Known items of the target class, the nearest to the start, whose mean the proximal path leads to.
    origin_weight, similarity_weight
        Of the published objective: of the origin's score, and of the cosine of the two latents.
    frames
        Positions that the path is told at, start and end among them.
    neighbours
        Known items whose mean distance says how plausible the end is.
    seed
        Of what is drawn: the start of the published search, and known items that stand for very many.
    """

    probability: float | None = None
    most_steps: int | None = None
    learning_rate: float | None = None
    pull: float = 0.02
    farthest: float = 3.0
    nearest: int = 50
    origin_weight: float = 0.6
    similarity_weight: float = 10.0
    frames: int = 11
    neighbours: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        def wrong(names: str, fits: Callable[[float], bool]) -> list[str]:
            given = ((name, getattr(self, name)) for name in names.split())
            return [f"{name}={value}" for name, value in given if value is not None and not fits(value)]

        out_of_range = [
            *wrong("probability", lambda value: 0 < value < 1),
            *wrong("most_steps learning_rate farthest nearest neighbours", lambda value: 0 < value < math.inf),
            *wrong("pull origin_weight similarity_weight seed", lambda value: 0 <= value < math.inf),
            *wrong("frames", lambda value: value >= 2),
            *wrong("most_steps nearest frames neighbours seed", lambda value: float(value).is_integer()),
        ]
        if out_of_range:
            raise InputError(
                "A setting of the counterfactual is out of range",
                got=", ".join(out_of_range),
                cure="Use a probability between 0 and 1, two frames or more, and numbers above 0, whole where they "
                "count; weights may be 0",
            )

    def probability_of(self, method: CounterfactualMethod) -> float | None:
        """The probability at which a method has arrived; None: where the target is the most probable class."""
        return PROBABILITY.get(method) if self.probability is None else self.probability

    def aim_of(self, method: CounterfactualMethod) -> float | None:
        """The probability that a method goes on to where it can; as :meth:`probability_of` where there is no other."""
        return AIM if method == "proximal path" and self.probability is None else self.probability_of(method)

    def steps_of(self, method: CounterfactualMethod) -> int:
        """How many steps a method may take."""
        return self.most_steps or MOST_STEPS[method]

    def rate_of(self, method: CounterfactualMethod) -> float:
        """The learning rate of a method."""
        return self.learning_rate or LEARNING_RATE[method]


def check_method(method: str) -> None:
    """Refuse what is no method; an InputError that lists them."""
    if method not in METHODS:
        raise InputError(
            "Counterfactuals are not found that way", got=repr(method), cure=f"Choose one of: {', '.join(METHODS)}"
        )
