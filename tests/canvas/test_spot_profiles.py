from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.canvas import Canvas, SpotCanvas
from conceptstain.canvas.gene_pictures import DEPTH
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import Profiles
from factories import tiny_section
from strategies import laws, reordered, sections, with_matrix


@laws
@given(section=sections())
def test_a_profile_read_by_gene_is_what_was_encoded(section):
    canvas = section.view("spots")
    for spot in range(len(canvas)):
        placed, encoded = canvas.place(canvas.inputs([spot])[0], spot), canvas.encoded_values(spot)
        assert list(placed.index) == list(encoded.index) == list(canvas.features)
        np.testing.assert_array_equal(placed, encoded)


@laws
@given(section=sections())
def test_a_batch_equals_one_by_one(section):
    canvas = section.view("spots")
    spots = np.arange(len(canvas))[::-1]
    np.testing.assert_array_equal(canvas.inputs(spots), np.stack([canvas.inputs([spot])[0] for spot in spots]))


@laws
@given(section=sections(), seed=st.integers(0, 100))
def test_spots_in_another_order_give_the_same_profiles_in_that_order(section, seed):
    order = np.random.default_rng(seed).permutation(section.n_spots)
    canvas, other = section.view("spots"), reordered(section, order).view("spots")
    assert other.features == canvas.features
    np.testing.assert_allclose(other.inputs(np.arange(len(other))), canvas.inputs(order), atol=1e-4)
    np.testing.assert_array_equal(other.places, canvas.places[order])


@laws
@given(section=sections())
def test_profiles_are_the_z_scores_of_a_slow_twin(section):
    canvas = section.view("spots")
    counts = section.matrix.toarray().astype(float)
    columns = [list(section.adata.var_names).index(gene) for gene in canvas.features]
    for number, column in enumerate(columns):
        values = [np.log1p(DEPTH * spot[column] / spot.sum()) if spot.sum() else 0.0 for spot in counts]
        mean, deviation = np.mean(values), np.std(values)
        expected = [(value - mean) / deviation if deviation > 1e-5 else 0.0 for value in values]
        np.testing.assert_allclose(canvas.inputs(range(len(canvas)))[:, number], expected, atol=2e-4)


@laws
@given(section=sections(), spot=st.integers(0, 4), times=st.sampled_from([2, 7, 100]))
def test_sequencing_a_spot_deeper_changes_its_depth_alone(section, spot, times):
    counts = section.matrix.toarray()
    counts[spot] *= times
    canvas, deeper = section.view("spots"), with_matrix(section, counts).view("spots")
    everything = np.arange(len(canvas))
    np.testing.assert_allclose(deeper.inputs(everything), canvas.inputs(everything), atol=1e-3)
    np.testing.assert_allclose(deeper.depths([spot]), times * canvas.depths([spot]), rtol=1e-5)


@laws
@given(section=sections(), seed=st.integers(0, 100))
def test_the_genes_of_another_section_come_in_their_order_and_missing_ones_as_0(section, seed):
    rng = np.random.default_rng(seed)
    own = list(section.adata.var_names)
    asked = [*rng.permutation(own), "Elsewhere1", "Elsewhere2"]
    canvas, plain = section.view("spots", genes=asked), section.view("spots", min_spots=0, genes=own)
    assert canvas.features == tuple(asked)
    assert canvas.missing == ("Elsewhere1", "Elsewhere2")
    everything = np.arange(len(canvas))
    values = canvas.inputs(everything)
    assert not values[:, -2:].any()
    assert not canvas.counts(everything)[:, -2:].any()
    np.testing.assert_array_equal(values[:, :-2], plain.inputs(everything)[:, [own.index(g) for g in asked[:-2]]])
    assert canvas.mask.tolist() == [True] * len(own) + [False] * 2
    (note,) = canvas.notes
    assert note == f"tiny lacks 2 of {len(asked)} genes, which are taken as average: Elsewhere1, Elsewhere2."


def test_counts_are_those_of_the_file_and_depths_those_of_all_its_genes():
    section = tiny_section(n_genes=6)
    canvas = section.view("spots", genes=("Gene4", "Gene1"))
    np.testing.assert_array_equal(canvas.counts([2, 0]), section.matrix.toarray()[[2, 0]][:, [4, 1]])
    np.testing.assert_allclose(canvas.depths([2, 0]) * DEPTH, section.matrix.toarray()[[2, 0]].sum(axis=1), rtol=1e-6)


def test_the_most_variable_genes_are_chosen_by_scanpy():
    section = tiny_section(12, 12, n_genes=60, seed=3)
    counts = np.random.default_rng(0).poisson(np.linspace(1, 30, 60), (144, 60)).astype(float)
    inner = (section.adata.obs["layer"] == "inner").to_numpy()
    counts[inner, 7] *= 12
    counts[~inner, 40] *= 12
    for flavour in ("seurat", "cell_ranger"):
        canvas = with_matrix(section, counts).view("spots", n_genes=10, flavour=flavour)
        assert len(canvas.features) == 10
        assert {"Gene7", "Gene40"} <= set(canvas.features)


def test_rare_genes_are_not_chosen_but_can_be_asked_for():
    counts = np.random.default_rng(0).poisson(5.0, (25, 3)).astype(float)
    counts[9:, 1] = 0
    section = with_matrix(tiny_section(5, 5, n_genes=3), counts)
    assert section.view("spots").features == ("Gene0", "Gene2")
    assert section.view("spots", genes=["Gene1"]).features == ("Gene1",)


def test_empty_spots_are_not_learned_from():
    section = tiny_section(4, 4)
    counts = section.matrix.toarray()
    counts[5] = 0
    canvas = with_matrix(section, counts).view("spots", min_spots=1)
    assert 5 not in canvas.trainable
    assert len(canvas.trainable) == len(canvas) - 1
    assert np.isfinite(canvas.inputs([5])).all()


def test_normalised_values_are_taken_as_they_are_and_have_no_counts():
    section = replace(tiny_section(), counts="normalised")
    canvas = section.view("spots", genes=["Gene3"])
    values = section.matrix.toarray()[:, 3]
    expected = (values - values.mean()) / values.std()
    np.testing.assert_allclose(canvas.inputs(range(len(canvas)))[:, 0], expected, atol=1e-4)
    with pytest.raises(InputError, match=r"tiny holds no counts.*gaussian"):
        canvas.counts([0])


def test_scores_come_home_to_the_spots():
    canvas = tiny_section().view("spots")
    painted = canvas.paint(np.arange(float(len(canvas))))
    assert list(painted.index) == list(canvas.section.adata.obs_names)
    assert len(painted) == len(canvas.places)


def test_a_spot_is_found_by_its_name():
    canvas = tiny_section().view("spots")
    assert canvas.item(canvas.item_names[7]) == 7
    with pytest.raises(InputError, match=r"no spot of that name.*Did you mean"):
        canvas.item("0x00")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"n_genes": 0}, "one gene or more"),
        ({"genes": ()}, "an empty list"),
        ({"genes": 300}, "n_genes= for how many"),
        ({"genes": "Gene1"}, "a list of names"),
        ({"genes": ("Gene1", "Gene2", "Gene1")}, "'Gene1' more than once"),
    ],
)
def test_settings_that_make_no_profile_are_refused(settings, told):
    with pytest.raises(InputError, match=told):
        tiny_section().view("spots", **settings)


def test_a_section_of_another_species_is_refused():
    with pytest.raises(MismatchError, match=r"tiny has none of the genes. Got PENK, TH"):
        tiny_section().view("spots", genes=("PENK", "TH"))


def test_values_of_another_shape_cannot_be_placed():
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        tiny_section().view("spots").place(np.zeros(3))


def test_spot_profiles_are_a_canvas_of_profiles():
    canvas = tiny_section().view("spots")
    assert isinstance(canvas, SpotProfiles)
    assert isinstance(canvas, Canvas)
    assert isinstance(canvas, SpotCanvas)
    assert canvas.source is canvas.section
    assert isinstance(canvas, Profiles)
    assert not isinstance(tiny_section().view("genes"), Profiles)
