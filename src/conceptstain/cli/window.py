"""Opening napari from the command line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.section import Section

__all__ = ["has_display", "open_window"]


def has_display() -> bool:
    """Whether a window can be shown."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_window(section: Section) -> None:
    """Open napari with the section and the widget, and stay until it is closed."""
    try:
        import napari
        from napari.layers import Layer
    except ImportError as error:
        raise InputError(
            "napari cannot open a window", got=str(error), cure='Install a Qt binding: pip install "napari[all]"'
        ) from error
    from conceptstain._napari import make_widget
    from conceptstain.layer_tuples import layers

    viewer = napari.Viewer(title="Concept Stain")
    for made in layers(section):
        viewer.add_layer(Layer.create(*made))
    viewer.window.add_dock_widget(make_widget(viewer), name="Concept Stain", area="right")
    napari.run()
