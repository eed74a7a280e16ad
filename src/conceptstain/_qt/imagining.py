"""Items are moved in latent space by sliders, and what is decoded there follows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtGui import QImage

from conceptstain._qt import what_if_work
from conceptstain._qt.concept_panel import ConceptPanel
from conceptstain._qt.jobs import Job, Jobs
from conceptstain._qt.live_decoding import LiveDecoding
from conceptstain._qt.notifications import guarded, show_note
from conceptstain._qt.painter import Painter
from conceptstain._qt.units_work import Network
from conceptstain._qt.what_if_items import WhatIfItems
from conceptstain._qt.what_if_moves import WhatIfMoves
from conceptstain._qt.what_if_panel import WhatIfPanel
from conceptstain.canvas.expression import counted, several
from conceptstain.errors import InputError
from conceptstain.study import Study

if TYPE_CHECKING:
    from conceptstain._qt.what_if_drawing import Pictures
    from conceptstain._qt.what_if_work import Begun, Imagined
    from conceptstain.nets.classifier import Classifier

__all__ = ["Imagining", "image_of", "reads_the_same"]

SETTLED = 300  # milliseconds that the viewer has to stand still before its item is taken
NO_DECODER = "needs an encoder that decodes"


@final
class Imagining(QObject):
    """Connects the What if half of the card with the study and the viewer. Nothing is computed while it is folded.

    The newest place of the sliders is decoded as soon as the one before is drawn; those between are never begun.
    """

    begun_changed = Signal()  # other items, or another network

    def __init__(
        self, study: Study, jobs: Jobs, painter: Painter, cards: tuple[WhatIfPanel, ConceptPanel], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._study, self._jobs, self._painter = study, jobs, painter
        self._card = cards[0]
        self.items = WhatIfItems(study, painter, cards[1])
        self.moves = WhatIfMoves(study, jobs, self._card.page, self)
        self.moves.changed.connect(self._take_moves)
        self.live = LiveDecoding(jobs, self)
        self.live.decoded.connect(self._show)
        self._offered: list[Network] = []
        self._items: tuple[int, ...] = ()
        self.begun: Begun | None = None
        self._beginning: Job | None = None
        self.is_held = False  # something else is shown than what the sliders make
        self._reader: Classifier | None = None
        self._moved = QTimer(self)
        self._moved.setSingleShot(True)
        self._moved.setInterval(SETTLED)
        self._moved.timeout.connect(guarded(self._follow_viewer))
        self._connect(painter.viewer)

    def _connect(self, viewer: Any) -> None:
        study, card = self._study, self._card
        study.section_changed.connect(self._offer)
        study.encoder_changed.connect(self._offer)
        study.spot_encoders_changed.connect(self._offer)
        study.concepts_changed.connect(self._begin_moves)
        card.unfolded.connect(lambda unfolded: self._go_on() if unfolded else None)
        card.network_chosen.connect(lambda _row: self._change_network())
        card.item_wanted.connect(guarded(self._take_item))
        card.from_viewer_wanted.connect(guarded(self._take_from_viewer))
        card.page.moved.connect(self._follow)
        card.page.live_toggled.connect(self._take_live)
        card.page.keep_wanted.connect(self._keep)
        card.page.table_wanted.connect(self._write_table)
        viewer.dims.events.current_step.connect(lambda _event: self._hear_of_view())
        viewer.scene.camera.events.center.connect(lambda _event: self._hear_of_view())

    # -- what is open ----------------------------------------------------------------------------------------------

    @property
    def network(self) -> Network | None:
        """The network in whose latent space items are moved."""
        row = self._card.network.currentIndex()
        return self._offered[row] if 0 <= row < len(self._offered) else None

    def _offer(self) -> None:
        """Offer the networks in use that decode; what was begun goes where its network did."""
        canvas, encoder = self._study.canvas, self._study.encoder
        before = self.network
        found = []
        if canvas is not None and encoder is not None:
            found.append(Network(f"{encoder.name} · {several(canvas.noun)}", encoder, canvas))
        for number, each in enumerate(self._study.spot_encoders, 1):
            found.append(Network(f"{each.name} · spots, seed {number}", each, self._study.spot_canvas))
        found = [each for each in found if hasattr(each.encoder.network, "decode")]  # type: ignore[union-attr]
        same = [row for row, each in enumerate(found) if before is not None and reads_the_same(each, before)]
        self._offered = [before if row in same and before is not None else each for row, each in enumerate(found)]
        self._card.offer_networks([each.name for each in self._offered], same[0] if same else 0 if found else -1)
        if not same:
            self._card.set_ready(ready=bool(found), reason="" if found else self._reason())
            self._change_network()

    def _reason(self) -> str:
        return NO_DECODER if self._study.encoder is not None else "waits for an encoder"

    def _change_network(self) -> None:
        self._stop()
        self.begun, self._items = None, ()
        self._card.clear()
        network = self.network
        if network is not None:
            self._card.set_state("")
            canvas = network.need_canvas
            self._card.show_kind(canvas.noun, [str(name) for name in canvas.item_names])
            self._offer_keeping()
        self.begun_changed.emit()
        self._go_on()

    def _go_on(self) -> None:
        """Find out what can be moved, and begin with the item that is seen."""
        if self.network is None or not self._card.is_unfolded:
            return
        if not self.moves.is_made:
            self._begin_moves()
        if self.begun is None and self._beginning is None:
            guarded(self._take_first)()

    # -- items -----------------------------------------------------------------------------------------------------

    def _take_first(self) -> None:
        try:
            self._take_from_viewer()
        except InputError as error:
            self._card.say(str(error))

    def _take_item(self, name: str) -> None:
        network = self.network
        if network is None or not name:
            return
        try:
            self.take((network.need_canvas.item(name),))
        except InputError as error:
            self._card.say(str(error))

    def _take_from_viewer(self) -> None:
        if self.network is not None:
            self.take(self.items.in_viewer(self.network))

    def take(self, items: tuple[int, ...]) -> None:
        """Move these items from now on."""
        network = self.network
        if network is None:
            return
        self._items = items
        if self._beginning is not None:
            self._beginning.cancel()
        job = self._jobs.run(
            what_if_work.begun,
            network=network,
            items=items,
            then=self._begin,
            on_end=lambda: self._end_beginning(job),
            about=self._study.canvas,
            live=True,
        )
        self._beginning = job

    def _end_beginning(self, job: Job) -> None:
        if self._beginning is job:
            self._beginning = None

    def _begin(self, begun: Begun) -> None:
        self.begun = begun
        canvas = begun.network.need_canvas
        names = [str(canvas.item_names[item]) for item in begun.items]
        told = names[0] if len(names) == 1 else counted(len(names), canvas.noun)
        together = "" if len(names) == 1 else f"{told}: what is decoded is the mean over them."
        self._card.show_item("" if together else names[0], together)
        self._card.set_state(told, begun.network.name)
        self._show_unmoved()
        self.begun_changed.emit()
        self._follow(self._card.page.amounts)

    def _show_unmoved(self) -> None:
        begun = self.begun
        if begun is not None and begun.original.colours is not None:
            pictures = (begun.original, begun.reconstruction)
            self._card.pictures.show_pictures([*map(image_of, pictures), None, None])

    def _hear_of_view(self) -> None:
        network = self.network
        if network is not None and self._card.is_unfolded and network.need_canvas.noun in {"picture", "patch"}:
            self._moved.start()

    def _follow_viewer(self) -> None:
        """Begin with what has come into sight."""
        if self.network is not None and self._card.is_unfolded:
            items = self.items.in_viewer(self.network)
            if items != self._items:
                self.take(items)

    # -- what can be moved -----------------------------------------------------------------------------------------

    def _begin_moves(self) -> None:
        network = self.network
        if network is None or not self._card.is_unfolded:
            self.moves.forget()
        else:
            self.moves.begin(network)

    def _take_moves(self) -> None:
        self._offer_keeping()
        self._follow(self._card.page.amounts)

    # -- following the sliders -------------------------------------------------------------------------------------

    def _follow(self, amounts: Mapping[str, float]) -> None:
        """Decode where the sliders are, when there is time."""
        if self.begun is not None:
            self.live.follow(self.begun, self.moves.shifts(amounts), self._reader)

    def _show(self, begun: Begun, made: Imagined) -> None:
        if begun is self.begun and not self.is_held:
            self.show_imagined(made)
            self._paint(begun, made)

    def show_again(self) -> None:
        """Show what the sliders make."""
        self._follow(self._card.page.amounts)

    def ask(self, classifier: Classifier | None) -> None:
        """Say from now on what this classifier takes for what; None: say nothing."""
        self._reader = classifier
        if classifier is None:
            self._card.say_of_class("")
        self.show_again()

    def _paint(self, begun: Begun, made: Imagined) -> None:
        """Let the viewer follow, too, where that is wanted."""
        if self._card.page.live.isChecked():
            name = str(begun.network.need_canvas.item_names[begun.items[0]])
            self._painter.maps.show_live(what_if_work.live_map(begun, made, name), self._study.need_canvas())

    def _take_live(self, live: bool) -> None:
        if live:
            self._painter.maps.prepare_live()
            self.show_again()
        elif self._study.canvas is not None:
            self._painter.maps.keep(self._study.findings)

    def show_imagined(self, made: Imagined) -> None:
        """Show what was decoded beside what the items are."""
        begun = self.begun
        if begun is None:
            return
        self._card.say_of_class(made.told)
        if made.changed.colours is None:
            self._card.genes.show_genes(*made.difference.genes)
        else:
            shown = (begun.original, begun.reconstruction, made.changed, made.difference)
            self._card.pictures.show_pictures([image_of(each) for each in shown])

    def _offer_keeping(self) -> None:
        network = self.network
        if network is None:
            return
        noun = network.need_canvas.noun
        self._card.page.offer_live(possible=noun == "gene")
        self._card.page.offer_keeping(
            no_map="Maps of the study are of its pictures of genes; write the table" if noun == "spot" else "",
            no_table="" if noun in {"gene", "spot"} else f"Tables are of genes and spots; keep a map of the {noun}",
        )

    # -- results ---------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        if self.begun is not None:
            self.moves.keep(self.begun, self._card.page.amounts)

    def _write_table(self) -> None:
        begun = self.begun
        if begun is None:
            return
        path = self._card.ask_where("what-if.csv", "Tables (*.csv)")
        if path is not None:
            self._jobs.run(
                what_if_work.write_table,
                of=begun,
                shifts=self.moves.shifts(self._card.page.amounts),
                path=path,
                then=lambda written: show_note(f"Wrote {written}"),
            )

    def _stop(self) -> None:
        self.live.stop()
        self.moves.forget()
        if self._beginning is not None:
            self._beginning.cancel()
            self._beginning = None


def image_of(drawn: Pictures) -> QImage | None:
    """A copy with its own memory; None of genes."""
    pixels = drawn.colours
    if pixels is None:
        return None
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def reads_the_same(one: Network, other: Network) -> bool:
    """Whether two are one network of one canvas, offered at two times."""
    return one.is_same(other) and one.canvas is other.canvas
