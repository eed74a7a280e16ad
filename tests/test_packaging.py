"""What is installed: the manifest, the public words, the declared dependencies, the first import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest

import conceptstain

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "conceptstain"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Not under the name it is imported by.
DISTRIBUTIONS = {"PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml"}


def run(code: str) -> str:
    """Run code in a fresh interpreter, and return what it printed."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def declared(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}


def imported() -> set[str]:
    """Distributions that the package imports, anywhere in it."""
    modules = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    modules -= {*sys.stdlib_module_names, "conceptstain"}
    return {DISTRIBUTIONS.get(module, module).lower() for module in modules}


def test_the_two_manifests_are_the_same_bytes():
    assert (ROOT / "napari.yaml").read_bytes() == (SOURCE / "napari.yaml").read_bytes()


def test_napari_finds_the_manifest_where_the_entry_point_says():
    (point,) = (point for point in metadata.entry_points(group="napari.manifest") if point.name == PROJECT["name"])
    module, _, name = point.value.partition(":")
    assert (resources.files(module) / name).is_file()


def test_the_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert metadata.version(PROJECT["name"]) == conceptstain.__version__
    assert f"\nversion: {conceptstain.__version__}\n" in citation


def test_every_dependency_is_used_and_every_import_is_declared():
    extras = [each for name in ("fast", "spatialdata") for each in PROJECT["optional-dependencies"][name]]
    assert imported() == declared([*PROJECT["dependencies"], *extras])


def test_no_qt_binding_is_forced_on_anyone():
    assert not declared(PROJECT["dependencies"]) & {"pyqt5", "pyqt6", "pyside2", "pyside6"}
    assert PROJECT["optional-dependencies"]["all"] == ["napari[all]"]


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"anndata", "matplotlib", "napari", "numpy", "pandas", "PyQt6", "PySide6", "qtpy", "scipy", "torch"}
    loaded = run("import sys, conceptstain; print(*sys.modules)").split()
    assert not heavy.intersection(loaded)


def test_the_help_of_the_command_loads_no_torch_and_no_napari():
    code = "import sys, conceptstain.cli; print(*sys.modules)"
    assert not {"napari", "qtpy", "torch"}.intersection(run(code).split())


@pytest.mark.parametrize("word", conceptstain.__all__)
def test_a_public_word_is_there(word):
    assert getattr(conceptstain, word) is not None
    assert word in dir(conceptstain)


def test_the_public_words_and_their_homes_are_the_same():
    assert set(conceptstain.__all__) == set(conceptstain._HOMES)
    assert conceptstain.__all__ == sorted(conceptstain.__all__)


def test_the_public_words_that_type_checkers_see_are_the_public_words():
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(conceptstain.__all__)


def test_a_word_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="no attribute 'stain'"):
        _ = conceptstain.stain


def test_no_public_word_is_the_name_of_a_module():
    """Python would bind the module in the word's place as soon as anyone imported it."""
    modules = {path.stem if path.suffix else path.name for path in SOURCE.iterdir()}
    assert not modules & set(conceptstain.__all__)
