from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.canvas.array_image import place_on_array, published_companions, read_alignment
from conceptstain.errors import InputError, ReadingError
from strategies import laws
from written import mark_in_world, write_image

SPOTS = np.array([[0.0, 0.0], [3400.0, 3200.0]])


def world(x: float, y: float) -> list[float]:
    return [(y - 1) * 200.0, (x - 1) * 200.0]


def aligned(tmp_path, numbers: str):
    path = tmp_path / "alignment.txt"
    path.write_text(numbers)
    return path


def test_without_alignment_the_array_fills_the_image(tmp_path):
    path = write_image(tmp_path / "he.png", 680, 640, marks=[(340, 200)])
    image, notes = place_on_array(path, None, None, SPOTS, pitch=200)
    # 640 pixels hold 32 pitches: the centre of column 200 lies 200.5 / 20 pitches in.
    np.testing.assert_allclose(mark_in_world(image.pixels, image.to_world), [340.5 * 10, 200.5 * 10])
    assert "cropped to the array" in notes[0]


def test_the_corners_of_the_array_are_the_corners_of_the_image(tmp_path):
    path = write_image(tmp_path / "he.png", 100, 70)
    image, _ = place_on_array(path, None, None, SPOTS, pitch=200)
    corners = image.to_world @ np.array([[-0.5, -0.5, 1], [99.5, 69.5, 1]]).T
    np.testing.assert_allclose(corners[:2].T, [world(1, 1), world(33, 35)], atol=1e-9)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_an_alignment_places_a_spot_on_its_pixel_at_any_scale(tmp_path, parts):
    # At full size position (x, y) lies at (100 x - 60, 100 y - 60); (5, 3) is the centre of the pixel marked.
    mark = ((300 - 60) // parts, (500 - 60) // parts)
    path = write_image(tmp_path / "he.png", 3400 // parts, 3200 // parts, marks=[mark])
    image, notes = place_on_array(path, aligned(tmp_path, "100 0 0 0 100 0 -60 -60 1"), None, SPOTS, pitch=200)
    found = mark_in_world(image.pixels, image.to_world)
    half_a_pixel = 0.5 * parts * 2
    np.testing.assert_allclose(found, np.array(world(5, 3)) + half_a_pixel, atol=1e-6)
    assert f"at 1/{parts} of the full size" in notes[0]


@laws
@given(angle=st.floats(-0.3, 0.3), shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)), stretch=st.floats(0.9, 1.1))
def test_a_turned_alignment_is_undone_exactly(tmp_path_factory, angle, shift, stretch):
    folder = tmp_path_factory.mktemp("turned")
    cosine, sine = 20 * np.cos(angle), 20 * np.sin(angle)
    onto = np.array([[cosine, sine, 0], [-sine * stretch, cosine * stretch, 0], [*shift, 1]])
    path = write_image(folder / "he.png", 170, 160)
    numbers = aligned(folder, " ".join(f"{number:.17g}" for number in onto.ravel()))
    image, _ = place_on_array(path, numbers, 0.25, np.array([world(8, 12), world(9, 9)]), pitch=200)
    for x, y in [(1, 1), (33, 1), (7.5, 20.25)]:
        pixel = (np.array([x, y, 1]) @ onto)[:2] * 0.25
        row, column = pixel[1] - 0.5, pixel[0] - 0.5
        np.testing.assert_allclose((image.to_world @ [row, column, 1])[:2], world(x, y), atol=1e-6)


def test_a_scale_that_cannot_be_told_is_asked_for(tmp_path):
    path = write_image(tmp_path / "he.png", 1000, 2240)
    numbers = aligned(tmp_path, "100 0 0 0 100 0 -100 -100 1")
    with pytest.raises(ReadingError, match=r"he\.png cannot be told.*2240 pixels.*3200 pixels.*image_scale="):
        place_on_array(path, numbers, None, SPOTS, pitch=200)
    image, notes = place_on_array(path, numbers, 0.7, SPOTS, pitch=200)
    assert image.pixels.shape == (1000, 2240, 3)
    assert "at 0.7 of the full size" in notes[0]


def test_a_scale_without_alignment_is_an_error(tmp_path):
    with pytest.raises(InputError, match="without an alignment"):
        place_on_array(write_image(tmp_path / "he.png", 34, 32), None, 0.2, SPOTS, pitch=200)


def test_an_alignment_of_another_section_is_noticed(tmp_path):
    path = write_image(tmp_path / "he.png", 340, 320)
    numbers = aligned(tmp_path, "10 0 0 0 10 0 9000 9000 1")
    with pytest.raises(ReadingError, match=r"No spot lies on the image he\.png"):
        place_on_array(path, numbers, None, SPOTS, pitch=200)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ("1 0 0 0 1 0 0 0", "8 words"),
        ("1 0 0 0 1 0 0 nan 1", "not an alignment file"),
        ("a b c d e f g h i", "9 words, 0 of them numbers"),
        ("1 0 5 0 1 5 0 0 1", "third column of 5, 5, 1"),
        ("0 0 0 0 1 0 0 0 1", "do not place an image"),
    ],
)
def test_an_alignment_that_is_none_is_named(tmp_path, text, message):
    with pytest.raises(ReadingError, match=rf"alignment\.txt.*{message}"):
        read_alignment(aligned(tmp_path, text))


def test_a_missing_alignment_is_named(tmp_path):
    with pytest.raises(ReadingError, match=r"no alignment file gone\.txt"):
        read_alignment(tmp_path / "gone.txt")


def test_published_names_are_found_whatever_their_case(tmp_path):
    for name in ("Layer1_BC_count_matrix-1.tsv", "HE_layer1_BC.JPG", "layer1_BC_transformation.txt"):
        (tmp_path / name).write_text("")
    found = published_companions(tmp_path / "Layer1_BC_count_matrix-1.tsv")
    assert (found.name, found.image.name, found.alignment.name) == (
        "Layer1",
        "HE_layer1_BC.JPG",
        "layer1_BC_transformation.txt",
    )


def test_the_image_of_another_replicate_is_not_taken(tmp_path):
    (tmp_path / "HE_Rep1.jpg").write_text("")
    assert published_companions(tmp_path / "Rep11_MOB_count_matrix-1.tsv.gz").image is None
