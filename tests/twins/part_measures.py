"""Measures of one part of one picture, pixel by pixel, in plain Python."""

from __future__ import annotations

import math
from collections import Counter


def slow_measures(picture: list[list[float]], labels: list[list[int]], part: int) -> dict[str, float]:
    """Of a grey picture: sums over pixels, and the long axis by trying every direction."""
    pixels = [(r, c) for r, row in enumerate(labels) for c, label in enumerate(row) if label == part]
    n = len(pixels)
    light = [picture[r][c] for r, c in pixels]
    y, x = sum(r for r, _ in pixels) / n, sum(c for _, c in pixels) / n
    shares = [count / n for count in Counter(min(int(value * 16), 15) for value in light).values()]

    def variance_along(degrees: float) -> float:
        turn = math.radians(degrees)
        along = [(c - x) * math.cos(turn) - (r - y) * math.sin(turn) for r, c in pixels]
        return sum(value**2 for value in along) / n + 1 / 12

    angle = max((step / 2 for step in range(-179, 181)), key=variance_along)
    longest, shortest = variance_along(angle), variance_along(angle + 90)
    return {
        "area": n,
        "share": n / (len(picture) * len(picture[0])),
        "luminance": sum(light) / n,
        "entropy": -sum(share * math.log2(share) for share in shares),
        "eccentricity": math.sqrt(1 - shortest / longest),
        "angle": angle,
        "x": x,
        "y": y,
        "width": 4 * math.sqrt(variance_along(0)),
        "height": 4 * math.sqrt(variance_along(90)),
    }
