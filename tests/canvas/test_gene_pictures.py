from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conceptstain.canvas.canvas import Canvas, SpotCanvas
from conceptstain.canvas.gene_pictures import BLOCK, GenePictures, normalise_depth
from conceptstain.errors import InputError
from factories import tiny_section
from strategies import laws, reordered, sections, with_matrix

scalings = st.sampled_from(["z-score", "paper"])


@laws
@given(section=sections(), scaling=scalings)
def test_a_picture_read_at_the_spots_is_what_was_encoded(section, scaling):
    canvas = section.view(scaling=scaling)
    for gene in range(len(canvas)):
        np.testing.assert_array_equal(canvas.place(canvas.inputs([gene])[0], gene), canvas.encoded_values(gene))


@laws
@given(section=sections(), scaling=scalings)
def test_a_batch_equals_one_by_one(section, scaling):
    canvas = section.view(scaling=scaling)
    genes = np.arange(len(canvas))[::-1]
    one_by_one = np.stack([canvas.inputs([gene])[0] for gene in genes])
    np.testing.assert_array_equal(canvas.inputs(genes), one_by_one)


def test_more_genes_than_are_drawn_at_a_time_give_the_same_pictures_as_one_by_one():
    canvas = tiny_section(n_genes=2 * BLOCK + 5).view()
    genes = np.arange(len(canvas))[::-1]
    np.testing.assert_array_equal(canvas.inputs(genes), np.stack([canvas.inputs([gene])[0] for gene in genes]))
    assert canvas.inputs([]).shape == (0, *canvas.shape)


@laws
@given(section=sections(), scaling=scalings)
def test_a_gene_read_by_its_pointers_is_its_column(section, scaling):
    canvas = section.view(scaling=scaling)
    for gene in range(len(canvas)):
        np.testing.assert_array_equal(canvas.expressed(gene), canvas.expression[:, [gene]].toarray()[:, 0])


@laws
@given(section=sections(), scaling=scalings, seed=st.integers(0, 100))
def test_spots_in_another_order_give_the_same_pictures_and_places_in_that_order(section, scaling, seed):
    order = np.random.default_rng(seed).permutation(section.n_spots)
    canvas, other = section.view(scaling=scaling), reordered(section, order).view(scaling=scaling)
    genes = np.arange(len(canvas))
    np.testing.assert_allclose(other.inputs(genes), canvas.inputs(genes), atol=1e-5)
    np.testing.assert_allclose(other.encoded_values(0), canvas.encoded_values(0)[order], atol=1e-5)
    np.testing.assert_array_equal(other.places, canvas.places[order])


@laws
@given(section=sections(most_jitter=0.05))
def test_z_scores_have_mean_0_and_variance_1_over_the_tissue(section):
    canvas = section.view()
    assume(canvas.grid.n_shared == 0)
    for gene in range(len(canvas)):
        values = canvas.encoded_values(gene).astype(float)
        varies = np.ptp(canvas.expression[:, [gene]].toarray()) > 0
        assert values.mean() == pytest.approx(0, abs=1e-5)
        assert values.std() == pytest.approx(1 if varies else 0, abs=1e-4)


@laws
@given(section=sections(), spot=st.integers(0, 4), times=st.sampled_from([2, 7, 100]))
def test_sequencing_a_spot_deeper_changes_nothing(section, spot, times):
    counts = section.matrix.toarray()
    counts[spot] *= times
    genes = np.arange(section.n_genes)
    deeper = with_matrix(section, counts).view().inputs(genes)
    np.testing.assert_allclose(deeper, section.view().inputs(genes), atol=1e-4)


@laws
@given(section=sections())
def test_normalised_counts_of_a_spot_add_up_to_ten_thousand(section):
    totals = np.expm1(normalise_depth(section.matrix).toarray().astype(float)).sum(axis=1)
    expected = np.where(section.matrix.sum(axis=1) > 0, 10_000, 0)
    np.testing.assert_allclose(totals, expected, rtol=1e-4)


@laws
@given(section=sections(most_jitter=0.05))
def test_the_scaling_of_the_paper_is_counts_over_their_maximum(section):
    canvas = section.view(scaling="paper")
    assume(canvas.grid.n_shared == 0)
    counts = section.matrix.toarray()
    expected = counts / np.maximum(counts.max(axis=0), 1)
    values = np.stack([canvas.encoded_values(gene) for gene in range(len(canvas))], axis=1)
    np.testing.assert_allclose(values, expected, rtol=1e-6)


@laws
@given(seed=st.integers(0, 1000))
def test_spots_lie_in_the_cells_of_the_paper_up_to_one_shift(seed):
    rng = np.random.default_rng(seed)
    section = tiny_section(12, 11, seed=seed, missing=0.2)
    lattice = np.rint(section.spots / 200)
    y, x = (lattice + 1 + rng.normal(0, 0.05, lattice.shape).clip(-0.2, 0.2)).T
    moved = replace(section, spots=np.stack([(y - 1) * 200, (x - 1) * 200], axis=1))
    rows, columns = np.divmod(moved.view(scaling="paper").grid.cells, 32)
    shift = np.stack([rows - (y + 0.5).astype(int), columns - ((x + 0.5).astype(int) - 1)])
    assert (shift == shift[:, :1]).all()


@laws
@given(section=sections(), scaling=scalings)
def test_pictures_are_zero_outside_the_tissue(section, scaling):
    canvas = section.view(scaling=scaling)
    pictures = canvas.inputs(np.arange(len(canvas)))
    assert pictures.dtype == np.float32
    assert pictures.shape == (len(canvas), *canvas.shape)
    assert not pictures[:, :, ~canvas.mask].any()


def test_spots_that_share_a_cell_are_averaged():
    section = tiny_section(4, 4, jitter=0.0)
    spots = section.spots.copy()
    spots[1] = spots[0] + 10
    canvas = replace(section, spots=spots).view(scaling="paper")
    alone = section.view(scaling="paper")
    shared = (alone.encoded_values(0)[0] + alone.encoded_values(0)[1]) / 2
    assert canvas.grid.n_shared == 2
    np.testing.assert_allclose(canvas.encoded_values(0)[:2], shared)


def test_a_gene_that_does_not_vary_is_drawn_as_zeros():
    section = tiny_section(5, 5, n_genes=3)
    counts = section.matrix.toarray()
    counts[:, 1] = 0
    canvas = with_matrix(section, counts).view()
    assert not canvas.inputs([1]).any()
    assert np.isfinite(canvas.inputs([0, 1, 2])).all()


def test_normalised_values_are_taken_as_they_are():
    section = tiny_section(5, 5, n_genes=4)
    values = np.random.default_rng(0).uniform(0, 3, (25, 4)).astype(np.float32)
    canvas = replace(with_matrix(section, values), counts="normalised").view()
    expected = (values - values.mean(axis=0)) / values.std(axis=0)
    np.testing.assert_allclose(canvas.encoded_values(2), expected[:, 2], atol=1e-4)


def test_rare_genes_are_shown_but_not_learned_from():
    section = tiny_section(5, 5, n_genes=3)
    counts = np.ones((25, 3))
    counts[9:, 1] = 0
    canvas = with_matrix(section, counts).view()
    assert canvas.trainable.tolist() == [0, 2]
    assert len(canvas) == 3
    assert canvas.n_spots_expressing.tolist() == [25, 9, 25]


def test_in_the_papers_scaling_every_gene_of_the_file_is_learned_from():
    counts = np.ones((25, 3))
    counts[:, 1] = 0
    section = with_matrix(tiny_section(5, 5, n_genes=3), counts)
    assert section.view(scaling="paper").trainable.tolist() == [0, 1, 2]
    assert section.view(scaling="paper", min_spots=1).trainable.tolist() == [0, 2]


def test_where_all_genes_are_rare_all_that_are_found_are_learned_from():
    counts = np.zeros((25, 3))
    counts[:4, :2] = 1
    canvas = with_matrix(tiny_section(5, 5, n_genes=3), counts).view(min_spots=10)
    assert canvas.trainable.tolist() == [0, 1]


def test_a_spot_without_counts_does_not_spoil_the_others():
    section = tiny_section(5, 5, n_genes=3)
    counts = section.matrix.toarray()
    counts[7] = 0
    assert np.isfinite(with_matrix(section, counts).view().inputs([0, 1, 2])).all()


def test_a_gene_is_found_by_its_name_whatever_its_case():
    canvas = tiny_section(n_genes=12).view()
    assert canvas.item("Gene7") == 7
    assert canvas.item("gENE7") == 7


def test_an_unknown_gene_is_told_with_the_nearest_names():
    with pytest.raises(InputError, match=r"no gene of that name.*'Gene77'.*Did you mean Gene7"):
        tiny_section(n_genes=12).view().item("Gene77")
    with pytest.raises(InputError, match="Check the spelling"):
        tiny_section(n_genes=12).view().item("qqqq")


def test_values_of_another_shape_cannot_be_placed():
    with pytest.raises(InputError, match=r"shape \(3, 3\)"):
        tiny_section().view().place(np.zeros((3, 3)))


def test_scores_come_home_as_a_table_of_genes():
    canvas = tiny_section(n_genes=3).view()
    table = canvas.paint(np.array([1.0, 2.0, 3.0]))
    assert table["Gene1"] == 2.0


def test_gene_pictures_are_a_canvas():
    canvas = tiny_section().view()
    assert isinstance(canvas, GenePictures)
    assert isinstance(canvas, Canvas)
    assert isinstance(canvas, SpotCanvas)
    assert canvas.source is canvas.section


@laws
@given(section=sections(), scaling=scalings, seed=st.integers(0, 100))
def test_hidden_values_change_nothing(section, scaling, seed):
    rng = np.random.default_rng(seed)
    hidden = rng.random(section.n_spots) < 0.3
    assume((~hidden).sum() >= 2)
    counts = section.matrix.toarray()
    counts[hidden] = rng.integers(0, 50, counts[hidden].shape)
    canvas = section.view(scaling=scaling).hiding(hidden)
    other = with_matrix(section, counts).view(scaling=scaling).hiding(hidden)
    genes = np.arange(len(canvas))
    if scaling == "z-score":  # the paper's scaling divides by a maximum that is taken before, and is taken out again
        np.testing.assert_array_equal(canvas.inputs(genes), other.inputs(genes))
    np.testing.assert_allclose(canvas.inputs(genes), other.inputs(genes), atol=1e-6)
    np.testing.assert_array_equal(canvas.trainable, other.trainable)
    np.testing.assert_array_equal(canvas.n_spots_expressing, other.n_spots_expressing)


@laws
@given(section=sections(), scaling=scalings)
def test_hiding_no_spot_changes_nothing(section, scaling):
    canvas = section.view(scaling=scaling)
    same = canvas.hiding(np.zeros(section.n_spots, dtype=bool))
    np.testing.assert_allclose(same.inputs(np.arange(len(canvas))), canvas.inputs(np.arange(len(canvas))), atol=1e-6)


def test_a_hidden_spot_shows_the_mean_of_the_others_and_is_revealed_in_their_scaling():
    section = tiny_section(jitter=0.0)
    hidden = np.arange(section.n_spots) == 3
    canvas = section.view("genes").hiding(hidden)
    assert canvas.encoded_values(0)[3] == 0
    values = canvas.expression[:, [0]].toarray()[:, 0].astype(float)
    expected = (values[3] - values[~hidden].mean()) / values[~hidden].std()
    assert canvas.revealed([0])[3, 0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("hidden", [np.ones(42, dtype=bool), np.zeros(41, dtype=bool)])
def test_what_cannot_be_hidden_is_told(hidden):
    with pytest.raises(InputError, match="cannot be hidden"):
        tiny_section().view("genes").hiding(hidden)
