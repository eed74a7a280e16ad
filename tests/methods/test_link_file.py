"""Links on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from conceptstain.errors import ReadingError
from conceptstain.methods.link import LinkMethod
from conceptstain.methods.link_file import load_link, save_link
from conceptstain.methods.linking import link
from conceptstain.nets.checkpoint import load_encoder, save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from linear_worlds import linear_world


@pytest.mark.parametrize("method", ["least squares", "mlp"])
def test_a_link_that_is_read_is_the_one_that_was_saved(tmp_path: Path, method: LinkMethod) -> None:
    world = linear_world()
    made = link(world.classifier, world.encoder, world.canvas, labels=world.labels, method=method)
    found = load_link(save_link(made, tmp_path / "link"))
    assert found.fingerprint == made.fingerprint
    for word in ("method", "layer", "penultimate", "classifier", "generator", "classes", "seed", "card"):
        assert getattr(found, word) == getattr(made, word)
    for name in ("weights", "bias", "ranges", "means", "class_means"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    r = np.random.default_rng(0).normal(size=(4, made.units))
    np.testing.assert_array_equal(found.latents(r), made.latents(r))
    assert found.quality.table.equals(made.quality.table)
    found.check(world.classifier, world.encoder)


def test_what_is_no_whole_link_is_refused(tmp_path: Path) -> None:
    world = linear_world()
    made = link(world.classifier, world.encoder, world.canvas)
    path = save_link(made, tmp_path / "link.safetensors")
    network = ImageVAE((1, 8, 8), ImageVAESettings(latent=2, widths=(2,), hidden=(3,)))
    encoder = save_encoder(Encoder("e", network, (1, 8, 8), "unit", 2), tmp_path / "encoder")
    save_file({"weights": made.weights}, tmp_path / "other.safetensors")
    (tmp_path / "pickle.safetensors").write_bytes(b"\x80\x04K\x01.")
    path.with_name("cut.safetensors").write_bytes(path.read_bytes()[:-9])
    for name, told in {
        "encoder": "holds no link",
        "other": "not saved by conceptstain",
        "pickle": "pickle",
        "cut": "no whole",
        "none": "no file",
    }.items():
        with pytest.raises(ReadingError, match=told):
            load_link(tmp_path / f"{name}.safetensors")
    with pytest.raises(ReadingError, match="describe an encoder"):
        load_encoder(path)
    assert load_encoder(encoder).name == "e"
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 0x40  # of a number that is told in the fingerprint, or of one that is not
    path.write_bytes(bytes(whole))
    with pytest.raises(ReadingError, match="not those it was saved with"):
        load_link(path)
