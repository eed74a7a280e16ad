"""The shapes in signatures are checked while tests run: a check that checks nothing would go unseen."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import factories
from conceptstain.canvas.gene_pictures import GenePictures


def test_an_array_of_another_shape_is_refused():
    canvas = GenePictures.from_section(factories.tiny_section())
    with pytest.raises(TypeCheckError, match="scores"):
        canvas.paint(np.zeros((3, 3)))
