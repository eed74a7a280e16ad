"""The curves of a training, drawn while it runs: the loss, each of its terms, or all of them together."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from conceptstain._qt.plots import LossPlot

__all__ = ["TrainingPlot"]

LOSS, ALL = "loss", "all terms"
TOLD = {
    LOSS: "Mean loss of each epoch: on what is learned from, and the plain one on what is held out",
    ALL: "Every term, each between its own lowest and highest value; its last value is in the legend",
    "reconstruction": "How badly items are redrawn",
    "divergence": "How far latents are from the prior: what they say of their items, in nats",
    "total correlation": "How far latents are from independent, in nats, as the discriminator estimates it",
    "attention overlap": "Overlap of the attention maps of two latents: 0 apart, 1 the same",
    "attention mass": "Mean of the attention maps. Where it falls to 0 the maps are dead, and a small overlap means "
    "nothing; it is watched only",
    "discriminator accuracy": "How often the discriminator is right; 0.5 is chance. It is watched only",
}


class TrainingPlot(QWidget):
    """A choice of curves above their plot; what is chosen stays chosen in the next training."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self.choice = QComboBox()
        self.choice.setAccessibleName("Which curves")
        self.choice.setToolTip("Which curves of the training are drawn")
        self.plot = LossPlot()
        column.addWidget(self.choice)
        column.addWidget(self.plot)
        self._curves: dict[str, list[float]] = {}
        self._offer()
        self.choice.currentTextChanged.connect(self._draw)

    def clear(self) -> None:
        """Forget the curves."""
        self._curves = {}
        self._draw()

    def add(self, values: Mapping[str, float]) -> None:
        """One epoch more."""
        is_first = not self._curves
        for name, value in values.items():
            self._curves.setdefault(name, []).append(value)
        if is_first:
            self._offer()
        self._draw()

    def _offer(self) -> None:
        """The curves there are, with the choice kept where it is among them."""
        chosen = self.choice.currentText()
        terms = [name for name in self._curves if LOSS not in name]
        self.choice.blockSignals(True)
        self.choice.clear()
        for number, name in enumerate((LOSS, ALL, *terms)):
            self.choice.addItem(name)
            self.choice.setItemData(number, TOLD.get(name, ""), 3)
        self.choice.setCurrentIndex(max(self.choice.findText(chosen), 0))
        self.choice.blockSignals(False)
        self.choice.setVisible(bool(terms))

    def _draw(self) -> None:
        chosen = self.choice.currentText()
        self.plot.setToolTip(TOLD.get(chosen, chosen))
        if chosen == ALL:
            self.plot.draw_scaled({name: values for name, values in self._curves.items() if LOSS not in name})
        elif chosen == LOSS:
            self.plot.draw_curves({name: values for name, values in self._curves.items() if LOSS in name})
        else:
            self.plot.draw_curves({chosen: self._curves.get(chosen, [])})
