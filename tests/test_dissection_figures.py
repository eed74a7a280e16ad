"""What is drawn of dissections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from conceptstain.dissection_figures import detector_curves, detector_figure, draw_detectors
from conceptstain.errors import InputError
from conceptstain.figures import save_figure
from conceptstain.methods.dissection_controls import DissectionControls
from dissections import of_ious

NOSES = of_ious((0.3, 0.0, 0.1, 0.0), (0.2, 0.0, 0.0, 0.15), (0.0, 0.0, 0.0, 0.15), groups=4)
NOTHING = of_ious((0.01, 0.0, 0.0, 0.0), layer="first", groups=4)
BESIDE = DissectionControls(NOSES, {"rotated": (NOTHING, NOSES), "untrained": (NOTHING,)})


def bars(axes: Axes) -> list[float]:
    """Lengths, from the top down."""
    found = [(each.get_y(), each.get_width()) for each in axes.patches if isinstance(each, Rectangle)]
    return [length for _, length in sorted(found)]


def words(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def shown_from_top(axes: Axes) -> bool:
    bottom, top = axes.get_ylim()
    return bottom > top


def test_bars_of_a_dissection_lie_beside_its_controls_category_by_category() -> None:
    (axes,) = detector_figure(BESIDE, title="Faces $1").axes
    assert words(axes) == ["all", "part", "material"]
    assert bars(axes) == [3, 1.5, 0, 1, 0.5, 0, 2, 1, 0]
    assert shown_from_top(axes)
    assert [text.get_text() for text in axes.texts][:3] == ["3", "1.5", "0"]
    ranges = [tuple(np.asarray(line.get_xdata())) for line in axes.lines]
    assert ranges == [(0, 3), (0, 1), (0, 2)]  # of draws that differ; of one draw, or equal groups, there is none
    (axes,) = detector_figure(BESIDE, counted="detectors").axes
    assert bars(axes)[:3] == [3, 1.5, 0]


def test_several_dissections_have_a_panel_for_every_category() -> None:
    drawing = detector_figure({"deep": BESIDE, "shallow": NOTHING}, least=0.2)
    assert [axes.get_title(loc="left") for axes in drawing.axes] == ["all", "part", "material"]
    assert words(drawing.axes[0]) == ["deep", "shallow"]
    assert bars(drawing.axes[1]) == [1, 0.5, 0, 0]
    (legend,) = drawing.legends
    assert [text.get_text() for text in legend.get_texts()] == ["trained", "rotated", "untrained"]
    with pytest.raises(InputError, match="not counted"):
        detector_figure(NOSES, counted="units")  # type: ignore[arg-type]


def test_a_series_is_drawn_where_its_members_lie() -> None:
    drawing = detector_curves({8: BESIDE, 0: NOTHING, 2.5: NOSES}, along="epoch")
    all_of_them = {str(line.get_label()): line for line in drawing.axes[0].lines}
    np.testing.assert_allclose(all_of_them["trained"].get_xdata(), [0, 2.5, 8])
    np.testing.assert_allclose(all_of_them["trained"].get_ydata(), [0, 3, 3])
    np.testing.assert_allclose(all_of_them["rotated"].get_xdata(), [8])
    assert drawing.axes[0].get_xlabel() == "epoch"


def test_bars_are_drawn_on_axes_of_a_window_and_told_in_words() -> None:
    axes = Figure().add_subplot()
    told = draw_detectors(axes, BESIDE, ink="#ffffff", colour="#123456")
    assert "trained 3, rotated 1.5, untrained 0" in told
    assert bars(axes)[:3] == [3, 1.5, 0]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["trained", "rotated", "untrained"]


def test_equal_figures_are_equal_files_with_live_text(tmp_path: Path) -> None:
    one, other = (save_figure(detector_figure(BESIDE, title="Faces $1"), tmp_path / f"{each}.svg") for each in "ab")
    assert one.read_bytes() == other.read_bytes()
    assert "Faces $1" in one.read_text(encoding="utf-8")
