"""The list of checks, what each refuses, and what it says of a map."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from torch import nn

from conceptstain.concepts.concept import concept
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.checks import (
    CHECKS,
    Checked,
    CheckKind,
    check_kind,
    check_refusal,
    checked_at,
    importance,
)
from conceptstain.methods.faithfulness import Sensitivity, perturbation, sensitivity
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import ITEM_SCORE, MAPS, SPOT_SCORE, map_kind
from conceptstain.methods.randomisation import randomisation
from conceptstain.methods.saliency import saliency
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Cancelled, Step
from factories import tiny_encoder
from pictures import noise
from scenes import GENES, scene, some_direction


def test_a_check_is_found_by_its_key() -> None:
    assert [check_kind(kind.key) for kind in CHECKS] == list(CHECKS)
    with pytest.raises(InputError, match="Choose one of: randomisation, perturbation, sensitivity"):
        check_kind("magic")


def test_each_check_is_the_one_of_its_name_at_the_concepts_items() -> None:
    at = scene()
    asked = at.concept(some_direction())
    items = [at.canvas.item(name) for name in GENES]
    guided = partial(saliency, rule="guided")
    about = (at.canvas, at.encoder, asked)
    found = {kind.key: kind.make("guided", *about) for kind in CHECKS}
    assert {each.items for each in found.values()} == {GENES}
    forgets = found["randomisation"]
    expected = randomisation(guided, *about, items)
    np.testing.assert_array_equal(forgets.result.correlations, expected.correlations)
    assert forgets.gradient is not None
    np.testing.assert_array_equal(forgets.gradient.correlations, randomisation(saliency, *about, items).correlations)
    maps = np.abs(guided(*about, items=items).values).sum(axis=1)
    np.testing.assert_array_equal(found["perturbation"].result.deletion, perturbation(*about, maps, items).deletion)
    np.testing.assert_array_equal(found["sensitivity"].result.changes, sensitivity(guided, *about, items).changes)
    for each in found.values():
        assert each.sentence.startswith(each.result.sentence)
        assert each.sentence.endswith("Asked at 3 genes.")
    assert "The gradient's correlation is" in forgets.sentence
    assert list(forgets.table().columns)[3:] == ["gradient mean", "gradient low", "gradient high"]
    assert tuple(found["sensitivity"].table().index) == GENES


def test_the_gradient_is_no_yardstick_of_itself() -> None:
    at = scene()
    found = check_kind("randomisation").make("gradient", at.canvas, at.encoder, at.concept(some_direction()))
    assert found.gradient is None


def test_every_map_is_put_to_a_check_or_refused_with_a_reason() -> None:
    at = scene()
    asked = at.concept(some_direction())
    cheap, done, refused = MapSettings(steps=2, samples=2, window=4), set(), set()
    for number, kind in enumerate(MAPS):
        for check in CHECKS[number % 3 :] + CHECKS[: number % 3]:  # one check of each map is enough, another each time
            if check_refusal(check, kind.key, at.encoder) is None and kind.key not in done:
                done.add(kind.key)
                assert check.make(kind.key, at.canvas, at.encoder, asked, settings=cheap, items=[3]).sentence
            elif check_refusal(check, kind.key, at.encoder) is not None:
                refused.add((kind.key, check.key))
                with pytest.raises(MismatchError, match="cannot be checked"):
                    check.make(kind.key, at.canvas, at.encoder, asked)
    assert done == {kind.key for kind in MAPS}
    single = {(key, check) for key in ("decoded", "gene-mean") for check in ("randomisation", "sensitivity")}
    assert refused == single | {("attention", "perturbation"), ("deviation", "perturbation")}


@pytest.mark.parametrize("key", [SPOT_SCORE.key, ITEM_SCORE.key])
def test_scores_are_put_to_no_check(key: str) -> None:
    encoder = scene().encoder
    assert all("no map" in str(check_refusal(check, key, encoder)) for check in CHECKS)


def test_a_network_that_cannot_forget_is_refused_by_name() -> None:
    at = scene()

    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = at.network
            self.shift = nn.Parameter(at.encoder.tensor(np.ones(1, dtype=np.float32)))

    encoder = replace(at.encoder, network=Shifted())
    assert "shift" in str(check_refusal(check_kind("randomisation"), "gradient", encoder))
    assert check_refusal(check_kind("perturbation"), "gradient", encoder) is None


def test_pictures_and_patches_are_checked_as_genes_are() -> None:
    from conceptstain.canvas.opening import open_source

    pictures = open_source(noise(6, 16, 16, 3), as_="images").view("images", frame=16)
    patches = open_source(noise(48, 48, 3), as_="slide").view("patches", size=16)
    for canvas, noun in ((pictures, "picture"), (patches, "patch")):
        encoder: Encoder = tiny_encoder(canvas.shape, kind="convolutional", scaling="unit")
        names = [str(name) for name in canvas.item_names[:3]]
        made = concept("odd", canvas, encoder, items=names)
        for check in CHECKS:
            found = check.make("gradient", canvas, encoder, made)
            assert found.noun == noun
            assert f"Asked at 3 {'patches' if noun == 'patch' else 'pictures'}." in found.sentence


def test_of_many_items_sixteen_are_asked_from_the_first_to_the_last() -> None:
    many = np.arange(100, 150)
    chosen = checked_at(many)
    assert len(set(chosen)) == 16
    assert (chosen[0], chosen[-1]) == (100, 149)
    assert np.ptp(np.diff(chosen)) <= 1
    np.testing.assert_array_equal(checked_at(many[:9]), many[:9])
    told = Checked("sensitivity", Sensitivity("Penk", np.ones(16), 0.02, np.ones(16)), ("x",) * 16, 50, "gene")
    assert told.sentence.endswith("Asked at 16 genes of 50.")


def test_of_a_combination_the_items_that_raise_it_are_asked() -> None:
    at = scene()
    one, other = (
        concept(name, at.canvas, at.encoder, items=items)
        for name, items in (("one", ["Gene1", "Gene2"]), ("other", ["Gene4", "Gene5"]))
    )
    found = check_kind("perturbation").make("gradient", at.canvas, at.encoder, one - other)
    assert found.items == ("Gene1", "Gene2")


def test_what_adds_to_the_score_counts_with_its_sign_and_all_else_by_magnitude() -> None:
    at = scene()
    asked = at.concept(some_direction())
    gradient, adds, single = (
        map_kind(key).make(at.canvas, at.encoder, asked) for key in ("gradient", "input-gradient", "decoded")
    )
    np.testing.assert_allclose(importance(gradient, 3), np.abs(gradient.values[:, 0]))
    np.testing.assert_allclose(importance(adds, 3), adds.values[:, 0])
    assert importance(single, 3).shape == (3, *single.values.shape[2:])
    np.testing.assert_allclose(importance(single, 3)[2], np.abs(single.values[0, 0]))


@pytest.mark.parametrize("check", CHECKS, ids=lambda kind: kind.key)
def test_steps_go_forward_and_every_one_can_stop_the_check(check: CheckKind) -> None:
    at = scene()
    asked = at.concept(some_direction())
    steps: list[Step] = []
    check.make("guided", at.canvas, at.encoder, asked, report=steps.append)
    parts = [step.fraction for step in steps]
    assert parts == sorted(parts)
    assert parts[-1] == 1
    assert all(step.message for step in steps)
    for stop_at in (0, len(steps) // 2):
        seen: list[Step] = []

        def stop(step: Step, seen: list[Step] = seen, stop_at: int = stop_at) -> None:
            seen.append(step)
            if len(seen) > stop_at:
                raise Cancelled

        with pytest.raises(Cancelled):
            check.make("guided", at.canvas, at.encoder, asked, report=stop)
