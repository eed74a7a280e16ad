"""Activations of single units: maps, peaks and masks, against what a dissection counts and what the layer puts out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import conceptstain as cs
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.canvas.section_labels import section_labels
from conceptstain.errors import ConceptStainError
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.dissecting import Alignment, dissect, dissect_inputs
from conceptstain.methods.rotation import random_rotation
from conceptstain.methods.spot_score import SpotScore
from conceptstain.methods.unit_maps import unit_map, unit_mask, unit_peaks
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import tap
from conceptstain.progress import Cancelled, Step
from factories import tiny_encoder, tiny_profile_encoders, tiny_section
from pictures import noise

N = 5


@pytest.fixture(scope="module")
def pictures() -> tuple[ImageSet, Encoder]:
    """Pictures that are higher than wide, so that a square frame has padding on both sides."""
    stack = np.stack([noise(16, 10, seed=seed) for seed in range(N)])
    canvas = cs.open(stack, as_="images").view("images", frame=16, fit="pad")
    return canvas, tiny_encoder((1, 16, 16), scaling="unit")


def put_out(encoder: Encoder, canvas: ImageSet, layer: str) -> np.ndarray:
    with torch.no_grad(), tap(encoder.network, layer) as tapped:
        encoder.encode(encoder.tensor(canvas.inputs(range(len(canvas)))))
        return tapped.take().numpy()


@pytest.mark.parametrize("layer", ["conv1", "relu2"])
@pytest.mark.parametrize("alignment", ["receptive field", "bilinear"])
def test_masks_held_against_labels_give_the_counts_of_the_dissection(
    pictures: tuple[ImageSet, Encoder], layer: str, alignment: Alignment
) -> None:
    canvas, encoder = pictures
    drawn = np.random.default_rng(1).integers(1, 4, (N, 16, 10))
    maps = painted_labels(canvas, drawn)
    found = dissect(encoder, layer, canvas, maps, quantile=0.1, alignment=alignment)
    labels = maps.of(range(N)).planes[..., 0]
    for unit in range(found.n_units):
        masks = unit_mask(found, encoder, canvas, unit, range(N))
        assert found.active[unit, 0] == masks.sum()
        assert found.shared[unit].tolist() == [(masks & (labels == label)).sum() for label in (1, 2, 3)]
        assert not masks[..., :3].any()  # padding
        assert not masks[..., 13:].any()


def test_masks_of_tissue_spots_and_genes_give_the_counts_of_their_dissections() -> None:
    section = tiny_section(8, 8, n_genes=6)
    genes, spots = section.view("genes"), section.view("spots")
    (of_spots, _) = tiny_profile_encoders(spots.features)
    of_genes = tiny_encoder(genes.shape)
    for canvas, encoder, layer in ((genes, of_genes, "conv2"), (spots, of_spots, "encoder.relu1"), (spots, None, "")):
        maps = section_labels(canvas)
        found = dissect_inputs(canvas, maps) if encoder is None else dissect(encoder, layer, canvas, maps)
        items = maps.items
        planes = maps.of(items).planes
        for unit in range(found.n_units):
            masks = unit_mask(found, encoder, canvas, unit, items)
            shared = [(masks[..., None] & (planes == number)).sum() for number in range(1, len(maps.labels) + 1)]
            assert found.shared[unit].tolist() == shared


def test_a_map_of_a_layer_as_fine_as_the_frame_is_what_the_layer_puts_out(pictures: tuple[ImageSet, Encoder]) -> None:
    canvas, encoder = pictures
    made = unit_map(encoder, "conv1", canvas, 1, items=[3, 0])
    assert isinstance(made, Attribution)
    np.testing.assert_allclose(made.values[:, 0], put_out(encoder, canvas, "chain.conv1")[[3, 0], 1], rtol=1e-6)
    assert made.title == f"unit 1 - activation, chain.conv1 of {encoder.name}"
    assert made.items == (3, 0)
    assert made.signed
    assert not unit_map(encoder, "relu1", canvas, 1, items=[3]).signed


def test_a_map_of_no_items_is_the_mean_over_all_that_can_be_learned_from() -> None:
    canvas = tiny_section(n_genes=5).view("genes")
    encoder = tiny_encoder(canvas.shape)
    each = unit_map(encoder, "relu2", canvas, 0, items=canvas.trainable)
    mean = unit_map(encoder, "relu2", canvas, 0)
    np.testing.assert_allclose(mean.values[0], each.values.mean(axis=0), rtol=1e-6)
    assert cs.figure(canvas, mean, each).axes


def test_peaks_are_the_highest_activations_on_a_picture_and_not_on_its_padding(
    pictures: tuple[ImageSet, Encoder],
) -> None:
    canvas, encoder = pictures
    values = put_out(encoder, canvas, "chain.conv1")[..., 3:13]
    np.testing.assert_allclose(unit_peaks(encoder, "conv1", canvas), values.max(axis=(2, 3)), rtol=1e-6)
    np.testing.assert_allclose(unit_peaks(encoder, "conv1", canvas, [4, 1]), values.max(axis=(2, 3))[[4, 1]], rtol=1e-6)


def test_a_unit_of_spots_is_a_score_of_every_spot() -> None:
    section = tiny_section(6, 6, n_genes=6)
    spots = section.view("spots")
    (encoder, _) = tiny_profile_encoders(spots.features)
    made = unit_map(encoder, "encoder.relu1", spots, 2)
    assert isinstance(made, SpotScore)
    np.testing.assert_allclose(made.values, unit_peaks(encoder, "encoder.relu1", spots)[:, 2], rtol=1e-6)
    assert made.concept is None
    assert cs.figure(section, made).axes


def test_chunks_change_nothing(pictures: tuple[ImageSet, Encoder], monkeypatch: pytest.MonkeyPatch) -> None:
    canvas, encoder = pictures
    whole = unit_map(encoder, "relu2", canvas, 0, items=range(N)), unit_peaks(encoder, "relu2", canvas)
    monkeypatch.setattr("conceptstain.methods.gradient.VALUES", 2 * 256)
    np.testing.assert_allclose(unit_map(encoder, "relu2", canvas, 0, items=range(N)).values, whole[0].values)
    np.testing.assert_allclose(unit_peaks(encoder, "relu2", canvas), whole[1])


def test_a_cancelled_map_leaves_nothing_on_the_network(pictures: tuple[ImageSet, Encoder]) -> None:
    canvas, encoder = pictures

    def stop(_: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        unit_map(encoder, "conv1", canvas, 0, report=stop)
    assert not any(module._forward_hooks for module in encoder.network.modules())


@pytest.mark.parametrize(
    ("layer", "unit", "items", "words"),
    [
        ("conv9", 0, None, "no such layer"),
        ("dense", 0, None, "no places"),
        ("conv1", 99, None, r"no such unit[\s\S]*99 for"),
        ("conv1", 0, [N], "no such item"),
    ],
)
def test_what_has_no_map_is_refused_in_words(
    pictures: tuple[ImageSet, Encoder], layer: str, unit: int, items: list[int] | None, words: str
) -> None:
    canvas, encoder = pictures
    with pytest.raises(ConceptStainError, match=words):
        unit_map(encoder, layer, canvas, unit, items=items)


def test_masks_of_rotated_axes_or_another_network_and_maps_of_some_spots_are_refused(
    pictures: tuple[ImageSet, Encoder],
) -> None:
    canvas, encoder = pictures
    maps = painted_labels(canvas, np.random.default_rng(1).integers(1, 4, (N, 16, 10)))
    found = dissect(encoder, "conv1", canvas, maps, quantile=0.1)
    turned = dissect(encoder, "conv1", canvas, maps, quantile=0.1, rotation=random_rotation(found.n_units, 0))
    with pytest.raises(ConceptStainError, match="no units of the network"):
        unit_mask(turned, encoder, canvas, 0, [0])
    with pytest.raises(ConceptStainError, match="another network"):
        unit_mask(found, tiny_encoder((1, 16, 16), 1, scaling="unit"), canvas, 0, [0])
    spots = tiny_section().view("spots")
    (of_spots, _) = tiny_profile_encoders(spots.features)
    with pytest.raises(ConceptStainError, match="on all spots"):
        unit_map(of_spots, "encoder.relu1", spots, 0, items=[1, 2])


def test_activations_that_are_no_numbers_name_a_unit(pictures: tuple[ImageSet, Encoder]) -> None:
    canvas, _ = pictures
    broken = tiny_encoder((1, 16, 16), scaling="unit")
    with torch.no_grad():
        broken.network.chain.conv1.bias[1] = float("nan")  # type: ignore[union-attr, index]
    with pytest.raises(ConceptStainError, match="unit 1"):
        unit_peaks(broken, "conv1", canvas)
