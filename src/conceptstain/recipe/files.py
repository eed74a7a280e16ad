"""Recipes as YAML files, and the files that they may name: those inside the folders they are given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from conceptstain.errors import InputError, ReadingError
from conceptstain.methods.link import Link
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.recipe.schema import FORMAT_VERSION, Recipe
from conceptstain.study.record import first_error
from conceptstain.writing import check_writable, written_whole

__all__ = ["MOST_BYTES", "inside", "read_recipe", "recipe_text", "recipe_told", "write_recipe"]

MOST_BYTES = 8_000_000
DEEPEST = 40


class _Reader(yaml.SafeLoader):  # type: ignore[misc]  # untyped
    """Plain data and nothing else: no tags, no repeated keys, and no aliases: a few lines of them make gigabytes."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not read", self.peek_event().start_mark)
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.composer.ComposerError(None, None, "it is too deep", self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        if len(set(map(str, keys))) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key is repeated", node.start_mark)
        return super().construct_mapping(node, deep=deep)


class _Writer(yaml.SafeDumper):  # type: ignore[misc]  # untyped
    """Nothing is referred to, all is written out; short lists of numbers stay on one line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _listed(writer: _Writer, values: list[Any]) -> Any:
    flat = all(isinstance(value, str | int | float) for value in values)
    return writer.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flat)


_Writer.add_representer(list, _listed)


def recipe_text(recipe: Recipe) -> str:
    """The recipe as YAML; what is as by default is left out."""
    told = {"recipe": recipe.recipe, **recipe.model_dump(mode="json", exclude_defaults=True)}
    first = ("concept", "map")
    told["maps"] = [{word: each[word] for word in first if word in each} | each for each in told.get("maps", ())]
    return str(yaml.dump(told, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=110))


def recipe_told(text: str, name: str = "The recipe") -> Recipe:
    """The recipe that a text tells.

    Raises
    ------
    ReadingError
        No YAML, a newer version, or no recipe: the message says which word is wrong.
    """
    if len(text.encode()) > MOST_BYTES:
        raise ReadingError(f"{name} is too large for a recipe", got=f"{len(text):,} characters", cure="Check the file")
    try:
        told = yaml.load(text, Loader=_Reader)  # noqa: S506 - a safe loader that reads less
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ReadingError(
            f"{name} is not the YAML of a recipe",
            got=" ".join(str(error).split())[:200],
            cure="Export the recipe again",
        ) from error
    version = told.get("recipe") if isinstance(told, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ReadingError(
            f"{name} was written in a newer version than this one reads",
            got=f"recipe {version} for {FORMAT_VERSION}",
            cure="Update napari-conceptstain",
        )
    if not isinstance(told, dict) or version is None:
        raise ReadingError(
            f"{name} is no recipe", got="YAML without the word recipe", cure="Use a file that Recipe.write wrote"
        )
    try:
        return Recipe.model_validate(told)
    except ValidationError as error:
        raise ReadingError(f"{name} is no recipe", got=first_error(error), cure="Export it again") from error


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    ReadingError
        No such file, not text, or as :func:`recipe_told`.
    """
    if not path.is_file():
        raise ReadingError(f"There is no file {path.name}", got=str(path), cure="Check the path")
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadingError(f"{path.name} cannot be read as text", got=str(error), cure="Check the file") from error
    return recipe_told(text, path.name)


def write_recipe(
    recipe: Recipe,
    path: Path,
    *,
    encoders: Sequence[Encoder] = (),
    classifiers: Sequence[Classifier] = (),
    links: Sequence[Link] = (),
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write a recipe, whole or not at all, with the weights of encoders, classifiers and links beside it.

    Parameters
    ----------
    recipe
        What to write.
    path
        A file that ends in ``.yaml`` or ``.yml``.
    encoders, classifiers, links
        Written as ``<fingerprint>.safetensors`` into the same folder, where they are looked for.
    overwrite
        Replace a file of that name.

    Returns
    -------
    tuple of Path
        The recipe, then the weights.

    Raises
    ------
    InputError
        Another ending, a file that exists, or a folder that does not.
    """
    from conceptstain.methods.link_file import save_link
    from conceptstain.nets.checkpoint import save_encoder
    from conceptstain.nets.classifier_checkpoint import save_classifier

    if path.suffix.lower() not in {".yaml", ".yml"}:
        raise InputError("A recipe is written as YAML", got=path.name, cure="End the name in .yaml")
    check_writable(path, overwrite=overwrite)
    weights = [save_encoder(each, path.with_name(f"{each.fingerprint}.safetensors")) for each in encoders]
    weights += [save_classifier(each, path.with_name(f"{each.fingerprint}.safetensors")) for each in classifiers]
    weights += [save_link(each, path.with_name(f"{each.fingerprint}.safetensors")) for each in links]
    with written_whole(path, overwrite=overwrite) as beside:
        beside.write_text(recipe_text(recipe), encoding="utf-8", newline="\n")
    return (path, *weights)


def inside(folder: Path, name: str) -> Path | None:
    """The file of that name in a folder; None where there is none.

    Raises
    ------
    InputError
        It would lie elsewhere: another folder is named, or a link leads out.
    """
    path, home = folder / name, folder.resolve()
    parts = [path, *(path.rglob("*") if path.is_dir() else ())]
    if Path(name).name != name or not all(part.resolve().is_relative_to(home) for part in parts):
        raise InputError(
            "A recipe reads only from the folders it is given",
            got=f"{name!r}, which lies outside {folder.name or folder}",
            cure="Put the file itself into the folder",
        )
    return path if path.exists() else None
