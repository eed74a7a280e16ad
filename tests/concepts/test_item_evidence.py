"""Evidence on pictures and on patches of slides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

import conceptstain as cs
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.region import Region
from conceptstain.concepts import item_evidence as module
from conceptstain.concepts.concept import concept
from conceptstain.concepts.cross_fit import cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.evidence import corrected, evidence
from conceptstain.concepts.item_evidence import ItemGround, ItemScorer, ground_of
from conceptstain.concepts.latents import kept_latents, latents_of
from conceptstain.concepts.nulls import null_of, random_selections
from conceptstain.errors import InputError
from factories import tiny_encoder
from pictures import noise
from strategies import laws
from twins.item_evidence import crossed

RNG = np.random.default_rng(7)
BRIGHT = np.arange(60) < 24


@pytest.fixture(scope="module")
def encoder():
    return tiny_encoder((1, 8, 8), scaling="unit")


@pytest.fixture(scope="module")
def canvas():
    """Sixty pictures, of which the first 24 have a bright corner."""
    pixels = noise(60, 8, 8, seed=2) // 2
    pixels[BRIGHT, :4, :4] += 100
    return cs.open(pixels, as_="images").view(frame=8)


@pytest.fixture(scope="module")
def patches():
    """A slide with a bright square from row and column 20 to 60."""
    pixels = noise(96, 96, seed=3) // 2
    pixels[20:60, 20:60] += 90
    return cs.open(pixels, as_="slide").view(size=8, stride=4, background="keep")


SQUARE = Region.from_polygon("square", np.array([[20.0, 20], [20, 60], [60, 60], [60, 20]]) - 0.5)


def nowhere(n):
    return ItemGround(np.arange(n), np.empty((n, 0)))


@laws
@given(seed=st.integers(0, 999), n=st.integers(8, 40), form=st.sampled_from(["contrast", "mean"]))
def test_hidden_pictures_are_scored_as_the_slow_twin_does(seed, n, form):
    rng = np.random.default_rng(seed)
    latents, inside = rng.normal(size=(n, 3)) + 1, rng.permutation(n) < max(3, n // 3)
    tested = nowhere(n)
    folds = folds_of(inside, tested.places)
    found = cross_fitted(inside, folds, ItemScorer(latents, tested, form))
    np.testing.assert_allclose(found, crossed(latents, inside, folds, None, form), atol=1e-9)


@laws
@given(seed=st.integers(0, 999), stride=st.sampled_from([3, 4, 8]))
def test_what_shares_a_pixel_with_a_hidden_patch_is_out_of_sight(seed, stride):
    rng = np.random.default_rng(seed)
    slide = cs.open(noise(40, 48), as_="slide")
    canvas = slide.view(size=8, stride=stride, background="keep")
    kept = np.sort(rng.permutation(len(canvas))[: len(canvas) * 2 // 3])
    inside = rng.random(len(kept)) < 0.4
    tested = ground_of(canvas, kept, kept[inside])
    latents = rng.normal(size=(len(kept), 3))
    folds = folds_of(inside, tested.places)
    starts = canvas.corners[kept] * stride
    boxes = np.hstack([starts, starts + 8])
    found = cross_fitted(inside, folds, ItemScorer(latents, tested, "contrast"))
    np.testing.assert_allclose(found, crossed(latents, inside, folds, boxes), atol=1e-9)


@pytest.mark.parametrize("kind", ["pictures", "patches", "few patches"])
def test_random_selections_have_an_auroc_of_one_half_and_any_p_as_often_as_another(kind):
    if kind == "pictures":
        tested, n = nowhere(80), 25
    else:
        canvas = cs.open(noise(64, 64), as_="slide").view(size=8, stride=4, background="keep")
        tested, n = ground_of(canvas, np.arange(len(canvas)), np.arange(30)), 40 if kind == "patches" else 8
    # Latents that are alike in neighbours, as those of patches that overlap are.
    rng = np.random.default_rng(5)
    fields = gaussian_filter(rng.normal(size=(16, 16, 4)), (1.5, 1.5, 0)).reshape(-1, 4)
    latents = fields[: len(tested.items)] / fields.std()
    scorer = ItemScorer(latents, tested, "contrast")
    regions = random_selections(n, len(tested.items), number=400, seed=1)
    null = null_of(regions, tested.places, scorer)
    error = null.aurocs.std() / np.sqrt(len(null.aurocs))
    assert abs(null.aurocs.mean() - 0.5) < 3 * error
    ranks = [(1 + (null.aurocs[:200] >= each).sum()) / 201 for each in null.aurocs[200:]]
    assert np.mean(np.array(ranks) <= 0.05) < 0.12
    assert abs(np.mean(ranks) - 0.5) < 0.1


def test_a_concept_that_pictures_share_is_found_and_one_of_nothing_is_not(canvas, encoder):
    names = np.array(canvas.item_names)
    real = concept("bright", canvas, encoder, items=list(names[BRIGHT]), against=list(names[~BRIGHT]))
    mixed = np.random.default_rng(4).permutation(60) < 24
    none = concept("none", canvas, encoder, items=list(names[mixed]))
    found, other = corrected([evidence(each, canvas, encoder, n_null=99) for each in (real, none)])
    assert found.auroc > 0.9
    assert found.holds
    assert found.shape is None
    assert found.sentence.startswith("24 pictures against 36; others like them are found with AUROC")
    assert "a random selection of as many pictures does as well less than once in 100" in found.sentence
    assert "corrected for 2 concepts, p .020" in found.sentence
    assert "not distinguishable from a random selection of as many pictures" in other.sentence
    table = found.table(canvas)
    assert table.index.name == "picture"
    assert list(table.index[table["inside"]]) == list(names[BRIGHT])
    parts = found.histogram(8)
    assert parts.inside.sum() == pytest.approx(1)
    assert parts.outside.sum() == pytest.approx(1)


def test_named_negatives_are_all_that_is_tested(canvas, encoder):
    names = list(canvas.item_names)
    found = evidence(concept("it", canvas, encoder, items=names[:8], against=names[30:40]), canvas, encoder, n_null=19)
    assert found.items == tuple(names[:8] + names[30:40])
    assert found.number == 8
    assert any("made of 8 pictures" in note for note in found.notes)


def test_permuting_the_pictures_permutes_what_is_tested(encoder):
    pixels = noise(20, 8, 8, seed=2)
    order = np.random.default_rng(0).permutation(20)
    chosen = np.arange(20) < 7
    scores = []
    for index in (np.arange(20), order):
        canvas = cs.open(pixels[index], as_="images").view(frame=8)
        latents = encoder.latents(canvas)
        inside = chosen[index]
        folds = (np.arange(20) % 4)[index]
        found = cross_fitted(inside, folds, ItemScorer(latents, nowhere(20), "contrast"))
        scores.append(found)
    np.testing.assert_allclose(scores[0][order], scores[1], atol=1e-5)


def test_a_region_of_a_slide_is_tested_against_its_shape_elsewhere(patches, encoder):
    made = concept("square", patches, encoder, region=SQUARE)
    found = evidence(made, patches, encoder, n_null=39)
    assert found.counted == "patches"
    assert found.auroc > 0.95
    assert found.shape is not None
    assert "an arbitrary area of this shape does as well" in found.sentence
    partly = len(patches) - len(found.items)
    assert partly > 0
    assert any("partly covered count as outside" in note for note in found.notes)
    assert found.settings["auroc beside nulls"] <= found.auroc
    tested = ground_of(patches, np.arange(len(patches)), np.arange(5))
    inside = np.isin(patches.item_names, made.items)
    folds = folds_of(inside, tested.places)
    scorer = ItemScorer(encoder.latents(patches), tested, "contrast")
    value = fold_auroc(cross_fitted(inside, folds, scorer), inside, folds)
    assert found.settings["auroc beside nulls"] == pytest.approx(value)


def test_of_many_patches_a_coarser_grid_is_tested_as_long_as_it_leaves_positives(patches, monkeypatch):
    monkeypatch.setattr(module, "MOST_PATCHES", 150)
    everything = np.arange(len(patches))
    square = np.flatnonzero((np.abs(patches.corners * 4 - 36) <= 16).all(axis=1))
    tested = ground_of(patches, everything, square)
    assert tested.apart == 2
    assert tested.reach == 0
    assert len(tested.items) <= 150
    assert ground_of(patches, everything, square) is tested
    assert ground_of(patches, everything, square[:4]).apart == 1


def test_what_has_no_evidence_is_told(canvas, patches, encoder):
    like = concept("like", canvas, encoder, like="3", neighbours=5)
    with pytest.raises(InputError, match="Latent neighbours have no evidence"):
        evidence(like, canvas, encoder)
    with pytest.raises(InputError, match="too few on one side"):
        evidence(concept("two", canvas, encoder, items=["0", "1"]), canvas, encoder)
    with pytest.raises(InputError, match="A unit or a class has no evidence"):
        evidence(concept("unit", patches, encoder, unit=0), patches, encoder)


def reading(monkeypatch) -> list[int]:
    """The patches that are read from now on, in order."""
    read: list[int] = []
    plain = ImagePatches.inputs

    def spied(self, items):
        read.extend(map(int, items))
        return plain(self, items)

    monkeypatch.setattr(ImagePatches, "inputs", spied)
    return read


@pytest.mark.parametrize("form", ["contrast", "whitened"])
def test_patches_that_are_not_tested_are_not_read_and_the_evidence_is_the_same(patches, encoder, monkeypatch, form):
    monkeypatch.setattr(module, "MOST_PATCHES", 150)
    patches, encoded = replace(patches), replace(patches)  # the same patches; of the second all are encoded already
    made = concept("square", patches, encoder, region=SQUARE, form=form)
    latents_of(encoded, encoder)
    read = reading(monkeypatch)
    found = evidence(made, patches, encoder, n_null=19)
    assert kept_latents(patches, encoder) is None
    assert len(read) == len(set(read)) < len(patches) / 3
    assert {patches.item(name) for name in found.items} <= set(read)
    assert (patches.corners[read] % 2 == 0).all()
    read.clear()
    beside = evidence(made, encoded, encoder, n_null=19)
    assert not read
    assert found.items == beside.items
    np.testing.assert_allclose(found.scores, beside.scores, rtol=1e-4, atol=1e-4)
    assert found.auroc == pytest.approx(beside.auroc, abs=1e-3)
    assert (found.p_random, found.p_shape) == (beside.p_random, beside.p_shape)


def test_too_few_patches_are_told_before_any_is_read(patches, encoder, monkeypatch):
    patches = replace(patches)  # none of them is encoded
    names = [f"row 3, column {column}" for column in (3, 4)]
    made = concept("two", patches, encoder, items=names)
    read = reading(monkeypatch)
    with pytest.raises(InputError, match="too few on one side"):
        evidence(made, patches, encoder)
    assert not read
