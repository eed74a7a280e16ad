"""A form for a network of the user's own: the function that builds it, and its weights."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

__all__ = ["OwnNetwork"]

WEIGHTS = "Weights (*.safetensors)"
NO_WEIGHTS = "Weights…"


class OwnNetwork(QWidget):
    """Emits what is to be built; naming a function runs its code, which the form says."""

    wanted = Signal(str, object)  # "package.module:build", and a file of weights or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.told = QLabel(
            "A function of your own that builds a network, without arguments. <b>Its code is run.</b> "
            "A network saved by torch.export (.pt2) runs no code: use Load… for it."
        )
        self.told.setWordWrap(True)
        self.function = QLineEdit()
        self.function.setAccessibleName("Function that builds the network")
        self.function.setPlaceholderText("package.module:build")
        self.function.setToolTip("Name of an importable module and a function in it; it returns a torch.nn.Module")
        self.weights_button = QPushButton(NO_WEIGHTS)
        self.weights_button.setToolTip("A .safetensors file with the weights of the network; none: as it is built")
        self.use_button = QPushButton("Build and use")
        self.use_button.setToolTip("Import the module, call the function, and use the network as the encoder")
        self.use_button.setEnabled(False)
        row = QHBoxLayout()
        row.addWidget(self.weights_button)
        row.addWidget(self.use_button)
        column.addWidget(self.told)
        column.addWidget(self.function)
        column.addLayout(row)
        self._weights: Path | None = None
        self.function.textChanged.connect(lambda text: self.use_button.setEnabled(bool(text.strip())))
        self.function.returnPressed.connect(self._use)
        self.weights_button.clicked.connect(self._ask_for_weights)
        self.use_button.clicked.connect(self._use)
        self.hide()

    def _ask_for_weights(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Weights of the network", "", WEIGHTS)
        self._weights = Path(path) if path else None
        self.weights_button.setText(self._weights.name if self._weights else NO_WEIGHTS)

    def _use(self) -> None:
        if self.function.text().strip():
            self.wanted.emit(self.function.text().strip(), self._weights)
