from __future__ import annotations

import numpy as np
import pytest

from conceptstain.canvas.bounded_cache import BoundedCache


def test_what_was_asked_for_least_recently_is_forgotten_first():
    made = []

    def make(key):
        made.append(key)
        return np.zeros(10, np.uint8)

    cache = BoundedCache(20)
    for key in "abacba":
        cache.get(key, lambda key=key: make(key))
        assert cache.held <= 20
    assert made == ["a", "b", "c", "b", "a"]


def test_what_is_too_large_is_given_and_not_kept():
    cache = BoundedCache(5)
    assert cache.get("a", lambda: np.ones(10, np.uint8)).sum() == 10
    assert cache.held == 0


def test_what_is_kept_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        BoundedCache(50).get("a", lambda: np.ones(10))[0] = 3
