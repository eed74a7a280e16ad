"""Results as SpatialData, for napari-spatialdata and the tools around it. Needs the extra ``spatialdata``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from conceptstain.canvas.anndata_file import SPATIALDATA, ZARR_MARKS, is_spatialdata_folder
from conceptstain.canvas.anndata_section import ORIGIN
from conceptstain.errors import InputError
from conceptstain.exporting import annotated
from conceptstain.writing import folder_written_whole

if TYPE_CHECKING:
    from anndata import AnnData

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import TissueImage
    from conceptstain.concepts.concept import Concept
    from conceptstain.methods.finding import Finding
    from conceptstain.nets.encoder import Encoder

__all__ = ["need_spatialdata", "write_spatialdata"]

SHAPES, TABLE, IMAGE = "spots", "table", "tissue"
REGION_KEY, INSTANCE_KEY = "region", "instance_id"


def write_spatialdata(
    path: str | Path,
    canvas: GenePictures,
    findings: Sequence[Finding],
    encoder: Encoder | None = None,
    *,
    concepts: Sequence[Concept] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a section with its results as a SpatialData folder, whole or not at all.

    - the table ``table``: what :func:`conceptstain.exporting.annotated` makes, one row for each spot; names of its
      columns are cut down to the letters, digits, ``_``, ``.`` and ``-`` that SpatialData allows;
    - the shapes ``spots``: circles in world units, in the coordinate system ``global`` and, where the section is in
      micrometres, also in ``micrometers``;
    - the image ``tissue``, if there is one, placed by an affine transformation.

    Parameters
    ----------
    path
        Folder to write, ``.zarr``.
    canvas, findings, encoder, concepts
        As in :func:`conceptstain.exporting.export`.
    overwrite
        Replace an existing folder of SpatialData; never the one the section was read from.

    Raises
    ------
    InputError
        The extra is not installed, another ending, or the folder is in the way.
    MismatchError
        Maps, canvas and encoder that do not belong together.
    """
    path = Path(path)
    section = canvas.section
    if path.suffix.lower() != ".zarr":
        raise InputError("SpatialData is written as a folder .zarr", got=path.name, cure="End the name in .zarr")
    if section.path is not None and path.resolve() == section.path.resolve():
        raise InputError(
            "Results are not written over the file they were made from", got=str(path), cure="Choose another name"
        )
    if path.is_dir() and overwrite and not is_spatialdata_folder(path):
        raise InputError("A folder of another kind is in the way", got=str(path), cure="Choose another name")
    need_spatialdata()
    import spatialdata
    from spatialdata.models import Image2DModel, ShapesModel, TableModel
    from spatialdata.transformations import Affine, Identity

    table = _table(annotated(canvas, findings, encoder, concepts=concepts))
    systems = ("global", "micrometers") if section.unit == "µm" else ("global",)
    with warnings.catch_warnings(), folder_written_whole(path, marks=ZARR_MARKS, overwrite=overwrite) as beside:
        warnings.simplefilter("ignore")  # of spatialdata to its programmers
        spots = ShapesModel.parse(
            section.spots[:, ::-1],
            geometry=0,
            radius=section.spot_diameter / 2,
            index=pd.Index(table.obs[INSTANCE_KEY].to_numpy()),
            transformations={system: Identity() for system in systems},
        )
        elements: dict[str, Any] = {SHAPES: spots}
        if section.image is not None:
            affine = Affine(_from_pixels(section.image), input_axes=("y", "x"), output_axes=("y", "x"))
            elements[IMAGE] = Image2DModel.parse(
                np.moveaxis(section.image.pixels, 2, 0),
                dims=("c", "y", "x"),
                c_coords=["r", "g", "b"],
                transformations=dict.fromkeys(systems, affine),
            )
        elements[TABLE] = TableModel.parse(table, region=SHAPES, region_key=REGION_KEY, instance_key=INSTANCE_KEY)
        spatialdata.SpatialData.init_from_elements(elements).write(beside)
    return path


def need_spatialdata() -> None:
    """Refuse to go on without the extra ``spatialdata``; quick, as nothing of it is imported.

    Raises
    ------
    InputError
        It is not installed.
    """
    if find_spec("spatialdata") is None:
        raise InputError(
            "Writing SpatialData needs an extra package",
            got="no package spatialdata",
            cure='Install it: pip install "napari-conceptstain[spatialdata]"',
        )


def _table(adata: AnnData) -> AnnData:
    """The results with names that SpatialData allows, and with what says which spot a row is about."""
    for frame in (adata.obs, adata.var):
        frame.columns = pd.Index(_allowed(frame.columns))
        frame.index.name = None
    for mapping in (adata.obsm, adata.varm, adata.layers, adata.obsp, adata.varp, adata.uns):
        for old, new in zip(list(mapping), _allowed(list(mapping)), strict=True):
            if new != old:
                mapping[new] = mapping[old]
                del mapping[old]
    # Images and their scales are elements of their own here, the circles lie in the world and are counted from nothing
    # else, and another reader's marks would contradict ours.
    for key in ("spatial", ORIGIN, SPATIALDATA):
        adata.uns.pop(key, None)
    adata.obs[REGION_KEY] = pd.Categorical([SHAPES] * adata.n_obs)
    adata.obs[INSTANCE_KEY] = adata.obs_names.astype(str).to_numpy()
    return adata


def _allowed(names: Iterable[object]) -> list[str]:
    """Names of letters, digits and ``_.-``, told apart even where capitals do not count."""
    taken: set[str] = set()
    allowed = []
    for name in names:
        fresh = wanted = re.sub(r"[^\w.-]+", "_", str(name)).strip("_") or "unnamed"
        number = 2
        while fresh.lower() in taken:
            fresh, number = f"{wanted}-{number}", number + 1
        taken.add(fresh.lower())
        allowed.append(fresh)
    return allowed


def _from_pixels(image: TissueImage) -> np.ndarray:
    """From positions on the pixels, 0 at their corner, to the world."""
    return replace(image, reduction=1.0).from_file
