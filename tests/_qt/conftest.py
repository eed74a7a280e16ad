"""A viewer with the dock for every test of it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages

import pytest
from napari.viewer import Viewer
from pytestqt.qtbot import QtBot

import conceptstain
from walking import Walk


@pytest.fixture(scope="session", autouse=True)
def _libraries_are_no_garbage() -> None:
    """Load what the dock loads, and keep it out of the garbage: every viewer that closes collects a few times.

    All of our own modules, too: the hook that checks shapes reads their code when they are first imported, and Python
    3.11 does not always survive that in a job's thread.
    """
    ours = (found.name for found in walk_packages(conceptstain.__path__, "conceptstain."))
    for library in ("sklearn.covariance", "torch", *ours):
        import_module(library)
    gc.collect()
    gc.freeze()


@pytest.fixture
def walk(make_napari_viewer: Callable[..., Viewer], qtbot: QtBot) -> Iterator[Walk]:
    walk = Walk(make_napari_viewer(show=True), qtbot)
    yield walk
    walk.close()


@pytest.fixture
def on_sample(walk: Walk) -> Walk:
    walk.click(walk.dock.data.sample_button)
    walk.dock.maps.choose("decoded")
    assert walk.told == []
    return walk
