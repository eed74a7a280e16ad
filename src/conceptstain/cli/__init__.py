"""The command line: commands read their options, call the library and say what they did."""

from conceptstain.cli.commands import app

__all__ = ["app"]
