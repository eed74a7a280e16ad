"""The sections that come with the package, and published ones that are downloaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from conceptstain.canvas.published_samples import PUBLISHED, published_path
from conceptstain.canvas.reading import open_section
from conceptstain.canvas.section import Section
from conceptstain.errors import InputError, ReadingError

__all__ = ["BUNDLED", "SAMPLES", "open_sample", "sample_path"]

BUNDLED = {"olfactory-bulb": "simulated_bulb.h5ad"}
SAMPLES = (*BUNDLED, *PUBLISHED)
SampleName = Literal["olfactory-bulb", "mob-rep1", "mob-rep2"]
PACKAGE = Path(__file__).resolve().parents[1]


def sample_path(name: SampleName | str = "olfactory-bulb") -> Path:
    """File of a sample: bundled (in an installed package or a checkout of its source), or downloaded once.

    Raises
    ------
    InputError
        No sample of that name.
    ReadingError
        The samples were not installed with the package, or cannot be downloaded.
    """
    if name not in SAMPLES:
        raise InputError("There is no sample of that name", got=repr(name), cure=f"Choose one of: {', '.join(SAMPLES)}")
    if name in PUBLISHED:
        return published_path(name)
    for folder in (PACKAGE / "sample_data", PACKAGE.parents[1] / "sample_data"):
        if (folder / BUNDLED[name]).is_file():
            return folder / BUNDLED[name]
    raise ReadingError(
        f"The sample {BUNDLED[name]} is not installed",
        got=str(PACKAGE),
        cure="Install the package again from its wheel",
    )


def open_sample(name: SampleName | str = "olfactory-bulb") -> Section:
    """Open a sample: ``"olfactory-bulb"`` (bundled, simulated), ``"mob-rep1"`` or ``"mob-rep2"`` (published).

    The published ones are taken from the folder that CONCEPTSTAIN_DATA names where that holds them, else downloaded
    once and kept in the cache folder of the system's user.

    Raises
    ------
    InputError
        No sample of that name.
    ReadingError
        It can neither be found nor downloaded; the message says where to get it.
    """
    section = open_section(sample_path(name))
    if name in PUBLISHED:
        return replace(section, notes=(PUBLISHED[name].title, *section.notes))
    return section
