"""Studies of a tiny section, small enough to be saved many times over."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from conceptstain.canvas.reading import open_section
from conceptstain.canvas.region import Region
from conceptstain.canvas.section import Section
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.spot_concepts import SpotConceptSettings
from conceptstain.exporting import export
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import MAPS
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.study import Study
from conceptstain.study.packing import plain
from factories import tiny_profile_encoders, tiny_section

FRAME = (8, 8)
QUICK = MapSettings(dimension=2, steps=3, samples=3, window=4)


def tiny_file(folder: Path) -> Path:
    """A section of 42 spots with a picture, as a file."""
    return export(folder / "tiny.h5ad", tiny_section(with_image=True).view("genes"), [])


def opened_section(folder: Path) -> Section:
    """A section that was read from a file."""
    path = folder / "tiny.h5ad"
    return open_section(path if path.exists() else tiny_file(folder))


def picture_encoder(seed: int = 0) -> Encoder:
    """A network of this package, with a few weights."""
    settings = PictureVAESettings("average-pool", latent=3, widths=(2, 3, 4), hidden=(5,))
    return Encoder("tiny", PictureVAE((1, *FRAME), settings, seed=seed), (1, *FRAME), "z-score", 3, {"note": "µ"})


def triangle(section: Section) -> Region:
    """An outline around some of the spots, at odd places."""
    low, high = section.spots.min(axis=0) - 7.3, section.spots.mean(axis=0) + 1 / 3
    return Region.from_polygon("drawn", np.array([low, [low[0], 2 * high[1]], [2 * high[0], low[1]]]))


def empty_study(section: Section) -> Study:
    """An open section and an encoder."""
    study = Study()
    study.show(section.view("genes", frame=FRAME))
    study.use(picture_encoder())
    return study


def full_study(section: Section) -> Study:
    """Every kind of definition, every map, evidence both ways, controls, colours, limits, and changes to take back."""
    study = empty_study(section)
    profiles = section.view("spots")
    study.use_for_spots(profiles, tiny_profile_encoders(profiles.features))
    study.spot_settings = SpotConceptSettings("plain", contrast=False)
    study.add(Definition("like", like="Gene3", neighbours=4))
    study.add(Definition("list / µ", items=("Gene1", "Gene5"), form="contrast"))
    study.add(Definition("layer", region=Region.from_obs("layer", "inner"), neighbours=4))
    study.add(Definition("outline", region=triangle(section), neighbours=4))
    study.add(Definition("picked", region=Region.from_mask("picked", np.arange(section.n_spots) % 5 == 0)))
    study.add(Definition("unit", unit=1))
    study.add(Definition("conv", like="Gene3", neighbours=3, space="encoder.conv2"))
    study.combine("like", "layer")
    study.recolour("like", "#123456")
    study.add(Definition("gone", like="Gene7"))
    study.remove("gone")
    study.rename("unit", "second unit")
    study.undo()
    for kind in MAPS:
        study.keep(kind.make(study.need_canvas(), study.need_encoder(), study.concept("like"), settings=QUICK))
    study.keep(study.spot_score("layer"))
    study.keep(replace(study.findings[0], detail="again"))
    study.set_colour_limits(study.findings[0].title, (-0.25, 0.5))
    study.evidence("like", n_null=5)
    study.evidence("layer", n_null=5)
    study.controls("layer", "gene-mean")
    study.concept("like - layer")
    return study


def same_definition(one, other, section):
    for word in ("name", "like", "items", "form", "neighbours", "unit", "space"):
        assert getattr(one, word) == getattr(other, word)
    assert (one.region is None) == (other.region is None)
    if one.region is not None:
        assert one.region.name == other.region.name
        assert type(one.region.selector) is type(other.region.selector)
        np.testing.assert_array_equal(one.region.choose(section), other.region.choose(section))
        for mine, theirs in zip(
            getattr(one.region.selector, "outlines", ()), getattr(other.region.selector, "outlines", ()), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)
    assert len(one.terms) == len(other.terms)
    for (weight, part), (its_weight, its_part) in zip(one.combined or (), other.combined or (), strict=True):
        assert weight == its_weight
        same_definition(part, its_part, section)


def same_list(one, other):
    for mine, theirs in zip(one.entries, other.entries, strict=True):
        assert mine.colour == theirs.colour
        same_definition(mine.definition, theirs.definition, one.section)


def same_concept(one, other):
    np.testing.assert_array_equal(one.direction, other.direction)
    assert one.direction.dtype == other.direction.dtype
    assert (one.items, one.origin, one.encoder) == (other.items, other.origin, other.encoder)
    pd.testing.assert_frame_equal(one.table, other.table)
    for (weight, part), (its_weight, its_part) in zip(one.parts, other.parts, strict=True):
        assert weight == its_weight
        same_concept(part, its_part)


def same_findings(one, other):
    assert [made.title for made in one.findings] == [made.title for made in other.findings]
    for mine, theirs in zip(one.findings, other.findings, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)
        assert mine.values.dtype == theirs.values.dtype
        for field in fields(mine):
            if field.name not in {"values", "concept", "settings"}:
                assert getattr(mine, field.name) == getattr(theirs, field.name)
        assert plain(mine.settings) == plain(theirs.settings)
        same_concept(mine.concept, theirs.concept)
