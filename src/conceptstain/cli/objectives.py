"""Objectives on the command line: what ``fit`` makes small beside the reconstruction, and how that went."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from conceptstain.errors import InputError
from conceptstain.nets.objectives import Objective

__all__ = [
    "AttentionLayer",
    "AttentionWeight",
    "Beta",
    "Gamma",
    "ObjectiveOption",
    "objective_of",
    "say_terms",
]

DEFAULT = Objective()


class Name(StrEnum):
    """Objectives by name."""

    VAE = "vae"
    BETA_VAE = "beta-vae"
    FACTOR_VAE = "factor-vae"
    AD_FACTOR_VAE = "ad-factor-vae"


ObjectiveOption = Annotated[Name, typer.Option("--objective", help="What is made small beside the reconstruction.")]
Beta = Annotated[
    float | None,
    typer.Option(help="Of beta-vae: weight of the divergence.", show_default=f"{DEFAULT.beta:g}"),
]
Gamma = Annotated[
    float | None,
    typer.Option(
        help="Of factor-vae and ad-factor-vae: weight of the total correlation.", show_default=f"{DEFAULT.gamma:g}"
    ),
]
AttentionWeight = Annotated[
    float | None,
    typer.Option(
        help="Of ad-factor-vae: weight of the overlap of attention maps.", show_default=f"{DEFAULT.attention_weight:g}"
    ),
]
AttentionLayer = Annotated[
    str | None,
    typer.Option(help="Of ad-factor-vae: whose maps, such as conv2.", show_default="the third convolution"),
]


def objective_of(
    name: Name,
    *,
    beta: float | None = None,
    gamma: float | None = None,
    attention_weight: float | None = None,
    attention_layer: str | None = None,
) -> Objective:
    """The objective that is asked for.

    Raises
    ------
    InputError
        A weight that the objective does not listen to, or out of range.
    """
    asked = Objective(name.value)
    listened = {
        "beta": (beta, asked.name == "beta-vae"),
        "gamma": (gamma, asked.factorises),
        "attention_weight": (attention_weight, asked.attends),
        "attention_layer": (attention_layer, asked.attends),
    }
    ignored = [
        f"--{word.replace('_', '-')}" for word, (value, heard) in listened.items() if value is not None and not heard
    ]
    if ignored:
        raise InputError(
            f"The objective {name.value} does not listen to these options",
            got=", ".join(ignored),
            cure="Leave them out, or choose another --objective",
        )
    given: dict[str, Any] = {word: value for word, (value, _) in listened.items() if value is not None}
    return Objective(name.value, **given)


def say_terms(history: Mapping[str, Any]) -> None:
    """The terms of the epoch that was kept, and what has to be known of them."""
    terms = history.get("terms", {})
    if terms:
        kept = history["best_epoch"] - 1
        told = ", ".join(f"{name} {values[kept]:.4g}" for name, values in terms.items())
        typer.echo(f"In epoch {history['best_epoch']} of {len(history['loss'])}, which was kept: {told}.")
    for remark in history.get("remarks", ()):
        typer.echo(remark)
