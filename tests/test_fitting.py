import json
from dataclasses import replace

import pytest
import torch

from conceptstain.errors import InputError
from conceptstain.fitting import FitSettings, fit
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.picture_vae import PictureVAESettings
from conceptstain.nets.training import TrainingSettings
from conceptstain.progress import Cancelled
from factories import tiny_section

QUICK = FitSettings(
    PictureVAESettings(latent=3, widths=(2, 3, 4), hidden=(6,)), TrainingSettings(epochs=2, batch_size=4, device="cpu")
)


def test_a_fitted_encoder_belongs_to_its_canvas():
    canvas = tiny_section().view("genes")
    encoder = fit(canvas, QUICK)
    encoder.check(canvas)
    assert encoder.latents(canvas).shape == (len(canvas), 3)
    assert encoder.latent == 3
    assert "tiny" in encoder.name
    assert encoder.device.type == "cpu"
    assert not any(parameter.requires_grad for parameter in encoder.network.parameters())


def test_the_card_says_what_it_was_trained_on_and_how_and_can_be_saved(tmp_path):
    canvas = tiny_section().view("genes")
    encoder = fit(canvas, QUICK, name="mine")
    assert encoder.name == "mine"
    assert encoder.card["sections"] == [
        {"name": "tiny", "spots": 42, "genes": len(canvas), "genes learned from": len(canvas.trainable)}
    ]
    assert encoder.card["training"]["seed"] == QUICK.training.seed
    assert encoder.card["network"]["widths"] == [2, 3, 4]
    assert len(encoder.card["history"]["loss"]) == 2
    assert encoder.card["versions"]["torch"] == torch.__version__
    json.dumps(encoder.card)
    assert load_encoder(save_encoder(encoder, tmp_path / "e.safetensors")).card == encoder.card


def test_the_same_seed_fits_the_same_encoder():
    canvas = tiny_section().view("genes")
    first, again = fit(canvas, QUICK), fit(canvas, QUICK)
    other = fit(canvas, replace(QUICK, training=replace(QUICK.training, seed=1)))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_several_sections_are_learned_from_together():
    canvases = [tiny_section(seed=seed, missing=0.2).view("genes") for seed in (0, 1)]
    encoder = fit(canvases, QUICK)
    assert len(encoder.card["sections"]) == 2
    for canvas in canvases:
        encoder.check(canvas)


@pytest.mark.parametrize("network", ["average-pool", "mlp", "paper"])
def test_every_network_fits_either_scaling(network):
    settings = replace(QUICK, network=PictureVAESettings.of(network))
    settings = replace(settings, training=replace(QUICK.training, epochs=1))
    for scaling in ("z-score", "paper"):
        canvas = tiny_section().view("genes", scaling=scaling)
        encoder = fit(canvas, settings)
        assert encoder.scaling == scaling
        assert encoder.network.settings.unit_range == (scaling == "paper")


def test_the_paper_s_scaling_is_fitted_as_in_the_paper():
    epochs = []

    def stop_at_once(step):
        epochs.append(step.message)
        raise Cancelled

    canvas = tiny_section().view("genes", scaling="paper")
    with pytest.raises(Cancelled):
        fit(canvas, report=stop_at_once)
    assert epochs == ["Epoch 1 of 10"]
    paper = FitSettings.paper()
    assert (paper.network.network, paper.network.latent) == ("paper", 20)
    assert (paper.training.learning_rate, paper.training.batch_size) == (5e-4, 64)


def test_a_cancelled_fit_gives_no_encoder():
    def cancel(step):
        raise Cancelled

    with pytest.raises(Cancelled):
        fit(tiny_section().view("genes"), QUICK, report=cancel)


def test_no_canvas_is_refused():
    with pytest.raises(InputError, match="no canvas"):
        fit([], QUICK)
