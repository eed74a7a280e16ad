"""Networks on the command line: which is meant, and what it can be asked."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = [
    "NetworkLatent",
    "NetworkMean",
    "NetworkShape",
    "NetworkStd",
    "NetworkWeights",
    "is_network",
    "network_at",
    "refuse_options",
    "say_network",
]

Number = TypeVar("Number", int, float)

NetworkWeights = Annotated[
    Path | None,
    typer.Option("--weights", help="Of package.module:function: its weights, .safetensors.", show_default=False),
]
NetworkShape = Annotated[
    str | None,
    typer.Option("--shape", help="Of a network: channels, height, width, such as 3,64,64.", show_default=False),
]
NetworkMean = Annotated[
    str | None,
    typer.Option("--mean", help="Of a network of normalised pictures: subtracted per channel.", show_default=False),
]
NetworkStd = Annotated[
    str | None,
    typer.Option("--std", help="Of a network of normalised pictures: divided by per channel.", show_default=False),
]
NetworkLatent = Annotated[
    str | None,
    typer.Option("--latent", help="Of a network: the layer that is its latent space.", show_default="its output"),
]

SUFFIXES = {".pt2", ".safetensors", ".pt", ".pth", ".ckpt"}  # the last ones are refused with the reason
FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_network(file: Path) -> bool:
    """Whether a network is meant, and no section."""
    return file.suffix.lower() in SUFFIXES or (FUNCTION.fullmatch(str(file)) is not None and not file.exists())


def network_at(
    file: Path, *, weights: Path | None, shape: str | None, mean: str | None, std: str | None, latent: str | None
) -> Encoder:
    """The encoder that is named: saved by this package, exported, or built by a function.

    Modules are looked for in the working folder, too, as ``python -m`` does.

    Raises
    ------
    InputError
        Numbers that are none, or options that a saved encoder does not listen to; else as
        :func:`conceptstain.own_encoder`.
    """
    if file.suffix.lower() == ".safetensors":
        from conceptstain.nets.checkpoint import load_encoder

        given = {"--weights": weights, "--shape": shape, "--mean": mean, "--std": std, "--latent": latent}
        refuse_options(given, "a saved encoder", "Leave them out")
        return load_encoder(file)
    from conceptstain.nets.own_networks import own_encoder

    if file.suffix.lower() not in SUFFIXES and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return own_encoder(
        str(file),
        shape=_numbers(shape, "--shape", int),
        weights=weights,
        mean=_numbers(mean, "--mean", float),
        std=_numbers(std, "--std", float),
        latent=latent,
    )


def refuse_options(given: Mapping[str, object], what: str, cure: str) -> None:
    """Refuse options that would be ignored in silence.

    Raises
    ------
    InputError
        One of them was given.
    """
    used = [option for option, value in given.items() if value is not None]
    if used:
        raise InputError(f"There are options that {what} does not listen to", got=", ".join(used), cure=cure)


def say_network(encoder: Encoder) -> None:
    """What a network takes, which layers it has, and what it can be asked for."""
    from conceptstain.methods.support import supported_methods
    from conceptstain.nets.tap import encoder_layers

    shape = " x ".join(str(side) for side in encoder.shape)
    typer.echo(
        f"Network {encoder.name}: inputs of {shape} in the scaling {encoder.scaling!r}, {encoder.latent} latent "
        f"dimensions, fingerprint {encoder.fingerprint}."
    )
    typer.echo(f"Layers: {', '.join(encoder_layers(encoder))}")
    typer.echo("It can be asked for:")
    for method, reason in supported_methods(encoder).items():
        typer.echo(f"  {method}: {'yes' if reason is None else f'no, {reason}'}")


def _numbers(text: str | None, option: str, number: Callable[[str], Number]) -> list[Number] | None:
    try:
        return None if text is None else [number(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"{option} takes numbers with commas", got=repr(text), cure="Write 3,64,64") from error
