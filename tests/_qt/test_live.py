"""The map follows what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.region import Region
from conceptstain.concepts.definition import Definition
from conceptstain.methods.finding import Finding
from conceptstain.methods.map_settings import MapSettings
from walking import Walk

pytestmark = pytest.mark.gui


def test_the_map_follows_a_lasso_while_it_is_drawn(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.rest()
    assert dock.drawing.live.painted >= 1
    assert walk.names[-1] == "selection - decoded"
    assert dock.study.findings == ()
    region = dock.painter.selection("selection")
    assert region is not None
    expected = dock.study.preview(Definition("selection", region=region), "decoded")
    shown = walk.viewer.layers["selection - decoded"].features["value"]
    np.testing.assert_allclose(shown, dock.study.need_canvas().place(expected.mean()), atol=1e-5)
    walk.click(dock.concepts.maker.clear_button)
    assert not walk.viewer.layers["selection - decoded"].visible
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.rest()
    walk.click(dock.concepts.maker.make_button)
    assert walk.names[-1] == "region - decoded"
    assert "selection - decoded" not in walk.names
    assert walk.told == []


def test_without_live_nothing_is_painted_before_a_concept_is_made(on_sample: Walk) -> None:
    walk, dock = on_sample, on_sample.dock
    dock.maps.live.setChecked(False)
    centre = dock.study.need_canvas().section.spots.mean(axis=0)
    walk.draw_lasso((float(centre[0]), float(centre[1])), 900.0)
    walk.rest()
    assert dock.drawing.live.painted == 0


def test_the_next_map_is_begun_before_the_one_before_is_painted(
    on_sample: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, canvas = on_sample.dock, on_sample.dock.study.need_canvas()
    live, maps = dock.drawing.live, dock.painter.maps
    dock.painter.maps.prepare_live()
    begun: list[bool] = []
    show = maps.show_live

    def note(finding: Finding, canvas: GenePictures) -> None:
        begun.append(live._running is not None)
        show(finding, canvas)

    monkeypatch.setattr(maps, "show_live", note)
    regions = [Region.from_obs("layer", layer) for layer in ("GCL", "MCL", "EPL")]
    for region in regions:  # the second is never begun: the third has taken its place
        live.follow(Definition("selection", region=region), "decoded", MapSettings())
    on_sample.rest()
    assert begun == [True, False]
    expected = dock.study.preview(Definition("selection", region=regions[-1]), "decoded")
    shown = on_sample.viewer.layers["selection - decoded"].features["value"]
    np.testing.assert_array_equal(shown, canvas.place(expected.mean()))
