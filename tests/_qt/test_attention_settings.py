"""What can be chosen about attention in the Maps card."""

from __future__ import annotations

from conceptstain._qt.maps_panel import MapsPanel
from conceptstain.methods.map_settings import MapSettings


def test_below_the_first_latent_lie_all_of_them(qtbot):
    panel = MapsPanel()
    qtbot.addWidget(panel)
    panel.show_choice("attention", MapSettings(3, attention="released"))
    assert panel.chosen == ("attention", MapSettings(3, attention="released"))
    with qtbot.waitSignal(panel.map_wanted) as wanted:
        panel.latent.setValue(panel.latent.minimum())
    assert panel.latent.text() == "all latents"
    assert wanted.args == ["attention", MapSettings(None, attention="released")]
    panel.show_choice("attention", MapSettings(None))
    assert panel.chosen == ("attention", MapSettings(None))


def test_by_default_it_is_the_first_latent_as_in_the_paper(qtbot):
    panel = MapsPanel()
    qtbot.addWidget(panel)
    assert panel.chosen[1] == MapSettings()
    assert panel.latent.isHidden()
    assert panel.attention.isHidden()
