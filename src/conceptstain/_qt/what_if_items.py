"""Which items the What if card is about: those that the viewer shows, or that are chosen in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np

from conceptstain._qt import picture_work
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.painter import Painter
from conceptstain.errors import InputError
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain._qt.units_work import Network

__all__ = ["WhatIfItems"]


@final
class WhatIfItems:
    """Reads items from the viewer, and lets the viewer show one."""

    def __init__(self, study: Study, painter: Painter, concepts: ConceptPanel) -> None:
        self._study, self._painter, self._concepts = study, painter, concepts

    def in_viewer(self, network: Network) -> tuple[int, ...]:
        """The picture that is seen, the patch in the middle, or the chosen spots; of genes, that of a concept.

        Raises
        ------
        InputError
            No spots are chosen.
        """
        canvas, tissue = network.need_canvas, self._painter.tissue
        if canvas.noun == "picture":
            return (tissue.looked_at or 0,)
        if canvas.noun == "patch":
            return picture_work.seen_patches(canvas, tissue.visible, 1) or (0,)  # type: ignore[arg-type]
        if canvas.noun == "gene":
            return (self._gene_of_concept(),)
        region = self._painter.selection("chosen")
        if region is None:
            raise InputError("No spots are chosen", cure="Pick spots or draw around some, then press From viewer")
        return tuple(int(spot) for spot in np.flatnonzero(region.choose(canvas.section)))  # type: ignore[union-attr]

    def _gene_of_concept(self) -> int:
        """The gene that the chosen concept is made from, or another; of a region, or without any, the first gene."""
        canvas, chosen = self._study.need_genes(), self._concepts.chosen_name
        entries = sorted(self._study.entries, key=lambda entry: entry.name != chosen)
        for definition in (entry.definition for entry in entries):
            for name in (definition.like, *(definition.items or ())):
                if name is not None and name in canvas.item_names:
                    return canvas.item(name)
        return int(canvas.trainable[0])

    def look_at(self, item: int) -> None:
        """Let the viewer show an item; of genes, paint its expression."""
        canvas = self._study.need_canvas()
        if canvas.noun == "gene":
            self._painter.maps.show_gene(str(canvas.item_names[item]), self._study.need_genes())
        elif canvas.noun == "picture":
            self._painter.tissue.look_at(item)
        else:
            self._painter.tissue.look_around(canvas.to_world(item), canvas.shape[-1])  # type: ignore[union-attr]
