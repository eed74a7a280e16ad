import time

import pytest

from conceptstain.errors import InputError
from conceptstain.nets.bundled import bundled, bundled_names, model_card


@pytest.mark.parametrize("name", bundled_names())
def test_a_bundled_encoder_is_the_one_its_card_tells_of(name):
    encoder, card = bundled(name), model_card(name)
    assert encoder.name == name
    assert f"`{encoder.fingerprint}`" in card
    assert str(encoder.latent) in card
    assert "10.1126/science.aaf2403" in card


def test_there_is_one_for_gene_pictures_that_has_not_seen_rep11():
    assert "gene-pictures" in bundled_names()
    encoder = bundled()
    assert encoder.shape == (1, 32, 32)
    assert encoder.scaling == "z-score"
    assert [section["name"] for section in encoder.card["sections"]] == ["Rep1", "Rep2"]


def test_it_is_ready_at_once():
    bundled()  # torch's own first use is not counted
    begun = time.perf_counter()
    bundled()
    assert time.perf_counter() - begun < 0.5  # about 0.02 s; other programs may have the cores


def test_an_unknown_name_is_refused_with_those_there_are():
    for call in (bundled, model_card):
        with pytest.raises(InputError, match="gene-pictures"):
            call("faces")


def test_a_name_cannot_leave_the_folder():
    with pytest.raises(InputError):
        bundled("../weights/gene-pictures")


def test_there_is_one_for_stained_tissue_in_colours():
    encoder = bundled("histology-patches")
    assert encoder.shape == (3, 64, 64)
    assert encoder.scaling == "unit"
    names = [told["name"] for told in encoder.card["images"]]
    assert {"HE_Rep1", "HE_Rep2"} <= set(names)
    assert len(names) == 34
