"""Files written by spatialdata open in ours; skipped where the extra is not installed."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

from conceptstain.canvas.reading import open_section, sections
from conceptstain.errors import ReadingError, SectionChoice
from written import hexagonal_lattice, mark_in_world

spatialdata = pytest.importorskip("spatialdata", reason="the extra spatialdata is not installed")
from spatialdata.models import Image2DModel, Labels2DModel, ShapesModel, TableModel  # noqa: E402
from spatialdata.transformations import Affine, Identity, Scale, Sequence, Translation  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
SPOTS = hexagonal_lattice(6, 5, 25.0)[:, ::-1] + 20.0


def circles(transformations, *, radius=8.125, names=None):
    names = names or [f"s{index}" for index in range(len(SPOTS))]
    return ShapesModel.parse(SPOTS, geometry=0, radius=radius, index=pd.Index(names), transformations=transformations)


def table(*regions, shuffled=False, names=None):
    rows = [(region, name) for region in regions for name in names or [f"s{index}" for index in range(len(SPOTS))]]
    rng = np.random.default_rng(0)
    adata = anndata.AnnData(
        rng.poisson(3.0, (len(rows), 4)).astype(np.float32),
        obs=pd.DataFrame(
            {"region": pd.Categorical([row[0] for row in rows]), "id": [row[1] for row in rows]},
            index=[f"row{index}" for index in range(len(rows))],
        ),
        var=pd.DataFrame(index=[f"Gene{index}" for index in range(4)]),
    )
    if shuffled:
        adata = adata[rng.permutation(len(rows))].copy()
    return TableModel.parse(adata, region=list(regions), region_key="region", instance_key="id")


@pytest.fixture
def written(tmp_path):
    def write(**elements):
        path = tmp_path / "data.zarr"
        spatialdata.SpatialData.init_from_elements(elements).write(path)
        return path

    return write


def test_circles_open_in_the_micrometres_that_their_system_is_named_by(written):
    path = written(
        spots=circles({"global": Identity(), "microns": Scale([4, 4], axes=("x", "y"))}), table=table("spots")
    )
    section = open_section(path)
    assert (section.name, section.unit, section.n_spots) == ("spots", "µm", 30)
    np.testing.assert_allclose(section.spots, SPOTS[:, ::-1] * 4)
    assert section.spot_diameter == pytest.approx(65)
    assert section.view("genes").grid.layout == "hexagonal"


def test_a_visium_slide_in_pixels_is_told_by_its_spots(written):
    section = open_section(written(spots=circles({"global": Identity()}), table=table("spots")))
    assert section.unit == "µm"
    np.testing.assert_allclose(section.spots, SPOTS[:, ::-1] * 4)


def test_other_spots_stay_in_pixels_and_it_is_said(written):
    section = open_section(written(spots=circles({"global": Identity()}, radius=2.0), table=table("spots")))
    assert (section.unit, section.spot_diameter) == ("px", 4.0)
    assert any("lengths are in pixels" in note for note in section.notes)


def test_rows_find_their_spots_whatever_their_order(written):
    section = open_section(written(spots=circles({"global": Identity()}), table=table("spots", shuffled=True)))
    order = [int(name[1:]) for name in section.adata.obs["id"]]
    assert order != sorted(order)
    np.testing.assert_allclose(section.spots, SPOTS[order, ::-1] * 4)


@pytest.mark.parametrize("scale_factors", [None, [2]])
def test_an_image_lies_under_the_spots_by_its_own_transformation(written, scale_factors):
    pixels = np.full((3, 100, 90), 255, dtype=np.uint8)
    pixels[:, 30, 40] = 0
    placing = Sequence([Scale([2, 2], axes=("x", "y")), Translation([5, 7], axes=("x", "y"))])
    image = Image2DModel.parse(
        pixels, dims=("c", "y", "x"), transformations={"microns": placing}, scale_factors=scale_factors
    )
    section = open_section(written(spots=circles({"microns": Identity()}), he=image, table=table("spots")))
    mark = mark_in_world(section.image.pixels, section.image.to_world)
    np.testing.assert_allclose(mark, [30.5 * 2 + 7, 40.5 * 2 + 5])


def test_labels_lie_where_their_pixels_are(written):
    labels = np.zeros((40, 60), dtype=np.int32)
    for number, (row, column) in enumerate([(5, 5), (5, 45), (25, 5), (25, 45)], start=1):
        labels[row : row + 4, column : column + 4] = number
    cells = Labels2DModel.parse(labels, dims=("y", "x"), transformations={"um": Scale([0.5, 0.5], axes=("x", "y"))})
    adata = table("cells", names=["1", "2", "3", "4"])
    adata.obs["id"] = adata.obs["id"].astype(int)
    section = open_section(written(cells=cells, table=adata))
    np.testing.assert_allclose(section.spots, np.array([(7, 7), (7, 47), (27, 7), (27, 47)]) / 2)


def test_a_mirrored_world_is_followed(written):
    mirror = Affine([[0, 1, 0], [1, 0, 0], [0, 0, 1]], input_axes=("x", "y"), output_axes=("x", "y"))
    section = open_section(written(spots=circles({"microns": mirror}), table=table("spots")))
    np.testing.assert_allclose(section.spots, SPOTS)


def test_two_regions_are_two_sections(written):
    path = written(a=circles({"global": Identity()}), b=circles({"global": Identity()}), table=table("a", "b"))
    assert sections(path) == ("a", "b")
    with pytest.raises(SectionChoice) as caught:
        open_section(path)
    assert caught.value.names == ("a", "b")
    assert open_section(path, section="b").n_spots == 30


def test_a_file_without_a_table_is_refused(written):
    with pytest.raises(ReadingError, match="no table of spots"):
        open_section(written(spots=circles({"global": Identity()})))


def test_rows_about_nothing_are_noticed(written):
    adata = table("spots")
    adata.obs["id"] = [f"s{index + 1}" for index in range(30)]
    with pytest.raises(ReadingError, match=r"about nothing.*1 of 30, such as 's30'"):
        open_section(written(spots=circles({"global": Identity()}), table=adata))
