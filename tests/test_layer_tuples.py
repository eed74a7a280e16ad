"""Layers: tuples that napari takes as they are, with the places, values and units of the data."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from conceptstain.errors import InputError
from conceptstain.layer_tuples import METADATA_KEY, gene_layer, layers
from conceptstain.methods.attribution import Attribution
from conceptstain.painting import painting
from factories import tiny_section

section = tiny_section(with_image=True)
canvas = section.view("genes")
decoded = Attribution("decoded", "inner", np.random.default_rng(0).normal(size=(1, *canvas.shape)), (), signed=True)


def created(made):
    from napari.layers import Layer

    return Layer.create(*made)


def test_a_section_is_its_tissue_below_its_spots():
    image, spots = layers(section)
    assert (image[2], spots[2]) == ("image", "points")
    assert (image[1]["name"], spots[1]["name"]) == ("tiny - tissue", "tiny - spots")
    np.testing.assert_array_equal(spots[0], section.spots)


def test_a_section_without_an_image_is_its_spots():
    assert [kind for _, _, kind in layers(tiny_section())] == ["points"]


def test_a_pixel_of_the_tissue_lies_where_the_section_says():
    layer = created(layers(section)[0])
    np.testing.assert_allclose(layer.data_to_world((3, 5)), (section.image.to_world @ [3, 5, 1])[:2])


def test_a_spot_is_as_large_as_it_is_and_has_no_border():
    layer = created(layers(section)[1])
    assert (layer.size == section.spot_diameter).all()
    assert (layer.border_width == 0).all()


@pytest.mark.parametrize(("unit", "name"), [("µm", "micrometer"), ("px", "pixel")])
def test_units_are_those_of_the_section(unit, name):
    for made in layers(replace(section, unit=unit)):
        assert [str(each) for each in created(made).units] == [name, name]


def test_hovering_a_spot_shows_its_annotation():
    layer = created(layers(section)[1])
    assert list(layer.features["layer"]) == list(section.adata.obs["layer"])
    assert list(layer.features["spot"]) == list(section.adata.obs_names)


def test_a_map_is_its_spots_coloured_by_its_values():
    (made,) = layers(decoded, canvas)
    layer = created(made)
    painted = painting(decoded, canvas)
    assert layer.name == "inner - decoded"
    np.testing.assert_array_equal(layer.features["value"], painted.values)
    assert layer.face_contrast_limits == painted.limits
    # napari blends neighbouring colours of the table, the figures take the nearest
    np.testing.assert_allclose(layer.face_color, painted.colours, atol=0.02)


def test_a_gene_layer_shows_its_expression():
    data, settings, kind = gene_layer("Gene2", canvas)
    assert (kind, settings["name"]) == ("points", "Gene2 - expression")
    np.testing.assert_array_equal(settings["features"]["value"], painting(2, canvas).values)
    np.testing.assert_array_equal(data, canvas.places)


def test_every_layer_names_what_it_shows_under_one_key():
    for made, thing in [
        (layers(section)[0], section),
        (layers(section)[1], section),
        (layers(decoded, canvas)[0], decoded),
    ]:
        assert made[1]["metadata"] == {METADATA_KEY: thing}


def test_a_map_without_its_canvas_is_refused():
    with pytest.raises(InputError, match="without a canvas"):
        layers(decoded)


def test_layers_are_made_without_napari():
    code = "import sys, conceptstain.layer_tuples; sys.exit('napari' in sys.modules or 'qtpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
