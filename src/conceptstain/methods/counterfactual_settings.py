"""What can be chosen about the search for a counterfactual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, final, get_args

from conceptstain.errors import InputError

__all__ = ["CounterfactualMethod", "CounterfactualSettings"]

CounterfactualMethod: TypeAlias = Literal["line search", "gradient"]
"""How the path is found."""

PROBABILITY = 0.9
MOST_STEPS = {"gradient": 500, "line search": 60}
LEARNING_RATE = {"gradient": 0.05}


@final
@dataclass(frozen=True)
class CounterfactualSettings:
    """How a counterfactual is searched for.

    Attributes
    ----------
    probability
        The search ends where the classifier, shown the decoded sample, gives the target this probability.
    most_steps
        Of the search; None: 500 of the gradient, 60 positions of the line search.
    learning_rate
        Of Adam (gradient); None: .05.
    pull
        Weight of the squared distance to the start, against the target's log-probability (gradient).
    farthest
        How far the line search goes, in differences of the means of the two classes.
    frames
        Positions that the path is told at, start and end among them.
    neighbours
        Known items whose mean distance says how plausible the end is.
    seed
        Of whatever is drawn.
    """

    probability: float = PROBABILITY
    most_steps: int | None = None
    learning_rate: float | None = None
    pull: float = 0.02
    farthest: float = 3.0
    frames: int = 11
    neighbours: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        positive = self.most_steps, self.learning_rate, self.farthest, self.neighbours
        in_range = (
            0 < self.probability < 1
            and all(each is None or each > 0 for each in positive)
            and self.pull >= 0
            and self.frames >= 2
        )
        if not in_range:
            raise InputError(
                "A setting of the counterfactual is out of range",
                got=str(self),
                cure="Use a probability between 0 and 1, two frames or more, and numbers above 0; the pull may be 0",
            )

    def steps_of(self, method: CounterfactualMethod) -> int:
        """How many steps a method may take."""
        return self.most_steps or MOST_STEPS[method]

    def rate_of(self, method: CounterfactualMethod) -> float:
        """The learning rate of a method."""
        return self.learning_rate or LEARNING_RATE[method]


def check_method(method: str) -> None:
    """Refuse what is no method; an InputError that lists them."""
    if method not in get_args(CounterfactualMethod):
        raise InputError(
            "Counterfactuals are not found that way",
            got=repr(method),
            cure=f"Choose one of: {', '.join(get_args(CounterfactualMethod))}",
        )
