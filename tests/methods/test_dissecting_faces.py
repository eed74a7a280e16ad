"""Network dissection of real faces and masks, against the slow exact twin: every threshold, pixel and IoU."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import conceptstain as cs
from conceptstain.canvas.image_set import ImageSet
from conceptstain.methods.unit_overlaps import Cells, count_overlaps
from conceptstain.nets.classifier_network import ClassifierNetwork, ClassifierNetworkSettings
from conceptstain.nets.encoder import Encoder
from twins import dissection as twin

pytestmark = pytest.mark.real_data

SIDE, N, UNITS, N_PARTS = 128, 5, 4, 19
QUANTILE = 0.02  # of 5 x 256 places, 25: enough to meet most parts


@pytest.fixture(scope="module")
def faces(real_data: Path) -> tuple[ImageSet, np.ndarray]:
    """Five faces spread over the set, and their masks as they lie in the files."""
    files = sorted((real_data / "faces128" / "images").glob("*.jpg"))[::199][:N]
    if len(files) < N:
        pytest.skip("no faces there")
    masks = [next((real_data / "faces128" / "masks").glob(f"{file.stem}.*")) for file in files]
    canvas = cs.open(files, as_="images").view("images", frame=SIDE)
    return canvas, np.stack([np.asarray(Image.open(mask)) for mask in masks]).astype(int)


@pytest.mark.parametrize("layer", ["encoder.conv4", "encoder.relu4"])
def test_units_of_faces_overlap_with_parts_as_one_counts_pixel_by_pixel(
    faces: tuple[ImageSet, np.ndarray], layer: str
) -> None:
    canvas, masks = faces
    network = ClassifierNetwork(canvas.shape, ClassifierNetworkSettings((8, 8, 8, UNITS), halvings=3), seed=1)
    encoder = Encoder("random", network, canvas.shape, "unit", UNITS)
    maps = cs.painted_labels(canvas, masks, names=[str(number) for number in range(N_PARTS)])
    found = cs.dissect(encoder, layer, canvas, maps, quantile=QUANTILE)

    values = torch.as_tensor(canvas.inputs(range(N)))
    with torch.no_grad():
        for name, module in network.encoder.named_children():
            values = module(values)
            if f"encoder.{name}" == layer:
                break
    activations = values.numpy()
    assert activations.shape == (N, UNITS, 16, 16)
    thresholds = np.array([twin.threshold(activations[:, unit], QUANTILE) for unit in range(UNITS)])
    assert (found.thresholds == thresholds).all()
    active, shared = twin.overlaps(
        activations,
        thresholds,
        masks[..., None],
        offset=3.5,  # three poolings of two: eight pixels, from the centre of the first
        stride=8.0,
        n_labels=N_PARTS,
        counted=np.ones(masks.shape, dtype=bool),
    )
    ground = np.bincount(masks.ravel(), minlength=N_PARTS)
    assert (ground[1:] > 0).sum() >= 10
    assert (found.active[:, 0] == active.sum(axis=0)).all()
    assert (found.shared == shared[:, 1:]).all()
    assert (found.ground == ground[1:]).all()
    union = active.sum(axis=0)[:, None] + ground[1:] - shared[:, 1:]
    assert found.iou == pytest.approx(np.divide(shared[:, 1:], union, out=np.zeros(union.shape), where=union > 0))
    assert found.iou.max() > 0.04  # something is there to agree on
    cells = Cells.of(16, SIDE, offset=3.5, stride=8.0)
    for compiled in (False, True)[: 1 + (find_spec("numba") is not None)]:
        met = count_overlaps(
            torch.as_tensor(activations),
            torch.as_tensor(thresholds),
            masks[..., None],
            down=cells,
            across=cells,
            n_labels=N_PARTS,
            compiled=compiled,
        )
        assert (met.shared == shared).all()
