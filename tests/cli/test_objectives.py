import re

import pytest

from commanding import one_line, run
from conceptstain.cli.objectives import Name, objective_of, say_terms
from conceptstain.errors import InputError
from conceptstain.nets.checkpoint import load_encoder
from conceptstain.nets.objectives import OBJECTIVES, Objective
from pictures import noise, write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(8):
        write_picture(folder / "set" / f"{number}.png", noise(16, 16, seed=number))
    return folder


def test_every_objective_has_its_name_on_the_command_line():
    assert tuple(name.value for name in Name) == OBJECTIVES
    assert objective_of(Name.VAE) == Objective()


def test_an_attention_disentangled_encoder_is_fitted_and_its_terms_are_told(folder, tmp_path):
    path = tmp_path / "e.safetensors"
    words = ("--canvas", "images", "--frame", 16, "--epochs", 2, "--latent", 3, "--out", path)
    asked = ("--objective", "ad-factor-vae", "--gamma", 5, "--attention-weight", 2, "--attention-layer", "conv1")
    result = run("fit", folder / "set", *words, *asked)
    assert result.exit_code == 0, result.stderr
    told = load_encoder(path).card
    assert told["training"]["objective"]["name"] == "ad-factor-vae"
    assert told["training"]["objective"]["gamma"] == 5
    assert told["training"]["objective"]["attention_layer"] == "conv1"
    kept = told["history"]["best_epoch"]
    (line,) = re.findall(r"In epoch .*", result.stdout)
    assert line.startswith(f"In epoch {kept} of 2, which was kept: reconstruction ")
    overlap = told["history"]["terms"]["attention overlap"][kept - 1]
    assert f"attention overlap {overlap:.4g}" in line


def test_the_network_of_the_literature_is_fitted(folder, tmp_path):
    path = tmp_path / "e.safetensors"
    words = ("--canvas", "images", "--frame", 16, "--epochs", 1, "--network", "factor-vae", "--out", path)
    result = run("fit", folder / "set", *words, "--objective", "beta-vae", "--beta", 4)
    assert result.exit_code == 0, result.stderr
    encoder = load_encoder(path)
    assert encoder.network.settings.network == "factor-vae"
    assert encoder.card["training"]["loss"] == "bernoulli"
    assert encoder.card["training"]["objective"]["beta"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gamma", "3"], "--gamma"),
        (["--objective", "factor-vae", "--attention-weight", "1"], "--attention-weight"),
        (["--objective", "beta-vae", "--attention-layer", "conv1"], "--attention-layer"),
        (["--objective", "factor-vae", "--beta", "2"], "--beta"),
        (["--objective", "factor-vae", "--gamma", "-1"], "out of range"),
        (["--objective", "ad-factor-vae", "--attention-layer", "conv9"], "conv9"),
    ],
)
def test_what_would_be_ignored_or_cannot_be_is_refused(folder, tmp_path, words, said):
    asked = ("--canvas", "images", "--frame", 16, "--out", tmp_path / "e.safetensors")
    assert said in one_line(run("fit", folder / "set", *asked, *words))
    assert not list(tmp_path.iterdir())


def test_an_old_card_without_terms_has_nothing_to_tell_and_remarks_are_told(capsys):
    say_terms({"loss": [1.0], "best_epoch": 1})
    assert capsys.readouterr().out == ""
    say_terms({"loss": [1.0], "best_epoch": 1, "terms": {"divergence": [2.5]}, "remarks": ["The maps have died."]})
    told = capsys.readouterr().out
    assert "divergence 2.5" in told
    assert told.endswith("The maps have died.\n")


def test_a_weight_that_is_not_listened_to_is_named():
    with pytest.raises(InputError, match="--gamma"):
        objective_of(Name.BETA_VAE, gamma=1.0)
    assert objective_of(Name.FACTOR_VAE, gamma=0.0).gamma == 0
