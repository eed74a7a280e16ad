"""Files of every format that was ever written open, with what they hold."""

from __future__ import annotations

import json

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
