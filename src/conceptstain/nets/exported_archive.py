"""What ``torch.export`` wrote, made safe to hand to torch: the raw weights and the graph, and nothing that could run.

A ``.pt2`` file is a zip archive. Its weights are raw numbers and its graph is JSON, but it may also hold pickles
(weights, constants, custom objects, sample inputs) and compiled libraries, and torch opens them all. Even in the JSON
some words are looked up or evaluated when torch reads them: names of operators, expressions for sizes, guards, types of
containers. So the archive is inspected with nothing but ``zipfile`` and ``json``, and written anew in memory from the
parts that are known to be harmless. What is dropped is never read; what is needed and not harmless is refused by name.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from conceptstain.errors import ReadingError
from conceptstain.foreign import foreign_reader
from conceptstain.nets.exported_graph import check_words, harmless_graph, input_shape_of, refuse

__all__ = ["PlainArchive", "plain_archive"]

LARGEST_BYTES = 4 * 2**30  # of the archive, which is held in memory twice while it is read
LARGEST_TEXT = 64 * 2**20

PAYLOAD = re.compile(r"(weight|tensor)_\d{1,6}")
VERSIONS = ("archive_format", "archive_version", "byteorder", ".data/version")
PLACES = ("models/", "data/weights/", "data/constants/")


@final
@dataclass(frozen=True, eq=False)
class PlainArchive:
    """An archive of raw weights and a graph.

    Attributes
    ----------
    content
        The archive, for ``torch.export.load``.
    input_shape
        Shape of the input with its batch; None for a size that may vary.
    """

    content: bytes
    input_shape: tuple[int | None, ...]


def plain_archive(path: Path) -> PlainArchive:
    """The harmless part of a ``.pt2`` file; nothing in it is unpickled, looked up or run.

    Raises
    ------
    ReadingError
        No such file, no archive of ``torch.export`` or one of an older torch; pickles, custom objects or compiled code
        where weights or a graph should be; an operator that is not known; more than one network or input; a network
        that was exported while training or for another device than the CPU; sizes beyond what the file holds.
    """
    if not path.is_file():
        raise ReadingError(f"There is no file {path}", cure="Check the path")
    with foreign_reader(path.name, "a torch.export archive", "Copy it again, or export the network again"):
        with zipfile.ZipFile(path) as archive:
            entries = _entries(archive, path)
            name = _one_network(entries, path.name)
            told = json.loads(_text(archive, entries[f"models/{name}.json"], path.name))
            configs = {
                folder: json.loads(_text(archive, entries[f"data/{folder}/{name}_{folder}_config.json"], path.name))
                for folder in ("weights", "constants")
            }
            program = harmless_graph(told, path.name)
            parts: dict[str, bytes] = {}
            for folder, config in configs.items():
                payloads = _payloads(config, folder, entries, path.name)
                parts[f"data/{folder}/model_{folder}_config.json"] = _written(payloads)
                for each in payloads["config"].values():
                    kept = f"data/{folder}/{each['path_name']}"
                    parts[kept] = archive.read(entries[kept])
            parts |= {rest: archive.read(entries[rest]) for rest in VERSIONS}
        input_shape = input_shape_of(program, path.name)
    parts["models/model.json"] = _written(program)
    parts["data/sample_inputs/model.pt"] = b""  # torch expects it, and opens a pickle only where there is something
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as plain:
        for inside, data in parts.items():
            plain.writestr(f"network/{inside}", data)
    return PlainArchive(content.getvalue(), input_shape)


def _written(told: Any) -> bytes:
    return json.dumps(told).encode()


def _entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """What is in the archive, by the name inside its one folder."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    # torch stores without compression, so that what an archive claims cannot be more than its own size.
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        refuse(path.name, "is compressed, which torch.export never does", "a file that was packed again")
    claimed = sum(info.file_size for info in infos)
    if claimed > min(path.stat().st_size, LARGEST_BYTES):
        refuse(
            path.name,
            "claims more than can be opened",
            f"parts of {claimed:,} bytes; the file has {path.stat().st_size:,}, the limit is {LARGEST_BYTES:,}",
        )
    entries = {info.filename.partition("/")[2] or info.filename: info for info in infos}
    _refuse_others(entries, path.name)
    return entries


def _refuse_others(entries: Mapping[str, zipfile.ZipInfo], file: str) -> None:
    """Refuse what torch would run or unpickle, and archives that are not of ``torch.export``."""
    if any(name.startswith("code/") or name == "constants.pkl" for name in entries):
        refuse(
            file,
            "is TorchScript, whose layers cannot be watched while it runs",
            "a compiled script",
            "Export the network itself with torch.export",
        )
    if "data.pkl" in entries:
        refuse(file, "is a pickle, which can run any code when it is opened", "what torch.save writes")
    if any(name.startswith("serialized_exported_program") for name in entries):
        refuse(
            file,
            "was exported by an older torch, which pickled weights",
            "an archive of torch 2.7 or earlier",
            "Export it again with a newer torch",
        )
    for name in sorted(entries):
        if name.startswith("data/aotinductor/"):
            refuse(file, "holds compiled code, which would run when it is opened", name)
        if name.startswith(PLACES) and name.rpartition("/")[2].startswith(("custom_obj_", "opaque_obj_")):
            refuse(file, "holds a pickled object, which can run any code when it is opened", name)
        if name.startswith(PLACES) and name.endswith(".pt"):
            refuse(file, "holds a pickle, which can run any code when it is opened", name)


def _one_network(entries: Mapping[str, zipfile.ZipInfo], file: str) -> str:
    found = [name for name in entries if name.startswith("models/") and name.endswith(".json")]
    if len(found) != 1:
        refuse(file, "does not hold one exported network", f"{len(found)} networks")
    return found[0].removeprefix("models/").removesuffix(".json")


def _text(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: str) -> bytes:
    if entry.file_size > LARGEST_TEXT:
        refuse(file, "claims more than can be opened", f"{entry.filename} of {entry.file_size:,} bytes")
    return archive.read(entry)


def _payloads(
    told: Mapping[str, Any], folder: str, entries: Mapping[str, zipfile.ZipInfo], file: str
) -> dict[str, dict[str, Any]]:
    """The description of the raw numbers, with what it says checked against what is there."""
    config: dict[str, Any] = {}
    for name, each in told["config"].items():
        if each["use_pickle"] is not False:
            refuse(file, "holds a pickle, which can run any code when it is opened", f"{name} with use_pickle")
        if not PAYLOAD.fullmatch(each["path_name"]):
            refuse(file, "holds something else than numbers among its weights", repr(each["path_name"]))
        meta = each["tensor_meta"]
        n_values = math.prod(int(size["as_int"]) for size in meta["sizes"])
        # Every number has a place of its own: a weight cannot be larger than what the file holds of it.
        if n_values > entries[f"data/{folder}/{each['path_name']}"].file_size:
            refuse(file, "claims more numbers than it holds", f"{n_values:,} in {name}")
        check_words({name: meta}, file)
        config[name] = {
            "path_name": each["path_name"],
            "is_param": bool(each["is_param"]),
            "use_pickle": False,
            "tensor_meta": meta,
        }
    return {"config": config}
