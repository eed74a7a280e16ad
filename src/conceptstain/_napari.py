"""What the napari manifest points to: a reader, the sample and the dock widget."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conceptstain.errors import ConceptStainError, InputError

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from conceptstain._qt.main_panel import MainPanel
    from conceptstain.canvas.section import Section
    from conceptstain.layer_tuples import LayerTuple

__all__ = ["get_reader", "make_widget", "open_mob_rep1", "open_mob_rep2", "open_sample_layers"]

AnyPath = str | os.PathLike[str]
NO_LAYERS: list[Any] = [(None,)]  # napari's word for "read, but nothing to show"

IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")  # tissue images that may be dropped together with a section


def get_reader(path: AnyPath | Sequence[AnyPath]) -> Callable[[Any], list[Any]] | None:
    """Say whether we read this, as napari asks for dropped and opened files.

    Parameters
    ----------
    path
        One path, or several to be opened as one (napari's *stack*): sections side by side, or one section and its
        tissue image.

    Returns
    -------
    callable or None
        Makes layer tuples from the same path or paths; None where this is not ours to read.
    """
    from conceptstain.canvas.reading import is_readable

    paths = _listed(path)
    images = [each for each in paths if _is_image(each)]
    n_sections = sum(is_readable(each) for each in paths)
    if n_sections == 0 or n_sections + len(images) < len(paths):
        return None
    return read if not images or (n_sections == len(images) == 1) else None


def read(path: AnyPath | Sequence[AnyPath]) -> list[Any]:
    """Open the paths as sections and give their layers.

    What is wrong with a file is told in a notification, in our own words: had we raised it, napari would wrap it in
    words about plugins and stack traces. Without a window there is nobody to tell, and it is raised.

    Raises
    ------
    ReadingError, InputError, MismatchError
        A file cannot be read, and no window is open.
    """
    paths = _listed(path)
    images = [each for each in paths if _is_image(each)]
    try:
        layers: list[Any] = []
        for section in paths:
            if section not in images:
                layers += _opened(section, image=images[0] if images else None)
    except ConceptStainError as error:
        if not _has_window():
            raise
        _notify_failure(error)
        return NO_LAYERS
    return layers


def open_sample_layers() -> list[LayerTuple]:
    """Give the layers of the bundled olfactory bulb."""
    from conceptstain.canvas.samples import open_sample
    from conceptstain.layer_tuples import layers

    return layers(open_sample())


def open_mob_rep1() -> list[Any]:
    """Give the layers of the published olfactory bulb, replicate 1; the first time it is downloaded."""
    return _published("mob-rep1")


def open_mob_rep2() -> list[Any]:
    """Give the layers of the published olfactory bulb, replicate 2; the first time it is downloaded."""
    return _published("mob-rep2")


def make_widget(viewer: Viewer | None = None) -> MainPanel:
    """Make the dock widget.

    Parameters
    ----------
    viewer
        The viewer it works in. None: the current one; napari gives none to functions of the manifest.

    Raises
    ------
    InputError
        There is no viewer.
    """
    import napari

    from conceptstain._qt.main_panel import MainPanel

    viewer = viewer or napari.current_viewer()
    if viewer is None:
        raise InputError("There is no viewer to work in", cure="Open one with napari.Viewer()")
    return MainPanel(viewer)


def _published(name: str) -> list[Any]:
    """Layers of a sample. What fails is raised: napari shows it as it is, and takes an empty list for an error."""
    from conceptstain.canvas.samples import open_sample
    from conceptstain.layer_tuples import layers

    section = open_sample(name)
    _tell_notes(section)
    return list(layers(section))


def _opened(path: Path, *, image: Path | None) -> list[LayerTuple]:
    from conceptstain.canvas.reading import open_section
    from conceptstain.layer_tuples import layers

    section = open_section(path, image=image)
    _tell_notes(section)
    return layers(section)


def _tell_notes(section: Section) -> None:
    from napari.utils.notifications import show_info

    if section.notes:
        show_info("\n".join((f"{section.name}:", *section.notes)))


def _notify_failure(error: ConceptStainError) -> None:
    from conceptstain._qt.notifications import show_failure

    show_failure(error)


def _has_window() -> bool:
    import napari

    return napari.current_viewer() is not None


def _listed(path: AnyPath | Sequence[AnyPath]) -> list[Path]:
    if isinstance(path, str | os.PathLike):
        return [Path(path)]
    return [Path(each) for each in path]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGES
