import json
from dataclasses import asdict, replace

import pytest
import torch

from conceptstain.canvas.opening import open_source
from conceptstain.errors import InputError
from conceptstain.fitting import FitSettings, fit, fit_seeds
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.image_vae import ImageVAESettings
from conceptstain.nets.kept_epochs import Checkpoints
from conceptstain.nets.objectives import Objective
from conceptstain.nets.picture_vae import PictureVAESettings
from conceptstain.nets.profile_vae import ProfileVAESettings
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.progress import Cancelled
from factories import tiny_section
from pictures import noise

QUICK = FitSettings(
    PictureVAESettings(latent=3, widths=(2, 3, 4), hidden=(6,)), TrainingSettings(epochs=2, batch_size=4, device="cpu")
)
QUICK_PROFILES = FitSettings(
    ProfileVAESettings(latent=3, hidden=(6,)), TrainingSettings(epochs=2, batch_size=16, device="cpu")
)

QUICK_IMAGES = FitSettings(
    ImageVAESettings(latent=3, widths=(2, 3), hidden=(6,)), TrainingSettings(epochs=2, batch_size=4, device="cpu")
)


def test_an_encoder_is_fitted_to_images_and_to_patches_and_to_both():
    images = open_source(noise(10, 8, 8, 3)).view("images", frame=8)
    patches = open_source(noise(40, 40, 3, seed=1), as_="slide").view("patches", size=8, background="keep")
    for canvases, kind in (([images], "images"), ([patches], "patches"), ([images, patches], "images")):
        encoder = fit(canvases, QUICK_IMAGES)
        assert encoder.card["images"][0][kind] == len(canvases[0])
        for canvas in canvases:
            encoder.check(canvas)
            assert encoder.has_seen(canvas.source)
            assert encoder.latents(canvas).shape == (len(canvas), 3)
        assert not encoder.has_seen(open_source(noise(10, 8, 8, 3, seed=9)))


def test_the_defaults_of_images_follow_their_size_and_their_number():
    few = open_source(noise(10, 32, 32)).view("images", frame=32)
    patches = open_source(noise(4000, 4000), as_="slide").view("patches", size=16, stride=16)
    assert FitSettings.of(few).network == ImageVAESettings.of(side=32)
    assert FitSettings.of(few, network="places").network == ImageVAESettings.of("places", side=32)
    assert FitSettings.of(few).training.epochs == 1000
    assert FitSettings.of(few).training.augmentation.symmetries == "none"
    assert FitSettings.of(patches).training.epochs == 20
    assert FitSettings.of(patches).training.augmentation.symmetries == "all"
    assert FitSettings.paper_images().network.latent == 400


def test_the_network_of_factor_vae_comes_with_the_training_of_its_literature():
    few = open_source(noise(10, 32, 32)).view("images", frame=32)
    settings = FitSettings.of(few, network="factor-vae")
    assert settings.network == ImageVAESettings("factor-vae", 10, (32, 32, 64, 64), (128,))
    told = settings.training
    assert (told.batch_size, told.learning_rate, told.schedule, told.loss) == (64, 1e-4, "constant", "bernoulli")
    assert not told.augmentation.changes
    assert told.objective == Objective()  # which is asked for apart
    asked = Objective("factor-vae", gamma=3.0)
    for canvas in (few, tiny_section().view("genes"), tiny_section().view("spots")):
        assert FitSettings.of(canvas, objective=asked).training.objective == asked


def test_a_card_tells_the_objective_and_a_curve_for_every_term(tmp_path):
    canvas = open_source(noise(10, 8, 8)).view("images", frame=8)
    objective = Objective("ad-factor-vae", gamma=3.0, discriminator=(8,), attention_layer="conv1")
    settings = replace(QUICK_IMAGES, training=replace(QUICK_IMAGES.training, objective=objective))
    loaded = load_encoder(save_encoder(fit(canvas, settings), tmp_path / "e.safetensors"))
    assert loaded.card["training"]["objective"] == json.loads(json.dumps(asdict(objective)))
    terms = loaded.card["history"]["terms"]
    assert {"reconstruction", "divergence", "total correlation", "attention overlap"} < set(terms)
    assert all(len(curve) == 2 for curve in terms.values())


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
        {
            "name": "tiny",
            "spots": 42,
            "content": canvas.section.content,
            "genes": len(canvas),
            "genes learned from": len(canvas.trainable),
        }
    ]
    assert encoder.card["training"]["seed"] == QUICK.training.seed
    assert encoder.card["network"]["widths"] == [2, 3, 4]
    assert len(encoder.card["history"]["loss"]) == 2
    assert encoder.card["versions"]["torch"] == torch.__version__
    json.dumps(encoder.card)
    assert load_encoder(save_encoder(encoder, tmp_path / "e.safetensors")).card == encoder.card


def test_a_section_that_was_learned_from_is_known_by_its_counts_whatever_its_name():
    section = tiny_section()
    encoder = fit(section.view("genes"), QUICK)
    assert encoder.has_seen(section)
    assert encoder.has_seen(replace(section, name="renamed"))
    assert not encoder.has_seen(tiny_section(seed=1)), "another one that is called tiny, too, and as large"
    assert not replace(encoder, card={}).has_seen(section)


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


def test_profiles_are_fitted_with_a_card_and_can_be_saved(tmp_path):
    canvas = tiny_section().view("spots")
    encoder = fit(canvas, QUICK_PROFILES)
    encoder.check(canvas)
    assert encoder.features == canvas.features
    assert encoder.latents(canvas).shape == (len(canvas), 3)
    assert encoder.card["sections"] == [
        {
            "name": "tiny",
            "spots": 42,
            "content": canvas.section.content,
            "spots learned from": 42,
            "genes": 12,
            "genes missing": 0,
        }
    ]
    assert encoder.card["profiles"]["n_genes"] == 1000
    assert encoder.card["network"]["likelihood"] == "negative binomial"
    loaded = load_encoder(save_encoder(encoder, tmp_path / "e.safetensors"))
    assert loaded.card == encoder.card
    loaded.check(canvas)


def test_the_defaults_follow_the_canvas():
    section = tiny_section()
    normalised = replace(section, counts="normalised")
    assert FitSettings.of(section.view("spots")).network.likelihood == "negative binomial"
    assert FitSettings.of(normalised.view("spots")).network.likelihood == "gaussian"
    assert FitSettings.of(section.view("genes")) == FitSettings()
    assert FitSettings.of(section.view("genes", scaling="paper")) == FitSettings.paper()


def test_sections_are_learned_from_together_where_they_have_the_same_genes():
    first, other = tiny_section(seed=0).view("spots"), tiny_section(n_genes=9, seed=1)
    encoder = fit([first, other.view("spots", genes=first.features)], QUICK_PROFILES)
    assert [told["genes missing"] for told in encoder.card["sections"]] == [0, 3]
    with pytest.raises(InputError, match=r"same genes in the same order.*genes=first.features"):
        fit([first, other.view("spots")], QUICK_PROFILES)


def test_settings_and_canvas_are_of_one_kind():
    section = tiny_section()
    for canvas, settings in ((section.view("spots"), QUICK), (section.view("genes"), QUICK_PROFILES)):
        with pytest.raises(InputError, match="another kind of canvas"):
            fit(canvas, settings)
    with pytest.raises(InputError, match="one kind of canvas"):
        fit([section.view("spots"), section.view("genes")], QUICK_PROFILES)


def test_values_without_counts_are_not_fitted_with_a_likelihood_of_counts():
    canvas = replace(tiny_section(), counts="normalised").view("spots")
    with pytest.raises(InputError, match="holds no counts"):
        fit(canvas, QUICK_PROFILES)


def test_seeds_are_fitted_one_after_the_other_and_report_as_one_job():
    canvas, steps = tiny_section().view("spots"), []
    encoders = fit_seeds(canvas, QUICK_PROFILES, seeds=3, report=steps.append)
    assert len({encoder.fingerprint for encoder in encoders}) == 3
    assert [encoder.card["training"]["seed"] for encoder in encoders] == [0, 1, 2]
    assert encoders[0].fingerprint == fit(canvas, QUICK_PROFILES).fingerprint
    assert [step.done for step in steps] == list(range(1, steps[0].total + 1))
    assert steps[-1].message.startswith("Seed 3 of 3")
    with pytest.raises(InputError, match="one seed or more"):
        fit_seeds(canvas, QUICK_PROFILES, seeds=0)


@pytest.mark.parametrize("quick", [QUICK, QUICK_PROFILES])
def test_checkpoints_are_the_encoder_at_its_epochs_and_change_nothing(quick, tmp_path):
    canvas = tiny_section().view("genes" if quick is QUICK else "spots")
    settings = replace(quick, training=replace(quick.training, validation_fraction=0.0))
    kept = Checkpoints([0, 1, 2])
    encoder = fit(canvas, settings, name="mine", checkpoints=kept)
    assert encoder.fingerprint == fit(canvas, settings).fingerprint == kept[2].fingerprint
    assert len({each.fingerprint for each in kept.values()}) == 3
    assert kept[1].name == "mine, epoch 1"
    again = load_encoder(save_encoder(kept[1], tmp_path / "one.safetensors"))
    assert again.fingerprint == kept[1].fingerprint
    assert again.card["history"] == {"epoch": 1, "epochs": 2}
    cut = replace(settings, training=replace(settings.training, epochs=1))
    assert fit(canvas, cut, checkpoints=Checkpoints([0])).fingerprint != kept[0].fingerprint
    with pytest.raises(InputError, match="epoch 2 of 1"):
        fit(canvas, cut, checkpoints=kept)
