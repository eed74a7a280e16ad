"""What a recipe needs: the section, encoders, concepts. Found in the folders it is given, checked, and made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, final

from conceptstain.canvas.expression import several
from conceptstain.canvas.gene_pictures import GenePictures
from conceptstain.canvas.picture_canvas import PictureCanvas
from conceptstain.canvas.reading import open_section
from conceptstain.canvas.section import Section
from conceptstain.canvas.spot_profiles import SpotProfiles
from conceptstain.concepts.concept import Concept, make
from conceptstain.concepts.definition import Definition
from conceptstain.concepts.spot_concepts import SpotConcepts, spot_concepts
from conceptstain.errors import InputError, MismatchError
from conceptstain.fitting import fit
from conceptstain.methods.link import Link
from conceptstain.methods.link_file import load_link
from conceptstain.nets.bundled import bundled
from conceptstain.nets.checkpoint import load_encoder
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.classifier_checkpoint import load_classifier
from conceptstain.nets.devices import available_devices
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report
from conceptstain.recipe.files import inside
from conceptstain.recipe.records import (
    ClassifierRecord,
    CounterfactualRecord,
    EncoderRecord,
    SectionRecord,
    UnitMapRecord,
)
from conceptstain.recipe.schema import Recipe
from conceptstain.study.hashing import section_fingerprint, sha256_of
from conceptstain.study.picture_finding import canvas_again, pictures_again
from conceptstain.study.picture_records import ImagesRecord
from conceptstain.study.records import FileRecord, SpotSettingsRecord
from conceptstain.study.region_record import Place
from conceptstain.study.saving import without_study

__all__ = ["AGAIN", "Ingredients"]

AGAIN = "Export it again"
NOT_DEFINED = "The recipe names a concept or region that it does not define"


class _Known(Protocol):
    @property
    def fingerprint(self) -> str: ...


Read = TypeVar("Read", bound=_Known)


@final
class Ingredients:
    """What a recipe needs, found or made in order.

    Parameters
    ----------
    recipe
        What to do.
    data
        The folder of the section or of the pictures; or the slide.
    weights
        Another folder to look for encoders in.
    report
        Called while something is made.

    Attributes
    ----------
    canvas, encoder
        Gene pictures, pictures or patches, and their encoder.
    profiles, spot_encoders
        Spot profiles and theirs.
    definitions
        By key.
    concepts
        Those that were asked for, by key.
    told
        What is worth knowing, one sentence each.
    """

    def __init__(self, recipe: Recipe, data: Path, weights: Path | None, report: Report) -> None:
        home = data if data.is_dir() else data.parent
        self._folders = [home] if weights is None else [home, weights]
        self._report = report
        self.told: list[str] = []
        self.canvas = _canvas(recipe, data, report)
        section = self.canvas.section if isinstance(self.canvas, GenePictures) else None
        try:
            self.definitions = recipe.tables.made(_place(self.canvas))
        except KeyError as error:
            raise InputError(NOT_DEFINED, got=str(error.args[0]), cure=AGAIN) from error
        self.encoder = None if recipe.encoder is None else self._encoder(recipe.encoder, lambda: self.canvas)
        self.spot_encoders: tuple[Encoder, ...] = ()
        self.profiles: SpotProfiles | None = None
        if section is not None and recipe.spot_encoders:
            self.spot_encoders = tuple(self._spot_encoder(each, section) for each in recipe.spot_encoders)
            self.profiles = section.view("spots", genes=self.spot_encoders[0].features)
        self.concepts: dict[str, Concept] = {}
        self._networks: list[Encoder] = []
        self._classifiers: dict[str, Classifier] = {}
        self._links: dict[str, Link] = {}
        self._together: dict[tuple[Any, ...], SpotConcepts] = {}

    def need_encoder(self) -> Encoder:
        """The encoder of pictures; an InputError where the recipe names none."""
        if self.encoder is None:
            raise InputError("The recipe asks for maps and names no encoder of pictures", cure=AGAIN)
        return self.encoder

    def definition(self, key: str) -> Definition:
        """The definition under a key; an InputError where there is none."""
        if key not in self.definitions:
            raise InputError(NOT_DEFINED, got=key, cure=AGAIN)
        return self.definitions[key]

    def concept(self, key: str) -> Concept:
        """The concept under a key, made on first use."""
        if key not in self.concepts:
            definition = self.definition(key)
            self.concepts[key] = make(definition, self.canvas, self.need_encoder(), report=self._report)
        return self.concepts[key]

    def need_profiles(self) -> SpotProfiles:
        """The spots as their encoders read them; an InputError where the recipe names no such encoder."""
        if self.profiles is None:
            raise InputError("The recipe asks for scores of spots and names no encoder of spots", cure=AGAIN)
        return self.profiles

    def network(self, record: UnitMapRecord | CounterfactualRecord) -> Encoder:
        """The network of a unit or a counterfactual: one of the study's, or found by its fingerprint as they are."""
        known = [each for each in (self.encoder, *self.spot_encoders, *self._networks) if each is not None]
        for each in known:
            if each.fingerprint == record.fingerprint:
                return each
        if record.network is None or record.network.fingerprint != record.fingerprint:
            raise InputError("The recipe names no network of a map", got=record.fingerprint, cure=AGAIN)
        self._networks.append(self._encoder(record.network, lambda: self.canvas))
        return self._networks[-1]

    def classifier(self, record: ClassifierRecord) -> Classifier:
        """A classifier, read on first use; see :meth:`_beside`."""
        if record.fingerprint not in self._classifiers:
            self._classifiers[record.fingerprint] = self._beside(record.fingerprint, "classifier", load_classifier)
        return self._classifiers[record.fingerprint]

    def link(self, fingerprint: str) -> Link:
        """A link, read on first use; see :meth:`_beside`."""
        if fingerprint not in self._links:
            self._links[fingerprint] = self._beside(fingerprint, "link", load_link)
        return self._links[fingerprint]

    def profiles_for(self, encoder: Encoder) -> SpotProfiles:
        """The spots as a network of spots reads them."""
        if not isinstance(self.canvas, GenePictures):
            raise InputError("Only a section has spots", got=f"the {several(self.canvas.noun)}", cure=AGAIN)
        return self.canvas.section.view("spots", genes=encoder.features)

    def together(self, keys: Sequence[str], settings: SpotSettingsRecord | None) -> SpotConcepts:
        """Concepts of spots that are read together, made on first use."""
        profiles = self.need_profiles()
        settings = settings or SpotSettingsRecord()
        known = (tuple(keys), settings)
        if known not in self._together:
            definitions = [self.definition(key) for key in keys]
            regions = [replace(each.region, name=each.name) for each in definitions if each.region is not None]
            if len(regions) < len(definitions):
                raise InputError("Spots are scored by concepts of spots", got=", ".join(keys), cure=AGAIN)
            made = spot_concepts(regions, profiles, self.spot_encoders, settings.made(), report=self._report)
            self._together[known] = made
        return self._together[known]

    def _beside(self, fingerprint: str, what: str, read: Callable[[Path], Read]) -> Read:
        """What is in the file ``<fingerprint>.safetensors``.

        Raises
        ------
        InputError
            There is none in any of the folders.
        MismatchError
            Something else is in it.
        """
        path = self._file(f"{fingerprint}.safetensors")
        if path is None:
            raise InputError(
                f"The recipe needs a {what} that is not here",
                got=f"no file {fingerprint}.safetensors",
                cure="Put it under that name into the folder of the data or of the recipe",
            )
        made = read(path)
        if made.fingerprint != fingerprint:
            raise MismatchError(
                f"The {what} is another than that of the recipe",
                got=f"fingerprint {made.fingerprint} for {fingerprint}",
                cure="Use the file that was written with the recipe",
            )
        return made

    def _file(self, name: str) -> Path | None:
        """The file of that name in the first folder that has it."""
        found = (inside(folder, name) for folder in self._folders)
        return next((path for path in found if path is not None), None)

    def _encoder(self, record: EncoderRecord, canvas: Callable[[], PictureCanvas | SpotProfiles]) -> Encoder:
        if record.bundled is not None:
            return _checked(bundled(record.bundled), record)
        path = self._file(f"{record.fingerprint}.safetensors")
        if path is not None:
            return _checked(load_encoder(path), record)
        if record.fit is None:
            raise InputError(
                f"The encoder {record.name!r} is not here, and the recipe does not say how to fit it",
                got=f"no file {record.fingerprint}.safetensors",
                cure="Put its weights under that name into the folder of the data or of the recipe",
            )
        device = record.fit.device if record.fit.device in available_devices() else "cpu"
        encoder = fit(canvas(), record.fit.made(device), name=record.name, report=self._report)
        same = encoder.fingerprint == record.fingerprint
        what = "to the same weights" if same else f"to other weights ({encoder.fingerprint})"
        self.told.append(f"The encoder {record.name!r} ({record.fingerprint}) was fitted again, {what}.")
        return encoder

    def _spot_encoder(self, record: EncoderRecord, section: Section) -> Encoder:
        settings = {} if record.fit is None or record.fit.profiles is None else record.fit.profiles.made()
        return self._encoder(record, lambda: section.view("spots", **settings))


def _checked(encoder: Encoder, record: EncoderRecord) -> Encoder:
    if encoder.fingerprint != record.fingerprint:
        raise MismatchError(
            f"The encoder {record.name!r} is another than that of the recipe",
            got=f"fingerprint {encoder.fingerprint} for {record.fingerprint}",
            cure="Use its weights, or the version of the package that the recipe names",
        )
    return encoder


def _place(canvas: PictureCanvas) -> Place:
    return canvas.section if isinstance(canvas, GenePictures) else canvas


def _canvas(recipe: Recipe, data: Path, report: Report) -> PictureCanvas:
    """What the recipe is of, read and viewed as it was."""
    shown, told = recipe.shown, recipe.pictures
    if shown is not None:
        what = "pictures" if isinstance(shown, ImagesRecord) else "slide"
        if data.is_dir():
            _check_inside(data, shown.files if isinstance(shown, ImagesRecord) else filter(None, (shown.file,)))
        cure = f"Give the folder of the {what} that the recipe was made with, or the {what} themselves"
        source = pictures_again(shown, {}, given=data, cure=cure.replace("slide themselves", "slide"), report=report)
        return canvas_again(shown, source)
    if recipe.section is None or told is None:
        raise InputError("The recipe names no data", cure=AGAIN)
    if not data.is_dir():
        raise InputError("A section is looked for in a folder", got=str(data), cure="Give the folder of its file")
    section = _section(recipe.section, data)
    return section.view("genes", scaling=told.scaling, frame=told.frame, min_spots=told.min_spots)


def _section(record: SectionRecord, data: Path) -> Section:
    source = record.source
    given: dict[str, Any] = {word: getattr(source, word) for word in ("image_scale", "section", "gene_names")}
    for word, told in (("image", source.image), ("alignment", source.alignment)):
        given[word] = None if told is None else _input(told, data)
    section = without_study(open_section(_input(source.file, data), **given))
    if source.pixel_size is not None:
        section = section.in_micrometres(source.pixel_size)
    if section_fingerprint(section) != record.fingerprint:
        raise MismatchError(
            f"{source.file.name} is read in another way than it was for the recipe",
            got=f"{section.n_spots} spots x {section.n_genes} genes in {section.unit}, "
            f"for {record.spots} x {record.genes} in {record.unit}",
            cure="Use the version of the package that the recipe names",
        )
    return section


def _check_inside(data: Path, names: Iterable[str]) -> None:
    """Refuse files that a link leads out of the folder."""
    home = data.resolve()
    if not all((data / name).resolve().is_relative_to(home) for name in names):
        raise InputError(
            "A recipe reads only from the folders it is given",
            got=f"a link that leads out of {data.name}",
            cure="Put the files themselves into the folder",
        )


def _input(told: FileRecord, data: Path) -> Path:
    path = inside(data, told.name)
    if path is None:
        raise InputError("A file that the recipe needs is missing", got=told.name, cure=f"Put it into {data}")
    found = sha256_of(path)
    if found != told.sha256:
        raise MismatchError(
            f"{told.name} is another file than the recipe was made with",
            got=f"SHA-256 {found[:12]}... for {told.sha256[:12]}...",
            cure="Use the same file",
        )
    return path
