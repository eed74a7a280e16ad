from __future__ import annotations

from conceptstain.layer_words import METADATA_KEY, UNITS, shared_words


def test_every_axis_has_a_unit_and_a_label():
    for stacked, more in ((None, ()), ("px", ("pixel",)), ("µm", ("um",))):
        words = shared_words("µm", "a thing", stacked=stacked)
        assert words["units"] == (*more, "um", "um")
        assert len(words["axis_labels"]) == len(words["units"])
        assert words["units"][-2:] == (UNITS["µm"],) * 2
        assert words["metadata"] == {METADATA_KEY: "a thing"}
