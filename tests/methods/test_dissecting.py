"""Network dissection: thresholds, overlaps and labels of units, against a slow exact twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import conceptstain as cs
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.label_maps import LabelMaps
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.canvas.section_labels import section_labels
from conceptstain.errors import ConceptStainError, InputError, MismatchError
from conceptstain.methods.dissecting import dissect, dissect_inputs, dissect_layers, layers_with_places
from conceptstain.methods.rotation import random_rotation
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Cancelled, Step
from factories import tiny_encoder, tiny_profile_encoders, tiny_section
from pictures import noise
from twins import dissection as twin

N = 7


@pytest.fixture(scope="module")
def pictures() -> tuple[ImageSet, Encoder, LabelMaps, np.ndarray]:
    canvas = cs.open(np.stack([noise(16, 16, seed=seed) for seed in range(N)]), as_="images").view("images", frame=16)
    stack = np.random.default_rng(0).integers(0, 4, (N, 16, 16))
    stack[4:6][stack[4:6] > 1] = 0
    stack[6] = 0
    return canvas, tiny_encoder((1, 16, 16), scaling="unit"), painted_labels(canvas, stack), stack


def activations(encoder: Encoder, canvas: ImageSet, layer: str) -> np.ndarray:
    with torch.no_grad():
        x = encoder.tensor(canvas.inputs(range(len(canvas))))
        for name, module in encoder.network.chain.named_children():  # type: ignore[union-attr, operator]
            x = module(x)
            if name == layer:
                return x.numpy()
    raise AssertionError(layer)


@pytest.mark.parametrize(("layer", "stride"), [("conv1", 1.0), ("relu2", 2.0)])
@pytest.mark.parametrize("quantile", [0.01, 0.2])
def test_a_dissection_is_what_its_definition_says(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray], layer: str, stride: float, quantile: float
) -> None:
    canvas, encoder, maps, stack = pictures
    found = dissect(encoder, layer, canvas, maps, quantile=quantile)
    values = activations(encoder, canvas, layer)
    thresholds = np.array([twin.threshold(values[:, unit], quantile) for unit in range(values.shape[1])])
    assert found.thresholds == pytest.approx(thresholds)
    labelled = (stack > 0).any(axis=(1, 2))
    assert labelled.sum() == N - 1
    everywhere = np.ones(stack.shape, dtype=bool)
    active, shared = twin.overlaps(
        values, thresholds, stack[..., None], offset=(stride - 1) / 2, stride=stride, n_labels=4, counted=everywhere
    )
    assert (found.shared == shared[:, 1:]).all()
    assert (found.active[:, 0] == active[labelled].sum(axis=0)).all()
    ground = np.array([(stack == label).sum() for label in (1, 2, 3)])
    assert (found.ground == ground).all()
    iou = shared[:, 1:] / (active[labelled].sum(axis=0)[:, None] + ground - shared[:, 1:])
    assert found.iou == pytest.approx(iou)
    assert found.counted.tolist() == [labelled.sum() * 256]


def test_several_layers_are_dissected_as_each_alone_and_in_any_chunks(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas, encoder, maps, _ = pictures
    both = dissect_layers(encoder, ["conv1", "conv2"], canvas, maps, quantile=0.1)
    monkeypatch.setattr("conceptstain.methods.gradient.VALUES", 2 * 256)
    for layer, found in zip(("conv1", "conv2"), both, strict=True):
        alone = dissect(encoder, layer, canvas, maps, quantile=0.1)
        assert found.layer == alone.layer == f"chain.{layer}"
        assert (found.shared == alone.shared).all()
        assert found.thresholds == pytest.approx(alone.thresholds)


def test_items_in_another_order_or_named_twice_change_nothing(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray],
) -> None:
    canvas, encoder, maps, _ = pictures
    one = dissect(encoder, "conv2", canvas, maps, quantile=0.1, items=[1, 3, 4])
    other = dissect(encoder, "conv2", canvas, maps, quantile=0.1, items=[4, 1, 3, 1])
    assert (one.shared == other.shared).all()
    assert one.n_items == other.n_items == 3


def test_no_overlap_is_above_its_bound(pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray]) -> None:
    canvas, encoder, maps, _ = pictures
    found = dissect(encoder, "conv1", canvas, maps, quantile=0.05)  # as fine as the masks: exactly q is active
    covered = found.active[:, 0] / found.counted[0]
    for unit in range(found.n_units):
        bound = np.minimum(found.prevalence, covered[unit]) / np.maximum(found.prevalence, covered[unit])
        assert (found.iou[unit] <= bound + 1e-12).all()
    assert found.bound == pytest.approx(np.minimum(found.prevalence, 0.05) / np.maximum(found.prevalence, 0.05))


def test_a_unit_that_is_a_label_overlaps_with_it_wholly(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray],
) -> None:
    _, _, _, stack = pictures
    lit = np.where(stack == 2, 255, 40).astype(np.uint8)
    canvas = cs.open(lit, as_="images").view("images", frame=16)
    maps = painted_labels(canvas, stack)
    part = float((stack == 2).mean())
    found = dissect_inputs(canvas, maps, quantile=part + 1e-9, items=range(N))
    assert found.labels[found.best[0]].name == "2"
    assert found.iou[0].max() == pytest.approx(1.0)
    shuffled = dissect_inputs(canvas, maps, quantile=part + 1e-9, shuffled=0)
    assert shuffled.iou.max() < 0.5


def test_a_rotation_turns_the_units_and_none_of_it_leaves_them(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray],
) -> None:
    canvas, encoder, maps, _ = pictures
    plain = dissect(encoder, "conv2", canvas, maps, quantile=0.1)
    same = dissect(encoder, "conv2", canvas, maps, quantile=0.1, rotation=np.eye(4))
    assert (plain.shared == same.shared).all()
    turn = random_rotation(4, 1)
    turned = dissect(encoder, "conv2", canvas, maps, quantile=0.1, rotation=turn)
    values = np.einsum("ij,bjhw->bihw", turn, activations(encoder, canvas, "conv2"))
    assert turned.thresholds == pytest.approx([twin.threshold(values[:6, unit], 0.1) for unit in range(4)], rel=0.2)
    assert turned.title == "chain.conv2 of tiny, rotated"
    with pytest.raises(InputError, match=r"another number of units"):
        dissect(encoder, "conv1", canvas, maps, rotation=turn)


def test_layers_of_tissue_are_held_against_genes_and_against_units_of_both_views() -> None:
    section = tiny_section(10, 10, n_genes=9)
    spots, genes = section.view("spots"), section.view("genes")
    inner = section.adata.obs["layer"].to_numpy() == "inner"
    maps = section_labels(spots)
    of_genes = dissect_inputs(spots, maps)
    assert of_genes.quantile == pytest.approx(np.median([inner.mean(), 1 - inner.mean()]))
    values = spots.inputs(range(len(spots)))
    n_above = int(of_genes.quantile * len(spots))
    for gene in range(9):
        on = values[:, gene] > np.sort(values[:, gene])[::-1][n_above]
        assert of_genes.iou[gene, 0] == pytest.approx((on & inner).sum() / (on | inner).sum())
    (encoder, _) = tiny_profile_encoders(spots.features)
    found = dissect(encoder, encoder_layer(encoder), spots, maps)
    assert found.n_units == 9
    pictures = tiny_encoder(genes.shape)
    on_pictures = dissect(pictures, "conv2", genes, section_labels(genes))
    assert on_pictures.counted[0] == genes.mask.sum() * len(genes.trainable)  # the tissue alone counts


def encoder_layer(encoder: Encoder) -> str:
    from conceptstain.nets.tap import encoder_layers

    return next(name for name in encoder_layers(encoder) if "relu" in name or "act" in name or "dense" in name)


@pytest.mark.parametrize(
    ("layer", "options", "words"),
    [
        ("conv9", {}, r"no such layer[\s\S]*chain.conv1"),
        ("dense", {}, r"no places[\s\S]*chain.conv1, chain.relu1"),
        ("conv1", {"quantile": 0.0}, "active at some"),
        ("conv1", {"alignment": "corners"}, "enlarged that way"),
        ("conv1", {"items": [6]}, "says nothing"),
        ("conv1", {"items": [0, 99], "quantile": 0.2}, "no such item"),
        ("conv1", {"items": [True] * N, "quantile": 0.2}, "whole numbers"),
        ("conv1", {"items": [0], "quantile": 0.2, "shuffled": 0}, "keeps its own labels"),
    ],
)
def test_what_cannot_be_dissected_is_refused_in_words(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray], layer: str, options: dict[str, object], words: str
) -> None:
    canvas, encoder, maps, stack = pictures
    if options.get("items") == [6]:
        maps = painted_labels(canvas, stack)
        from dataclasses import replace

        maps = replace(maps, items=np.arange(6))
    with pytest.raises(ConceptStainError, match=words):
        dissect(encoder, layer, canvas, maps, **options)  # type: ignore[arg-type]


def test_a_canvas_or_labels_of_something_else_are_refused(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray],
) -> None:
    canvas, encoder, maps, _ = pictures
    with pytest.raises(MismatchError, match="another shape"):
        dissect(encoder, "conv1", tiny_section().view("genes"), maps)
    smaller = cs.open(noise(N, 8, 8), as_="images").view("images", frame=8)
    with pytest.raises(InputError, match="not of this canvas"):
        dissect(encoder, "conv1", canvas, painted_labels(smaller, np.ones((N, 8, 8), dtype=int)))


def test_labels_of_a_canvas_with_more_items_are_refused(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray],
) -> None:
    canvas, encoder, maps, _ = pictures
    fewer = cs.open(np.stack([noise(16, 16)] * 2), as_="images").view("images", frame=16)
    with pytest.raises(MismatchError, match="not of this canvas"):
        dissect(encoder, "conv1", fewer, maps, quantile=0.2)
    assert len(canvas) == N


def test_of_a_network_in_double_precision_exactly_that_part_is_above_the_threshold(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conceptstain.methods.unit_overlaps.find_spec", lambda _: None)  # torch counts, not numba
    canvas, _, _, _ = pictures
    encoder = tiny_encoder((1, 16, 16), scaling="unit")
    encoder.network.double()
    everywhere = painted_labels(canvas, np.ones((N, 16, 16), dtype=int))
    for quantile in (0.02, 0.05, 0.1, 0.2, 0.3):  # each threshold is rounded up or down
        found = dissect(encoder, "conv1", canvas, everywhere, quantile=quantile)
        assert (found.active[:, 0] == int(quantile * N * 256)).all()


def test_activations_that_are_no_numbers_name_a_unit(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray],
) -> None:
    canvas, _, maps, _ = pictures
    broken = tiny_encoder((1, 16, 16), scaling="unit")
    with torch.no_grad():
        broken.network.chain.conv1.bias[2] = float("nan")  # type: ignore[union-attr, index]
    with pytest.raises(InputError, match="unit 2"):
        dissect(broken, "conv1", canvas, maps)


def test_dead_units_are_no_detectors(pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray]) -> None:
    canvas, _, maps, _ = pictures
    dead = tiny_encoder((1, 16, 16), scaling="unit")
    with torch.no_grad():
        dead.network.chain.conv1.bias[1] = -100.0  # type: ignore[union-attr, index]
    found = dissect(dead, "relu1", canvas, maps, quantile=0.2)
    assert found.iou[1].tolist() == [0, 0, 0]
    assert not found.detectors(0.0)[1]


def test_progress_counts_both_passes_and_a_cancelled_dissection_leaves_nothing_on_the_network(
    pictures: tuple[ImageSet, Encoder, LabelMaps, np.ndarray],
) -> None:
    canvas, encoder, maps, _ = pictures
    steps: list[Step] = []
    dissect(encoder, "conv1", canvas, maps, quantile=0.1, report=steps.append)
    assert [step.done for step in steps] == [N, 2 * N]

    def stop(_: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        dissect(encoder, "conv1", canvas, maps, quantile=0.1, report=stop)
    assert not any(module._forward_hooks for module in encoder.network.modules())


def test_layers_that_can_be_dissected_are_listed() -> None:
    names = layers_with_places(tiny_encoder((1, 8, 8)))
    assert names == ("chain.conv1", "chain.relu1", "chain.pool1", "chain.conv2", "chain.relu2")
