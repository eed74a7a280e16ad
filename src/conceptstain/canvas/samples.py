"""The sections that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from conceptstain.canvas.reading import open_section
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError, ReadingError

__all__ = ["SAMPLES", "open_sample", "sample_path"]

SAMPLES = {"olfactory-bulb": "simulated_bulb.h5ad"}
PACKAGE = Path(__file__).resolve().parents[1]


def sample_path(name: Literal["olfactory-bulb"] | str = "olfactory-bulb") -> Path:  # noqa: PYI051 - shown in completion
    """File of a bundled section, in an installed package or in a checkout of its source.

    Raises
    ------
    InputError
        No sample of that name.
    ReadingError
        The samples were not installed with the package.
    """
    if name not in SAMPLES:
        raise InputError("There is no sample of that name", got=repr(name), cure=f"Choose one of: {', '.join(SAMPLES)}")
    for folder in (PACKAGE / "sample_data", PACKAGE.parents[1] / "sample_data"):
        if (folder / SAMPLES[name]).is_file():
            return folder / SAMPLES[name]
    raise ReadingError(
        f"The sample {SAMPLES[name]} is not installed",
        got=str(PACKAGE),
        cure="Install the package again from its wheel",
    )


def open_sample(name: Literal["olfactory-bulb"] | str = "olfactory-bulb") -> Section:  # noqa: PYI051
    """Open a bundled section.

    Raises
    ------
    InputError
        No sample of that name.
    """
    return open_section(sample_path(name))
