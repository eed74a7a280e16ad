"""Data card: open a section, pictures or a slide, say what was opened and in which units."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from conceptstain._qt.card import Card, asked_where
from conceptstain._qt.data_words import data_words
from conceptstain._qt.layer_choice import LayerChoice

if TYPE_CHECKING:
    from conceptstain.canvas.picture_canvas import PictureCanvas

__all__ = ["UNSAVED", "DataPanel"]

READABLE = (
    "Sections, studies and pictures (*.h5ad *.tsv *.tsv.gz *.zarr.zip *.tif *.tiff *.png *.jpg *.jpeg);;"
    "Sections (*.h5ad *.tsv *.tsv.gz *.zarr.zip);;Pictures and slides (*.tif *.tiff *.png *.jpg *.jpeg)"
)
SIDES = (32, 64, 128, 256)  # of what a network sees, in pixels
UNSAVED = "\N{BLACK CIRCLE}"
STUDIES = "Studies (*.h5ad *.zarr)"
IMAGES = "Images (*.jpg *.jpeg *.png *.tif *.tiff)"


class DataPanel(Card):
    """Emits what the user wants opened; shows what is open."""

    open_wanted = Signal(object, object)  # path, image path or None
    section_wanted = Signal(object, str)  # path, name of the section
    layers_wanted = Signal()  # to be offered
    sample_wanted = Signal()
    pictures_found = Signal(object, object)  # path of a study, path of its pictures or its slide
    pixel_size_wanted = Signal(float)
    view_wanted = Signal(int)  # height and width in pixels of what a network sees
    save_wanted = Signal(object)  # path, or None: where it was saved before
    restore_wanted = Signal()
    discard_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("1  Data", parent)
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip(
            "Open spots with their genes (.h5ad, or a Spatial Transcriptomics count matrix), a saved study, a slide, "
            "or a TIFF of several pages"
        )
        self.folder_button = QPushButton("Folder…")
        self.folder_button.setToolTip(
            "Open a folder: of pictures, of 10x Space Ranger (Visium), or AnnData, SpatialData or OME-Zarr in .zarr"
        )
        self.layer_button = QPushButton("From a layer…")
        self.layer_button.setToolTip(
            "Take what is in the viewer already: an image, or points, shapes or labels with their genes"
        )
        self.image_button = QPushButton("Add image…")
        self.image_button.setToolTip("Lay a picture of the tissue under the spots of the open count matrix")
        self.image_button.setEnabled(False)
        self.sample_button = QPushButton("Sample")
        self.sample_button.setToolTip("Open the bundled sample: a simulated olfactory bulb")
        for buttons in (
            (self.open_button, self.folder_button, self.sample_button),
            (self.layer_button, self.image_button),
        ):
            row = QHBoxLayout()
            for button in buttons:
                row.addWidget(button)
            self.form.addLayout(row)
        self.layer_choice = LayerChoice()
        self.form.addWidget(self.layer_choice)
        self._build_choosing()
        self._build_finding()
        self._build_restoring()
        self.summary = QLabel("Drop a file on the viewer, or open one here.")
        self.summary.setWordWrap(True)
        self.form.addWidget(self.summary)
        self.notes = QLabel()
        self.notes.setTextFormat(Qt.TextFormat.PlainText)
        self.notes.setWordWrap(True)
        self.notes.hide()
        self.form.addWidget(self.notes)
        self._build_pixel_size()
        self._build_view()
        self.set_state("open a section or pictures")

        self._build_saving()
        self.open_button.clicked.connect(self._ask_for_file)
        self.folder_button.clicked.connect(self._ask_for_folder)
        self.image_button.clicked.connect(self._ask_for_image)
        self.sample_button.clicked.connect(self.sample_wanted)
        self.layer_button.clicked.connect(self.layers_wanted)
        self.pixel_button.clicked.connect(lambda: self.pixel_size_wanted.emit(self.pixel_size.value()))
        self._path: Path | None = None
        self._opened = ""
        self._unsaved = False

    def _build_pixel_size(self) -> None:
        self._pixel_row = QWidget()
        row = QHBoxLayout(self._pixel_row)
        row.setContentsMargins(0, 0, 0, 0)
        self.pixel_size = QDoubleSpinBox()
        self.pixel_size.setDecimals(4)
        self.pixel_size.setRange(0, 10_000)
        self.pixel_size.setSingleStep(0.1)
        self.pixel_size.setSpecialValueText("µm per pixel: not known")
        self.pixel_size.setSuffix(" µm per pixel")
        self.pixel_size.setAccessibleName("Micrometres per pixel")
        self.pixel_size.setToolTip("Size of a pixel of the coordinates, from the microscope's record")
        self.pixel_button = QPushButton("Use")
        self.pixel_button.setToolTip("Show everything in micrometres from now on")
        self.pixel_button.setEnabled(False)
        self.pixel_size.valueChanged.connect(lambda size: self.pixel_button.setEnabled(size > 0))
        row.addWidget(self.pixel_size, 1)
        row.addWidget(self.pixel_button)
        self._pixel_row.hide()
        self.form.addWidget(self._pixel_row)

    def _build_view(self) -> None:
        self._view_row = QWidget()
        row = QHBoxLayout(self._view_row)
        row.setContentsMargins(0, 0, 0, 0)
        self.side = QComboBox()
        self.side.setAccessibleName("Size of what a network sees")
        self.side_label = QLabel()
        self.side_label.setBuddy(self.side)
        for side in SIDES:
            self.side.addItem(f"{side} × {side} pixels", side)
        row.addWidget(self.side_label)
        row.addWidget(self.side, 1)
        self._view_row.hide()
        self.form.addWidget(self._view_row)
        self.side.activated.connect(lambda _index: self.view_wanted.emit(int(self.side.currentData())))

    def _show_view(self, canvas: PictureCanvas, side: int) -> None:
        self._view_row.setVisible(bool(side))
        of_slide = canvas.noun == "patch"
        self.side_label.setText("Patches of" if of_slide else "Seen on")
        self.side.setToolTip(
            "Size of the patches that the slide is cut into, at its largest level; an encoder reads one size alone"
            if of_slide
            else "The frame that every picture is laid on before a network sees it; an encoder reads one size alone"
        )
        self.side.setCurrentIndex(self.side.findData(side))

    def _build_restoring(self) -> None:
        self.restoring = QWidget()
        column = QVBoxLayout(self.restoring)
        column.setContentsMargins(0, 0, 0, 0)
        self.restorable = QLabel()
        self.restorable.setTextFormat(Qt.TextFormat.PlainText)
        self.restorable.setWordWrap(True)
        column.addWidget(self.restorable)
        self.restore_button = QPushButton("Restore")
        self.restore_button.setToolTip("Go on with the study that was not saved when the program ended")
        self.discard_button = QPushButton("Discard")
        self.discard_button.setToolTip("Delete that study for good")
        row = QHBoxLayout()
        row.addWidget(self.restore_button)
        row.addWidget(self.discard_button)
        column.addLayout(row)
        self.form.addWidget(self.restoring)
        self.restoring.hide()
        self.restore_button.clicked.connect(self.restore_wanted)
        self.discard_button.clicked.connect(self.discard_wanted)

    def _build_saving(self) -> None:
        self.save_button = QPushButton("Save study")
        self.save_button.setToolTip(
            "Save everything made here into one .h5ad, which scanpy reads too (Ctrl+S in this dock)"
        )
        self.save_as_button = QPushButton("Save as…")
        self.save_as_button.setToolTip("Save the study into another file")
        row = QHBoxLayout()
        for button in (self.save_button, self.save_as_button):
            button.setEnabled(False)
            row.addWidget(button)
        self.form.addLayout(row)
        self._saved_as: Path | None = None
        self.save_button.clicked.connect(self.save)
        self.save_as_button.clicked.connect(self._ask_where_to_save)

    def save(self) -> None:
        """Save where the study was saved before; ask where, if it never was."""
        if self._saved_as is not None:
            self.save_wanted.emit(None)
        elif self.save_button.isEnabled():
            self._ask_where_to_save()

    def show_saved(self, saved: bool | None, path: Path | None) -> None:
        """Say whether what was made is saved; None: nothing is open."""
        self._saved_as = path
        for button in (self.save_button, self.save_as_button):
            button.setEnabled(saved is not None)
        self._unsaved = saved is False
        self._show_state()

    def offer_to_restore(self, what: str) -> None:
        """Offer to go on with a study that was not saved; empty: there is none."""
        self.restorable.setText(f"Not saved when the program ended: {what}." if what else "")
        self.restoring.setVisible(bool(what))

    def _show_state(self) -> None:
        if self._opened:
            marked = f"{UNSAVED} {self._opened}" if self._unsaved else self._opened
            self.set_state(marked, "Not saved" if self._unsaved else "")

    def _build_choosing(self) -> None:
        self.choosing = QWidget()
        row = QHBoxLayout(self.choosing)
        row.setContentsMargins(0, 0, 0, 0)
        self.section_choice = QComboBox()
        self.section_choice.setAccessibleName("Section of the file")
        self.section_choice.setToolTip("The file holds several sections: which one to open")
        self.section_choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.section_button = QPushButton("Open section")
        self.section_button.setToolTip("Open the chosen section of the file")
        row.addWidget(self.section_choice, 1)
        row.addWidget(self.section_button)
        self.form.addWidget(self.choosing)
        self.choosing.hide()
        self._asked: Path | None = None
        self.section_button.clicked.connect(self._want_section)

    def _build_finding(self) -> None:
        self.finding = QWidget()
        column = QVBoxLayout(self.finding)
        column.setContentsMargins(0, 0, 0, 0)
        self.missing = QLabel()
        self.missing.setTextFormat(Qt.TextFormat.PlainText)
        self.missing.setWordWrap(True)
        self.find_folder_button = QPushButton("Their folder…")
        self.find_folder_button.setToolTip("Open the study with the pictures in a folder")
        self.find_file_button = QPushButton("Its file…")
        self.find_file_button.setToolTip("Open the study with a slide, or a TIFF of several pages")
        row = QHBoxLayout()
        row.addWidget(self.find_folder_button)
        row.addWidget(self.find_file_button)
        column.addWidget(self.missing)
        column.addLayout(row)
        self.form.addWidget(self.finding)
        self.finding.hide()
        self._missing_of: Path | None = None
        self.find_folder_button.clicked.connect(self._find_folder)
        self.find_file_button.clicked.connect(self._find_file)

    def offer_to_find(self, study: Path | None) -> None:
        """Ask where the pictures of a study are now; None: there is nothing to ask."""
        self._missing_of = study
        self.missing.setText("" if study is None else f"Where are the pictures of {study.name} now?")
        self.finding.setVisible(study is not None)
        if study is not None:
            self.unfold()

    def _find_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Pictures of the study")
        if path:
            self.pictures_found.emit(self._missing_of, Path(path))

    def _find_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Slide of the study", "", IMAGES)
        if path:
            self.pictures_found.emit(self._missing_of, Path(path))

    def offer_sections(self, path: Path | None, names: Sequence[str]) -> None:
        """Ask which section of a file to open; no names: there is nothing to ask."""
        self._asked = path
        self.section_choice.clear()
        self.section_choice.addItems(list(names))
        self.choosing.setVisible(bool(names))
        if names:
            self.set_state("choose a section of the file")
            self.unfold()

    def _want_section(self) -> None:
        self.section_wanted.emit(self._asked, self.section_choice.currentText())

    def show_canvas(self, canvas: PictureCanvas | None) -> None:
        """Say what is open."""
        if canvas is None:
            return
        source, words = canvas.source, data_words(canvas)
        self._path = source.path
        self.image_button.setEnabled(
            canvas.noun == "gene" and source.path is not None and source.path.suffix != ".h5ad"
        )
        self._opened = words.title
        self._show_state()
        self.summary.setText(words.summary)
        self.notes.setText("\n".join(f"• {note}" for note in words.notes))
        self.notes.setVisible(bool(words.notes))
        self._pixel_row.setVisible(source.unit == "px")
        self.pixel_size.setValue(0)
        self._show_view(canvas, words.side)

    def _ask_for_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open data", "", READABLE)
        if path:
            self.open_wanted.emit(Path(path), None)

    def _ask_for_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a folder")
        if path:
            self.open_wanted.emit(Path(path), None)

    def _ask_for_image(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Picture of the tissue", "", IMAGES)
        if path:
            self.open_wanted.emit(self._path, Path(path))

    def _ask_where_to_save(self) -> None:
        name = f"{self._opened.split(' · ', maxsplit=1)[0]}-study.h5ad"
        path = asked_where(self, "Save the study", name, STUDIES, ".h5ad")
        if path:
            self.save_wanted.emit(path)
