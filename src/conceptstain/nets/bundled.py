"""Encoders that come with the package."""

from __future__ import annotations

from importlib.resources import as_file, files
from importlib.resources.abc import Traversable

from conceptstain.errors import InputError
from conceptstain.nets.checkpoint import load_encoder
from conceptstain.nets.encoder import Encoder

__all__ = ["bundled", "bundled_names", "model_card"]

SUFFIX = ".safetensors"


def bundled_names() -> tuple[str, ...]:
    """Names of the encoders that come with the package."""
    return tuple(
        sorted(entry.name.removesuffix(SUFFIX) for entry in _weights().iterdir() if entry.name.endswith(SUFFIX))
    )


def bundled(name: str = "gene-pictures") -> Encoder:
    """An encoder that comes with the package, ready at once.

    Raises
    ------
    InputError
        There is none of that name; the message lists those there are.
    """
    _check(name)
    with as_file(_weights() / f"{name}{SUFFIX}") as path:
        return load_encoder(path)


def model_card(name: str = "gene-pictures") -> str:
    """What a bundled encoder was trained on, how, how good it is and where it ends; Markdown."""
    _check(name)
    return (_weights() / f"{name}.md").read_text(encoding="utf-8")


def _check(name: str) -> None:
    if name not in bundled_names():
        raise InputError(
            "No encoder of that name comes with the package",
            got=repr(name),
            cure=f"Use one of: {', '.join(bundled_names())}",
        )


def _weights() -> Traversable:
    return files("conceptstain.nets") / "weights"
