"""The floors: imports go down only, windows are made at the top, and panels compute nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "conceptstain"
MODULES = sorted(SOURCE.rglob("*.py"))
PANELS = sorted((SOURCE / "_qt").glob("*_panel.py"))

TOP = {"_napari", "_qt", "cli"}
WINDOWS = {"magicgui", "napari", "PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy", "superqt", "typer", "vispy"}
NUMBERS = {"numpy", "pandas", "scipy", "torch"}


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def imports(path: Path) -> set[str]:
    """Dotted names of all that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def roots(path: Path) -> set[str]:
    return {module.partition(".")[0] for module in imports(path)}


def floor(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", [path for path in MODULES if floor(path) not in TOP], ids=name)
def test_below_the_top_floor_there_is_no_window(path):
    assert not roots(path) & WINDOWS


@pytest.mark.parametrize("path", PANELS, ids=name)
def test_a_panel_computes_nothing(path):
    assert not roots(path) & NUMBERS


@pytest.mark.parametrize("path", [path for path in MODULES if floor(path) == "nets"], ids=name)
def test_a_network_knows_no_canvas(path):
    assert not any(module.startswith("conceptstain.canvas") for module in imports(path))


@pytest.mark.parametrize("path", [path for path in MODULES if floor(path) == "canvas"], ids=name)
def test_a_canvas_knows_no_network(path):
    assert not any(module.startswith("conceptstain.nets") for module in imports(path))
    assert "torch" not in roots(path)


def test_every_import_goes_down(capsys):
    """The whole order is written once, as import-linter's contracts in ``pyproject.toml``."""
    linter = pytest.importorskip("importlinter.cli")
    assert linter.lint_imports(config_filename=str(SOURCE.parents[1] / "pyproject.toml"), no_cache=True) == 0, (
        capsys.readouterr().out
    )
