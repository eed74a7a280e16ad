"""Autosave: what was written last can be restored, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, ReadingError
from conceptstain.methods.maps import MAPS
from conceptstain.study import Study
from conceptstain.study.autosave import Autosave, autosave_folder, restorable
from conceptstain.study.saving import open_study
from factories import tiny_section
from studies import FRAME, empty_study, full_study, opened_section, tiny_file

SAVER = Path(__file__).parents[1] / "killed_saver.py"


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "autosave"


def names(study: Study) -> list[str]:
    return [entry.name for entry in study.entries]


def ended(autosave: Autosave) -> None:
    """As if its program had been killed."""
    autosave._lock.release()


def test_what_was_written_last_is_offered_and_opens_as_it_was(data, folder):
    study = full_study(opened_section(data))
    autosave = Autosave(folder)
    before = datetime.now(UTC)
    autosave.write(study.snapshot(), saved_as=data / "study.h5ad")
    assert restorable(folder) == ()  # its program runs
    ended(autosave)
    (offered,) = restorable(folder)
    assert offered.path == (data / "tiny.h5ad").resolve()
    assert offered.path.exists()
    assert offered.saved_as == (data / "study.h5ad").resolve()
    assert offered.name == study.section.name
    assert offered.concepts == tuple(names(study))
    assert before <= offered.when <= datetime.now(UTC)
    again = offered.open()
    assert names(again) == names(study)
    assert not again.is_saved
    assert again.path is None
    for mine, theirs in zip(study.findings, again.findings, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)
    again.redo()
    assert "second unit" in names(again)


def test_the_newest_and_the_one_before_are_kept(data, folder):
    study = empty_study(opened_section(data))
    autosave = Autosave(folder)
    for name in ("first", "second", "third"):
        study.add(Definition(name, like="Gene3"))
        autosave.write(study.snapshot())
    ended(autosave)
    (offered,) = restorable(folder)
    assert len(offered.files) == 2
    assert names(offered.open()) == ["first", "second", "third"]
    content = offered.files[0].read_bytes()
    offered.files[0].write_bytes(content[: len(content) // 2])
    (offered,) = restorable(folder)
    assert names(offered.open()) == ["first", "second"]


def test_a_newest_one_with_damaged_content_gives_way_to_the_one_before(data, folder):
    study = empty_study(opened_section(data))
    autosave = Autosave(folder)
    for name in ("first", "second"):
        study.add(Definition(name, like="Gene3"))
        autosave.write(study.snapshot())
    ended(autosave)
    (offered,) = restorable(folder)
    content = bytearray(offered.files[0].read_bytes())
    content[-2000:] = bytes(2000)
    offered.files[0].write_bytes(bytes(content))
    assert names(offered.open()) == ["first"]


def test_saving_or_discarding_clears_it(data, folder):
    study = full_study(opened_section(data))
    autosave = Autosave(folder)
    autosave.write(study.snapshot())
    autosave.clear()
    ended(autosave)
    assert restorable(folder) == ()
    other = Autosave(folder)
    other.write(study.snapshot())
    ended(other)
    (offered,) = restorable(folder)
    offered.discard()
    assert restorable(folder) == ()
    assert not list(folder.glob(f"*{other.session}*"))


def test_closing_leaves_what_was_not_saved_and_nothing_else(data, folder):
    study = empty_study(opened_section(data))
    quiet, busy = Autosave(folder), Autosave(folder)
    for each in (quiet, busy):
        each.write(study.snapshot())
    quiet.clear()
    quiet.close()
    busy.close()
    assert [each.files[0].name.split("-")[0] for each in restorable(folder)] == [busy.session]
    assert not list(folder.glob(f"{quiet.session}*"))


def test_two_studies_of_one_program_do_not_offer_each_other(data, folder):
    one, other = Autosave(folder), Autosave(folder)
    for each in (one, other):
        each.write(empty_study(opened_section(data)).snapshot())
    assert restorable(folder) == ()
    ended(one)
    ended(other)
    first, second = restorable(folder)
    assert first.when >= second.when


def test_a_section_without_a_file_is_kept_with_its_study(folder):
    section = replace(tiny_section(with_image=True), name="layers of the viewer")
    study = full_study(section)
    autosave = Autosave(folder)
    autosave.write(study.snapshot())
    written = next(folder.glob("*-section.h5ad")).stat().st_mtime_ns
    autosave.write(study.snapshot())
    assert next(folder.glob("*-section.h5ad")).stat().st_mtime_ns == written
    ended(autosave)
    again = restorable(folder)[0].open()
    np.testing.assert_array_equal(again.section.spots, section.spots)
    assert again.section.name == "layers of the viewer"
    assert list(again.section.adata.obs) == ["layer"]
    assert names(again) == names(study)


def test_a_section_without_a_file_is_restored_again_and_again(folder):
    study = empty_study(replace(tiny_section(with_image=True), path=None))
    study.add(Definition("like", like="Gene3"))
    for _ in range(2):
        autosave = Autosave(folder)
        autosave.write(study.snapshot())
        for offered in restorable(folder):
            offered.discard()  # as the dock does, once what was restored is autosaved anew
        ended(autosave)
        (offered,) = restorable(folder)
        study = offered.open()
        assert study.section.path is None  # what lies among the autosaved studies is no file of the user's
        assert names(study) == ["like"]


def test_a_section_whose_pixels_were_measured_by_hand_is_opened_the_same_way(data, folder):
    opened = opened_section(data)
    in_pixels = replace(opened, unit="px", pitch=None)
    section = in_pixels.in_micrometres(0.5)
    assert section.opened_with == {"pixel_size": 0.5}
    study = empty_study(replace(opened, opened_with={}))
    study.add(Definition("like", like="Gene3"))
    autosave = Autosave(folder)
    autosave.write(study.snapshot())
    ended(autosave)
    assert names(restorable(folder)[0].open()) == ["like"]


def test_a_study_that_was_opened_from_a_saved_one_is_restored_without_its_old_columns(data, folder):
    saved = full_study(opened_section(data)).save(data / "study.h5ad")
    study = open_study(saved)
    study.rename("like", "renamed")
    autosave = Autosave(folder)
    autosave.write(study.snapshot(), saved_as=study.path)
    ended(autosave)
    again = restorable(folder)[0].open()
    assert "renamed" in names(again)
    assert list(again.section.adata.obs) == list(study.section.adata.obs)


def test_a_source_that_changed_or_went_is_told(data, folder):
    study = empty_study(opened_section(data))
    study.add(Definition("like", like="Gene3"))
    autosave = Autosave(folder)
    autosave.write(study.snapshot())
    ended(autosave)
    (offered,) = restorable(folder)
    path = data / "tiny.h5ad"
    path.rename(data / "moved.h5ad")
    with pytest.raises(ReadingError, match=r"There is no file tiny\.h5ad"):
        offered.open()
    from conceptstain.exporting import export

    export(path, tiny_section(seed=9).view("genes"), [])
    with pytest.raises(ReadingError, match=r"cannot be restored.*not those that the study was made of.*discard"):
        offered.open()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_snapshot_is_left_alone(data, folder, content):
    folder.mkdir()
    (folder / "0123456789ab.lock").touch()
    strange = folder / "0123456789ab-newest.safetensors"
    strange.write_bytes(content)
    assert restorable(folder) == ()
    assert strange.read_bytes() == content
    assert restorable(folder / "nowhere") == ()


def test_a_folder_that_cannot_be_made_is_told(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be autosaved"):
        Autosave(tmp_path / "file" / "folder").write(empty_study(opened_section(data)).snapshot())


def test_a_full_disk_is_told_and_leaves_the_newest(data, folder, monkeypatch):
    study = empty_study(opened_section(data))
    study.add(Definition("first", like="Gene3"))
    autosave = Autosave(folder)
    autosave.write(study.snapshot())

    def full(*arguments, **words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("conceptstain.study.autosave.save_file", full)
    study.add(Definition("second", like="Gene3"))
    with pytest.raises(InputError, match="No space left"):
        autosave.write(study.snapshot())
    ended(autosave)
    assert names(restorable(folder)[0].open()) == ["first"]


def test_the_folder_is_the_users():
    assert autosave_folder().name == "autosave"
    assert autosave_folder().is_relative_to(os.environ.get("XDG_STATE_HOME", Path.home()))


def test_a_snapshot_is_written_while_the_study_goes_on(data, folder):
    study = empty_study(opened_section(data))
    study.add(Definition("like", like="Gene3"))
    snapshot = study.snapshot()
    study.keep(MAPS[1].make(study.need_canvas(), study.need_encoder(), study.concept("like")))
    study.remove("like")
    autosave = Autosave(folder)
    autosave.write(snapshot)
    ended(autosave)
    again = restorable(folder)[0].open()
    assert names(again) == ["like"]
    assert again.findings == ()
    assert again.need_canvas().settings.frame == FRAME


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(("name", "number"), [("study.h5ad", 200), ("study.zarr", 60)])
def test_a_program_killed_at_any_moment_leaves_the_old_study_or_the_new_one(data, folder, name, number):
    """Killed at random moments of saving and autosaving, each checked by opening what is there."""
    tiny_file(data)
    asked = [sys.executable, str(SAVER), str(data), str(folder), str(number), name]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    kills, torn, during, _aside = map(int, told.stdout.split())
    assert (kills, torn) == (number, 0)
    assert during > number / 2  # or the kills would have missed the writing
