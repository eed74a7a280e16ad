"""``info`` on networks: what they take and can be asked for; every mistake is one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from safetensors.torch import save_file

from commanding import one_line, run
from conceptstain.nets.checkpoint import save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from own_networks import Plain, exported, with_weights

TESTS = str(Path(__file__).parents[1])


def saved_encoder():
    settings = PictureVAESettings("mlp", latent=4, widths=(), hidden=(8,))
    return Encoder("tiny", PictureVAE((1, 8, 8), settings), (1, 8, 8), "z-score", 4)


@pytest.fixture
def network(tmp_path):
    return exported(with_weights(Plain()), tmp_path / "mine.pt2")


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A folder with a module that builds a network, and its weights."""
    (tmp_path / "its_own_module.py").write_text("from own_networks import Plain as build\n", encoding="utf-8")
    save_file(with_weights(Plain()).state_dict(), tmp_path / "weights.safetensors")
    monkeypatch.setattr(sys, "path", [TESTS, *sys.path])
    monkeypatch.chdir(tmp_path)
    yield "its_own_module:build"
    sys.modules.pop("its_own_module", None)


def test_info_says_what_an_exported_network_can_be_asked_for_and_why_not_for_the_rest(network):
    result = run("info", network)
    assert result.exit_code == 0, result.stderr
    assert "Network mine: inputs of 3 x 16 x 16 in the scaling 'unit', 4 latent dimensions" in result.stdout
    assert "Layers: conv1, relu1, pool, conv2, relu2, dense, relu3, out" in result.stdout
    assert "  decoded: no, it has no decoder\n" in result.stdout
    assert "  guided: yes\n" in result.stdout


def test_info_builds_a_network_by_its_function_in_the_working_folder(built):
    result = run(
        "info", built, "--weights", "weights.safetensors", "--shape", "3,16,16", "--mean", "0.5", "--std", "0.2"
    )
    assert result.exit_code == 0, result.stderr
    assert "Network build: inputs of 3 x 16 x 16" in result.stdout
    told = run("info", built, "--shape", "3,16,16", "--latent", "relu1").stdout
    assert "4 latent dimensions" in told
    assert "conv1" in told


def test_info_knows_the_encoders_of_this_package(tmp_path):
    told = run("info", save_encoder(saved_encoder(), tmp_path / "tiny.safetensors"))
    assert "inputs of 1 x 8 x 8" in told.stdout
    assert "  decoded: yes\n" in told.stdout


def test_every_mistake_is_one_line(built, network, tmp_path):
    assert "not said what the network takes" in one_line(run("info", built))
    assert "--shape takes numbers" in one_line(run("info", built, "--shape", "3x16x16"))
    assert "There is no module no_such" in one_line(run("info", "no_such:build", "--shape", "3,16,16"))
    assert "another shape" in one_line(run("info", network, "--shape", "3,20,20"))
    assert "a section does not listen to. Got --shape" in one_line(run("info", tmp_path / "a.h5ad", "--shape", "3,1"))
    assert "a network does not listen to. Got --section" in one_line(run("info", network, "--section", "A"))
    saved = save_encoder(saved_encoder(), tmp_path / "tiny.safetensors")
    assert "a saved encoder does not listen to. Got --latent" in one_line(run("info", saved, "--latent", "relu1"))
    assert "pickle can run any code" in one_line(run("info", tmp_path / "network.pt"))
