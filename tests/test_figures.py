"""Figures: drawn from data, nothing clipped, text that stays text, equal bytes for equal data."""

from __future__ import annotations

import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import EllipseCollection

from conceptstain.errors import InputError
from conceptstain.figure_parts import common_power, fitted_text, length_text, scale_bar_length
from conceptstain.figures import FigureSettings, figure, save_figure
from conceptstain.methods.attribution import Attribution
from conceptstain.painting import painting
from factories import tiny_section
from strategies import laws

section = tiny_section(with_image=True)
canvas = section.view("genes")


def a_map(name="inner", method="decoded", *, signed=True, factor=1.0):
    values = factor * np.random.default_rng(0).normal(size=(1, *canvas.shape))
    return Attribution(method, name, values if signed else np.abs(values), (), signed)


def spots_of(drawn):
    return [found for axes in drawn.axes for found in axes.collections if isinstance(found, EllipseCollection)]


def texts_of(drawn):
    """All texts that are seen."""
    drawn.draw_without_rendering()
    texts = [text for axes in drawn.axes for text in axes.texts]
    texts += [
        text for axes in drawn.axes for text in axes.findobj(mpl.text.Text) if text.get_text() == axes.get_title("left")
    ]
    for axes in drawn.axes:
        if axes.axison:
            texts += [*axes.get_xticklabels(), axes.xaxis.label]
    return [text for text in texts if text.get_text() and text.get_visible()]


def test_every_thing_has_a_panel_with_a_title():
    drawn = figure(canvas, a_map(), a_map("outer"), "Gene3")
    titles = [axes.get_title("left") for axes in drawn.axes if axes.get_title("left")]
    assert titles == ["inner - decoded", "outer - decoded", "Gene3 - expression"]
    assert len(spots_of(drawn)) == 3


def test_spots_have_their_places_their_true_diameter_and_their_colours():
    made = a_map()
    (spots,) = spots_of(figure(canvas, made))
    np.testing.assert_array_equal(spots.get_offsets(), section.spots[:, ::-1])
    np.testing.assert_allclose(spots.get_widths(), section.spot_diameter)
    np.testing.assert_allclose(spots.get_facecolors(), painting(made, canvas).colours, atol=1e-6)
    assert (np.asarray(spots.get_linewidths()) == 0).all()


def test_a_micrometre_is_as_long_across_as_down():
    panel = figure(canvas, a_map()).axes[0]
    box = panel.get_window_extent()
    (left, right), (bottom, top) = panel.get_xlim(), panel.get_ylim()
    assert box.width / (right - left) == pytest.approx(box.height / (bottom - top))


def test_the_scale_bar_is_as_long_as_it_says():
    drawn = figure(canvas, a_map())
    panel, below = drawn.axes[:2]
    (bar,) = [found for found in below.collections if found.get_gid() == "scale-bar"]
    outline = bar.get_paths()[0].vertices
    ends = [below.transData.transform((x, 0))[0] for x in (outline[:, 0].min(), outline[:, 0].max())]
    per_world = panel.get_window_extent().width / np.ptp(panel.get_xlim())
    (said,) = [text.get_text() for text in below.texts]
    assert said == "200 µm"
    assert (ends[1] - ends[0]) / per_world == pytest.approx(200)


@laws
@given(st.floats(1e-3, 1e7))
def test_a_scale_bar_is_round_and_fits(width):
    length = scale_bar_length(width)
    assert 0.1 * width <= length <= 0.3 * width
    assert f"{length:.0e}"[0] in "125"
    assert float(f"{length:.0e}") == pytest.approx(length)


@pytest.mark.parametrize(
    ("length", "unit", "text"),
    [
        (500, "µm", "500 µm"),
        (1000, "µm", "1 mm"),
        (2000, "µm", "2 mm"),
        (2000, "px", "2,000 px"),
        (0.5, "µm", "0.5 µm"),
    ],
)
def test_lengths_are_written_for_people(length, unit, text):
    assert length_text(length, unit) == text


def test_a_section_in_pixels_has_a_scale_bar_in_pixels():
    in_pixels = replace(section, unit="px").view("genes")
    assert "200 px" in [text.get_text() for text in texts_of(figure(in_pixels, a_map()))]


def test_the_colour_bar_says_its_limits_and_its_label():
    made = a_map()
    low, high = painting(made, canvas).limits
    texts = [text.get_text() for text in texts_of(figure(canvas, made))]
    assert {f"\N{MINUS SIGN}{high:.2g}", "0", f"{high:.2g}"} <= set(texts)
    assert low == -high
    assert "dec(z + d) \N{MINUS SIGN} dec(z \N{MINUS SIGN} d)" in texts


def test_tiny_values_have_their_power_of_ten_in_the_label():
    texts = [text.get_text() for text in texts_of(figure(canvas, a_map(factor=1e-8)))]
    assert any(text.endswith("(× 10⁻⁸)") for text in texts)
    assert not any("e" in text for text in texts if re.fullmatch(r"[\d.e\N{MINUS SIGN}-]+", text))


@pytest.mark.parametrize(("largest", "power"), [(0.0, 0), (1.0, 0), (0.012, 0), (0.0012, -3), (9999, 0), (12345, 4)])
def test_a_power_of_ten_is_taken_out_only_of_long_numbers(largest, power):
    assert common_power(largest) == power


@pytest.mark.parametrize("things", [(), (a_map(),), (a_map("a concept with a very, very long name indeed"), "Gene1")])
@pytest.mark.parametrize("width", [1.2, 2.2])
@pytest.mark.parametrize("factor", [1.0, 1e-8, 314.0])
def test_no_text_is_clipped_or_runs_into_its_neighbour(things, width, factor):
    things = [a_map(thing.name, factor=factor) if isinstance(thing, Attribution) else thing for thing in things]
    drawn = figure(canvas, *things, settings=FigureSettings(panel_width=width))
    whole = drawn.bbox
    boxes = [text.get_window_extent() for text in texts_of(drawn)]
    for box in boxes:
        assert whole.x0 <= box.x0
        assert box.x1 <= whole.x1
        assert whole.y0 <= box.y0
        assert box.y1 <= whole.y1
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_a_long_text_becomes_smaller_before_it_is_shortened():
    text, size = fitted_text("gradient of the concept score", 10.0, 7.0)
    assert (text, size) == ("gradient of the concept score", 7.0)
    text, size = fitted_text("gradient of the concept score", 1.4, 7.0)
    assert text == "gradient of the concept score"
    assert 5.25 <= size < 7.0
    text, size = fitted_text("gradient of the concept score", 0.5, 7.0)
    assert text.endswith("…")


def test_a_dollar_in_a_name_is_a_dollar():
    drawn = figure(canvas, a_map("cost $x_1$"))
    drawn.draw_without_rendering()
    assert drawn.axes[0].get_title("left") == "cost $x_1$ - decoded"
    assert not any(text.get_parse_math() for text in texts_of(drawn) if "$" in text.get_text())


def test_rows_are_filled_evenly():
    drawn = figure(canvas, *[a_map()] * 5)
    panels = [axes.get_position() for axes in drawn.axes if axes.get_title("left")]
    assert len({round(panel.y0, 3) for panel in panels}) == 2
    assert len({round(panel.x0, 3) for panel in panels}) == 3


def test_the_tissue_lies_under_the_spots_where_the_section_says():
    marked = np.full_like(section.image.pixels, 255)
    row, column = 30, 42
    marked[row - 1 : row + 2, column - 1 : column + 2] = 0
    shown = replace(section, image=replace(section.image, pixels=marked)).view("genes")
    settings = FigureSettings(tissue_opacity=1.0, image_dpi=400)
    (image,) = figure(shown, a_map(), settings=settings).axes[0].images
    dark = 255.0 - image.get_array()[..., 0]
    left, right, bottom, top = image.get_extent()
    rows, columns = np.indices(dark.shape)
    y = top + (bottom - top) * ((rows + 0.5) * dark).sum() / dark.sum() / dark.shape[0]
    x = left + (right - left) * ((columns + 0.5) * dark).sum() / dark.sum() / dark.shape[1]
    expected = (section.image.to_world @ [row, column, 1])[:2]
    assert [y, x] == pytest.approx(expected, abs=2.0)


def test_without_tissue_there_is_no_picture():
    assert not figure(canvas, a_map(), settings=FigureSettings(tissue=False)).axes[0].images
    assert not figure(tiny_section().view("genes"), a_map()).axes[0].images


def test_a_section_alone_is_its_bare_spots():
    drawn = figure(section)
    assert len(spots_of(drawn)) == 1
    assert drawn.axes[0].get_title("left") == "tiny"


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_equal_figures_are_equal_files(tmp_path, ending):
    first = save_figure(figure(canvas, a_map(), "Gene2"), tmp_path / f"first{ending}")
    second = save_figure(figure(canvas, a_map(), "Gene2"), tmp_path / f"second{ending}")
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 5000


def test_an_svg_has_live_text_and_no_pixels_but_the_tissue(tmp_path):
    content = save_figure(figure(canvas, a_map()), tmp_path / "map.svg").read_text()
    assert re.search(r"<text[^>]*>inner - decoded</text>", content)
    assert content.count("<image") == 1
    assert "<dc:date>" not in content


def test_a_pdf_has_text_that_can_be_edited(tmp_path):
    content = save_figure(figure(canvas, a_map()), tmp_path / "map.pdf").read_bytes()
    assert b"/Subtype /Type0" in content  # TrueType (42) rather than drawn outlines (3)
    assert b"/CreationDate" not in content


def test_writing_leaves_the_settings_of_matplotlib_alone(tmp_path):
    before = dict(mpl.rcParams)
    save_figure(figure(canvas, a_map()), tmp_path / "map.svg")
    assert dict(mpl.rcParams) == before


def test_another_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.svg, \.pdf, \.png"):
        save_figure(figure(section), tmp_path / "map.jpg")


def test_as_many_titles_as_things():
    with pytest.raises(InputError, match="1 titles for 2 panels"):
        figure(canvas, a_map(), "Gene1", titles=["one"])


@pytest.mark.parametrize("wrong", [{"panel_width": 0}, {"columns": 0}, {"image_dpi": -1}])
def test_sizes_that_make_no_figure_are_refused(wrong):
    with pytest.raises(InputError):
        FigureSettings(**wrong)
