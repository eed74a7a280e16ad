"""What napari sees: a reader, a sample, a widget, and notifications instead of stack traces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from napari._app_model import get_app_model
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from npe2 import PluginManager, PluginManifest

import factories
import written
from conceptstain import _napari
from conceptstain.errors import InputError, ReadingError

PLUGIN = "napari-conceptstain"


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution(PLUGIN)


@pytest.fixture
def plugins(manifest: PluginManifest, monkeypatch: pytest.MonkeyPatch) -> PluginManager:
    """npe2 with this plugin alone, whatever else is installed."""
    manager = PluginManager()
    manager.register(manifest)
    monkeypatch.setattr(PluginManager, "instance", staticmethod(lambda: manager))
    return manager


@pytest.fixture
def section_file(tmp_path: Path) -> Path:
    """A tiny section as a file."""
    path = tmp_path / "tiny.h5ad"
    factories.tiny_section().adata.write_h5ad(path)
    return path


@pytest.fixture
def broken_file(tmp_path: Path) -> Path:
    path = tmp_path / "broken.tsv"
    path.write_bytes(b"")
    return path


@pytest.fixture
def notified() -> Iterator[list[str]]:
    """Messages that napari was asked to show, kept up to date."""
    shown: list[str] = []

    def listen(notification: object) -> None:
        shown.append(str(notification))

    notification_manager.notification_ready.connect(listen)
    yield shown
    notification_manager.notification_ready.disconnect(listen)


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a viewer was open."""
    monkeypatch.setattr("napari.current_viewer", ViewerModel)


def test_every_command_of_the_manifest_can_be_imported(manifest):
    manifest.validate_imports()


@pytest.mark.parametrize("name", ["Rep1.tsv", "Rep1.tsv.gz", "bulb.h5ad", "BULB.H5AD"])
def test_a_section_is_ours_to_read(name, tmp_path):
    assert _napari.get_reader(tmp_path / name) is not None
    assert _napari.get_reader([str(tmp_path / name)]) is not None


@pytest.mark.parametrize("names", [["a.csv"], ["a.jpg"], ["a.h5ad", "a.csv"], ["a.h5ad", "b.h5ad", "a.jpg"], []])
def test_what_we_cannot_read_is_left_to_others(names, tmp_path):
    assert _napari.get_reader([tmp_path / name for name in names]) is None


def test_a_folder_without_a_section_is_left_to_others(tmp_path):
    (tmp_path / "folder.h5ad").mkdir()
    assert _napari.get_reader(tmp_path / "folder.h5ad") is None


def test_a_folder_with_a_section_opens_as_layers(tmp_path, plugins):
    written.write_visium(tmp_path / "slide")
    written.write_zarr(factories.tiny_section().adata, tmp_path / "tiny.zarr")
    viewer = ViewerModel()
    for folder in ("slide", "tiny.zarr"):
        viewer.open(tmp_path / folder, plugin=PLUGIN)
    assert [layer.name for layer in viewer.layers] == ["slide - tissue", "slide - spots", "tiny - spots"]


@pytest.mark.parametrize("name", ["mob-rep1", "mob-rep2"])
def test_a_published_sample_without_a_network_is_an_error_in_plain_words(name, plugins, monkeypatch, tmp_path):
    def fail(*_args: object, **_settings: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.delenv("CONCEPTSTAIN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("pooch.retrieve", fail)
    with pytest.raises(ReadingError, match=f"{name} cannot be downloaded"):
        ViewerModel().open_sample(PLUGIN, name)


def test_a_section_opens_as_layers(section_file, plugins):
    viewer = ViewerModel()
    viewer.open(section_file, plugin=PLUGIN)
    assert [layer.name for layer in viewer.layers] == ["tiny - spots"]
    assert len(viewer.layers[0].data) == factories.tiny_section().n_spots


def test_several_sections_open_side_by_side(section_file, tmp_path):
    other = tmp_path / "other.h5ad"
    other.write_bytes(section_file.read_bytes())
    paths = [section_file, other]
    layers = _napari.get_reader(paths)(paths)
    assert [settings["name"] for _, settings, _ in layers] == ["tiny - spots", "other - spots"]


def test_the_sample_is_in_the_menu_and_opens(plugins):
    sample = plugins.get_manifest(PLUGIN).contributions.sample_data[0]
    assert sample.display_name == "Olfactory bulb (simulated)"
    viewer = ViewerModel()
    viewer.open_sample(PLUGIN, sample.key)
    assert [type(layer).__name__ for layer in viewer.layers] == ["Image", "Points"]


def test_a_broken_file_is_a_notification_in_plain_words(broken_file, plugins, window, notified):
    viewer = ViewerModel()
    assert viewer.open(broken_file, plugin=PLUGIN) == []
    (message,) = notified
    assert "broken.tsv is empty" in message
    assert "plugin" not in message.lower()
    assert "Traceback" not in message


def test_without_a_window_a_broken_file_is_an_error(broken_file):
    with pytest.raises(ReadingError, match=r"broken\.tsv is empty"):
        _napari.read(broken_file)


@pytest.mark.gui
def test_in_a_window_a_broken_file_is_a_notification(make_napari_viewer, broken_file, notified):
    viewer = make_napari_viewer()
    viewer.open(broken_file, plugin=PLUGIN)
    assert len(notified) == 1
    assert not viewer.layers


@pytest.mark.gui
def test_the_widget_opens_from_the_plugins_menu_in_the_viewer_that_asked(make_napari_viewer):
    viewer = make_napari_viewer()
    _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, "Concept Stain")
    assert type(panel).__name__ == "MainPanel"


@pytest.mark.gui
def test_the_widget_is_in_the_menus(make_napari_viewer):
    make_napari_viewer()
    command = f"{PLUGIN}.make_widget"
    for menu in ("napari/plugins", "napari/layers/visualize", "napari/layers/annotate"):
        assert command in {
            getattr(item, "command", item).id
            for item in get_app_model().menus.get_menu(menu)
            if hasattr(item, "command")
        }


def test_without_a_viewer_there_is_no_widget(qapp):
    with pytest.raises(InputError, match="no viewer"):
        _napari.make_widget()
