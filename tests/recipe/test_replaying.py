"""Replay: a study that is done over again from its recipe has equal numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import conceptstain as cs
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.spot_concepts import SpotConceptSettings
from conceptstain.errors import InputError, MismatchError
from conceptstain.fitting import FitSettings, fit, fit_seeds
from conceptstain.methods.attention import attention_maps
from conceptstain.methods.maps import MAPS, map_kind
from conceptstain.methods.saliency import saliency
from conceptstain.nets.bundled import bundled
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAESettings
from conceptstain.nets.profile_vae import ProfileVAESettings
from conceptstain.nets.rules import rectified
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.progress import Cancelled
from conceptstain.recipe import Recipe
from conceptstain.recipe.replaying import TOLERANCE
from conceptstain.study import Study
from conceptstain.study.saving import open_study
from factories import tiny_section
from studies import FRAME, empty_study, full_study, opened_section

CONTROLLED = ("gene-mean", "decoded", "spot-score")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def study(data):
    study = full_study(opened_section(data))
    for key in CONTROLLED:
        study.controls("layer", key)
    return study


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    """A recipe with its weights."""
    folder = tmp_path_factory.mktemp("recipe")
    Recipe.of(study, figures=("maps.svg", "maps.png")).write(
        folder / "recipe.yaml", encoders=[study.need_encoder(), *study.spot_encoders]
    )
    return folder


@pytest.fixture(scope="module")
def replayed(data, folder, tmp_path_factory):
    recipe = Recipe.read(folder / "recipe.yaml")
    return recipe.run(data, tmp_path_factory.mktemp("out") / "again", weights=folder)


def by_title(study):
    return {made.title: made for made in study.findings}


@pytest.mark.parametrize("key", [kind.key for kind in MAPS] + ["spot-score"])
def test_every_map_is_painted_again_with_equal_arrays(study, replayed, key):
    of_kind = [record.map for record in Recipe.of(study).maps]
    one = study.findings[of_kind.index(key)]
    other = by_title(replayed.study)[one.title]
    np.testing.assert_array_equal(one.values, other.values)
    assert one.values.dtype == other.values.dtype
    assert (one.items if key != "spot-score" else ()) == (other.items if key != "spot-score" else ())
    assert one.colour_limits == other.colour_limits
    assert one.concept.origin == other.concept.origin
    np.testing.assert_array_equal(one.concept.direction, other.concept.direction)
    assert replayed.equal[one.title]


def test_all_that_was_in_the_study_is_there_again(study, replayed):
    assert by_title(study).keys() == by_title(replayed.study).keys()
    assert [entry.name for entry in study.entries] == [entry.name for entry in replayed.study.entries]
    assert [entry.colour for entry in study.entries] == [entry.colour for entry in replayed.study.entries]
    assert replayed.study.spot_settings == study.spot_settings
    for name in ("like", "layer"):
        one, other = study.known_evidence(name), replayed.study.known_evidence(name)
        np.testing.assert_array_equal(one.scores, other.scores)
        assert (one.auroc, one.p, one.sentence) == (other.auroc, other.p, other.sentence)
    assert replayed.told == (f"All {len(replayed.equal)} results equal the recipe's to the last bit.",)


@pytest.mark.parametrize("key", CONTROLLED)
def test_controls_are_drawn_again_with_equal_numbers_and_kept(study, replayed, key, monkeypatch):
    assert replayed.equal[f"controls of layer, {key}"]
    monkeypatch.setattr("conceptstain.methods.controls.controls", lambda *_given, **_words: pytest.fail("drawn again"))
    one, other = study.controls("layer", key), replayed.study.controls("layer", key)
    assert (one.sentences, one.judged, one.auroc) == (other.sentences, other.judged, other.auroc)
    pd.testing.assert_frame_equal(one.table(), other.table())
    for mine, theirs in zip(one.controls, other.controls, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)


def test_other_controls_than_the_recipe_found_are_told(data, folder):
    recipe = Recipe.read(folder / "recipe.yaml")
    changed = [each.model_copy(update={"sha256": "0" * 64}) for each in recipe.controls[:1]]
    only = {"controls": tuple(changed), "maps": (), "evidence": (), "figures": ()}
    again = recipe.model_copy(update=only).run(data, weights=folder)
    assert again.equal == {"controls of layer, gene-mean": False}
    assert "controls of layer, gene-mean" in again.told[-1]


def test_it_writes_the_study_tables_figures_and_a_paragraph(study, replayed, folder):
    names = {path.name for path in replayed.written}
    assert names == {
        "study.h5ad", "spots.csv", "evidence.csv", "controls.csv", "methods.txt", "maps.svg", "maps.png"
    }  # fmt: skip
    (out,) = {path.parent for path in replayed.written}
    assert {path.name for path in out.iterdir()} == names
    again = open_study(out / "study.h5ad")
    assert by_title(again).keys() == by_title(study).keys()
    table = pd.read_csv(out / "controls.csv", index_col=0)
    expected = pd.concat([study.controls("layer", key).table() for key in CONTROLLED])
    np.testing.assert_allclose(table["auroc"], expected["auroc"], rtol=1e-8)
    assert Recipe.of(again).maps == tuple(
        record.model_copy(update={"sha256": new.sha256})
        for record, new in zip(Recipe.read(folder / "recipe.yaml").maps, Recipe.of(again).maps, strict=True)
    )


def test_a_saved_and_opened_study_has_the_recipe_that_it_had(study, tmp_path):
    path = study.save(tmp_path / "study.h5ad")
    one, other = Recipe.of(study), Recipe.of(open_study(path))
    assert other.section == one.section
    assert other.maps == one.maps
    assert other.tables == one.tables
    assert other.evidence == one.evidence


def test_rules_with_settings_and_chosen_genes_are_painted_again(data, tmp_path):
    study = empty_study(opened_section(data))
    study.add(Definition("like", like="Gene3", neighbours=4))
    canvas, encoder, concept = study.need_canvas(), study.need_encoder(), study.concept("like")
    rules = [
        rectified(80.0),
        rectified(90.0, variant="modified"),
        rectified(variant="constant", threshold=0.25),
        rectified(padding=True),
    ]
    for number, rule in enumerate(rules):
        made = saliency(canvas, encoder, concept, rule=rule, items=[5, 2], times_input=number % 2 == 0)
        study.keep(replace(made, detail=f"{number}"))
    for made in attention_maps(canvas, encoder)[:2]:
        study.keep(made)
    study.keep(cs.attention(canvas, encoder, items=[5, 2]))
    study.keep(cs.attention(canvas, encoder, items=[5, 2], variant="released"))
    study.keep(cs.attention(canvas, encoder, concept=concept, items=[5, 2]))
    recipe = Recipe.of(study)
    files = recipe.write(tmp_path / "recipe.yaml", encoders=[encoder])
    assert len(files) == 2
    again = Recipe.read(files[0]).run(data, weights=tmp_path)
    assert len(again.study.findings) == 9
    for words in ("of all latents together", "of the concept's score", "as in the released code"):
        assert words in recipe.methods_paragraph()
    for one, other in zip(study.findings, again.study.findings, strict=True):
        assert one.title == other.title
        np.testing.assert_array_equal(one.values, other.values)
    assert again.written == ()


def test_attributions_with_settings_and_chosen_genes_are_made_again(data, tmp_path):
    study = empty_study(opened_section(data))
    study.add(Definition("like", like="Gene3", neighbours=4))
    given = study.need_canvas(), study.need_encoder(), study.concept("like")
    made = [
        cs.integrated_gradients(*given, baseline="mean", steps=3, quadrature="gauss-legendre", items=[5, 2]),
        cs.integrated_gradients(*given),
        cs.smoothgrad(*given, noise=0.2, samples=3, seed=11),
        cs.deep_lift(*given, baseline="black"),
        cs.lrp(*given, epsilon=0.25),
        cs.occlusion(*given, window=3, stride=2, items=[4]),
        cs.grad_cam(*given, layer="encoder.relu2"),
    ]
    for each in made:
        study.keep(each)
    assert len(study.findings) == len(made)
    recipe = Recipe.of(study)
    (path, _) = recipe.write(tmp_path / "recipe.yaml", encoders=[study.need_encoder()])
    again = Recipe.read(path).run(data, weights=tmp_path)
    assert all(again.equal.values())
    for one, other in zip(study.findings, again.study.findings, strict=True):
        assert (one.title, one.items, dict(one.settings)) == (other.title, other.items, dict(other.settings))
        np.testing.assert_array_equal(one.values, other.values)
    told = recipe.methods_paragraph()
    assert "integrated gradients (baseline mean, steps 3, quadrature gauss-legendre, Sundararajan et al. 2017" in told
    assert "SmoothGrad (noise 0.2, samples 3, seed 11, Smilkov et al. 2017" in told


def test_spot_scores_that_contrast_with_each_other_are_made_again(data, tmp_path):
    study = full_study(opened_section(data))
    study.add(Definition("outer", region=Region.from_obs("layer", "outer")))
    study.spot_settings = SpotConceptSettings(singly=True, context=0.0)
    study.keep(study.spot_score("layer"))
    assert study.findings[-1].detail.startswith("against")
    Recipe.of(study).write(tmp_path / "recipe.yaml", encoders=[study.need_encoder(), *study.spot_encoders])
    again = Recipe.read(tmp_path / "recipe.yaml").run(data, weights=tmp_path).study
    title = study.findings[-1].title
    np.testing.assert_array_equal(by_title(again)[title].values, by_title(study)[title].values)


def fitted_study(data):
    """An encoder of each kind, fitted here for one epoch."""
    section = opened_section(data)
    study = Study()
    study.show(section.view("genes", frame=FRAME))
    network = PictureVAESettings("average-pool", latent=3, widths=(2, 3, 4), hidden=(5,))
    training = TrainingSettings(epochs=2, batch_size=4, seed=3, device="cpu")
    study.use(fit(study.need_canvas(), FitSettings(network, training)))
    profiles = section.view("spots", n_genes=12, min_spots=5)
    settings = FitSettings(ProfileVAESettings("negative binomial", 2, (4,)), TrainingSettings(epochs=1, device="cpu"))
    study.use_for_spots(profiles, fit_seeds(profiles, settings, seeds=2))
    study.add(Definition("layer", like="Gene3", neighbours=4))
    study.keep(map_kind("decoded").make(study.need_canvas(), study.need_encoder(), study.concept("layer")))
    return study


def test_encoders_that_were_fitted_here_are_fitted_again_to_the_same_weights(data):
    study = fitted_study(data)
    recipe = Recipe.of(study)
    again = recipe.run(data)
    assert again.study.need_encoder().fingerprint == study.need_encoder().fingerprint
    assert [each.fingerprint for each in again.study.spot_encoders] == [
        each.fingerprint for each in study.spot_encoders
    ]
    assert sum("was fitted again, to the same weights" in each for each in again.told) == 3
    np.testing.assert_array_equal(again.study.findings[0].values, study.findings[0].values)
    assert "fitted to this section without labels (2 epochs" in recipe.methods_paragraph()


def test_a_fit_that_comes_out_otherwise_is_told(data):
    recipe = Recipe.of(fitted_study(data))
    encoder = recipe.encoder.model_copy(update={"fingerprint": "0123456789ab"})
    again = recipe.model_copy(update={"encoder": encoder}).run(data)
    assert any("to other weights" in each for each in again.told)


def test_weights_that_lie_there_are_used_and_are_checked(data, study, tmp_path):
    recipe = Recipe.of(study)
    with pytest.raises(InputError, match=r"is not here, and the recipe does not say how to fit it"):
        recipe.run(data)
    recipe.write(tmp_path / "recipe.yaml", encoders=[study.need_encoder(), *study.spot_encoders])
    first, *_ = study.spot_encoders
    path = tmp_path / f"{study.need_encoder().fingerprint}.safetensors"
    path.write_bytes((tmp_path / f"{first.fingerprint}.safetensors").read_bytes())
    with pytest.raises(MismatchError, match="is another than that of the recipe"):
        recipe.run(data, weights=tmp_path)


def test_the_bundled_encoder_is_known_by_its_name(data):
    section = opened_section(data)
    study = Study()
    study.show(section.view("genes"))
    study.use(bundled())
    recipe = Recipe.of(study)
    assert recipe.encoder.bundled == "gene-pictures"
    assert recipe.run(data).study.need_encoder().fingerprint == bundled().fingerprint
    lying = recipe.encoder.model_copy(update={"fingerprint": "0123456789ab"})
    with pytest.raises(MismatchError, match="another than that of the recipe"):
        recipe.model_copy(update={"encoder": lying}).run(data)


def test_another_number_of_threads_changes_no_more_than_the_tolerance(data, study, folder):
    recipe = Recipe.read(folder / "recipe.yaml").model_copy(update={"threads": 2})
    before = torch.get_num_threads()
    again = recipe.run(data, weights=folder)
    assert torch.get_num_threads() == before
    for title, one in by_title(study).items():
        limit = TOLERANCE * np.abs(one.values).max()
        np.testing.assert_allclose(by_title(again.study)[title].values, one.values, rtol=0, atol=limit)


def test_numbers_that_differ_are_told(data, study, folder):
    recipe = Recipe.read(folder / "recipe.yaml")
    maps = (recipe.maps[0].model_copy(update={"sha256": "0" * 64}), *recipe.maps[1:2])
    less = recipe.model_copy(update={"maps": maps, "evidence": (), "controls": (), "made_with": {"torch": "0.1"}})
    told = less.run(data, weights=folder).told
    assert any("1 of 2 results differ from the recipe's in some digits: like - decoded." in each for each in told)
    assert any("Other versions" in each and "for 0.1" in each for each in told)


def test_another_file_of_the_same_name_is_refused(folder, tmp_path):
    recipe = Recipe.read(folder / "recipe.yaml")
    with pytest.raises(InputError, match=r"missing\. Got tiny\.h5ad"):
        recipe.run(tmp_path, weights=folder)
    from conceptstain.exporting import export

    export(tmp_path / "tiny.h5ad", tiny_section(seed=4).view("genes"), [])
    with pytest.raises(MismatchError, match="another file than the recipe was made with"):
        recipe.run(tmp_path, weights=folder)


def test_what_is_there_is_not_replaced_unless_asked_and_nothing_is_written_by_halves(data, folder, tmp_path):
    recipe = Recipe.read(folder / "recipe.yaml").model_copy(update={"evidence": (), "controls": ()})
    recipe = recipe.model_copy(update={"maps": recipe.maps[:1]})
    out = tmp_path / "out"
    out.mkdir()
    (out / "maps.svg").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        recipe.run(data, out, weights=folder)
    assert [path.name for path in out.iterdir()] == ["maps.svg"]
    assert (out / "maps.svg").read_text() == "precious"
    recipe.run(data, out, weights=folder, overwrite=True)
    assert (out / "maps.svg").read_text() != "precious"
    with pytest.raises(InputError, match="written into a folder"):
        recipe.run(data, out / "maps.svg", weights=folder)
    bad = recipe.model_copy(update={"figures": (recipe.figures[0].model_copy(update={"maps": (7,)}),)})
    with pytest.raises(InputError, match="does not have"):
        bad.run(data, tmp_path / "other", weights=folder)
    assert list((tmp_path / "other").iterdir()) == []


def test_a_cancelled_replay_writes_nothing(data, folder, tmp_path):
    def stop(step):
        if step.message.startswith("Painting"):
            raise Cancelled

    with pytest.raises(Cancelled):
        Recipe.read(folder / "recipe.yaml").run(data, tmp_path / "out", weights=folder, report=stop)
    assert not (tmp_path / "out").exists()


def test_a_section_without_a_file_has_no_recipe():
    with pytest.raises(InputError, match="no recipe can name it"):
        Recipe.of(empty_study(tiny_section()))


def test_an_encoder_of_many_sections_is_not_fitted_again(data):
    study = fitted_study(data)
    encoder = study.need_encoder()
    card = {**encoder.card, "sections": [*encoder.card["sections"], {"name": "another"}]}
    study.use(Encoder(encoder.name, encoder.network, encoder.shape, encoder.scaling, encoder.latent, card))
    assert Recipe.of(study).encoder.fit is None
