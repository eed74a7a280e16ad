"""Spots as profiles: one vector per spot, one number per gene."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal, final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy import sparse

from conceptstain.canvas.expression import counted
from conceptstain.canvas.gene_pictures import DEPTH, moments, normalise_depth
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices

__all__ = ["Flavour", "SpotProfileSettings", "SpotProfiles"]

Flavour = Literal["seurat", "cell_ranger"]
SHOWN = 5  # missing genes spelled out in a note


@final
@dataclass(frozen=True)
class SpotProfileSettings:
    """How spots become profiles.

    Attributes
    ----------
    n_genes
        How many highly variable genes a profile has at most.
    genes
        The genes of a profile, by name and in this order, instead of the section's own highly variable ones: those of
        another canvas (``other.features``) or of an encoder (``encoder.features``).
    min_spots
        A gene found in fewer spots than this is not chosen as highly variable.
    flavour
        How :func:`scanpy.pp.highly_variable_genes` ranks them; ``"cell_ranger"`` found the layers of the olfactory bulb
        a little better than scanpy's default, ``"seurat"``.
    """

    n_genes: int = 1000
    genes: tuple[str, ...] | None = None
    min_spots: int = 10
    flavour: Flavour = "cell_ranger"

    def __post_init__(self) -> None:
        if self.n_genes < 1:
            raise InputError("A profile has one gene or more", got=f"n_genes={self.n_genes}", cure="Use 1,000")
        if self.genes is None:
            return
        given: object = self.genes
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise InputError(
                "The genes of a profile are a list of names",
                got=f"genes={self.genes!r}",
                cure='Give a list such as ["Penk", "Doc2g"], or n_genes= for how many',
            )
        object.__setattr__(self, "genes", tuple(map(str, self.genes)))
        repeated = pd.Index(self.genes)[pd.Index(self.genes).duplicated()]
        if not self.genes or len(repeated):
            raise InputError(
                "The genes of a profile are a list of different names",
                got=f"{repeated[0]!r} more than once" if len(repeated) else "an empty list",
                cure="Name each gene once, or leave genes= out",
            )


@final
@dataclass(frozen=True, eq=False)
class SpotProfiles:
    """Canvas whose items are spots and whose inputs are vectors over genes. Make one with ``section.view("spots")``.

    Values are z-scores over the section of depth-normalised log counts, so that sections of other depth or staining are
    alike. Depth is that of all genes of the file, chosen or not.

    Attributes
    ----------
    section
        The section it shows.
    settings
        How spots become profiles.
    features
        Names of the genes of a profile, in order.
    columns
        Column of each gene in the section's matrix; -1 where the section does not have it.
    expression
        Spots x genes before centring: depth-normalised log counts.
    notes
        What was assumed or left out, one sentence each, to be shown to the user.
    """

    noun: ClassVar[str] = "spot"

    section: Section
    settings: SpotProfileSettings
    features: tuple[str, ...]
    columns: NDArray[np.integer]
    expression: sparse.csr_array
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def from_section(cls, section: Section, settings: SpotProfileSettings | None = None) -> SpotProfiles:
        """Choose the genes and scale them.

        Raises
        ------
        MismatchError
            The section has none of the genes asked for.
        InputError
            No gene of the section varies.
        """
        settings = settings or SpotProfileSettings()
        counts = section.counts == "counts"
        values = normalise_depth(section.matrix) if counts else sparse.csc_array(section.matrix, dtype=np.float32)
        names = section.adata.var_names
        if settings.genes is None:
            columns = _highly_variable(values, settings)
            features = tuple(names[columns])
        else:
            features = settings.genes
            columns = names.get_indexer(pd.Index(features))
        return cls(
            section=section,
            settings=settings,
            features=features,
            columns=columns,
            expression=_chosen(values, columns),
            notes=_notes(section, features, columns),
        )

    def __len__(self) -> int:
        return self.section.n_spots

    @property
    def source(self) -> Section:
        """The section it shows."""
        return self.section

    @property
    def item_names(self) -> pd.Index[str]:
        """Spot names."""
        return self.section.adata.obs_names

    @property
    def places(self) -> Float[np.ndarray, "spots 2"]:
        """World coordinates ``(y, x)`` of the spots."""
        return self.section.spots

    @property
    def shape(self) -> tuple[int]:
        """``(genes,)``."""
        return (len(self.features),)

    @property
    def mask(self) -> Bool[np.ndarray, " genes"]:
        """Genes that this section has."""
        return np.asarray(self.columns >= 0)

    @property
    def missing(self) -> tuple[str, ...]:
        """Genes that this section does not have; their value is 0, the mean."""
        return tuple(name for name, there in zip(self.features, self.mask, strict=True) if not there)

    @property
    def scaling(self) -> str:
        """Name of the scaling of the values."""
        return "z-score"

    @cached_property
    def trainable(self) -> NDArray[np.integer]:
        """Spots in which any gene of the file is found."""
        return np.flatnonzero(self._totals > 0)

    def item(self, name: str) -> int:
        """Index of a spot.

        Raises
        ------
        InputError
            No such spot; the message names the nearest ones.
        """
        if name in self.item_names:
            return int(self.item_names.get_indexer(pd.Index([name]))[0])
        near = difflib.get_close_matches(name, list(self.item_names), n=3)
        raise InputError(
            f"{self.section.name} has no spot of that name",
            got=repr(name),
            cure=f"Did you mean {' or '.join(near)}?".rstrip("?") if near else "Check the spelling",
        )

    def inputs(self, items: ItemIndices) -> Float[np.ndarray, "items genes"]:
        """Profiles of these spots, float32; 0 for genes that the section does not have or that do not vary in it."""
        mean, deviation = self._moments
        return np.asarray((self.expression[np.asarray(items, dtype=int)].toarray() - mean) / deviation, np.float32)

    def counts(self, items: ItemIndices) -> Float[np.ndarray, "items genes"]:
        """Counts behind the profiles of these spots, float32; 0 for genes that the section does not have.

        Raises
        ------
        InputError
            The file holds no counts.
        """
        if self.section.counts != "counts":
            raise InputError(
                f"{self.section.name} holds no counts",
                got="values that were normalised before",
                cure='Use the likelihood "gaussian", or open the raw counts',
            )
        return np.asarray(self._counts[np.asarray(items, dtype=int)].toarray())

    def depths(self, items: ItemIndices) -> Float[np.ndarray, " items"]:
        """Counts of all genes of the file in these spots, in units of 10,000; float32."""
        return np.asarray(self._totals[np.asarray(items, dtype=int)] / DEPTH, dtype=np.float32)

    def encoded_values(self, item: int) -> pd.Series[float]:
        """The spot's profile by gene, as a network sees it."""
        return pd.Series(self.inputs([item])[0], index=pd.Index(self.features, name="gene"), name="value")

    def place(self, values: Float[np.ndarray, "..."], item: int | None = None) -> pd.Series[float]:  # noqa: ARG002
        """A table of genes; ``item`` does not matter, all spots share the genes.

        Raises
        ------
        InputError
            The values do not have the shape of a profile.
        """
        if values.size != len(self.features):
            raise InputError(
                "These values are not a profile of this canvas",
                got=f"shape {values.shape} for profiles of {self.shape}",
                cure="Use values made with the same canvas",
            )
        return pd.Series(values.reshape(-1), index=pd.Index(self.features, name="gene"), name="value")

    def paint(self, scores: Float[np.ndarray, " spots"]) -> pd.Series[float]:
        """One score per spot, named by spot and in the order of ``places``."""
        return pd.Series(np.asarray(scores), index=self.item_names, name="score")

    @cached_property
    def _counts(self) -> sparse.csr_array:
        return _chosen(self.section.matrix, self.columns)

    @cached_property
    def _totals(self) -> Float[np.ndarray, " spots"]:
        return np.asarray(self.section.matrix.sum(axis=1), dtype=np.float64).ravel()

    @cached_property
    def _moments(self) -> tuple[Float[np.ndarray, " genes"], Float[np.ndarray, " genes"]]:
        """Mean and standard deviation per gene over the spots; deviation 1 where a gene does not vary."""
        return moments(self.expression)


def _chosen(values: sparse.sparray, columns: NDArray[np.integer]) -> sparse.csr_array:
    """These columns, float32; empty ones where the number is -1."""
    there = np.flatnonzero(columns >= 0)
    picking = sparse.csr_array(
        (np.ones(len(there), dtype=np.float32), (columns[there], there)), shape=(values.shape[1], len(columns))
    )
    return sparse.csr_array(sparse.csr_array(values, dtype=np.float32) @ picking)


def _highly_variable(values: sparse.csc_array, settings: SpotProfileSettings) -> NDArray[np.integer]:
    """Columns of the highly variable genes, in the order of the file."""
    found = np.diff(values.indptr)
    enough = np.flatnonzero(found >= settings.min_spots)
    candidates = enough if len(enough) else np.flatnonzero(found)
    if len(candidates) <= settings.n_genes:
        return candidates
    import scanpy  # takes seconds to load
    from anndata import AnnData

    # scanpy knows sparse matrices, not yet sparse arrays.
    adata = AnnData(sparse.csr_matrix(values[:, candidates]))
    table = scanpy.pp.highly_variable_genes(adata, n_top_genes=settings.n_genes, flavor=settings.flavour, inplace=False)
    return np.asarray(candidates[table["highly_variable"].to_numpy()])


def _notes(section: Section, features: tuple[str, ...], columns: NDArray[np.integer]) -> tuple[str, ...]:
    missing = [name for name, column in zip(features, columns, strict=True) if column < 0]
    if len(missing) == len(features):
        raise MismatchError(
            f"{section.name} has none of the genes",
            got=f"{', '.join(features[:SHOWN])}{', ...' if len(features) > SHOWN else ''}",
            cure="Check the species, and whether both files name genes by symbol or both by identifier",
        )
    if not missing:
        return ()
    names = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
    verb = "is" if len(missing) == 1 else "are"
    of = counted(len(features), "gene")
    return (f"{section.name} lacks {len(missing):,} of {of}, which {verb} taken as average: {names}.",)
