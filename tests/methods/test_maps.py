"""The list of maps, and what each refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.maps import KEYS, MAPS, SCORES, map_kind, recommended_maps, refusal_on
from scenes import scene, some_direction


def test_a_map_is_found_by_its_key() -> None:
    assert [map_kind(kind.key) for kind in MAPS] == list(MAPS)
    with pytest.raises(InputError, match="Choose one of: decoded, gene-mean"):
        map_kind("magic")


def test_a_concept_of_a_layer_has_every_map_but_the_decoded_one() -> None:
    at = scene()
    concept = at.concept(some_direction(), space="chain.conv2")
    for kind in MAPS:
        if kind.key == "decoded":
            continue
        assert kind.refusal_of(concept.definition) is None
        assert kind.make(at.canvas, at.encoder, concept).concept is concept
    with pytest.raises(MismatchError, match=r"Decoded concept cannot be made of this concept.*layer chain\.conv2"):
        map_kind("decoded").make(at.canvas, at.encoder, concept)


def test_a_concept_of_the_latent_space_is_refused_by_no_map() -> None:
    assert [kind.refusal_of(Definition("granule", like="Gene1")) for kind in MAPS] == [None] * len(MAPS)


def test_of_genes_none_is_normal_so_their_deviation_is_not_shown() -> None:
    reason = refusal_on(map_kind("deviation"), scene().canvas)
    assert reason is not None
    assert "view it as spots" in reason


def test_an_encoder_that_learned_from_the_section_is_asked_for_its_map_first() -> None:
    at = scene()
    here = at.canvas
    told = {"name": here.section.name, "spots": here.section.n_spots}
    seen = replace(at.encoder, card={"sections": [told]})
    elsewhere = replace(here, section=replace(here.section, name="elsewhere"))
    definition = Definition("granule", like="Gene1")
    assert recommended_maps(seen, here, definition) == ("decoded", "gene-mean")
    assert recommended_maps(seen, elsewhere, definition) == ("gene-mean", "decoded")
    assert recommended_maps(seen, here, definition.in_space("chain.conv2")) == ("gene-mean",)


def test_every_map_is_found_again_by_the_method_of_its_findings() -> None:
    at = scene()
    concept = at.concept(some_direction())
    for kind in MAPS:
        assert KEYS[kind.make(at.canvas, at.encoder, concept).method] == kind.key
    assert set(KEYS.values()) == {kind.key for kind in MAPS} | SCORES
