"""Counterfactuals are asked for, and their paths are looked through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final, get_args

from qtpy.QtCore import QObject

from conceptstain._qt import counterfactual_work
from conceptstain._qt.counterfactual_work import ConceptQuestion, Question
from conceptstain._qt.imagining import Imagining, image_of
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.notifications import guarded, show_note
from conceptstain._qt.unit_moving import UnitMoving
from conceptstain._qt.what_if_panel import WhatIfPanel
from conceptstain.errors import InputError
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain._qt.counterfactual_work import Found

__all__ = ["Contrasting"]


@final
class Contrasting(QObject):
    """Connects the Counterfactual half of the card with the study."""

    def __init__(
        self,
        study: Study,
        jobs: Jobs,
        card: WhatIfPanel,
        parent: QObject,
        *,
        imagining: Imagining,
        unit_moving: UnitMoving,
    ) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._card, self._page = study, jobs, card, card.counterfactual
        self._imagining, self._classifiers = imagining, unit_moving
        self.found: Found | None = None
        self._running: Job | None = None
        self._asked: Question | ConceptQuestion | None = None  # what is searched for, or was found
        page = self._page
        page.find_wanted.connect(guarded(self._find))
        page.frame_wanted.connect(self._see)
        page.nearest_wanted.connect(self._show_nearest)
        page.keep_wanted.connect(self._keep)
        page.table_wanted.connect(lambda: self._write(counterfactual_work.write_table, "counterfactual.csv"))
        page.figure_wanted.connect(lambda: self._write(counterfactual_work.write_figure, "counterfactual.svg"))
        card.cancel_wanted.connect(self.stop)
        card.tabs.currentChanged.connect(lambda _index: self._show_half())
        imagining.begun_changed.connect(self._drop)
        imagining.begun_changed.connect(self._offer)
        imagining.moves.changed.connect(self._offer)
        unit_moving.classifier_changed.connect(self._drop_of_other_classifier)
        unit_moving.classifier_changed.connect(self._offer)

    # -- what can be asked -----------------------------------------------------------------------------------------

    def _offer(self) -> None:
        """Offer the classes of the classifier that is chosen and the others to confirm, and the concepts."""
        from conceptstain.methods.counterfactual_settings import CounterfactualMethod

        chosen = self._classifiers.chosen
        classes = () if chosen is None else chosen.classifier.classes
        concepts = {move.definition.name: move.refusal for move in self._imagining.moves.concepts}
        self._page.offer_targets(classes, concepts)
        others = [each for each in self._classifiers.opened if each is not chosen]
        same = [each.name for each in others if set(classes) <= set(each.classifier.classes)]
        self._page.offer_second(same)
        if chosen is not None and not self._page.method.count():
            self._page.offer_methods(get_args(CounterfactualMethod), get_args(CounterfactualMethod)[0])

    def _question(self) -> Question | ConceptQuestion | None:
        """What is asked; None where nothing is."""
        along = [move for move in self._imagining.moves.concepts if move.definition.name == self._page.chosen_concept]
        if along and along[0].concept is not None:
            return ConceptQuestion(along[0].concept, along[0].spread)
        return self._of_class()

    def _of_class(self) -> Question | None:
        chosen, second = self._classifiers.chosen, self._page.second.currentText()
        target = self._page.chosen
        if chosen is None or not target:
            return None
        confirming = [each.classifier for each in self._classifiers.opened if each.name == second]
        method, linked = self._page.method.currentText(), self._classifiers.linked
        if method == "published" and linked is None:
            raise InputError(
                "The published search goes through a link", got="none yet", cure="Press Link in the What if half"
            )
        link = linked.link if method == "published" and linked is not None else None
        return Question(target, chosen.classifier, confirming[0] if confirming else None, method, link)

    # -- finding ---------------------------------------------------------------------------------------------------

    def _find(self) -> None:
        begun, asked = self._imagining.begun, self._question()
        if begun is None:
            raise InputError("There is nothing to begin from", got="no item", cure="Choose one above")
        if asked is None:
            return
        self.stop()
        job = self._jobs.run(
            counterfactual_work.found,
            of=begun,
            asked=asked,
            then=self._show,
            on_step=self._card.working.show_step,
            on_end=lambda: self._end(job),
            about=self._study.canvas,
        )
        self._running, self._asked = job, asked
        self._page.show_finding(finding=True)
        self._card.start_progress(self)

    def stop(self) -> None:
        """Search no more; what was found before stays."""
        if self._running is not None:
            self._running.cancel()

    def _end(self, job: Job) -> None:
        if self._running is job:
            self._running = None
            self._page.show_finding(finding=False)
            self._card.end_progress(self)

    def _drop(self) -> None:
        """A path is of the item that it begins at."""
        if self._running is not None and not self._running.is_cancelled:
            show_note("The search was stopped: what it began from is not what is asked about any more")
        self.stop()
        self.found, self._imagining.is_held = None, False
        self._page.clear()

    def _drop_of_other_classifier(self) -> None:
        """A path to a class is of the classifier whose class it is."""
        if not isinstance(self._asked, Question):
            return
        chosen = self._classifiers.chosen
        if chosen is None or chosen.classifier is not self._asked.classifier:
            self._drop()
            self._asked = None
            self._imagining.show_again()

    def _show(self, found: Found) -> None:
        if found.of is not self._imagining.begun:
            return
        self.found = found
        images = [image_of(frame.changed) for frame in found.frames]
        self._page.show_found([each for each in images if each is not None], len(found.frames), found.sentence)
        of_spots = found.of.network.need_canvas.noun == "spot"
        nearest = found.nearest is not None and not of_spots
        self._page.offer_results(nearest=nearest, gene=of_spots, reason=counterfactual_work.why_not_kept(found))

    def _see(self, frame: int) -> None:
        """Show a frame in place of what the sliders make."""
        found = self.found
        if found is not None and self._is_shown:
            self._imagining.is_held = True
            self._imagining.show_imagined(found.frames[frame])
            self._page.say_of_frame(found.told[frame])

    @property
    def _is_shown(self) -> bool:
        return self._card.tabs.currentWidget() is self._page

    def _show_half(self) -> None:
        """The pictures are of the half that is shown."""
        if self._is_shown and self.found is not None:
            self._see(self._page.frame)
        else:
            self._imagining.is_held = False
            self._imagining.show_again()

    # -- results ---------------------------------------------------------------------------------------------------

    def _show_nearest(self) -> None:
        """Look at the nearest item of the target in the viewer; of genes, paint it."""
        if self.found is not None and self.found.nearest is not None:
            self._imagining.items.look_at(self.found.nearest)

    def _keep(self) -> None:
        if self.found is not None:
            self._jobs.run(
                counterfactual_work.kept_map,
                of=self.found,
                gene=self._card.genes.chosen,
                then=guarded(self._study.keep),
                about=self._study.canvas,
            )

    def _write(self, write: Callable[..., Path], name: str) -> None:
        kinds = "Tables (*.csv)" if name.endswith(".csv") else "Figures (*.svg *.pdf *.png)"
        path = None if self.found is None else self._card.ask_where(name, kinds)
        if path is not None:
            arguments: dict[str, Any] = {"of": self.found, "path": path}
            self._jobs.run(write, **arguments, then=lambda written: show_note(f"Wrote {written}"))
