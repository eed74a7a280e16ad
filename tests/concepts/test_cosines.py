"""Cosines between concepts, and between random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.concepts.concept import Concept, concept
from conceptstain.concepts.cosines import cosines, random_cosines
from conceptstain.errors import InputError, MismatchError
from factories import noise_section, tiny_encoder
from scenes import Scene, concept_along, scene, some_direction
from strategies import laws


def three(at: Scene, **settings: object) -> list[Concept]:
    genes = (["Gene0", "Gene1"], ["Gene5", "Gene6", "Gene7"], ["Gene8"])
    return [concept(f"c{number}", at.canvas, at.encoder, items=names, **settings) for number, names in enumerate(genes)]


def test_a_cosine_is_the_product_over_the_lengths() -> None:
    made = three(scene())
    table = cosines(made)
    assert list(table.index) == list(table.columns) == ["c0", "c1", "c2"]
    for row in made:
        for column in made:
            lengths = np.sqrt((row.direction**2).sum() * (column.direction**2).sum())
            assert table.loc[row.name, column.name] == pytest.approx((row.direction * column.direction).sum() / lengths)


@laws
@given(seeds=st.lists(st.integers(0, 1000), min_size=1, max_size=4), factor=st.floats(0.01, 100))
def test_cosines_are_symmetric_one_with_itself_and_know_no_length(seeds: list[int], factor: float) -> None:
    at = scene()
    table = cosines([concept_along(at.encoder, some_direction(seed)) for seed in seeds]).to_numpy()
    np.testing.assert_allclose(table, table.T, atol=1e-12)
    np.testing.assert_allclose(np.diag(table), 1.0)
    assert (np.abs(table) <= 1 + 1e-12).all()
    longer = cosines([concept_along(at.encoder, factor * some_direction(seed)) for seed in seeds])
    np.testing.assert_allclose(longer, table, atol=1e-9)


def test_opposites_are_at_minus_one() -> None:
    first, second, _ = three(scene())
    table = cosines([first - second, second - first, -(first - second)])
    np.testing.assert_allclose(table, [[1, -1, -1], [-1, 1, 1], [-1, 1, 1]])


def test_concepts_of_two_encoders_or_spaces_are_not_compared() -> None:
    at = scene()
    with pytest.raises(MismatchError, match="compared in one encoder"):
        cosines([*three(at), *three(scene(seed=1))])
    with pytest.raises(MismatchError, match=r"compared in one space.*c2: chain\.conv1"):
        cosines([three(at)[0], three(at, space="conv1")[2]])
    with pytest.raises(InputError, match="no concept to compare"):
        cosines([])


@pytest.mark.parametrize("space", ["latent", "chain.conv2"])
def test_random_genes_stand_for_every_part(space: str) -> None:
    at = scene()
    first, second, _ = three(at, space=space)
    expected = random_cosines([first, second, first - second], at.canvas, at.encoder, quantile=0.5, draws=100)
    assert list(expected.index) == list(expected.columns) == ["c0", "c1", "c0 - c1"]
    np.testing.assert_allclose(expected, expected.T)
    # An untrained encoder gives all pictures much the same latent: means are alike whatever they are of.
    assert expected.loc["c0", "c1"] > 0.5
    assert abs(expected.loc["c0", "c0 - c1"]) < 0.5


def test_the_cosines_of_random_concepts_are_what_chance_gives() -> None:
    canvas = noise_section(8, 8, n_genes=60).view("genes", frame=(8, 8))
    encoder = tiny_encoder(canvas.shape)
    rng = np.random.default_rng(0)
    chance = random_cosines(
        [concept("c", canvas, encoder, items=["Gene0", "Gene1"], form="contrast")], canvas, encoder, quantile=0.5
    )
    seen = []
    for _ in range(150):
        names = [list(canvas.item_names[rng.choice(canvas.trainable, 2, replace=False)]) for _ in range(2)]
        pair = [concept(str(n), canvas, encoder, items=each, form="contrast") for n, each in enumerate(names)]
        seen.append(cosines(pair).iloc[0, 1])
    assert chance.iloc[0, 0] == pytest.approx(np.median(seen), abs=0.2)


def test_random_cosines_repeat_with_their_seed() -> None:
    at = scene()
    one, again, other = (
        random_cosines(three(at), at.canvas, at.encoder, draws=20, seed=seed).to_numpy() for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_what_random_genes_cannot_stand_for_is_refused() -> None:
    at = scene()
    unit = concept("unit", at.canvas, at.encoder, unit=1)
    with pytest.raises(InputError, match="A unit is not made of genes"):
        random_cosines([unit], at.canvas, at.encoder)
    with pytest.raises(InputError, match="Got draws=0"):
        random_cosines(three(at), at.canvas, at.encoder, draws=0)
    with pytest.raises(MismatchError, match="belongs to another encoder"):
        random_cosines(three(at), at.canvas, tiny_encoder(at.encoder.shape, seed=9))
