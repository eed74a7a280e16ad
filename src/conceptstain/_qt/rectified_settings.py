"""What can be chosen about the rectified gradient: a row of the Maps card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QHBoxLayout, QWidget

from conceptstain.methods.map_settings import VARIANTS, MapSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RectifiedSettings"]

PADDING = "Set the border of gradients to 0 before each padded convolution, as the released code does"
VARIANT = "Which signal passes a layer"


class RectifiedSettings(QWidget):
    """Percentile, or the threshold of the variant that has no percentile; variant; padding."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        usual = MapSettings()
        self.percentile, self.threshold = QDoubleSpinBox(), QDoubleSpinBox()
        self.percentile.setRange(0, 100)
        self.percentile.setDecimals(1)
        self.percentile.setValue(usual.percentile)
        self.percentile.setPrefix("q ")
        self.percentile.setAccessibleName("Percentile")
        self.percentile.setToolTip("How much of the signal at each layer is stopped, in percent. The paper uses 95")
        self.threshold.setRange(-1e9, 1e9)
        self.threshold.setDecimals(6)
        self.threshold.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.threshold.setValue(usual.threshold)
        self.threshold.setAccessibleName("Threshold")
        self.threshold.setToolTip("What the product of gradient and activation has to exceed. The released code uses 0")
        self.variant = QComboBox()
        self.variant.setAccessibleName("Variant of the rectified gradient")
        for name, explanation in VARIANTS.items():
            self.variant.addItem(name, name)
            self.variant.setItemData(self.variant.count() - 1, explanation, Qt.ItemDataRole.ToolTipRole)
        self.padding = QCheckBox("padding")
        self.padding.setAccessibleName("Border rule of padded convolutions")
        self.padding.setToolTip(PADDING)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for spin in (self.percentile, self.threshold):
            spin.setKeyboardTracking(False)
            spin.setMinimumWidth(60)
            row.addWidget(spin, 1)
            spin.valueChanged.connect(self.changed)
        row.addWidget(self.variant, 1)
        row.addWidget(self.padding)
        self.variant.currentIndexChanged.connect(self._choose_variant)
        self.padding.toggled.connect(self.changed)
        self._explain_variant()
        self.hide()

    @property
    def settings(self) -> MapSettings:
        """What is chosen here; the other settings as they are by default."""
        return MapSettings(
            percentile=self.percentile.value(),
            variant=self.variant.currentData(),
            threshold=self.threshold.value(),
            padding=self.padding.isChecked(),
        )

    def show_choice(self, settings: MapSettings) -> None:
        """Show these settings as the chosen ones; nothing is asked for."""
        with (
            QSignalBlocker(self.percentile),
            QSignalBlocker(self.threshold),
            QSignalBlocker(self.variant),
            QSignalBlocker(self.padding),
        ):
            self.percentile.setValue(settings.percentile)
            self.threshold.setValue(settings.threshold)
            self.variant.setCurrentIndex(self.variant.findData(settings.variant))
            self.padding.setChecked(settings.padding)
        self._explain_variant()

    def show_refusals(self, refusals: Mapping[str, str | None]) -> None:
        """Grey out what the encoder does not support, with the reason as tooltip; nothing is asked for.

        ``refusals`` as from :func:`conceptstain.methods.saliency.supported_rules`. What was chosen and is refused goes
        back to the default.
        """
        for row, (name, explanation) in enumerate(VARIANTS.items()):
            reason = refusals.get(f"rectified, {name}")
            item = self.variant.model().item(row)
            item.setEnabled(reason is None)
            item.setToolTip(explanation if reason is None else f"Not with this encoder: {reason}")
        reason = refusals.get("rectified, padding")
        self.padding.setEnabled(reason is None)
        self.padding.setToolTip(PADDING if reason is None else f"Not with this encoder: {reason}")
        if not self.variant.model().item(self.variant.currentIndex()).isEnabled():
            with QSignalBlocker(self.variant):
                self.variant.setCurrentIndex(0)
        if reason is not None:
            with QSignalBlocker(self.padding):
                self.padding.setChecked(False)
        self._explain_variant()

    def _choose_variant(self) -> None:
        self._explain_variant()
        self.changed.emit()

    def _explain_variant(self) -> None:
        chosen = self.variant.currentData()
        self.percentile.setVisible(chosen != "constant")
        self.threshold.setVisible(chosen == "constant")
        self.variant.setToolTip(
            f"{VARIANT}. {chosen.capitalize()}: {VARIANTS[chosen][0].lower()}{VARIANTS[chosen][1:]}"
        )
