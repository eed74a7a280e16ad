"""The form for a new concept: of genes, of what is drawn or picked, of an annotation, of pictures."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QStringListModel, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QCompleter,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from conceptstain._qt.page_tabs import PageTabs
from conceptstain._qt.picture_pages import PaintedPage, TablePage, TickedPage

if TYPE_CHECKING:
    from conceptstain.concepts.definition import Form

__all__ = ["NORMAL", "ConceptMaker", "genes_in"]

TOOLS = {
    "lasso": ("Lasso", "Draw freely around spots: press, move, release"),
    "polygon": ("Polygon", "Draw an outline corner by corner; double-click ends it"),
    "pick": ("Pick", "Click spots, or drag a box around them; Shift adds"),
}
NORMAL = "normal"  # in place of a direction: what is given is taken as normal
LEARN = "Take what is given above as normal, and paint what deviates from it"
LEARNED_FROM = {"gene": "this region", "picture": "these pictures", "patch": "this region"}
MAKE = "Make a concept of what is given above, and paint its map"
NOT_READY = (
    "Tick a picture or more first",
    "Open a table first, and choose an attribute that some pictures have",
    "Paint something first",
)
FORMS = {
    "gene": {
        "mean": "The mean latent of the genes, as in the paper",
        "contrast": "The mean latent of the genes minus that of all other genes",
    },
    "picture": {
        "contrast": "The mean latent of the pictures that show it minus that of the others, as in the paper",
        "whitened": "The same in units of how pictures differ anyway, which tells weak concepts better",
        "mean": "The mean latent of the pictures that show it, the others aside",
    },
    "patch": {
        "whitened": "Mean latent inside minus outside, in units of how patches differ anyway: found glands best",
        "contrast": "The mean latent of the patches inside minus that of those outside",
        "mean": "The mean latent of the patches inside, the others aside",
    },
}


class ConceptMaker(QWidget):
    """Emits what a new concept is to be made of; the form :data:`NORMAL` asks for what deviates from it."""

    genes_wanted = Signal(str, object, str, str)  # name, genes, "like" or "items", form
    region_wanted = Signal(str, str)  # name, form
    annotation_wanted = Signal(str, str, str, str)  # name, column, value, form
    pictures_wanted = Signal(str, object, object, str, str)  # name, positives, negatives or None, what they are, form
    painted_wanted = Signal(str, str, int, str)  # name, layer, value, form
    tool_wanted = Signal(str)
    clear_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._annotations: Mapping[str, Sequence[str]] = {}
        self._known: frozenset[str] = frozenset()
        self._build()

    # -- building --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self.tabs = PageTabs()
        self.genes_page, self.drawn_page = self._genes_page(), self._drawn_page()
        self.annotation_page = self._annotation_page()
        self.tabs.addTab(self.genes_page, "Genes")
        self.tabs.addTab(self.drawn_page, "Spots")
        self.tabs.addTab(self.annotation_page, "Annotation")
        self.ticked_page, self.table_page, self.painted_page = TickedPage(), TablePage(), PaintedPage()
        self.tabs.addTab(self.ticked_page, "Ticked")
        self.tabs.addTab(self.table_page, "Table")
        self.tabs.addTab(self.painted_page, "Painted")
        self.ticked_page.wanted.connect(lambda shows, against: self._want_pictures(shows, against, "ticked"))
        self.table_page.wanted.connect(self._want_pictures)
        self.painted_page.wanted.connect(self._want_painted)
        whole.addWidget(self.tabs)
        self.tabs.tabBar().setAccessibleName("What the new concept is made of")
        self.tabs.tabBar().setToolTip("What the new concept is made of")
        self.name = QLineEdit()
        self.name.setAccessibleName("Name of the new concept")
        self.name.setPlaceholderText("named after its genes or region")
        self.name.setToolTip("Name of the new concept, as a figure would print it")
        self.form_choice = QComboBox()
        self.form_choice.setAccessibleName("Direction of the concept")
        fields = QFormLayout()
        fields.setContentsMargins(0, 0, 0, 0)
        fields.addRow("Name", self.name)
        fields.addRow("Direction", self.form_choice)
        whole.addLayout(fields)
        self._build_making(whole)
        self.name.returnPressed.connect(self._make)
        self._noun = ""
        self.show_kind("gene")

    def _build_making(self, whole: QVBoxLayout) -> None:
        self.make_button = QPushButton("Make concept and stain")
        self.make_button.setToolTip(MAKE)
        whole.addWidget(self.make_button)
        self.make_button.clicked.connect(self._make)
        self.normal_button = QPushButton()
        whole.addWidget(self.normal_button)
        self.normal_button.clicked.connect(lambda: self._ask(NORMAL))
        self._asked = ""  # form of the concept that is asked for
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Make no concept of it")
        self.cancel_button.hide()
        whole.addWidget(self.cancel_button)
        self.cancel_button.clicked.connect(self.cancel_wanted)
        self._shown = QTimer(self)  # what takes no time cannot be cancelled
        self._shown.setSingleShot(True)
        self._shown.setInterval(300)
        self._shown.timeout.connect(self.cancel_button.show)
        self._ready: dict[QWidget, bool] = {}
        self._pages: list[QWidget] = [self.ticked_page, self.table_page, self.painted_page]
        for page in self._pages:
            self._ready[page] = False
            page.ready_changed.connect(lambda ready, page=page: self._hear_of_page(page, ready))
        self.tabs.currentChanged.connect(lambda _index: self._show_whether_ready())
        self._show_whether_ready()

    def _genes_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        self.genes = QLineEdit()
        self.genes.setAccessibleName("Genes")
        self.genes.setPlaceholderText("Penk, or Penk, Nrgn, Meis2")
        self.genes.setToolTip("A gene, or several with commas or spaces between them")
        self._gene_names = QStringListModel()
        completer = QCompleter(self._gene_names, self.genes)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(8)
        self.genes.setCompleter(completer)
        self.genes_how = QComboBox()
        self.genes_how.setAccessibleName("Genes to bring along")
        self.genes_how.addItem("and its 49 nearest genes in latent space", "like")
        self.genes_how.addItem("exactly these genes", "items")
        self.genes_how.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.genes_how.setToolTip(
            "One gene can bring its latent neighbours along, as in the paper; several stand alone"
        )
        column.addWidget(self.genes)
        column.addWidget(self.genes_how)
        self.genes.returnPressed.connect(self._make)
        self.genes.textChanged.connect(self._many_genes_stand_alone)
        return page

    def _drawn_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        row = QHBoxLayout()
        self.tools: dict[str, QPushButton] = {}
        group = QButtonGroup(page)
        group.setExclusive(False)
        for tool, (label, explanation) in TOOLS.items():
            button = QPushButton(label)
            button.setCheckable(True)
            button.setToolTip(explanation)
            button.clicked.connect(lambda checked, tool=tool: self._take(tool if checked else ""))
            self.tools[tool] = button
            row.addWidget(button)
        self.clear_button = QPushButton("Clear")
        self.clear_button.setToolTip("Remove what was drawn or picked and is not a concept yet")
        self.clear_button.clicked.connect(self.clear_wanted)
        row.addWidget(self.clear_button)
        column.addLayout(row)
        self.selected = QLabel("No spots chosen: draw around some.")
        self.selected.setWordWrap(True)
        column.addWidget(self.selected)
        return page

    def _annotation_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        self.column = QComboBox()
        self.column.setAccessibleName("Annotation")
        self.value = QComboBox()
        self.value.setAccessibleName("Value of the annotation")
        for choice in (self.column, self.value):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        column.addWidget(self.column)
        column.addWidget(self.value)
        self.column.currentTextChanged.connect(self._fill_values)
        self.value.currentTextChanged.connect(self._explain_value)
        self._fill_values("")
        return page

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_kind(self, noun: str) -> None:
        """Offer what concepts of genes, pictures or patches are made of, by what one of them is called."""
        if noun == self._noun:
            return
        self._noun = noun
        for page in (self.genes_page, self.annotation_page):
            self.tabs.setTabVisible(self.tabs.indexOf(page), noun == "gene")
        for page in (self.ticked_page, self.table_page):
            self.tabs.setTabVisible(self.tabs.indexOf(page), noun == "picture")
        self.tabs.setTabVisible(self.tabs.indexOf(self.painted_page), noun != "gene")
        drawn = self.tabs.indexOf(self.drawn_page)
        self.tabs.setTabVisible(drawn, noun in {"gene", "patch"})
        self.tabs.setTabText(drawn, "Spots" if noun == "gene" else "Drawn")
        self.tools["pick"].setVisible(noun == "gene")
        around = "spots" if noun == "gene" else "a part of the slide"
        self.tools["lasso"].setToolTip(f"Draw freely around {around}: press, move, release")
        self.form_choice.clear()
        for form, explanation in FORMS[noun].items():
            self.form_choice.addItem(form)
            self.form_choice.setItemData(self.form_choice.count() - 1, explanation, Qt.ItemDataRole.ToolTipRole)
        told = ". ".join(f"{form}: {explanation}" for form, explanation in FORMS[noun].items())
        self.form_choice.setToolTip(f"Direction of the concept. {told}")
        self.normal_button.setText(f"Learn normal from {LEARNED_FROM[noun]}")
        self.name.setPlaceholderText("named after its genes or region" if noun == "gene" else "what it shows")
        self.tabs.setCurrentWidget({"gene": self.genes_page, "patch": self.drawn_page}.get(noun, self.ticked_page))
        self.show_selection(0)

    def show_section(self, genes: Sequence[str], annotations: Mapping[str, Sequence[str]]) -> None:
        """Offer the genes and annotations of a section."""
        self._gene_names.setStringList(list(genes))
        self._known = frozenset(genes)
        self._annotations = annotations
        self.column.clear()
        self.column.addItems(list(annotations))
        page = self.tabs.indexOf(self.annotation_page)
        self.tabs.setTabEnabled(page, bool(annotations))
        self.tabs.setTabToolTip(page, "" if annotations else "This file has no annotation of its spots")
        self.show_selection(0)

    def show_selection(self, number: int) -> None:
        """Say how many spots or patches are drawn around or picked."""
        one, several = ("patch", "patches") if self._noun == "patch" else ("spot", "spots")
        self.selected.setText(
            f"{number:,} {one if number == 1 else several} chosen."
            if number
            else f"No {several} chosen: draw around some."
        )

    def show_making(self, making: bool) -> None:
        """Offer before long to cancel what is made, or offer it no more."""
        if making:
            self._shown.start()
        else:
            self._shown.stop()
            self.cancel_button.hide()

    def drop_tools(self) -> None:
        """Show no tool in hand."""
        for button in self.tools.values():
            button.setChecked(False)

    def empty_form(self) -> None:
        """Empty the form for the next concept."""
        self.name.clear()
        self.genes.clear()

    # -- reacting --------------------------------------------------------------------------------------------------

    def _hear_of_page(self, page: QWidget, ready: bool) -> None:
        self._ready[page] = ready
        self._show_whether_ready()

    def _show_whether_ready(self) -> None:
        """A button that would do nothing cannot be pressed, and says why."""
        page = self.tabs.currentWidget()
        ready = self._ready.get(page, True)
        self.make_button.setEnabled(ready)
        self.make_button.setToolTip(MAKE if ready else NOT_READY[self._pages.index(page)])
        self.normal_button.setVisible(page is not self.genes_page)
        self.normal_button.setEnabled(ready)
        self.normal_button.setToolTip(LEARN if ready else NOT_READY[self._pages.index(page)])

    def _take(self, tool: str) -> None:
        for name, button in self.tools.items():
            button.setChecked(name == tool)
        self.tool_wanted.emit(tool)

    def _fill_values(self, column: str) -> None:
        self.value.clear()
        self.value.addItems(list(self._annotations.get(column, ())))
        told = "Annotation of the spots (column of obs)"
        self.column.setToolTip(escape(f"{told}: {column}" if column else told))
        self._explain_value(self.value.currentText())

    def _explain_value(self, value: str) -> None:
        told = "Spots with this value"
        self.value.setToolTip(escape(f"{told}: {value}" if value else told))  # in full, where the box cuts it

    def _many_genes_stand_alone(self, text: str) -> None:
        several = len(genes_in(text, self._known)) > 1
        self.genes_how.setCurrentIndex(1 if several else 0)
        self.genes_how.setEnabled(not several)

    @property
    def form(self) -> Form:
        """The direction that a new concept is to have."""
        form: Form = self.form_choice.currentText()
        return form

    @property
    def _typed(self) -> str:
        return str(self.name.text()).strip()

    def _want_pictures(self, positives: object, negatives: object, wanted: str) -> None:
        self.pictures_wanted.emit(self._typed, positives, negatives, wanted, self._asked)

    def _want_painted(self, layer: str, value: int) -> None:
        self.painted_wanted.emit(self._typed, layer, value, self._asked)

    def _make(self) -> None:
        self._ask(self.form_choice.currentText())

    def _ask(self, form: str) -> None:
        """Ask for a concept of what is given, or take that as normal."""
        name, self._asked = self._typed, form
        page = self.tabs.currentWidget()
        if page is self.genes_page:
            genes = genes_in(self.genes.text(), self._known)
            self.genes_wanted.emit(name, genes, str(self.genes_how.currentData()), form)
        elif page is self.drawn_page:
            self.region_wanted.emit(name, form)
        elif isinstance(page, TickedPage | TablePage | PaintedPage):
            page.make()
        else:
            self.annotation_wanted.emit(name, self.column.currentText(), self.value.currentText(), form)


def genes_in(text: str, known: Container[str]) -> tuple[str, ...]:
    """Gene names in a text, each once: between commas or semicolons, or spaces where no known name has them."""
    parts = [part.strip() for part in re.split("[,;]", text)]
    return tuple(dict.fromkeys(name for part in parts for name in ([part] if part in known else part.split())))
