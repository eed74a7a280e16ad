"""The example runs as it is printed."""

from __future__ import annotations

import runpy
from pathlib import Path

import conceptstain as cs

EXAMPLE = Path(__file__).parents[2] / "examples" / "classifier.py"


def test_the_example_explains_a_wrong_prediction_and_writes_the_classifier(tmp_path, capsys):
    written = runpy.run_path(str(EXAMPLE))["main"](tmp_path / "out", folds=2, epochs=2)
    assert set(cs.load_classifier(written).classes) == {"EPL", "GCL", "GL", "MCL", "ONL"}
    told = capsys.readouterr().out
    assert "of spots that were not seen, guessing 20.0%" in told
    assert "genes: " in told
