from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conceptstain.errors import InputError
from factories import tiny_section
from strategies import reordered


def test_a_section_has_views_of_its_genes_and_of_its_spots():
    section = tiny_section()
    assert section.view("genes").section is section
    assert section.view("spots").section is section
    with pytest.raises(InputError, match="'patches'"):
        section.view("patches")


def test_annotations_are_the_columns_that_sort_spots_into_groups():
    section = tiny_section()
    section.adata.obs["slide"] = "one"
    section.adata.obs["depth"] = np.arange(section.n_spots)
    assert section.annotations == {"layer": ["inner", "outer"]}


def test_the_size_of_a_pixel_scales_spots_and_image_alike():
    section = replace(tiny_section(with_image=True), unit="px", pitch=None)
    measured = section.in_micrometres(0.5)
    assert measured.unit == "µm"
    np.testing.assert_allclose(measured.spots, section.spots / 2)
    np.testing.assert_allclose(measured.image.to_world[:2], section.image.to_world[:2] / 2)
    with pytest.raises(InputError, match="cannot be set"):
        measured.in_micrometres(0.5)


def test_a_section_is_known_by_its_counts_in_any_order_and_under_any_name():
    section = tiny_section()
    order = np.random.default_rng(0).permutation(section.n_spots)
    assert reordered(section, order).content == section.content
    assert replace(section, name="other", spots=section.spots + 5).content == section.content
    assert tiny_section(seed=1).content != section.content
