"""Arrays kept while they fit: what was asked for least recently is forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import final

import numpy as np

__all__ = ["BoundedCache"]


@final
class BoundedCache:
    """Arrays by key, together of no more than ``limit`` bytes; any thread may ask.

    Parameters
    ----------
    limit
        Bytes that are kept at most. A single array above it is given, and not kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of this key, made if it is not kept; it must not be written to."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        made = make()  # unlocked: others need not wait for a file; two may make the same, which does no harm
        made.flags.writeable = False
        with self._lock:
            if key not in self._arrays and made.nbytes <= self.limit:
                self._arrays[key] = made
                self.held += made.nbytes
            while self.held > self.limit:
                _, forgotten = self._arrays.popitem(last=False)
                self.held -= forgotten.nbytes
        return made
