"""Puts the bundled sample into wheels; an editable install reads it from the checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SampleData(BuildHookInterface):
    """Forces the files of ``sample_data`` into the package, for all but editable wheels."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the data and its provenance to what is built; the script that makes them stays in the source."""
        if version == "editable":
            return
        for path in sorted((Path(self.root) / "sample_data").iterdir()):
            if path.suffix in {".h5ad", ".md"}:
                build_data["force_include"][str(path)] = f"conceptstain/sample_data/{path.name}"
