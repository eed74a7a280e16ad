"""Latents are looked at: sorted by what they say, drawn, and painted where a row is clicked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

import numpy as np
from qtpy.QtCore import QObject, QTimer
from qtpy.QtGui import QImage

from conceptstain._qt import attention_work, picture_work
from conceptstain._qt.attention_panel import AttentionPanel
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.notifications import guarded
from conceptstain._qt.painter import Painter
from conceptstain._qt.staining import Staining
from conceptstain.canvas.expression import counted
from conceptstain.methods.attribution import Attribution
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain.canvas.picture_canvas import PictureCanvas

__all__ = ["Attending"]

SETTLED = 400  # milliseconds that the viewer has to stand still before maps of what it shows are drawn
POINTS = "This network puts out no variance: its latents are sorted by how much they spread."
MAPPED = {"gene": "the mean over all genes", "picture": "the picture that is seen", "patch": "the patch in the middle"}


@final
class Attending(QObject):
    """Connects the Attention card with the study and the painted layers. Nothing is computed while it is folded."""

    def __init__(
        self,
        study: Study,
        jobs: Jobs,
        painter: Painter,
        cards: tuple[AttentionPanel, ConceptPanel],
        parent: QObject,
        *,
        staining: Staining,
    ) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter, self._staining = study, jobs, painter, staining
        self._card, self._concepts = cards
        self._about: tuple[PictureCanvas, str] | None = None  # what is open, and the encoder's fingerprint
        self._latents: attention_work.Latents | None = None
        self._n_drawn = 0  # latents whose pictures are shown
        self._mapped: tuple[int, ...] | None = ()  # items whose maps are shown; None: all
        self._running: list[Job] = []
        self._following: Job | None = None
        self._moved = QTimer(self)
        self._moved.setSingleShot(True)
        self._moved.setInterval(SETTLED)
        self._moved.timeout.connect(self._follow)
        self._card.unfolded.connect(lambda unfolded: self._go_on() if unfolded else None)
        self._card.sort_wanted.connect(self._go_on)
        self._card.cancel_wanted.connect(self._stop)
        self._card.latent_wanted.connect(guarded(self._paint))
        study.encoder_changed.connect(self._show_encoder)
        study.concepts_changed.connect(self._show_what_clicks_do)
        self._concepts.chosen.connect(lambda _name: self._show_what_clicks_do())
        viewer = painter.viewer
        viewer.layers.selection.events.active.connect(lambda event: self._hear_of_layer(event.value))
        viewer.dims.events.current_step.connect(lambda _event: self._hear_of_view())
        viewer.scene.camera.events.center.connect(lambda _event: self._hear_of_view())

    # -- what is open ----------------------------------------------------------------------------------------------

    def _show_encoder(self) -> None:
        encoder, canvas = self._study.encoder, self._study.canvas
        about = None if encoder is None or canvas is None else (canvas, encoder.fingerprint)
        if about is not None and about == self._about:
            return
        self._stop()
        self._about, self._latents, self._n_drawn, self._mapped = about, None, 0, ()
        self._card.set_ready(ready=encoder is not None, reason="waits for an encoder")
        if encoder is None:
            return
        self._card.set_state(counted(encoder.latent, "latent"))
        if self._card.is_unfolded:
            self._go_on()

    def _show_what_clicks_do(self) -> None:
        latents = self._latents
        if latents is None:
            return
        name = self._concepts.chosen_name
        where = {"picture": "in the pictures", "patch": "on the slide"}.get(
            self._study.need_canvas().noun, f"in the genes of {name}" if name else "in all genes"
        )
        self._card.show_told("" if latents.no_maps else f"Click a latent to paint where it looks {where}.")

    # -- looking at latents ----------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Sort the latents and draw them, or go on where that was stopped."""
        if self._about is None or self._running:
            return
        if self._latents is None:
            self._run(attention_work.sorted_latents, self._take)
        else:
            self._draw_maps()
            self._draw_walks()

    def _run(self, function: Callable[..., Any], then: Callable[[Any], None], **asked: Any) -> None:
        canvas = self._study.need_canvas()
        job = self._jobs.run(
            function,
            canvas=canvas,
            encoder=self._study.need_encoder(),
            **asked,
            then=then,
            on_step=self._card.show_progress,
            on_end=lambda: self._end(job),
            about=canvas,
        )
        self._running.append(job)
        self._card.start_progress()

    def _stop(self) -> None:
        for job in (*self._running, *([] if self._following is None else [self._following])):
            job.cancel()

    def _end(self, job: Job) -> None:
        self._running.remove(job)
        if not self._running:
            self._card.end_progress(done=self._about is None or self._is_done)

    @property
    def _is_done(self) -> bool:
        latents = self._latents
        if latents is None:
            return False
        mapped = self._mapped != () or bool(latents.no_maps)
        return mapped and (self._n_drawn == len(latents.order) or bool(latents.no_walks))

    def _take(self, latents: attention_work.Latents) -> None:
        self._latents = latents
        canvas = self._study.need_canvas()
        asked = counted(latents.n_items, canvas.noun)
        says: dict[int | None, str] = {None: f"{sum(latents.information):.1f} nats"}
        says |= {latent: f"{nats:.2f} nats" for latent, nats in enumerate(latents.information)}
        measured = f"Information: mean divergence from the prior over {asked}"
        if not latents.information:
            says = {latent: f"sd {spread:.2g}" for latent, spread in enumerate(latents.spread.tolist())}
            measured = f"sd: how much its means spread over {asked}"
        about = f"{measured}. Map: its attention, {MAPPED[canvas.noun]}. Pictures: decoded along it, sd of its means"
        self._card.show_latents(latents.order, says, about)
        total = f" · {says[None]}" if latents.information else ""
        self._card.set_state(f"{counted(len(latents.order), 'latent')}{total}", "Information of all latents together")
        self._card.show_without(
            f"No maps: {latents.no_maps}." if latents.no_maps else "",
            f"Nothing is drawn: {latents.no_walks}." if latents.no_walks else "",
            "" if latents.information else POINTS,
        )
        self._show_what_clicks_do()
        self._hear_of_layer(self._painter.viewer.layers.selection.active)
        self._draw_maps()
        self._draw_walks()

    # -- pictures --------------------------------------------------------------------------------------------------

    def _draw_walks(self) -> None:
        """Draw what some latents draw, then the next ones."""
        latents = self._latents
        if latents is not None and not latents.no_walks and self._n_drawn < len(latents.order):
            self._run(attention_work.walks, self._show_walks, latents=latents, first=self._n_drawn)

    def _show_walks(self, drawn: tuple[tuple[int, ...], np.ndarray]) -> None:
        dimensions, pictures = drawn
        walks = [[_image(picture) for picture in row] for row in pictures]
        self._card.list.show_walks(dict(zip(dimensions, walks, strict=True)))
        self._n_drawn += len(dimensions)
        self._draw_walks()

    def _draw_maps(self) -> None:
        seen = self._seen()
        if self._latents is not None and seen != self._mapped and not self._latents.no_maps:
            self._run(attention_work.attended, lambda maps: self._show_maps(maps, seen), items=seen)

    def _show_maps(self, maps: tuple[np.ndarray, np.ndarray], seen: tuple[int, ...] | None) -> None:
        together, each = maps
        images: dict[int | None, QImage] = {None: _image(together)}
        images |= {latent: _image(one) for latent, one in enumerate(each)}
        self._card.list.show_maps(images)
        self._mapped = seen

    def _seen(self) -> tuple[int, ...] | None:
        """The picture that is seen, or the patch in the middle; None: all genes."""
        canvas, tissue = self._study.need_canvas(), self._painter.tissue
        if canvas.noun == "gene":
            return None
        if canvas.noun == "picture":
            return (tissue.looked_at or 0,)
        return picture_work.seen_patches(canvas, tissue.visible, 1) or (0,)

    def _hear_of_view(self) -> None:
        if self._latents is not None and self._mapped and self._card.is_unfolded:
            self._moved.start()

    def _follow(self) -> None:
        """Map what has come into sight; nobody waits for that."""
        if self._latents is None or not self._card.is_unfolded:
            return
        seen = self._seen()
        if seen == self._mapped:
            return
        if self._following is not None:
            self._following.cancel()
        job = self._jobs.run(
            attention_work.attended,
            canvas=self._study.need_canvas(),
            encoder=self._study.need_encoder(),
            items=seen,
            then=lambda maps: self._show_maps(maps, seen),
            on_end=lambda: self._forget(job),
            about=self._study.canvas,
            live=True,
        )
        self._following = job

    def _forget(self, job: Job) -> None:
        if self._following is job:
            self._following = None

    # -- layers ----------------------------------------------------------------------------------------------------

    def _paint(self, latent: int | None) -> None:
        if self._latents is not None and not self._latents.no_maps:  # the card says why not
            self._staining.attend(latent)

    def _hear_of_layer(self, layer: Any) -> None:
        """A map chosen in the viewer's own list chooses the row of its latent."""
        shown = self._painter.maps.shown_by(layer)
        if shown is None:
            return
        of = shown.settings["dimension"] if isinstance(shown, Attribution) and shown.method == "attention" else None
        if isinstance(of, int) or of == "all":
            self._card.show_painted(of if isinstance(of, int) else None)
        else:
            self._card.show_nothing_painted()


def _image(pixels: np.ndarray) -> QImage:
    """A copy with its own memory."""
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
