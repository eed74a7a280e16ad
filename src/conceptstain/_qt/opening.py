"""The first half of the work: a section, pictures or a slide are opened, and an encoder is put to use on them."""

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
from conceptstain.errors import MismatchError, ReadingError, SectionChoice
from conceptstain.study import Study

if TYPE_CHECKING:
    from napari.layers import Layer

    from conceptstain.canvas.opening import Opened
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.objectives import Objective

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
        self._adopted: list[Opened] = []
        self._left: list[tuple[Opened, Encoder]] = []  # used on what is open, viewed as it was then
        self._fitting: Job | None = None

        data.open_wanted.connect(self.open)
        data.section_wanted.connect(lambda path, name: self.open(path, section=name))
        data.pictures_found.connect(self.open_with_pictures)
        data.sample_wanted.connect(lambda: self.open(None))
        data.layers_wanted.connect(self._offer_layers)
        data.layer_choice.chosen.connect(guarded(self.take_layer))
        data.pixel_size_wanted.connect(guarded(self._set_pixel_size))
        data.view_wanted.connect(guarded(self._view_anew))
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
        model.own_wanted.connect(
            lambda function, weights: self._use(work.own_network, factory=function, weights=weights)
        )
        model.save_wanted.connect(self._save)
        model.save_spots_wanted.connect(self._save_for_spots)
        study.encoder_changed.connect(self._show_encoder)
        study.spot_encoders_changed.connect(lambda: model.show_spot_encoders(study.spot_encoders))

    # -- what is open ----------------------------------------------------------------------------------------------

    def open(self, path: Path | None, image: Path | None = None, section: str | None = None) -> Job:
        """Open a section, pictures or a slide; None opens the bundled sample. A running fit is of no use, and stops.

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
            on_end=lambda: self._data.show_canvas(self._study.canvas),
        )

    def take_layer(self, layer: Layer, picture: Layer | None = None) -> Job:
        """Open what a layer of the viewer shows; the layer is not touched.

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
            on_end=lambda: self._data.show_canvas(self._study.canvas),
        )

    def _begin_to_open(self) -> None:
        self._stop_fit()
        self._data.offer_sections(None, ())
        self._data.offer_to_find(None)
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
            return
        show_failure(error)
        if path is not None and isinstance(error, ReadingError) and work.holds_study_of_pictures(path):
            QTimer.singleShot(0, lambda: self._data.offer_to_find(path))

    def open_with_pictures(self, path: Path, pictures: Path) -> Job:
        """Open a study whose pictures are elsewhere now."""
        self._begin_to_open()
        return self._jobs.run(
            work.open_study_of_pictures,
            path=path,
            pictures=pictures,
            then=self._show_opened,
            on_failure=lambda error: self._ask_which(path, error),
            on_end=lambda: self._data.show_canvas(self._study.canvas),
        )

    def _adopt_if_docked(self) -> None:
        panel = self.parent()
        if panel is not None and panel.parent() is not None:  # napari keeps a panel whose dock was closed
            self.adopt_dropped()

    def adopt_dropped(self) -> None:
        """Take over the newest source whose layers someone else put into the viewer, such as a dropped file."""
        known = (*self._adopted, self._study.source)
        new = [source for source in self._painter.sources() if source not in known]
        if new:
            self._stop_fit()
        if new and not self._jobs.busy:
            self._adopted += new  # once each: the newest is shown, and one that cannot be viewed is told about once
            self._jobs.run(work.view, source=new[-1], then=self._show)

    def _show_opened(self, opened: PictureCanvas | Study) -> None:
        if isinstance(opened, Study):
            self._jobs.cancel_about(self._study.canvas)
            self._model.forget_fit()
            self._study.become(opened)
        else:
            self._show_with_notes(opened)

    def _show_with_notes(self, canvas: PictureCanvas) -> None:
        source = canvas.source
        if source.notes:
            show_note(f"{source.name}: " + "\n".join(source.notes))
        self._show(canvas)

    def _show(self, canvas: PictureCanvas) -> None:
        self._jobs.cancel_about(self._study.canvas)
        self._model.forget_fit()
        before, encoder, for_spots = self._study.source, self._study.encoder, self._study.spot_encoders
        left = self._study.show(canvas)
        if left:
            names = ", ".join(entry.name for entry in left)
            show_note(f"Concepts that mean nothing here were left behind: {names}.")
        if before is not None and encoder is not None:
            self._left.append((before, encoder))
        self._left = [each for each in self._left if _is_same_data(each[0], canvas.source)]
        fitting = [used for _, used in self._left if tuple(used.shape) == tuple(canvas.shape)]
        if fitting:
            self._use(work.same_encoder, encoder=fitting[-1])  # an image was added, or the frame is as it was
            if for_spots:
                self._use(work.same_spot_encoders, encoders=for_spots)
        else:
            self._use(work.bundled_encoder, on_failure=self._explain_no_encoder)

    def _set_pixel_size(self, size: float) -> None:
        canvas = self._study.need_canvas()
        source = canvas.source.in_micrometres(size)
        self._jobs.run(work.view, source=source, side=_side_of(canvas), then=self._show)

    def _view_anew(self, side: int) -> None:
        canvas = self._study.need_canvas()
        self._stop_fit()
        on_end = lambda: self._data.show_canvas(self._study.canvas)  # noqa: E731 - also where it cannot be viewed so
        self._jobs.run(work.view, source=canvas.source, side=side, then=self._show, on_end=on_end)

    # -- the encoder -----------------------------------------------------------------------------------------------

    def use_bundled(self) -> Job:
        """Use the encoder that comes with the plugin, where it fits."""
        return self._use(work.bundled_encoder)

    def _stop_fit(self) -> None:
        if self._fitting is not None and not self._fitting.is_cancelled:
            self._fitting.cancel()
            show_note("The fit was stopped, because other data is opened.")

    def fit(self, network: Any, epochs: int, objective: Objective | None = None) -> Job:
        """Fit an encoder to what is open, in place of a fit under way; ``"spots"``: encoders of its spots."""
        if network == SPOTS:
            return self._fit(work.fit_spot_encoders, epochs=epochs)
        return self._fit(work.fit_encoder, network=network, epochs=epochs, objective=objective)

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
            then=self._take_fitted,
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

    def _take_fitted(self, made: Encoder | tuple[SpotProfiles, tuple[Encoder, ...]]) -> None:
        self._take(made)
        if not isinstance(made, tuple):
            for remark in made.card["history"]["remarks"]:
                show_note(remark)

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
        """Nobody asked for the bundled encoder when the data was opened: that it does not fit is no error."""
        if not isinstance(error, MismatchError):
            show_failure(error)
            return
        channels, rows, columns = self._study.need_canvas().shape
        if self._study.section is not None:
            self._reason = (
                f"The bundled encoder was made for another grid than the {rows} × {columns} cells of this section. "
                "Fit one to this section to make concepts on it."
            )
        else:
            seen = f"{rows} × {columns} pixels in {'colours' if channels == 3 else 'grey'}"
            self._reason = (
                f"The bundled encoder sees stained tissue on 64 × 64 pixels in colours, and this is seen on {seen}. "
                "Fit one to it to make concepts."
            )
        show_note(self._reason)
        self._model.unfold()

    def _show_encoder(self) -> None:
        canvas = self._study.canvas
        if canvas is not None:
            self._model.show_kind(canvas.noun)
        self._model.show_encoder(
            self._study.encoder,
            source=None if canvas is None else canvas.source,
            can_fit=canvas is not None,
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


def _is_same_data(source: Opened, other: Opened) -> bool:
    if source.path is not None and source.path == other.path:
        return True
    one, another = getattr(source, "adata", None), getattr(other, "adata", None)
    return one is another if one is not None else source.content == other.content


def _side_of(canvas: PictureCanvas) -> int:
    """Height of what a network sees, which is chosen for pictures and patches alone."""
    return int(canvas.shape[-2])
