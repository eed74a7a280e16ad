"""Names of result files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.cli.results import file_stem
from strategies import laws


@pytest.mark.parametrize(
    ("names", "stem"),
    [
        (("Rep1", "Penk"), "Rep1-Penk"),
        (("simulated bulb", "CA1/CA3"), "simulated_bulb-CA1_CA3"),
        (("Körnerzellen", "../.."), "Körnerzellen-unnamed"),
    ],
)
def test_a_stem_is_readable(names, stem):
    assert file_stem(*names) == stem


@laws
@given(st.text(), st.text())
def test_a_stem_stays_in_its_folder(section, concept):
    stem = file_stem(section, concept)
    assert stem
    assert not set(stem) & set('/\\:*?"<>| \n\0')
    assert not stem.startswith(".")
    assert len(stem) < 170
