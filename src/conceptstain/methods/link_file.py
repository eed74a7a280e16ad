"""Links on disk: safetensors with everything needed to use them rightly, never a pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from conceptstain.errors import ReadingError
from conceptstain.methods.intervals import Interval
from conceptstain.methods.link import Link
from conceptstain.methods.link_quality import LinkMeasure, LinkQuality
from conceptstain.nets.weights_file import check_format, read_weights, rebuilt_whole, refuse_pickle, write_weights

__all__ = ["LINK_FORMAT", "load_link", "save_link"]

LINK_FORMAT = 1
KIND = "link"
ARRAYS = ("weights", "bias", "ranges", "means", "class_means")
WORDS = ("method", "layer", "penultimate", "classifier", "generator", "seed")


def save_link(link: Link, path: str | os.PathLike[str]) -> Path:
    """Write a link as one ``.safetensors`` file; classifier and generator are known again by their fingerprints.

    Returns
    -------
    Path
        The file; the suffix is added where it is missing.

    Raises
    ------
    InputError
        A folder that cannot be written to.
    """
    arrays = {name: getattr(link, name) for name in ARRAYS}
    for number, (weights, bias) in enumerate(link.dense):
        arrays |= {f"dense.{number}.weights": weights, f"dense.{number}.bias": bias}
    told = {
        "format": LINK_FORMAT,
        "kind": KIND,
        **{word: getattr(link, word) for word in WORDS},
        "classes": list(link.classes),
        "quality": {
            "learned": link.quality.n_learned,
            "held out": link.quality.n_held_out,
            "measures": [
                [name, [_numbers(each.value), _numbers(each.shuffled), each.ceiling and _numbers(each.ceiling)]]
                for name, each in link.quality.measures.items()
            ],
        },
        "card": link.card,
        "fingerprint": link.fingerprint,
    }
    held = {name: torch.tensor(np.asarray(values, dtype=np.float64)) for name, values in arrays.items()}
    return write_weights(path, held, told)


def load_link(path: str | os.PathLike[str]) -> Link:
    """Read a link that :func:`save_link` wrote.

    Raises
    ------
    ReadingError
        No such file, a pickle, a file of another kind, of a newer format, cut short, or whose numbers are not those it
        was saved with.
    """
    path = Path(path)
    refuse_pickle(path)
    told, tensors = read_weights(path)
    if told.get("kind") != KIND:
        raise ReadingError(
            f"{path.name} holds no link",
            got=f"{'a classifier' if told.get('kind') == 'classifier' else 'an encoder'}",
            cure="Make one with conceptstain.link",
        )
    check_format(path, told, LINK_FORMAT)
    arrays = {name: np.asarray(tensor.numpy()) for name, tensor in tensors.items()}
    return rebuilt_whole(path, told, lambda: _rebuilt(told, arrays), "a link")


def _rebuilt(told: Mapping[str, Any], arrays: Mapping[str, Float[np.ndarray, "..."]]) -> Link:
    quality = told["quality"]
    n_layers = sum(name.startswith("dense.") for name in arrays) // 2
    dense = [(arrays[f"dense.{number}.weights"], arrays[f"dense.{number}.bias"]) for number in range(n_layers)]
    sides = [arrays["weights"].shape[1], *(len(bias) for _, bias in dense)]
    if any(weights.shape != (len(bias), side) for (weights, bias), side in zip(dense, sides, strict=False)):
        raise ValueError("layers of an MLP that do not follow on each other")
    measures = {
        str(name): LinkMeasure(_interval(value), _interval(shuffled), ceiling and _interval(ceiling))
        for name, (value, shuffled, ceiling) in quality["measures"]
    }
    held: dict[str, Any] = {name: arrays[name] for name in ARRAYS} | {word: told[word] for word in WORDS}
    return Link(
        **held,
        classes=tuple(str(name) for name in told["classes"]),
        quality=LinkQuality(measures, int(quality["learned"]), int(quality["held out"])),
        card=told["card"],
        dense=tuple(dense),
    )


def _numbers(told: Interval) -> list[float | None]:
    """Numbers for JSON, which has no NaN."""
    return [float(number) if np.isfinite(number) else None for number in told]


def _interval(numbers: Sequence[float | None]) -> Interval:
    return Interval(*(float("nan") if number is None else float(number) for number in numbers))
