"""Concepts are made: of genes, of what is drawn or picked, of an annotation, or of two others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from qtpy.QtCore import QObject

from conceptstain._qt import picture_work, work
from conceptstain._qt.choosing import Choosing
from conceptstain._qt.concept_maker import NORMAL
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.drawing import Drawing
from conceptstain._qt.jobs import WAITING, Job, Jobs
from conceptstain._qt.maps_panel import MapsPanel
from conceptstain._qt.notifications import guarded
from conceptstain._qt.painter import Painter
from conceptstain._qt.staining import Staining
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.progress import Step

__all__ = ["Defining"]

NAMELESS = {"region", "ticked"}  # what concepts are called that nobody named


@final
class Defining(QObject):
    """Makes what the Concepts card asks for beside the window, and adds it to the study."""

    def __init__(
        self,
        study: Study,
        jobs: Jobs,
        painter: Painter,
        cards: tuple[ConceptPanel, MapsPanel],
        parent: QObject,
        *,
        staining: Staining,
        drawing: Drawing,
        choosing: Choosing,
    ) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter, self._drawing = study, jobs, painter, drawing
        self._choosing, self._staining = choosing, staining
        self._concepts, self._maps = cards
        maker = self._concepts.maker
        maker.genes_wanted.connect(guarded(self._define_by_genes))
        maker.region_wanted.connect(guarded(self._define_by_region))
        maker.annotation_wanted.connect(guarded(self._define_by_annotation))
        maker.pictures_wanted.connect(guarded(self._define_by_pictures))
        maker.painted_wanted.connect(guarded(self._define_by_painting))
        maker.cancel_wanted.connect(self._cancel)
        self._making: list[Job] = []
        self._concepts.combination_wanted.connect(guarded(self._combine))
        study.section_changed.connect(self._show_source)

    def _show_source(self) -> None:
        canvas, maker = self._study.need_canvas(), self._concepts.maker
        self._concepts.show_kind(canvas.noun)
        if isinstance(canvas, GenePictures):
            maker.show_section(list(canvas.item_names), canvas.section.annotations)

    def _define_by_genes(self, name: str, genes: tuple[str, ...], how: str, form: str) -> None:
        wanted = ", ".join(genes[:3])
        if how == "like" and len(genes) == 1:
            self._define(name, wanted, like=genes[0], form=form)
        else:
            self._define(name, wanted, items=genes, form=form)

    def _define_by_region(self, name: str, form: str) -> None:
        region = self._painter.selection(name or self._study.free_name("region"))
        if region is None:
            spots = self._study.section is not None
            raise InputError(
                "No spots are chosen" if spots else "Nothing is drawn on the slide",
                cure="Take the lasso and draw around some, or pick them" if spots else "Take the lasso and draw",
            )
        self._define(name, "region", region=region, form=form)

    def _define_by_annotation(self, name: str, column: str, value: str, form: str) -> None:
        self._define(name, value, region=Region.from_obs(column, value), form=form)

    def _define_by_pictures(
        self, name: str, positives: tuple[str, ...], negatives: tuple[str, ...] | None, wanted: str, form: str
    ) -> None:
        against = None if form in {"mean", NORMAL} else negatives
        self._define(name, wanted, items=positives, against=against, form=form)

    def _define_by_painting(self, name: str, layer: str, value: int, form: str) -> None:
        """Of a slide the patches that are covered; of pictures, those that are painted on."""
        painted, canvas = self._choosing.painted(layer), self._study.need_canvas()
        if isinstance(canvas, ImagePatches):
            called = name or self._study.free_name(layer)
            region = Region.from_labels(called, painted.labels.copy(), value, to_world=painted.to_world)
            self._define(name, layer, region=region, form=form)
            return
        self._jobs.run(
            picture_work.painted_pictures,
            painted=painted,
            canvas=canvas,
            value=value,
            then=lambda sides: self._define_by_pictures(name, sides[0], sides[1], layer, form),
            about=canvas,
        )

    def _define(self, typed: str, wanted: str, **made_from: Any) -> None:
        """Make a concept beside the window and add it; a typed name that is taken is refused, our own is numbered."""
        if made_from["form"] == NORMAL:
            self._learn_normal(typed, "normal" if wanted in NAMELESS else f"normal {wanted}", **made_from)
        else:
            self._try(Definition(typed or self._study.free_name(wanted), **made_from))

    def _learn_normal(self, typed: str, wanted: str, **made_from: Any) -> None:
        """Take something as normal, of which the concept is the plain mean."""
        definition = Definition(typed or self._study.free_name(wanted), **{**made_from, "form": "mean"})
        section = self._study.section
        if section is None or definition.region is None:
            self._try(definition, normal=True)
        else:
            definition.region.choose(section)  # which says why where it chooses none, or all; genes have no part in it
            self._add(definition, normal=True)

    def _combine(self, first: str, second: str, sign: Any) -> None:
        self._try(self._study.combination(first, second, sign))

    def make(self, definition: Definition) -> None:
        """Make a concept that was defined elsewhere in the dock, and choose it."""
        self._try(definition)

    def _try(self, definition: Definition, *, normal: bool = False) -> None:
        """Make a concept beside the window, and add it if that can be done."""
        self._drawing.live.stop()  # nobody has to wait for what only followed the mouse
        self._concepts.show_state(WAITING if self._jobs.busy else "making a concept…")
        job = self._jobs.run(
            work.try_concept,
            study=self._study,
            definition=definition,
            then=guarded(lambda concept: self._add(concept.definition, normal=normal)),
            on_step=self._show_step,
            on_end=lambda: self._end(job),
            about=self._study.canvas,
        )
        self._making.append(job)
        self._concepts.maker.show_making(True)

    def _show_step(self, step: Step) -> None:
        self._concepts.show_state(f"making a concept… {step.fraction:.0%}")

    def _cancel(self) -> None:
        for job in self._making:
            job.cancel()

    def _end(self, job: Job) -> None:
        self._making.remove(job)
        if not self._making:
            self._concepts.maker.show_making(False)
            self._concepts.show_state()

    def _add(self, definition: Definition, *, normal: bool) -> None:
        self._drawing.live.stop()
        if normal:
            self._staining.normals.add(definition)
            self._maps.let_program_choose()
        entry = self._study.add(definition)
        if definition.region is not None:
            self._painter.clear_selection()  # the concept draws its own outline from now on
        self._drawing.count_selected()
        self._painter.draw("")
        self._concepts.maker.drop_tools()
        self._concepts.maker.empty_form()
        self._concepts.choose(entry.name)
        self._maps.unfold()
