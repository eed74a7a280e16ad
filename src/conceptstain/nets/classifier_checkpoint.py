"""Classifiers on disk: safetensors weights with everything needed to use them rightly, never a pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from conceptstain.errors import InputError, ReadingError
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.classifier_network import ClassifierNetwork, ClassifierNetworkSettings
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.weights_file import check_format, read_weights, rebuilt_whole, refuse_pickle, write_weights

__all__ = ["CLASSIFIER_FORMAT", "load_classifier", "save_classifier"]

CLASSIFIER_FORMAT = 1
KIND = "classifier"
NETWORK = "network."  # before the names of the network's weights, so that none is called as those of the classes


def save_classifier(classifier: Classifier, path: str | os.PathLike[str]) -> Path:
    """Write a classifier as one ``.safetensors`` file.

    Returns
    -------
    Path
        The file; the suffix is added where it is missing.

    Raises
    ------
    InputError
        A network that is not of this package, or a folder that cannot be written to.
    """
    encoder = classifier.encoder
    network = encoder.network
    if not isinstance(network, ClassifierNetwork):
        raise InputError(
            "Only classifiers of this package can be saved",
            got=type(network).__name__,
            cure="Keep your own network as it is, and read it with own_classifier",
        )
    tensors = {f"{NETWORK}{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {"weights": torch.as_tensor(classifier.weights), "bias": torch.as_tensor(classifier.bias)}
    told = {
        "format": CLASSIFIER_FORMAT,
        "kind": KIND,
        "name": classifier.name,
        "encoder": encoder.name,
        "shape": list(encoder.shape),
        "scaling": encoder.scaling,
        "network": asdict(network.settings),
        "classes": list(classifier.classes),
        "parts": classifier.parts,
        "fingerprint": classifier.fingerprint,
        "card": classifier.card,
        "features": list(encoder.features),
    }
    return write_weights(path, tensors, told)


def load_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Read a classifier that :func:`save_classifier` wrote, onto the CPU.

    Raises
    ------
    ReadingError
        No such file, a pickle, a file of another kind, of a newer format, cut short, or whose weights are not those it
        was saved with.
    """
    path = Path(path)
    refuse_pickle(path)
    told, tensors = read_weights(path)
    if told.get("kind") != KIND:
        raise ReadingError(f"{path.name} holds no classifier", got="an encoder", cure="Read it with load_encoder")
    check_format(path, told, CLASSIFIER_FORMAT)
    return rebuilt_whole(path, told, lambda: _rebuilt(told, tensors), "a classifier")


def _rebuilt(told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Classifier:
    built: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in told["network"].items()
    }
    settings = ClassifierNetworkSettings(**built)
    shape = tuple(int(side) for side in told["shape"])
    features = tuple(str(name) for name in told["features"])
    if features and (len(features),) != shape:
        raise ValueError(f"{len(features)} features for {shape}")
    classes = tuple(str(name) for name in told["classes"])
    with torch.device("meta"):  # without memory, which a lying file could ask for without end
        network = ClassifierNetwork(shape, settings)
    expected = {f"{NETWORK}{name}": tensor.shape for name, tensor in network.state_dict().items()}
    expected |= {"weights": torch.Size([len(classes), settings.latent]), "bias": torch.Size([len(classes)])}
    if expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise ValueError("the weights are not those of the network that it names")
    state = {name.removeprefix(NETWORK): tensor for name, tensor in tensors.items() if name.startswith(NETWORK)}
    network.load_state_dict(state, assign=True)
    card = told["card"]
    encoder = Encoder(
        str(told["encoder"]), network, shape, str(told["scaling"]), settings.latent, card=card, features=features
    )
    weights, bias = (np.asarray(tensors[name].numpy()) for name in ("weights", "bias"))
    return Classifier(
        str(told["name"]), encoder, weights, bias, classes, network.places, parts=bool(told["parts"]), card=card
    )
