from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr

import conceptstain as cs
from conceptstain.canvas.opening import kind_of, open_source
from conceptstain.errors import InputError, ReadingError
from pictures import noise, pyramid, write_ome_zarr, write_picture, write_pyramid
from written import lattice_anndata, table_text, write_zarr


def test_one_word_opens_everything():
    assert cs.open is open_source


def folder_of(path, number=3, ending=".png"):
    for index in range(number):
        write_picture(path / f"{index}{ending}", noise(20, 24, 3, seed=index))
    return path


def test_a_folder_of_images_is_images(tmp_path):
    images = cs.open(folder_of(tmp_path / "faces"))
    assert isinstance(images, cs.Images)
    assert (images.name, images.names) == ("faces", ("0.png", "1.png", "2.png"))
    assert images.path == tmp_path / "faces"


def test_what_a_path_is_can_be_asked_without_opening_it(tmp_path):
    one = write_picture(tmp_path / "one.png", noise(20, 24, 3))
    (tmp_path / "counts.tsv").write_text("nothing that could be opened")
    assert kind_of(one) == "slide"
    assert kind_of(folder_of(tmp_path / "faces")) == "images"
    assert kind_of(tmp_path / "counts.tsv") == "section"


def test_a_pattern_is_images(tmp_path):
    folder_of(tmp_path / "faces" / "a")
    folder_of(tmp_path / "faces" / "b", 2, ".jpg")
    assert len(cs.open(str(tmp_path / "faces" / "a" / "[01].png"))) == 2
    both = cs.open(f"{tmp_path}/faces/**/*.*")
    assert both.names == ("0.png", "1.png", "2.png", "0.jpg", "1.jpg")
    assert both.name == "faces"


def test_names_are_in_the_order_that_people_count(tmp_path):
    for name in ("b10", "b9", "a", "b1"):
        write_picture(tmp_path / f"{name}.png", noise(20, 24))
    assert cs.open(tmp_path).names == ("a.png", "b1.png", "b9.png", "b10.png")
    assert cs.open(f"{tmp_path}/b*.png").names == ("b1.png", "b9.png", "b10.png")


def test_a_pattern_that_fits_nothing_is_told(tmp_path):
    with pytest.raises(ReadingError, match="No file fits the pattern"):
        cs.open(f"{tmp_path}/*.png")


def test_a_name_with_brackets_is_a_file_where_there_is_one(tmp_path):
    assert isinstance(cs.open(write_picture(tmp_path / "a[1].png", noise(70, 80, 3))), cs.Slide)


def test_a_list_of_files_is_images_in_its_order(tmp_path):
    folder_of(tmp_path)
    assert cs.open([tmp_path / "2.png", str(tmp_path / "0.png")]).names == ("2.png", "0.png")


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    folder_of(tmp_path / "a", 1)
    folder_of(tmp_path / "b", 1)
    assert cs.open([tmp_path / "a" / "0.png", tmp_path / "b" / "0.png"]).names == ("a/0.png", "b/0.png")


def test_a_tiff_of_several_pages_is_images_and_of_one_a_slide(tmp_path):
    stack = write_picture(tmp_path / "stack.tif", noise(4, 70, 80), photometric="minisblack")
    assert cs.open(stack).names == ("stack.tif[0]", "stack.tif[1]", "stack.tif[2]", "stack.tif[3]")
    single = write_picture(tmp_path / "one.tif", noise(70, 80), photometric="minisblack")
    assert isinstance(cs.open(single), cs.Slide)
    assert len(cs.open(single, as_="images")) == 1


def test_pyramids_are_slides(tmp_path):
    levels = pyramid(noise(128, 160, 3))
    assert len(cs.open(write_pyramid(tmp_path / "a.tif", levels)).levels) == 3
    assert len(cs.open(write_ome_zarr(tmp_path / "b.zarr", levels)).levels) == 3
    assert len(cs.open(write_ome_zarr(tmp_path / "c", levels, version="0.5")).levels) == 3
    assert len(cs.open(levels, as_="slide").levels) == 3


@pytest.mark.parametrize("wrap", [np.asarray, da.asarray, zarr.array])
def test_arrays_of_one_picture_are_slides_and_of_several_images(wrap):
    assert isinstance(cs.open(wrap(noise(70, 80))), cs.Slide)
    assert isinstance(cs.open(wrap(noise(70, 80, 3))), cs.Slide)
    assert len(cs.open(wrap(noise(5, 70, 80)))) == 5
    assert len(cs.open(wrap(noise(5, 70, 80, 3)))) == 5


def test_one_array_is_a_set_of_one_where_asked():
    assert cs.open(noise(70, 80, 3), as_="images").sizes == ((70, 80),)


def test_arrays_of_several_sizes_are_images():
    images = cs.open([noise(20, 30), noise(40, 20), noise(10, 90)], names=["a", "b", "c"])
    assert (images.names, images.sizes) == (("a", "b", "c"), ((20, 30), (40, 20), (10, 90)))


def test_a_list_that_may_be_a_pyramid_is_asked_about():
    levels = pyramid(noise(64, 64))
    with pytest.raises(InputError, match='as_="images" for pictures, or as_="slide"'):
        cs.open(levels)
    assert len(cs.open(levels, as_="images")) == 3


def test_sections_stay_sections(tmp_path):
    write_zarr(lattice_anndata(), tmp_path / "new.zarr")
    (tmp_path / "a.tsv").write_text(table_text())
    assert isinstance(cs.open(tmp_path / "new.zarr"), cs.Section)
    assert isinstance(cs.open(str(tmp_path / "a.tsv")), cs.Section)
    with pytest.raises(ReadingError, match="not a kind of file that can be opened"):
        cs.open(write_text(tmp_path / "a.csv"))
    with pytest.raises(ReadingError, match="There is no file"):
        cs.open(tmp_path / "gone.h5ad")


def write_text(path):
    path.write_text("x")
    return path


def test_a_folder_with_images_and_a_section_is_asked_about(tmp_path):
    (tmp_path / "a.tsv").write_text(table_text())
    folder_of(tmp_path)
    with pytest.raises(InputError, match=r'two ways.*a\.tsv.*as_="images"'):
        cs.open(tmp_path)
    assert len(cs.open(tmp_path, as_="images")) == 3


def test_a_folder_of_folders_says_which_there_are(tmp_path):
    folder_of(tmp_path / "images")
    folder_of(tmp_path / "masks", 2)
    with pytest.raises(ReadingError, match=r"images \(3\), masks \(2\)"):
        cs.open(tmp_path)


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(ReadingError, match="a folder"):
        cs.open(tmp_path)
    with pytest.raises(ReadingError, match="holds no images"):
        cs.open(tmp_path, as_="images")


@pytest.mark.parametrize("what", [[], 3, None, [noise(4, 4), "a.png"], noise(9), noise(2, 3, 4, 5, 6)])
def test_what_cannot_be_opened_is_told(what):
    with pytest.raises(InputError, match=r"cannot be opened|neither pictures nor a slide"):
        cs.open(what)


def test_options_of_another_kind_are_told(tmp_path):
    folder_of(tmp_path)
    with pytest.raises(InputError, match=r"Images are not opened with that.*gene_names=.*Use name"):
        cs.open(tmp_path, gene_names="symbol")
    with pytest.raises(InputError, match="Use section, images or slide"):
        cs.open(tmp_path, as_="faces")
    with pytest.raises(InputError, match="Several files are not a slide"):
        cs.open([tmp_path / "0.png", tmp_path / "1.png"], as_="slide")


def test_how_it_was_opened_is_kept(tmp_path):
    images = cs.open(folder_of(tmp_path), pixel_size=0.5, as_="images")
    assert images.opened_with == {"pixel_size": 0.5, "as_": "images"}


def test_pixels_have_the_size_that_was_told(tmp_path):
    images = cs.open(folder_of(tmp_path), pixel_size=0.5)
    assert images.unit == "µm"
    np.testing.assert_array_equal(images.to_world, np.diag([0.5, 0.5, 1]))
    matrix = np.array([[2.0, 0, 7], [0, 3, 5], [0, 0, 1]])
    slide = cs.open(noise(70, 80), to_world=matrix, unit="µm")
    assert slide.unit == "µm"
    np.testing.assert_array_equal(slide.to_world, matrix)
    for wrong in (
        {"pixel_size": 0.0},
        {"pixel_size": 1.0, "to_world": matrix},
        {"unit": "µm"},
        {"to_world": np.eye(2)},
    ):
        with pytest.raises(InputError):
            cs.open(noise(70, 80), **wrong)


def test_the_data_of_napari_layers_are_what_they_are_there():
    from napari.layers import Image

    levels = pyramid(noise(64, 96))
    slide = cs.open(Image(levels, multiscale=True).data)
    assert [level.size for level in slide.levels] == [(64, 96), (32, 48), (16, 24)]
    images = cs.open(Image(noise(5, 20, 30)).data)
    assert len(images) == 5
