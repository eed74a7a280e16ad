"""What is drawn of units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classes import squares
from conceptstain.canvas.image_set import ImageSet
from conceptstain.canvas.painted_labels import painted_labels
from conceptstain.errors import InputError
from conceptstain.figures import save_figure
from conceptstain.methods.dissecting import dissect
from conceptstain.methods.dissection import Dissection
from conceptstain.methods.unit_maps import unit_mask, unit_peaks
from conceptstain.nets.encoder import Encoder
from conceptstain.unit_figures import unit_figure
from factories import tiny_encoder, tiny_profile_encoders, tiny_section

Dissected = tuple[Dissection, Encoder, ImageSet]


@pytest.fixture(scope="module")
def dissected() -> Dissected:
    canvas, _, masks = squares(12)
    encoder = tiny_encoder((1, 16, 16), scaling="unit")
    maps = painted_labels(canvas, masks, names=["", "bright", "dark"])
    return dissect(encoder, "conv2", canvas, maps, quantile=0.1), encoder, canvas


def test_a_row_shows_what_excites_its_unit_most_outside_darkened(dissected: Dissected) -> None:
    found, encoder, canvas = dissected
    drawing = unit_figure(found, encoder, canvas, units=[2, 0], each=3)
    assert len(drawing.axes) == 6
    peaks = unit_peaks(encoder, "conv2", canvas)
    best = int(peaks[:, 2].argmax())
    mask = unit_mask(found, encoder, canvas, 2, [best])[0]
    shown = np.asarray(drawing.axes[0].images[0].get_array())[..., 0]
    picture = canvas.inputs([best])[0, 0]
    assert mask.any()
    np.testing.assert_allclose(shown[mask], picture[mask], atol=1e-6)
    np.testing.assert_allclose(shown[~mask], picture[~mask] / 2, atol=1e-6)
    told = [text.get_text() for text in drawing.texts]
    assert told[0] == found.title
    assert told[1].startswith("unit 2: ")
    assert f"IoU {found.iou[2].max():.3f}" in told[1]


def test_of_each_label_the_best_unit_is_shown(dissected: Dissected) -> None:
    found, encoder, canvas = dissected
    drawing = unit_figure(found, encoder, canvas, most=9, each=1, items=[3, 5], title="")
    names = [text.get_text().split(": ")[1].split(" (")[0] for text in drawing.texts]
    assert len(names) == len(set(names)) == len({found.labels[each].name for each in found.best})
    assert drawing.texts[0].get_text().startswith(f"unit {found.table().index[0]}: ")


def test_figures_of_units_are_written(dissected: Dissected, tmp_path: Path) -> None:
    found, encoder, canvas = dissected
    one, other = (
        save_figure(unit_figure(found, encoder, canvas, most=1, each=1), tmp_path / f"{name}.svg") for name in "ab"
    )
    assert one.read_bytes() == other.read_bytes()
    assert save_figure(unit_figure(found, encoder, canvas, most=1, each=1), tmp_path / "a.pdf").stat().st_size > 0


def test_what_cannot_be_drawn_is_refused(dissected: Dissected) -> None:
    found, encoder, canvas = dissected
    for wrong in ({"units": [9]}, {"units": []}, {"each": 0}, {"items": []}):
        with pytest.raises(InputError):
            unit_figure(found, encoder, canvas, **wrong)  # type: ignore[arg-type]
    spots = tiny_section().view("spots")
    with pytest.raises(InputError, match="no pictures"):
        unit_figure(found, tiny_profile_encoders(spots.features, 1)[0], spots)
