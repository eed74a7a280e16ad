"""Encoders on disk: safetensors weights with everything needed to use them rightly, never a pickle."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from conceptstain.errors import InputError, ReadingError
from conceptstain.nets.classifier_network import ClassifierNetwork, ClassifierNetworkSettings
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.profile_vae import ProfileVAE, ProfileVAESettings
from conceptstain.nets.weights_file import check_format, read_weights, rebuilt_whole, refuse_pickle, write_weights

__all__ = [
    "FORMAT_VERSION",
    "encoder_bytes",
    "encoder_from_bytes",
    "is_savable",
    "load_encoder",
    "save_encoder",
]

FORMAT_VERSION = 4
PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32, "float64": torch.float64}


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
    return write_weights(path, tensors, told)


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
    check_format(path, told, FORMAT_VERSION)
    return rebuilt_whole(path, told, lambda: _rebuilt(told, tensors), "an encoder")


def _compact(tensor: Tensor) -> Tensor:
    if tensor.is_floating_point() and torch.equal(tensor.half().to(tensor.dtype), tensor):
        return tensor.half()
    return tensor


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
