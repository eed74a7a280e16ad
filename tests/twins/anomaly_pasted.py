"""Slow twin of what the finder of pasted defects sees around a place: loops, float64."""

from __future__ import annotations

import math

import numpy as np


def at(picture: np.ndarray, row: int, column: int) -> float:
    """The value there, or the nearest at the edge."""
    height, width = picture.shape
    return float(picture[min(max(row, 0), height - 1), min(max(column, 0), width - 1)])


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian cut off at four standard deviations, first down and then across."""
    if sigma == 0:
        return picture
    reach = int(4 * sigma + 0.5)
    weights = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(-reach, reach + 1)]
    for axis in (0, 1):
        made = np.zeros(picture.shape)
        for row, column in np.ndindex(*picture.shape):
            for weight, step in zip(weights, range(-reach, reach + 1), strict=True):
                made[row, column] += weight / sum(weights) * at(picture, row + step * (axis == 0), column + step * axis)
        picture = made
    return picture


def steepness(picture: np.ndarray) -> np.ndarray:
    """Length of the gradient: central differences, one-sided at the edge."""
    made = np.zeros(picture.shape)
    height, width = picture.shape
    for row, column in np.ndindex(*picture.shape):
        up, down = max(row - 1, 0), min(row + 1, height - 1)
        left, right = max(column - 1, 0), min(column + 1, width - 1)
        along = (picture[down, column] - picture[up, column]) / (down - up)
        across = (picture[row, right] - picture[row, left]) / (right - left)
        made[row, column] = math.sqrt(along**2 + across**2)
    return made


def surroundings(picture: np.ndarray, row: int, column: int) -> list[float]:
    """The 37 numbers of one place."""
    wide = blurred(picture, 4)
    numbers = [wide[row, column]]
    for scale in (0, 1, 2):
        value = blurred(picture, scale)
        numbers.append(value[row, column] - wide[row, column])
        numbers.append(value[row, column] - blurred(picture, 2 * scale + 1)[row, column])
        numbers.append(steepness(value)[row, column])
    near = [at(picture, row + down, column + across) for down in range(-2, 3) for across in range(-2, 3)]
    numbers += [max(near) - picture[row, column], picture[row, column] - min(near)]
    variance = blurred(picture**2, 2)[row, column] - blurred(picture, 2)[row, column] ** 2
    numbers.append(math.sqrt(max(variance, 0)))
    for radius in (3, 6, 11):
        value, ring = blurred(picture, radius / 3), []
        for eighth in range(8):
            angle = eighth * math.pi / 4
            ring.append(at(value, row - round(radius * math.sin(angle)), column - round(radius * math.cos(angle))))
        numbers += [each - picture[row, column] for each in sorted(ring)]
    return numbers
