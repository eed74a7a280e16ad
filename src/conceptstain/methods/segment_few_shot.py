"""A segmenter that learns the parts of a generator's samples from a few that are labelled by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float, Int

from conceptstain.errors import InputError
from conceptstain.nets.few_shot import (
    UNKNOWN,
    Draws,
    FewShotNetwork,
    FewShotSettings,
    feature_layers,
    features_of,
    train_few_shot,
)
from conceptstain.progress import Report, silent

__all__ = ["FewShotSegmenter", "few_shot_segmenter", "part_overlaps"]

AT_ONCE = 2**24  # numbers of features that are held


@final
@dataclass(frozen=True, eq=False)
class FewShotSegmenter:
    """Reads the features of one generator. Make it with :func:`few_shot_segmenter`.

    Attributes
    ----------
    parts
        Names of the parts.
    generator
        Whose features it reads.
    layers
        Which of them.
    network
        From features to scores.
    card
        What it learned from, and how.
    """

    parts: tuple[str, ...]
    generator: Draws = field(repr=False)
    layers: tuple[str, ...]
    network: FewShotNetwork = field(repr=False)
    card: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def segment(
        self,
        samples: Float[np.ndarray, "samples channels rows columns"],
        latents: Float[np.ndarray, "samples latent"] | None = None,
    ) -> Int[np.ndarray, "samples rows columns"]:
        """The part with the highest score at every pixel.

        Raises
        ------
        InputError
            No latents: it reads what the generator does with them, not the pictures.
        """
        if latents is None or len(latents) != len(samples):
            raise InputError(
                "This segmenter reads the generator's features",
                got="no latents" if latents is None else f"{len(latents)} latents for {len(samples)} samples",
                cure="Give the latents of the samples, too",
            )
        size = samples.shape[2:]
        found = np.empty((len(samples), *size), dtype=np.int64)
        step = max(1, AT_ONCE // (self.network.centre.numel() * max(size[0] * size[1], 1)))
        for start in range(0, len(samples), step):
            features = features_of(self.generator, latents[start : start + step], self.layers)
            with torch.inference_mode():
                found[start : start + step] = self.network(features).argmax(dim=1).cpu().numpy() - 1
        return found


def few_shot_segmenter(
    generator: Draws,
    latents: Float[np.ndarray, "samples latent"],
    labels: Int[np.ndarray, "labelled rows columns"],
    *,
    parts: Sequence[str],
    settings: FewShotSettings | None = None,
    report: Report = silent,
) -> FewShotSegmenter:
    """Learn the parts of a generator's samples from a few labelled ones.

    Parameters
    ----------
    generator
        Or an encoder with a decoder; with convolutions.
    latents
        Of the labelled samples.
    labels
        Number of the part at every pixel of them; -1: of none; -2: not known, which is not learned from.
    parts
        Names of the parts, in the order of their numbers.
    settings
        None: those of the released code.
    report
        Called after every epoch; may raise :class:`Cancelled`.

    Raises
    ------
    InputError
        Not one map of labels for every latent, or numbers of parts that there are not.
    MismatchError
        A generator without convolutions.

    References
    ----------
    Tritrong, Rewatbowornwong, Suwajanakorn 2021, "Repurposing GANs for one-shot semantic part segmentation";
    Wehrheim, Osuna-Vargas, Kaschube 2024, "Linking in Style".
    """
    settings = settings or FewShotSettings()
    if not len(labels) or len(labels) != len(latents) or labels.min() < UNKNOWN or labels.max() >= len(parts):
        raise InputError(
            "Every labelled sample has its latents and numbers of parts",
            got=f"{len(labels)} label images of {len(latents)} latents, for {len(parts)} parts",
            cure="Give one label image for each latent, with -1 or the number of a part at every pixel",
        )
    layers = feature_layers(generator, latents[0])
    features = features_of(generator, latents, layers)
    if features.shape[2:] != labels.shape[1:]:
        raise InputError(
            "The labels are of another size than the samples",
            got=f"{labels.shape[1:]} for {tuple(features.shape[2:])}",
            cure="Draw them on the generator's samples",
        )
    network = train_few_shot(features, labels, len(parts), settings, report)
    card = {"generator": generator.name, "samples": len(latents), "settings": asdict(settings)}
    return FewShotSegmenter(tuple(parts), generator, layers, network, card)


def part_overlaps(
    found: Int[np.ndarray, "samples rows columns"], labels: Int[np.ndarray, "samples rows columns"], n_parts: int
) -> Float[np.ndarray, " parts"]:
    """Intersection over union of each part, of all samples together; NaN for one that is in neither.

    Parameters
    ----------
    found, labels
        Numbers of parts at every pixel; -1: none; in ``labels``, -2 is not counted.
    n_parts
        How many parts there are.
    """
    known = labels != UNKNOWN
    both = np.array([(known & (found == part) & (labels == part)).sum() for part in range(n_parts)], dtype=np.float64)
    either = np.array([(known & ((found == part) | (labels == part))).sum() for part in range(n_parts)])
    return np.asarray(np.divide(both, either, out=np.full(n_parts, np.nan), where=either > 0))
