"""The command line, called and listened to."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from conceptstain.cli import app


def run(*words: object) -> Any:
    """Call a command."""
    return CliRunner().invoke(app, [str(word) for word in words])


def one_line(result: Any) -> str:
    """What was said of a mistake."""
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return str(lines[0])
