"""Figures of links: what is as it was, what comes back, and the measures."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from conceptstain.errors import InputError, MismatchError
from conceptstain.link_figures import CEILING, LINK, SHUFFLED, link_figure
from conceptstain.methods.link import Link
from conceptstain.methods.linking import link
from gans import tiny_gan
from linear_worlds import World, linear_world


@pytest.fixture(scope="module")
def scene() -> tuple[World, Link]:
    world = linear_world()
    return world, link(world.classifier, world.encoder, world.canvas, labels=world.labels)


def axes_of(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.findobj(Axes) if isinstance(axes, Axes)]


def test_pictures_come_back_as_they_were_and_say_what_they_are_taken_for(scene: tuple[World, Link]) -> None:
    world, made = scene
    items = [3, 0, 7]
    panels = axes_of(link_figure(made, world.classifier, world.encoder, world.canvas, items))
    shown = [axes for axes in panels if axes.get_images()]
    assert len(shown) == 9
    pictures = [np.asarray(axes.get_images()[0].get_array())[..., 0] for axes in shown]
    for column, item in enumerate(items):
        own = world.canvas.inputs([item])[0, 0]
        for row in range(3):  # as it is, of its own latent, of the linked one: here all are the same
            np.testing.assert_allclose(pictures[3 * row + column], own, atol=1e-4)
        name = world.classifier.classes[world.classifier.predictions(world.canvas, [item])[0]]
        assert shown[column].get_xlabel().startswith(f"{name} (")


def test_every_measure_is_drawn_where_it_lies(scene: tuple[World, Link]) -> None:
    world, made = scene
    figure = link_figure(made, world.classifier, world.encoder, world.canvas)
    below = next(axes for axes in axes_of(figure) if axes.get_legend() is not None)
    measures = made.quality.measures
    assert [text.get_text() for text in below.get_yticklabels()] == list(measures)
    for colour, means in {
        LINK: [each.value.mean for each in measures.values()],
        SHUFFLED: [each.shuffled.mean for each in measures.values()],
        CEILING: [each.ceiling.mean for each in measures.values() if each.ceiling is not None],
    }.items():
        (points,) = [line for line in below.get_lines() if line.get_color() == colour and line.get_marker() != "None"]
        np.testing.assert_allclose(points.get_xdata(), means)


def test_what_is_drawn_of_a_generator_without_an_encoder_is_shown(scene: tuple[World, Link]) -> None:
    world, made = scene
    drawn = link_figure(made, world.classifier, world.encoder, most=4)
    assert len([axes for axes in axes_of(drawn) if axes.get_images()]) == 8
    with pytest.raises(MismatchError, match="another generator"):
        link_figure(made, world.classifier, tiny_gan())
    with pytest.raises(InputError, match="shows pictures"):
        link_figure(made, world.classifier, world.encoder, most=0)
