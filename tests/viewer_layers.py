"""Layers as napari-spatialdata and users put them into a viewer, made of tiny sections."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData
from hypothesis import strategies as st
from napari.layers import Labels, Layer, Points, Shapes

from conceptstain.canvas.section import Section
from factories import tiny_section

KEY = "instance_id"


@st.composite
def transforms(draw: st.DrawFn) -> dict[str, Any]:
    """How a layer may lie in the world."""
    numbers = st.floats(-1e4, 1e4, allow_nan=False)
    sizes = st.floats(0.01, 100)
    angle = draw(st.floats(-180, 180))
    turn = np.deg2rad(draw(st.floats(-180, 180)))
    affine = np.eye(3)
    affine[:2, :2] = draw(sizes) * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    affine[:2, 2] = draw(numbers), draw(numbers)
    return {
        "scale": (draw(sizes), draw(sizes)),
        "translate": (draw(numbers), draw(numbers)),
        "rotate": angle,
        "shear": [draw(st.floats(-0.9, 0.9))],
        "affine": affine,
    }


def named_table(section: Section, region: str = "circles") -> AnnData:
    """The section's table with instances 100, 101, ... of a region."""
    adata = section.adata.copy()
    adata.obs[KEY] = np.arange(section.n_spots) + 100
    adata.obs["region"] = region
    adata.uns["spatialdata_attrs"] = {"region": region, "region_key": "region", "instance_key": KEY}
    return adata


def metadata_of(adata: AnnData, indices: list[int] | None, **more: Any) -> dict[str, Any]:
    """As napari-spatialdata writes it."""
    told = {"adata": adata, "region_key": "region", "instance_key": KEY, "name": "circles", "_current_cs": "global"}
    return told | ({} if indices is None else {"indices": indices}) | more


def circles(section: Section | None = None, adata: AnnData | None = None, **settings: Any) -> Points:
    """Circles as points; their names are 100, 101, ... in the order of the section."""
    section = section or tiny_section()
    adata = named_table(section) if adata is None else adata
    metadata = metadata_of(adata, list(range(100, 100 + section.n_spots))) | settings.pop("metadata", {})
    return Points(section.spots, name="circles", size=section.spot_diameter, metadata=metadata, **settings)


def squares(section: Section, side: float = 90.0, **settings: Any) -> Shapes:
    """Cells as square outlines around the spots."""
    around = side / 2 * np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    metadata = metadata_of(named_table(section), list(range(100, 100 + section.n_spots)))
    outlines = [spot + around for spot in section.spots]
    return Shapes(outlines, shape_type="polygon", name="cells", metadata=metadata, **settings)


def blobs(section: Section, **settings: Any) -> Labels:
    """Cells as labels of 3 x 3 pixels on a lattice, each 100, 101, ...; their centroids are ``blob_centres``."""
    pixels = np.zeros((8 * 6 + 4, 7 * 6 + 4), dtype=np.int32)
    for value, (row, column) in zip(range(100, 100 + section.n_spots), blob_centres(section), strict=True):
        pixels[row - 1 : row + 2, column - 1 : column + 2] = value
    return Labels(pixels, name="nuclei", metadata=metadata_of(named_table(section), None), **settings)


def blob_centres(section: Section) -> np.ndarray:
    """Rows and columns of the centres of :func:`blobs`."""
    lattice = np.rint(section.spots / 200).astype(int)
    return np.asarray(lattice * 6 + 4)


def in_world(layer: Layer, data: np.ndarray) -> np.ndarray:
    """Where a layer shows places of its data, one by one by napari's own word."""
    return np.array([layer.data_to_world(at) for at in data], dtype=np.float64).reshape(-1, 2)
