"""Autosaved studies of pictures and slides: quick to write, whatever is open, and restored to the last pixel."""

from __future__ import annotations

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.concepts.definition import Definition
from conceptstain.errors import ReadingError
from conceptstain.study import autosave as autosaving
from conceptstain.study import picture_records
from conceptstain.study.autosave import Autosave, restorable
from picture_studies import labels, opened_pictures, opened_slide, picture_folder, slide_file, study_of
from pictures import noise, write_picture


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "autosave"


def restored(autosave, folder):
    """As if its program had been killed."""
    autosave._lock.release()
    (offered,) = restorable(folder)
    return offered


def with_a_concept(canvas):
    study = study_of(canvas)
    study.add(Definition("like", like=str(canvas.item_names[1]), neighbours=4))
    *_, whole = study.item_score_runs("like")
    study.keep(whole)
    return study


def same(study, again):
    assert [entry.name for entry in study.entries] == [entry.name for entry in again.entries]
    np.testing.assert_array_equal(study.findings[0].values, again.findings[0].values)
    items = np.arange(len(study.canvas))
    np.testing.assert_array_equal(study.canvas.inputs(items), again.canvas.inputs(items))
    assert study.source.notes == again.source.notes
    assert not again.is_saved


@pytest.mark.parametrize("kind", ["pictures", "slide"])
def test_files_are_named_never_read_again_to_be_written_and_opened_again(kind, tmp_path, folder, monkeypatch):
    canvas = opened_pictures(picture_folder(tmp_path)) if kind == "pictures" else opened_slide(slide_file(tmp_path))
    study = with_a_concept(canvas)
    for name in ("sha256_of", "pixels_of"):
        monkeypatch.setattr(
            f"conceptstain.study.{'hashing' if name == 'sha256_of' else 'autosave'}.{name}", pytest.fail
        )
    canvas.source.content  # noqa: B018 - known since the first time it was asked for
    monkeypatch.setattr(type(canvas), "inputs", lambda *_: pytest.fail("pixels were read"))
    autosave = Autosave(folder)
    autosave.write(study.snapshot(), saved_as=tmp_path / "study.h5ad")
    monkeypatch.undo()
    offered = restored(autosave, folder)
    assert (offered.name, offered.fingerprint) == (canvas.source.name, canvas.source.content)
    assert offered.path == canvas.source.path
    assert offered.source_exists
    same(study, offered.open())


@pytest.mark.parametrize("as_", ["images", "slide"])
def test_pixels_of_no_file_are_written_once_however_often_it_is_autosaved(as_, folder, monkeypatch):
    pixels = noise(9, 16, 16, dtype=">u2") if as_ == "images" else noise(40, 32, 3)
    opened = cs.open(pixels, as_=as_)
    study = with_a_concept(opened.view(frame=8) if as_ == "images" else opened.view(size=8, background="keep"))
    written, write = [], autosaving.pixels_of
    monkeypatch.setattr(autosaving, "pixels_of", lambda source: written.append(source) or write(source))
    autosave = Autosave(folder)
    for name in ("one", "two"):
        study.add(Definition(name, unit=0))
        autosave.write(study.snapshot())
    assert written == [opened]
    offered = restored(autosave, folder)
    assert offered.source_exists
    same(study, offered.open())
    offered.discard()
    assert list(folder.iterdir()) == []


def test_too_many_pixels_of_no_file_are_not_written_and_are_asked_for(folder, monkeypatch):
    monkeypatch.setattr(picture_records, "MOST_KEPT", 100)
    study = with_a_concept(cs.open(noise(40, 32), as_="slide").view(size=8, background="keep"))
    autosave = Autosave(folder)
    autosave.write(study.snapshot())
    offered = restored(autosave, folder)
    assert not offered.source_exists
    with pytest.raises(ReadingError, match="pixels that were in no file"):
        offered.open()
    same(study, offered.open(pictures=noise(40, 32)))


def test_pictures_that_changed_or_are_gone_are_told(tmp_path, folder):
    home = picture_folder(tmp_path)
    study = with_a_concept(opened_pictures(home))
    autosave = Autosave(folder)
    autosave.write(study.snapshot())
    write_picture(home / "cell 3.png", noise(9, 9, seed=77))
    offered = restored(autosave, folder)
    with pytest.raises(ReadingError, match="1 of the 13 pictures of cells is gone, or changed since"):
        offered.open()
    away = home.rename(tmp_path / "away")
    assert not offered.source_exists
    with pytest.raises(ReadingError, match="are not where the study knows it"):
        offered.open()
    write_picture(away / "cell 3.png", noise(9, 9, seed=3))
    same(study, offered.open(pictures=away))


def test_kept_pixels_that_are_damaged_are_told(folder):
    study = with_a_concept(cs.open(noise(9, 16, 16), as_="images").view(frame=8))
    autosave = Autosave(folder)
    autosave.write(study.snapshot())
    (pixels,) = folder.glob("*.npz")
    pixels.write_bytes(pixels.read_bytes()[:-200])
    offered = restored(autosave, folder)
    with pytest.raises(ReadingError, match="cannot be restored"):
        offered.open()
    pixels.unlink()
    with pytest.raises(ReadingError, match="cannot be restored"):
        offered.open()


def test_a_painted_label_is_read_once_however_often_it_is_autosaved(tmp_path, folder):
    canvas = opened_slide(slide_file(tmp_path))
    study = study_of(canvas)
    region = labels(canvas)
    study.add(Definition("painted", region=region, form="contrast"))
    autosave = Autosave(folder)
    autosave.write(study.snapshot())
    object.__setattr__(region.selector, "pixels", None)  # asked again, it would fail
    autosave.write(study.snapshot())
    again = restored(autosave, folder).open()
    assert str(again.entry("painted").definition.region.selector) == "painted label 4"
