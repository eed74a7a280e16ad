import numpy as np
import pytest

from blobs import SIDE, blobs, concept_along, linear_encoder
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.faithfulness import perturbation, sensitivity
from conceptstain.methods.saliency import saliency
from conceptstain.progress import Cancelled
from laws import state_of

ITEMS = range(24)


def centre_weight():
    """The network reads the middle of the picture, and nothing else."""
    weight = np.zeros((SIDE, SIDE))
    weight[4:12, 4:12] = 1
    return weight


def scene():
    canvas, masks = blobs()
    encoder = linear_encoder(centre_weight())
    return canvas, masks, encoder, concept_along(encoder, [1.0])


def test_what_the_network_reads_is_deleted_and_inserted_faster_than_random_pixels():
    canvas, _, encoder, concept = scene()
    true = canvas.inputs(ITEMS)[:, 0] * centre_weight()
    found = perturbation(canvas, encoder, concept, true, ITEMS, filling="black")
    assert found.deletion_gain.low > 0
    assert found.insertion_gain.low > 0
    assert "more than random ones" in found.sentence
    assert "no more" not in found.sentence


def test_a_map_of_what_the_network_does_not_read_is_worse_than_random():
    canvas, _, encoder, concept = scene()
    false = np.broadcast_to(1 - centre_weight(), (24, SIDE, SIDE))
    found = perturbation(canvas, encoder, concept, false, ITEMS, filling="black")
    assert found.deletion_gain.high < 0
    assert found.insertion_gain.high < 0
    assert "no more than random ones" in found.sentence


def test_a_map_of_noise_is_as_good_as_random():
    canvas, _, encoder, concept = scene()
    noise = np.random.default_rng(11).random((24, SIDE, SIDE))
    found = perturbation(canvas, encoder, concept, noise, ITEMS, draws=8)
    for gain in (found.deletion_gain, found.insertion_gain):
        assert abs(gain.mean) < 0.15
    flat = perturbation(canvas, encoder, concept, np.zeros((24, SIDE, SIDE)), ITEMS, draws=8)
    assert abs(flat.deletion_gain.mean) < 0.15, "pixels that are equally important come in random order"


@pytest.mark.parametrize("filling", ["mean", "blurred", "black"])
def test_the_curves_are_those_of_their_slow_twin(filling):
    canvas, _, encoder, concept = scene()
    maps = np.random.default_rng(2).permutation(24 * SIDE * SIDE).reshape(24, SIDE, SIDE).astype(float)
    found = perturbation(canvas, encoder, concept, maps, ITEMS, filling=filling, steps=4)
    unit = found.settings["deviation"]
    for item in (0, 7):
        picture = canvas.inputs([item])[0, 0].astype(np.float64)
        filled = whole_filling(picture, filling)
        order = np.argsort(-maps[item], axis=None)
        for step, part in enumerate((0, 0.25, 0.5, 0.75, 1)):
            gone = order[: round(part * SIDE * SIDE)]
            deleted, inserted = picture.ravel().copy(), filled.ravel().copy()
            deleted[gone], inserted[gone] = filled.ravel()[gone], picture.ravel()[gone]
            weight = centre_weight().ravel()
            assert found.deletion[item, step] * unit == pytest.approx(deleted @ weight, rel=1e-4)
            assert found.insertion[item, step] * unit == pytest.approx(inserted @ weight, rel=1e-4)


def whole_filling(picture, filling):
    if filling == "mean":
        return np.full_like(picture, picture.mean())
    if filling == "black":
        return np.zeros_like(picture)
    weights = np.exp(-0.5 * (np.arange(-20, 21) / (0.1 * SIDE)) ** 2)
    reach = int(4 * 0.1 * SIDE + 0.5)
    weights[np.abs(np.arange(-20, 21)) > reach] = 0
    weights /= weights.sum()
    padded = np.pad(picture, 20, mode="edge")
    rows = sum(w * padded[i : i + SIDE, :] for i, w in enumerate(weights))
    return sum(w * rows[:, i : i + SIDE] for i, w in enumerate(weights))


@pytest.mark.parametrize("filling", ["mean", "blurred", "black"])
def test_only_places_that_hold_data_are_deleted_and_what_lies_outside_has_no_word_in_it(filling):
    canvas, _ = blobs()
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[2:12, 3:14] = True
    maps = np.random.default_rng(2).permutation(2 * SIDE * SIDE).reshape(2, SIDE, SIDE).astype(float)

    class Masked:
        def __init__(self, outside):
            self.mask, self.outside = mask, outside

        def __getattr__(self, name):
            return getattr(canvas, name)

        def __len__(self):
            return len(canvas)

        def inputs(self, items):
            return np.where(mask, canvas.inputs(items), np.float32(self.outside))

    reads_inside = linear_encoder(mask * centre_weight())
    asked = concept_along(reads_inside, [1.0])
    found, other = (
        perturbation(Masked(outside), reads_inside, asked, maps, [0, 7], filling=filling, steps=4) for outside in (0, 9)
    )
    np.testing.assert_allclose(found.deletion, other.deletion, rtol=1e-5)
    np.testing.assert_allclose(found.random_insertion, other.random_insertion, rtol=1e-5)
    unit = found.settings["deviation"]
    picture = canvas.inputs([7])[0, 0].astype(np.float64)
    within = np.flatnonzero(mask)
    gone = within[np.argsort(-maps[1].ravel()[within])][: round(0.5 * len(within))]
    left = np.where(mask, picture, 0).ravel()
    left[gone] = {"black": 0, "mean": picture[mask].mean()}.get(filling, np.nan)
    if filling != "blurred":
        weight = (mask * centre_weight()).ravel()
        assert found.deletion[1, 2] * unit == pytest.approx(left @ weight, rel=1e-4)


def test_one_item_is_too_few_to_tell():
    canvas, masks, encoder, concept = scene()
    found = perturbation(canvas, encoder, concept, masks[:1].astype(float), [0])
    assert "too few to tell" in found.sentence
    assert "deviations" not in found.sentence


def test_deletion_begins_where_insertion_ends():
    canvas, masks, encoder, concept = scene()
    found = perturbation(canvas, encoder, concept, masks.astype(float), ITEMS)
    np.testing.assert_allclose(found.deletion[:, 0], found.insertion[:, -1], rtol=1e-5)
    np.testing.assert_allclose(found.deletion[:, -1], found.insertion[:, 0], rtol=1e-5)
    assert found.table().shape == (21, 4)


def test_a_layers_concept_is_asked_for_in_its_layer():
    canvas, masks, encoder, concept = scene()
    from dataclasses import replace

    in_layer = replace(concept, definition=replace(concept.definition, space="mean"))
    one, other = (perturbation(canvas, encoder, each, masks.astype(float), ITEMS) for each in (concept, in_layer))
    np.testing.assert_allclose(one.deletion, other.deletion, rtol=1e-5)


def test_nothing_is_left_behind_also_when_it_is_cancelled():
    canvas, masks, encoder, concept = scene()
    before = str(state_of(encoder.network))

    def cancel(_step):
        raise Cancelled

    with pytest.raises(Cancelled):
        perturbation(canvas, encoder, concept, masks.astype(float), ITEMS, report=cancel)
    assert str(state_of(encoder.network)) == before


def test_what_cannot_be_tested_is_refused():
    canvas, masks, encoder, concept = scene()
    maps = masks.astype(float)
    for wrong in ({"filling": "red"}, {"steps": 0}, {"draws": 0}):
        with pytest.raises(InputError, match="cannot be tested"):
            perturbation(canvas, encoder, concept, maps, ITEMS, **wrong)
    with pytest.raises(InputError, match="cannot be tested"):
        perturbation(canvas, encoder, concept, maps[:3], ITEMS)
    other = linear_encoder(centre_weight() + 1)
    with pytest.raises(MismatchError, match="another encoder"):
        perturbation(canvas, other, concept, maps, ITEMS)


def test_a_map_that_does_not_look_at_its_input_is_not_sensitive():
    canvas, _, encoder, concept = scene()  # the gradient of a linear network is the same everywhere
    assert sensitivity(saliency, canvas, encoder, concept, ITEMS).changes.max() < 1e-6


def test_the_sensitivity_of_a_map_that_is_its_input_is_that_of_the_noise():
    from dataclasses import replace

    canvas, _, encoder, concept = scene()

    def redraw(canvas, encoder, concept, *, items):
        return replace(saliency(canvas, encoder, concept, items=items), values=canvas.inputs(items))

    found = sensitivity(redraw, canvas, encoder, concept, [3, 5], radius=0.1, draws=6, seed=4)
    for place, item in enumerate((3, 5)):
        generator = np.random.default_rng([4, item])
        noises = [generator.uniform(-0.1, 0.1, (1, SIDE, SIDE)) for _ in range(6)]
        x = canvas.inputs([item])[0]
        expected = max(np.linalg.norm(noise) for noise in noises) / np.linalg.norm(x)
        assert found.changes[place] == pytest.approx(expected, rel=1e-4)
    alone = sensitivity(redraw, canvas, encoder, concept, [5], radius=0.1, draws=6, seed=4)
    assert alone.changes[0] == pytest.approx(found.changes[1])
    assert "%" in found.sentence
    np.testing.assert_allclose(found.noise, found.changes, rtol=1e-4)
    assert found.table().shape == (2, 2)


def test_no_noise_is_laid_on_places_without_data():
    canvas, _, encoder, concept = scene()
    inputs = []

    class Narrow:
        mask = np.arange(SIDE) < 5

        def __getattr__(self, name):
            return getattr(canvas, name)

        def __len__(self):
            return len(canvas)

        def inputs(self, items):
            return canvas.inputs(items)

    def redraw(canvas, encoder, concept, *, items):
        inputs.append(canvas.inputs(items))
        return saliency(canvas, encoder, concept, items=items)

    sensitivity(redraw, Narrow(), encoder, concept, [3, 5], draws=2)
    plain, *noisy = inputs
    for each in noisy:
        changed = (each != plain).any(axis=(0, 1, 2))
        np.testing.assert_array_equal(changed, Narrow.mask)


def test_noise_of_nothing_is_refused():
    canvas, _, encoder, concept = scene()
    with pytest.raises(InputError, match="needs noise"):
        sensitivity(saliency, canvas, encoder, concept, ITEMS, radius=0)
