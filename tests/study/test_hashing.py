from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from conceptstain.study.hashing import section_fingerprint, sha256_of
from factories import tiny_section
from strategies import with_matrix


def test_a_file_has_the_sum_that_everybody_computes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"counts" * 100_000)
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_is_told_by_the_names_and_contents_of_its_files(tmp_path):
    sums = set()
    for files in ({"a": b"1", "b": b"2"}, {"a": b"2", "b": b"1"}, {"a": b"1"}, {"a": b"1", "deep/b": b"2"}):
        folder = tmp_path / str(len(sums))
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        sums.add(sha256_of(folder))
        assert sha256_of(folder) == sha256_of(folder)
    assert len(sums) == 4


def test_a_section_is_told_by_all_that_is_computed_with_and_by_nothing_else():
    section = tiny_section()
    changed = section.matrix.toarray()
    changed[3, 4] += 1
    moved = section.spots.copy()
    moved[0, 0] = np.nextafter(moved[0, 0], 1e9)
    adata = section.adata.copy()
    adata.var_names = [f"X{name}" for name in adata.var_names]
    others = [
        with_matrix(section, changed),
        replace(section, spots=moved),
        replace(section, unit="px"),
        replace(section, adata=adata),
    ]
    assert len({section_fingerprint(each) for each in (section, *others)}) == 5
    same = replace(section, name="another name", notes=("a note",), matrix=section.matrix.copy())
    assert section_fingerprint(same) == section_fingerprint(section)
