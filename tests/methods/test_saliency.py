from __future__ import annotations

import numpy as np
import pytest

from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.saliency import saliency
from laws import agree
from scenes import GENES, scene, some_direction
from twins.gradient import gradient
from twins.rectified import rectified


def test_the_gradient_map_is_the_twins() -> None:
    at = scene()
    found = saliency(at.canvas, at.encoder, at.concept(some_direction()), items=[3])
    np.testing.assert_allclose(
        found.values[0], gradient(at.network, at.canvas.inputs([3])[0], some_direction()), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
@pytest.mark.parametrize("percentile", [0.0, 35.0, 80.0, 95.0])
def test_the_rectified_map_is_the_twins_at_every_percentile(kind: str, percentile: float) -> None:
    at = scene(kind)
    found = saliency(
        at.canvas, at.encoder, at.concept(some_direction()), rule="rectified", percentile=percentile, items=[3, 9]
    )
    pictures = at.canvas.inputs([3, 9])
    agree(found.values, np.stack([rectified(at.network, x, some_direction(), percentile) for x in pictures]))


def test_nothing_passes_the_hundredth_percentile() -> None:
    at = scene()
    concept = at.concept(some_direction())
    assert not saliency(at.canvas, at.encoder, concept, rule="rectified", percentile=100).values.any()


def test_without_items_the_concepts_own_genes_are_mapped_in_their_order() -> None:
    at = scene()
    concept = at.concept(some_direction())
    own = saliency(at.canvas, at.encoder, concept)
    assert own.items == tuple(at.canvas.item(name) for name in GENES)
    agree(own.values, saliency(at.canvas, at.encoder, concept, items=own.items).values)


def test_genes_that_the_section_does_not_have_are_named() -> None:
    at = scene()
    concept = at.concept(some_direction(), items=("Gene2", "Absent", "Gene5"))
    found = saliency(at.canvas, at.encoder, concept)
    assert found.items == (2, 5)
    assert found.settings["missing"] == ("Absent",)


def test_a_concept_with_none_of_its_genes_here_is_refused() -> None:
    at = scene()
    with pytest.raises(MismatchError, match=r"None of the items.*Absent"):
        saliency(at.canvas, at.encoder, at.concept(some_direction(), items=("Absent",)))


@pytest.mark.parametrize(
    ("rule", "scaling", "expected"),
    [
        ("gradient", "z-score", False),
        ("gradient", "paper", False),
        ("rectified", "z-score", False),
        ("rectified", "paper", True),
    ],
)
def test_only_the_papers_rectified_gradient_is_multiplied_by_the_picture(
    rule: str, scaling: str, expected: bool
) -> None:
    at = scene(scaling=scaling)
    concept = at.concept(some_direction())
    found = saliency(at.canvas, at.encoder, concept, rule=rule)
    told = saliency(at.canvas, at.encoder, concept, rule=rule, times_input=expected)
    assert found.settings["times_input"] is expected
    agree(found.values, told.values)


def test_values_outside_the_tissue_are_kept() -> None:
    at = scene()
    values = saliency(at.canvas, at.encoder, at.concept(some_direction())).values
    assert values[:, :, ~at.canvas.mask].any()


def test_it_says_how_it_was_made() -> None:
    at = scene()
    found = saliency(at.canvas, at.encoder, at.concept(some_direction()), rule="rectified", percentile=90)
    assert found.title == "granule - rectified saliency"
    assert found.signed
    assert found.encoder == at.encoder.fingerprint
    assert found.settings == {"rule": "rectified", "percentile": 90.0, "times_input": False, "missing": ()}
    assert saliency(at.canvas, at.encoder, found.concept).title == "granule - gradient saliency"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rule": "guided"}, r"no such rule.*gradient, rectified"),
        ({"rule": "rectified", "percentile": 101}, "between 0 and 100"),
        ({"rule": "rectified", "percentile": float("nan")}, "between 0 and 100"),
        ({"items": []}, "No item is chosen"),
        ({"items": [12]}, "12 to 12 for 12 items"),
        ({"items": [-1]}, "-1 to -1"),
        ({"items": [0.5]}, "whole numbers"),
    ],
)
def test_what_cannot_be_used_is_refused(settings: dict[str, object], said: str) -> None:
    at = scene()
    with pytest.raises(InputError, match=said):
        saliency(at.canvas, at.encoder, at.concept(some_direction()), **settings)
