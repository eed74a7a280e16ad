"""Files of weights, whatever they are of: safetensors with a word about themselves, written whole, never a pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from conceptstain.errors import ConceptStainError, InputError, ReadingError
from conceptstain.writing import written_whole

__all__ = ["KEY", "PICKLES", "check_format", "read_weights", "rebuilt_whole", "refuse_pickle", "write_weights"]

KEY = "conceptstain"  # of the metadata
PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin"}


class Fingerprinted(Protocol):
    """What is known again by its numbers."""

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits."""
        ...


Kept = TypeVar("Kept", bound=Fingerprinted)


def write_weights(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], told: Mapping[str, Any]) -> Path:
    """Write tensors and what is told of them, beside the place and then moved there.

    Returns
    -------
    Path
        The file; the suffix is added where it is missing.

    Raises
    ------
    InputError
        A folder that cannot be written to.
    """
    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        path = path.with_name(path.name + ".safetensors")
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        with written_whole(path, overwrite=True) as beside:
            save_file(held, beside, metadata={KEY: json.dumps(told, sort_keys=True)})
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path.name} cannot be written there", got=str(error), cure="Choose a folder you may write to"
        ) from error
    return path


def refuse_pickle(path: Path) -> None:
    """Refuse a file that is not there, and one that could run code or was not saved here; a ReadingError."""
    if not path.is_file():
        raise ReadingError(f"There is no file {path}", cure="Check the path")
    if path.suffix.lower() == ".pt2":
        raise ReadingError(
            f"{path.name} is an exported network, which this package did not save",
            got="a .pt2 file",
            cure="Read it with own_encoder",
        )
    with path.open("rb") as file:
        begin = file.read(10)
    if path.suffix.lower() in PICKLES or (begin.startswith((b"PK\x03\x04", b"\x80")) and begin[8:9] != b"{"):
        raise ReadingError(
            f"{path.name} may be a pickle, which can run any code when it is opened",
            got=f"a {path.suffix or 'nameless'} file",
            cure="Convert it to .safetensors where you trust it",
        )


def read_weights(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a file of this package tells of itself, and its tensors; a ReadingError of any other file."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        if path.suffix.lower() != ".safetensors":
            raise ReadingError(
                f"{path.name} holds no weights that can be read",
                got=f"a {path.suffix or 'nameless'} file",
                cure="Open weights, .safetensors",
            ) from error
        raise ReadingError(
            f"{path.name} is no whole safetensors file", got=str(error), cure="Copy or download it again"
        ) from error
    try:
        told = json.loads(metadata.get(KEY, "null"))
    except (ValueError, RecursionError) as error:
        raise ReadingError(
            f"{path.name} has damaged metadata", got=str(error), cure="Copy or download it again"
        ) from error
    if not isinstance(told, dict):
        raise ReadingError(
            f"{path.name} was not saved by conceptstain",
            got=f"metadata {sorted(metadata) or 'none'}",
            cure="Use a file that save_encoder or the command fit wrote",
        )
    return told, tensors


def check_format(path: Path, told: Mapping[str, Any], newest: int) -> None:
    """Refuse a file of a newer format than this version reads, or of none; a ReadingError."""
    if not isinstance(told.get("format"), int) or told["format"] > newest:
        raise ReadingError(
            f"{path.name} was written in a newer format than this version reads",
            got=f"format {told.get('format')} for {newest}",
            cure="Update napari-conceptstain",
        )


def rebuilt_whole(path: Path, told: Mapping[str, Any], rebuild: Callable[[], Kept], what: str) -> Kept:
    """What a file describes, with the numbers that it was saved with; a ReadingError where it does not.

    Parameters
    ----------
    path, told
        The file, and what it tells of itself.
    rebuild
        Makes it; may fail in any way that a file which lies can bring about.
    what
        What it should be, such as ``"an encoder"``.
    """
    try:
        found, fingerprint = rebuild(), str(told["fingerprint"])
    except (ConceptStainError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ReadingError(
            f"{path.name} does not describe {what}",
            got=f"{type(error).__name__}: {str(error).splitlines()[0]}",
            cure=f"Save or fit the {what.rsplit(maxsplit=1)[-1]} again",
        ) from error
    if found.fingerprint != fingerprint:
        raise ReadingError(
            f"The weights in {path.name} are not those it was saved with",
            got=f"fingerprint {found.fingerprint} for {fingerprint}",
            cure="Copy or fit it again; what was made with the original would not fit it",
        )
    return found
