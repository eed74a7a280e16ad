"""Networks of the user's own in the dock: built by a function, or exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from pictures import noise, write_picture
from walking import Walk

pytestmark = pytest.mark.gui

FACTORY = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


def test_a_function_of_the_users_builds_the_encoder(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_network.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    for number in range(6):
        write_picture(tmp_path / "set" / f"{number}.png", noise(32, 32, 3, seed=number))
    dock = walk.dock
    walk.settled(lambda: dock.opening.open(tmp_path / "set"))
    dock.model.unfold()
    walk.click(dock.model.own_button)
    form = dock.model.own_network
    assert form.isVisible()
    assert not form.use_button.isEnabled()
    walk.qtbot.keyClicks(form.function, "my_network:nothing")
    walk.click(form.use_button)
    assert "nothing" in walk.told.pop()
    assert dock.study.encoder is not None
    assert dock.study.encoder.name == "histology-patches"  # the one in use stays
    form.function.clear()
    walk.qtbot.keyClicks(form.function, "my_network:build")
    walk.click(form.use_button)
    assert walk.told == []
    assert dock.study.encoder.latent == 4
    assert "4 latents" in dock.model.state
    assert not dock.maps.map.model().item(dock.maps.map.findData("decoded")).isEnabled()
