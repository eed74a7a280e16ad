"""Dissections side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conceptstain.errors import InputError
from conceptstain.methods.dissection_comparison import compare_dissections
from conceptstain.methods.dissection_controls import DissectionControls
from dissections import LABELS, of_ious

NOSES = of_ious((0.3, 0.0, 0.1, 0.0), (0.2, 0.0, 0.0, 0.15), groups=4)
NOTHING = of_ious((0.01, 0.0, 0.0, 0.0), layer="first", groups=4)


def test_each_dissection_has_a_row_for_every_category_and_control() -> None:
    beside = DissectionControls(NOSES, {"rotated": (NOTHING, NOSES)})
    table = compare_dissections({"deep": beside, "shallow": NOTHING})
    assert list(table.index.names) == ["dissection", "category", "network"]
    assert len(table) == 3 * 2 + 3
    assert table.loc[("deep", "all", "trained"), ["detectors", "unique", "units"]].tolist() == [2, 3, 2]
    assert table.loc[("deep", "material", "trained"), "unique"] == 2
    rotated = table.loc[("deep", "part", "rotated")]
    assert rotated[["unique low", "unique", "unique high"]].tolist() == [0, 0.5, 1]
    assert table.loc[("shallow", "all", "trained"), ["detectors", "unique", "units"]].tolist() == [0, 0, 1]


def test_numbers_are_those_of_the_dissections_themselves() -> None:
    random = np.random.default_rng(0)
    shared = random.poisson(NOSES.counts.shared)
    apart = replace(NOSES, counts=NOSES.counts._replace(shared=shared))
    beside = DissectionControls(apart, {"shuffled": (NOSES,)})
    for least, rule in ((0.04, "published"), (0.14, "text")):
        table = compare_dissections({"": beside}, least=least, rule=rule).drop(columns="units")  # type: ignore[arg-type]
        for category in ("part", "material"):
            compared = beside.compared(least, rule, category=category)  # type: ignore[arg-type]
            assert table.loc[("", category)].equals(compared)
        unique = apart.interval_of(lambda each: float(each.unique_detectors(least, rule).sum()))  # type: ignore[arg-type]  # noqa: B023 - called at once
        assert table.loc[("", "all", "trained"), "unique":].tolist() == list(unique)
        assert table.loc[("", "all", "trained"), "detectors"] == apart.detectors(least).sum()


def test_dissections_without_names_go_by_their_titles() -> None:
    assert set(compare_dissections([NOSES, NOTHING]).index.levels[0]) == {"conv of tiny", "first of tiny"}
    with pytest.raises(InputError, match="one name"):
        compare_dissections([NOSES, NOSES])
    with pytest.raises(InputError, match="none"):
        compare_dissections([])


def test_only_what_was_counted_alike_is_compared() -> None:
    with pytest.raises(InputError, match=r"lacks wool \(material\)"):
        compare_dissections({"a": NOSES, "b": replace(NOSES, labels=LABELS[:3])})
    with pytest.raises(InputError, match=r"quantile of 0\.05 for 'a', of 0\.1 for 'b'"):
        compare_dissections({"a": NOSES, "b": replace(NOSES, quantile=0.1)})
    with pytest.raises(InputError, match="5 items for 'a', 4 for 'b'"):
        compare_dissections({"a": NOSES, "b": replace(NOSES, n_items=4)})
    with pytest.raises(InputError, match="no category"):
        DissectionControls(NOSES, {}).compared(category="colour")
