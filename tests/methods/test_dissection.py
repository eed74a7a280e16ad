"""What is counted in a dissection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conceptstain.errors import InputError
from conceptstain.methods.dissection import Counts
from dissections import LABELS, of_ious

DISSECTION = of_ious(
    (0.30, 0.02, 0.10, 0.00),  # a nose, and of materials skin
    (0.20, 0.01, 0.25, 0.03),  # skin, and of parts a nose
    (0.01, 0.05, 0.03, 0.02),  # an ear
    (0.03, 0.02, 0.01, 0.00),  # nothing
)


def test_units_are_called_by_what_they_overlap_with_most() -> None:
    assert [LABELS[each].name for each in DISSECTION.best] == ["nose", "skin", "ear", "nose"]
    assert DISSECTION.detectors().tolist() == [True, True, True, False]
    assert DISSECTION.detectors(0.2).tolist() == [True, True, False, False]


def test_unique_detectors_are_counted_by_either_rule() -> None:
    assert DISSECTION.unique_detectors().to_dict() == {"part": 2, "material": 1}
    assert DISSECTION.unique_detectors(rule="text").to_dict() == {"part": 2, "material": 1}
    split = of_ious((0.30, 0.0, 0.10, 0.0), (0.20, 0.0, 0.0, 0.15))
    assert split.unique_detectors().to_dict() == {"part": 1, "material": 2}  # a unit counts in each category
    assert split.unique_detectors(rule="text").to_dict() == {"part": 1, "material": 0}
    with pytest.raises(InputError, match="not counted that way"):
        split.unique_detectors(rule="all")  # type: ignore[arg-type]


def test_the_table_shows_the_best_units_first_with_their_bounds() -> None:
    table = DISSECTION.table()
    assert table.index.tolist() == [0, 1, 2, 3]
    assert table["label"].tolist() == ["nose", "skin", "ear", "nose"]
    assert table["second"].tolist() == ["skin", "nose", "skin", "ear"]
    assert table.loc[1, "IoU"] == pytest.approx(0.25, abs=1e-3)
    assert table["bound"].tolist() == pytest.approx([1, 1, 1, 1])  # active on as many pixels as its label has
    assert (table["bound"] >= table["IoU"]).all()
    assert DISSECTION.bound == pytest.approx([0.5, 0.5, 1, 1])  # of labels on a tenth of the pixels, for q = 0.05
    assert table["active"].tolist() == [0.1, 0.05, 0.1, 0.1]
    assert DISSECTION.title == "conv of tiny"


def test_no_unit_of_the_table_is_above_its_bound_however_active_it_is() -> None:
    counts = DISSECTION.counts
    fewer = counts._replace(ground=counts.ground // 2, active=counts.active // 2)
    rare = replace(DISSECTION, counts=fewer, quantile=1e-3)
    table = rare.table()
    assert table.loc[0, "IoU"] > rare.bound[0]  # enlarged maps are active at more than q
    assert (table["IoU"] <= table["bound"]).all()


def test_a_single_label_has_no_runner_up() -> None:
    counts = DISSECTION.counts
    one = Counts(counts.shared[:, :, :1], counts.active[:, :, :1], counts.ground[:, :1], counts.counted[:, :1])
    table = replace(DISSECTION, labels=LABELS[:1], counts=one).table()
    assert (table["second"] == "").all()
    assert table["second IoU"].isna().all()


def test_chance_is_the_overlap_with_places_drawn_at_random() -> None:
    drawn = np.random.default_rng(0).random((2, 1_000_000)) < np.array([[0.05], [0.1]])
    found = (drawn[0] & drawn[1]).sum() / (drawn[0] | drawn[1]).sum()
    assert DISSECTION.chance[0] == pytest.approx(found, abs=1e-3)  # q = 0.05, on a tenth of the pixels


def test_a_number_lies_in_its_interval_and_that_is_none_where_groups_agree() -> None:
    random = np.random.default_rng(0)
    counts = DISSECTION.counts
    alike = replace(DISSECTION, counts=Counts(*(np.repeat(each, 8, axis=0) for each in counts)))
    assert alike.iou == pytest.approx(DISSECTION.iou)
    best = alike.interval_of(lambda each: float(each.iou[0, 0]))
    assert best.low == pytest.approx(best.mean) == pytest.approx(best.high)
    shared = random.poisson(counts.shared[0], (8, *counts.shared.shape[1:]))
    apart = replace(alike, counts=alike.counts._replace(shared=shared))
    spread = apart.interval_of(lambda each: float(each.iou[0, 0]))
    assert spread.low < spread.mean < spread.high
    assert apart.interval_of(lambda each: float(each.iou[0, 0])) == spread  # seeded
    assert np.isnan(DISSECTION.interval_of(lambda each: float(each.iou[0, 0])).low)  # one group
