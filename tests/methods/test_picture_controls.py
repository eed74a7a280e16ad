"""What a map on pictures has to beat, and that what made a concept does not judge it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import spearmanr

import conceptstain as cs
from conceptstain.canvas.region import Region
from conceptstain.concepts import concept as concept_module
from conceptstain.concepts import sides as sides_module
from conceptstain.concepts.latents import kept_latents, latents_of
from conceptstain.methods.controls import Controls
from conceptstain.methods.maps import MAPS, map_kind
from conceptstain.methods.picture_question import MOST
from conceptstain.nets.untrained import untrained
from factories import tiny_encoder
from pictures import noise
from tiny_networks import encoder_of, tiny_vae
from twins.picture_controls import direction_without, mean_difference, pixel_auroc

SIDE, N = 16, 12
POSITIVE, NEGATIVE = [0, 2, 4, 6], [1, 3, 5, 7, 9]
PLAIN = cs.Display(absolute=True, smooth=0.0)
SETTINGS = cs.MapSettings(percentile=40, samples=4, steps=4)


@cache
def scene():
    """Twelve pictures of dark noise, every other one with a bright square; the canvas, and masks of the squares."""
    rng = np.random.default_rng(3)
    pictures = [noise(SIDE, SIDE, 3, seed=number) // 3 for number in range(N)]
    masks = np.zeros((N, SIDE, SIDE), dtype=bool)
    for number in range(0, N, 2):
        row, column = rng.integers(0, SIDE - 5, 2)
        masks[number, row : row + 5, column : column + 5] = True
        pictures[number][masks[number]] += 150
    return cs.open(pictures, as_="images").view(frame=SIDE), masks


@cache
def encoder(seed=0):
    return tiny_encoder((3, SIDE, SIDE), seed, scaling="unit")


def squares(canvas=None, positive=POSITIVE, negative=NEGATIVE):
    canvas = canvas or scene()[0]
    names = canvas.item_names
    return cs.concept("squares", canvas, encoder(), items=list(names[positive]), against=list(names[negative]))


def asked(method="gradient", **how) -> Controls:
    how = {"draws": 2, "settings": SETTINGS, **how}
    return cs.controls(scene()[0], encoder(), how.pop("concept", None) or squares(), method, **how)


def slide():
    """Dark noise with a bright square, and its outline."""
    pixels = noise(80, 80, 3) // 3
    pixels[20:55, 20:55] += 150
    corners = np.array([[20.0, 20], [20, 55], [55, 55], [55, 20]]) - 0.5
    return cs.open(pixels, as_="slide").view(size=SIDE, stride=8, background="keep"), Region.from_polygon("it", corners)


@pytest.mark.parametrize("key", [kind.key for kind in MAPS])
def test_every_map_has_its_controls(key):
    found = asked(key, masks=scene()[1])
    names = [each.name for each in found.controls]
    about_pictures = {"shuffled masks"} if key not in {"decoded", "gene-mean"} else set()
    by_network = {"mean difference", "untrained network"} if key != "gene-mean" else set()
    assert set(names) == {"random concept", "mean mask"} | by_network | about_pictures
    assert found.judged == "cross-fitted"
    assert found.items == tuple(scene()[0].item_names[POSITIVE])
    assert all(each.values.shape == (len(each.aurocs), 4) for each in found.controls)
    assert found.method == key


def test_every_picture_is_asked_about_the_concept_made_without_it():
    canvas, masks = scene()
    found = asked(masks=masks, display=PLAIN)
    z = encoder().latents(canvas)
    made = squares()
    for row, item in enumerate(POSITIVE):
        along = cs.Concept(
            made.definition, direction_without(z, POSITIVE, NEGATIVE, item), made.items, "", made.encoder, made.table
        )
        values = np.abs(cs.saliency(canvas, encoder(), along, items=[item]).values[0]).sum(axis=0)
        assert found.values[row] == pytest.approx(pixel_auroc(values, masks[item]), abs=1e-3)
    assert found.auroc == pytest.approx(found.values.mean())


def test_maps_agree_with_masks_as_they_do_elsewhere():
    canvas, masks = scene()
    found = asked(masks=masks, items=[8, 10], display=PLAIN)
    maps = np.abs(cs.saliency(canvas, encoder(), squares(), items=[8, 10]).values).sum(axis=1)
    judged = cs.agreement(maps, masks[[8, 10]])
    np.testing.assert_allclose(found.values, judged.auroc, atol=1e-3)
    assert found.interval == pytest.approx(judged.interval("auroc"), abs=1e-3)


def test_no_model_is_the_difference_of_the_mean_pictures_without_the_one_asked_about():
    canvas, masks = scene()
    control = asked(masks=masks, display=PLAIN).control("mean difference")
    pictures = canvas.inputs(range(N))
    for row, item in enumerate(POSITIVE):
        image = np.abs(mean_difference(pictures, POSITIVE, NEGATIVE, item)).sum(axis=0)
        assert control.values[0, row] == pytest.approx(pixel_auroc(image, masks[item]), abs=1e-3)  # ties in float32


def test_an_untrained_network_makes_the_same_concept_anew():
    canvas, masks = scene()
    control = asked(masks=masks, display=PLAIN).control("untrained network")
    assert len(control.values) == 3
    twin = untrained(encoder(), seed=1)
    made = cs.concept("same", canvas, twin, items=squares().items, against=list(canvas.item_names[NEGATIVE]))
    z = twin.latents(canvas)
    item = POSITIVE[2]
    along = cs.Concept(
        made.definition, direction_without(z, POSITIVE, NEGATIVE, item), made.items, "", made.encoder, made.table
    )
    values = np.abs(cs.saliency(canvas, twin, along, items=[item]).values[0]).sum(axis=0)
    assert control.values[1, 2] == pytest.approx(pixel_auroc(values, masks[item]), abs=1e-3)


def test_the_mean_mask_is_that_of_the_other_pictures_that_made_the_concept():
    masks = scene()[1]
    control = asked(masks=masks).control("mean mask")
    for row, item in enumerate(POSITIVE):
        others = np.mean([masks[each] for each in POSITIVE if each != item], axis=0)
        assert control.values[0, row] == pytest.approx(pixel_auroc(others, masks[item]))


def test_a_map_that_is_its_own_control_correlates_by_1():
    found = asked("attention", display=PLAIN)
    np.testing.assert_allclose(found.control("random concept").correlations, 1)  # attention does not hear the concept
    assert "A random concept gives as good a map" in " ".join(found.sentences)


def test_without_masks_maps_are_compared_by_rank_picture_by_picture():
    canvas, _ = scene()
    found = asked(items=[8, 10], display=PLAIN)
    assert (found.judged, found.auroc, found.interval.mean) == ("none", None, pytest.approx(np.nan, nan_ok=True))
    own = np.abs(cs.saliency(canvas, encoder(), squares(), items=[8, 10]).values).sum(axis=1)
    image = np.abs(mean_difference(canvas.inputs(range(N)), POSITIVE, NEGATIVE, -1)).sum(axis=0)
    control = found.control("mean difference")
    expected = [spearmanr(each.ravel(), image.ravel()).statistic for each in own]
    np.testing.assert_allclose(control.values[0], expected, atol=1e-3)
    assert control.correlation == pytest.approx(control.values.mean())
    assert found.control("mean mask") is None
    assert found.sentences[-1].startswith("No control draws the same map; without masks")


def test_masks_that_are_all_alike_are_found_as_well_when_shuffled():
    same = np.broadcast_to(scene()[1][0], (N, SIDE, SIDE))
    found = asked(masks=same)
    control = found.control("shuffled masks")
    np.testing.assert_allclose(control.values, np.broadcast_to(found.values, control.values.shape))
    assert any("masks of others as well" in each for each in found.sentences)


def test_a_picture_is_judged_alike_whatever_is_asked_with_it():
    masks = scene()[1]
    together, turned, alone = (asked(masks=masks, items=items) for items in ([0, 4, 8], [8, 0, 4], [4]))
    assert together.items == turned.items
    np.testing.assert_array_equal(together.values, turned.values)
    np.testing.assert_allclose(alone.values[0], together.values[1])
    for name in ("mean difference", "untrained network", "mean mask"):
        np.testing.assert_allclose(alone.control(name).values[:, 0], together.control(name).values[:, 1], atol=1e-6)
    assert alone.control("shuffled masks") is None


def test_a_picture_that_had_no_part_is_asked_about_the_concept_itself():
    canvas, masks = scene()
    found = asked(masks={canvas.item_names[8]: masks[8]}, items=[8])
    assert found.judged == "plain"
    own = np.abs(cs.saliency(canvas, encoder(), squares(), items=[8]).values[0]).sum(axis=0)
    plain = asked(masks=masks, items=[8], display=PLAIN)
    assert plain.values[0] == pytest.approx(pixel_auroc(own, masks[8]), abs=1e-3)


def test_masks_come_by_name_by_index_or_in_order():
    canvas, masks = scene()
    by_name = asked(masks={str(canvas.item_names[item]): masks[item] for item in POSITIVE})
    by_index = asked(masks={item: masks[item] for item in POSITIVE})
    in_order = asked(masks=[masks[item] for item in POSITIVE], items=POSITIVE)
    with_gaps = asked(masks=[masks[item] if item in POSITIVE else None for item in range(N)])
    for other in (by_index, in_order, with_gaps):
        np.testing.assert_array_equal(by_name.values, other.values)


def test_pictures_of_several_sizes_are_judged_where_they_lie_on_the_frame():
    sizes = ((16, 24), (20, 16), (16, 16), (24, 16))
    pictures = [noise(*sizes[number % 4], 3, seed=number) for number in range(8)]
    masks = []
    for picture in pictures:
        masks.append(np.zeros(picture.shape[:2], dtype=bool))
        masks[-1][4:12, 4:12] = True
    canvas = cs.open(pictures, as_="images").view(frame=SIDE)
    made = cs.concept("four", canvas, encoder(), items=list(canvas.item_names[:4]))
    found = cs.controls(canvas, encoder(), made, masks=masks, draws=1)
    assert len(found.items) == 4
    own = found.control("mean mask").values[0]
    assert (own > 0.6).all()
    assert (own < 1).any()  # of other sizes


def test_a_concept_of_other_pictures_judges_those_that_it_never_saw():
    canvas, masks = scene()
    other = cs.open(list(noise(6, SIDE, SIDE, 3, seed=9)), as_="images").view(frame=SIDE)
    made = cs.concept("others", other, encoder(), items=list(other.item_names[:3]))
    found = cs.controls(canvas, encoder(), made, masks=masks, made_on=other, draws=1)
    assert found.judged == "plain"
    assert set(found.items) == set(canvas.item_names[::2])  # those with a mask
    with pytest.raises(cs.MismatchError, match=r"not what these pictures make.*made_on"):
        cs.controls(canvas, encoder(), squares(positive=[0], negative=[1]) + made, masks=masks, draws=1)


def test_a_concept_of_one_slide_is_asked_about_on_another():
    (canvas, region), other = slide(), cs.open(noise(120, 120, 3, seed=5), as_="slide")
    larger = other.view(size=SIDE, stride=8, background="keep")
    made = cs.concept("it", canvas, encoder(), region=region)
    found = cs.controls(larger, encoder(), made, region=region, made_on=canvas, draws=1)
    assert found.judged == "plain"
    assert found.control("mean mask") is not None
    with pytest.raises(cs.MismatchError, match="View both with the same frame"):
        cs.controls(other.view(size=8, background="keep"), encoder(), made, made_on=canvas)


def test_few_pictures_are_asked_about_unless_they_are_named():
    pictures = list(noise(60, SIDE, SIDE, 3))
    canvas = cs.open(pictures, as_="images").view(frame=SIDE)
    made = cs.concept("many", canvas, encoder(), items=list(canvas.item_names[:40]))
    assert len(cs.controls(canvas, encoder(), made, "gene-mean", draws=1).items) == MOST
    assert len(cs.controls(canvas, encoder(), made, "gene-mean", draws=1, items=range(30)).items) == 30


@pytest.mark.parametrize("form", ["mean", "contrast", "whitened"])
def test_concepts_of_every_form_and_their_combinations_have_controls(form):
    canvas, masks = scene()
    names = list(canvas.item_names)
    one = cs.concept("one", canvas, encoder(), items=names[:4], form=form)
    other = cs.concept("other", canvas, encoder(), items=names[5:9], form=form)
    for made in (one, one - other):
        found = asked(concept=made, masks=masks)
        assert len(found.controls) == 5
        assert np.isfinite(found.table().drop(columns=["map", "control", "judged"]).to_numpy()).all()


def test_a_concept_of_a_layer_and_one_like_a_picture_have_controls():
    canvas, masks = scene()
    for made in (
        cs.concept("layer", canvas, encoder(), items=list(canvas.item_names[:4]), space="chain.conv2"),
        cs.concept("like", canvas, encoder(), like=canvas.item_names[0], neighbours=5),
    ):
        assert asked(concept=made, masks=masks).judged == "cross-fitted"


def test_the_region_that_made_a_concept_of_patches_judges_it_where_its_border_lies():
    canvas, region = slide()
    made = cs.concept("it", canvas, encoder(), region=region)
    found = cs.controls(canvas, encoder(), made, draws=1)
    assert found.judged == "cross-fitted"
    assert found.noun == "patch"
    for name in found.items:
        covered = region.selector.covers(canvas.to_world(canvas.item(name)), (SIDE, SIDE))
        assert 0 < covered.mean() < 1


def test_nothing_that_shares_a_pixel_with_a_patch_has_a_part_in_its_concept(monkeypatch):
    canvas, region = slide()
    made = cs.concept("it", canvas, encoder(), region=region)
    seen = {}
    kind = map_kind("gradient")
    plain = type(kind).make

    def spied(self, canvas, encoder, concept, *, items=None, **how):
        seen.setdefault(int(items[0]), concept)
        return plain(self, canvas, encoder, concept, items=items, **how)

    monkeypatch.setattr(type(kind), "make", spied)
    found = cs.controls(canvas, encoder(), made, draws=1)
    for item, concept in seen.items():
        used = [canvas.item(name) for name in concept.items]
        apart = np.abs(canvas.corners[used] - canvas.corners[item]).max(axis=1) * canvas.settings.step
        assert (apart >= SIDE).all()
    assert set(seen) == {canvas.item(name) for name in found.items}


def test_controls_of_patches_encode_what_made_the_concept_and_random_ones_and_are_the_same(monkeypatch):
    canvas, region = slide()
    for home in (concept_module, sides_module):
        monkeypatch.setattr(home, "MOST_PATCHES", 8)
    made = cs.concept("it", canvas, encoder(), region=region)
    assert len(made.items) > 8
    encoded = replace(canvas)  # the same patches, of which all are encoded already
    latents_of(encoded, encoder())
    found, beside = (cs.controls(each, encoder(), made, "gradient", draws=1) for each in (canvas, encoded))
    assert kept_latents(canvas, encoder()) is None
    np.testing.assert_allclose(found.values, beside.values, atol=1e-3)
    for one, other in zip(found.controls, beside.controls, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-3)
    sides = sides_module.sides_of(made, canvas, encoder())
    assert len(sides.items) == 16
    np.testing.assert_allclose(sides.made_by(encoder(), sides.latents_by(encoder())).direction, made.direction, 1e-4)


def test_what_made_a_concept_alone_does_not_judge_it():
    canvas, masks = scene()
    made = cs.concept("one", canvas, encoder(), items=[canvas.item_names[0]])
    found = asked(concept=made, masks=masks)
    assert (found.judged, found.auroc) == ("none", None)
    assert found.control("mean mask") is None


def test_controls_repeat_with_their_seed():
    masks = scene()[1]
    one, same, other = (asked(masks=masks, seed=seed) for seed in (1, 1, 2))
    for name in ("random concept", "untrained network"):
        first, second, third = (found.control(name).values for found in (one, same, other))
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, third)


def test_the_table_has_the_interval_of_every_row():
    table = asked(masks=scene()[1]).table()
    assert list(table["control"]) == [
        "",
        "mean difference",
        *2 * ["random concept"],
        *3 * ["untrained network"],
        "mean mask",
        *2 * ["shuffled masks"],
    ]
    assert (table["low"] <= table["auroc"]).all()
    assert (table["auroc"] <= table["high"]).all()


def test_networks_that_keep_what_they_learned_have_no_untrained_twin():
    canvas, masks = scene()
    network = tiny_vae((3, SIDE, SIDE)).float()
    network.register_parameter("learned", type(network.mean.weight)(network.mean.weight.detach()[:1].clone()))
    keeping = encoder_of(network, (3, SIDE, SIDE), scaling="unit")
    made = cs.concept("squares", canvas, keeping, items=list(canvas.item_names[POSITIVE]))
    assert cs.controls(canvas, keeping, made, masks=masks, draws=1).control("untrained network") is None


def test_what_cannot_be_controlled_is_refused():
    canvas, masks = scene()
    with pytest.raises(cs.InputError, match="A unit or a class is not made of pictures"):
        asked(concept=cs.concept("unit", canvas, encoder(), unit=1))
    with pytest.raises(cs.InputError, match="No picture can be judged by its mask"):
        asked(masks=np.zeros_like(masks))
    with pytest.raises(cs.InputError, match=r"not of the picture .*shape \(3, 3\)"):
        asked(masks={0: np.ones((3, 3))})
    with pytest.raises(cs.InputError, match=r"one mask for each picture\. Got 2 masks for 12 pictures"):
        asked(masks=masks[:2])
    with pytest.raises(cs.InputError, match="covers nothing of these pictures"):
        asked(region=slide()[1])
    with pytest.raises(cs.InputError, match="masks or by a region"):
        asked(region=slide()[1], masks=masks)
    with pytest.raises(cs.InputError, match="no such item"):
        asked(items=[99])
    with pytest.raises(cs.InputError, match="no map of that name"):
        asked("magic")
    with pytest.raises(cs.MismatchError, match="another encoder"):
        cs.controls(canvas, encoder(4), squares())
    with pytest.raises(cs.InputError, match=r"Too few pictures are left.*Got 1 of 9 pictures"):
        asked(items=[*POSITIVE, *NEGATIVE[:-1]])


def test_pixels_that_a_network_cannot_be_asked_about_are_refused_in_words():
    canvas, _ = scene()
    dense = encoder_of(tiny_vae((3, SIDE, SIDE), kind="dense").float(), (3, SIDE, SIDE), scaling="unit")
    made = cs.concept("squares", canvas, dense, items=list(canvas.item_names[POSITIVE]))
    with pytest.raises(cs.MismatchError, match="Grad-CAM cannot be made with this encoder"):
        cs.controls(canvas, dense, made, "grad-cam")


def test_cancelling_stops_between_maps():
    def stop(step):
        if step.message == "Drawing random concepts":
            raise cs.Cancelled

    with pytest.raises(cs.Cancelled):
        asked(report=stop)
