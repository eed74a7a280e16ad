"""Evidence is not circular, keeps its level where there is no signal, and says plainly what it found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import Concept, concept
from conceptstain.concepts.cross_fit import auroc, cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.enrichment import enriched_genes
from conceptstain.concepts.evidence import Evidence, corrected, evidence, holm
from conceptstain.concepts.gene_scores import EnrichedGenes, QuickGenes
from conceptstain.concepts.nulls import Null, null_of, placed_shapes, random_null, random_selections
from conceptstain.concepts.sentences import evidence_words
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Cancelled, Step
from factories import noise_section, tiny_encoder, tiny_section
from scenes import scene
from strategies import with_matrix

GENES = 20


@cache
def noise(*, smooth: bool) -> GenePictures:
    return noise_section(seed=3, smooth=smooth).view("genes")


@cache
def layered() -> tuple[GenePictures, Encoder]:
    """A section of 120 spots in which an inner layer is real."""
    canvas = tiny_section(10, 12, n_genes=60, seed=2).view("genes", frame=(16, 16))
    return canvas, tiny_encoder(canvas.shape)


def of(canvas: GenePictures, encoder: Encoder, inside: np.ndarray, neighbours: int = 10) -> Concept:
    return concept("spots", canvas, encoder, region=Region.from_mask("spots", inside), neighbours=neighbours)


def patch(places: np.ndarray, n: int, at: int) -> np.ndarray:
    inside = np.zeros(len(places), dtype=bool)
    inside[np.argsort(((places - places[at]) ** 2).sum(axis=1), kind="stable")[:n]] = True
    return inside


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("n", [12, 40])
def test_random_selections_average_an_auroc_of_a_half(n: int, smooth: bool) -> None:
    canvas = noise(smooth=smooth)
    aurocs = random_null(canvas, QuickGenes(canvas, GENES), n, number=300, seed=1, key=(GENES,)).aurocs
    assert aurocs.mean() == pytest.approx(0.5, abs=0.03)


def test_random_selections_average_an_auroc_of_a_half_by_the_exact_scorer_too() -> None:
    canvas = noise(smooth=True)
    regions = random_selections(20, 168, number=60, seed=5)
    assert null_of(regions, canvas.places, EnrichedGenes(canvas, GENES)).aurocs.mean() == pytest.approx(0.5, abs=0.03)


def test_p_values_of_random_selections_are_uniform() -> None:
    canvas = noise(smooth=True)
    scorer = QuickGenes(canvas, GENES)
    null = random_null(canvas, scorer, 15, number=499, seed=0, key=(GENES,))
    asked = null_of(random_selections(15, 168, number=300, seed=99), canvas.places, scorer)
    p = [null.p(value) for value in asked.aurocs]
    assert stats.kstest(p, "uniform").pvalue > 0.05
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_on_smooth_noise_patches_pass_the_random_null_but_not_the_shape_null() -> None:
    canvas = noise(smooth=True)
    scorer = QuickGenes(canvas, GENES)
    random = random_null(canvas, scorer, 15, number=499, seed=0, key=(GENES,))
    by_random, by_shape = [], []
    for at in range(0, 168, 6):
        inside = patch(canvas.places, 15, at)
        folds = folds_of(inside, canvas.places)
        value = fold_auroc(cross_fitted(inside, folds, scorer), inside, folds)
        by_random.append(random.p(value))
        placed = placed_shapes(inside, canvas.places, number=39, seed=at)
        by_shape.append(null_of(placed, canvas.places, scorer).p(value))
    assert np.mean(np.array(by_random) <= 0.1) >= 0.4, "neighbours share a profile"
    assert np.mean(np.array(by_shape) <= 0.1) <= 0.25, "as do all other patches of this shape"


def test_what_looks_perfect_in_sample_is_nothing_when_cross_fitted() -> None:
    canvas = noise_section(n_genes=600, seed=8).view("genes")
    in_sample, honest = [], []
    for seed in range(12):
        inside = np.random.default_rng(seed).permutation(168) < 12
        genes = enriched_genes(canvas, Region.from_mask("random", inside), number=50).index
        in_sample.append(auroc(canvas.revealed([canvas.item(gene) for gene in genes]).mean(axis=1), inside))
        folds = folds_of(inside, canvas.places)
        honest.append(fold_auroc(cross_fitted(inside, folds, EnrichedGenes(canvas, 50)), inside, folds))
    assert np.mean(in_sample) > 0.98
    assert np.mean(honest) == pytest.approx(0.5, abs=0.08)


def test_a_real_layer_holds_and_says_so() -> None:
    canvas, encoder = layered()
    made = concept("inner", canvas, encoder, region=Region.from_obs("layer", "inner"), neighbours=15)
    found = evidence(made, canvas, encoder, n_null=99)
    n = int((canvas.section.adata.obs["layer"] == "inner").sum())
    assert found.auroc > 0.95
    assert found.holds
    assert found.sentence.startswith(f"{n} spots; others like them are found with AUROC ")
    assert found.sentence.endswith("does as well less than once in 100.")
    assert found.inside.sum() == n
    assert len(found.chosen) == found.folds.max() + 1
    assert found.decoded_auroc is not None


def test_random_spots_are_not_distinguishable() -> None:
    canvas, encoder = layered()
    found = evidence(of(canvas, encoder, np.random.default_rng(0).permutation(120) < 16), canvas, encoder, n_null=49)
    assert not found.holds
    assert "; not distinguishable from a random selection of as many spots (" in found.sentence


def test_changing_the_counts_of_hidden_spots_changes_no_gene_chosen_without_them() -> None:
    canvas, encoder = layered()
    inside = patch(canvas.places, 20, 60)
    folds = folds_of(inside, canvas.places)
    before = evidence(of(canvas, encoder, inside), canvas, encoder, n_null=1)
    for fold in range(folds.max() + 1):
        counts = canvas.section.matrix.toarray()
        counts[folds == fold] = np.random.default_rng(fold).poisson(30, counts[folds == fold].shape)
        other = with_matrix(canvas.section, counts).view("genes", frame=(16, 16))
        scorer = EnrichedGenes(other, 10)
        scorer(inside[None], (folds == fold)[None])
        assert scorer.chosen[0] == before.chosen[fold]


def test_evidence_repeats_with_its_seed() -> None:
    canvas, encoder = layered()
    made = of(canvas, encoder, patch(canvas.places, 12, 30))
    one, same, other = (evidence(made, canvas, encoder, n_null=30, seed=seed) for seed in (1, 1, 2))
    assert (one.auroc, one.p_random, one.p_shape) == (same.auroc, same.p_random, same.p_shape)
    assert one.shape is not None
    assert same.shape is not None
    np.testing.assert_array_equal(one.shape.aurocs, same.shape.aurocs)
    assert other.auroc == one.auroc
    assert not np.array_equal(other.random.aurocs, one.random.aurocs)


def test_the_histogram_counts_every_spot_once_beside_the_null_as_a_band() -> None:
    canvas, encoder = layered()
    found = evidence(of(canvas, encoder, patch(canvas.places, 12, 30)), canvas, encoder, n_null=40)
    histogram = found.histogram(n_bins=8)
    assert len(histogram.edges) == 9
    assert histogram.inside.sum() == pytest.approx(1)
    assert histogram.outside.sum() == pytest.approx(1)
    assert (histogram.null_low <= histogram.null_high).all()
    assert (histogram.null_high > 0).any()


@pytest.mark.parametrize("after", [1, 8, 20])
def test_evidence_can_be_cancelled_at_any_step(after: int) -> None:
    canvas, encoder = layered()
    seen: list[Step] = []

    def stop(step: Step) -> None:
        seen.append(step)
        if len(seen) == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        evidence(of(canvas, encoder, patch(canvas.places, 16, 30)), canvas, encoder, n_null=320, report=stop)
    assert len(seen) == after


def test_genes_that_share_a_layer_go_together_and_others_do_not() -> None:
    canvas, encoder = layered()
    shared = concept("shared", canvas, encoder, items=[f"Gene{i}" for i in range(8)])
    mixed = concept("mixed", canvas, encoder, items=["Gene1", "Gene30", "Gene45", "Gene50", "Gene58"])
    found = evidence(shared, canvas, encoder, n_null=99)
    assert found.auroc > 0.8
    assert found.sentence.startswith("8 genes; they go together with AUROC .8")
    assert found.sentence.endswith("; random genes, found as often, do as well less than once in 100.")
    other = evidence(mixed, canvas, encoder, n_null=99)
    assert other.p_random > 0.05
    assert "not distinguishable from random genes" in other.sentence


def test_neighbours_of_a_gene_are_tested_on_the_half_that_did_not_choose_them() -> None:
    canvas, encoder = layered()
    made = concept("like", canvas, encoder, like="Gene3", neighbours=6)
    found = evidence(made, canvas, encoder, n_null=50)
    assert len(found.chosen) == 2
    assert all(genes[0] == "Gene3" and len(genes) == 6 for genes in found.chosen)
    assert "in spots hidden while they were chosen" in found.sentence
    assert len(found.table(canvas)) == len(found.scores)


def test_genes_chosen_by_a_network_that_has_learned_nothing_pass_as_often_as_chance() -> None:
    canvas = noise_section(n_genes=60, seed=4).view("genes")
    encoder = tiny_encoder(canvas.shape)
    p = [
        evidence(concept("like", canvas, encoder, like=f"Gene{i}", neighbours=8), canvas, encoder, n_null=39).p
        for i in range(24)
    ]
    assert np.mean(np.array(p) <= 0.1) <= 0.25


@pytest.mark.parametrize(
    ("made_from", "told"),
    [
        ({"items": ["Gene1"]}, "one gene, which has nothing to agree with"),
        ({"region": Region.from_mask("two", np.arange(120) < 2)}, "too few on one side to hold some of them back"),
    ],
)
def test_what_cannot_be_tested_is_told(made_from: dict[str, object], told: str) -> None:
    canvas, encoder = layered()
    made = concept("small", canvas, encoder, **made_from)
    with pytest.raises(InputError, match=told):
        evidence(made, canvas, encoder)


def test_settings_out_of_range_and_other_encoders_are_told() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2"])
    with pytest.raises(InputError, match="n_null=0"):
        evidence(made, at.canvas, at.encoder, n_null=0)
    with pytest.raises(MismatchError, match="another encoder"):
        evidence(made, at.canvas, tiny_encoder(at.encoder.shape, seed=5))


def told(p_random: float, p_shape: float | None, value: float = 0.87) -> Evidence:
    """Evidence with these numbers, of 12 spots."""
    null = Null(np.zeros(999), np.zeros((999, 12)))
    return Evidence(
        definition=of(*layered(), patch(layered()[0].places, 12, 30)).definition,
        encoder="",
        counted="spots",
        scores=np.zeros(120),
        inside=np.arange(120) < 12,
        folds=np.zeros(120, dtype=int),
        auroc=value,
        decoded_auroc=None,
        chosen=(),
        random=null,
        p_random=p_random,
        shape=None if p_shape is None else null,
        p_shape=p_shape,
    )


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (told(0.001, 0.03), "an arbitrary patch of this shape does as well 3 times in 100."),
        (told(0.001, 0.002), "an arbitrary patch of this shape does as well 2 times in 1,000."),
        (told(0.001, 0.001), "an arbitrary patch of this shape does as well less than once in 1,000."),
        (told(0.001, 0.01), "an arbitrary patch of this shape does as well once in 100."),
        (told(0.02, None), "a random selection of as many spots does as well 2 times in 100."),
        (
            told(0.001, 0.31),
            "not distinguishable from a random patch (an arbitrary patch of this shape does as well 31 times in 100).",
        ),
        (
            told(0.2, None),
            (
                "not distinguishable from a random selection of as many spots "
                "(a random selection of as many spots does as well 20 times in 100)."
            ),
        ),
    ],
)
def test_evidence_is_one_plain_sentence(found: Evidence, sentence: str) -> None:
    assert found.sentence == f"12 spots; others like them are found with AUROC .87; {sentence}"


def test_a_concept_has_to_beat_both_nulls() -> None:
    assert told(0.2, 0.01).p == 0.2
    assert told(0.01, 0.2).p == 0.2


def test_holm_is_the_textbooks() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1.0, 1.0])
    assert len(holm([])) == 0


def test_several_concepts_are_corrected_for_how_many_were_tried() -> None:
    first, second, third = corrected([told(0.001, 0.02), told(0.001, 0.001), told(0.3, 0.2)])
    assert (first.p, second.p, third.p) == pytest.approx((0.04, 0.003, 0.3))
    assert first.sentence.endswith("does as well 2 times in 100; corrected for 3 concepts, p .040.")
    assert third.sentence.endswith("does as well 30 times in 100; corrected for 3 concepts, p .300).")
    again = corrected([first, second, third])
    assert [each.p for each in again] == [first.p, second.p, third.p]
    assert replace(first, p_corrected=None).p == 0.02


def test_a_concept_that_stops_holding_among_many_is_told_as_it_is_alone_and_as_corrected() -> None:
    first, *_ = corrected([told(0.001, 0.03)] * 2)
    assert not first.holds
    assert not first.has_too_few_nulls
    assert first.sentence.endswith(
        "; not distinguishable from a random patch "
        "(an arbitrary patch of this shape does as well 3 times in 100; corrected for 2 concepts, p .060)."
    )
    assert evidence_words(first) == "not told from chance"


@pytest.mark.parametrize(("tried", "few"), [(1, False), (50, False), (51, True)])
def test_nulls_that_could_not_show_enough_are_said_to_be_too_few(tried: int, few: bool) -> None:
    found = corrected([told(0.001, 0.001)] * tried)[0]
    assert found.has_too_few_nulls is few
    assert found.holds is not few
    if few:
        assert found.sentence.endswith(
            "; an arbitrary patch of this shape does as well less than once in 1,000, but with 51 concepts tried, "
            "999 regions without meaning are too few to tell; use more."
        )
    assert evidence_words(found) == ("too few nulls" if few else f"AUROC .87  p {tried / 1000:.3f}".replace("0.", "."))


def test_so_few_nulls_cannot_tell_even_one_concept() -> None:
    nine = Null(np.zeros(9), np.zeros((9, 12)))
    found = replace(told(0.1, 0.1), random=nine, shape=nine)
    assert found.has_too_few_nulls
    assert found.sentence.endswith("in 10, but 9 regions without meaning are too few to tell; use more.")
    genes = replace(found, shape=None, p_shape=None, counted="genes", chosen=(("a", "b"),))
    assert genes.sentence.endswith("but 9 random sets of genes are too few to tell; use more.")
    one = Null(np.zeros(1), np.zeros((1, 12)))
    alone = replace(told(0.5, None), random=one)
    assert alone.sentence.endswith("in 2, but one region without meaning is too few to tell; use more.")
    assert not replace(found, p_random=0.4).has_too_few_nulls, "it is like chance, however many there are"


def test_a_shape_with_few_places_is_not_asked_for_more() -> None:
    places = Null(np.zeros(20), np.zeros((20, 12)))
    found, *_ = corrected([replace(told(0.001, 1 / 21), shape=places)] * 2)
    assert found.sentence.endswith("tried, the 20 places that the tissue has for this shape are too few to tell.")


def test_combinations_and_units_have_no_evidence_of_their_own() -> None:
    at = scene()
    a, b = (concept(name, at.canvas, at.encoder, like=name, neighbours=3) for name in ("Gene1", "Gene6"))
    with pytest.raises(InputError, match=r"A combination has no evidence of its own.*Gene1 minus Gene6.*each part"):
        evidence(a - b, at.canvas, at.encoder)
    with pytest.raises(InputError, match="A unit or a class has no evidence"):
        evidence(concept("unit", at.canvas, at.encoder, unit=0), at.canvas, at.encoder)


def test_concepts_of_a_layer_are_tested_with_neighbours_in_that_layer() -> None:
    canvas, encoder = layered()
    like = concept("like", canvas, encoder, like="Gene3", neighbours=8, space="conv1")
    found = evidence(like, canvas, encoder, n_null=19)
    assert all("Gene3" in chosen for chosen in found.chosen)
    in_latents = evidence(concept("like", canvas, encoder, like="Gene3", neighbours=8), canvas, encoder, n_null=19)
    assert found.chosen != in_latents.chosen
    region = Region.from_obs("layer", "inner")
    found = evidence(concept("inner", canvas, encoder, region=region, space="conv1"), canvas, encoder, n_null=19)
    assert found.decoded_auroc is None
