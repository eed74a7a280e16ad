"""What is normal: learned from items, regions or everything, and how far other items lie from it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

import conceptstain as cs
from conceptstain.concepts.normal import learn_normal
from conceptstain.errors import InputError, MismatchError
from factories import tiny_encoder, tiny_profile_encoders, tiny_section
from pictures import noise
from scenes import scene
from tiny_networks import encoder_of, tiny_vae


@cache
def pictures(n=12, seed=0):
    return cs.open([noise(8, 8, seed=seed + each) for each in range(n)], as_="images").view(frame=8)


@cache
def encoder():
    return tiny_encoder((1, 8, 8), scaling="unit")


def test_it_holds_what_the_encoder_says_of_its_items():
    canvas = pictures()
    learned = cs.normal("good", canvas, encoder(), items=[str(canvas.item_names[each]) for each in (7, 2, 5)])
    items = [canvas.item(name) for name in learned.items]
    assert sorted(items) == [2, 5, 7]
    with torch.no_grad():
        x = encoder().tensor(canvas.inputs(items))
        mean, log_var = encoder().encode(x)
        drawn = encoder().decode(mean)
    np.testing.assert_allclose(learned.mean, mean.mean(dim=0), rtol=1e-5)
    within = log_var.exp().mean(dim=0).numpy()
    np.testing.assert_allclose(learned.variance, within + mean.numpy().var(axis=0), rtol=1e-5)
    assert learned.noise == pytest.approx(float((x - drawn).square().mean()))
    assert (len(learned), learned.encoder, learned.name) == (3, encoder().fingerprint, "good")
    assert "3 named pictures" in learned.origin


def test_the_distance_is_mahalanobis_under_the_covariance_of_ledoit_and_wolf():
    learned = cs.normal("all", pictures(), encoder())
    others = encoder().latents(pictures(5, seed=40)).astype(np.float64)
    fitted = LedoitWolf().fit(learned.latents.astype(np.float64))
    np.testing.assert_allclose(learned.distance(others) ** 2, fitted.mahalanobis(others), rtol=1e-6)
    assert learned.distance(learned.mean[None]) == pytest.approx(0)


def test_stretching_the_latents_stretches_the_normal_with_them():
    learned = cs.normal("all", pictures(), encoder())
    others = encoder().latents(pictures(5, seed=40))
    wide = type(learned)(**{**vars(learned), "latents": 3 * learned.latents + 2})
    np.testing.assert_allclose(wide.distance(3 * others + 2), learned.distance(others), rtol=1e-4)


def test_what_it_was_learned_from_lies_too_near_unless_it_is_held_out():
    """Of normal data that has nothing in it, held-out distances are those of new data of the kind."""
    canvas = pictures(40)
    learned = cs.normal("noise", canvas, encoder())
    own, new = cs.deviations(canvas, encoder(), learned, cross_fitted=False), pictures(40, seed=100)
    held_out = cs.deviations(canvas, encoder(), learned)
    np.testing.assert_allclose(own, learned.distance(learned.latents))
    np.testing.assert_allclose(held_out, learned.held_out())
    assert own.mean() < held_out.mean()
    fresh = cs.deviations(new, encoder(), learned)
    assert abs(np.median(held_out) - np.median(fresh)) < abs(np.median(own) - np.median(fresh))


def test_a_held_out_item_has_no_part_in_what_it_is_held_against():
    canvas = pictures()
    learned = cs.normal("all", canvas, encoder())
    folds = learned.folds(5)
    assert sorted(np.bincount(folds)) == [2, 2, 2, 3, 3]
    row = 4
    rest = [each for each in range(len(learned)) if folds[each] != folds[row]]
    again = learn_normal("rest", canvas, encoder(), [canvas.item(learned.items[each]) for each in rest])
    assert learned.held_out()[row] == pytest.approx(again.distance(learned.latents[[row]])[0])


@pytest.mark.parametrize("n", [2, 3])
def test_a_normal_of_two_or_three_has_distances_too(n):
    canvas = pictures()
    found = cs.deviations(canvas, encoder(), learn_normal("few", canvas, encoder(), range(n)))
    assert np.isfinite(found).all()
    assert (found > 0).all()


def test_items_that_were_not_learned_from_are_held_against_all_of_it():
    canvas = pictures()
    learned = learn_normal("half", canvas, encoder(), range(6))
    found = cs.deviations(canvas, encoder(), learned, items=[9, 1])
    assert found[0] == pytest.approx(learned.distance(encoder().latents(canvas, [9]))[0])
    assert found[1] == pytest.approx(learned.held_out()[1])


def test_permuting_items_permutes_deviations():
    canvas = pictures()
    learned = learn_normal("half", canvas, encoder(), range(6))
    forward = cs.deviations(canvas, encoder(), learned, items=[9, 1, 4])
    np.testing.assert_allclose(cs.deviations(canvas, encoder(), learned, items=[4, 9, 1]), forward[[2, 0, 1]])


def test_of_spots_a_region_is_normal_and_the_others_deviate():
    section = tiny_section(9, 10, n_genes=30)
    canvas = section.view("spots")
    (spots,) = tiny_profile_encoders(canvas.features, 1)
    learned = cs.normal("inner", canvas, spots, region=cs.Region.from_obs("layer", "inner"))
    inner = section.adata.obs["layer"].to_numpy() == "inner"
    assert set(learned.items) == set(canvas.item_names[inner])
    assert np.isnan(learned.noise)
    painted = canvas.paint(cs.deviations(canvas, spots, learned))
    assert painted[~inner].mean() > painted[inner].mean()


def test_of_gene_pictures_the_genes_of_a_region_are_learned_from():
    at = scene()
    definition = cs.Definition("inner", region=cs.Region.from_obs("layer", "inner"), neighbours=4)
    learned = cs.normal_of(definition, at.canvas, at.encoder)
    assert set(learned.items) == set(
        cs.concept("inner", at.canvas, at.encoder, region=definition.region, neighbours=4).items
    )


def test_of_a_slide_the_patches_that_a_region_covers_are_learned_from_and_folds_are_neighbours():
    slide = cs.open(noise(64, 64), as_="slide")
    canvas = slide.view(size=16, background="keep")
    half = cs.Region.from_polygon("half", np.array([[-1.0, -1], [-1, 31], [65, 31], [65, -1]]))
    patches = encoder_of(tiny_vae((1, 16, 16)), (1, 16, 16), scaling="unit")
    learned = cs.normal("left", canvas, patches, region=half)
    columns = canvas.corners[[canvas.item(name) for name in learned.items], 1]
    assert columns.max() * canvas.settings.step + 8 <= 33
    assert (np.diff(learned.folds(3)) >= 0).all()


def test_of_a_combination_what_raises_it_is_normal():
    canvas = pictures()
    names = [str(name) for name in canvas.item_names]
    one, other = (
        cs.Definition(name, items=items, form="contrast")
        for name, items in (("one", (names[0], names[1])), ("other", (names[5],)))
    )
    assert set(cs.normal_of(one - other, canvas, encoder()).items) == {names[0], names[1]}
    with pytest.raises(InputError, match="Nothing raises"):
        cs.normal_of(-one, canvas, encoder())


def test_an_encoder_of_another_kind_is_refused():
    canvas = pictures()
    learned = cs.normal("all", canvas, encoder())
    with pytest.raises(MismatchError, match="belongs to another encoder"):
        cs.deviations(canvas, tiny_encoder((1, 8, 8), seed=3, scaling="unit"), learned)


def test_what_cannot_be_learned_is_refused():
    canvas = pictures()
    with pytest.raises(InputError, match="learned from one thing"):
        cs.normal("x", canvas, encoder(), items=["0"], region=cs.Region.from_obs("layer", "inner"))
    with pytest.raises(InputError, match="nothing to learn from"):
        learn_normal("x", canvas, encoder(), [])
    one = learn_normal("one", canvas, encoder(), [0])
    with pytest.raises(InputError, match="does not say how ordinary pictures vary"):
        one.distance(one.latents)
    with pytest.raises(InputError, match="without some of its pictures"):
        one.held_out()
    with pytest.raises(InputError, match="Nothing is left"):
        one.without([0])
