"""Failures are shown in one place: a napari notification."""

from __future__ import annotations

from napari.utils.notifications import ErrorNotification, notification_manager, show_error

from conceptstain.errors import ConceptStainError

__all__ = ["show_failure"]


def show_failure(error: Exception) -> None:
    """Tell the user what failed: our own errors in their words, anything else with its details one click away."""
    if isinstance(error, ConceptStainError):
        show_error(str(error))
    else:
        notification_manager.dispatch(ErrorNotification(error))
