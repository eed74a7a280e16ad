from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conceptstain.canvas.region import Region
from conceptstain.concepts.groups import against_others
from conceptstain.concepts.spot_concepts import SpotConceptSettings, spot_concepts
from conceptstain.errors import InputError
from conceptstain.fitting import FitSettings, fit_seeds
from conceptstain.methods.concept_genes import concept_genes
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.profile_vae import LIKELIHOODS, ProfileVAE, ProfileVAESettings
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.progress import Step
from factories import tiny_section

REGIONS = [Region.from_obs("layer", value) for value in ("inner", "outer")]


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_genes_of_a_layer_are_raised_and_those_of_the_other_lowered(likelihood):
    canvas = tiny_section(8, 9).view("spots")
    training = TrainingSettings(epochs=40, batch_size=16, learning_rate=0.01, beta=0.1, device="cpu")
    encoders = fit_seeds(canvas, FitSettings(ProfileVAESettings(likelihood, 3, (8,)), training), seeds=2)
    concepts = spot_concepts(REGIONS, canvas, encoders)
    steps: list[Step] = []
    table = concept_genes(concepts, "inner", report=steps.append)
    assert set(table.index[:4]) == {"Gene0", "Gene1", "Gene2", "Gene3"}
    assert set(table.index[-4:]) == {"Gene4", "Gene5", "Gene6", "Gene7"}
    assert (table["sign"].head(4) == "up").all()
    assert (table["sign"].tail(4) == "down").all()
    assert (table["agreeing"].head(4) == 1).all()
    assert table["read"].head(4).mean() > 0 > table["read"].tail(4).mean()
    assert table["decoded"].is_monotonic_decreasing
    opposite = concept_genes(concepts, "outer")
    np.testing.assert_allclose(opposite["decoded"], -table["decoded"].to_numpy()[::-1], atol=1e-5)
    assert [step.done for step in steps] == [1, 2]


def test_what_is_read_is_the_slope_of_the_score_at_the_spots_of_the_concept():
    canvas = tiny_section(6, 7).view("spots")
    n_genes = len(canvas.features)
    network = ProfileVAE((n_genes,), ProfileVAESettings("gaussian", 3, (5,))).double()
    encoder = Encoder("e", network, (n_genes,), "z-score", 3, {}, canvas.features)
    concepts = spot_concepts(REGIONS, canvas, encoder, SpotConceptSettings("whitened", context=0.0))
    (reading,) = concepts.readings[0]

    def scores(x: np.ndarray) -> np.ndarray:
        mean = encoder.encode(encoder.tensor(x)).mean.numpy()
        return against_others(reading.groups.log_densities(mean))[:, 1]

    x = canvas.inputs(concepts.members[1]).astype(float)
    deviation = scores(canvas.inputs(np.arange(len(canvas))).astype(float)).std()
    table = concept_genes(concepts, "outer")
    for gene in range(n_genes):
        step = np.zeros(n_genes)
        step[gene] = 1e-5
        slope = (scores(x + step) - scores(x - step)).mean() / 2e-5
        assert table["read"][canvas.features[gene]] == pytest.approx(slope / deviation, rel=1e-3, abs=1e-5)


def test_a_concept_that_is_not_there_is_told():
    canvas = tiny_section(6, 7).view("spots")
    shape = (len(canvas.features),)
    network = ProfileVAE(shape, ProfileVAESettings("gaussian", 3, (5,)))
    encoder = Encoder("e", network, shape, "z-score", 3, {}, canvas.features)
    concepts = spot_concepts(replace(REGIONS[0], name="mine"), canvas, encoder)
    with pytest.raises(InputError, match="Choose one of: mine"):
        concept_genes(concepts, "inner")
