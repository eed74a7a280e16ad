"""The shapes in signatures are checked while tests run: a check that checks nothing would go unseen."""

from __future__ import annotations

from dataclasses import dataclass

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float, TypeCheckError

import factories
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.grid import Grid
from shape_checks import shapes_only

as_in_the_package = jaxtyping.jaxtyped(typechecker=shapes_only)


def test_an_array_of_another_shape_is_refused():
    canvas = GenePictures.from_section(factories.tiny_section())
    with pytest.raises(TypeCheckError, match="scores"):
        canvas.paint(np.zeros((3, 3)))


def test_a_field_of_another_shape_is_refused():
    with pytest.raises(TypeCheckError, match="cells"):
        Grid((4, 4), np.zeros((2, 2), int), 1.0, (0.0, 0.0))


def test_what_is_made_inside_of_a_function_is_checked_whenever_it_is_made():
    def made(length):
        @as_in_the_package
        def total(values: Float[np.ndarray, " some"]) -> float:
            return float(values.sum()) * length

        return total

    for length in (1, 2):
        assert made(length)(np.ones(3)) == 3 * length
        with pytest.raises(TypeCheckError, match="values"):
            made(length)(np.ones((3, 3)))


def test_what_has_no_shape_is_left_as_it_is():
    def told(name: str) -> str:
        return name

    @dataclass(frozen=True)
    class Named:
        name: str

    made = Named.__init__
    assert as_in_the_package(told) is told
    assert as_in_the_package(Named).__init__ is made
