"""Saved studies: what was saved opens again, scanpy reads it, and nothing that was there is lost."""

from __future__ import annotations

import json
from dataclasses import replace

import anndata
import numpy as np
import pytest
import scanpy
from matplotlib import pyplot as plt
from scipy.sparse import csr_array

from conceptstain.canvas.reading import open_section
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, ReadingError
from conceptstain.exporting import FORMAT_VERSION, UNS_KEY
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import MAPS
from conceptstain.painting import painting
from conceptstain.study import Study
from conceptstain.study.hashing import sha256_of
from conceptstain.study.saving import open_study, save_study
from factories import tiny_encoder, tiny_section
from studies import empty_study, full_study, opened_section, same_findings, same_list


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def study(folder):
    return full_study(opened_section(folder))


@pytest.fixture(scope="module")
def saved(study, folder):
    return save_study(study, folder / "study.h5ad")


@pytest.fixture(scope="module")
def again(saved):
    return open_study(saved)


def test_the_list_comes_back_with_every_kind_of_definition_and_its_colours(study, again):
    assert len(again.entries) == 8
    same_list(study, again)


def test_maps_and_scores_come_back_with_equal_numbers_and_their_limits(study, again):
    assert len(again.findings) == len(MAPS) + 2
    same_findings(study, again)
    canvas = again.need_canvas()
    assert painting(again.findings[0], canvas).limits == (-0.25, 0.5)


def test_maps_made_anew_are_the_maps_that_were_saved(study, again):
    for kind in MAPS:
        kwargs = {"settings": MapSettings(dimension=2)}
        mine, theirs = (
            kind.make(each.need_canvas(), each.need_encoder(), each.concept("like"), **kwargs)
            for each in (study, again)
        )
        np.testing.assert_array_equal(mine.values, theirs.values)
    np.testing.assert_array_equal(study.spot_score("layer").values, again.spot_score("layer").values)


def test_what_was_done_can_still_be_taken_back_and_made_again(folder, saved):
    one, other = full_study(opened_section(folder)), open_study(saved)
    other.redo()
    assert "second unit" in [entry.name for entry in other.entries]
    other.undo()
    while one.can_undo:
        one.undo()
        other.undo()
        same_list(one, other)
    assert not other.can_undo
    assert other.entries == ()


def test_evidence_comes_back_with_its_scores_and_its_sentence(study, again):
    for name in ("like", "layer"):
        one, other = study.known_evidence(name), again.known_evidence(name)
        for word in ("scores", "inside", "folds"):
            np.testing.assert_array_equal(getattr(one, word), getattr(other, word))
        np.testing.assert_array_equal(one.random.aurocs, other.random.aurocs)
        np.testing.assert_allclose(one.random.scores, other.random.scores, rtol=1e-6)
        assert (one.sentence, one.p, one.tried, one.by) == (other.sentence, other.p, other.tried, other.by)


def test_encoders_come_back_with_weights_fingerprint_and_card(study, again):
    assert again.need_encoder().fingerprint == study.need_encoder().fingerprint
    assert again.need_encoder().card == study.need_encoder().card
    assert [each.fingerprint for each in again.spot_encoders] == [each.fingerprint for each in study.spot_encoders]
    assert again.spot_settings == study.spot_settings


def test_the_section_comes_back_to_the_last_digit(study, again):
    one, other = study.section, again.section
    np.testing.assert_array_equal(one.spots, other.spots)
    assert (one.unit, one.pitch, one.spot_diameter, one.name) == (
        other.unit,
        other.pitch,
        other.spot_diameter,
        other.name,
    )
    assert one.notes == other.notes
    assert (one.matrix != other.matrix).nnz == 0
    np.testing.assert_array_equal(one.image.pixels, other.image.pixels)
    np.testing.assert_allclose(one.image.to_world, other.image.to_world)
    assert list(one.adata.obs) == list(other.adata.obs)


def test_saved_once_more_it_is_the_same(again, folder):
    path = save_study(again, folder / "twice.h5ad")
    twice = open_study(path)
    same_list(again, twice)
    same_findings(again, twice)
    assert list(twice.section.adata.obs) == list(again.section.adata.obs)
    assert anndata.read_h5ad(path).obs.columns.tolist() == anndata.read_h5ad(folder / "study.h5ad").obs.columns.tolist()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning", "ignore::FutureWarning")
def test_scanpy_reads_it_and_draws_the_map(study, saved):
    read = scanpy.read_h5ad(saved)
    np.testing.assert_array_equal(read.X.toarray(), study.section.adata.X.toarray())
    made = study.findings[0]
    np.testing.assert_allclose(read.obs[made.title], painting(made, study.need_canvas()).values)
    for axes in (
        scanpy.pl.embedding(read, "spatial", color=made.title, show=False),
        scanpy.pl.spatial(read, color=made.title, show=False, return_fig=False)[0],
    ):
        (drawn,) = [each for each in axes.collections if each.get_array() is not None]
        np.testing.assert_allclose(np.sort(drawn.get_array()), np.sort(read.obs[made.title]), rtol=1e-6)
        plt.close(axes.figure)


def test_what_was_computed_with_is_kept_where_it_is_not_what_x_holds(tmp_path):
    section = tiny_section()
    other = csr_array(section.matrix.toarray() + 1)
    study = empty_study(replace(section, matrix=other))
    again = open_study(save_study(study, tmp_path / "study.h5ad"))
    assert (again.section.matrix != other).nnz == 0
    np.testing.assert_array_equal(again.section.adata.X.toarray(), section.adata.X.toarray())


def test_the_source_is_named_by_its_content(study, saved, again):
    source = again.snapshot().source
    assert source.file.name == "tiny.h5ad"
    assert source.file.sha256 == sha256_of(saved.with_name("tiny.h5ad"))
    assert str(saved.parent) not in anndata.read_h5ad(saved).uns[UNS_KEY]["study"]


def test_a_study_knows_whether_it_is_saved(folder, tmp_path):
    study = Study()
    assert study.is_saved
    study.show(opened_section(folder).view("genes", frame=(8, 8)))
    assert study.is_saved  # nothing to lose yet
    heard = []
    study.saved_changed.connect(lambda: heard.append(study.is_saved))
    study.add(Definition("like", like="Gene3"))
    assert not study.is_saved
    path = study.save(tmp_path / "study.h5ad")
    assert study.is_saved
    assert heard == [False, True]
    snapshot = study.snapshot()
    study.recolour("like", "#000000")
    study.mark_saved(snapshot, path)
    assert not study.is_saved  # changed after the snapshot was taken
    study.save(path)  # its own file needs no leave
    assert study.is_saved
    assert open_study(path).entry("like").colour == "#000000"


@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_a_study_that_is_open_twice_does_not_lose_what_was_saved_by_the_other(folder, tmp_path, ending):
    path = empty_study(opened_section(folder)).save(tmp_path / f"twice.{ending}")
    one, two = open_study(path), open_study(path)
    for name in ("first", "second"):
        one.add(Definition(name, like="Gene3"))
        one.save(path)  # its own file, again and again
    two.add(Definition("other", like="Gene5"))
    with pytest.raises(InputError, match="replaced by something else"):
        two.save(path)
    assert [entry.name for entry in open_study(path).entries] == ["first", "second"]
    assert not two.is_saved
    two.save(path, overwrite=True)
    two.add(Definition("more", like="Gene7"))
    assert two.save(path) == path


def test_a_snapshot_does_not_change_with_its_study(folder, tmp_path):
    study = empty_study(opened_section(folder))
    study.add(Definition("like", like="Gene3"))
    snapshot = study.snapshot()
    study.rename("like", "other")
    study.add(Definition("more", like="Gene5"))
    assert [entry.name for entry in open_study(save_study(snapshot, tmp_path / "s.h5ad")).entries] == ["like"]


def test_neither_the_source_nor_another_file_is_written_over(folder, tmp_path):
    study = empty_study(opened_section(folder))
    before = (folder / "tiny.h5ad").read_bytes()
    link = tmp_path / "link.h5ad"
    link.hardlink_to(folder / "tiny.h5ad")
    for path in (folder / "tiny.h5ad", folder / "." / "tiny.h5ad", link):
        with pytest.raises(InputError, match="not saved over the file"):
            study.save(path, overwrite=True)
    other = tmp_path / "other.h5ad"
    other.write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        study.save(other)
    with pytest.raises(InputError, match=r"saved as \.h5ad"):
        study.save(tmp_path / "study.pickle")
    assert (folder / "tiny.h5ad").read_bytes() == before
    assert other.read_text() == "precious"
    assert not study.is_saved or study.path is None


@pytest.mark.parametrize("name", [".", "..", "_index", "a / b", "a:b", "n" * 500, "µ" * 500])
@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_any_name_that_a_concept_can_have_can_be_saved(folder, tmp_path, name, ending):
    study = empty_study(opened_section(folder))
    study.add(Definition(name, region=Region.from_mask(name * 2, np.arange(study.section.n_spots) < 9)))
    study.keep(MAPS[0].make(study.need_canvas(), study.need_encoder(), study.concept(name)))
    again = open_study(study.save(tmp_path / f"named.{ending}"))
    assert [entry.name for entry in again.entries] == [name]
    same_findings(study, again)


@pytest.mark.parametrize("name", ["n" * 501, "two\nlines", "\0"])
def test_a_name_that_could_not_be_saved_is_refused_when_it_is_given(folder, name):
    study = empty_study(opened_section(folder))
    with pytest.raises(InputError, match="cannot be saved"):
        study.add(Definition(name, like="Gene3"))
    study.add(Definition("like", like="Gene3"))
    with pytest.raises(InputError, match="cannot be saved"):
        study.rename("like", name)


def test_a_full_disk_is_told_and_leaves_what_was_there(folder, tmp_path, monkeypatch):
    study = empty_study(opened_section(folder))
    path = study.save(tmp_path / "study.h5ad")
    before = path.read_bytes()

    def full(self, path, **words):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(anndata.AnnData, "write_h5ad", full)
    study.add(Definition("like", like="Gene3"))
    with pytest.raises(InputError, match=r"cannot be saved there.*No space left"):
        study.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert not study.is_saved


def test_a_network_of_another_package_is_named_and_the_rest_is_kept(tmp_path):
    study = empty_study(tiny_section())
    study.use(tiny_encoder((1, 8, 8)))
    study.add(Definition("like", like="Gene3", neighbours=3))
    study.keep(MAPS[0].make(study.need_canvas(), study.need_encoder(), study.concept("like")))
    again = open_study(study.save(tmp_path / "study.h5ad"))
    assert again.encoder is None
    same_list(study, again)
    same_findings(study, again)


def broken(saved, tmp_path, change):
    """The study with something else under its key."""
    adata = anndata.read_h5ad(saved)
    adata.uns[UNS_KEY] = change(dict(adata.uns[UNS_KEY]))
    path = tmp_path / "broken.h5ad"
    adata.write_h5ad(path)
    return path


def with_record(told, change):
    record = json.loads(told["study"])
    change(record)
    return {**told, "study": json.dumps(record)}


def without_array(told, name):
    return {**told, "arrays": {key: values for key, values in told["arrays"].items() if key != name}}


DAMAGES = {
    "no JSON": lambda told: {**told, "study": "{"},
    "not a record": lambda told: {**told, "study": "[1, 2]"},
    "a word too many": lambda told: with_record(told, lambda record: record.update(surprise=1)),
    "a word missing": lambda told: with_record(told, lambda record: record.pop("section")),
    "no such definition": lambda told: with_record(
        told, lambda record: record["concepts"]["entries"][0].update(definition="nobody")
    ),
    "a region of other spots": lambda told: with_record(
        told, lambda record: record["tables"]["regions"]["inner"]["barcodes"].pop()
    ),
    "a colour that is none": lambda told: with_record(
        told, lambda record: record["concepts"]["entries"][0].update(colour="url(x)")
    ),
    "no values": lambda told: without_array(told, "finding.0.values"),
    "values of another shape": lambda told: {
        **told, "arrays": {**told["arrays"], "finding.0.values": np.zeros((1, 2))}
    },
    "controls of another shape": lambda told: {
        **told, "arrays": {**told["arrays"], "controls.0.0.values": np.zeros((5, 2))}
    },
    "a control that is none": lambda told: with_record(
        told, lambda record: record["controls"][0]["controls"][0].update(name="nobody")
    ),
    "no weights": lambda told: without_array(
        told, next(name for name in told["arrays"] if name.startswith("weights"))
    ),
    "other weights": lambda told: {
        **told,
        "arrays": {
            name: values[::-1] if name.startswith("weights") else values for name, values in told["arrays"].items()
        },
    },
    "other positions": lambda told: {
        **told, "arrays": {**told["arrays"], "section.spots": told["arrays"]["section.spots"] + 1}
    },
    "arrays that are none": lambda told: {**told, "arrays": "garbage"},
    "an unknown form": lambda told: with_record(
        told, lambda record: record["tables"]["definitions"]["like"].update(form="median")
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_study_is_one_clear_error_and_its_section_still_opens(saved, tmp_path, damage):
    path = broken(saved, tmp_path, DAMAGES[damage])
    before = path.read_bytes()
    with pytest.raises(ReadingError, match=r"The study in broken\.h5ad is damaged"):
        open_study(path)
    assert path.read_bytes() == before
    assert open_section(path).n_spots == 42


@pytest.mark.parametrize("number", [None, "three", 0, -1, 2.5, np.array([1, 2])])
def test_what_we_did_not_write_is_refused(saved, tmp_path, number):
    change = {} if number is None else {"format": number}
    path = broken(saved, tmp_path, lambda told: {"anything": 1, **change})
    with pytest.raises(ReadingError, match="was not written by it"):
        open_study(path)


def test_a_newer_format_is_refused_with_the_way_out(saved, tmp_path):
    path = broken(saved, tmp_path, lambda told: {**told, "format": FORMAT_VERSION + 1})
    with pytest.raises(ReadingError, match=rf"newer format.*format {FORMAT_VERSION + 1} for {FORMAT_VERSION}.*Update"):
        open_study(path)


def test_a_section_alone_holds_no_study(folder, tmp_path):
    bare = anndata.read_h5ad(folder / "tiny.h5ad")
    del bare.uns[UNS_KEY]
    bare.write_h5ad(tmp_path / "bare.h5ad")
    with pytest.raises(ReadingError, match="holds no study"):
        open_study(tmp_path / "bare.h5ad")
    with pytest.raises(ReadingError, match="There is no file"):
        open_study(tmp_path / "nowhere.h5ad")


def test_concepts_that_were_only_tried_are_not_kept(folder):
    study = empty_study(opened_section(folder))
    study.try_definition(Definition("tried", like="Gene5", neighbours=3))
    kept = study.add(Definition("kept", like="Gene3", neighbours=3)).definition
    study.concept("kept")
    assert list(study.snapshot().made) == [kept]
    study.remove("kept")
    assert list(study.snapshot().made) == [kept]  # undo brings it back
