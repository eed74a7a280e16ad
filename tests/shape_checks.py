"""The shapes in signatures, checked while tests run; everything else in them is left to mypy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from types import FunctionType, SimpleNamespace
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import beartype
from jaxtyping import AbstractArray

_whole = jaxtyping.jaxtyped
_without: set[tuple[str, str, int]] = set()  # a shape: module, name and line


def check_shapes_in(packages: Iterable[str]) -> None:
    """Check them wherever modules of these packages are imported from now on.

    The import hook wraps every function, and wraps those anew that are made inside of another whenever that is called.
    Here only what names a shape is wrapped: the rest would take as long as the tests.
    """
    jaxtyping.jaxtyped = _where_shapes_are
    jaxtyping.install_import_hook(sorted(packages), "shape_checks.shapes_only")


def shapes_only(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check the arguments and the result that are annotated with a shape, and no others."""
    shaped = {name: hint for name, hint in function.__annotations__.items() if _has_shape(hint)}
    if not shaped:
        return function
    function.__annotations__ = shaped
    return beartype(function)


def _where_shapes_are(thing: Any = None, *, typechecker: Any) -> Any:
    """What jaxtyping decorates functions and classes with, for those that name a shape."""
    if thing is None:
        return partial(_where_shapes_are, typechecker=typechecker)
    function = thing.__init__ if inspect.isclass(thing) else thing
    named = inspect.isfunction(function) and _names_a_shape(function)
    return _whole(thing, typechecker=typechecker) if named else thing


def _names_a_shape(function: FunctionType) -> bool:
    place = function.__module__, function.__qualname__, function.__code__.co_firstlineno
    if place in _without:
        return False
    named = any(_has_shape(_read(hint, function.__globals__)) for hint in function.__annotations__.values())
    if not named:
        _without.add(place)
    return named


def _read(hint: object, names: dict[str, Any]) -> object:
    """What an annotation stands for, if that can be told while the code runs."""
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"hint": hint}), names, include_extras=True)["hint"]
    except Exception:  # noqa: BLE001 - whatever it is: jaxtyping leaves such annotations alone, too
        return None


def _has_shape(hint: object) -> bool:
    if inspect.isclass(hint) and issubclass(hint, AbstractArray):
        return True
    return any(_has_shape(part) for part in get_args(hint))
