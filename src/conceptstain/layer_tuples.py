"""napari layers as plain tuples ``(data, keyword arguments, type)``, made without importing napari."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.images import Images
from conceptstain.canvas.score_raster import ScoreRaster
from conceptstain.canvas.section import Section, TissueImage
from conceptstain.canvas.slide import Slide
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.colours import colormap
from conceptstain.errors import InputError
from conceptstain.layer_words import METADATA_KEY, LayerTuple, shared_words
from conceptstain.methods.display import Display
from conceptstain.painting import Paintable, painting
from conceptstain.picture_layers import picture_map_layer, raster_layer, slide_layer, stack_layer

__all__ = ["METADATA_KEY", "LayerTuple", "gene_layer", "image_layer", "layers", "map_layer", "spots_layer"]

SpotView: TypeAlias = GenePictures | SpotProfiles
PictureView: TypeAlias = ImageSet | ImagePatches
Shown: TypeAlias = Section | Images | Slide | ScoreRaster | Paintable

BARE = (0.75, 0.75, 0.75, 0.45)  # spots without a map: seen on tissue and on black, hiding neither


def layers(
    thing: Shown, canvas: SpotView | PictureView | None = None, *, display: Display | None = None
) -> list[LayerTuple]:
    """Layers that show a thing in napari, lowest first.

    Parameters
    ----------
    thing
        A section: its tissue image, where it has one, and its spots. Images: one stack, read as it is looked at. A
        slide: its pyramid. A raster of scores: where it lies. A map, a spot score, or a gene by name or index: what it
        colours, spots, the pictures of a set, or patches of a slide; these need ``canvas``.
    canvas
        The canvas the map was made with, that shows the section scored, or that holds the gene.
    display
        Of a map of pictures or patches: how its channels become one value per pixel. None: as suits the map.

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
    if isinstance(thing, Images):
        return [stack_layer(thing)]
    if isinstance(thing, Slide):
        return [slide_layer(thing)]
    if isinstance(thing, ScoreRaster):
        return [raster_layer(thing)]
    if canvas is None:
        raise InputError(
            "A map or gene can only be shown together with the canvas it belongs to",
            got=f"{type(thing).__name__} without a canvas",
            cure="Give the canvas as second argument",
        )
    if isinstance(canvas, ImageSet | ImagePatches):
        return [picture_map_layer(thing, canvas, display)]
    return [map_layer(thing, canvas)]


def image_layer(section: Section, image: TissueImage) -> LayerTuple:
    """The tissue, lying where it belongs in world units."""
    settings = {
        "name": f"{section.name} - tissue",
        "rgb": True,
        "affine": image.to_world,
        "interpolation2d": "linear",
        **shared_words(section.unit, section),
    }
    return image.pixels, settings, "image"


def spots_layer(section: Section) -> LayerTuple:
    """The spots at their true size; hovering shows the columns of ``obs``."""
    settings = {
        "name": f"{section.name} - spots",
        "features": _features(section),
        "face_color": np.tile(np.array(BARE, dtype=np.float32), (section.n_spots, 1)),
        **_discs(section),
        **shared_words(section.unit, section),
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
        **shared_words(canvas.section.unit, thing),
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
