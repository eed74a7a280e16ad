"""Files that are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from walking import Walk, saving_as

pytestmark = pytest.mark.gui


def test_a_name_typed_without_an_ending_gets_one(
    on_sample: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, dock = on_sample, on_sample.dock
    walk.make_by_gene("Penk")
    for button in (dock.export.figure_button, dock.export.genes_button, dock.export.section_button):
        saving_as(monkeypatch, tmp_path / "granule")
        walk.click(button)
    saving_as(monkeypatch, tmp_path / "granule")
    walk.click(dock.model.save_button)
    assert {path.name for path in tmp_path.iterdir()} == {f"granule.{e}" for e in ("svg", "csv", "h5ad", "safetensors")}
    assert walk.told == []
