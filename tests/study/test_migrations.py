"""Files of every format that was ever written open, with what they hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import anndata
import numpy as np
import pytest

from conceptstain.canvas.reading import open_section
from conceptstain.concepts.concept import concept, make
from conceptstain.exporting import FORMAT_VERSION, UNS_KEY, annotated, export
from conceptstain.study.migrations import migrated
from conceptstain.study.saving import open_study
from factories import tiny_section
from scenes import scene
from studies import full_study, same_findings, same_list

STORED = Path(__file__).parent / "formats"
CONCEPT = {
    "name": "CA1/CA3",
    "direction": np.array([1.0, -2.0]),
    "items": np.array(["Gene3", "Gene0"], dtype=object),
    "origin": "2 genes nearest to Gene3 in latent space",
    "form": "contrast",
    "encoder": "0123456789ab",
}
FORMAT_1 = {
    "format": 1,
    "unit": "µm",
    "scaling": "z-score",
    "frame": np.array([1, 32, 32]),
    "pitch": 200.0,
    "notes": np.array([], dtype=object),
    "concepts": {"CA1∕CA3": CONCEPT},
    "maps": {"CA1 - decoded": {"name": "CA1", "method": "decoded", "signed": True, "encoder": "", "settings": "{}"}},
    "encoder": {"name": "tiny", "fingerprint": "0123456789ab", "card": "{}"},
}


def part(weight, name):
    return {"weight": weight, "name": name, "origin": "given"}


FORMAT_2 = {
    **FORMAT_1,
    "format": 2,
    "concepts": {
        "a - b": {**CONCEPT, "name": "a - b", "parts": json.dumps([part(1.0, "a"), part(-0.5, "b")]), "space": "conv"},
        "a": {**CONCEPT, "name": "a", "parts": "[]", "space": "conv"},
        "b": {**CONCEPT, "name": "b", "parts": "[]", "space": "conv", "items": np.array(["Gene5"], dtype=object)},
        "lost": {**CONCEPT, "name": "lost", "parts": json.dumps([part(1.0, "gone")]), "space": "conv"},
    },
    "maps": {},
    "encoder": {},
}


def test_concepts_of_format_1_are_of_the_latent_space_and_made_of_their_genes():
    held = migrated(FORMAT_1, "old.h5ad")
    (definition,) = held.definitions
    assert (definition.name, definition.items, definition.form) == ("CA1/CA3", ("Gene3", "Gene0"), "contrast")
    assert definition.space == "latent"
    assert held.study is None
    assert "nearest to Gene3" in held.notes[0]
    assert any("columns of obs" in note for note in held.notes)
    assert any("0123456789ab" in note for note in held.notes)


def test_combinations_of_format_2_are_made_of_the_concepts_beside_them():
    held = migrated(FORMAT_2, "old.h5ad")
    by_name = {each.name: each for each in held.definitions}
    assert list(by_name) == ["a", "b", "a - b"]
    assert [(weight, each) for weight, each in by_name["a - b"].combined] == [(1.0, by_name["a"]), (-0.5, by_name["b"])]
    assert by_name["a - b"].space == "conv"
    assert any(note.startswith("lost is left out") for note in held.notes)


@pytest.mark.parametrize("number", range(1, FORMAT_VERSION + 1))
def test_a_file_of_every_format_opens_as_a_study_with_its_section(tmp_path, number):
    adata = annotated(tiny_section(with_image=True).view("genes"), [])
    adata.uns[UNS_KEY] = {**(FORMAT_1 if number == 1 else FORMAT_2), "format": number}
    adata.write_h5ad(tmp_path / "old.h5ad")
    study = open_study(tmp_path / "old.h5ad")
    assert study.section.n_spots == 42
    assert len(study.entries) == (1 if number == 1 else 3)
    assert study.is_saved
    assert study.encoder is None
    assert any("encoder" in note or "left out" in note for note in study.section.notes)
    again = open_study(study.save(tmp_path / "new.h5ad"))
    assert [entry.name for entry in again.entries] == [entry.name for entry in study.entries]


@pytest.fixture
def stored(tmp_path):
    """Files as earlier versions of this package wrote them."""

    def unpacked(name):
        path = tmp_path / name
        path.write_bytes(gzip.decompress((STORED / f"{name}.gz").read_bytes()))
        return path

    return unpacked


@pytest.mark.parametrize("number", [1, 2])
def test_what_earlier_versions_exported_opens_with_its_concepts(stored, number):
    study = open_study(stored(f"export-format-{number}.h5ad"))
    assert study.section.n_spots == 36
    names = ["CA1/CA3", "list"] + (["CA1/CA3 - list"] if number == 2 else [])
    assert [entry.name for entry in study.entries] == names
    assert study.entry("list").definition.items == ("Gene1", "Gene5")
    if number == 2:
        parts = study.entry("CA1/CA3 - list").definition.combined
        assert [(weight, part.name) for weight, part in parts] == [(1.0, "CA1/CA3"), (-1.0, "list")]


def test_a_study_that_an_earlier_version_saved_opens_as_it_was_and_goes_on(stored, tmp_path):
    path = stored("study-format-3.h5ad")
    before = path.read_bytes()
    study = open_study(path)
    assert [(entry.name, entry.colour) for entry in study.entries] == [
        ("like", "#123456"),
        ("outline", "#D55E00"),
        ("like - outline", "#009E73"),
    ]
    decoded, gradient = study.findings
    assert (decoded.title, decoded.colour_limits) == ("like - decoded", (-2.0, 2.0))
    assert decoded.values.sum() == pytest.approx(-1.1624812, rel=1e-6)
    assert (gradient.title, gradient.values.shape) == ("outline - gradient saliency", (4, 1, 8, 8))
    assert study.encoder.fingerprint == "f3f468db50da"
    assert study.evidence("outline", n_null=19).auroc == pytest.approx(25 / 44)
    study.undo()
    assert "gone" in [entry.name for entry in study.entries]
    newer = open_study(study.save(tmp_path / "newer.h5ad"))
    assert [finding.title for finding in newer.findings] == [finding.title for finding in study.findings]
    assert path.read_bytes() == before


def test_a_study_of_a_section_of_format_4_opens_with_its_controls_as_they_were_drawn(stored, monkeypatch):
    study = open_study(stored("study-format-4.h5ad"))
    monkeypatch.setattr("conceptstain.methods.controls.controls", lambda *_, **__: pytest.fail("drawn again"))
    assert [entry.colour for entry in study.entries] == ["#123456", "#D55E00", "#009E73"]
    (decoded,) = study.findings
    assert decoded.values.sum() == pytest.approx(-1.1624812, rel=1e-6)
    assert study.known_evidence("outline").auroc == pytest.approx(25 / 44)
    found = study.controls("outline", "gene-mean")
    assert (found.auroc, len(found.controls)) == (pytest.approx(25 / 44), 2)


def test_a_study_of_format_3_opens_with_all_it_holds_and_draws_controls_when_asked(tmp_path):
    study = full_study(tiny_section())
    path = study.save(tmp_path / "study.h5ad")
    adata = anndata.read_h5ad(path)
    told = adata.uns[UNS_KEY]
    record = json.loads(told["study"])
    del record["controls"]
    arrays = {
        name.replace(".", ":"): values for name, values in told["arrays"].items() if not name.startswith("controls")
    }
    adata.uns[UNS_KEY] = {**told, "format": 3, "study": json.dumps(record), "arrays": arrays}
    adata.write_h5ad(tmp_path / "old.h5ad")
    old = open_study(tmp_path / "old.h5ad")
    same_list(study, old)
    same_findings(study, old)
    assert not old.snapshot().controls
    np.testing.assert_array_equal(
        old.controls("layer", "gene-mean").values, study.controls("layer", "gene-mean").values
    )


def test_what_is_exported_today_opens_as_a_study_with_the_same_directions(tmp_path):
    at = scene()
    made = concept("like", at.canvas, at.encoder, like="Gene3", neighbours=4)
    path = export(tmp_path / "export.h5ad", at.canvas, [], at.encoder, concepts=[made])
    assert open_section(path).n_spots == at.canvas.section.n_spots
    study = open_study(path)
    again = make(study.entry("like").definition, at.canvas, at.encoder)
    np.testing.assert_allclose(again.direction, made.direction)
