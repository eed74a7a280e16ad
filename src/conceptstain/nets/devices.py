"""Where networks run: chosen here and nowhere else."""

from __future__ import annotations

import torch

from conceptstain.errors import InputError

__all__ = ["available_devices", "best_device"]


def available_devices() -> tuple[str, ...]:
    """Names of the kinds of device this machine has, fastest first; ``"cpu"`` is always the last."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def best_device(name: str | None = None) -> torch.device:
    """The device of this name, or the fastest there is.

    Parameters
    ----------
    name
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; None or ``"auto"``: the fastest of this machine.

    Raises
    ------
    InputError
        This machine has no such device.
    """
    available = available_devices()
    if name is None or name == "auto":
        return torch.device(available[0])
    kind, _, number = name.partition(":")
    if kind in available and (not number or number.isdecimal()):
        count = torch.cuda.device_count() if kind == "cuda" else 1
        if not number or int(number) < count:
            return torch.device(name)
    raise InputError(
        "This machine has no such device", got=repr(name), cure=f"Use one of: auto, {', '.join(available)}"
    )
