"""Archives of torch.export taken apart, and put together again with something else inside."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import torch

WEIGHTS, CONSTANTS, GRAPH = (
    "data/weights/model_weights_config.json",
    "data/constants/model_constants_config.json",
    "models/model.json",
)


class Payload:
    """Opened by a pickle, it leaves a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


def parts_of(path: Path) -> dict[str, bytes]:
    """The content of an archive by the names inside its folder."""
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def written(parts, path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(f"crafted/{name}", content)
    return path


def pickled(trace: Path, *, by_torch: bool) -> bytes:
    if not by_torch:
        return pickle.dumps(Payload(trace))
    content = io.BytesIO()
    torch.save((Payload(trace),), content)
    return content.getvalue()


def with_json(parts, name, change):
    told = json.loads(parts[name])
    change(told)
    return parts | {name: json.dumps(told).encode()}
