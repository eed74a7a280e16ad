"""Rotations of a layer's channels: the same information along other axes (Bau et al. 2017, section 3.2)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import linalg

from conceptstain.errors import InputError

__all__ = ["part_of_rotation", "random_rotation"]

SMALL = 1e-6


def random_rotation(n: int, seed: int = 0) -> Float[np.ndarray, "n n"]:
    """A rotation drawn uniformly from SO(n).

    ``Q`` of the QR decomposition of a Gaussian matrix, with the diagonal of ``R`` made positive (Stewart 1980), and one
    row negated where the determinant is -1, as in the released code.

    Raises
    ------
    InputError
        Fewer than two axes.
    """
    if n < 2:
        raise InputError("One axis cannot be rotated", got=f"{n} units", cure="Choose a layer with two units or more")
    q, r = linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    q = q * np.sign(np.diag(r))
    if linalg.det(q) < 0:
        q[0] *= -1
    return np.asarray(q)


def part_of_rotation(q: Float[np.ndarray, "_ _"], alpha: float) -> Float[np.ndarray, "n n"]:
    """``Q ** alpha`` along the shortest path from the identity: each of its planes turned by that part of its angle.

    The real Schur form of a rotation has a block ``[[cos, -sin], [sin, cos]]`` for every plane. Axes that stay are
    left alone; two that are reversed make a plane of half a turn.

    Parameters
    ----------
    q
        A rotation, such as :func:`random_rotation` gives.
    alpha
        0 for the identity, 1 for all of it.

    Raises
    ------
    InputError
        No rotation.
    """
    square = q.ndim == 2 and q.shape[0] == q.shape[1]
    if not square or not np.allclose(q @ q.T, np.eye(len(q)), atol=SMALL) or linalg.det(q) < 0:
        raise InputError("This is no rotation", got=f"an array of shape {q.shape}", cure="Use random_rotation")
    form, basis = linalg.schur(q, output="real")
    n = len(q)
    turned = np.eye(n)
    reversed_axes, row = [], 0
    while row < n:
        if row + 1 < n and abs(form[row + 1, row]) > SMALL:
            angle = np.arctan2(form[row + 1, row] - form[row, row + 1], form[row, row] + form[row + 1, row + 1])
            _turn(turned, row, row + 1, alpha * angle)
            row += 2
            continue
        if form[row, row] < 0:
            reversed_axes.append(row)
        row += 1
    for first, second in zip(reversed_axes[::2], reversed_axes[1::2], strict=True):  # their number is even in SO(n)
        _turn(turned, first, second, alpha * np.pi)
    return np.asarray(basis @ turned @ basis.T)


def _turn(matrix: Float[np.ndarray, "n n"], first: int, second: int, angle: float) -> None:
    axes = np.ix_([first, second], [first, second])
    matrix[axes] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
