"""Studies saved as folders: all that holds of .h5ad files, and that a folder which was put aside is found again."""

from __future__ import annotations

import json
import shutil

import anndata
import numpy as np
import pytest
import scanpy
import zarr
from matplotlib import pyplot as plt

from conceptstain.canvas.reading import open_section
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, ReadingError
from conceptstain.painting import painting
from conceptstain.study.autosave import Autosave, restorable
from conceptstain.study.hashing import sha256_of
from conceptstain.study.saving import open_study, save_study
from studies import empty_study, full_study, opened_section, same_findings, same_list


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def study(folder):
    return full_study(opened_section(folder))


@pytest.fixture(scope="module")
def saved(study, folder):
    return save_study(study, folder / "study.zarr")


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "study.zarr")


def small(folder, *names):
    study = empty_study(opened_section(folder))
    for name in names:
        study.add(Definition(name, like="Gene3"))
    return study


def listed(path):
    return [entry.name for entry in open_study(path).entries]


def test_it_opens_as_it_was(study, saved):
    again = open_study(saved)
    same_list(study, again)
    same_findings(study, again)
    assert again.known_evidence("layer").sentence == study.known_evidence("layer").sentence
    assert again.controls("layer", "gene-mean").sentences == study.controls("layer", "gene-mean").sentences
    assert again.need_encoder().fingerprint == study.need_encoder().fingerprint
    assert (again.is_saved, again.path) == (True, saved)
    np.testing.assert_array_equal(again.section.image.pixels, study.section.image.pixels)
    again.undo()
    study.undo()
    same_list(study, again)
    study.redo()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning", "ignore::FutureWarning")
def test_plain_anndata_reads_it_and_scanpy_draws_the_map(study, saved):
    read = anndata.read_zarr(saved)
    np.testing.assert_array_equal(read.X.toarray(), study.section.adata.X.toarray())
    made = study.findings[0]
    axes = scanpy.pl.embedding(read, "spatial", color=made.title, show=False)
    (drawn,) = [each for each in axes.collections if each.get_array() is not None]
    values = painting(made, study.need_canvas()).values
    np.testing.assert_allclose(np.sort(drawn.get_array()), np.sort(values), rtol=1e-6)
    plt.close(axes.figure)


def test_it_opens_zipped_too(study, saved, tmp_path):
    shutil.make_archive(str(tmp_path / "study.zarr"), "zip", saved)
    same_list(study, open_study(tmp_path / "study.zarr.zip"))


def test_its_own_folder_needs_no_leave_and_nothing_is_left_beside_it(folder, tmp_path):
    study = small(folder, "one")
    path = study.save(tmp_path / "study.zarr")
    study.add(Definition("two", like="Gene5"))
    assert study.save(path) == path
    assert study.is_saved
    assert listed(path) == ["one", "two"]
    assert [each.name for each in tmp_path.iterdir()] == ["study.zarr"]
    with pytest.raises(InputError, match="exists already"):
        small(folder).save(path)


def test_no_other_folder_is_ever_replaced_nor_the_section_s_own(folder, tmp_path, copy):
    photos = tmp_path / "photos.zarr"
    photos.mkdir()
    (photos / "cat.jpg").touch()
    zarr.open_group(tmp_path / "image.zarr", mode="w", attributes={"multiscales": []}, zarr_format=2)
    for path in (photos, tmp_path / "image.zarr"):
        with pytest.raises(InputError, match="another kind"):
            small(folder).save(path, overwrite=True)
    assert (photos / "cat.jpg").exists()
    before = sha256_of(copy)
    with pytest.raises(InputError, match="not saved over the file"):
        empty_study(open_section(copy)).save(copy, overwrite=True)
    assert sha256_of(copy) == before


def test_a_full_disk_is_told_and_leaves_what_was_there(folder, tmp_path, monkeypatch):
    study = small(folder, "one")
    path = study.save(tmp_path / "study.zarr")

    def full(group, _key, _elem, **_words):
        group.attrs["half"] = True
        raise OSError(28, "No space left on device")

    study.add(Definition("two", like="Gene5"))
    with monkeypatch.context() as patched:
        patched.setattr("anndata.io.write_elem", full)
        with pytest.raises(InputError, match=r"cannot be saved there.*No space left"):
            study.save(path)
    assert listed(path) == ["one"]
    assert [each.name for each in tmp_path.iterdir()] == ["study.zarr"]
    assert not study.is_saved


def put_aside(path):
    """As a program leaves it that is killed when the old folder is aside and the new one not yet in its place."""
    return path.rename(path.with_name(f".{path.stem}-before{path.suffix}"))


@pytest.mark.parametrize("read", [listed, open_section])
def test_a_folder_that_was_put_aside_is_put_back_when_it_is_opened(saved, copy, read):
    aside = put_aside(copy)
    found = read(copy)
    assert found == listed(saved) if read is listed else found.n_spots == 42
    assert copy.is_dir()
    assert not aside.exists()


def test_a_folder_that_was_put_aside_is_there_before_another_takes_its_name(folder, copy):
    put_aside(copy)
    with pytest.raises(InputError, match="exists already"):
        small(folder).save(copy)
    assert copy.is_dir()


def test_what_was_put_aside_never_takes_the_place_of_a_newer_one(folder, tmp_path):
    path = small(folder, "new").save(tmp_path / "study.zarr")
    old = small(folder, "old").save(tmp_path / "old.zarr")
    old.rename(tmp_path / ".study-before.zarr")
    study = open_study(path)
    assert [entry.name for entry in study.entries] == ["new"]
    study.add(Definition("newer", like="Gene5"))
    study.save(path)
    assert listed(path) == ["new", "newer"]
    assert [each.name for each in tmp_path.iterdir()] == ["study.zarr"]


def test_a_copy_that_was_cut_off_is_told_instead_of_read_as_zeros(copy):
    arrays = copy / "uns/conceptstain/arrays"
    next((arrays / "finding.0.values").glob("[0-9]*")).unlink()
    with pytest.raises(ReadingError, match=r"not whole.*pieces of .*finding\.0\.values missing"):
        open_study(copy)
    assert open_section(copy).n_spots == 42


def test_a_damaged_study_is_one_clear_error_and_its_section_still_opens(copy):
    told = zarr.open_group(copy, mode="r+")["uns/conceptstain"]
    record = json.loads(told["study"][()])
    record["surprise"] = 1
    anndata.io.write_elem(told, "study", json.dumps(record))
    with pytest.raises(ReadingError, match=r"The study in study\.zarr is damaged"):
        open_study(copy)
    assert open_section(copy).n_spots == 42


def test_it_is_autosaved_beside_its_folder(copy, tmp_path):
    study = open_study(copy)
    study.add(Definition("unsaved", like="Gene5"))
    autosave = Autosave(tmp_path / "autosave")
    autosave.write(study.snapshot(), saved_as=study.path)
    autosave.close()
    (offered,) = restorable(tmp_path / "autosave")
    assert (offered.saved_as, offered.path) == (copy.resolve(), copy.resolve())
    again = offered.open()
    same_list(study, again)
    same_findings(study, again)
