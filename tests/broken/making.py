"""How broken and odd sections are listed and written: each with what has to be said about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from anndata import AnnData

from written import lattice_anndata

Make = Callable[[Path], Path | tuple[Path, dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """A section that is made in a folder; opening it ends as an error, or as a section that notes what was done."""

    name: str
    make: Make
    says: str
    ends: Literal["error", "note"]
    patches: Mapping[str, Any] = field(default_factory=dict)


CASES: list[Case] = []


def refused(says: str, name: str | None = None, **patches: Any) -> Callable[[Make], Make]:
    """Opening it is an error that says this."""
    return _listed(says, "error", name, patches)


def noted(says: str, name: str | None = None) -> Callable[[Make], Make]:
    """It opens, and a note says this."""
    return _listed(says, "note", name, {})


def _listed(says: str, ends: Any, name: str | None, patches: Mapping[str, Any]) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        CASES.append(Case(name or make.__name__.strip("_").replace("_", " "), make, says, ends, patches))
        return make

    return add


def h5ad(change: Callable[[AnnData], AnnData | None]) -> Make:
    def make(folder: Path) -> Path:
        adata = lattice_anndata()
        changed = change(adata)
        adata = adata if changed is None else changed
        adata.write_h5ad(folder / "a.h5ad")
        return folder / "a.h5ad"

    return make


def setting(**parts: Any) -> Make:
    """An .h5ad with other parts: obsm positions, ``X``, ``uns`` or columns of ``obs``."""

    def change(adata: AnnData) -> None:
        for name, value in parts.items():
            if name == "spatial":
                adata.obsm["spatial"] = value
            elif name == "X":
                adata.X = value
            elif name == "uns":
                adata.uns.update(value)
            else:
                adata.obs[name] = value

    return h5ad(change)


def bytes_of(content: bytes, name: str = "a.h5ad") -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def halved(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
