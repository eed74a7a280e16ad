"""Which items a concept is made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from conceptstain.concepts.members import latent_neighbours
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


def test_the_gene_itself_comes_first_also_where_all_are_perfectly_alike() -> None:
    at = scene()
    factors = np.random.default_rng(0).uniform(0.1, 9, size=(len(at.canvas), 1))
    latents = (factors * np.array([0.1, 0.7, 0.4, 0.3])).astype(np.float32)
    for gene in at.canvas.item_names:
        assert latent_neighbours(gene, at.canvas, latents, number=2).index[0] == gene
