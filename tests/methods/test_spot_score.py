from __future__ import annotations

import numpy as np
import pytest

from conceptstain.canvas.region import Region
from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings, spot_concepts
from conceptstain.errors import InputError
from conceptstain.methods.spot_score import spot_score
from factories import tiny_profile_encoders, tiny_section

INNER, OUTER = Region.from_obs("layer", "inner"), Region.from_obs("layer", "outer")


def drawn(*regions: Region, contrast: bool = True) -> SpotConcepts:
    canvas = tiny_section(8, 9).view("spots")
    return spot_concepts(
        regions, canvas, tiny_profile_encoders(canvas.features), SpotConceptSettings(contrast=contrast)
    )


def test_it_is_the_column_of_the_concept() -> None:
    concepts = drawn(INNER, OUTER)
    made = spot_score(concepts, "outer")
    np.testing.assert_array_equal(made.values, concepts.score().table["outer"])
    assert made.encoders == tuple(encoder.fingerprint for encoder in concepts.encoders)
    assert made.concept.name == "outer"


def test_its_title_says_what_it_is_told_from() -> None:
    thirds = [Region.from_mask(f"third {which}", np.arange(72) % 3 == which) for which in range(3)]
    assert spot_score(drawn(INNER), "inner").title == "inner - spot score"
    assert spot_score(drawn(INNER, OUTER), "inner").title == "inner - spot score, against outer"
    assert spot_score(drawn(*thirds), "third 1").title == "third 1 - spot score, against 2 others"
    assert spot_score(drawn(INNER, OUTER, contrast=False), "inner").title == "inner - spot score"


def test_another_section_is_scored_by_the_same_concept() -> None:
    concepts = drawn(INNER)
    other = tiny_section(6, 7, seed=3)
    made = spot_score(concepts, "inner", other)
    np.testing.assert_array_equal(made.values, concepts.score(other).table["inner"])
    assert made.section == other.name
    assert made.settings["singly"] is False
    assert made.settings["drawn on"] == concepts.canvas.section.name


def test_a_name_that_was_not_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="inner"):
        spot_score(drawn(INNER), "middle")
