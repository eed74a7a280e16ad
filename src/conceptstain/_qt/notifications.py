"""What the user is told, in one place: a napari notification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import ErrorNotification, notification_manager, show_error, show_info

from conceptstain.errors import ConceptStainError

__all__ = ["guarded", "show_failure", "show_note"]


def show_failure(error: Exception) -> None:
    """Tell what failed: our own errors in their words, anything else with its details one click away."""
    if isinstance(error, ConceptStainError):
        show_error(str(error))
    else:
        notification_manager.dispatch(ErrorNotification(error))


def show_note(text: str) -> None:
    """Tell what was done or assumed."""
    show_info(text)


def guarded(function: Callable[..., object]) -> Callable[..., None]:
    """The function with its failures shown instead of raised into Qt."""

    def shown(*arguments: Any) -> None:
        try:
            function(*arguments)
        except ConceptStainError as error:
            show_failure(error)

    return shown
