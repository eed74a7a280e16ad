"""What was found leaves the window: figures, tables, recipes and words for a paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, final

from qtpy.QtCore import QObject

from conceptstain._qt import work
from conceptstain._qt.export_panel import ExportPanel
from conceptstain._qt.jobs import Jobs
from conceptstain._qt.notifications import guarded
from conceptstain.errors import InputError
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.methods.link import Link
    from conceptstain.nets.classifier import Classifier

__all__ = ["Exporting"]


@final
class Exporting(QObject):
    """Connects the Export card with the study."""

    def __init__(self, study: Study, jobs: Jobs, card: ExportPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._export = study, jobs, card
        self.classifiers: Callable[[], tuple[Classifier, ...]] = tuple  # whose weights a recipe may need
        self.links: Callable[[], tuple[Link, ...]] = tuple
        study.finding_added.connect(self._show_maps)
        study.findings_changed.connect(self._show_maps)
        card.figure_wanted.connect(self._export_figure)
        card.results_wanted.connect(self._export_results)
        card.raster_wanted.connect(guarded(self._export_raster))
        study.section_changed.connect(lambda: card.show_kind(study.need_canvas().noun))
        card.recipe_wanted.connect(guarded(self._export_recipe))
        card.methods_wanted.connect(guarded(self._copy_methods))

    def _show_maps(self) -> None:
        self._export.show_maps([kept.title for kept in self._study.findings])

    def _export_figure(self, path: Path, title: str) -> None:
        findings = tuple(kept for kept in self._study.findings if title in ("", kept.title))
        self._jobs.run(
            work.export_figure,
            canvas=self._study.need_canvas(),
            findings=findings,
            path=path,
            then=self._export.show_done,
        )

    def _export_results(self, path: Path, table: str) -> None:
        self._jobs.run(
            work.export_results,
            canvas=self._study.need_canvas(),
            encoder=self._study.need_encoder(),
            definitions=tuple(entry.definition for entry in self._study.entries),
            findings=self._study.findings,
            path=path,
            table=table,
            then=self._export.show_done,
        )

    def _export_raster(self, path: Path, title: str) -> None:
        findings = tuple(kept for kept in self._study.findings if kept.title == title)
        if not findings:
            raise InputError("A raster is of one map", got=title or "none", cure="Choose one above")
        self._jobs.run(
            work.export_results,
            canvas=self._study.need_canvas(),
            encoder=self._study.need_encoder(),
            definitions=(),
            findings=findings,
            path=path,
            table="",
            then=self._export.show_done,
        )

    def _export_recipe(self, path: Path) -> None:
        self._jobs.run(
            work.write_recipe,
            snapshot=self._study.snapshot(),
            path=path,
            classifiers=self.classifiers(),
            links=self.links(),
            then=self._export.show_done,
        )

    def _copy_methods(self) -> None:
        self._jobs.run(work.methods_paragraph, snapshot=self._study.snapshot(), then=self._export.show_methods)
