"""Progress and cancel without any toolkit.

A long function takes ``report`` and calls it with a :class:`Step` at its natural boundaries. Whoever listens may raise
:class:`Cancelled` from inside the call; the function lets it pass, cleaning up in ``finally``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Cancelled", "Report", "Step", "silent"]


@dataclass(frozen=True)
class Step:
    """One boundary of a long job: ``done`` of ``total``, in the words of ``message``, with named numbers to plot."""

    done: int
    total: int
    message: str = ""
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def fraction(self) -> float:
        """Part of the job that is done, in 0..1."""
        return self.done / self.total if self.total else 1.0


Report = Callable[[Step], None]


class Cancelled(Exception):  # noqa: N818 - a request that was granted, not an error
    """Raised by a report to stop the job that calls it."""


def silent(step: Step) -> None:
    """Listen to nothing."""
