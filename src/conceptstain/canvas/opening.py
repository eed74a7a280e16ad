"""The door to all data: what a path or an array is, is decided here, and asked where it cannot be told."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args, overload

from conceptstain.canvas.image_file import IMAGES, TIFFS, axes_of
from conceptstain.canvas.image_layer import ImageLayer, is_layer, read_image_layer
from conceptstain.canvas.image_reading import images_of_arrays, images_of_files
from conceptstain.canvas.images import Images
from conceptstain.canvas.ome_zarr import holds_slide
from conceptstain.canvas.reading import denied_access_told, is_readable, open_section
from conceptstain.canvas.section import Section
from conceptstain.canvas.slide import Slide
from conceptstain.canvas.slide_reading import slide_of_array, slide_of_file, slide_of_levels
from conceptstain.canvas.world_scale import Told, told_place
from conceptstain.errors import InputError, ReadingError
from conceptstain.progress import Report, silent

__all__ = ["Kind", "Opened", "kind_of", "open_image_layer", "open_source"]

Kind = Literal["section", "images", "slide"]
Opened: TypeAlias = Section | Images | Slide
"""What can be opened: spots with their genes, a set of pictures, or one large picture."""

AnyPath: TypeAlias = str | os.PathLike[str]
SECTION_WORDS = ("image", "alignment", "image_scale", "section", "gene_names")
IMAGES_WORDS = ("name", "names", "pixel_size", "to_world", "unit")
SLIDE_WORDS = ("name", "channels", "pixel_size", "to_world", "unit")
WORDS: dict[Kind, tuple[str, ...]] = {"section": SECTION_WORDS, "images": IMAGES_WORDS, "slide": SLIDE_WORDS}
TAKEN_AS: dict[Kind, str] = {"section": "A section is", "images": "Images are", "slide": "A slide is"}
WILD = "*?["
SHOWN = 5


@overload
def open_source(what: Any, *, as_: Literal["section"], report: Report = ..., **options: Any) -> Section: ...
@overload
def open_source(what: Any, *, as_: Literal["images"], report: Report = ..., **options: Any) -> Images: ...
@overload
def open_source(what: Any, *, as_: Literal["slide"], report: Report = ..., **options: Any) -> Slide: ...
@overload
def open_source(what: Any, *, as_: None = ..., report: Report = ..., **options: Any) -> Any: ...


def open_source(what: Any, *, as_: Kind | None = None, report: Report = silent, **options: Any) -> Opened:
    """Open a section, a set of pictures or a slide.

    Parameters
    ----------
    what
        A path or an array. One picture is a slide, several are images:

        - a section: ``.h5ad``, ``.tsv``, AnnData or SpatialData in ``.zarr``, a folder of Space Ranger;
        - images: a folder of image files, a pattern such as ``"folder/*.png"``, a list of files or of arrays, a TIFF of
          several pages, an array ``(pictures, height, width)`` or ``(pictures, height, width, 3)``;
        - a slide: one image file, a TIFF or an OME-TIFF with a pyramid, an OME-Zarr folder, an array
          ``(height, width)`` or ``(height, width, 3)`` of numpy, dask or zarr, or a pyramid as a list of them, largest
          first;
        - an image layer of napari: a slide, or images if it is a stack, lying where the layer shows it.
    as_
        ``"section"``, ``"images"`` or ``"slide"``, where that cannot be told or is to be otherwise.
    report
        Called while pictures are read; it may raise :class:`Cancelled`.
    options
        Of a section: ``image``, ``alignment``, ``image_scale``, ``section``, ``gene_names`` (see
        :func:`conceptstain.canvas.reading.open_section`). Of images: ``name`` and ``names`` (one per
        array). Of a slide: ``name`` and ``channels`` (which to show, one or three). Of both: ``pixel_size``
        (micrometres, of a slide along a pixel of the largest level), or ``to_world`` (3 x 3, from rows and columns of
        pixels to the world) with its ``unit``.

    Returns
    -------
    Section, Images or Slide
        With everything that was assumed or left out in its ``notes``.

    Raises
    ------
    ReadingError
        It cannot be read; the message names the file and the cure.
    InputError
        It can be taken in two ways, or the options do not belong to it.
    """
    if as_ not in {None, *get_args(Kind)}:
        raise InputError("Nothing can be opened as that", got=f"as_={as_!r}", cure="Use section, images or slide")
    if is_layer(what):
        return _of_layer(what, as_, report, options)
    kind, read = _decided(what, as_)
    given = {word: value for word, value in options.items() if value is not None}
    wrong = [word for word in given if word not in WORDS[kind]]
    if wrong:
        raise InputError(
            f"{TAKEN_AS[kind]} not opened with that",
            got=", ".join(f"{word}=" for word in wrong),
            cure=f"Use {', '.join(WORDS[kind])}",
        )
    if kind == "section":
        return cast("Section", read(**given))
    opened: Images | Slide = read(report=report, **given) if kind == "images" else read(**given)
    how = {word: value for word, value in given.items() if isinstance(value, str | int | float)}
    return replace(opened, opened_with={**how, **({} if as_ is None else {"as_": as_})})


def kind_of(what: Any) -> Kind:
    """What a path or an array would be opened as; an error as :func:`open_source` has it where that cannot be told."""
    return _decided(what, None)[0]


def _of_layer(layer: Any, as_: Kind | None, report: Report, options: dict[str, Any]) -> Images | Slide:
    """One picture, or a stack of them, lying where the layer shows it."""
    if as_ == "section":
        raise InputError(
            "Sections are taken from layers by another word", got='as_="section"', cure="Use open_layer(layer)"
        )
    found = read_image_layer(layer)
    return found if isinstance(found, Images | Slide) else open_image_layer(found, as_, report=report, **options)


def open_image_layer(
    found: ImageLayer, as_: Literal["images", "slide"] | None = None, *, report: Report = silent, **options: Any
) -> Images | Slide:
    """What an image layer showed when it was looked at: one picture as a slide, a stack as images.

    Parameters
    ----------
    found
        As :func:`conceptstain.canvas.image_layer.read_image_layer` told it; the layer itself may change meanwhile.
    as_, report, options
        As for :func:`open_source`.
    """
    (matrix, unit, _), axis = found.place, found.axis
    what: Any = found.data
    if axis is None and as_ == "images":
        what = what[:1] if isinstance(what, list) else [what]
    kind: Kind = "images" if axis is not None or as_ == "images" else "slide"
    if kind == "slide" and not isinstance(what, list):
        what = [what]
    told = {"name": found.name, **options, "to_world": matrix, "unit": unit}
    opened: Any = open_source(what, as_=kind, report=report, **told)
    return replace(opened, axis=axis) if axis is not None else cast("Images | Slide", opened)


Read: TypeAlias = Callable[..., Any]
Decision: TypeAlias = tuple[Kind, Read]


def _decided(what: Any, as_: Kind | None) -> Decision:
    if isinstance(what, str | os.PathLike):
        text = os.fspath(what)
        with denied_access_told(Path(text)):
            if not Path(text).exists() and any(letter in text for letter in WILD):
                return _pattern(text, as_)
            return _path(Path(text), as_)
    if isinstance(what, Sequence) and hasattr(what, "dtype") and as_ in {None, "slide"}:
        return "slide", partial(slide_of_levels, list(what))  # the data of a multiscale napari layer say what they are
    if hasattr(what, "shape") and hasattr(what, "dtype"):
        return _array(what, as_)
    if isinstance(what, Sequence) and len(what):
        if all(isinstance(each, str | os.PathLike) for each in what):
            return _files([Path(each) for each in what], "images", None, as_)
        if all(hasattr(each, "shape") for each in what):
            return _arrays(what, as_)
    raise InputError(
        "This cannot be opened",
        got="an empty list" if isinstance(what, Sequence) else f"a {type(what).__name__}",
        cure="Give a path, a pattern, an array, or a list of files or arrays",
    )


def _path(path: Path, as_: Kind | None) -> Decision:
    if as_ == "section":
        return "section", partial(open_section, path)
    if path.is_dir():
        return _folder(path, as_)
    if path.suffix.lower() not in IMAGES:
        if as_ is not None and path.exists():
            raise ReadingError(
                f"{path.name} is not an image", got=f"the extension {path.suffix!r}", cure=f"Give {', '.join(IMAGES)}"
            )
        return "section", partial(open_section, path)  # which names what can be read, if this cannot
    several = as_ is None and path.suffix.lower() in TIFFS and path.exists() and len(axes_of(path)) > 0
    if as_ == "images" or several:
        return _files([path], path.stem, path, "images")
    return "slide", partial(slide_of_file, path)


def _folder(path: Path, as_: Kind | None) -> Decision:
    if as_ is None and is_readable(path):
        return "section", partial(open_section, path)
    if as_ != "images" and holds_slide(path):
        return "slide", partial(slide_of_file, path)
    if as_ == "slide":
        raise ReadingError(f"{path.name} is not a slide", got="a folder", cure="Give an OME-Zarr folder or a file")
    inside = sorted((each for each in path.iterdir() if not each.name.startswith(".")), key=_as_counted)
    images = [each for each in inside if each.is_file() and each.suffix.lower() in IMAGES]
    sections = [each.name for each in inside if is_readable(each)]
    if images and sections and as_ is None:
        raise InputError(
            f"{path.name} can be opened in two ways",
            got=f"{len(images):,} images beside {_listed(sections)}",
            cure='Open the images with as_="images", or the path of the section',
        )
    if images:
        return _files(images, path.name, path, as_)
    below = Counter(
        each.parent.relative_to(path).as_posix() for each in path.rglob("*") if each.suffix.lower() in IMAGES
    )
    if below and (as_ == "images" or not sections):
        told = _listed([f"{folder} ({number:,})" for folder, number in sorted(below.items())])
        raise ReadingError(
            f"The images of {path.name} lie in folders inside it",
            got=told,
            cure=f'Open one of these folders, or several with a pattern such as "{path.name}/**/*.png"',
        )
    return ("images", partial(_no_images, path)) if as_ == "images" else ("section", partial(open_section, path))


def _no_images(path: Path, **_: Any) -> Images:
    raise ReadingError(f"{path.name} holds no images", got="a folder without any", cure=f"Put in {', '.join(IMAGES)}")


def _pattern(text: str, as_: Kind | None) -> Decision:
    found = (Path(each) for each in glob.glob(text, recursive=True))  # noqa: PTH207 - it may be absolute
    files = sorted((each for each in found if each.is_file()), key=_as_counted)
    if not files:
        raise ReadingError("No file fits the pattern", got=text, cure="Check the path, and the ending of the names")
    fixed = Path(*(part for part in Path(text).parts[:-1] if not any(letter in part for letter in WILD)))
    return _files(files, fixed.name or "images", fixed if fixed.is_dir() else None, as_)


def _as_counted(path: Path) -> list[tuple[int, str]]:
    """A key that sorts names as people count: ``image2`` before ``image10``."""
    parts = re.split(r"(\d+)", path.as_posix().lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _files(files: Sequence[Path], name: str, path: Path | None, as_: Kind | None) -> Decision:
    if as_ not in {None, "images"}:
        raise InputError(
            f"Several files are not a {as_}", got=f"{len(files):,} files", cure="Open one of them, or all as images"
        )
    return "images", partial(_images, files, name, path)


def _images(
    files: Sequence[Path],
    called: str,
    path: Path | None,
    *,
    name: str | None = None,
    names: Sequence[str] | None = None,
    report: Report = silent,
    **where: Any,
) -> Images:
    if names is not None:
        raise InputError("Pictures in files have the names of the files", got="names=", cure="Leave it out")
    return images_of_files(files, name or called, path=path, told=_told(**where), report=report)


def _array(array: Any, as_: Kind | None) -> Decision:
    shape = tuple(int(side) for side in array.shape)
    coloured = len(shape) > 2 and shape[-1] in {3, 4}
    flat = len(shape) - coloured
    if as_ != "images" and flat == 2:
        return "slide", partial(slide_of_array, array)
    if as_ in {None, "images"} and flat == 3:
        return "images", partial(_images_of_arrays, array)
    if as_ == "images" and flat == 2:
        return "images", partial(_images_of_arrays, [array])
    if as_ == "slide" and len(shape) == 3:
        return "slide", partial(slide_of_array, array)
    raise InputError(
        "This array is neither pictures nor a slide",
        got=f"shape {shape}" + (f" as {as_}" if as_ else ""),
        cure="Give (pictures, height, width), with 3 at the end for colours, or without pictures for a slide",
    )


def _arrays(arrays: Sequence[Any], as_: Kind | None) -> Decision:
    shapes = [tuple(int(side) for side in each.shape) for each in arrays]
    shrinking = len(shapes) > 1 and all(_shrunk(larger, smaller) for larger, smaller in pairwise(shapes))
    if as_ is None and shrinking:
        raise InputError(
            "A list of arrays, each smaller than the one before, can be taken in two ways",
            got=", ".join(map(str, shapes[:SHOWN])),
            cure='Say as_="images" for pictures, or as_="slide" for the levels of a pyramid',
        )
    if as_ == "slide":
        return "slide", partial(slide_of_levels, list(arrays))
    if as_ == "section":
        raise InputError("Arrays are no section", got=f"{len(arrays)} arrays", cure="Give the path of a section")
    return "images", partial(_images_of_arrays, list(arrays))


def _shrunk(larger: tuple[int, ...], smaller: tuple[int, ...]) -> bool:
    """Whether two sides shrink, and the axes are the same."""
    return (
        len(larger) == len(smaller) and sum(after < before for before, after in zip(larger, smaller, strict=True)) > 1
    )


def _images_of_arrays(
    arrays: Any,
    *,
    name: str = "images",
    names: Sequence[str] | None = None,
    report: Report = silent,
    **where: Any,
) -> Images:
    return images_of_arrays(arrays, name, names=names, told=_told(**where), report=report)


def _told(pixel_size: float | None = None, to_world: Any = None, unit: str | None = None) -> Told | None:
    return told_place(pixel_size, to_world, unit)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
