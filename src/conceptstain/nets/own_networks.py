"""Networks of the user's own as encoders: modules, factories with weights, and files of ``torch.export``."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from conceptstain.errors import InputError, MismatchError, ReadingError
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.own_module import OwnNetwork, OwnVAE
from conceptstain.nets.weights_file import PICKLES

__all__ = ["own_encoder"]

FACTORY = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
PRECISIONS = {torch.float32, torch.float64}
TOLERANCE = 1e-3  # of latents, relative to their largest: how well a batch has to equal one by one


def own_encoder(
    network: nn.Module | str | os.PathLike[str],
    *,
    shape: Sequence[int] | None = None,
    weights: str | os.PathLike[str] | None = None,
    scaling: str = "unit",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    latent: str | None = None,
    name: str | None = None,
) -> Encoder:
    """An encoder from a network of your own.

    A network with ``encode`` and ``decode`` is taken as a VAE; its ``encode`` puts out the latent mean, or the mean and
    the logarithm of the variance. Of any other network the latent space is what its forward puts out, or a layer: of
    outputs with places, such as a convolution's, the mean over them.

    Parameters
    ----------
    network
        A module; or ``"package.module:build"``, a function of yours without arguments that makes one: **naming it runs
        its code**, as ``import`` does; or a ``.pt2`` file that ``torch.export.save`` wrote, of which nothing is run but
        the arithmetic of its graph.
    shape
        Shape of one input, ``(channels, height, width)``; a ``.pt2`` file says it.
    weights
        A ``.safetensors`` file with the weights of a module or of what the function builds, all of them and by their
        names; None: as they are.
    scaling
        Of the inputs that the network is asked with: ``"unit"`` for pictures in 0..1; of gene pictures, ``"z-score"``.
    mean, std
        Of each channel, or one for all, where the network was trained on normalised pictures: ``(x - mean) / std``
        becomes its first step. What a VAE decodes is brought back.
    latent
        Name of the layer that is the latent space, as in ``network.named_modules()``; None: ``encode`` or the output.
    name
        Name to show; None: that of the class, function or file.

    Returns
    -------
    Encoder
        Its network is in evaluation, its parameters frozen, and it shares them with the module that was given. Layers
        are called as in the network itself.

    Raises
    ------
    InputError
        No such module, function or layer; a function that fails or builds no module; weights that are not its own; a
        network that cannot be asked with such inputs, puts out something else, or answers an item differently by
        itself and among others.
    ReadingError
        A file that cannot be read, or holds what could run: see
        :func:`~conceptstain.nets.exported_archive.plain_archive`.
    """
    if isinstance(network, nn.Module):
        found, told = network, type(network).__name__
    elif isinstance(network, str) and FACTORY.fullmatch(network):
        found, told = _built(network), network.rpartition(":")[2]
    else:
        path = Path(network)
        found, shape = _read(path, shape)
        told = path.stem
        if weights is not None:
            raise InputError(
                "An exported network has its weights with it",
                got=str(weights),
                cure="Leave weights out, or name a function",
            )
    if weights is not None:
        _load(found, Path(weights))
    sides = _checked_shape(shape)
    _check_weights(found)
    channels = [_channels(values, word, sides) for values, word in ((mean, "mean"), (std, "std"))]
    is_vae = all(callable(getattr(found, way, None)) for way in ("encode", "decode"))
    own = (OwnVAE if is_vae and latent is None else OwnNetwork)(found, *channels, latent_layer=latent or "")
    encoder = Encoder(name or told, own, sides, scaling, 0, {"network": told, "latent": latent or "output"})
    return _tried(encoder)


def _built(factory: str) -> nn.Module:
    """What a function ``package.module:build`` makes; importing and calling it runs its code."""
    place, _, word = factory.partition(":")
    try:
        module = importlib.import_module(place)
    except Exception as error:  # importing runs someone else's code, which fails in any way
        absent = isinstance(error, ModuleNotFoundError) and f"{place}.".startswith(f"{error.name}.")
        raise InputError(
            f"There is no module {place}" if absent else f"The module {place} cannot be imported",
            got=f"{type(error).__name__}: {error}",
            cure="Install what is missing, or start Python where it can be imported",
        ) from error
    build = getattr(module, word, None)
    if not callable(build):
        raise InputError(f"{place} has no function {word}", got=repr(factory), cure="Write package.module:function")
    try:
        network = build()
    except Exception as error:  # someone else's code fails in any way
        raise InputError(
            f"{factory} failed", got=f"{type(error).__name__}: {error}", cure="It is called without arguments"
        ) from error
    if not isinstance(network, nn.Module):
        raise InputError(f"{factory} builds no network", got=type(network).__name__, cure="Return a torch.nn.Module")
    return network


def _read(path: Path, shape: Sequence[int] | None) -> tuple[nn.Module, Sequence[int]]:
    """The network in a file of ``torch.export``, and the shape of its inputs."""
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise ReadingError(
            f"{path.name} is a pickle or TorchScript: a pickle can run any code when it is opened, and a script has no "
            "layers to watch",
            got=f"a {suffix} file",
            cure="Export it with torch.export, or save its weights as .safetensors and name a function that builds it",
        )
    if suffix != ".pt2":
        raise InputError(
            "There is no network of that kind",
            got=repr(str(path)),
            cure="Give a module, package.module:function, or a .pt2 file",
        )
    from conceptstain.nets.exported_network import exported_network

    network, sides = exported_network(path)
    if shape is None and None in sides:
        raise InputError(f"{path.name} takes inputs of several sizes", got=str(sides), cure="Say which with shape=...")
    wanted = sides if shape is None else tuple(shape)
    if len(wanted) != len(sides) or any(side not in {None, want} for side, want in zip(sides, wanted, strict=True)):
        raise InputError(
            f"{path.name} takes inputs of another shape", got=f"{wanted} for {sides}", cure="Leave shape out"
        )
    return network, [int(side) for side in wanted if side is not None]


def _load(network: nn.Module, path: Path) -> None:
    if path.suffix.lower() in PICKLES:
        raise ReadingError(
            f"{path.name} may be a pickle, which can run any code when it is opened",
            got=f"a {path.suffix} file",
            cure="Save the weights as .safetensors where you trust it",
        )
    if not path.is_file():
        raise ReadingError(f"There is no file {path}", cure="Check the path")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ReadingError(
            f"{path.name} is no whole safetensors file", got=str(error), cure="Copy or save it again"
        ) from error
    own = network.state_dict()
    shared = {own[name].data_ptr() for name in own.keys() & tensors.keys()}  # tied weights are written once
    told = {
        "missing": [name for name in own if name not in tensors and own[name].data_ptr() not in shared],
        "not of the network": [name for name in tensors if name not in own],
        "of another shape": [name for name in own if name in tensors and own[name].shape != tensors[name].shape],
    }
    if any(told.values()):
        some = [f"{len(names)} {kind} ({', '.join(sorted(names)[:3])})" for kind, names in told.items() if names]
        raise InputError(
            f"The weights in {path.name} are not those of the network",
            got="; ".join(some),
            cure="Save those of the same network with safetensors.torch.save_model",
        )
    network.load_state_dict(tensors, strict=False)


def _checked_shape(shape: Sequence[int] | None) -> tuple[int, ...]:
    sides = () if shape is None else tuple(int(side) for side in shape)
    if not sides or min(sides) < 1:
        raise InputError("It is not said what the network takes", got=f"shape {shape}", cure="Say shape=(3, 64, 64)")
    return sides


def _check_weights(network: nn.Module) -> None:
    kinds = {parameter.dtype for parameter in network.parameters()}
    if not kinds or len(kinds) > 1 or not kinds <= PRECISIONS:
        raise InputError(
            "A network needs weights of one precision, 32 or 64 bit",
            got=", ".join(sorted(map(str, kinds))) or "no parameters",
            cure="Bring it to one with network.float()",
        )


def _channels(values: Sequence[float] | None, word: str, shape: tuple[int, ...]) -> Tensor | None:
    """One number for each channel, shaped to broadcast against a batch."""
    if values is None:
        return None
    numbers = np.atleast_1d(np.asarray(values, dtype=float))
    if (
        numbers.shape not in {(1,), (shape[0],)}
        or not np.isfinite(numbers).all()
        or (word == "std" and numbers.min() <= 0)
    ):
        raise InputError(
            f"The {word} is one number for each channel{', above 0' if word == 'std' else ''}",
            got=f"{values} for {shape[0]} channels",
            cure="Give those that the network was trained with, of values in 0..1",
        )
    return torch.as_tensor(numbers).reshape(-1, *[1] * (len(shape) - 1))


def _tried(encoder: Encoder) -> Encoder:
    """The encoder with its number of latents, after its network answered to two inputs together and each by itself."""
    generator = torch.Generator().manual_seed(0)
    like = next(encoder.network.parameters())
    x = torch.rand(2, *encoder.shape, generator=generator).to(like)
    decode = isinstance(encoder.network, OwnVAE)
    try:
        with torch.no_grad():
            together = encoder.encode(x).mean
            apart = torch.cat([encoder.encode(one).mean for one in torch.split(x, 1)])
            again = encoder.encode(x).mean
            decoded = encoder.decode(together) if decode else x
    except (InputError, MismatchError):
        raise
    except Exception as error:  # someone else's code fails in any way
        raise InputError(
            f"The network {encoder.name!r} cannot be asked with inputs of shape {encoder.shape}",
            got=f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}",
            cure="Say the shape that it was trained on",
        ) from error
    within = TOLERANCE * max(float(together.abs().max()), 1e-12)
    if not bool(together.isfinite().all()):
        raise InputError(
            f"The network {encoder.name!r} puts out what is no number", cure="Check its weights and mean, std"
        )
    if apart.shape != together.shape or len(together) != len(x) or float((apart - together).abs().max()) > within:
        raise InputError(
            f"The network {encoder.name!r} answers an item differently by itself and among others",
            got=f"{tuple(together.shape)} together, {tuple(apart.shape)} one by one",
            cure="Let it keep the first dimension for the batch, and normalise by running statistics",
        )
    if float((again - together).abs().max()) > within:
        raise InputError(f"The network {encoder.name!r} answers at random", cure="Let dropout act in training alone")
    if decoded.shape != x.shape:
        raise InputError(
            f"The network {encoder.name!r} decodes to another shape",
            got=f"{tuple(decoded.shape[1:])} for {encoder.shape}",
            cure="Let decode put out what encode takes, or hand over the encoding part alone",
        )
    return replace(encoder, latent=together.shape[1])
