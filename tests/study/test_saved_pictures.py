"""Saved studies of pictures and slides: they find their pixels again, and nothing of them is lost."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields

import anndata
import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas.patch_coverage import covered_parts
from conceptstain.errors import InputError, ReadingError
from conceptstain.methods.item_score import ItemScore
from conceptstain.study import picture_records
from conceptstain.study.packing import packed, plain
from conceptstain.study.picture_saving import unkept
from conceptstain.study.saving import is_study_of_pictures, open_study, save_study
from picture_studies import QUICK, full_study, opened_pictures, opened_slide, picture_folder, slide_file, study_of
from pictures import noise, write_picture
from studies import same_concept

KINDS = ("pictures", "slide", "arrays", "levels")


def canvas_of(kind, folder):
    if kind == "pictures":
        return opened_pictures(picture_folder(folder))
    if kind == "slide":
        return opened_slide(slide_file(folder))
    if kind == "arrays":
        return cs.open(noise(12, 8, 9, 3, dtype=np.uint16), as_="images", name="layer").view(frame=8)
    levels = [noise(64, 56, dtype=np.float32, seed=3), noise(32, 28, dtype=np.float32, seed=3)]
    return cs.open(levels, as_="slide", name="layer", to_world=np.diag([0.5, 0.75, 1]), unit="µm").view(
        size=8, stride=4, background="keep"
    )


@pytest.fixture(scope="module", params=KINDS)
def kept(request, tmp_path_factory):
    """A study, its file, and the study that was opened from it."""
    folder = tmp_path_factory.mktemp(request.param)
    study = full_study(canvas_of(request.param, folder))
    path = save_study(study, folder / "study.h5ad")
    return study, path, open_study(path)


def same_studies(one, other):
    assert [entry.name for entry in one.entries] == [entry.name for entry in other.entries]
    for mine, theirs in zip(one.entries, other.entries, strict=True):
        assert mine.colour == theirs.colour
        for word in ("name", "like", "items", "against", "form", "neighbours", "unit", "space", "least_covered"):
            assert getattr(mine.definition, word) == getattr(theirs.definition, word)
    assert [made.title for made in one.findings] == [made.title for made in other.findings]
    for mine, theirs in zip(one.findings, other.findings, strict=True):
        assert type(mine) is type(theirs)
        np.testing.assert_array_equal(mine.values, theirs.values)
        assert mine.values.dtype == theirs.values.dtype
        for field in fields(mine):
            if field.name not in {"values", "concept", "settings"}:
                assert getattr(mine, field.name) == getattr(theirs, field.name)
        assert plain(mine.settings) == plain(theirs.settings)
        same_concept(mine.concept, theirs.concept)


def same_pixels(one, other):
    np.testing.assert_array_equal(one.inputs(np.arange(len(one))), other.inputs(np.arange(len(other))))
    assert list(one.item_names) == list(other.item_names)
    assert one.settings == other.settings
    mine, theirs = one.source, other.source
    for word in ("name", "content", "unit", "notes", "opened_with"):
        assert getattr(mine, word) == getattr(theirs, word)
    np.testing.assert_array_equal(mine.to_world, theirs.to_world)


def test_concepts_scores_maps_and_colours_come_back_with_equal_numbers(kept):
    study, _, again = kept
    same_studies(study, again)
    assert again.is_saved
    assert any(isinstance(made, ItemScore) for made in again.findings)


def test_the_pictures_come_back_to_the_last_pixel_named_and_placed_as_they_were(kept):
    study, _, again = kept
    same_pixels(study.canvas, again.canvas)


def test_what_was_done_can_still_be_taken_back_and_made_again(kept):
    study, path, _ = kept
    again = open_study(path)
    again.redo()
    assert "second unit" in [entry.name for entry in again.entries]
    again.undo()
    same_studies(study, again)


def test_evidence_comes_back_with_its_scores_and_its_sentence(kept):
    study, _, again = kept
    for name in ("ticked", "painted"):
        if name in [entry.name for entry in study.entries]:
            one, other = study.known_evidence(name), again.known_evidence(name)
            for word in ("scores", "inside", "folds"):
                np.testing.assert_array_equal(getattr(one, word), getattr(other, word))
            assert (one.sentence, one.p, one.tried, one.by, one.items) == (
                other.sentence,
                other.p,
                other.tried,
                other.by,
                other.items,
            )


def test_controls_come_back_as_they_were_drawn(kept, monkeypatch):
    study, _, again = kept
    monkeypatch.setattr("conceptstain.methods.controls.controls", lambda *_, **__: pytest.fail("drawn again"))
    asked = [("ticked", "gradient", None)] + [("painted", "occlusion", QUICK)] * (study.canvas.noun == "patch")
    for name, key, settings in asked:
        one, other = (each.controls(name, key, settings=settings) for each in (study, again))
        assert (one.sentences, one.judged, one.auroc, one.items) == (
            other.sentences,
            other.judged,
            other.auroc,
            other.items,
        )
        np.testing.assert_array_equal(one.values, other.values)
        for mine, theirs in zip(one.controls, other.controls, strict=True):
            assert (mine.name, mine.explanation) == (theirs.name, theirs.explanation)
            for word in ("values", "aurocs", "correlations"):
                np.testing.assert_array_equal(getattr(mine, word), getattr(theirs, word))


def test_scores_made_anew_are_those_that_were_saved(kept):
    study, _, again = kept
    assert again.need_encoder().fingerprint == study.need_encoder().fingerprint
    np.testing.assert_array_equal(study.item_scores("ticked"), again.item_scores("ticked"))


def test_saved_once_more_it_is_the_same(kept, tmp_path):
    _, _, again = kept
    twice = open_study(save_study(again, tmp_path / "twice.h5ad"), pictures=again.source)
    one, other = packed(again.snapshot()), packed(twice.snapshot())
    assert one.record == other.record
    for name, values in one.arrays.items():
        if not name.startswith("weights"):
            np.testing.assert_array_equal(values, other.arrays[name])


def test_plain_anndata_reads_the_scores_of_every_picture(kept):
    study, path, _ = kept
    adata = anndata.read_h5ad(path)
    assert list(adata.obs_names) == list(study.canvas.item_names)
    np.testing.assert_array_equal(adata.obs["ticked - concept score, again"], study.findings[-1].values)
    if study.canvas.noun == "patch":
        inside = adata.obsm["spatial"][0] - study.canvas.to_world(0)[:2, 2][::-1]
        assert (inside > 0).all()


def test_a_region_on_a_slide_covers_the_same_parts_of_every_patch(kept):
    study, _, again = kept
    for mine, theirs in zip(study.entries, again.entries, strict=True):
        if mine.definition.region is not None:
            one = covered_parts(mine.definition.region, study.canvas)
            assert 0 < one.sum() < len(one)
            np.testing.assert_array_equal(one, covered_parts(theirs.definition.region, again.canvas))
            assert str(mine.definition.region.selector) == str(theirs.definition.region.selector)


# -- where the pixels are ----------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    """Pictures and a slide, each with a study beside them."""
    folder = tmp_path / "data"
    study_of(opened_pictures(picture_folder(folder))).save(tmp_path / "pictures.h5ad")
    study_of(opened_slide(slide_file(folder))).save(tmp_path / "slide.h5ad")
    return tmp_path


def test_a_folder_of_zarr_holds_a_study_of_pictures_too(home):
    study = open_study(home / "slide.h5ad")
    path = study.save(home / "slide.zarr")
    same_pixels(study.canvas, open_study(path).canvas)
    with pytest.raises(ReadingError, match="is a study of pictures or of a slide"):
        cs.open(path)


def test_no_pixel_of_a_file_is_in_the_study(home):
    for name in ("pictures.h5ad", "slide.h5ad"):
        arrays = anndata.read_h5ad(home / name).uns["conceptstain"]["arrays"]
        assert not [each for each in arrays if each.startswith("pixels")]


def test_a_study_that_moves_with_its_pictures_finds_them(home, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "all"
    home.rename(elsewhere)
    assert open_study(elsewhere / "pictures.h5ad").source.path == elsewhere / "data" / "cells"
    assert open_study(elsewhere / "slide.h5ad").source.path == elsewhere / "data" / "slide.ome.tif"


def test_a_study_that_is_moved_alone_finds_its_pictures_where_they_were(home, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("alone")
    for name in ("pictures.h5ad", "slide.h5ad"):
        assert len(open_study((home / name).rename(elsewhere / name)).canvas) > 0


def test_a_picture_that_came_to_the_folder_since_is_not_of_the_study(home):
    before = open_study(home / "pictures.h5ad").canvas
    write_picture(home / "data" / "cells" / "a new one.png", noise(9, 8, seed=99))
    same_pixels(before, open_study(home / "pictures.h5ad").canvas)


@pytest.mark.parametrize(
    ("name", "moved"), [("pictures.h5ad", "cells"), ("slide.h5ad", "slide.ome.tif")], ids=["pictures", "slide"]
)
def test_pictures_that_are_gone_are_asked_for_and_found_where_the_user_says(home, name, moved):
    before = open_study(home / name).canvas
    before.inputs(range(len(before)))
    there = (home / "data" / moved).rename(home / f"other {moved}")
    with pytest.raises(ReadingError, match="not where the study knows") as told:
        open_study(home / name)
    assert f'conceptstain.open_study("{name}", pictures=' in told.value.cure
    for given in (there, str(there), cs.open(there)):
        same_pixels(before, open_study(home / name, pictures=given).canvas)


def test_pictures_are_known_by_their_pixels_whatever_their_files_are_called(home):
    before = open_study(home / "pictures.h5ad").canvas
    before.inputs(range(len(before)))
    folder = (home / "data" / "cells").rename(home / "elsewhere")
    for number, file in enumerate(sorted(folder.glob("c*.png"))):
        file.rename(folder / f"image{99 - number}.png")
    again = open_study(home / "pictures.h5ad", pictures=folder).canvas
    same_pixels(before, again)


def test_pictures_that_changed_are_named(home):
    write_picture(home / "data" / "cells" / "cell 3.png", noise(9, 9, seed=77))
    (home / "data" / "cells" / "cell 5.png").unlink()
    with pytest.raises(
        ReadingError, match=r"2 of the 13 pictures of cells .* changed since. Got cell 3.png, cell 5.png"
    ):
        open_study(home / "pictures.h5ad")


def test_a_slide_that_changed_is_refused(home):
    path = home / "data" / "slide.ome.tif"
    shutil.copy(slide_file(home / "new", side=80), path)
    with pytest.raises(ReadingError, match="The slide slide is another than it was"):
        open_study(home / "slide.h5ad")


def test_pictures_for_a_slide_are_refused(home):
    with pytest.raises(ReadingError, match="not what the study of slide was made of"):
        open_study(home / "slide.h5ad", pictures=cs.open(noise(4, 8, 8), as_="images"))


def test_a_study_is_not_saved_over_its_slide(tmp_path):
    canvas = opened_slide(slide_file(tmp_path))
    path = canvas.slide.path.rename(tmp_path / "slide.zarr")
    study = study_of(opened_slide(slide_file(tmp_path)))
    study.canvas.slide.__dict__["path"] = path
    with pytest.raises(InputError, match="not saved over the file that its pictures were read from"):
        study.save(path, overwrite=True)


def test_pictures_of_no_file_that_are_too_many_are_not_kept_and_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_records, "MOST_KEPT", 100)
    steps = []
    canvas = canvas_of("arrays", tmp_path)
    study = study_of(canvas)
    assert "are in no file" in unkept(study.snapshot())
    path = study.save(tmp_path / "study.h5ad", report=steps.append)
    assert steps[-1].message == unkept(study.snapshot())
    with pytest.raises(ReadingError, match="pixels that were in no file"):
        open_study(path)
    same_pixels(canvas, open_study(path, pictures=noise(12, 8, 9, 3, dtype=np.uint16)).canvas)


# -- what is no study of pictures --------------------------------------------------------------------------------------


def test_opened_as_a_section_it_says_what_it_is(home):
    assert is_study_of_pictures(home / "slide.h5ad")
    for look in (cs.open, cs.sections):
        with pytest.raises(ReadingError, match="is a study of pictures or of a slide, not a section") as told:
            look(home / "slide.h5ad")
        assert told.value.cure == 'Open it with conceptstain.open_study("slide.h5ad")'


def test_pictures_are_not_asked_for_by_a_study_of_a_section(tmp_path):
    from studies import empty_study, opened_section

    path = save_study(empty_study(opened_section(tmp_path)), tmp_path / "study.h5ad")
    assert not is_study_of_pictures(path)
    with pytest.raises(InputError, match="no study of pictures"):
        open_study(path, pictures=tmp_path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"content": "nonsense"}, "content"),
        ({"files": ["../../etc/passwd"]}, "from the folder that holds it"),
        ({"files": []}, "of a file that is not named"),
        ({"pictures": []}, "pictures"),
        ({"more": 1}, "more"),
    ],
)
def test_a_record_that_nobody_wrote_is_refused(home, words, told):
    adata = anndata.read_h5ad(home / "pictures.h5ad")
    record = json.loads(adata.uns["conceptstain"]["study"])
    record["shown"] |= words
    adata.uns["conceptstain"]["study"] = json.dumps(record)
    adata.write_h5ad(home / "garbage.h5ad")
    with pytest.raises(ReadingError, match=f"is damaged; nothing was changed. Got .*{told}"):
        open_study(home / "garbage.h5ad")


def test_a_study_of_a_section_and_of_pictures_at_once_is_refused(home):
    adata = anndata.read_h5ad(home / "pictures.h5ad")
    record = json.loads(adata.uns["conceptstain"]["study"])
    adata.uns["conceptstain"]["study"] = json.dumps(record | {"shown": None})
    adata.write_h5ad(home / "garbage.h5ad")
    with pytest.raises(ReadingError, match="of a section, of pictures or of a slide"):
        open_study(home / "garbage.h5ad")
