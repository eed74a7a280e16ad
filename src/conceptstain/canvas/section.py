"""A tissue section: spots with their genes, and the picture they lie on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final, overload

import numpy as np
from jaxtyping import Float, UInt8
from scipy.sparse import csr_array

from conceptstain.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.spot_profiles import SpotProfiles

__all__ = ["Section", "TissueImage"]

MOST_GROUPS = 100


@final
@dataclass(frozen=True, eq=False)
class TissueImage:
    """An RGB picture and where it lies.

    Attributes
    ----------
    pixels
        RGB, 0..255.
    to_world
        Affine matrix from ``(row, column, 1)`` of a pixel's centre to ``(y, x, 1)`` in world units.
    reduction
        Pixels of the file along one pixel of ``pixels``.
    """

    pixels: UInt8[np.ndarray, "height width 3"]
    to_world: Float[np.ndarray, "3 3"]
    reduction: float = 1.0

    @property
    def from_file(self) -> Float[np.ndarray, "3 3"]:
        """Affine matrix to the world from positions ``(y, x, 1)`` on the file's image, counted from its corner."""
        corner = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5], [0.0, 0.0, 1.0]])
        return np.asarray(self.to_world @ corner @ np.diag([1 / self.reduction, 1 / self.reduction, 1.0]))


@final
@dataclass(frozen=True, eq=False)
class Section:
    """One opened section; nothing in it changes after reading.

    Attributes
    ----------
    name
        Short name for layers and figures.
    adata
        The file as read, spots x genes; results are written into copies of it.
    matrix
        The expression that is used, spots x genes (``adata.X``, or its layer ``counts`` where there is one).
    spots
        World coordinates ``(y, x)`` of the spots' centres.
    unit
        ``"µm"`` where the file or its format says the scale, else ``"px"``.
    pitch
        Distance between neighbouring spots in world units, where the format fixes it; None: estimate it.
    spot_diameter
        Diameter to draw a spot with, in world units.
    counts
        What the matrix holds: ``"counts"``, or ``"normalised"`` (already depth-normalised log values).
    image
        The tissue, where there is one.
    path
        The file it was read from; None where it was taken from a layer.
    notes
        Everything that was assumed or left out while reading, one sentence each, to be shown to the user.
    opened_with
        How it was opened, apart from the path: what was given of ``image``, ``alignment``, ``image_scale``,
        ``section``, ``gene_names`` and ``pixel_size``.
    """

    name: str
    adata: AnnData
    matrix: csr_array
    spots: Float[np.ndarray, "spots 2"]
    unit: Literal["µm", "px"]
    spot_diameter: float
    pitch: float | None = None
    counts: Literal["counts", "normalised"] = "counts"
    image: TissueImage | None = None
    path: Path | None = None
    notes: tuple[str, ...] = field(default=())
    opened_with: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def n_spots(self) -> int:
        """Number of spots."""
        return int(self.adata.n_obs)

    @cached_property
    def content(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 over the totals of the spots, in order of size.

        The same counts have the same word, whatever file they are in and in whatever order.
        """
        totals = np.sort(np.asarray(self.matrix.sum(axis=1, dtype=np.float64)).ravel())
        return hashlib.sha256(totals.astype("<f8").tobytes()).hexdigest()[:12]

    @property
    def n_genes(self) -> int:
        """Number of genes in the file."""
        return int(self.adata.n_vars)

    @property
    def annotations(self) -> dict[str, list[str]]:
        """Columns of ``obs`` that sort the spots into groups, with the names of the groups."""
        groups: dict[str, list[str]] = {}
        for column, values in self.adata.obs.items():
            if values.dtype.kind in "Ob" or str(values.dtype) in ("category", "string"):
                names = sorted(set(values.dropna().astype(str)))
                if 1 < len(names) <= MOST_GROUPS:
                    groups[str(column)] = names
        return groups

    def noting(self, *notes: str) -> Section:
        """The same section with more notes after its own."""
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    def in_micrometres(self, pixel_size: float) -> Section:
        """The same section with the size of a pixel known.

        Parameters
        ----------
        pixel_size
            Micrometres per pixel of the coordinates.

        Raises
        ------
        InputError
            The section is in micrometres already, or the size is not positive.
        """
        if self.unit == "µm" or not pixel_size > 0:
            raise InputError(
                "The size of a pixel cannot be set",
                got=f"{pixel_size:g} for coordinates in {self.unit}",
                cure="Give a positive size, for a section whose coordinates are in pixels",
            )
        scale = np.diag([pixel_size, pixel_size, 1.0])
        image = self.image and replace(self.image, to_world=scale @ self.image.to_world)
        return replace(
            self,
            spots=self.spots * pixel_size,
            unit="µm",
            spot_diameter=self.spot_diameter * pixel_size,
            pitch=self.pitch and self.pitch * pixel_size,
            image=image,
            notes=(*self.notes, f"A pixel was said to be {pixel_size:g} µm wide."),
            opened_with={**self.opened_with, "pixel_size": pixel_size},
        )

    @overload
    def view(self, kind: Literal["genes"] = "genes", **settings: Any) -> GenePictures: ...

    @overload
    def view(self, kind: Literal["spots"], **settings: Any) -> SpotProfiles: ...

    def view(self, kind: str = "genes", **settings: Any) -> GenePictures | SpotProfiles:
        """The canvas over this section.

        Parameters
        ----------
        kind
            ``"genes"``: every gene a picture. ``"spots"``: every spot a profile.
        settings
            Those of :class:`GenePictureSettings` or of :class:`SpotProfileSettings`.

        Raises
        ------
        InputError
            No view of that name.
        """
        if kind == "genes":
            from conceptstain.canvas.gene_pictures import GenePictures, GenePictureSettings

            return GenePictures.from_section(self, GenePictureSettings(**settings))
        if kind == "spots":
            from conceptstain.canvas.spot_profiles import SpotProfiles, SpotProfileSettings

            return SpotProfiles.from_section(self, SpotProfileSettings(**settings))
        raise InputError(
            "A section cannot be viewed that way", got=repr(kind), cure='Use view("genes") or view("spots")'
        )
