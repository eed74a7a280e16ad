"""Sets of pictures in the dock: looked through, ticked, painted as stacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image

from conceptstain.canvas.images import Images
from conceptstain.concepts.definition import Definition
from pictures import noise, write_picture
from walking import Walk

pytestmark = pytest.mark.gui


@pytest.fixture
def on_pictures(walk: Walk, tmp_path: Path) -> Walk:
    for number in range(24):
        pixels = noise(40, 40, 3, seed=number)
        if number % 2:
            pixels[10:30, 10:30] //= 4
        write_picture(tmp_path / "set" / f"picture{number}.png", pixels)
    walk.settled(lambda: walk.dock.opening.open(tmp_path / "set"))
    assert walk.told == []
    return walk


def test_pictures_are_a_stack_and_maps_are_too(on_pictures: Walk) -> None:
    walk, dock = on_pictures, on_pictures.dock
    assert isinstance(dock.study.source, Images)
    assert dock.study.encoder is not None
    assert [type(layer) for layer in walk.viewer.layers] == [Image]
    assert walk.viewer.dims.nsteps[0] == 24
    odd = tuple(f"picture{number}.png" for number in range(1, 24, 2))
    walk.settled(lambda: dock.study.add(Definition("dark", items=odd, form="contrast")))
    layer = walk.viewer.layers["dark - gradient saliency"]
    assert layer.data.shape == (24, 40, 40)
    assert np.isfinite(np.asarray(layer.data[0])).all()
    walk.rest()
    assert np.isfinite(np.asarray(walk.viewer.layers["dark - gradient saliency"].data)).all()
    assert walk.told == []
