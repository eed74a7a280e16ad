from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import Concept, concept, make
from conceptstain.concepts.cross_fit import auroc
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.latents import latents_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.nets.tap import tap
from conceptstain.progress import Step
from factories import tiny_encoder, tiny_profile_encoders, tiny_section
from laws import agree
from scenes import Scene, concept_along, scene, some_direction


def test_a_concept_of_neighbours_points_to_their_mean_latent() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3", neighbours=4)
    chosen = [at.canvas.item(name) for name in made.items]
    np.testing.assert_allclose(made.direction, at.encoder.latents(at.canvas)[chosen].mean(axis=0), rtol=1e-5)
    assert made.origin == "4 genes nearest to Gene3 in latent space"


def test_a_contrast_subtracts_the_mean_latent_of_all_other_genes() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, items=["Gene1", "Gene2"], form="contrast")
    latents = at.encoder.latents(at.canvas).astype(np.float64)
    others = np.setdiff1d(at.canvas.trainable, [1, 2])
    np.testing.assert_allclose(made.direction, latents[[1, 2]].mean(axis=0) - latents[others].mean(axis=0), atol=1e-6)
    assert made.origin == "2 named genes, against all other genes"


def test_a_region_brings_the_genes_enriched_in_it() -> None:
    at = scene()
    section = at.canvas.section
    made = concept("inner", at.canvas, at.encoder, region=Region.from_obs("layer", section.annotations["layer"][0]))
    assert set(made.items) == set(made.table.index)
    assert (made.table["auroc"] >= 0.6).all()
    assert f"of {section.n_spots} spots (layer = " in made.origin


def test_a_gene_named_twice_counts_once() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, items=["Gene1", "gene1", "Gene2"])
    assert made.items == ("Gene1", "Gene2")


def test_scores_are_inner_products_of_latents_and_direction() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3")
    latents = latents_of(at.canvas, at.encoder)
    np.testing.assert_allclose(made.scores(latents), [np.dot(z, made.direction) for z in latents], rtol=1e-6)


def test_sampled_latents_differ_from_the_mean_and_repeat_with_their_seed() -> None:
    at = scene()

    def sampled(seed: int) -> np.ndarray:
        noise = torch.Generator().manual_seed(seed)
        return concept("granule", at.canvas, at.encoder, items=["Gene1"], noise=noise).direction

    mean = concept("granule", at.canvas, at.encoder, items=["Gene1"]).direction
    assert np.array_equal(sampled(1), sampled(1))
    assert not np.allclose(sampled(1), sampled(2))
    assert not np.allclose(sampled(1), mean)


@pytest.mark.parametrize(
    ("made_from", "told"),
    [
        ({}, "needs one thing to be made from. Got none"),
        ({"like": "Gene1", "items": ["Gene2"]}, "Got like and items"),
        ({"items": []}, "is made of nothing"),
        ({"like": "Gene77"}, "no gene of that name. Got 'Gene77'. Did you mean"),
        ({"like": "Gene1", "neighbours": 0}, "one item or more"),
    ],
)
def test_what_cannot_be_made_is_told(made_from: dict[str, object], told: str) -> None:
    at = scene()
    with pytest.raises(InputError, match=told):
        concept("granule", at.canvas, at.encoder, **made_from)


def test_a_concept_belongs_to_its_encoder() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3")
    made.check(at.encoder)
    with pytest.raises(MismatchError, match="'granule' belongs to another encoder"):
        made.check(tiny_encoder(at.encoder.shape, seed=9))


def test_latents_are_made_once_for_the_same_canvas_and_encoder() -> None:
    at = scene()
    steps: list[Step] = []
    first = latents_of(at.canvas, at.encoder, report=steps.append)
    made = len(steps)
    assert latents_of(at.canvas, at.encoder, report=steps.append) is first
    assert len(steps) == made
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def granule_and_mitral(at: Scene, **settings: object) -> tuple[Concept, Concept]:
    return (
        concept("granule", at.canvas, at.encoder, items=["Gene0", "Gene1", "Gene2"], **settings),
        concept("mitral", at.canvas, at.encoder, items=["Gene2", "Gene5"], **settings),
    )


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.sqrt(sum(number**2 for number in vector))


def test_a_difference_is_that_of_unit_directions_as_long_as_its_parts_are_on_average() -> None:
    granule, mitral = granule_and_mitral(scene())
    mean_length = (np.linalg.norm(granule.direction) + np.linalg.norm(mitral.direction)) / 2
    made = granule - mitral
    np.testing.assert_allclose(made.direction, mean_length * (unit(granule.direction) - unit(mitral.direction)))
    assert made.origin == "granule minus mitral, each brought to the same length"
    assert (made.name, made.encoder, made.space) == ("granule - mitral", granule.encoder, "latent")


def test_a_number_may_stand_before_or_behind() -> None:
    granule, mitral = granule_and_mitral(scene())
    np.testing.assert_array_equal((granule * 2).direction, (2 * granule).direction)
    np.testing.assert_array_equal((granule / 2).direction, (0.5 * granule).direction)
    np.testing.assert_allclose((mitral - granule / 4).direction, (mitral - 0.25 * granule).direction)
    with pytest.raises(InputError, match="finite weight"):
        granule / 0
    for made in (lambda: granule * mitral, lambda: granule / mitral, lambda: "2" * granule):
        with pytest.raises(TypeError):
            made()


def test_nothing_is_like_a_gene_that_is_found_nowhere() -> None:
    section = tiny_section()
    counts = section.matrix.toarray()
    counts[:, 4] = 0
    canvas = replace(section, matrix=csr_array(counts)).view("genes")
    with pytest.raises(InputError, match=r"Gene4 is found in no spot of tiny\..*Choose a gene that is found"):
        concept("empty", canvas, tiny_encoder(canvas.shape), like="gene4")


def test_a_long_concept_does_not_drown_a_short_one() -> None:
    at = scene()
    short, long = some_direction(1), 1000 * some_direction(2)
    made = named(at, "short", short) + named(at, "long", long)
    np.testing.assert_allclose(unit(made.direction), unit(unit(short) + unit(long)))


def named(at: Scene, name: str, direction: np.ndarray) -> Concept:
    made = concept_along(at.encoder, direction)
    return Concept(Definition(name, like=name), made.direction, made.items, name, made.encoder, made.table)


def test_what_was_added_can_be_subtracted_and_order_does_not_matter() -> None:
    at = scene()
    a, b, c = (named(at, name, some_direction(seed)) for seed, name in enumerate("abc"))
    np.testing.assert_allclose(((a + b) - b).direction, a.direction)
    np.testing.assert_allclose((-(a - b)).direction, (b - a).direction)
    np.testing.assert_allclose(((a - b) + c).direction, ((c + a) - b).direction)
    np.testing.assert_allclose((2 * a).direction, 2 * a.direction)
    np.testing.assert_allclose((2 * (a - b)).direction, 2 * (a - b).direction)


def test_nothing_is_left_of_a_concept_minus_itself() -> None:
    at = scene()
    granule, _ = granule_and_mitral(at)
    with pytest.raises(InputError, match="Nothing is left of this combination"):
        granule - granule
    again = concept("again", at.canvas, at.encoder, items=["Gene1", "Gene0", "Gene2"])
    with pytest.raises(InputError, match=r"its parts point the same way.*granule minus again"):
        granule - again
    with pytest.raises(InputError, match=r"without direction cannot be combined.*nowhere"):
        granule + named(at, "nowhere", np.zeros(4))


def test_the_genes_of_a_difference_say_what_they_count_and_whose_they_are() -> None:
    granule, mitral = granule_and_mitral(scene())
    table = (granule - mitral).table
    assert list(table.index) == ["Gene0", "Gene1", "Gene2", "Gene5"]
    assert list(table["part"]) == ["granule", "granule", "granule, mitral", "mitral"]
    np.testing.assert_allclose(table["weight"], [1 / 3, 1 / 3, 1 / 3 - 1 / 2, -1 / 2])
    assert (granule - mitral).items == tuple(table.index)


def test_a_gene_that_cancels_out_is_none_of_the_difference() -> None:
    at = scene()
    granule, mitral = (concept(name, at.canvas, at.encoder, items=["Gene2", name]) for name in ("Gene0", "Gene5"))
    assert (granule - mitral).items == ("Gene0", "Gene5")


@pytest.mark.parametrize("form", ["mean", "contrast"])
@pytest.mark.parametrize("space", ["latent", "chain.conv2"])
def test_a_combined_definition_is_made_with_any_encoder(form: str, space: str) -> None:
    at, other = scene(seed=0), scene(seed=1)
    granule, mitral = granule_and_mitral(at, form=form, space=space)
    definition = (granule - mitral).definition
    made = concept_of(definition, at)
    np.testing.assert_allclose(made.direction, (granule - mitral).direction)
    theirs = concept_of(definition, other)
    assert theirs.encoder == other.encoder.fingerprint
    one, two = granule_and_mitral(other, form=form, space=space)
    np.testing.assert_allclose(theirs.direction, (one - two).direction)


def concept_of(definition: Definition, at: Scene) -> Concept:
    return make(definition, at.canvas, at.encoder)


def test_concepts_of_two_encoders_or_two_spaces_are_not_combined() -> None:
    granule, mitral = granule_and_mitral(scene(seed=0))
    theirs, _ = granule_and_mitral(scene(seed=1))
    layers, _ = granule_and_mitral(scene(seed=0), space="chain.conv2")
    with pytest.raises(MismatchError, match="'mitral' and 'granule' do not belong to the same encoder"):
        mitral - theirs
    with pytest.raises(MismatchError, match=r"the same space\. Got latent and chain\.conv2"):
        mitral + layers
    assert granule.encoder == layers.encoder


def test_concepts_of_one_definition_that_differ_are_not_combined() -> None:
    at = scene()
    granule, mitral = granule_and_mitral(at)
    sampled = concept(
        "granule", at.canvas, at.encoder, items=["Gene0", "Gene1", "Gene2"], noise=torch.Generator().manual_seed(3)
    )
    with pytest.raises(MismatchError, match="'granule' was made more than once, with different results"):
        (granule - mitral) + sampled


@pytest.mark.parametrize(
    ("kind", "layer", "channels"), [("convolutional", "chain.conv2", 4), ("dense", "chain.relu2", 7)]
)
def test_a_concept_of_a_layer_is_the_mean_of_its_genes_channels_over_all_places(
    kind: str, layer: str, channels: int
) -> None:
    at = scene(kind)
    made = concept("granule", at.canvas, at.encoder, items=["Gene1", "Gene2"], space=layer)
    with tap(at.network, layer) as tapped:
        at.encoder.encode(at.encoder.tensor(at.canvas.inputs([1, 2])))
        of_genes = tapped.take().numpy()
    slow = [np.mean([gene[channel].mean() for gene in of_genes]) for channel in range(channels)]
    np.testing.assert_allclose(made.direction, slow, rtol=1e-5, atol=1e-7)
    assert made.space == layer
    assert made.origin == f"2 named genes, in the layer {layer}"


def test_the_end_of_a_layers_name_is_enough() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3", neighbours=3, space="conv2")
    assert made.space == "chain.conv2"
    assert made.origin == "3 genes nearest to Gene3 in the layer chain.conv2"
    with pytest.raises(InputError, match=r"'tiny' has no such layer\. Got 'conv9'.*chain\.conv1, chain\.relu1"):
        concept("granule", at.canvas, at.encoder, like="Gene3", space="conv9")


def test_scores_are_of_the_concepts_own_space() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3", neighbours=3, space="chain.conv1")
    channels = latents_of(at.canvas, at.encoder, space="chain.conv1")
    agree(made.scores(channels), np.array([np.dot(row, made.direction) for row in channels]))
    with pytest.raises(MismatchError, match=r"'granule' lives in another space.*4 numbers per item for 3"):
        made.scores(latents_of(at.canvas, at.encoder))


def test_an_encoder_without_the_layer_is_told_which_it_has() -> None:
    at = scene()
    made = concept("granule", at.canvas, at.encoder, like="Gene3", neighbours=3, space="chain.relu1")
    renamed = tiny_encoder(at.encoder.shape)
    renamed.network.chain.add_module("other", renamed.network.chain.relu1)
    del renamed.network.chain.relu1
    assert renamed.fingerprint == at.encoder.fingerprint
    with pytest.raises(InputError, match=r"no such layer\. Got 'chain\.relu1'"):
        made.check(renamed)


def test_a_unit_is_an_axis_with_the_genes_that_excite_it_most() -> None:
    at = scene()
    made = concept("unit 2", at.canvas, at.encoder, unit=2, space="chain.conv2", neighbours=3)
    np.testing.assert_array_equal(made.direction, [0, 0, 1, 0])
    values = latents_of(at.canvas, at.encoder, space="chain.conv2")[:, 2]
    strongest = sorted(at.canvas.trainable, key=lambda item: -values[item])[:3]
    assert made.items == tuple(at.canvas.item_names[strongest])
    assert made.origin == "unit 2 of the layer chain.conv2, highest in 3 genes"
    with pytest.raises(InputError, match=r"no such unit in latent space\. Got 4 for 4 units"):
        concept("unit 4", at.canvas, at.encoder, unit=4)


def test_layers_cannot_be_sampled() -> None:
    at = scene()
    with pytest.raises(InputError, match="Only latents can be sampled"):
        concept("granule", at.canvas, at.encoder, like="Gene3", space="conv1", noise=torch.Generator())


def test_concepts_of_spots_add_up_and_live_in_dense_layers_too() -> None:
    canvas = tiny_section(6, 7).view("spots")
    (encoder,) = tiny_profile_encoders(canvas.features, 1)
    inner, outer = (
        concept(layer, canvas, encoder, region=Region.from_obs("layer", layer), space="relu1")
        for layer in ("inner", "outer")
    )
    hidden = latents_of(canvas, encoder, space=inner.space)
    assert hidden.shape == (len(canvas), len(inner.direction))
    inside = np.asarray(canvas.section.adata.obs["layer"] == "inner")
    assert auroc((inner - outer).scores(hidden), inside) > 0.9
    assert (inner - outer).table.index.name == "spot"
    with pytest.raises(InputError, match=r"no such layer\. Got 'relu1'"):  # a definition holds the full name
        make(Definition("short", like="Gene1", space="relu1"), scene().canvas, scene().encoder)


def test_a_concept_and_a_number_do_not_add_up() -> None:
    made = scene().concept(some_direction())
    with pytest.raises(TypeError, match="unsupported operand"):
        made + 1
    with pytest.raises(TypeError, match="unsupported operand"):
        made.definition - 1
