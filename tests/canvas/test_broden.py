"""Broden's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import conceptstain as cs
from conceptstain.canvas.broden import open_broden
from conceptstain.canvas.label_maps import Label
from conceptstain.errors import InputError, MismatchError, ReadingError
from pictures import noise, write_picture

NUMBERS = {"wall": 3, "sky": 300, "rare": 7, "street": 12, "brick": 40}


def coded(numbers: np.ndarray) -> np.ndarray:
    return np.stack([numbers % 256, numbers // 256, np.zeros_like(numbers)], axis=-1).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures; masks of half their size; a scene; brick is an object here and there, but more of a material."""
    folder = tmp_path / "broden"
    rng = np.random.default_rng(0)
    for number in range(3):
        write_picture(folder / "images" / "set" / f"{number}.png", noise(16, 16, 3, seed=number))
    for number in range(2):
        mask = rng.choice([0, 3, 300, 7], (8, 8))
        np.save(tmp_path / f"{number}.npy", mask)
        write_picture(folder / "images" / "set" / f"{number}_object.png", coded(mask))
    write_picture(folder / "images" / "set" / "0_material.png", coded(np.full((8, 8), 40)))
    files = {
        "category.csv": "name,first,last,count,frequency\nobject,0,3,3,2\nmaterial,0,1,1,1\nscene,0,1,1,2\n",
        "label.csv": "number,name,category,frequency,coverage,syns\n"
        "0,-,,0,0,\n3,wall,object(2),2,9,\n7,rare,object(1),1,1,\n12,street,scene(2),2,2,\n40,brick,material(1);object(1),2,1,\n300,sky,object(2),2,9,\n",
        "c_object.csv": "code,number,name,frequency,coverage\n"
        "1,3,wall,2,0.6\n2,7,rare,1,0.1\n3,300,sky,2,0.6\n4,40,brick,2,0.1\n",
        "c_material.csv": "code,number,name,frequency,coverage\n1,40,brick,2,1.0\n",
        "c_scene.csv": "code,number,name,frequency,coverage\n1,12,street,2,2.0\n",
        "index.csv": "image,split,ih,iw,sh,sw,object,material,scene\n"
        "set/0.png,train,16,16,8,8,set/0_object.png,set/0_material.png,12\n"
        "set/1.png,val,16,16,8,8,set/1_object.png,,12\nset/2.png,train,16,16,8,8,,,\n",
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def test_masks_scenes_and_categories_are_read(folder: Path) -> None:
    broden = open_broden(folder)
    assert broden.images.names == ("0.png", "1.png", "2.png")
    canvas = broden.images.view("images", frame=16)
    maps = broden.maps(canvas)
    assert maps.categories == ("object", "material", "scene")
    assert Label("brick", "material") in maps.labels
    assert Label("brick", "object") not in maps.labels  # it covers more as a material
    assert maps.items.tolist() == [0, 1]
    found = maps.of([0, 1])
    for item in (0, 1):
        mask = np.kron(np.load(folder.parent / f"{item}.npy"), np.ones((2, 2), dtype=int))
        for name in ("wall", "sky", "rare"):
            assert ((found.planes[item, ..., 0] == maps.number(name)) == (mask == NUMBERS[name])).all()
    assert (found.planes[0, ..., 1] == maps.number("brick")).all()
    assert not found.planes[1, ..., 1].any()
    assert found.whole[:, maps.number("street")].tolist() == [True, True]
    assert not found.whole[:, 0].any()


def test_a_split_and_labels_on_enough_pictures_are_kept(folder: Path) -> None:
    broden = open_broden(folder, split="train", least_images=2)
    assert broden.images.names == ("0.png", "2.png")
    assert "rare" not in {label.name for label in broden.labels}
    maps = broden.maps(broden.images.view("images", frame=16))
    rare = np.kron(np.load(folder.parent / "0.npy"), np.ones((2, 2), dtype=int)) == NUMBERS["rare"]
    assert (maps.of([0]).planes[0, ..., 0][rare] == 0).all()


def test_what_is_not_in_the_layout_is_told(folder: Path) -> None:
    with pytest.raises(InputError, match="no pictures of that split"):
        open_broden(folder, split="test")
    with pytest.raises(InputError, match="on so many pictures"):
        open_broden(folder, least_images=100)
    with pytest.raises(MismatchError, match="other pictures"):
        open_broden(folder).maps(cs.open(noise(2, 16, 16), as_="images").view("images", frame=16))
    (folder / "c_object.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReadingError, match=r"c_object.csv has no column coverage"):
        open_broden(folder)
    (folder / "c_object.csv").unlink()
    with pytest.raises(ReadingError, match=r"has no c_object.csv"):
        open_broden(folder)
