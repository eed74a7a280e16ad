"""The normal: what ordinary items look like in an encoder's latent space, and how far others lie from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from conceptstain.canvas.canvas import Canvas
from conceptstain.canvas.expression import counted, several
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import MOST_PATCHES
from conceptstain.concepts.cross_fit import FOLDS
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.members import choose_members
from conceptstain.concepts.whitening import covariance
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    from conceptstain.nets.encoder import Encoder

__all__ = ["Normal", "deviations", "learn_normal", "normal", "normal_of"]

VALUES = 2**20  # of all inputs of one pass together
MOST_PICTURES = 256  # that are kept to learn from
KEPT_VALUES = 2**22  # of all pictures that are kept: 16 MB
LEAST_VARIANCE = 1e-12  # of a latent that never varies


@final
@dataclass(frozen=True, eq=False)
class Normal:
    """What is ordinary, as an encoder sees it. Make one with :func:`normal` or :func:`normal_of`.

    It keeps the latents of the items that it was learned from, so that it can be learned again without some of them:
    an item lies too near to a normal that it is a part of (:meth:`held_out`).

    Attributes
    ----------
    name
        What the user calls it.
    items
        Names of the items it was learned from; of more than 4,096 patches, those that were taken.
    origin
        How they were chosen, in words.
    encoder
        Fingerprint of the encoder.
    noun
        What an item is called.
    content
        Of the data they are of: see :class:`~conceptstain.inputs.Source`.
    latents
        Means of q(z | x), one row for each of the items.
    variances
        Variances of q(z | x), as ``latents``.
    errors
        Mean squared error of each item's decoded mean; NaN where the network cannot decode pictures.
    pictures
        Of pictures and patches some of them, spread evenly, as the network sees them: 256 at most, fewer of large ones.
    pictured
        Rows of the items that these are.
    """

    name: str
    items: tuple[str, ...]
    origin: str
    encoder: str
    noun: str
    content: str
    latents: Float[np.ndarray, "items latent"] = field(repr=False)
    variances: Float[np.ndarray, "items latent"] = field(repr=False)
    errors: Float[np.ndarray, " items"] = field(repr=False)
    pictures: Float[np.ndarray, "kept ..."] = field(repr=False, default_factory=lambda: np.empty((0,), np.float32))
    pictured: Int[np.ndarray, " kept"] = field(repr=False, default_factory=lambda: np.empty(0, int))

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def mean(self) -> Float[np.ndarray, " latent"]:
        """Mean of the latents."""
        return np.asarray(self.latents.mean(axis=0, dtype=np.float64))

    @cached_property
    def variance(self) -> Float[np.ndarray, " latent"]:
        """Variance of the aggregate posterior: the mean of the variances plus the variance of the means."""
        within = self.variances.mean(axis=0, dtype=np.float64)
        return np.asarray(within + self.latents.var(axis=0, dtype=np.float64)).clip(LEAST_VARIANCE)

    @cached_property
    def covariance(self) -> Float[np.ndarray, "latent latent"]:
        """Covariance of the latents, shrunk towards a sphere (Ledoit & Wolf 2004).

        Raises
        ------
        InputError
            It was learned from one item.
        """
        if len(self) < 2:
            raise InputError(
                f"The normal {self.name!r} does not say how ordinary {several(self.noun)} vary",
                got=counted(len(self), self.noun),
                cure=f"Learn it from two {several(self.noun)} or more",
            )
        return covariance(self.latents)

    @cached_property
    def noise(self) -> float:
        """Mean squared error of a value in decoded items; NaN where the network cannot decode pictures."""
        return float(self.errors.mean())

    def check(self, encoder: Encoder) -> None:
        """Refuse an encoder other than the one it was learned with.

        Raises
        ------
        MismatchError
            Another fingerprint.
        """
        if encoder.fingerprint != self.encoder:
            raise MismatchError(
                f"The normal {self.name!r} belongs to another encoder",
                got=f"encoder {encoder.fingerprint} for a normal of {self.encoder}",
                cure="Learn the normal again with this encoder",
            )

    def distance(self, latents: Float[np.ndarray, "others latent"]) -> Float[np.ndarray, " others"]:
        """Mahalanobis distance of latents to the mean, under :attr:`covariance`; in standard deviations.

        Of items that it was learned from it is too small: see :meth:`held_out`.
        """
        lower = np.linalg.cholesky(self.covariance)
        white = np.linalg.solve(lower, (np.asarray(latents, dtype=np.float64) - self.mean).T)
        return np.asarray(np.sqrt((white**2).sum(axis=0)))

    def without(self, rows: Sequence[int] | NDArray[np.integer]) -> Normal:
        """The normal learned again without some of its items, by their rows.

        Raises
        ------
        InputError
            Nothing is left.
        """
        kept = np.setdiff1d(np.arange(len(self)), rows)
        if not len(kept):
            raise InputError(
                f"Nothing is left of the normal {self.name!r}",
                got=f"{len(rows)} of {counted(len(self), self.noun)} left out",
                cure="Leave out fewer",
            )
        return replace(
            self,
            items=tuple(self.items[row] for row in kept),
            latents=self.latents[kept],
            variances=self.variances[kept],
            errors=self.errors[kept],
            pictures=self.pictures[np.isin(self.pictured, kept)],
            pictured=np.searchsorted(kept, self.pictured[np.isin(self.pictured, kept)]),
        )

    def folds(self, number: int = FOLDS) -> Int[np.ndarray, " items"]:
        """Which fold each item is held out in: of patches runs of neighbours, which share pixels; else every n-th."""
        number = max(1, min(number, len(self)))
        rows = np.arange(len(self))
        return rows * number // len(self) if self.noun == "patch" else rows % number

    def held_out(self, folds: int = FOLDS) -> Float[np.ndarray, " items"]:
        """Distance of each of its own items to the normal learned without that item's fold.

        The encoder may have learned from them all the same: only data that neither has seen is judged as new data is.

        Raises
        ------
        InputError
            Fewer than three items, or one fold.
        """
        if len(self) < 3 or folds < 2:
            raise InputError(
                f"The normal {self.name!r} cannot be learned without some of its {several(self.noun)}",
                got=f"{counted(len(self), self.noun)}, {folds} folds",
                cure="Learn it from three or more, and use two folds or more",
            )
        parts = self.folds(folds)
        distances = np.empty(len(self))
        for fold in np.unique(parts):
            rows = np.flatnonzero(parts == fold)
            distances[rows] = self.without(rows).distance(self.latents[rows])
        return distances


def normal(
    name: str,
    canvas: Canvas,
    encoder: Encoder,
    *,
    items: Sequence[str] | None = None,
    region: Region | None = None,
    least_covered: float = 0.5,
    report: Report = silent,
) -> Normal:
    """Learn what is normal from items, a region, or everything that can be learned from.

    Parameters
    ----------
    name
        What to call it.
    canvas
        Genes as pictures, spots, pictures, or patches of a slide.
    encoder
        The latent space it will live in.
    items
        Names of ordinary items.
    region
        Where everything is ordinary: its spots, the patches that it covers, or the genes enriched there.
    least_covered
        Part of a patch that has to lie in the region.
    report
        Called while the items are encoded.

    Returns
    -------
    Normal
        Of a slide it is learned from 4,096 patches at most, spread evenly.

    Raises
    ------
    InputError
        Both items and a region, none of them here, or nothing to learn from.
    MismatchError
        Canvas and encoder do not belong together.
    """
    if items is not None and region is not None:
        raise InputError(
            "A normal is learned from one thing", got="items and a region", cure="Give items= or region=, or neither"
        )
    if items is None and region is None:
        chosen, origin = canvas.trainable, f"all {several(canvas.noun)} of {canvas.source.name}"
        return learn_normal(name, canvas, encoder, chosen, origin=origin, report=report)
    named = None if items is None else tuple(items)
    definition = Definition(name, items=named, region=region, least_covered=least_covered)
    return normal_of(definition, canvas, encoder, report=report)


def normal_of(definition: Definition, canvas: Canvas, encoder: Encoder, *, report: Report = silent) -> Normal:
    """The normal of a definition: what raises its concept is ordinary, and what it is held against counts for nothing.

    Parameters
    ----------
    definition
        As for a concept; of a combination, the parts with a weight above 0.
    canvas, encoder, report
        As for :func:`normal`.

    Raises
    ------
    InputError
        An item or region that is not there, or nothing that raises the concept.
    MismatchError
        Canvas and encoder do not belong together.
    """
    encoder.check(canvas)
    parts, told = [], []
    for weight, part in definition.terms:
        if weight > 0:
            # A region, or names, choose without latents; of a slide all would have to be encoded.
            by_latents = part.like is not None or part.unit is not None
            of = latents_of(canvas, encoder, space=part.space, report=report) if by_latents else np.empty((0, 0))
            members = choose_members(part, canvas, of)
            parts.append(members.items)
            told.append(members.origin)
    if not parts:
        raise InputError(
            f"Nothing raises the concept {definition.name!r}, so nothing of it is normal",
            got=definition.words,
            cure="Choose a concept of ordinary items",
        )
    items = np.unique(np.concatenate(parts))
    return learn_normal(definition.name, canvas, encoder, items, origin=" and ".join(told), report=report)


def learn_normal(
    name: str, canvas: Canvas, encoder: Encoder, items: ItemIndices, *, origin: str = "", report: Report = silent
) -> Normal:
    """The normal of these items, by index; of more than 4,096 patches, of so many, spread evenly.

    Raises
    ------
    InputError
        No items.
    MismatchError
        Canvas and encoder do not belong together.
    """
    encoder.check(canvas)
    chosen = np.asarray(items, dtype=int)
    if isinstance(canvas, ImagePatches) and len(chosen) > MOST_PATCHES:
        chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_PATCHES).astype(int)]
    if not len(chosen):
        things = several(canvas.noun)
        raise InputError(f"The normal {name!r} has nothing to learn from", got=f"no {things}", cure=f"Choose {things}")
    latents, variances, errors = _encoded(canvas, encoder, chosen, report)
    n_kept = min(len(chosen), MOST_PICTURES, KEPT_VALUES // math.prod(canvas.shape)) if len(canvas.shape) == 3 else 0
    pictured = np.linspace(0, len(chosen) - 1, max(n_kept, 1)).astype(int)[:n_kept]
    return Normal(
        name=name,
        items=tuple(map(str, canvas.item_names[chosen])),
        origin=origin or counted(len(chosen), canvas.noun),
        encoder=encoder.fingerprint,
        noun=canvas.noun,
        content=canvas.source.content,
        latents=latents,
        variances=variances,
        errors=errors,
        pictures=canvas.inputs(chosen[pictured]),
        pictured=pictured,
    )


def deviations(
    canvas: Canvas,
    encoder: Encoder,
    normal: Normal,
    items: ItemIndices | None = None,
    *,
    cross_fitted: bool = True,
    report: Report = silent,
) -> Float[np.ndarray, " items"]:
    """How far items lie from the normal in latent space: one number each, in standard deviations (Mahalanobis).

    Of spot profiles it is what is painted on the tissue.

    Parameters
    ----------
    canvas
        Where the items are.
    encoder
        The one that the normal was learned with.
    normal
        What is ordinary.
    items
        Indices; None: all.
    cross_fitted
        Hold those that the normal was learned from against a normal learned without them, in five folds, where it was
        learned from three or more: else they lie too near.
    report
        Called while the items are encoded.

    Raises
    ------
    MismatchError
        Canvas, encoder and normal do not belong together.
    """
    encoder.check(canvas)
    normal.check(encoder)
    chosen = np.arange(len(canvas)) if items is None else np.asarray(items, dtype=int)
    distances = normal.distance(encoder.latents(canvas, chosen, report=report))
    if cross_fitted and len(normal) >= 3 and (canvas.noun, canvas.source.content) == (normal.noun, normal.content):
        own = dict(zip(normal.items, normal.held_out(), strict=True))
        names = canvas.item_names[chosen]
        distances = np.array([own.get(str(name), far) for name, far in zip(names, distances, strict=True)])
    return np.asarray(distances, dtype=np.float64)


def _encoded(
    canvas: Canvas, encoder: Encoder, items: NDArray[np.integer], report: Report
) -> tuple[Float[np.ndarray, "items latent"], Float[np.ndarray, "items latent"], Float[np.ndarray, " items"]]:
    """Means and variances of q(z | x), and the mean squared error of what is decoded from the means."""
    import torch

    decodes = len(encoder.shape) == 3 and hasattr(encoder.network, "decode")
    means, variances = (np.empty((len(items), encoder.latent), dtype=np.float32) for _ in range(2))
    errors = np.full(len(items), np.nan)
    at_once = max(1, min(256, VALUES // math.prod(canvas.shape)))
    for start in range(0, len(items), at_once):
        part = slice(start, start + at_once)
        with torch.inference_mode():
            x = encoder.tensor(canvas.inputs(items[part]))
            encoding = encoder.encode(x)
            means[part] = encoding.mean.cpu().numpy()
            variances[part] = encoding.log_var.exp().cpu().numpy()
            if decodes:
                error = (encoder.decode(encoding.mean) - x) ** 2
                errors[part] = error.flatten(1).double().mean(dim=1).cpu().numpy()
        report(Step(min(start + at_once, len(items)), len(items), "Learning the normal"))
    return means, variances, errors
