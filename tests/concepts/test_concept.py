from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import concept, latent_neighbours
from conceptstain.concepts.latents import latents_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.progress import Step
from factories import tiny_encoder
from scenes import scene


def test_neighbours_are_those_that_correlate_most_over_the_latent_dimensions() -> None:
    at = scene()
    latents = at.encoder.latents(at.canvas)
    table = latent_neighbours("Gene3", at.canvas, latents, number=5)
    assert table.index[0] == "Gene3"
    slow = {name: stats.pearsonr(latents[3], latents[at.canvas.item(name)]) for name in at.canvas.item_names}
    nearest = sorted(slow, key=lambda name: -slow[name].statistic)[:5]
    assert list(table.index) == nearest
    for name, row in table.iloc[1:].iterrows():
        assert row["r"] == pytest.approx(slow[name].statistic, abs=1e-5)
        assert row["p"] == pytest.approx(slow[name].pvalue, abs=1e-4)


def test_a_concept_of_neighbours_points_to_their_mean_latent() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3", neighbours=4)
    chosen = [at.canvas.item(name) for name in made.items]
    np.testing.assert_allclose(made.direction, at.encoder.latents(at.canvas)[chosen].mean(axis=0), rtol=1e-5)
    assert made.origin == "4 genes nearest to Gene3 in latent space"


def test_a_contrast_subtracts_the_mean_latent_of_all_other_genes() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, items=["Gene1", "Gene2"], form="contrast")
    latents = at.encoder.latents(at.canvas).astype(np.float64)
    others = np.setdiff1d(at.canvas.trainable, [1, 2])
    np.testing.assert_allclose(made.direction, latents[[1, 2]].mean(axis=0) - latents[others].mean(axis=0), atol=1e-6)
    assert made.origin == "2 named genes, against all other genes"


def test_a_region_brings_the_genes_enriched_in_it() -> None:
    at = scene()
    section = at.canvas.section
    made = concept("inner", at.canvas, at.encoder, region=Region.from_obs("layer", section.annotations["layer"][0]))
    assert set(made.items) == set(made.table.index)
    assert (made.table["auroc"] >= 0.6).all()
    assert f"of {section.n_spots} spots (layer = " in made.origin


def test_a_gene_named_twice_counts_once() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, items=["Gene1", "gene1", "Gene2"])
    assert made.items == ("Gene1", "Gene2")


def test_scores_are_inner_products_of_latents_and_direction() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3")
    latents = latents_of(at.canvas, at.encoder)
    np.testing.assert_allclose(made.scores(latents), [np.dot(z, made.direction) for z in latents], rtol=1e-6)


def test_sampled_latents_differ_from_the_mean_and_repeat_with_their_seed() -> None:
    at = scene()

    def sampled(seed: int) -> np.ndarray:
        noise = torch.Generator().manual_seed(seed)
        return concept("granule", at.canvas, at.encoder, items=["Gene1"], noise=noise).direction

    mean = concept("granule", at.canvas, at.encoder, items=["Gene1"]).direction
    assert np.array_equal(sampled(1), sampled(1))
    assert not np.allclose(sampled(1), sampled(2))
    assert not np.allclose(sampled(1), mean)


@pytest.mark.parametrize(
    ("made_from", "told"),
    [
        ({}, "needs one thing to be made from. Got none"),
        ({"like": "Gene1", "items": ["Gene2"]}, "Got like and items"),
        ({"items": []}, "has no genes"),
        ({"like": "Gene77"}, "no gene of that name. Got 'Gene77'. Did you mean"),
        ({"like": "Gene1", "neighbours": 0}, "one gene or more"),
    ],
)
def test_what_cannot_be_made_is_told(made_from: dict[str, object], told: str) -> None:
    at = scene()
    with pytest.raises(InputError, match=told):
        concept("granule", at.canvas, at.encoder, **made_from)


def test_a_concept_belongs_to_its_encoder() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3")
    made.check(at.encoder)
    with pytest.raises(MismatchError, match="'granule' belongs to another encoder"):
        made.check(tiny_encoder(at.encoder.shape, seed=9))


def test_latents_are_made_once_for_the_same_canvas_and_encoder() -> None:
    at = scene()
    steps: list[Step] = []
    first = latents_of(at.canvas, at.encoder, report=steps.append)
    made = len(steps)
    assert latents_of(at.canvas, at.encoder, report=steps.append) is first
    assert len(steps) == made
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0
