from __future__ import annotations

import numpy as np
import pytest

from conceptstain.canvas.reading import open_section
from conceptstain.errors import InputError, ReadingError
from written import COUNTS, GENES, SPOTS, table_text, write_image


@pytest.fixture
def write(tmp_path):
    def table(text: str, name: str = "Rep7_MOB_count_matrix-1.tsv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return table


def test_a_count_matrix_opens_in_micrometres(write):
    section = open_section(write(table_text()))
    assert section.name == "Rep7"
    assert (section.unit, section.pitch, section.spot_diameter, section.counts) == ("µm", 200.0, 100.0, "counts")
    assert section.spots.tolist() == [[0, 0], [0, 200], [200, 0], [200, 200]]
    assert tuple(section.adata.obs_names) == SPOTS
    assert tuple(section.adata.var_names) == GENES
    assert section.adata.obs["array_x"].tolist() == [1, 2, 1, 2]
    assert section.adata.obs["array_y"].tolist() == [1, 1, 2, 2]
    assert section.image is None
    np.testing.assert_array_equal(section.matrix.toarray(), COUNTS)
    np.testing.assert_array_equal(section.adata.X.toarray(), COUNTS)


def test_what_is_written_from_it_opens_again_in_micrometres(write, tmp_path):
    section = open_section(write(table_text()))
    section.adata.write_h5ad(tmp_path / "again.h5ad")
    again = open_section(tmp_path / "again.h5ad")
    assert (again.name, again.unit, again.spot_diameter) == ("Rep7", "µm", 100.0)
    np.testing.assert_allclose(again.spots, section.spots)


def test_a_name_that_is_not_a_published_one_is_kept_whole(write):
    assert open_section(write(table_text(), "my_bulb.tsv")).name == "my_bulb"


def test_row_names_without_a_place_are_an_error(write):
    text = table_text(spots=["ACGT", *SPOTS[1:]])
    with pytest.raises(ReadingError, match=r"where its spots lie.*'ACGT'.*XxY"):
        open_section(write(text))


def test_a_matrix_of_genes_by_spots_is_recognised(write):
    text = table_text(spots=GENES, genes=SPOTS, values=np.transpose(COUNTS))
    with pytest.raises(ReadingError, match=r"genes as rows.*Transpose it"):
        open_section(write(text))


def test_the_same_place_twice_is_an_error_however_it_is_written(write):
    with pytest.raises(ReadingError, match=r"same spot more than once.*1\.0x1\.0"):
        open_section(write(table_text(spots=[SPOTS[0], *SPOTS[:3]])))
    with pytest.raises(ReadingError, match=r"two spots at the same place.*1\.0x1\.0"):
        open_section(write(table_text(spots=[SPOTS[0], "1x1", *SPOTS[2:]])))


def test_the_same_gene_twice_is_an_error(write):
    with pytest.raises(ReadingError, match=r"same gene more than once.*Penk"):
        open_section(write(table_text(genes=["Penk", "Penk", "Th"])))


def test_negative_counts_are_an_error(write):
    with pytest.raises(ReadingError, match=r"Rep7.*negative values.*-4"):
        open_section(write(table_text(values=[COUNTS[0], (-4, 0, 0), *COUNTS[2:]])))


def test_one_spot_is_an_error(write):
    with pytest.raises(ReadingError, match="fewer than two spots"):
        open_section(write(table_text(spots=SPOTS[:1], values=COUNTS[:1])))


def test_no_expressed_gene_is_an_error(write):
    with pytest.raises(ReadingError, match="No gene is expressed"):
        open_section(write(table_text(values=np.zeros((4, 3), dtype=int))))


def test_values_that_are_no_whole_numbers_are_taken_as_normalised_and_it_is_said(write):
    section = open_section(write(table_text(values=np.array(COUNTS) * 0.25 + 0.1)))
    assert section.counts == "normalised"
    assert any("depth-normalised log values" in note for note in section.notes)


def test_spots_without_counts_are_kept_and_it_is_said(write):
    section = open_section(write(table_text(values=[*COUNTS[:3], (0, 0, 0)])))
    assert section.n_spots == 4
    assert "1 spot without any count kept, at the value 0." in section.notes


def test_the_image_of_the_published_name_is_found_and_it_is_said(write, tmp_path):
    write_image(tmp_path / "HE_Rep7.jpg", 340, 320)
    section = open_section(write(table_text()))
    assert section.image is not None
    assert section.image.pixels.shape == (340, 320, 3)
    assert "The image HE_Rep7.jpg was found beside the file by its published name." in section.notes
    assert any("taken as cropped to the array" in note for note in section.notes)


def test_the_alignment_of_the_published_name_is_used_and_it_is_said(write, tmp_path):
    write_image(tmp_path / "HE_Rep7.jpg", 340, 320)
    (tmp_path / "Rep7_MOB_transformation.txt").write_text("10 0 0 0 10 0 -10 -10 1")
    notes = open_section(write(table_text())).notes
    assert any("alignment Rep7_MOB_transformation.txt was found" in note for note in notes)
    assert any("placed by Rep7_MOB_transformation.txt, at 1/1 of the full size" in note for note in notes)


def test_an_image_given_comes_before_the_one_found(write, tmp_path):
    write_image(tmp_path / "HE_Rep7.jpg", 340, 320)
    other = write_image(tmp_path / "other.png", 34, 32)
    section = open_section(write(table_text()), image=other)
    assert section.image.pixels.shape == (34, 32, 3)
    assert not any("HE_Rep7" in note for note in section.notes)


def test_an_alignment_or_a_scale_without_an_image_is_an_error(write, tmp_path):
    path = write(table_text())
    with pytest.raises(InputError, match="no image to place"):
        open_section(path, alignment=tmp_path / "a.txt")
    with pytest.raises(InputError, match="no image to place"):
        open_section(path, image_scale=0.2)
