"""Labels of several kinds together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import conceptstain as cs
from conceptstain.canvas.annotations import Annotations
from conceptstain.canvas.label_maps import Label
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.canvas.section_labels import section_labels
from conceptstain.canvas.whole_labels import whole_labels
from conceptstain.errors import InputError
from factories import tiny_section
from pictures import noise


@pytest.fixture(scope="module")
def canvas():
    return cs.open(np.stack([noise(8, 8, seed=seed) for seed in range(4)]), as_="images").view("images", frame=8)


def painted(canvas, category="part", names=None):
    stack = np.random.default_rng(len(category)).integers(0, 3, (4, 8, 8))
    return stack, painted_labels(canvas, stack, category=category, names=names)


def test_joined_labels_keep_their_places_and_a_pixel_may_have_one_of_each(canvas):
    (parts, one), (materials, other) = painted(canvas), painted(canvas, "material")
    table = pd.DataFrame({"smiles": [True, False, True]}, index=[canvas.item_names[item] for item in (0, 1, 3)])
    whole = whole_labels(canvas, Annotations("said", table))
    both = one + other + whole
    assert both.categories == ("part", "material", "picture")
    assert both.category_of.tolist() == [-1, 0, 0, 1, 1, 2]
    found = both.of([3, 2])
    assert (found.planes[..., 0] == parts[[3, 2]]).all()
    assert (found.planes[..., 1] == np.where(materials[[3, 2]] > 0, materials[[3, 2]] + 2, 0)).all()
    assert found.whole.tolist() == [[False] * 5 + [True], [False] * 6]
    assert both.number("smiles") == 5
    assert whole.items.tolist() == [0, 1, 3]


def test_a_label_is_meant_by_its_category_where_two_have_its_name(canvas):
    both = painted(canvas, "part")[1] + painted(canvas, "material")[1]
    with pytest.raises(InputError, match=r"several labels"):
        both.number("1")
    assert both.number("1", "material") == 3
    with pytest.raises(InputError, match=r"no label[\s\S]*1 \(part\)"):
        both.number("nose")


def test_labels_of_other_canvases_or_said_twice_are_not_joined(canvas):
    _, one = painted(canvas)
    larger = cs.open(noise(4, 16, 16), as_="images").view("images", frame=16)
    with pytest.raises(InputError, match=r"not of one canvas"):
        one + painted_labels(larger, np.ones((4, 16, 16), dtype=int))
    with pytest.raises(InputError, match=r"Both say the same label"):
        one + one
    with pytest.raises(InputError, match=r"not of this canvas"):
        one.check((16, 16))


def test_layers_lie_on_every_gene_picture_and_on_every_spot_alike():
    section = tiny_section(missing=0.2)
    genes, spots = section.view("genes"), section.view("spots")
    on_genes, on_spots = section_labels(genes, "layer"), section_labels(spots)
    assert on_genes.labels == on_spots.labels == (Label("inner", "layer"), Label("outer", "layer"))
    picture = on_genes.of([3]).planes[0, ..., 0].astype(np.float32)
    assert (genes.place(picture) == 1 + (section.adata.obs["layer"] == "outer")).all()
    assert (picture[~genes.mask] == 0).all()
    of_spots = on_spots.of(range(section.n_spots)).planes[:, 0, 0, 0]
    assert (of_spots == genes.place(picture)).all()
    with pytest.raises(InputError, match=r"no annotation[\s\S]*layer"):
        section_labels(genes, "cluster")


def test_spots_without_a_label_and_cells_with_two_count_for_none():
    section = tiny_section(jitter=0.0)
    section.adata.obs["half"] = pd.Series(
        ["a", "b"] * (section.n_spots // 2), index=section.adata.obs_names, dtype=object
    )
    section.adata.obs.iloc[:3, section.adata.obs.columns.get_loc("half")] = None
    maps = section_labels(section.view("spots"), "half")
    assert maps.items.tolist() == list(range(3, section.n_spots))
    assert "3 spots of 42" in maps.notes[0]
    coarse = section.view("genes", frame=(8, 8))
    assert section_labels(coarse, "half").of([0]).planes.shape == (1, 8, 8, 1)
