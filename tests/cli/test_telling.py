"""Progress: one line that is kept up to date, quiet where nobody watches."""

from __future__ import annotations

import re

from conceptstain.cli.telling import ProgressLine
from conceptstain.progress import Step


def report_two_epochs(line):
    line(Step(1, 4, "Epoch 1 of 2"))
    line(Step(2, 4, "Epoch 1 of 2", {"loss": 1.25}))
    line(Step(3, 4, "Epoch 2 of 2"))
    line(Step(4, 4, "Epoch 2 of 2", {"loss": 1.0}))
    line.close()


def test_a_log_has_one_line_per_epoch(capsys):
    report_two_epochs(ProgressLine())
    assert capsys.readouterr().err.splitlines() == ["Epoch 1 of 2, loss 1.25", "Epoch 2 of 2, loss 1"]


def test_a_terminal_has_one_line_that_changes(capsys):
    line = ProgressLine()
    line.live = True
    report_two_epochs(line)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.count("\n") == 1
    assert re.findall(r"\d+%", seen.err) == ["25%", "50%", "75%", "100%"]
