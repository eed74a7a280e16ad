"""Cosines between concepts, and between random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conceptstain as cs
from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept, concept
from conceptstain.concepts.cosines import _Pool, cosines, random_cosines
from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.nets.encoder import Encoder
from factories import noise_section, tiny_encoder
from pictures import noise
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
    with pytest.raises(InputError, match="A unit or a class is not made of genes"):
        random_cosines([unit], at.canvas, at.encoder)
    with pytest.raises(InputError, match="Got draws=0"):
        random_cosines(three(at), at.canvas, at.encoder, draws=0)
    with pytest.raises(MismatchError, match="belongs to another encoder"):
        random_cosines(three(at), at.canvas, tiny_encoder(at.encoder.shape, seed=9))


def expected_median(encoder: Encoder, pool: list[str], canvas: Canvas, form: str) -> float:
    """Cosines of pairs of concepts of random pictures, made one by one."""
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(40):
        drawn = [rng.permutation(len(pool))[:9] for _ in range(2)]
        pair = [
            concept(
                str(n),
                canvas,
                encoder,
                items=[pool[i] for i in each[:4]],
                against=[pool[i] for i in each[4:]],
                form=form,
            )
            for n, each in enumerate(drawn)
        ]
        seen.append(abs(cosines(pair).iloc[0, 1]))
    return float(np.median(seen))


@pytest.mark.parametrize("form", ["contrast", "whitened"])
@pytest.mark.parametrize("kind", ["images", "patches"])
def test_random_pictures_stand_for_as_many_on_each_side(kind: str, form: str) -> None:
    if kind == "images":
        canvas = cs.open(noise(40, 8, 8, seed=1), as_="images").view(frame=8)
    else:
        canvas = cs.open(noise(48, 48, seed=1), as_="slide").view(size=8, stride=8, background="keep")
    encoder = tiny_encoder((1, 8, 8), scaling="unit")
    names = [str(name) for name in canvas.item_names]
    one = concept("one", canvas, encoder, items=names[:4], against=names[10:15], form=form)
    two = concept("two", canvas, encoder, items=names[5:9], against=names[20:25], form=form)
    low, high = (
        random_cosines([one, two, one - two], canvas, encoder, quantile=quantile, draws=100)
        for quantile in (0.25, 0.75)
    )
    assert list(high.index) == ["one", "two", "one - two"]
    np.testing.assert_allclose(high, high.T)
    assert high.loc["one", "two"] == pytest.approx(expected_median(encoder, names, canvas, form), abs=0.2)
    assert low.loc["one", "two"] == pytest.approx(-high.loc["one", "two"], abs=0.2)  # no bias, unlike of means


def test_of_a_slide_a_spread_of_patches_is_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conceptstain.concepts.cosines.MOST_PATCHES", 6)
    canvas = cs.open(noise(48, 48, seed=1), as_="slide").view(size=8, stride=8, background="keep")
    encoder = tiny_encoder((1, 8, 8), scaling="unit")
    names = [str(name) for name in canvas.item_names]
    made = [concept("many", canvas, encoder, items=names[:20]), concept("few", canvas, encoder, items=names[:2])]
    read: list[int] = []
    plain = type(canvas).inputs

    def spied(self: Canvas, items: ItemIndices) -> np.ndarray:
        read.extend(items)
        return plain(self, items)

    monkeypatch.setattr(type(canvas), "inputs", spied)
    chance = random_cosines(made, canvas, encoder, draws=20)
    assert len(set(map(int, read))) == 12
    assert (np.abs(chance) <= 1).all(axis=None)


def test_a_unit_is_not_made_of_pictures() -> None:
    canvas = cs.open(noise(12, 8, 8, seed=1), as_="images").view(frame=8)
    encoder = tiny_encoder((1, 8, 8), scaling="unit")
    unit = concept("unit", canvas, encoder, unit=1)
    with pytest.raises(InputError, match="not made of pictures, so random pictures cannot"):
        random_cosines([unit], canvas, encoder)


@pytest.mark.parametrize("form", ["mean", "contrast", "whitened"])
def test_against_all_others_random_pictures_make_what_a_concept_of_them_is(form: str) -> None:
    canvas = cs.open(noise(20, 8, 8, seed=1), as_="images").view(frame=8)
    encoder = tiny_encoder((1, 8, 8), scaling="unit")
    pool = _Pool(encoder.latents(canvas).astype(np.float64))
    chosen = np.array([3, 4, 11])
    made = concept("it", canvas, encoder, items=[str(canvas.item_names[item]) for item in chosen], form=form)
    found = pool.direction(made.definition.form, chosen)
    lengths = np.linalg.norm(found) * np.linalg.norm(made.direction)
    assert found @ made.direction / lengths == pytest.approx(1)
