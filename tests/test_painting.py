"""Paintings: the values that layers, figures and files share."""

from __future__ import annotations

import numpy as np
import pytest

from conceptstain.canvas.gene_pictures import normalise_depth
from conceptstain.canvas.region import Region
from conceptstain.colours import rgba
from conceptstain.concepts.spot_concepts import spot_concepts
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.spot_score import spot_score
from conceptstain.painting import painting
from factories import tiny_profile_encoders, tiny_section

canvas = tiny_section().view("genes")


def a_map(method="decoded", *, signed=True, **settings):
    values = np.random.default_rng(0).normal(size=(3, *canvas.shape))
    return Attribution(method, "inner", values, (0, 1, 2), signed, settings=settings)


def test_a_map_is_painted_by_the_mean_of_its_pictures_at_the_spots():
    made = a_map()
    rows, columns = np.divmod(canvas.grid.cells, canvas.shape[2])
    np.testing.assert_allclose(painting(made, canvas).values, made.values.mean(axis=0)[0, rows, columns])


def test_a_gene_is_painted_by_its_expression_where_nothing_is_zero():
    expected = normalise_depth(canvas.section.matrix).toarray()[:, 4]
    painted = painting("Gene4", canvas)
    np.testing.assert_allclose(painted.values, expected, rtol=1e-6)
    assert painted.title == "Gene4 - expression"
    assert not painted.signed


def test_a_gene_is_the_same_by_name_and_by_index():
    np.testing.assert_array_equal(painting("gene4", canvas).values, painting(4, canvas).values)
    np.testing.assert_array_equal(painting(np.int64(4), canvas).values, painting(4, canvas).values)


def test_its_colours_are_those_of_its_values_between_its_limits():
    painted = painting(a_map(), canvas)
    np.testing.assert_array_equal(painted.colours, rgba(painted.values, signed=True, limits=painted.limits))


def test_a_label_says_whether_the_input_is_a_factor():
    assert painting(a_map("rectified saliency"), canvas).label == "rectified gradient"
    assert painting(a_map("rectified saliency", times_input=True), canvas).label.endswith("× input")


@pytest.mark.parametrize(
    ("scaling", "label"), [("z-score", "log(1 + counts per 10,000)"), ("paper", "counts / maximum of the gene")]
)
def test_a_gene_says_in_what_scaling_it_is_shown(scaling, label):
    assert painting("Gene0", tiny_section().view("genes", scaling=scaling)).label == label


@pytest.mark.parametrize("thing", [12, -1, 1.5, None])
def test_what_is_neither_map_nor_gene_is_refused(thing):
    with pytest.raises(InputError, match="Neither a map nor a gene"):
        painting(thing, canvas)


def test_an_unknown_gene_is_refused_with_its_neighbours():
    with pytest.raises(InputError, match="Gene1"):
        painting("Gen1", canvas)


def test_a_spot_score_is_painted_as_it_is_on_its_own_section_alone() -> None:
    section = tiny_section(8, 9)
    canvas = section.view("spots")
    concepts = spot_concepts(Region.from_obs("layer", "inner"), canvas, tiny_profile_encoders(canvas.features))
    score = spot_score(concepts, "inner")
    for shown in (section, canvas, section.view("genes")):
        painted = painting(score, shown)
        np.testing.assert_array_equal(painted.values, score.values)
        assert painted.signed
        assert painted.title == "inner - spot score"
    with pytest.raises(MismatchError, match="another section"):
        painting(score, tiny_section(6, 7))
    with pytest.raises(InputError, match="painted from gene pictures"):
        painting("Gene1", canvas)
