"""napari layers as plain tuples ``(data, keyword arguments, type)``, made without importing napari."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.layer_source import METADATA_KEY
from conceptstain.canvas.section import Section, TissueImage
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.colours import colormap
from conceptstain.errors import InputError
from conceptstain.painting import Paintable, painting

__all__ = ["METADATA_KEY", "LayerTuple", "gene_layer", "image_layer", "layers", "map_layer", "spots_layer"]

LayerTuple = tuple[Any, dict[str, Any], Literal["image", "points"]]

UNITS: Mapping[str, str] = {"µm": "um", "px": "pixel"}  # as pint spells them
BARE = (0.75, 0.75, 0.75, 0.45)  # spots without a map: seen on tissue and on black, hiding neither


def layers(thing: Section | Paintable, canvas: GenePictures | SpotProfiles | None = None) -> list[LayerTuple]:
    """Layers that show a thing in napari, lowest first.

    Parameters
    ----------
    thing
        A section: its tissue image, where it has one, and its spots. A map, a spot score, or a gene by name or index:
        the spots coloured by its values; all need ``canvas``.
    canvas
        The canvas the map was made with, that shows the section scored, or that holds the gene.

    Returns
    -------
    list of tuple
        ``napari.layers.Layer.create(*layers(thing)[0])`` makes the layer; ``viewer._add_layer_from_data`` likewise.

    Raises
    ------
    InputError
        A map or gene without its canvas, or something that no layer can show.
    """
    if isinstance(thing, Section):
        image = [] if thing.image is None else [image_layer(thing, thing.image)]
        return [*image, spots_layer(thing)]
    if canvas is None:
        raise InputError(
            "A map or gene can only be shown together with the canvas it belongs to",
            got=f"{type(thing).__name__} without a canvas",
            cure="Give the canvas as second argument",
        )
    return [map_layer(thing, canvas)]


def image_layer(section: Section, image: TissueImage) -> LayerTuple:
    """The tissue, lying where it belongs in world units."""
    settings = {
        "name": f"{section.name} - tissue",
        "rgb": True,
        "affine": image.to_world,
        "interpolation2d": "linear",
        **_common(section, section),
    }
    return image.pixels, settings, "image"


def spots_layer(section: Section) -> LayerTuple:
    """The spots at their true size; hovering shows the columns of ``obs``."""
    settings = {
        "name": f"{section.name} - spots",
        "features": _features(section),
        "face_color": np.tile(np.array(BARE, dtype=np.float32), (section.n_spots, 1)),
        **_discs(section),
        **_common(section, section),
    }
    return section.spots, settings, "points"


def map_layer(thing: Paintable, canvas: GenePictures | SpotProfiles) -> LayerTuple:
    """The spots coloured by a map or a gene; hovering shows the value."""
    painted = painting(thing, canvas)
    settings = {
        "name": painted.title,
        "features": pd.DataFrame({"spot": canvas.section.adata.obs_names.astype(str), "value": painted.values}),
        # napari colours by the feature itself, so that its colour bar and contrast limits work
        "face_color": "value",
        "face_colormap": colormap(signed=painted.signed).name,
        "face_contrast_limits": painted.limits,
        **_discs(canvas.section),
        **_common(canvas.section, thing),
    }
    return canvas.places, settings, "points"


def gene_layer(gene: str | int, canvas: GenePictures) -> LayerTuple:
    """The spots coloured by a gene's expression.

    Raises
    ------
    InputError
        No such gene; the message names the nearest ones.
    """
    return map_layer(gene, canvas)


def _features(section: Section) -> pd.DataFrame:
    obs = section.adata.obs.reset_index(drop=True)
    obs.columns = obs.columns.astype(str)
    if "spot" not in obs:
        obs.insert(0, "spot", section.adata.obs_names.astype(str))
    return obs


def _discs(section: Section) -> dict[str, Any]:
    return {"size": section.spot_diameter, "symbol": "disc", "border_width": 0}


def _common(section: Section, shown: object) -> dict[str, Any]:
    unit = UNITS[section.unit]
    return {"units": (unit, unit), "axis_labels": ("y", "x"), "metadata": {METADATA_KEY: shown}}
