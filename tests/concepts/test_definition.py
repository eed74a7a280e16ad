"""Definitions add up as vectors do, and are refused where they cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from strategies import laws

A, B, C = (Definition(name, like=gene) for name, gene in (("A", "Gene1"), ("B", "Gene2"), ("C", "Gene3")))
weights = st.integers(-3, 3).filter(bool).map(float)
terms = st.lists(st.tuples(weights, st.sampled_from([A, B, C])), min_size=1, max_size=5)


def counted(definition: Definition) -> dict[str, float]:
    return {part.name: weight for weight, part in definition.terms}


def added(drawn: list[tuple[float, Definition]]) -> Definition:
    (weight, part), *others = drawn
    total = weight * part
    for weight, part in others:
        total += weight * part
    return total


def test_a_difference_holds_both_with_their_signs() -> None:
    made = A - B
    assert made.name == "A - B"
    assert made.words == "A minus B"
    assert made.combined == ((1.0, A), (-1.0, B))


@pytest.mark.parametrize(
    ("made", "name", "words"),
    [
        (A + B, "A + B", "A plus B"),
        (A - (B - C), "A - (B - C)", "A minus B plus C"),
        (A - B + C, "A - B + C", "A minus B plus C"),
        (-(A + B), "-(A + B)", "minus A minus B"),
        (2 * A - B, "2 A - B", "2 x A minus B"),
        (A * 2 - B, "2 A - B", "2 x A minus B"),
        (A - B / 2, "A - (0.5 B)", "A minus 0.5 x B"),
        (-A + 0.5 * B, "-A + (0.5 B)", "minus A plus 0.5 x B"),
    ],
)
def test_a_combination_is_called_and_told_by_its_parts(made: Definition, name: str, words: str) -> None:
    assert made.name == name
    assert made.words == words


@laws
@given(drawn=terms)
def test_every_source_is_counted_once_with_the_sum_of_its_weights(drawn: list[tuple[float, Definition]]) -> None:
    slow: dict[str, float] = {}
    for end in range(1, len(drawn) + 1):  # step by step, as it is added
        weight, part = drawn[end - 1]
        slow[part.name] = slow.get(part.name, 0.0) + weight
        slow = {name: weight for name, weight in slow.items() if weight}
        if not slow:
            with pytest.raises(InputError, match="Nothing is left"):
                added(drawn[:end])
            return
    assert counted(added(drawn)) == slow


def test_what_was_added_can_be_subtracted() -> None:
    assert counted((A + B) - B) == {"A": 1.0}
    assert counted(-(A - B)) == counted(B - A)
    assert counted((A - B) + C) == counted((A + C) - B)


def test_a_concept_under_another_name_is_still_the_same() -> None:
    with pytest.raises(InputError, match=r"Nothing is left of this combination\. Got A - B\."):
        A - A.renamed("B")
    assert (A - B).has_same_source(A.renamed("a") - B)
    assert (A + B).has_same_source(B + A)
    assert not (A - B).has_same_source(B - A)
    assert not (A - B).has_same_source(A)
    assert not A.has_same_source(Definition("A", like="Gene1", space="conv1"))


def test_the_parts_stay_as_they_were() -> None:
    made = (A - B).renamed("contrast")
    assert made.name == "contrast"
    assert [part.name for _, part in made.terms] == ["A", "B"]


def test_parts_are_of_one_form_and_one_space() -> None:
    with pytest.raises(InputError, match=r"one form: a mean holds what all items share.*A: mean; D: contrast"):
        A - Definition("D", like="Gene4", form="contrast")
    with pytest.raises(InputError, match=r"one space.*Got A: latent; D: conv1"):
        A + Definition("D", like="Gene4", space="conv1")
    made = A.in_space("conv1") - B.in_space("conv1")
    assert made.space == "conv1"
    assert (A - B).in_space("conv1").has_same_source(made)
    assert (Definition("D", like="Gene4", form="contrast") + Definition("E", like="Gene5", form="contrast")).form == (
        "contrast"
    )


@pytest.mark.parametrize(
    ("combined", "told"),
    [
        ((), "needs parts"),
        (((0.0, A),), "finite weight other than 0"),
        (((float("nan"), A),), "finite weight other than 0"),
        (((1.0, A - B),), "are combinations themselves"),
    ],
)
def test_a_combination_written_by_hand_is_checked(combined: tuple[tuple[float, Definition], ...], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Definition("by hand", combined=combined)


def test_a_combination_is_made_from_nothing_else() -> None:
    with pytest.raises(InputError, match="Got like and combined"):
        Definition("both", like="Gene1", combined=((1.0, A),))


@pytest.mark.parametrize("divided", [lambda: A / 0, lambda: A / float("nan"), lambda: A * float("inf")])
def test_a_weight_is_a_finite_number(divided) -> None:
    with pytest.raises(InputError, match="finite weight"):
        divided()
    for made in (lambda: A * B, lambda: A / B, lambda: A * "2", lambda: "2" * A):
        with pytest.raises(TypeError):
            made()
