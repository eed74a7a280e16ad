"""Evidence on spot profiles keeps its level where there is no signal, finds what was planted, and says how."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from conceptstain.canvas.region import Region
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.cross_fit import cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.evidence import corrected, evidence
from conceptstain.concepts.latent_scores import LatentScorer
from conceptstain.concepts.nulls import null_of, placed_shapes, random_null, random_selections
from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings, spot_concepts
from conceptstain.errors import InputError
from conceptstain.progress import Cancelled, Step
from factories import noise_section, tiny_profile_encoders, tiny_section

ALONE = SpotConceptSettings(context=0.0)


@cache
def noise() -> tuple[SpotProfiles, np.ndarray]:
    """A section of 168 spots, and latents that drift over it and mean nothing."""
    canvas = noise_section(n_genes=30, seed=3).view("spots")
    drifts = gaussian_filter(np.random.default_rng(1).normal(size=(12, 14, 4)), (2.0, 2.0, 0)).reshape(-1, 4)
    return canvas, drifts / drifts.std(axis=0) + np.random.default_rng(2).normal(0, 0.3, drifts.shape)


@cache
def layered() -> SpotProfiles:
    """A section of 120 spots in which an inner layer is real."""
    return tiny_section(10, 12, n_genes=60, seed=2).view("spots")


def drawn(*regions: Region, settings: SpotConceptSettings = ALONE, encoders: int = 2) -> SpotConcepts:
    return spot_concepts(regions, layered(), tiny_profile_encoders(layered().features, encoders), settings)


def inner() -> Region:
    return Region.from_obs("layer", "inner")


def some(name: str, n: int, seed: int = 0) -> Region:
    return Region.from_mask(name, np.random.default_rng(seed).permutation(120) < n)


@pytest.mark.parametrize("whitened", [False, True])
@pytest.mark.parametrize("n", [8, 15, 30, 60])
def test_random_selections_average_an_auroc_of_a_half(n: int, whitened: bool) -> None:
    canvas, latents = noise()
    null = null_of(random_selections(n, 168, number=300, seed=1), canvas.places, LatentScorer((latents,), whitened))
    assert null.aurocs.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("n", "whitened"), [(15, False), (30, True)])
def test_p_values_of_random_selections_are_uniform(n: int, whitened: bool) -> None:
    canvas, latents = noise()
    scorer = LatentScorer((latents,), whitened)
    null = random_null(canvas, scorer, n, number=499, seed=0, key=(whitened,))
    asked = null_of(random_selections(n, 168, number=300, seed=99), canvas.places, scorer)
    p = [null.p(value) for value in asked.aurocs]
    # The null is a sample too, so p is held against the p that its own members have, not against an exact uniform.
    assert stats.ks_2samp(p, [null.p(value) for value in null.aurocs]).pvalue > 0.05
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_on_smooth_noise_patches_pass_the_random_null_but_not_the_shape_null() -> None:
    canvas, latents = noise()
    scorer = LatentScorer((latents,), whitened=False)
    random = random_null(canvas, scorer, 15, number=499, seed=0, key=(False,))
    by_random, by_shape = [], []
    for at in range(0, 168, 4):
        inside = np.zeros(168, dtype=bool)
        inside[np.argsort(((canvas.places - canvas.places[at]) ** 2).sum(axis=1), kind="stable")[:15]] = True
        folds = folds_of(inside, canvas.places)
        value = fold_auroc(cross_fitted(inside, folds, scorer), inside, folds)
        by_random.append(random.p(value))
        placed = placed_shapes(inside, canvas.places, number=39, seed=at)
        by_shape.append(null_of(placed, canvas.places, scorer).p(value))
    assert np.mean(np.array(by_random) <= 0.1) >= 0.4, "neighbours share latents"
    assert np.mean(np.array(by_shape) <= 0.1) <= 0.25, "as do all other patches of this shape"


def test_a_planted_layer_is_found_and_the_sentence_says_that_it_is_by_profiles() -> None:
    concepts = drawn(inner())
    found = evidence(concepts, n_null=99)
    assert found.auroc > 0.9
    assert found.holds
    n = int(inner().choose(layered().section).sum())
    assert found.sentence.startswith(f"{n} spots; by their profiles, others like them are found with AUROC ")
    assert (found.by, found.counted, found.chosen, found.decoded_auroc) == ("spot profiles", "spots", (), None)
    assert found.encoder == "+".join(encoder.fingerprint for encoder in concepts.encoders)
    assert list(found.table(layered()).index) == list(layered().item_names)
    assert found.histogram().inside.sum() == pytest.approx(1)
    (again,) = corrected([found])
    assert again.p == found.p


def test_random_spots_are_not_distinguishable() -> None:
    found = evidence(drawn(some("random", 16)), n_null=49)
    assert not found.holds
    assert "; not distinguishable from a random selection of as many spots (" in found.sentence


def test_three_spots_are_left_out_one_by_one_and_two_are_too_few() -> None:
    found = evidence(drawn(some("three", 3)), n_null=19)
    assert sorted(np.bincount(found.folds[found.inside])) == [1, 1, 1]
    with pytest.raises(InputError, match="too few on one side to hold some of them back"):
        evidence(drawn(some("two", 2)))


@pytest.mark.parametrize(("n", "rule"), [(29, "plain"), (30, "whitened")])
def test_evidence_follows_the_rule_that_is_painted(n: int, rule: str) -> None:
    assert evidence(drawn(some("some", n)), n_null=1).settings["direction"] == rule
    plain = replace(ALONE, direction="plain")
    assert evidence(drawn(some("some", n), settings=plain), n_null=1).settings["direction"] == "plain"


def test_evidence_whitens_where_the_spots_of_all_concepts_together_are_enough() -> None:
    rows = np.arange(120) // 12
    regions = [Region.from_mask(name, np.isin(rows, at)) for name, at in (("top", [0, 1]), ("bottom", [8, 9]))]
    concepts = drawn(*regions)
    precision = concepts.readings[0][0].groups.precision
    assert np.abs(precision - np.diag(np.diag(precision))).max() > 0, "the painted score is whitened"
    assert evidence(concepts, name="top", n_null=1).settings["direction"] == "whitened"
    assert evidence(drawn(regions[0]), n_null=1).settings["direction"] == "plain"
    apart = drawn(*regions, settings=replace(ALONE, contrast=False))
    assert evidence(apart, name="top", n_null=1).settings["direction"] == "plain"


def test_spots_of_several_concepts_count_in_the_evidence_and_it_is_said() -> None:
    one, other = (Region.from_mask(name, (np.arange(120) // 10 + add) % 6 < 2) for name, add in (("one", 0), ("b", 1)))
    concepts = drawn(one, other)
    shared = int((one.choose(layered().section) & other.choose(layered().section)).sum())
    found = evidence(concepts, name="one", n_null=1)
    assert found.number == len(concepts.members[0]) + shared
    note = f"{shared} of the spots were drawn for several concepts: they count here, though not in the painted score."
    assert note in found.notes
    held_singly = drawn(one, other, settings=replace(ALONE, contrast=False))
    assert note not in evidence(held_singly, name="one", n_null=1).notes


def test_evidence_is_of_the_concept_alone_whatever_else_was_drawn() -> None:
    plain = replace(ALONE, direction="plain")
    other = Region.from_mask("other", np.arange(120) < 12)
    alone = evidence(drawn(inner(), settings=plain), n_null=19)
    concepts = drawn(inner(), other, settings=plain)
    beside = evidence(concepts, name="inner", n_null=19)
    np.testing.assert_array_equal(beside.scores, alone.scores)
    assert (beside.auroc, beside.p) == (alone.auroc, alone.p)
    assert beside.notes[1].endswith("the evidence compares each with all other spots.")
    assert len(alone.notes) == len(beside.notes) - 1
    with pytest.raises(InputError, match="Got inner, other"):
        evidence(concepts)
    with pytest.raises(InputError, match="no concept of that name"):
        evidence(concepts, name="outer")


def test_neighbours_have_no_word_and_it_is_said() -> None:
    settings = SpotConceptSettings(context=0.5)
    with_context = evidence(drawn(inner(), settings=settings), n_null=19)
    np.testing.assert_array_equal(with_context.scores, evidence(drawn(inner()), n_null=19).scores)
    assert "The painted score listens to neighbouring spots" in with_context.notes[1]


def test_what_the_network_has_seen_is_said() -> None:
    (encoder,) = tiny_profile_encoders(layered().features, 1)
    assert evidence(drawn(inner()), n_null=1).notes[0].startswith("The z-scores have seen all spots of tiny")
    fitted = replace(encoder, card={"sections": [{"name": "tiny"}]})
    (note, *_) = evidence(spot_concepts(inner(), layered(), fitted), n_null=1).notes
    assert note.startswith("Encoder and z-scores have seen all spots of tiny, hidden ones included")


def test_random_selections_are_tried_once_for_each_size_rule_and_set_of_encoders() -> None:
    encoders = tiny_profile_encoders(layered().features)
    first = evidence(spot_concepts(some("a", 12), layered(), encoders), n_null=19).random
    assert evidence(spot_concepts(some("b", 12, seed=5), layered(), encoders), n_null=19).random is first
    whitened = SpotConceptSettings("whitened")
    assert evidence(spot_concepts(some("a", 12), layered(), encoders, whitened), n_null=19).random is not first
    assert evidence(spot_concepts(some("a", 12), layered(), encoders[:1]), n_null=19).random is not first
    assert evidence(spot_concepts(some("a", 13), layered(), encoders), n_null=19).random is not first


def test_evidence_can_be_cancelled_and_repeats_with_its_seed() -> None:
    concepts = drawn(inner())
    one, same = (evidence(concepts, n_null=30, seed=4) for _ in range(2))
    assert (one.auroc, one.p_random, one.p_shape) == (same.auroc, same.p_random, same.p_shape)
    seen: list[Step] = []

    def stop(step: Step) -> None:
        seen.append(step)
        if len(seen) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        evidence(concepts, n_null=320, seed=5, report=stop)
    assert len(seen) == 3


def test_a_concept_of_gene_pictures_needs_its_canvas_and_encoder() -> None:
    from scenes import scene

    at = scene()
    with pytest.raises(InputError, match=r"Use evidence\(concept, canvas, encoder\)"):
        evidence(at.concept([1.0, 0, 0, 0]))
