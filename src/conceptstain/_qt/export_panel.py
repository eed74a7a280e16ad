"""Export card: figures, values and the section with its results."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from conceptstain._qt.card import Card, asked_where

__all__ = ["ExportPanel"]

FIGURES = "Figures (*.svg *.pdf *.png)"
ALL = "all maps, side by side"
WITHOUT_SPATIALDATA = 'Needs an extra package: pip install "napari-conceptstain[spatialdata]", then start napari again'


class ExportPanel(Card):
    """Emits what the user wants written."""

    figure_wanted = Signal(object, str)  # path, title of a map or empty for all
    results_wanted = Signal(object, str)  # path, "spots" or "genes" for tables
    recipe_wanted = Signal(object)  # path
    methods_wanted = Signal()
    raster_wanted = Signal(object, str)  # path, title of the map

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("8  Export", parent)
        self.which = QComboBox()
        self.which.setAccessibleName("Maps of the figure")
        self.which.setToolTip("Which maps the figure shows")
        self.form.addWidget(self.which)
        self.figure_button = QPushButton("Figure…")
        self.figure_button.setToolTip("SVG or PDF with live text, or PNG: tissue, spots, scale bar and colour bar")
        self.spots_button = QPushButton("Spots…")
        self.spots_button.setToolTip("CSV with one row per spot and one column per map")
        self.genes_button = QPushButton("Genes…")
        self.genes_button.setToolTip("CSV with one row per gene: score, rank and membership for every concept")
        self.section_button = QPushButton("AnnData…")
        self.section_button.setToolTip("The section with maps, concepts and scores in it, for scanpy (.h5ad)")
        self.raster_button = QPushButton("Raster…")
        self.raster_button.setToolTip(
            "The chosen map as 32-bit floats with the size of its pixels (.tif), for QuPath or Fiji"
        )
        row = QHBoxLayout()
        for button in (
            self.figure_button,
            self.spots_button,
            self.genes_button,
            self.raster_button,
            self.section_button,
        ):
            row.addWidget(button)
        self.form.addLayout(row)
        self.recipe_button = QPushButton("Recipe…")
        self.recipe_button.setToolTip(
            "All that is needed to do this over again without a window (.yaml), with the weights: conceptstain run"
        )
        self.methods_button = QPushButton("Copy methods")
        self.methods_button.setToolTip("Copy a paragraph for a paper's methods, with citations")
        self.spatialdata_button = QPushButton("SpatialData…")
        self.spatialdata_button.setToolTip("The section with maps in it, for spatialdata and its plugins (.zarr)")
        if find_spec("spatialdata") is None:
            self.spatialdata_button.setEnabled(False)
            self.spatialdata_button.setToolTip(WITHOUT_SPATIALDATA)
        again = QHBoxLayout()
        for button in (self.spatialdata_button, self.recipe_button, self.methods_button):
            again.addWidget(button)
        self.form.addLayout(again)
        self.done = QLabel()
        self.done.setWordWrap(True)
        self.done.hide()
        self.form.addWidget(self.done)
        self.figure_button.clicked.connect(self._ask_for_figure)
        self.spots_button.clicked.connect(self._ask_for_places)
        self.genes_button.clicked.connect(lambda: self._ask("genes", "genes.csv", "Tables (*.csv)"))
        self.raster_button.clicked.connect(self._ask_for_raster)
        self.section_button.clicked.connect(lambda: self._ask("spots", "stained.h5ad", "AnnData (*.h5ad)"))
        self.spatialdata_button.clicked.connect(lambda: self._ask("spots", "stained.zarr", "SpatialData (*.zarr)"))
        self.recipe_button.clicked.connect(self._ask_for_recipe)
        self.methods_button.clicked.connect(self.methods_wanted)
        self._folder = Path.home()
        self._noun = "gene"
        self.show_kind("gene")
        self.show_maps([])

    def show_kind(self, noun: str) -> None:
        """Offer what can be written of genes, pictures or patches, by what one of them is called."""
        self._noun = noun
        for button in (self.genes_button, self.spatialdata_button):
            button.setVisible(noun == "gene")
        self.raster_button.setVisible(noun == "patch")
        rows = {"gene": "spot", "picture": "picture", "patch": "patch"}[noun]
        self.spots_button.setText({"gene": "Spots…", "picture": "Pictures…", "patch": "Patches…"}[noun])
        columns = "map" if noun == "gene" else "score"
        self.spots_button.setToolTip(f"CSV with one row per {rows} and one column per {columns}")
        if noun == "gene":
            self.figure_button.setToolTip("SVG or PDF with live text, or PNG: tissue, spots, scale bar and colour bar")
            self.section_button.setToolTip("The section with maps, concepts and scores in it, for scanpy (.h5ad)")
        else:
            drawn = "pictures beside their maps" if noun == "picture" else "the slide under its map"
            self.figure_button.setToolTip(f"SVG or PDF with live text, or PNG: {drawn}, and a colour bar")
            self.section_button.setToolTip(f"Scores and facts of every {rows}, for scanpy (.h5ad)")

    def show_maps(self, titles: Sequence[str]) -> None:
        """Offer these maps, the newest chosen."""
        self.which.clear()
        self.which.addItems(list(reversed(titles)))
        if len(titles) > 1:
            self.which.addItem(ALL)
        self.setEnabled(bool(titles))
        self.set_state("figure · tables · AnnData · recipe" if titles else "paint a map first")

    def show_done(self, path: Path) -> None:
        """Say what was written, and where."""
        self._folder = path.parent
        self.done.setText(f"Wrote {path}")
        self.done.show()

    def show_methods(self, paragraph: str) -> None:
        """Put the methods paragraph on the clipboard, and show it."""
        QGuiApplication.clipboard().setText(paragraph)
        self.done.setText(f"Copied: {paragraph}")
        self.done.show()

    def _ask_for_figure(self) -> None:
        shown = self.which.currentText()
        stem = "maps" if shown == ALL else shown
        path = asked_where(self, "Save the figure", str(self._folder / f"{stem}.svg"), FIGURES, ".svg")
        if path:
            self.figure_wanted.emit(path, "" if shown == ALL else shown)

    def _ask_for_raster(self) -> None:
        shown = self.which.currentText()
        path = asked_where(self, "Save the raster", str(self._folder / f"{shown}.tif"), "Rasters (*.tif)", ".tif")
        if path:
            self.raster_wanted.emit(path, shown)

    def _ask_for_recipe(self) -> None:
        path = asked_where(self, "Save the recipe", str(self._folder / "recipe.yaml"), "Recipes (*.yaml)", ".yaml")
        if path:
            self.recipe_wanted.emit(path)

    def _ask_for_places(self) -> None:
        name = {"gene": "spots.csv", "picture": "pictures.csv", "patch": "patches.csv"}[self._noun]
        self._ask("spots", name, "Tables (*.csv)")

    def _ask(self, table: str, name: str, kinds: str) -> None:
        path = asked_where(self, "Save", str(self._folder / name), kinds, Path(name).suffix)
        if path:
            self.results_wanted.emit(path, table)
