"""Genes as pictures: one picture per gene, one pixel per spot (Brocki & Chung 2019)."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal, final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy import sparse

from conceptstain.canvas.grid import Grid
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices

__all__ = ["DEPTH", "GenePictureSettings", "GenePictures", "Scaling", "moments", "normalise_depth"]

DEPTH = 10_000.0
LEAST_SPOTS = 10
BLOCK = 64  # genes drawn at a time: their values at all spots then stay in the processor's cache
Scaling = Literal["z-score", "paper"]


@final
@dataclass(frozen=True)
class GenePictureSettings:
    """How genes become pictures.

    Attributes
    ----------
    scaling
        ``"z-score"``: depth-normalised log counts, each gene to mean 0 and variance 1 over the tissue. ``"paper"``: raw
        counts divided by the gene's maximum, as in the released notebook.
    frame
        Height and width of the pictures in cells; None: 32 x 32 where the tissue fits.
    min_spots
        A gene found in fewer spots than this is shown and scored but not learned from. None: 10; in the paper's scaling
        0, as the released notebook learns from every gene of the file.
    """

    scaling: Scaling = "z-score"
    frame: tuple[int, int] | None = None
    min_spots: int | None = None

    @property
    def least_spots(self) -> int:
        """In how many spots a gene has to be found to be learned from."""
        if self.min_spots is None:
            return 0 if self.scaling == "paper" else LEAST_SPOTS
        return self.min_spots


@final
@dataclass(frozen=True, eq=False)
class GenePictures:
    """Canvas whose items are genes and whose places are spots. Make one with ``section.view("genes")``.

    Attributes
    ----------
    section
        The section it shows.
    settings
        How genes become pictures.
    grid
        The cells of the pictures and the spots in them.
    expression
        Spots x genes before centring: depth-normalised log counts, or counts over their maximum.
    hidden
        Spots whose values the pictures do not show; see :meth:`hiding`.
    """

    noun: ClassVar[str] = "gene"

    section: Section
    settings: GenePictureSettings
    grid: Grid
    expression: sparse.csc_array
    hidden: Bool[np.ndarray, " spots"] | None = None

    @classmethod
    def from_section(cls, section: Section, settings: GenePictureSettings | None = None) -> GenePictures:
        """Lay the grid through the section's spots and scale its genes.

        Raises
        ------
        MismatchError
            The tissue does not fit the frame asked for.
        """
        settings = settings or GenePictureSettings()
        if settings.scaling == "paper":
            expression = _over_maximum(section.matrix)
        elif section.counts == "counts":
            expression = normalise_depth(section.matrix)
        else:
            expression = sparse.csc_array(section.matrix, dtype=np.float32)
        grid = Grid.around(section.spots, pitch=section.pitch, frame=settings.frame)
        return cls(section=section, settings=settings, grid=grid, expression=expression)

    def hiding(self, hidden: Bool[np.ndarray, " spots"]) -> GenePictures:
        """The same pictures with the values of some spots hidden, to test what is made of the others.

        A hidden spot shows the gene's mean over the visible spots. Neither means, deviations, maxima, enrichment nor
        the choice of trainable genes know its values: changing its counts changes nothing.

        Raises
        ------
        InputError
            Not one value per spot, or fewer than two spots left to see.
        """
        if hidden.shape != (self.section.n_spots,) or (~hidden).sum() < 2:
            raise InputError(
                "These spots cannot be hidden",
                got=f"{int(hidden.sum())} hidden of {len(hidden)}, for {self.section.n_spots} spots",
                cure="Give one value per spot, and leave two spots or more to see",
            )
        return replace(self, hidden=hidden)

    def __len__(self) -> int:
        return int(self.expression.shape[1])

    @property
    def source(self) -> Section:
        """The section it shows."""
        return self.section

    @property
    def item_names(self) -> pd.Index[str]:
        """Gene names."""
        return self.section.adata.var_names

    @property
    def places(self) -> Float[np.ndarray, "spots 2"]:
        """World coordinates ``(y, x)`` of the spots."""
        return self.section.spots

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(1, height, width)`` of one picture."""
        return (1, *self.grid.frame)

    @cached_property
    def mask(self) -> Bool[np.ndarray, "height width"]:
        """Cells that hold a spot."""
        return self.grid.mask

    @property
    def scaling(self) -> Scaling:
        """Name of the scaling of the values."""
        return self.settings.scaling

    @cached_property
    def n_spots_expressing(self) -> NDArray[np.integer]:
        """In how many visible spots each gene is found."""
        return np.asarray(np.diff(self._visible.indptr))

    @cached_property
    def trainable(self) -> NDArray[np.integer]:
        """Genes found in at least ``settings.least_spots`` spots; all found genes where none reaches it."""
        enough = np.flatnonzero(self.n_spots_expressing >= self.settings.least_spots)
        return enough if len(enough) else np.flatnonzero(self.n_spots_expressing)

    def item(self, name: str) -> int:
        """Index of a gene; case counts only where two genes differ by it alone.

        Raises
        ------
        InputError
            No such gene; the message names the nearest ones.
        """
        if name in self._index:
            return self._index[name]
        same = [gene for gene in self._index if gene.lower() == name.lower()]
        if len(same) == 1:
            return self._index[same[0]]
        near = difflib.get_close_matches(name, list(self._index), n=3)
        raise InputError(
            f"{self.section.name} has no gene of that name",
            got=repr(name),
            cure=f"Did you mean {' or '.join(near)}?".rstrip("?") if near else "Check the spelling and the species",
        )

    def inputs(self, items: ItemIndices) -> Float[np.ndarray, "items 1 height width"]:
        """Pictures of these genes, float32; 0 outside the tissue."""
        chosen = np.asarray(items, dtype=int)
        pictures = np.empty((len(chosen), self._averaging.shape[0]), dtype=np.float32)
        for start in range(0, len(chosen), BLOCK):
            block = slice(start, start + BLOCK)
            pictures[block] = (self._averaging @ self._scaled(chosen[block])).T
        return pictures.reshape(-1, *self.shape)

    def expressed(self, item: int) -> Float[np.ndarray, " spots"]:
        """One gene at all spots before centring, hidden ones too, float32; read by the pointers of its column."""
        start, end = self.expression.indptr[item : item + 2]
        values = np.zeros(self.section.n_spots, dtype=np.float32)
        values[self.expression.indices[start:end]] = self.expression.data[start:end]
        return values

    def encoded_values(self, item: int) -> Float[np.ndarray, " spots"]:
        """The gene at the spots as its picture shows it: scaled, and averaged over spots that share a cell."""
        in_cells = self._averaging @ self._scaled([item])[:, 0]
        return np.asarray(in_cells[self.grid.cells])

    def place(self, values: Float[np.ndarray, "..."], item: int | None = None) -> Float[np.ndarray, " spots"]:  # noqa: ARG002
        """Read a picture at the spots; ``item`` does not matter, all genes share one grid.

        Raises
        ------
        InputError
            The values do not have the shape of a picture.
        """
        if values.size != self.grid.frame[0] * self.grid.frame[1]:
            raise InputError(
                "These values are not a picture of this canvas",
                got=f"shape {values.shape} for pictures of {self.shape}",
                cure="Use values made with the same canvas",
            )
        return np.asarray(values.reshape(-1)[self.grid.cells])

    def paint(self, scores: Float[np.ndarray, " genes"]) -> pd.Series[float]:
        """A table of genes."""
        return pd.Series(np.asarray(scores), index=self.item_names, name="score")

    def revealed(self, items: ItemIndices) -> Float[np.ndarray, "spots items"]:
        """These genes at all spots, hidden ones too, in the scaling that the visible spots give."""
        items = np.asarray(items, dtype=int)
        values = self.expression[:, items].toarray()
        if self.scaling == "z-score":
            mean, deviation = self._moments
            values = (values - mean[items]) / deviation[items]
        elif self.hidden is not None:
            values = values / self._maxima[items]
        return np.asarray(values, dtype=np.float32)

    def _scaled(self, items: ItemIndices) -> Float[np.ndarray, "spots items"]:
        values = self.revealed(items)
        if self.hidden is not None:
            values[self.hidden] = 0 if self.scaling == "z-score" else values[~self.hidden].mean(axis=0)
        return values

    @cached_property
    def _visible(self) -> sparse.csc_array:
        return self.expression if self.hidden is None else self.expression[np.flatnonzero(~self.hidden)]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.item_names)}

    @cached_property
    def _moments(self) -> tuple[Float[np.ndarray, " genes"], Float[np.ndarray, " genes"]]:
        """Mean and standard deviation per gene over the visible spots; deviation 1 where a gene does not vary."""
        return moments(self._visible)

    @cached_property
    def _maxima(self) -> Float[np.ndarray, " genes"]:
        """Largest value per gene over the visible spots; 1 where it is not found."""
        largest = np.asarray(self._visible.max(axis=0).todense(), dtype=np.float64).ravel()
        return np.where(largest > 0, largest, 1.0)

    @cached_property
    def _averaging(self) -> sparse.csr_array:
        """Cells x spots: each row averages the spots in a cell."""
        n_cells, n_spots = self.grid.frame[0] * self.grid.frame[1], len(self.grid.cells)
        sharing = np.bincount(self.grid.cells, minlength=n_cells)
        weights = (1.0 / sharing[self.grid.cells]).astype(np.float32)
        return sparse.csr_array((weights, (self.grid.cells, np.arange(n_spots))), shape=(n_cells, n_spots))


def moments(values: sparse.sparray) -> tuple[Float[np.ndarray, " genes"], Float[np.ndarray, " genes"]]:
    """Mean and standard deviation of each gene over the spots; deviation 1 where a gene does not vary."""
    doubled = values.astype(np.float64)
    mean = np.asarray(doubled.mean(axis=0)).ravel()
    variance = np.asarray(doubled.multiply(doubled).mean(axis=0)).ravel() - mean**2
    varies = variance > 1e-12 * np.maximum(mean**2, 1e-12)
    return mean, np.sqrt(np.where(varies, variance, 1.0))


def normalise_depth(counts: sparse.csr_array) -> sparse.csc_array:
    """Depth-normalised log counts, ``log(1 + 10,000 * count / total of the spot)``; 0 in spots without any count."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    per_count = np.divide(DEPTH, totals, out=np.zeros_like(totals, dtype=np.float64), where=totals > 0)
    scaled = sparse.csc_array(counts, dtype=np.float32).multiply(per_count[:, None].astype(np.float32)).tocsc()
    scaled.eliminate_zeros()
    scaled.data = np.log1p(scaled.data)
    return scaled


def _over_maximum(counts: sparse.csr_array) -> sparse.csc_array:
    largest = np.asarray(counts.max(axis=0).todense(), dtype=np.float64).ravel()
    scaled = sparse.csc_array(counts, dtype=np.float32)
    scaled.eliminate_zeros()
    scaled.data /= np.repeat(np.where(largest > 0, largest, 1.0), np.diff(scaled.indptr))
    return scaled
