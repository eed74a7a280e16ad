"""The result of asking what would have to change for a classifier to say something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int

from conceptstain.errors import InputError
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator

__all__ = ["Counterfactual", "decoded_strip", "row_of"]


@final
@dataclass(frozen=True, eq=False)
class Counterfactual:
    """Walks of items through a latent space to where a classifier sees another class.

    Make it with :func:`~conceptstain.methods.counterfactual_search.counterfactual`. Samples are decoded: the start is
    what the generative model makes of an item, and a change is one between two samples of the same model. Rates are
    told over the items that were *asked*: those that were not in their target class already, and whose start the
    classifier does not take for the target either.

    Attributes
    ----------
    method
        How the paths were found.
    items
        Indices of the items.
    item_names
        Their names.
    classes
        Names of the classifier's classes.
    origins
        Row of the class that each item was taken for.
    targets
        Row of the class that each is to be taken for.
    path
        Latents from start to end.
    start, end
        The decoded samples there, of the inputs' shape.
    probabilities
        Of the target, along the path.
    margins
        Score of the target less that of the origin, along the path.
    success
        Whether the search arrived: the decoded end has the target with the probability that was asked for.
    confirmed
        Success, and a second classifier takes the decoded end for the target, too; None: none was asked.
    steps
        How many the search took.
    distances
        Between start and end, in the latent space.
    changes
        Between the start's and the end's sample: the mean absolute difference, over the values that hold data.
    plausibility
        Part of the known items that lie farther from their nearest others than the end does from its nearest known
        items: 1, as near as any of them; 0, farther out than all.
    nearest
        The known item that is nearest to the start and taken for the target, also as it is decoded, with the
        probability that was asked for, unless fewer than four are: the trivial counterfactual; -1: there is none.
    nearest_distances, nearest_changes
        What it takes to become that one, as of ``distances`` and ``changes``; NaN where there is none.
    drawn
        Of each target class, how many of its known items the classifier takes for it as they are decoded, too, and of
        how many. What the decoder does not draw, no path arrives at.
    network
        What decodes.
    classifier, generator, second, link
        Fingerprints; empty where there is none.
    settings
        Enough to repeat it.
    """

    method: str
    items: Int[np.ndarray, " items"]
    item_names: tuple[str, ...]
    classes: tuple[str, ...]
    origins: Int[np.ndarray, " items"]
    targets: Int[np.ndarray, " items"]
    path: Float[np.ndarray, "items frames latent"]
    start: Float[np.ndarray, "items ..."]
    end: Float[np.ndarray, "items ..."]
    probabilities: Float[np.ndarray, "items frames"]
    margins: Float[np.ndarray, "items frames"]
    success: Bool[np.ndarray, " items"]
    confirmed: Bool[np.ndarray, " items"] | None
    steps: Int[np.ndarray, " items"]
    distances: Float[np.ndarray, " items"]
    changes: Float[np.ndarray, " items"]
    plausibility: Float[np.ndarray, " items"]
    nearest: Int[np.ndarray, " items"]
    nearest_distances: Float[np.ndarray, " items"]
    nearest_changes: Float[np.ndarray, " items"]
    drawn: Mapping[str, tuple[int, int]] = field(kw_only=True, default_factory=dict)
    network: Encoder | Generator = field(repr=False)
    classifier: str = ""
    generator: str = ""
    second: str = ""
    link: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def asked(self) -> Bool[np.ndarray, " items"]:
        """Items that had a way to go: neither they nor their decoded starts are scored as the target."""
        return np.asarray((self.origins != self.targets) & (self.margins[:, 0] < 0))

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for every item.

        Returns
        -------
        DataFrame
            Indexed by the item's name: ``origin``, ``target``, ``asked``, ``success``, ``confirmed`` (where a second
            classifier was asked), ``probability`` and ``margin`` of the end, ``steps``, ``distance``, ``change``,
            ``plausibility``, ``nearest`` (an index), ``nearest distance`` and ``nearest change``.
        """
        told: dict[str, Any] = {
            "origin": [self.classes[row] for row in self.origins],
            "target": [self.classes[row] for row in self.targets],
            "asked": self.asked,
            "success": self.success,
        }
        if self.confirmed is not None:
            told["confirmed"] = self.confirmed
        told |= {
            "probability": self.probabilities[:, -1],
            "margin": self.margins[:, -1],
            "steps": self.steps,
            "distance": self.distances,
            "change": self.changes,
            "plausibility": self.plausibility,
            "nearest": self.nearest,
            "nearest distance": self.nearest_distances,
            "nearest change": self.nearest_changes,
        }
        return pd.DataFrame(told, index=pd.Index(self.item_names, name="item"))

    def row(self, item: int) -> int:
        """Where an item of the canvas stands among ``items``.

        Raises
        ------
        InputError
            It was not asked about.
        """
        return row_of(self.items, item)

    def strip(self, item: int) -> Float[np.ndarray, "frames ..."]:
        """The samples along the path of an item, from its start to its end; decoded when asked for."""
        return decoded_strip(self.network, self.path[self.row(item)])

    def difference(self, item: int) -> Float[np.ndarray, "..."]:
        """What changes from an item's start to its end, in the units of the inputs."""
        row = self.row(item)
        return np.asarray(self.end[row] - self.start[row])

    @property
    def sentence(self) -> str:
        """How many arrived, how many of them a second classifier confirms, and how far they went, in plain words."""
        asked = int(self.asked.sum())
        own = int((self.origins == self.targets).sum())
        told = [f"{own} of {len(self.items)} are in their target class already."] if own else []
        if not asked:
            return " ".join([*told, "No item had a way to go."])
        came = self.asked & self.success
        counts = f"{came.sum()} of {asked} items arrived"
        if self.confirmed is not None:
            counts += f", {(self.confirmed & self.asked).sum()} confirmed by the second classifier"
        if came.any():
            counts += (
                f"; their values change by {self.changes[came].mean():.3g} on average "
                f"(the nearest known items of the target class: {self.nearest_changes[came].mean():.3g}), "
                f"plausibility {np.median(self.plausibility[came]):.2f} at the median"
            )
        return " ".join([f"{counts}.", *([self.obstacle] if self.obstacle else []), *told])

    @property
    def obstacle(self) -> str:
        """Which target classes the decoder hardly draws, where fewer than half of the items arrived; else empty."""
        if 2 * (self.asked & self.success).sum() >= self.asked.sum():
            return ""
        faint = [(name, *counts) for name, counts in self.drawn.items() if 2 * counts[0] < counts[1]]
        return " ".join(
            f"{f'Only {kept}' if kept else 'None'} of the {known:,} known items of {name} "
            f"{'is' if kept == 1 else 'are'} still taken for it once decoded: the decoder hardly draws what tells this "
            "class."
            for name, kept, known in faint
        )

    @property
    def title(self) -> str:
        """Name for a figure, e.g. ``"4 to 9, line search"``."""
        pairs = {
            (self.classes[one], self.classes[other]) for one, other in zip(self.origins, self.targets, strict=True)
        }
        told = " to ".join(pairs.pop()) if len(pairs) == 1 else f"{len(self.items)} items"
        return f"{told}, {self.method}"


def row_of(items: Int[np.ndarray, " items"], item: int) -> int:
    """Where an item of the canvas stands among those that were asked about; an InputError where it does not."""
    found = np.flatnonzero(items == item)
    if not len(found):
        raise InputError(
            "There is no counterfactual of that item",
            got=str(item),
            cure=f"Choose one of: {', '.join(map(str, items[:8].tolist()))}",
        )
    return int(found[0])


def decoded_strip(
    network: Encoder | Generator, path: Float[np.ndarray, "frames latent"]
) -> Float[np.ndarray, "frames ..."]:
    """The samples along one path."""
    with torch.inference_mode():
        samples = network.decode(network.tensor(path))
    return np.asarray(samples.float().cpu().numpy())
