"""Checks of maps from the command line."""

from __future__ import annotations

import pandas as pd
import pytest

from commanding import one_line, run
from conceptstain.canvas.reading import open_section
from conceptstain.concepts.concept import concept
from conceptstain.methods.checks import CHECKS, check_kind
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from factories import tiny_section


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A section of 42 spots, and weights for it."""
    folder = tmp_path_factory.mktemp("checks")
    tiny_section().adata.write_h5ad(folder / "tiny.h5ad")
    network = PictureVAE((1, 32, 32), PictureVAESettings("mlp", latent=4, widths=(), hidden=(8,)), seed=0)
    save_encoder(Encoder("tiny", network, (1, 32, 32), "z-score", 4), folder / "w.safetensors")
    return folder


@pytest.fixture
def check(folder):
    def check_with(*words):
        return run("check", folder / "tiny.h5ad", "--weights", folder / "w.safetensors", *words)

    return check_with


def test_the_checks_are_those_of_the_library_and_their_tables_are_written(check, folder, tmp_path):
    result = check("--genes", "Gene1,Gene2", "--name", "pair", "--out", tmp_path / "out", "--seed", 3)
    assert result.exit_code == 0, result.stderr
    canvas = open_section(folder / "tiny.h5ad").view("genes", frame=(32, 32))
    encoder = load_encoder(folder / "w.safetensors")
    pair = concept("pair", canvas, encoder, items=["Gene1", "Gene2"])
    for kind in CHECKS:
        found = kind.make("gradient", canvas, encoder, pair, seed=3)
        assert f"Gradient saliency, {kind.label}: {found.sentence}" in result.stdout
        written = pd.read_csv(tmp_path / "out" / f"tiny-pair-gradient-{kind.key}.csv", index_col=0)
        pd.testing.assert_frame_equal(written, found.table(), check_dtype=False, check_names=False)
        drawn = (tmp_path / "out" / f"tiny-pair-gradient-{kind.key}.svg").read_text(encoding="utf-8")
        assert f"pair, Gradient saliency, {kind.label}" in drawn
    again = one_line(check("--genes", "Gene1,Gene2", "--name", "pair", "--out", tmp_path / "out"))
    assert "exists already" in again


def test_what_says_nothing_about_a_map_is_told_or_refused_where_it_is_asked_for(check):
    result = check("--genes", "Gene1,Gene2", "--map", "decoded")
    assert result.exit_code == 0, result.stderr
    assert "Decoded concept, while the network forgets: not checked, the decoder draws it" in result.stdout
    assert "Decoded concept, by deleting pixels: " in result.stdout
    assert "Wrote" not in result.stdout
    asked = one_line(check("--genes", "Gene1", "--map", "decoded", "--check", "randomisation"))
    assert "cannot be checked while the network forgets" in asked
    assert "Choose one of: randomisation" in one_line(check("--genes", "Gene1", "--check", check_kind.__name__))
