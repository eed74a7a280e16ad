"""The first half of the work: a section is opened, and an encoder is put to use on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from qtpy.QtCore import QObject

from conceptstain._qt import work
from conceptstain._qt.data_panel import DataPanel
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.model_panel import ModelPanel
from conceptstain._qt.notifications import show_note
from conceptstain._qt.painter import Painter
from conceptstain.errors import MismatchError
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section

__all__ = ["Opening"]


@final
class Opening(QObject):
    """Connects the Data and Model cards with the study."""

    def __init__(
        self, study: Study, jobs: Jobs, painter: Painter, cards: tuple[DataPanel, ModelPanel], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter = study, jobs, painter
        self._data, self._model = data, model = cards
        self._reason = ""  # why the encoder asked for is not in use
        self._adopted: list[Section] = []
        self._fitting: Job | None = None

        data.open_wanted.connect(self.open)
        data.sample_wanted.connect(lambda: self.open(None))
        data.pixel_size_wanted.connect(self._set_pixel_size)
        painter.viewer.layers.events.inserted.connect(self.adopt_dropped)
        jobs.idle.connect(self.adopt_dropped)

        model.bundled_wanted.connect(self.use_bundled)
        model.fit_wanted.connect(self.fit)
        model.cancel_wanted.connect(self._cancel_fit)
        model.load_wanted.connect(lambda path: self._use(work.read_encoder, path=path))
        model.save_wanted.connect(self._save)
        study.encoder_changed.connect(self._show_encoder)

    # -- the section -----------------------------------------------------------------------------------------------

    def open(self, path: Path | None, image: Path | None = None) -> Job:
        """Open a section; None opens the bundled sample."""
        self._data.set_state("opening…")
        return self._jobs.run(
            work.open_canvas,
            path=path,
            image=image,
            then=self._show_with_notes,
            on_end=lambda: self._data.show_canvas(self._study.canvas),
        )

    def adopt_dropped(self, _event: Any = None) -> None:
        """Take over the newest section whose layers someone else put into the viewer, such as a dropped file."""
        known = (*self._adopted, self._study.section)
        new = [section for section in self._painter.sections() if section not in known]
        if new and not self._jobs.busy:
            self._adopted.append(new[-1])  # once: a section that cannot be viewed is told about once
            self._jobs.run(work.view, section=new[-1], then=self._show)

    def _show_with_notes(self, canvas: GenePictures) -> None:
        if canvas.section.notes:
            show_note("\n".join((f"{canvas.section.name}:", *canvas.section.notes)))
        self._show(canvas)

    def _show(self, canvas: GenePictures) -> None:
        left = self._study.show(canvas)
        if left:
            names = ", ".join(entry.name for entry in left)
            show_note(f"Concepts that mean nothing on this section were left behind: {names}.")
        self.use_bundled()

    def _set_pixel_size(self, size: float) -> None:
        section = self._study.need_canvas().section.in_micrometres(size)
        self._jobs.run(work.view, section=section, then=self._show)

    # -- the encoder -----------------------------------------------------------------------------------------------

    def use_bundled(self) -> Job:
        """Use the encoder that comes with the plugin, where it fits."""
        return self._use(work.bundled_encoder)

    def fit(self, network: Any, epochs: int) -> Job:
        """Fit an encoder to the open section."""
        self._model.start_fit()
        self._fitting = self._jobs.run(
            work.fit_encoder,
            canvas=self._study.need_canvas(),
            network=network,
            epochs=epochs,
            then=self._study.use,
            on_step=self._model.show_step,
            on_end=self._end_fit,
        )
        return self._fitting

    def _cancel_fit(self) -> None:
        if self._fitting is not None:
            self._fitting.cancel()

    def _end_fit(self) -> None:
        self._fitting = None
        self._model.end_fit()
        self._show_encoder()

    def _use(self, load: Any, **arguments: Any) -> Job:
        self._reason = ""
        self._model.set_state("loading the encoder…")
        job = self._jobs.run(
            load, canvas=self._study.need_canvas(), then=self._study.use, on_end=self._show_encoder, **arguments
        )
        job.failed.connect(self._remember_mismatch)
        return job

    def _remember_mismatch(self, error: Exception) -> None:
        if isinstance(error, MismatchError):
            self._reason = f"{error.what}: fit one to this section"
            self._model.unfold()

    def _show_encoder(self) -> None:
        section = self._study.section
        self._model.show_encoder(
            self._study.encoder,
            section="" if section is None else section.name,
            can_fit=section is not None,
            reason=self._reason,
        )

    def _save(self, path: Path) -> None:
        self._jobs.run(
            work.write_encoder,
            encoder=self._study.need_encoder(),
            path=path,
            then=lambda written: show_note(f"Wrote {written}"),
        )
