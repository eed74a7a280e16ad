"""What units are held against, read off the window: columns, masks, tables, painted layers and colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import conceptstain as cs
from classes import squares
from conceptstain._qt.label_work import LabelSource, labels_of
from conceptstain._qt.picture_work import Painted
from conceptstain.progress import silent
from factories import tiny_section
from pictures import write_picture


def test_columns_of_a_section_are_labels_of_its_spots() -> None:
    canvas = tiny_section().view("spots")
    found = labels_of(canvas, (LabelSource("column", "layer"),), (), report=silent)
    assert [str(label) for label in found.labels] == ["inner (layer)", "outer (layer)"]


def test_one_name_alone_is_that_of_every_painted_number() -> None:
    canvas, _, masks = squares()
    source = LabelSource("layer", "layer drawn", painted=Painted(masks, np.eye(3)))
    alone = labels_of(canvas, (source,), ("square",), report=silent)
    assert [label.name for label in alone.labels] == ["square"]
    np.testing.assert_array_equal(alone.of([0]).planes[0, ..., 0], masks[0] > 0)
    told = labels_of(canvas, (source,), ("bright", "dark"), report=silent)
    np.testing.assert_array_equal(told.of([0]).planes[0, ..., 0], masks[0])


def test_masks_and_tables_are_joined(tmp_path: Path) -> None:
    canvas, _, masks = squares()
    for name, mask in zip(canvas.item_names, masks, strict=True):
        write_picture(tmp_path / "masks" / f"{name}.png", mask.astype(np.uint8))
    table = tmp_path / "table.csv"
    table.write_text("picture,dark\n" + "\n".join(f"{name},{n % 3 == 0}" for n, name in enumerate(canvas.item_names)))
    sources = (LabelSource("masks", "masks", tmp_path / "masks"), LabelSource("table", "table", table))
    found = labels_of(canvas, sources, (), report=silent)
    assert [str(label) for label in found.labels] == ["1 (part)", "2 (part)", "dark (picture)"]


def test_nothing_ticked_and_labels_of_something_else_are_refused() -> None:
    with pytest.raises(cs.ConceptStainError, match="held against labels"):
        labels_of(squares()[0], (), (), report=silent)
    with pytest.raises(cs.ConceptStainError, match="says nothing"):
        labels_of(squares()[0], (LabelSource("column", "layer"),), (), report=silent)


def test_a_layer_of_too_few_pages_is_refused() -> None:
    canvas, _, masks = squares()
    short = LabelSource("layer", "layer drawn", painted=Painted(masks[:3], np.eye(3)))
    with pytest.raises(cs.ConceptStainError, match=r"not of these pictures. Got 3 pages"):
        labels_of(canvas, (short,), (), report=silent)
