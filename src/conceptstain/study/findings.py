"""Maps that were kept, each under its title, as long as the concept they are of is in the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, final

import numpy as np

from conceptstain.errors import InputError
from conceptstain.methods.attribution import Attribution, moves_told

if TYPE_CHECKING:
    from conceptstain.concepts.definition import Definition
    from conceptstain.methods.finding import Finding
    from conceptstain.study.concept_list import ConceptList

__all__ = ["Findings"]


@final
class Findings:
    """Maps and spot scores, oldest first.

    Parameters
    ----------
    made
        Those to begin with.
    """

    def __init__(self, made: Iterable[Finding] = ()) -> None:
        self._made = {each.title: each for each in made}

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._made.values())

    def __len__(self) -> int:
        return len(self._made)

    def keep(self, finding: Finding) -> tuple[Finding, bool]:
        """Keep a map in place of an earlier one of the same title, with the colour limits chosen for that.

        Returns
        -------
        Finding
            As it is kept.
        bool
            Whether it differs from the earlier one; the same map painted again does not.
        """
        earlier = self._made.get(finding.title)
        if earlier is not None and finding.colour_limits is None:
            finding = replace(finding, colour_limits=earlier.colour_limits)
        self._made[finding.title] = finding
        return finding, earlier is None or not np.array_equal(earlier.values, finding.values, equal_nan=True)

    def set_colour_limits(self, title: str, limits: tuple[float, float] | None) -> None:
        """Choose the colour limits of a map; None: those its values suggest.

        Raises
        ------
        InputError
            No such map, or the lower limit is not below the upper.
        """
        if title not in self._made:
            raise InputError("There is no map of that name", got=repr(title), cure="Paint it first")
        if limits is not None and not limits[0] < limits[1]:
            raise InputError(
                "The lower colour limit has to be below the upper",
                got=f"{limits[0]:g} and {limits[1]:g}",
                cure="Swap them",
            )
        self._made[title] = replace(self._made[title], colour_limits=limits)

    def redefine(self, title: str, definition: Definition) -> None:
        """Keep the map of that title, if there is one, for a concept that is made from something else now."""
        kept = self._made.get(title)
        if kept is not None and kept.concept is not None:
            self._made[title] = replace(kept, concept=replace(kept.concept, definition=definition))

    def follow(self, concepts: ConceptList) -> None:
        """Keep the maps of concepts that are in the list, under their present names; drop the others."""
        kept = [_named_as_listed(finding, concepts) for finding in self]
        self._made = {finding.title: finding for finding in kept if finding is not None}

    def forget(self, is_void: Callable[[Finding], bool]) -> None:
        """Drop maps."""
        self._made = {title: made for title, made in self._made.items() if not is_void(made)}


def _named_as_listed(finding: Finding, concepts: ConceptList) -> Finding | None:
    """The finding under its concept's present name; None where the concept is off the list."""
    if isinstance(finding, Attribution) and finding.moves:
        return _moved_as_listed(finding, concepts)
    if finding.concept is None:
        return finding
    of = finding.concept.definition
    same = [entry for entry in concepts if entry.definition.has_same_source(of)]
    listed = {entry.name for entry in concepts}
    if not same or not listed.issuperset(finding.settings.get("against", ())):
        return None  # a score against a concept that is called otherwise now, or is gone, would say what is not so
    if any(entry.name == of.name for entry in same):
        return finding
    definition = same[0].definition
    return replace(finding, name=definition.name, concept=replace(finding.concept, definition=definition))


def _moved_as_listed(finding: Attribution, concepts: ConceptList) -> Attribution | None:
    """A what-if under the present names of the concepts it went along; None where one is off the list."""
    moves = []
    for concept, far in finding.moves:
        of = concept.definition
        same = [entry.definition for entry in concepts if entry.definition.has_same_source(of)]
        if not same:
            return None
        listed = of if any(each.name == of.name for each in same) else same[0]
        moves.append((replace(concept, definition=listed), far))
    return replace(finding, name=moves_told(moves, finding.settings.get("units", ())), moves=tuple(moves))
