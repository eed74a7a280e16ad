"""A dissection beside its controls."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import conceptstain as cs
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.label_maps import LabelMaps
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.errors import InputError
from conceptstain.methods.dissecting import dissect
from conceptstain.methods.dissection_controls import DissectionControls, dissection_controls
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Step
from dissections import of_ious
from factories import tiny_encoder, tiny_section

N = 40


@pytest.fixture(scope="module")
def squares() -> tuple[ImageSet, LabelMaps]:
    """Pictures with a bright square somewhere, and a mask of it; elsewhere a dim one, another label."""
    random = np.random.default_rng(0)
    pixels, masks = random.integers(0, 30, (N, 16, 16)), np.zeros((N, 16, 16), dtype=int)
    for item in range(N):
        for label, light in ((1, 220), (2, 110)):
            row, column = random.integers(0, 12, 2)
            pixels[item, row : row + 4, column : column + 4] = light + random.integers(0, 30, (4, 4))
            masks[item, row : row + 4, column : column + 4] = label
    canvas = cs.open(pixels.astype(np.uint8), as_="images").view("images", frame=16)
    return canvas, painted_labels(canvas, masks, names=["", "bright", "dim"])


@pytest.fixture(scope="module")
def brightness() -> Encoder:
    """A network of which one unit of the first layer sees brightness, and the others nothing."""
    encoder = tiny_encoder((1, 16, 16), scaling="unit")
    with torch.no_grad():
        first = encoder.network.chain.conv1  # type: ignore[union-attr]
        first.weight.zero_()  # type: ignore[operator, union-attr]
        first.weight[0, 0, 1, 1] = 1.0  # type: ignore[index]
        first.bias.zero_()  # type: ignore[operator, union-attr]
    return encoder


def test_a_unit_that_sees_a_label_stands_out_from_every_control(
    squares: tuple[ImageSet, LabelMaps], brightness: Encoder
) -> None:
    canvas, maps = squares
    steps: list[Step] = []
    found = dissection_controls(brightness, "conv1", canvas, maps, quantile=0.05, draws=2, report=steps.append)
    assert set(found.drawn) == {"rotated", "shuffled", "untrained"}
    assert [len(each) for each in found.drawn.values()] == [2, 2, 2]
    assert found.trained.iou[0, 0] > 0.6
    assert max(each.iou[0, 0] for each in found.drawn["shuffled"]) < 0.2
    table = found.compared(least=0.5)
    assert table.loc["trained", "detectors"] == 1
    assert (table["unique low"] <= table["unique"]).all()
    assert (table["unique"] <= table["unique high"]).all()
    assert table.loc["shuffled", "unique high"] == 0
    assert table.equals(found.compared(least=0.5, category="part"))
    done = [step.done / step.total for step in steps]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)


def test_draws_are_those_of_their_seeds(squares: tuple[ImageSet, LabelMaps], brightness: Encoder) -> None:
    canvas, maps = squares
    found = dissection_controls(brightness, "conv1", canvas, maps, quantile=0.05, draws=2, seed=5, items=range(10))
    again = dissect(brightness, "conv1", canvas, maps, quantile=0.05, items=range(10), shuffled=6)
    assert (found.drawn["shuffled"][1].shared == again.shared).all()
    assert not (found.drawn["rotated"][0].shared == found.drawn["rotated"][1].shared).all()
    with pytest.raises(InputError, match="once or more"):
        dissection_controls(brightness, "conv1", canvas, maps, draws=0)


def test_what_does_as_well_is_said(squares: tuple[ImageSet, LabelMaps], brightness: Encoder) -> None:
    canvas, maps = squares
    found = dissection_controls(brightness, "conv1", canvas, maps, quantile=0.05, draws=1)
    alike = DissectionControls(found.trained, {"rotated": (found.trained,)})
    assert "other axes of the layer do as well" in alike.sentence
    assert "no controls" in DissectionControls(found.trained, {}).sentence
    nothing = dissect(brightness, "conv1", canvas, maps, quantile=0.0002)
    assert not nothing.detectors(0.5).any()
    better = DissectionControls(found.trained, {"shuffled": (nothing,)})
    assert "more than in any control (shuffled" in better.sentence


def test_gene_pictures_share_one_map_of_labels_which_cannot_be_shuffled() -> None:
    genes = tiny_section(10, 10, n_genes=9).view("genes")
    found = dissection_controls(tiny_encoder(genes.shape), "conv2", genes, cs.section_labels(genes), draws=1)
    assert set(found.drawn) == {"rotated", "untrained"}


def test_a_single_item_has_nothing_to_shuffle(squares: tuple[ImageSet, LabelMaps], brightness: Encoder) -> None:
    canvas, maps = squares
    found = dissection_controls(brightness, "conv1", canvas, maps, quantile=0.05, items=[3], draws=1)
    assert set(found.drawn) == {"rotated", "untrained"}
    assert "of one item that has no interval" in found.sentence_at(0.01)
    assert "as well" not in found.sentence_at(0.01)


def test_where_no_label_has_a_unit_there_is_nothing_to_do_as_well() -> None:
    one, none = (of_ious((iou, 0.0, 0.0, 0.0), groups=4) for iou in (0.3, 0.01))
    assert DissectionControls(none, {"shuffled": (none,)}).sentence == (
        "no labels have a unit of their own (shuffled 0.0)."
    )
    assert DissectionControls(one, {"shuffled": (none,)}).sentence.startswith(
        "1 label has a unit of its own, more than"
    )


def test_where_chance_makes_detectors_a_higher_iou_is_asked_for() -> None:
    own = of_ious((0.3, 0.02, 0.1, 0.0))  # q = 0.05: at random 0.034 with a nose
    controls = DissectionControls(own, {"shuffled": (of_ious((0.0, 0.0, 0.0, 0.0)),)})
    assert "wherever they lie" not in controls.sentence_at(0.04)
    assert "overlap with nose by 0.03 wherever they lie: ask for a higher IoU than 0.03" in controls.sentence_at(0.03)
