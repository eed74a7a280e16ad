"""The published sections of the mouse olfactory bulb, and the layers of the one that is labelled."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

import conceptstain as cs

# Numbers that the labels of a layer begin with; the mitral layer is one spot wide.
LAYERS = {"GCL": "1", "MCL": "2", "MCL+OPL": "23", "GL": "4", "ONL": "5"}
MARKERS = {"GCL": "Penk", "MCL": "Doc2g", "MCL+OPL": "Doc2g", "GL": "Th", "ONL": "Kctd12"}
DRAWN = ("GCL", "MCL+OPL", "GL", "ONL")  # every labelled spot is in one of them
PUBLISHED = {
    "GCL": ("Penk", "Nrgn"),
    "MCL+OPL": ("Doc2g", "Cdhr1"),
    "GL": ("Th", "Eomes"),
    "ONL": ("Kctd12", "Omp", "Apod", "Fabp7"),
}
LABELLED = "Rep11"
UNLABELLED = ("Rep1", "Rep2")
FILES = {
    "Rep1": "Rep1_MOB_count_matrix-1.tsv",
    "Rep2": "Rep2_MOB_count_matrix-1.tsv",
    "Rep11": "Rep11_MERINGUE_counts.tsv",
}


def published(name: str) -> Path:
    """A file of the published sections, in either layout, packed or not."""
    root = os.environ.get("CONCEPTSTAIN_DATA")
    if not root:
        sys.exit("Set CONCEPTSTAIN_DATA to the folder of the published sections.")
    tried = [Path(root) / folder / f"{name}{packed}" for folder in ("mob", "") for packed in ("", ".gz")]
    for path in tried:
        if path.is_file():
            return path
    sys.exit(f"There is no {name} in {root}.")


@cache
def section(name: str) -> cs.Section:
    """One of the sections, read once."""
    return cs.open(published(FILES[name]))


@cache
def pictures(name: str) -> cs.GenePictures:
    """The genes of a section as pictures."""
    return section(name).view("genes")


def labels() -> np.ndarray:
    """Number of each spot's label on Rep11, "" where it has none."""
    told = pd.read_csv(published("Rep11_layers.csv"), index_col="spot")["layer"].fillna("").astype(str)
    return told.reindex(section(LABELLED).adata.obs_names).fillna("").str[:1].to_numpy()


def labelled_canvas() -> tuple[cs.GenePictures, np.ndarray]:
    """Rep11, and the number of each spot's label."""
    return pictures(LABELLED), labels()


@cache
def layer_numbers() -> np.ndarray:
    """Which of the drawn layers each spot of Rep11 is in, -1 where it has no label."""
    numbers, told = np.full(section(LABELLED).n_spots, -1), labels()
    for k, name in enumerate(DRAWN):
        numbers[np.isin(told, list(LAYERS[name]))] = k
    return numbers


def cuts(spots: np.ndarray) -> Iterator[np.ndarray]:
    """Which spots lie on the drawn side: of two lines through the tissue, either side."""
    for axis in (0, 1):
        side = spots[:, axis] < np.median(spots[:, axis])
        yield side
        yield ~side


def part(whole: cs.Section, kept: np.ndarray, name: str) -> cs.Section:
    """Some spots of a section as a section of their own."""
    return dataclasses.replace(
        whole, name=name, adata=whole.adata[kept].copy(), matrix=whole.matrix[kept], spots=whole.spots[kept]
    )
