"""What if card: items are moved in latent space, and what the network decodes there is seen beside what they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QSignalBlocker, QStringListModel, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QCompleter,
    QFileDialog,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from conceptstain._qt.card import Card, asked_where
from conceptstain._qt.changed_genes import ChangedGenes
from conceptstain._qt.counterfactual_page import CounterfactualPage
from conceptstain._qt.page_tabs import PageTabs
from conceptstain._qt.picture_row import PictureRow
from conceptstain._qt.progress_row import ProgressRow
from conceptstain._qt.what_if_page import WhatIfPage

__all__ = ["CAPTIONS", "WhatIfPanel"]

CAPTIONS = ("original", "decoded", "what if", "difference")
PICTURES = (
    "Original: what the network is given. Decoded: what it makes of that. What if: what it decodes where the sliders, "
    "or the film strip, have moved it. Difference: what if minus decoded, red where it rises and blue where it falls; "
    "its colours end at half the range of the pictures"
)
CLASSIFIERS = "Classifiers (*.safetensors)"
FROM_VIEWER = {
    "gene": "The first gene of the chosen concept",
    "picture": "The picture that the viewer shows; it follows by itself",
    "patch": "The patch in the middle of what the viewer shows",
    "spot": "The spots that are picked or drawn around in the viewer: what is decoded is the mean over them",
}


class WhatIfPanel(Card):
    """Emits what is chosen; shows items as they are and as they would be."""

    network_chosen = Signal(int)  # row
    item_wanted = Signal(str)
    from_viewer_wanted = Signal()
    classifier_chosen = Signal(int)  # row; 0: none
    file_wanted = Signal(object)  # path
    cancel_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("7  What if", parent)
        self._folder = Path.home()
        self._build_choices()
        self.pictures = PictureRow(CAPTIONS)
        self.pictures.setToolTip(PICTURES)
        self.pictures.setAccessibleName("Pictures: " + ", ".join(CAPTIONS))
        self.genes = ChangedGenes()
        self.told, self.says = QLabel(), QLabel()
        for line in (self.told, self.says):
            line.setWordWrap(True)
            line.setTextFormat(Qt.TextFormat.PlainText)
        self.page = WhatIfPage()
        self.tabs = PageTabs()
        self.tabs.tabBar().setAccessibleName("What if, or counterfactual")
        self.tabs.tabBar().setToolTip("Move items yourself, or let what has to change be found")
        self.counterfactual = CounterfactualPage()
        self.tabs.addTab(self.page, "What if")
        self.tabs.addTab(self.counterfactual, "Counterfactual")
        told = "How far it is; the viewer stays live"
        self.working = ProgressRow("Imagining", told=told, stops="Stop; what was found before stays")
        self.cancel_button = self.working.cancel_button
        for part in (self.told, self.pictures, self.genes, self.says, self.tabs, self.working):
            self.form.addWidget(part)
        self._awaited: set[object] = set()
        self.working.cancel_wanted.connect(self.cancel_wanted)
        self.set_ready(ready=False, reason="waits for an encoder")

    def _build_choices(self) -> None:
        self.network = QComboBox()
        self.network.setAccessibleName("Network that decodes")
        self.network.setToolTip("Network in whose latent space items are moved, and that decodes them")
        self.item = QLineEdit()
        self.item.setAccessibleName("Item that is moved")
        self.item.setToolTip("Name of what is moved; Enter takes it")
        self._names = QStringListModel()
        completer = QCompleter(self._names, self.item)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setMaxVisibleItems(8)
        self.item.setCompleter(completer)
        self.item_label = QLabel("Item")
        self.viewer_button = QPushButton("From viewer")
        self.viewer_button.setToolTip("Begin from what the viewer shows")
        self.classifier = QComboBox()
        self.classifier.setAccessibleName("Classifier whose units and classes are asked about")
        self.classifier.setToolTip("Classifier whose units can be moved, and whose classes counterfactuals lead to")
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip("A classifier that conceptstain fit-classifier has written (.safetensors)")
        for choice in (self.network, self.classifier):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.addWidget(QLabel("Decoder"), 0, 0)
        grid.addWidget(self.network, 0, 1, 1, 2)
        grid.addWidget(QLabel("Classifier"), 1, 0)
        grid.addWidget(self.classifier, 1, 1)
        grid.addWidget(self.open_button, 1, 2)
        grid.addWidget(self.item_label, 2, 0)
        grid.addWidget(self.item, 2, 1)
        grid.addWidget(self.viewer_button, 2, 2)
        self.form.addLayout(grid)
        self.network.currentIndexChanged.connect(self.network_chosen)
        self.classifier.currentIndexChanged.connect(self.classifier_chosen)
        self.item.returnPressed.connect(lambda: self.item_wanted.emit(self.item.text().strip()))
        completer.activated.connect(lambda name: self.item_wanted.emit(str(name)))
        self.viewer_button.clicked.connect(self.from_viewer_wanted)
        self.open_button.clicked.connect(self._ask_for_classifier)
        self.offer_classifiers((), 0)

    # -- what is chosen --------------------------------------------------------------------------------------------

    def set_ready(self, *, ready: bool, reason: str = "") -> None:
        """Enable the card with nothing imagined yet, or say what it waits for."""
        self.setEnabled(ready)
        self.set_state(reason)
        self.clear()

    def offer_networks(self, names: Sequence[str], chosen: int) -> None:
        """Offer networks that decode."""
        with QSignalBlocker(self.network):
            self.network.clear()
            self.network.addItems(list(names))
            self.network.setCurrentIndex(chosen)
        self.network.setEnabled(len(names) > 1)

    def offer_classifiers(self, names: Sequence[str], chosen: int) -> None:
        """Offer classifiers; in row 0 there is none."""
        with QSignalBlocker(self.classifier):
            self.classifier.clear()
            self.classifier.addItems(["none", *names])
            self.classifier.setCurrentIndex(chosen)

    def show_kind(self, noun: str, names: Sequence[str]) -> None:
        """Offer genes, pictures, patches or spots by their names."""
        self._names.setStringList(list(names))
        self.item_label.setText(noun.capitalize())
        self.item.setToolTip(f"Name of the {noun} to begin from; Enter takes it")
        self.viewer_button.setText("From concept" if noun == "gene" else "From viewer")
        self.viewer_button.setToolTip(FROM_VIEWER[noun])
        of_spots = noun == "spot"
        self.pictures.setVisible(not of_spots)
        self.genes.setVisible(of_spots)

    def show_item(self, name: str, sentence: str) -> None:
        """Show which item is moved, and what is said of it."""
        self.item.setText(name)
        self.item.setCursorPosition(0)
        self.say(sentence)

    def say(self, sentence: str) -> None:
        """Say what is seen."""
        self.told.setText(sentence)
        self.told.setVisible(bool(sentence))

    def say_of_class(self, sentence: str) -> None:
        """Say what the classifier takes it for."""
        self.says.setText(sentence)
        self.says.setVisible(bool(sentence))

    def clear(self) -> None:
        """Show nothing imagined."""
        self.say_of_class("")
        self.pictures.clear()
        self.genes.show_genes((), ())
        self.show_item("", "")

    # -- progress and files ----------------------------------------------------------------------------------------

    def start_progress(self, asker: object) -> None:
        """Show before long how far it is; whoever asks for it waits for one thing at a time."""
        self._awaited.add(asker)
        self.working.start()

    @property
    def is_waited_for(self) -> bool:
        """Whether something runs that can be cancelled here."""
        return bool(self._awaited)

    def end_progress(self, asker: object) -> None:
        """Show that this one waits no more; Cancel stays as long as somebody else does."""
        self._awaited.discard(asker)
        if not self._awaited:
            self.working.end()

    def ask_where(self, name: str, kinds: str) -> Path | None:
        """Ask where to write a file; None where the user changed their mind."""
        path = asked_where(self, "Save", str(self._folder / name), kinds, Path(name).suffix)
        if path is not None:
            self._folder = path.parent
        return path

    def _ask_for_classifier(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a classifier", "", CLASSIFIERS)
        if path:
            self.file_wanted.emit(Path(path))
