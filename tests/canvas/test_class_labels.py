from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conceptstain.canvas.annotation_table import read_annotations
from conceptstain.canvas.class_labels import ClassLabels, class_labels
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.opening import open_source
from conceptstain.canvas.region import Region
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.errors import InputError
from factories import PITCH, tiny_section
from pictures import noise, write_picture


def spots() -> SpotProfiles:
    return tiny_section().view("spots")


def pictures(folder: Path) -> ImageSet:
    """Two of cats, three of dogs."""
    for number, kind in enumerate(["cat", "cat", "dog", "dog", "dog"]):
        write_picture(folder / kind / f"{number}.png", noise(16, 16, seed=number))
    return open_source(str(folder / "*" / "*.png")).view("images", frame=16)


def told(labels: ClassLabels) -> list[str]:
    return ["" if code < 0 else labels.classes[code] for code in labels.codes]


def test_spots_have_the_class_that_obs_says() -> None:
    canvas = spots()
    labels = class_labels(canvas, obs="layer")
    assert told(labels) == canvas.section.adata.obs["layer"].tolist()
    assert labels.counts == canvas.section.adata.obs["layer"].value_counts().to_dict()
    assert labels.notes == ()


def test_pictures_have_the_class_of_their_folder(tmp_path: Path) -> None:
    assert told(class_labels(pictures(tmp_path), folders=True)) == ["cat", "cat", "dog", "dog", "dog"]


def test_pictures_have_the_class_that_a_table_says_numbers_too(tmp_path: Path) -> None:
    canvas = pictures(tmp_path)
    table = tmp_path / "kinds.csv"
    table.write_text("name,digit,other\n4.png,7,a\n0,3,b\n1.png,3,\nstranger,3,b\n")
    labels = class_labels(canvas, table=table, column="digit")
    assert told(labels) == ["3", "3", "", "", "7"]
    assert any("stranger" in note for note in labels.notes)
    assert any("2 pictures of 5 without a class" in note for note in labels.notes)


def test_spots_have_the_class_that_a_table_says(tmp_path: Path) -> None:
    canvas = spots()
    table = tmp_path / "layers.csv"
    table.write_text(f"spot,layer\n{canvas.item_names[3]},GCL\n{canvas.item_names[1]},MCL\nnowhere,GCL\n")
    labels = class_labels(canvas, table=table)
    assert labels.classes == ("GCL", "MCL")
    assert [told(labels)[item] for item in (1, 2, 3)] == ["MCL", "", "GCL"]
    assert "nowhere" in labels.notes[0]


def test_an_attribute_is_told_from_what_does_not_have_it(tmp_path: Path) -> None:
    canvas = pictures(tmp_path)
    table = tmp_path / "said.csv"
    table.write_text("name,glasses,kind\n0,1,a\n1,0,b\n2,,b\n3,1,\n")
    said = read_annotations(table)
    assert told(class_labels(canvas, annotations=said, column="glasses")) == [
        "glasses",
        "not glasses",
        "",
        "glasses",
        "",
    ]
    assert told(class_labels(canvas, annotations=said, column="kind")) == ["a", "b", "b", "", ""]
    all_of_them = class_labels(canvas, annotations=said)
    assert told(all_of_them) == ["", "kind = b", "kind = b", "glasses", ""]
    assert any("1 picture with several" in note for note in all_of_them.notes)


def test_regions_are_classes_of_the_spots_in_them_and_of_none_where_they_overlap() -> None:
    canvas = spots()
    left, right = (
        Region.from_polygon(name, np.array([[-1, low], [-1, high], [9, high], [9, low]]) * PITCH)
        for name, low, high in (("left", -1, 3.5), ("right", 2.5, 9))
    )
    labels = class_labels(canvas, regions=[left, right])
    x = canvas.places[:, 1] / PITCH
    assert set(np.array(told(labels))[x < 2]) == {"left"}
    assert set(np.array(told(labels))[x > 4]) == {"right"}
    assert set(np.array(told(labels))[(x > 2.7) & (x < 3.3)]) == {""}
    assert any("several regions" in note for note in labels.notes)


def test_patches_of_a_slide_have_the_class_of_the_region_that_covers_them() -> None:
    canvas = open_source(noise(64, 96, 3)).view("patches", size=16, stride=16, background="keep")
    left, right = (
        Region.from_polygon(name, np.array([[-1.0, low], [-1, high], [65, high], [65, low]]))
        for name, low, high in (("left", -1, 40), ("right", 60, 97))
    )
    labels = class_labels(canvas, regions=[left, right])
    columns = canvas.corners[:, 1]
    assert {name for name, column in zip(told(labels), columns, strict=True) if column <= 1} == {"left"}
    assert {name for name, column in zip(told(labels), columns, strict=True) if column == 3} == {""}
    assert {name for name, column in zip(told(labels), columns, strict=True) if column >= 4} == {"right"}
    assert labels.counts == {"left": 12, "right": 8}


def test_the_order_of_categories_is_kept_and_empty_ones_are_left_out() -> None:
    canvas = spots()
    layers = canvas.section.adata.obs["layer"].astype(str)
    ordered = layers.astype(pd.CategoricalDtype(["outer", "empty", "inner"]))
    assert class_labels(canvas, values=ordered).classes == ("outer", "inner")


def test_targets_are_one_for_the_class_and_none_where_it_is_not_known() -> None:
    canvas = spots()
    first, second = canvas.item_names[:2]
    labels = class_labels(canvas, values={first: "a", second: "b"})
    np.testing.assert_array_equal(labels.of([1, 0, 2]), [[0, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(labels.labelled, [0, 1])


@pytest.mark.parametrize(
    ("sources", "what"),
    [
        ({}, "one source"),
        ({"obs": "layer", "folders": True}, "one source"),
        ({"obs": "no such"}, "no annotation of that name"),
        ({"folders": True}, "lie in folders"),
        ({"values": {"nobody": "a"}}, "no spots of these names"),
        ({"values": {}}, "no classes"),
    ],
)
def test_sources_that_say_nothing_are_refused(sources: dict[str, object], what: str) -> None:
    with pytest.raises(InputError, match=what):
        class_labels(spots(), **sources)  # type: ignore[arg-type]


def test_columns_that_are_not_there_are_refused_with_those_there_are(tmp_path: Path) -> None:
    canvas = spots()
    table = tmp_path / "layers.csv"
    table.write_text(f"spot,layer,depth\n{canvas.item_names[0]},GCL,1\n")
    for column, what in (("layers", "no column"), (None, "several columns")):
        with pytest.raises(InputError, match=f"{what}.*layer, depth"):
            class_labels(canvas, table=table, column=column)
    table.write_text("spot,layer\nx,GCL\n")
    with pytest.raises(InputError, match="says nothing about"):
        class_labels(canvas, table=table)
    table.write_text(f"spot,layer\n{canvas.item_names[0]},GCL\n{canvas.item_names[0]},MCL\n")
    with pytest.raises(InputError, match="more than once"):
        class_labels(canvas, table=table)


def test_what_is_not_for_a_canvas_is_refused(tmp_path: Path) -> None:
    canvas = pictures(tmp_path)
    with pytest.raises(InputError, match="annotated in obs"):
        class_labels(canvas, obs="layer")
    with pytest.raises(InputError, match="spots or of patches"):
        class_labels(canvas, regions=[Region.from_obs("layer", "inner")])
    said = read_annotations(_table(tmp_path), canvas)
    with pytest.raises(InputError, match="Annotations are of pictures"):
        class_labels(spots(), annotations=said)
    with pytest.raises(InputError, match="no attribute"):
        class_labels(canvas, annotations=said, column="hat")


def test_labels_of_other_items_are_refused(tmp_path: Path) -> None:
    labels = class_labels(spots(), obs="layer")
    labels.check(spots())
    with pytest.raises(InputError, match="other pictures"):
        labels.check(pictures(tmp_path))


def _table(folder: Path) -> Path:
    table = folder / "said.csv"
    table.write_text("name,glasses\n0,1\n1,0\n")
    return table
