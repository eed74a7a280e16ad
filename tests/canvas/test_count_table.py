from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conceptstain.canvas.count_table import read_count_table
from conceptstain.errors import ReadingError
from strategies import laws
from written import COUNTS, GENES, SPOTS, table_text


@pytest.fixture
def table(tmp_path):
    def write(content: str | bytes, name: str = "section.tsv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@laws
@given(counts=arrays(np.int64, (3, 4), elements=st.sampled_from([0, 0, 1, 9, 10, 12, 987, 1_000_000])))
def test_counts_are_read_as_they_were_written(counts, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "section.tsv"
    path.write_text(table_text(["1x1", "1x2", "1x3"], list("abcd"), counts))
    matrix = read_count_table(path).matrix
    assert matrix.dtype == np.float32
    assert matrix.has_canonical_format
    assert matrix.nnz == np.count_nonzero(counts)
    np.testing.assert_array_equal(matrix.toarray(), counts)


@pytest.mark.parametrize(
    "text",
    [
        table_text(),
        table_text(corner="spot"),
        table_text().replace("\n", "\r\n"),
        table_text().rstrip("\n"),
        "\ufeff" + table_text(),
        table_text().lstrip("\t"),
        table_text(genes=[f'"{gene}"' for gene in GENES], spots=[f'"{spot}"' for spot in SPOTS]),
        table_text(values=[[f"{value}.0" for value in row] for row in COUNTS]),
        table_text(values=[[f"{value:.1e}" if value else "0" for value in row] for row in COUNTS]).replace(
            "2.5e+02", "250"
        ),
        table_text() + "\n\n",
    ],
    ids=["plain", "headed", "windows", "no-end", "bom", "r", "quoted", "decimals", "exponents", "blank-lines"],
)
def test_all_ways_of_writing_a_table_read_the_same(table, text):
    read = read_count_table(table(text))
    assert (tuple(read.spots), tuple(read.genes)) == (SPOTS, GENES)
    np.testing.assert_array_equal(read.matrix.toarray(), COUNTS)


def test_gzip_is_told_by_the_content_and_not_by_the_name(table):
    text = table_text().encode()
    for content, name in ((gzip.compress(text), "a.tsv.gz"), (gzip.compress(text), "b.tsv"), (text, "c.tsv.gz")):
        np.testing.assert_array_equal(read_count_table(table(content, name)).matrix.toarray(), COUNTS)


def test_a_truncated_gzip_file_says_so(table):
    whole = gzip.compress(table_text().encode())
    with pytest.raises(ReadingError, match=r"cut\.tsv\.gz is not a whole gzip file.*download it again"):
        read_count_table(table(whole[: len(whole) // 2], "cut.tsv.gz"))


def test_a_row_that_is_cut_off_is_named_by_its_line(table):
    text = table_text().rstrip("\n")[:-4]
    with pytest.raises(ReadingError, match=r"line 5 of section\.tsv.*2 values for 3 genes.*cut off"):
        read_count_table(table(text))


@pytest.mark.parametrize(("delimiter", "word"), [(",", "commas"), (";", "semicolons"), (" ", "spaces")])
def test_another_delimiter_is_named(table, delimiter, word):
    with pytest.raises(ReadingError, match=rf"section\.tsv is not separated by tabs.*3 {word}"):
        read_count_table(table(table_text(delimiter=delimiter)))


@pytest.mark.parametrize("cell", ["NaN", "NA", "inf", "many", "-inf", "0x1"])
def test_a_cell_that_is_no_number_is_named_by_line_and_gene(table, cell):
    values = [list(row) for row in COUNTS]
    values[2][1] = cell
    with pytest.raises(ReadingError, match=rf"not a number in line 4 of section\.tsv.*'{cell}' for Doc2g.*Write 0"):
        read_count_table(table(table_text(values=values)))


def test_an_empty_cell_is_named_by_line_and_gene(table):
    with pytest.raises(ReadingError, match=r"missing in line 2 of section\.tsv.*empty cell for Penk"):
        read_count_table(table(table_text(values=[["", 1, 2], *COUNTS[1:]])))


@pytest.mark.parametrize("text", ["\n", "  \n\n"])
def test_a_file_of_blank_lines_is_empty(table, text):
    with pytest.raises(ReadingError, match="is empty"):
        read_count_table(table(text))


def test_a_header_alone_has_no_spots(table):
    with pytest.raises(ReadingError, match="a header and no spots"):
        read_count_table(table("\tPenk\tTh\n"))


def test_names_that_are_no_text_are_refused(table):
    with pytest.raises(ReadingError, match="not a text file"):
        read_count_table(table(b"\t\xff\xfe\tTh\n1x1\t1\t2\n"))
