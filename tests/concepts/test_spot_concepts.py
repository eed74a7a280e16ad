from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr, zscore

from conceptstain.canvas.region import Region
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.concept import concept
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.groups import Groups, against_others
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.spot_concepts import SpotConceptSettings, spot_concepts
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.decoded import decoded
from conceptstain.methods.saliency import saliency
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.profile_vae import ProfileVAE, ProfileVAESettings
from conceptstain.progress import Step
from factories import tiny_section
from strategies import reordered, with_matrix

PLAIN = SpotConceptSettings("plain", contrast=False, context=0.0)


@cache
def canvas() -> SpotProfiles:
    return tiny_section(8, 9).view("spots")


@cache
def encoders(number: int = 3, likelihood: str = "gaussian") -> tuple[Encoder, ...]:
    """Untrained ones: a random projection keeps what is far apart apart."""
    features = canvas().features
    built = ProfileVAESettings(likelihood, 4, (9,))
    return tuple(
        Encoder(
            f"e{seed}", ProfileVAE((len(features),), built, seed=seed), (len(features),), "z-score", 4, {}, features
        )
        for seed in range(number)
    )


def layer(value: str = "inner") -> Region:
    return Region.from_obs("layer", value)


def some(name: str, seed: int, size: int = 12) -> Region:
    return Region.from_mask(name, np.isin(np.arange(72), np.random.default_rng(seed).permutation(72)[:size]))


def test_a_plain_concept_scores_along_the_difference_of_the_means():
    (encoder,) = encoders(1)
    made = spot_concepts(layer(), canvas(), encoder, PLAIN)
    inside = layer().choose(canvas().section)
    latents = latents_of(canvas(), encoder).astype(float)
    difference = latents[inside].mean(axis=0) - latents[~inside].mean(axis=0)
    np.testing.assert_allclose(made.concept("inner", encoder).direction, difference, atol=1e-6)
    np.testing.assert_allclose(made.score().table["inner"], zscore(latents @ difference), atol=1e-5)


def test_it_is_the_direction_of_the_concept_made_alone():
    (encoder,) = encoders(1)
    alone = concept("inner", canvas(), encoder, region=layer())
    together = spot_concepts(layer(), canvas(), encoder, PLAIN).concept("inner", encoder)
    np.testing.assert_allclose(alone.direction, together.direction, atol=1e-6)
    assert alone.items == together.items
    assert alone.origin == f"{len(alone.items)} of 72 spots (layer = inner), against all other spots"
    assert together.origin == f"{len(alone.items)} of 72 spots (layer = inner), against the other spots"
    alone.check(encoder)
    with pytest.raises(MismatchError, match="another encoder"):
        alone.check(encoders(2)[1])


def test_concepts_drawn_together_are_contrasted_with_each_other():
    (encoder,) = encoders(1)
    regions = [some(name, seed, 11) for seed, name in enumerate("ab")]
    made = spot_concepts(regions, canvas(), encoder, SpotConceptSettings("whitened", rest=False, context=0.0))
    chosen = [region.choose(canvas().section) for region in regions]
    shared = chosen[0] & chosen[1]
    members = [np.flatnonzero(mask & ~shared) for mask in chosen]
    latents = latents_of(canvas(), encoder)
    expected = against_others(Groups.of(latents, members, whitened=True).log_densities(latents))
    np.testing.assert_allclose(made.score().table, zscore(expected, axis=0), atol=1e-9)
    assert shared.any()
    assert made.notes == (f"{shared.sum()} spots were drawn for more than one concept and count for none.",)
    assert [list(each) for each in made.members] == [list(each) for each in members]
    assert "against b" in made.concept("a", encoder).origin


@pytest.mark.parametrize(("size", "whitened"), [(14, False), (15, True)])
def test_thirty_drawn_spots_are_enough_to_whiten(size, whitened):
    (encoder,) = encoders(1)
    order = np.random.default_rng(0).permutation(72)
    regions = [
        Region.from_mask(name, np.isin(np.arange(72), part))
        for name, part in zip("ab", (order[:size], order[size : 2 * size]), strict=True)
    ]
    auto, plain, white = (
        spot_concepts(regions, canvas(), encoder, SpotConceptSettings(direction, context=0.0)).score().table
        for direction in ("auto", "plain", "whitened")
    )
    np.testing.assert_array_equal(auto, white if whitened else plain)
    assert not np.allclose(plain, white)


def test_an_ensemble_averages_the_z_scored_scores():
    made = spot_concepts(layer(), canvas(), encoders(3), PLAIN)
    singly = [spot_concepts(layer(), canvas(), each, PLAIN).score().table for each in encoders(3)]
    np.testing.assert_allclose(made.score().table, zscore(np.mean(singly, axis=0), axis=0), atol=1e-9)
    assert made.encoders == encoders(3)


def test_a_rest_of_a_few_spots_is_no_group_of_its_own():
    (encoder,) = encoders(1)
    order = np.random.default_rng(0).permutation(72)

    def scores(left_out: int, **settings) -> np.ndarray:
        drawn = order[left_out:]
        regions = [Region.from_mask(name, np.isin(np.arange(72), drawn[k::2])) for k, name in enumerate("ab")]
        return spot_concepts(regions, canvas(), encoder, SpotConceptSettings(context=0.0, **settings)).score().table

    np.testing.assert_array_equal(scores(9), scores(9, rest=False))
    assert not np.allclose(scores(10), scores(10, rest=False), atol=1e-3)


def test_singly_adds_each_score_against_all_other_spots_to_the_contrast():
    (encoder,) = encoders(1)
    regions = [some("a", 1), some("b", 2), some("c", 3)]
    apart = np.sum([region.choose(canvas().section) for region in regions], axis=0) <= 1
    own = [Region.from_mask(each.name, each.choose(canvas().section) & apart) for each in regions]

    def scores(**settings) -> np.ndarray:
        return spot_concepts(own, canvas(), encoder, SpotConceptSettings(context=0.0, **settings)).score().table

    contrast, against_rest = scores(), scores(contrast=False)
    np.testing.assert_allclose(scores(singly=True), zscore(contrast + against_rest, axis=0), atol=1e-9)
    assert not np.allclose(scores(singly=True), contrast, atol=1e-3)
    np.testing.assert_array_equal(scores(singly=True, contrast=False), against_rest)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), contrast=st.booleans(), context=st.sampled_from([0.0, None, 0.5]))
def test_scores_follow_the_order_of_regions_and_have_mean_0_and_variance_1(seed, contrast, context):
    regions = [some(name, seed + number, 14) for number, name in enumerate("abc")]
    # A weight chosen by cross-validation may jump where two are as good: rounding follows the order of the groups.
    chosen = SpotConceptSettings(contrast=contrast, context=0.0 if contrast else context)
    forwards = spot_concepts(regions, canvas(), encoders(1), chosen).score().table
    backwards = spot_concepts(regions[::-1], canvas(), encoders(1), chosen).score().table
    np.testing.assert_allclose(backwards[list("abc")], forwards, atol=1e-3)
    np.testing.assert_allclose(forwards.mean(), 0, atol=1e-9)
    np.testing.assert_allclose(forwards.std(ddof=0), 1, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_section_scored_in_another_order_has_the_same_scores(seed):
    made = spot_concepts([layer(), layer("outer")], canvas(), encoders(2))
    order = np.random.default_rng(seed).permutation(72)
    scored = made.score(reordered(canvas().section, order))
    np.testing.assert_allclose(scored.table, made.score().table.iloc[order], atol=1e-3)


def test_a_concept_finds_its_layer_on_another_section():
    made = spot_concepts([layer(), layer("outer")], canvas(), encoders(3))
    other = tiny_section(9, 8, seed=5)
    scored = made.score(other)
    assert scored.section is other
    assert list(scored.table.columns) == ["inner", "outer"]
    assert list(scored.table.index) == list(other.adata.obs_names)
    inside = layer().choose(other)
    assert auroc(scored.table["inner"].to_numpy(), inside) > 0.9
    assert auroc(scored.table["outer"].to_numpy(), ~inside) > 0.9
    assert scored.notes == ()


def test_genes_are_aligned_by_name_and_missing_ones_are_said():
    made = spot_concepts(layer(), canvas(), encoders(1), PLAIN)
    other = tiny_section(9, 8, seed=5)
    shuffled = np.random.default_rng(0).permutation(12)
    adata = other.adata[:, shuffled].copy()
    moved = replace(with_matrix(other, other.matrix.toarray()[:, shuffled]), adata=adata)
    np.testing.assert_allclose(made.score(moved).table, made.score(other).table, atol=1e-5)
    fewer = replace(with_matrix(other, other.matrix.toarray()[:, 1:]), adata=other.adata[:, 1:].copy())
    (note,) = made.score(fewer).notes
    assert note == "tiny lacks 1 of 12 genes, which is taken as average: Gene0."
    inside = layer().choose(other)
    assert auroc(made.score(fewer).table["inner"].to_numpy(), inside) > 0.8


def test_several_sections_are_scored_each_on_its_own():
    made = spot_concepts(layer(), canvas(), encoders(2), PLAIN)
    others, steps = [tiny_section(9, 8, seed=seed) for seed in (5, 6)], []
    scored = made.score_all([*others, canvas()], report=steps.append)
    for each, other in zip(scored, [*others, canvas()], strict=True):
        np.testing.assert_array_equal(each.table, made.score(other).table)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert [step.done for step in steps].count(0) > 1, "while the first is encoded"
    assert steps[-1] == Step(3, 3, "Scoring tiny")


def test_a_section_that_cannot_be_scored_is_named():
    made = spot_concepts(layer(), canvas(), encoders(1), PLAIN)
    others = [tiny_section(9, 8, seed=5), replace(tiny_section(n_genes=9), name="the other one").view("spots")]
    with pytest.raises(MismatchError, match=r"the other one cannot be scored: the encoder .*other genes"):
        made.score_all(others)


def test_a_canvas_of_other_genes_is_refused():
    made = spot_concepts(layer(), canvas(), encoders(1), PLAIN)
    with pytest.raises(MismatchError, match=r"other genes.*encoder.features"):
        made.score(tiny_section(n_genes=9).view("spots"))


def test_a_concept_is_compared_with_the_spots_it_should_be():
    (encoder,) = encoders(1)
    among = Region.from_mask("left", np.arange(72) < 40)
    made = spot_concepts(layer(), canvas(), encoder, PLAIN, among=among)
    inside = layer().choose(canvas().section)
    latents = latents_of(canvas(), encoder)
    outside = latents[~inside & (np.arange(72) < 40)].mean(axis=0)
    expected = latents[inside].mean(axis=0) - outside
    np.testing.assert_allclose(made.concept("inner", encoder).direction, expected, atol=1e-6)


def test_context_is_learned_from_ten_spots_on():
    few = spot_concepts(some("few", 0, 9), canvas(), encoders(1)).readings[0][0]
    many = spot_concepts(some("many", 0, 10), canvas(), encoders(1)).readings[0][0]
    assert few.context.weight == 0
    assert few.context.auroc == ()
    assert len(many.context.auroc) == 5
    forced = SpotConceptSettings(context=0.5)
    assert spot_concepts(some("many", 0, 10), canvas(), encoders(1), forced).readings[0][0].context.weight == 0.5
    with pytest.raises(InputError, match=r"Too few spots.*Got 9 spots for 10"):
        spot_concepts(some("few", 0, 9), canvas(), encoders(1), forced)


def test_maps_of_a_concept_of_spots_are_tables_of_genes():
    (encoder,) = encoders(1)
    made = spot_concepts(layer(), canvas(), encoder, PLAIN).concept("inner", encoder)
    for finding in (decoded(canvas(), encoder, made), saliency(canvas(), encoder, made)):
        assert list(canvas().place(finding.mean()).index) == list(canvas().features)
    assert spearmanr(saliency(canvas(), encoder, made).mean()[:8], [1] * 4 + [0] * 4).statistic > 0


def test_a_concept_of_named_spots_and_of_neighbouring_spots_can_be_made():
    (encoder,) = encoders(1)
    names = list(canvas().item_names[:3])
    latents = latents_of(canvas(), encoder)
    made = concept("three", canvas(), encoder, items=names, form="mean")
    np.testing.assert_allclose(made.direction, latents[:3].mean(axis=0), atol=1e-6)
    assert made.origin == "3 named spots"
    near = concept("near", canvas(), encoder, like=names[0], neighbours=5)
    assert near.items[0] == names[0]
    assert near.origin == f"5 spots nearest to {names[0]} in latent space, against all other spots"


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ([], "no region"),
        ([some("a", 0), some("a", 1)], "a, a"),
        ([some("a", 0), some("a2", 0)], "'a' has no spot of its own"),
        ([Region.from_mask("none", np.zeros(72, dtype=bool))], "has no spot in it"),
    ],
)
def test_what_cannot_be_made_is_told(regions, told):
    with pytest.raises(InputError, match=told):
        spot_concepts(regions, canvas(), encoders(1))


def test_settings_names_and_encoders_that_are_not_there_are_told():
    with pytest.raises(InputError, match="no encoder"):
        spot_concepts(layer(), canvas(), [])
    with pytest.raises(InputError, match="auto, plain or whitened"):
        SpotConceptSettings("diagonal")
    with pytest.raises(InputError, match="Use 0 to 1"):
        SpotConceptSettings(context=1.5)
    made = spot_concepts(layer(), canvas(), encoders(1), PLAIN)
    with pytest.raises(InputError, match=r"no concept of that name.*Choose one of: inner"):
        made.concept("outer", encoders(1)[0])
    with pytest.raises(InputError, match="not made with that encoder"):
        made.concept("inner", encoders(3)[2])


def test_the_spots_of_no_concept_are_one_more_group_to_be_unlike():
    (encoder,) = encoders(1)
    one, other = (
        some("one", 0),
        Region.from_mask("other", ~some("one", 0).choose(canvas().section) & (np.arange(72) < 20)),
    )
    alone = spot_concepts([one, other], canvas(), encoder, SpotConceptSettings("plain", rest=False, context=0.0))
    both = spot_concepts([one, other], canvas(), encoder, SpotConceptSettings("plain", context=0.0))
    latents = latents_of(canvas(), encoder)
    rest = np.flatnonzero(~one.choose(canvas().section) & ~other.choose(canvas().section))
    groups = Groups.of(latents, [*both.members, rest], whitened=False)
    np.testing.assert_allclose(
        both.score().table["one"], zscore(against_others(groups.log_densities(latents))[:, 0]), atol=1e-5
    )
    assert len(alone.readings[0][0].groups.means) == 2
    assert len(both.readings[0][0].groups.means) == 3


def test_concepts_that_leave_no_spot_out_have_no_rest():
    (encoder,) = encoders(1)
    made = spot_concepts([layer("inner"), layer("outer")], canvas(), encoder)
    assert len(made.readings[0][0].groups.means) == 2
