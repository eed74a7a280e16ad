"""Controls of the painted score of drawn spots."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from conceptstain.canvas.region import Region
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.cross_fit import fold_auroc, folds_of
from conceptstain.concepts.evidence import evidence
from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings, spot_concepts
from conceptstain.errors import InputError
from conceptstain.methods.controls import controls
from conceptstain.progress import Cancelled, Step
from factories import noise_section, tiny_profile_encoders, tiny_section

NAMES = [
    "no model, profiles",
    "no model, principal components",
    "random spots",
    "untrained network",
    "sequencing depth",
]


@cache
def layered() -> SpotProfiles:
    return tiny_section(10, 12, n_genes=60, seed=2).view("spots")


def drawn(*regions: Region, canvas: SpotProfiles | None = None, encoders: int = 2) -> SpotConcepts:
    canvas = canvas or layered()
    return spot_concepts(
        regions, canvas, tiny_profile_encoders(canvas.features, encoders), SpotConceptSettings(context=0.0)
    )


def inner() -> Region:
    return Region.from_obs("layer", "inner")


def some(name: str, n: int, seed: int = 0) -> Region:
    return Region.from_mask(name, np.random.default_rng(seed).permutation(120) < n)


def test_the_painted_score_stands_beside_all_its_controls() -> None:
    concepts = drawn(inner())
    found = controls(concepts, draws=3)
    assert (found.name, found.method, found.judged) == ("inner", "spot score", "cross-fitted")
    np.testing.assert_array_equal(found.values, concepts.score().table["inner"])
    assert [control.name for control in found.controls] == NAMES
    assert [len(control.values) for control in found.controls] == [1, 1, 3, 3, 1]
    assert all(control.values.shape[1] == 120 for control in found.controls)
    assert all(len(control.aurocs) == len(control.values) for control in found.controls)
    assert found.encoder == concepts.fingerprint
    table = found.table()
    assert list(table["control"]) == ["", *NAMES[:2], *3 * ["random spots"], *3 * ["untrained network"], NAMES[4]]
    assert set(table["judged"]) == {"cross-fitted"}


def test_the_map_is_judged_as_the_evidence_judges_it() -> None:
    concepts = drawn(inner(), some("other", 20))
    found = evidence(concepts, name="inner", n_null=1)
    assert controls(concepts, name="inner", draws=1).auroc == found.auroc


def test_without_a_model_spots_are_judged_along_a_difference_of_profiles_made_without_them() -> None:
    found = controls(drawn(inner()), draws=1).control("no model, profiles")
    assert found is not None
    inside = inner().choose(layered().section)
    folds = folds_of(inside, layered().places)
    profiles = layered().inputs(np.arange(120)).astype(float)
    scores = np.zeros(120)
    for fold in range(folds.max() + 1):
        seen = folds != fold
        difference = profiles[inside & seen].mean(axis=0) - profiles[~inside & seen].mean(axis=0)
        scores[~seen] = profiles[~seen] @ difference
    assert found.auroc == pytest.approx(fold_auroc(scores, inside, folds))
    whole = profiles @ (profiles[inside].mean(axis=0) - profiles[~inside].mean(axis=0))
    assert np.corrcoef(found.values[0], whole)[0, 1] == pytest.approx(1)


def test_principal_components_are_as_many_as_the_latents() -> None:
    found = controls(drawn(inner()), draws=1).control("no model, principal components")
    assert found is not None
    assert found.explanation == "4 principal components, by the same rule"
    assert found.auroc is not None
    assert found.auroc > 0.9


def test_random_spots_find_nothing() -> None:
    canvas = noise_section(n_genes=40, seed=4).view("spots")
    aurocs, random = [], []
    for seed in range(10):
        inside = np.random.default_rng(seed).permutation(168) < 20
        found = controls(drawn(Region.from_mask("some", inside), canvas=canvas), draws=4, seed=seed)
        aurocs.append(found.auroc)
        random.append(found.controls[2].auroc)
    assert np.mean(aurocs) == pytest.approx(0.5, abs=0.08)
    assert np.mean(random) == pytest.approx(0.5, abs=0.08)


def test_a_model_that_adds_nothing_is_told() -> None:
    said = " ".join(controls(drawn(inner()), draws=1).sentences)
    assert "The model adds little to the difference of the mean profiles here (AUROC " in said
    assert "An untrained network draws as good a map" in said


def test_controls_follow_the_rule_that_is_painted() -> None:
    concepts = drawn(some("one", 20), Region.from_mask("other", np.arange(120) < 12))
    for name, rule in (("one", concepts.rule("one")), ("other", concepts.rule("other"))):
        assert rule == ("whitened" if sum(map(len, concepts.members)) >= 30 else "plain")
        found = controls(concepts, name=name, draws=1)
        assert found.settings["direction"] == rule
        assert found.auroc == evidence(concepts, name=name, n_null=1).auroc
    assert controls(drawn(some("one", 20)), draws=1).settings["direction"] == "plain"
    with pytest.raises(InputError, match="draws=0"):
        controls(concepts, name="one", draws=0)


def test_two_spots_cannot_judge_the_score_they_made() -> None:
    found = controls(drawn(some("two", 2)), draws=1)
    assert found.judged == "none"
    assert found.auroc is None
    assert all(control.auroc is None for control in found.controls)
    assert not any("without a region" in sentence for sentence in found.sentences)


def test_a_section_without_counts_has_no_depth() -> None:
    canvas = replace(layered(), section=replace(layered().section, counts="normalised"))
    assert [control.name for control in controls(drawn(inner(), canvas=canvas), draws=1).controls] == NAMES[:-1]


def test_controls_repeat_with_their_seed_and_can_be_cancelled() -> None:
    concepts = drawn(inner())
    one, same, other = (controls(concepts, seed=seed, draws=2) for seed in (1, 1, 2))
    for name in ("random spots", "untrained network"):
        values = [found.control(name).values for found in (one, same, other)]
        np.testing.assert_array_equal(values[0], values[1])
        assert not np.array_equal(values[0], values[2])

    def stop(_step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        controls(concepts, report=stop)


def test_what_is_missing_is_told() -> None:
    with pytest.raises(InputError, match="Got inner, other"):
        controls(drawn(inner(), some("other", 20)))
    with pytest.raises(InputError, match=r"Use controls\(canvas, encoder, concept\)"):
        controls(layered().section.view("genes"))
