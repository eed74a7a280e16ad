"""Encoders on disk: safetensors weights with everything needed to use them rightly, never a pickle."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from conceptstain.errors import ConceptStainError, InputError, ReadingError
from conceptstain.nets.classifier_network import ClassifierNetwork, ClassifierNetworkSettings
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.profile_vae import ProfileVAE, ProfileVAESettings
from conceptstain.writing import written_whole

__all__ = [
    "FORMAT_VERSION",
    "encoder_bytes",
    "encoder_from_bytes",
    "is_savable",
    "load_encoder",
    "read_weights",
    "refuse_pickle",
    "save_encoder",
]

FORMAT_VERSION = 4
KEY = "conceptstain"
PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32, "float64": torch.float64}
PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin"}


@final
@dataclass(frozen=True)
class _Kind:
    """A network of this package, and the first format that knows it."""

    name: str
    network: type[PictureVAE | ProfileVAE | ImageVAE | ClassifierNetwork]
    settings: type[PictureVAESettings | ProfileVAESettings | ImageVAESettings | ClassifierNetworkSettings]
    since: int

    def needed(self, settings: object) -> int:
        """The first format that knows a network with these settings."""
        return NETWORKS_SINCE.get(getattr(settings, "network", ""), self.since)


NETWORKS_SINCE = {"factor-vae": 4}  # those that came later than their kind

# A file says the lowest format that can read it, so that older versions go on reading what they know.
KINDS = (
    _Kind("pictures", PictureVAE, PictureVAESettings, since=1),
    _Kind("profiles", ProfileVAE, ProfileVAESettings, since=2),
    _Kind("images", ImageVAE, ImageVAESettings, since=3),
    _Kind("penultimate layer", ClassifierNetwork, ClassifierNetworkSettings, since=4),
)


def save_encoder(encoder: Encoder, path: str | os.PathLike[str]) -> Path:
    """Write an encoder as one ``.safetensors`` file.

    The file is written beside its place and then moved there, so that what was there stays whole until the new one is.
    Weights that half precision holds exactly are stored in it; what is loaded equals what was saved bit for bit.

    Returns
    -------
    Path
        The file; the suffix is added where it is missing.

    Raises
    ------
    InputError
        A network that is not of this package, or a folder that cannot be written to.
    """
    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        path = path.with_name(path.name + ".safetensors")
    network = encoder.network
    kind = next((kind for kind in KINDS if isinstance(network, kind.network)), None)
    if kind is None or not isinstance(network, PictureVAE | ProfileVAE | ImageVAE | ClassifierNetwork):
        raise InputError(
            "Only networks of this package can be saved",
            got=type(network).__name__,
            cure="Save the weights of your own network with safetensors",
        )
    tensors = {name: _compact(tensor) for name, tensor in network.state_dict().items()}
    told = {
        "format": kind.needed(network.settings),
        "kind": kind.name,
        "name": encoder.name,
        "shape": list(encoder.shape),
        "scaling": encoder.scaling,
        "network": asdict(network.settings),
        "precision": str(next(network.parameters()).dtype).removeprefix("torch."),
        "fingerprint": encoder.fingerprint,
        "card": encoder.card,
        "features": list(encoder.features),
    }
    try:
        with written_whole(path, overwrite=True) as beside:
            save_file(tensors, beside, metadata={KEY: json.dumps(told, sort_keys=True)})
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path.name} cannot be written there", got=str(error), cure="Choose a folder you may write to"
        ) from error
    return path


def is_savable(encoder: Encoder) -> bool:
    """Whether its network is of this package, so that it can be built again from what is saved."""
    return any(isinstance(encoder.network, kind.network) for kind in KINDS)


def encoder_bytes(encoder: Encoder) -> bytes:
    """The content of the file that :func:`save_encoder` writes, to be kept inside another; an InputError as there."""
    with tempfile.TemporaryDirectory(prefix="conceptstain-") as folder:
        return save_encoder(encoder, Path(folder) / "encoder.safetensors").read_bytes()


def encoder_from_bytes(content: bytes) -> Encoder:
    """The encoder whose :func:`encoder_bytes` these are; a ReadingError as :func:`load_encoder` has it."""
    with tempfile.TemporaryDirectory(prefix="conceptstain-") as folder:
        path = Path(folder) / "encoder.safetensors"
        path.write_bytes(content)
        return load_encoder(path)


def load_encoder(path: str | os.PathLike[str]) -> Encoder:
    """Read an encoder that :func:`save_encoder` wrote, onto the CPU.

    Raises
    ------
    ReadingError
        No such file, a pickle, a file of another kind, of a newer format, cut short, or whose weights are not those it
        was saved with.
    """
    path = Path(path)
    refuse_pickle(path)
    told, tensors = read_weights(path)
    if told.get("kind") == "classifier":
        raise ReadingError(f"{path.name} holds a classifier", got="no encoder", cure="Read it with load_classifier")
    if not isinstance(told.get("format"), int) or told["format"] > FORMAT_VERSION:
        raise ReadingError(
            f"{path.name} was written in a newer format than this version reads",
            got=f"format {told.get('format')} for {FORMAT_VERSION}",
            cure="Update napari-conceptstain",
        )
    try:
        encoder, fingerprint = _rebuilt(told, tensors), str(told["fingerprint"])
    except (ConceptStainError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ReadingError(
            f"{path.name} does not describe an encoder",
            got=f"{type(error).__name__}: {str(error).splitlines()[0]}",
            cure="Save or fit the encoder again",
        ) from error
    if encoder.fingerprint != fingerprint:
        raise ReadingError(
            f"The weights in {path.name} are not those it was saved with",
            got=f"fingerprint {encoder.fingerprint} for {fingerprint}",
            cure="Copy or fit it again; concepts made with the original would not fit it",
        )
    return encoder


def _compact(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    if tensor.is_floating_point() and torch.equal(tensor.half().to(tensor.dtype), tensor):
        return tensor.half()
    return tensor


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


def _rebuilt(told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Encoder:
    (kind,) = (kind for kind in KINDS if kind.name == told.get("kind", "pictures"))
    built: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in told["network"].items()
    }
    settings = kind.settings(**built)
    shape = tuple(int(side) for side in told["shape"])
    features = tuple(str(name) for name in told.get("features", ()))
    if features and (len(features),) != shape:
        raise ValueError(f"{len(features)} features for {shape}")
    precision = PRECISIONS[told["precision"]]
    build: Any = kind.network  # each with settings of its own kind
    with torch.device("meta"):  # without memory, which a lying file could ask for without end
        network = build(shape, settings)
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise ValueError("the weights are not those of the network that it names")
    held = {name: tensor.to(precision) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    network.load_state_dict(held, assign=True)
    return Encoder(str(told["name"]), network, shape, str(told["scaling"]), settings.latent, told["card"], features)
