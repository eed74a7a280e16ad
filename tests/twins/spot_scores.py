"""Scores of spots against drawn ones as they are defined: one map at a time, by densities of two groups."""

from __future__ import annotations

import numpy as np

from conceptstain.concepts.groups import Groups, against_others


def scores(latents: tuple[np.ndarray, ...], inside: np.ndarray, hidden: np.ndarray, *, whitened: bool) -> np.ndarray:
    """Mean z-scored log posterior of every spot; ``inside`` and ``hidden`` are of one map."""
    members = [np.flatnonzero(inside & ~hidden), np.flatnonzero(~inside & ~hidden)]
    total = np.zeros(len(inside))
    for of in latents:
        score = against_others(Groups.of(of, members, whitened=whitened).log_densities(of))[:, 0]
        total += (score - score[~hidden].mean()) / score[~hidden].std()
    return total / len(latents)
