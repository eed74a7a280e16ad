"""A form for what a fit makes small beside the reconstruction; it shows the weights that the choice listens to."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from conceptstain.nets.objectives import OBJECTIVES, Objective, ObjectiveName

__all__ = ["ObjectiveForm"]

TOLD: dict[ObjectiveName, str] = {
    "vae": "Reconstruction and divergence, nothing more",
    "beta-vae": "The divergence weighs more: simpler latents, blurrier pictures (Higgins et al. 2017)",
    "factor-vae": "Latents are made independent by a discriminator beside the network: takes several times as long "
    "(Kim & Mnih 2018)",
    "ad-factor-vae": "The same, and the attention maps of different latents are kept apart (Liu et al. 2020)",
}
NO_PLACES = "This network has no convolution, so its latents have no attention maps"
OF_SPOTS = "Encoders of spots are fitted as plain VAEs here; cs.fit takes an objective for them"
DEFAULT = Objective()


class ObjectiveForm(QWidget):
    """Reads as an :class:`~conceptstain.nets.objectives.Objective`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.name = QComboBox()
        self.name.setAccessibleName("Objective")
        self.name.setToolTip("What training makes small. " + ". ".join(f"{key}: {text}" for key, text in TOLD.items()))
        for number, objective in enumerate(OBJECTIVES):
            self.name.addItem(objective)
            self.name.setItemData(number, TOLD[objective], 3)
        self.beta = _weight("β ", DEFAULT.beta, "Weight of the divergence; 1: the plain VAE")
        self.gamma = _weight(
            "γ ", DEFAULT.gamma, "Weight of the total correlation; 10 to 40 are usual for pictures of 64 pixels"
        )
        self.attention_weight = _weight(
            "λ ",
            DEFAULT.attention_weight,
            "Weight of the overlap of attention maps. Too much of it and the maps die: watch their mass",
        )
        self.layer = QLineEdit()
        self.layer.setAccessibleName("Layer of the attention maps")
        self.layer.setPlaceholderText("conv3")
        self.layer.setToolTip("Whose maps are kept apart, such as conv2; empty: the third convolution, or the last")
        weights = QHBoxLayout()
        for field in (self.beta, self.gamma, self.attention_weight, self.layer):
            weights.addWidget(field, 1)
        column.addWidget(self.name)
        column.addLayout(weights)
        self.name.currentTextChanged.connect(self._show_weights)
        self._show_weights()

    @property
    def objective(self) -> Objective:
        """What is chosen."""
        name: ObjectiveName = OBJECTIVES[self.name.currentIndex()]
        return Objective(
            name,
            beta=self.beta.value(),
            gamma=self.gamma.value(),
            attention_weight=self.attention_weight.value(),
            attention_layer=self.layer.text().strip() or None,
        )

    def offer(self, *, places: bool, of_spots: bool) -> None:
        """Offer what a network can learn; what it cannot is grey, with the reason."""
        for number, objective in enumerate(OBJECTIVES):
            reason = ""
            if of_spots and objective != DEFAULT.name:
                reason = OF_SPOTS
            elif not places and Objective(objective).attends:
                reason = NO_PLACES
            item = self.name.model().item(number)
            item.setEnabled(not reason)
            item.setToolTip(reason or TOLD[objective])
        if not self.name.model().item(self.name.currentIndex()).isEnabled():
            self.name.setCurrentIndex(OBJECTIVES.index(DEFAULT.name))

    def _show_weights(self) -> None:
        chosen = self.objective
        self.beta.setVisible(chosen.name == "beta-vae")
        self.gamma.setVisible(chosen.factorises)
        self.attention_weight.setVisible(chosen.attends)
        self.layer.setVisible(chosen.attends)


def _weight(prefix: str, value: float, explanation: str) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setPrefix(prefix)
    field.setRange(0, 10_000)
    field.setDecimals(2)
    field.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    field.setValue(value)
    field.setToolTip(explanation)
    field.setAccessibleName(explanation.partition(";")[0].partition(".")[0])
    return field
