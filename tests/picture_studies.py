"""Studies of a few tiny pictures and of a tiny slide, in files and in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import conceptstain as cs
from conceptstain.canvas.label_image import LabelImage
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import map_kind
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.study import Study
from pictures import noise, pyramid, write_picture, write_pyramid

SQUARE = np.array([[4.0, 4.0], [4.0, 20.0 + 1 / 3], [20.0, 20.0], [20.0, 4.0]])
VISIBLE = (1.5, 2.0, 11.0, 20.25)
QUICK = MapSettings(steps=3, samples=3, window=4)


def image_encoder(channels: int = 1, seed: int = 0) -> Encoder:
    """A network of this package for images of 8 x 8 pixels, with a few weights."""
    network = ImageVAE((channels, 8, 8), ImageVAESettings(latent=3, widths=(2, 3)), seed=seed)
    return Encoder("tiny images", network, (channels, 8, 8), "unit", 3, {"note": "µ"})


def picture_folder(folder: Path, n: int = 12) -> Path:
    """Grey pictures of two sizes, one of them twice, and a file that is none."""
    home = folder / "cells"
    for index in range(n):
        write_picture(home / f"cell {index}.png", noise(9, 8 + index % 2, seed=index))
    write_picture(home / "copy.png", noise(9, 8, seed=0))
    (home / "broken.png").write_bytes(b"no png")
    return home


def slide_file(folder: Path, side: int = 72) -> Path:
    """An OME-TIFF with a pyramid and a pixel size."""
    folder.mkdir(parents=True, exist_ok=True)
    levels = pyramid(noise(side, 64, seed=1))
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm"}
    return write_pyramid(folder / "slide.ome.tif", levels, **size)


def labels(canvas: Any) -> Region:
    """A painted label of another resolution, turned a little against the slide."""
    painted = np.zeros((31, 37), dtype=np.uint16)
    painted[3:14, 5:17] = 4
    painted[20:22, 20:23] = 4
    painted[8, 8] = 1
    turned = np.array([[1.1, 0.05, 0.3], [-0.05, 1.1, 0.7], [0, 0, 1]])
    return Region("painted", LabelImage.of(painted, 4, canvas.source.to_world @ turned))


def opened_pictures(folder: Path, **view: Any) -> Any:
    """The canvas of a folder of pictures."""
    return cs.open(folder, as_="images", pixel_size=0.25).view(**{"frame": 8, "fit": "stretch"} | view)


def opened_slide(path: Path, **view: Any) -> Any:
    """The canvas of a slide, its background kept."""
    return cs.open(path).view(**{"size": 8, "stride": 4, "background": "keep"} | view)


def study_of(canvas: Any) -> Study:
    """What is open, and an encoder."""
    study = Study()
    study.show(canvas)
    study.use(image_encoder(canvas.shape[0]))
    return study


def full_study(canvas: Any) -> Study:
    """Every kind of definition, scores, maps, evidence, colours, limits, and changes to take back."""
    study = study_of(canvas)
    names = [str(name) for name in canvas.item_names]
    study.add(Definition("ticked", items=tuple(names[:4]), against=tuple(names[4:8]), form="contrast"))
    study.add(Definition("like / µ", like=names[2], neighbours=4, form="contrast"))
    study.add(Definition("unit", unit=1))
    study.add(Definition("whitened", items=tuple(names[:3]), against=tuple(names[5:9]), form="whitened"))
    if hasattr(canvas, "slide"):
        study.add(Definition("drawn", region=cs.Region.from_polygon("drawn", SQUARE), form="contrast"))
        study.add(Definition("painted", region=labels(canvas), form="contrast", least_covered=0.75))
    study.combine("ticked", "like / µ")
    study.recolour("ticked", "#123456")
    study.add(Definition("gone", like=names[3]))
    study.remove("gone")
    study.rename("unit", "second unit")
    study.undo()
    for name in [entry.name for entry in study.entries]:
        *_, whole = study.item_score_runs(name)
        study.keep(whole)
    for key in ("gradient", "integrated-gradients", "occlusion"):
        made = map_kind(key).make(canvas, study.need_encoder(), study.concept("ticked"), items=[0, 5], settings=QUICK)
        study.keep(made)
    study.keep(replace(study.findings[0], detail="again"))
    study.set_colour_limits(study.findings[0].title, (-0.25, 0.5))
    study.evidence("ticked", n_null=5)
    study.controls("ticked", "gradient")
    if hasattr(canvas, "slide"):
        study.evidence("painted", n_null=5)
        study.controls("painted", "occlusion", settings=QUICK)
    return study
