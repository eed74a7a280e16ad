"""Scores of pictures and of slides by a concept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import conceptstain as cs
from conceptstain.concepts.concept import concept
from conceptstain.concepts.item_scores import score_runs, scores
from conceptstain.concepts.latents import kept_latents, latents_of
from conceptstain.errors import MismatchError
from factories import tiny_encoder, tiny_section
from pictures import noise


@pytest.fixture
def encoder():
    return tiny_encoder((1, 8, 8), scaling="unit")


def pictures(n=12, seed=0):
    return cs.open(noise(n, 8, 8, seed=seed), as_="images").view(frame=8)


def slide(seed=1):
    return cs.open(noise(150, 170, seed=seed), as_="slide", pixel_size=0.5).view(size=8, stride=4, background="keep")


def test_pictures_are_sorted_by_the_product_of_latent_and_direction(encoder):
    canvas = pictures()
    made = concept("it", canvas, encoder, items=["1", "4"])
    table = scores(made, canvas, encoder).table()
    expected = dict(zip(canvas.item_names, encoder.latents(canvas) @ made.direction, strict=True))
    assert list(table.index) == sorted(expected, key=lambda name: -expected[name])
    np.testing.assert_allclose(table["score"], [expected[name] for name in table.index])
    painted = scores(made, canvas, encoder).painted()
    assert isinstance(painted, pd.Series)
    assert painted.name == "it"


def test_a_slide_is_scored_block_by_block_and_its_latents_are_not_kept(encoder):
    there, here = slide(2), slide(1)
    made = concept("it", there, encoder, items=["row 1, column 1", "row 2, column 2"])
    steps = []
    found = scores(made, here, encoder, report=steps.append)
    assert kept_latents(here, encoder) is None
    assert steps[-1].fraction == 1
    assert len(steps) > 3
    np.testing.assert_allclose(found.values, made.scores(latents_of(here, encoder)), atol=1e-5)
    np.testing.assert_allclose(scores(made, here, encoder).values, found.values, atol=1e-5)
    raster = found.painted()
    np.testing.assert_array_equal(raster.values, here.paint(found.values).values)
    assert raster.name == "it"
    assert raster.colour_limits == pytest.approx(np.percentile(raster.values, [1, 99]), rel=1e-4)


def test_what_is_looked_at_is_scored_first_and_all_of_it_once(encoder):
    here = slide()
    made = concept("it", here, encoder, items=["row 1, column 1"])
    runs = list(score_runs(made, here, encoder, visible=(60.0, 60.0, 70.0, 70.0)))
    assert set(runs[0].items) <= set(here.within((60.0, 60.0, 70.0, 70.0)))
    assert sorted(np.concatenate([run.items for run in runs])) == list(range(len(here)))
    every = np.concatenate([run.values for run in score_runs(made, here, encoder, keep=True)])
    (again,) = score_runs(made, here, encoder)  # the latents are there: all at once
    np.testing.assert_allclose(again.values, every, rtol=1e-6)


def test_concepts_of_layers_and_of_genes_score_as_well(encoder):
    canvas = pictures()
    made = concept("it", canvas, encoder, items=["1"], space="chain.conv1")
    latents = latents_of(canvas, encoder, space="chain.conv1")
    np.testing.assert_allclose(scores(made, canvas, encoder).values, latents @ made.direction)
    genes = tiny_section().view("genes")
    of_genes = tiny_encoder(genes.shape)
    made = concept("it", genes, of_genes, like="Gene1")
    assert scores(made, genes, of_genes).table().index.name == "gene"


def test_another_encoder_is_refused(encoder):
    canvas = pictures()
    made = concept("it", canvas, encoder, items=["1"])
    with pytest.raises(MismatchError, match="belongs to another encoder"):
        scores(made, canvas, tiny_encoder((1, 8, 8), 3, scaling="unit"))
    with pytest.raises(MismatchError, match="another shape"):
        scores(made, cs.open(noise(4, 8, 8, 3), as_="images").view(frame=8), encoder)
