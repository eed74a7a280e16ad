"""Untrained twins: the same network before it learned anything, to tell what a map owes to training."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn

from conceptstain.nets.classifier_network import ClassifierNetwork
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE
from conceptstain.nets.picture_vae import PictureVAE
from conceptstain.nets.profile_vae import ProfileVAE

__all__ = ["kept_by_twins", "untrained"]


def untrained(encoder: Encoder, *, seed: int = 0) -> Encoder:
    """The encoder's network with fresh first weights.

    A network of this package is built anew; a :class:`ProfileVAE` keeps the rates and scales of the genes that it began
    at: they are of the data, and not learned. Of another network, every module that knows how (``reset_parameters``)
    begins anew; a parameter outside of such modules keeps its trained values (:func:`kept_by_twins` names them).
    torch's global random state is left as it was.
    """
    network = encoder.network
    if isinstance(network, PictureVAE):
        fresh: nn.Module = PictureVAE(network.shape, network.settings, seed=seed)
    elif isinstance(network, ImageVAE):
        fresh = ImageVAE(network.shape, network.settings, seed=seed)
    elif isinstance(network, ClassifierNetwork):
        fresh = ClassifierNetwork(network.shape, network.settings, seed=seed)
    elif isinstance(network, ProfileVAE):
        fresh = ProfileVAE(network.shape, network.settings, seed=seed)
        fresh.load_state_dict(dict(network.named_buffers()), strict=False)
    else:
        fresh = copy.deepcopy(network)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            for module in fresh.modules():
                reset = getattr(module, "reset_parameters", None)
                if callable(reset):
                    reset()
    return replace(encoder, name=f"{encoder.name}, untrained", network=fresh.to(encoder.device), card={})


def kept_by_twins(encoder: Encoder) -> tuple[str, ...]:
    """Names of the weights that an untrained twin would keep as they were trained: its maps would not be a control."""
    network = encoder.network
    if isinstance(network, PictureVAE | ImageVAE | ProfileVAE | ClassifierNetwork):
        return ()
    anew = {
        parameter
        for module in network.modules()
        if callable(getattr(module, "reset_parameters", None))
        for parameter in module.parameters(recurse=False)
    }
    return tuple(name for name, parameter in network.named_parameters() if parameter not in anew)
