"""The first half of the work: a section is opened, and an encoder is put to use on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from qtpy.QtCore import QObject, QTimer, Signal

from conceptstain._qt import work
from conceptstain._qt.data_panel import DataPanel
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.model_panel import SPOTS, ModelPanel
from conceptstain._qt.notifications import guarded, show_failure, show_note
from conceptstain._qt.painter import Painter
from conceptstain.errors import MismatchError, SectionChoice
from conceptstain.study import Study

if TYPE_CHECKING:
    from napari.layers import Layer

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.nets.encoder import Encoder

__all__ = ["Opening"]


@final
class Opening(QObject):
    """Connects the Data and Model cards with the study."""

    fit_ended = Signal()

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
        data.section_wanted.connect(lambda path, name: self.open(path, section=name))
        data.sample_wanted.connect(lambda: self.open(None))
        data.layers_wanted.connect(self._offer_layers)
        data.layer_choice.chosen.connect(guarded(self.take_layer))
        data.pixel_size_wanted.connect(self._set_pixel_size)
        self._dropped = QTimer(self)  # files dropped together arrive one by one; the last of them is shown
        self._dropped.setSingleShot(True)
        self._dropped.timeout.connect(self._adopt_if_docked)
        painter.viewer.layers.events.inserted.connect(lambda _event: self._dropped.start(0))
        for changed in (painter.viewer.layers.events.inserted, painter.viewer.layers.events.removed):
            changed.connect(lambda _event: self._offer_layers_again())
        jobs.idle.connect(self._adopt_if_docked)

        model.bundled_wanted.connect(self.use_bundled)
        model.fit_wanted.connect(self.fit)
        model.cancel_wanted.connect(self._cancel_fit)
        model.load_wanted.connect(lambda paths: self._use(work.read_encoders, paths=tuple(paths)))
        model.save_wanted.connect(self._save)
        model.save_spots_wanted.connect(self._save_for_spots)
        study.encoder_changed.connect(self._show_encoder)
        study.spot_encoders_changed.connect(lambda: model.show_spot_encoders(study.spot_encoders))

    # -- the section -----------------------------------------------------------------------------------------------

    def open(self, path: Path | None, image: Path | None = None, section: str | None = None) -> Job:
        """Open a section; None opens the bundled sample. A running fit is of no use to it, and stops.

        Where a file holds several, the user is asked which one.
        """
        self._begin_to_open()
        return self._jobs.run(
            work.open_canvas,
            path=path,
            image=image,
            section=section,
            then=self._show_opened,
            on_failure=lambda error: self._ask_which(path, error),
            on_end=lambda: self._data.show_canvas(self._study.genes),
        )

    def take_layer(self, layer: Layer, picture: Layer | None = None) -> Job:
        """Open a layer of the viewer as a section; the layer is not touched.

        Raises
        ------
        InputError
            It says at once that it cannot be taken.
        """
        source, under = work.told_by(layer, picture)
        self._begin_to_open()
        return self._jobs.run(
            work.take_layer,
            source=source,
            picture=under,
            then=self._show_with_notes,
            on_end=lambda: self._data.show_canvas(self._study.genes),
        )

    def _begin_to_open(self) -> None:
        self._stop_fit()
        self._data.offer_sections(None, ())
        self._data.layer_choice.put_away()
        self._data.set_state("opening…")

    def _offer_layers(self) -> None:
        layers, pictures = work.offered_layers(self._painter.layers_of_others())
        self._data.layer_choice.offer(layers, pictures, self._painter.viewer.layers.selection.active)

    def _offer_layers_again(self) -> None:
        if not self._data.layer_choice.isHidden():
            self._offer_layers()

    def _ask_which(self, path: Path | None, error: Exception) -> None:
        if isinstance(error, SectionChoice) and error.names:
            show_note(str(error))
            QTimer.singleShot(0, lambda: self._data.offer_sections(path, error.names))
        else:
            show_failure(error)

    def _adopt_if_docked(self) -> None:
        panel = self.parent()
        if panel is not None and panel.parent() is not None:  # napari keeps a panel whose dock was closed
            self.adopt_dropped()

    def adopt_dropped(self) -> None:
        """Take over the newest section whose layers someone else put into the viewer, such as a dropped file."""
        known = (*self._adopted, self._study.section)
        new = [section for section in self._painter.sections() if section not in known]
        if new:
            self._stop_fit()
        if new and not self._jobs.busy:
            self._adopted += new  # once each: the newest is shown, and one that cannot be viewed is told about once
            self._jobs.run(work.view, section=new[-1], then=self._show)

    def _show_opened(self, opened: GenePictures | Study) -> None:
        if isinstance(opened, Study):
            self._jobs.cancel_about(self._study.canvas)
            self._model.forget_fit()
            self._study.become(opened)
        else:
            self._show_with_notes(opened)

    def _show_with_notes(self, canvas: GenePictures) -> None:
        if canvas.section.notes:
            show_note(f"{canvas.section.name}: " + "\n".join(canvas.section.notes))
        self._show(canvas)

    def _show(self, canvas: GenePictures) -> None:
        self._jobs.cancel_about(self._study.canvas)
        self._model.forget_fit()
        before, encoder, for_spots = self._study.section, self._study.encoder, self._study.spot_encoders
        left = self._study.show(canvas)
        if left:
            names = ", ".join(entry.name for entry in left)
            show_note(f"Concepts that mean nothing on this section were left behind: {names}.")
        if encoder is not None and before is not None and _is_same_data(before, canvas.section):
            self._use(work.same_encoder, encoder=encoder)  # an image was added, or the size of a pixel said
            if for_spots:
                self._use(work.same_spot_encoders, encoders=for_spots)
        else:
            self._use(work.bundled_encoder, on_failure=self._explain_no_encoder)

    def _set_pixel_size(self, size: float) -> None:
        section = self._study.need_section().in_micrometres(size)
        self._jobs.run(work.view, section=section, then=self._show)

    # -- the encoder -----------------------------------------------------------------------------------------------

    def use_bundled(self) -> Job:
        """Use the encoder that comes with the plugin, where it fits."""
        return self._use(work.bundled_encoder)

    def _stop_fit(self) -> None:
        if self._fitting is not None and not self._fitting.is_cancelled:
            self._fitting.cancel()
            show_note("The fit was stopped, because another section is opened.")

    def fit(self, network: Any, epochs: int) -> Job:
        """Fit an encoder to the open section, in place of a fit under way; ``"spots"``: encoders of its spots."""
        if network == SPOTS:
            return self._fit(work.fit_spot_encoders, epochs=epochs)
        return self._fit(work.fit_encoder, network=network, epochs=epochs)

    def fit_spots(self) -> None:
        """Fit encoders of spots, unless that is what runs."""
        if self._fitting is None:
            self._model.unfold()
            self.fit(SPOTS, self._model.epochs.value())

    def _fit(self, fit: Any, **settings: Any) -> Job:
        self._cancel_fit()
        self._model.start_fit()
        canvas = self._study.need_canvas()
        job = self._jobs.run(
            fit,
            canvas=canvas,
            then=self._take,
            on_step=self._model.show_step,
            on_end=lambda: self._end_fit(job),
            about=canvas,
            **settings,
        )
        self._fitting = job
        return job

    def _take(self, made: Encoder | tuple[SpotProfiles, tuple[Encoder, ...]]) -> None:
        """Use what was fitted or loaded, for gene pictures or for spots."""
        if isinstance(made, tuple):
            self._study.use_for_spots(*made)
        else:
            self._study.use(made)

    def _cancel_fit(self) -> None:
        if self._fitting is not None:
            self._fitting.cancel()

    def _end_fit(self, job: Job) -> None:
        if self._fitting is job:
            self._fitting = None
            self._model.end_fit()
            self._show_encoder()
            self.fit_ended.emit()

    def _use(self, load: Any, *, on_failure: Callable[[Exception], None] | None = None, **arguments: Any) -> Job:
        self._reason = ""
        self._model.set_state("loading the encoder…")
        canvas = self._study.need_canvas()
        return self._jobs.run(
            load,
            canvas=canvas,
            then=self._take,
            on_end=self._show_encoder,
            on_failure=on_failure,
            about=canvas,
            **arguments,
        )

    def _explain_no_encoder(self, error: Exception) -> None:
        """Nobody asked for the bundled encoder when the section was opened: that it does not fit is no error."""
        if not isinstance(error, MismatchError):
            show_failure(error)
            return
        rows, columns = self._study.need_genes().grid.frame
        self._reason = (
            f"The bundled encoder was made for another grid than the {rows} × {columns} cells of this section. "
            "Fit one to this section to make concepts on it."
        )
        show_note(self._reason)
        self._model.unfold()

    def _show_encoder(self) -> None:
        section = self._study.section
        self._model.show_encoder(
            self._study.encoder,
            section=section,
            can_fit=section is not None,
            reason=self._reason,
        )

    def _save(self, path: Path) -> None:
        self._write((self._study.need_encoder(),), path)

    def _save_for_spots(self, path: Path) -> None:
        self._write(self._study.spot_encoders, path)

    def _write(self, encoders: tuple[Encoder, ...], path: Path) -> None:
        self._jobs.run(
            work.write_encoders,
            encoders=encoders,
            path=path,
            then=lambda written: show_note(f"Wrote {written}"),
        )


def _is_same_data(section: Section, other: Section) -> bool:
    return section.adata is other.adata or (section.path is not None and section.path == other.path)
