"""The study: the one mutable object. All that a user makes lives here, and whoever shows it listens to its signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float
from psygnal import Signal

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.progress import Report, silent
from conceptstain.study.answers import Answers, is_portable
from conceptstain.study.concept_list import ConceptList, Entry, Sign
from conceptstain.study.findings import Findings
from conceptstain.study.hashing import FileState, file_state
from conceptstain.study.snapshot import Snapshot

if TYPE_CHECKING:  # these import torch, and a window that shows an empty study should not wait for it
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.opening import Opened
    from conceptstain.canvas.patch_blocks import World
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.canvas.region import Region
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.item_score import ItemScore
    from conceptstain.methods.spot_score import SpotScore
    from conceptstain.nets.encoder import Encoder
    from conceptstain.study.records import SourceRecord

    FilePath = str | PathLike[str]

__all__ = ["Study"]


class Study:
    """A section, pictures or a slide, with encoders, concepts and findings, signals and undo.

    Concepts are kept as definitions (:class:`~conceptstain.study.concept_list.ConceptList`). A definition becomes a
    :class:`Concept` only together with an encoder (:class:`~conceptstain.study.answers.Answers`), so that changing the
    encoder loses nothing, and undo never has to undo a training. Maps are kept by
    :class:`~conceptstain.study.findings.Findings`. Whatever changes any of them goes through here, where it is told.
    """

    section_changed: ClassVar[Signal] = Signal()
    encoder_changed: ClassVar[Signal] = Signal()
    spot_encoders_changed: ClassVar[Signal] = Signal()
    concepts_changed: ClassVar[Signal] = Signal()
    finding_added: ClassVar[Signal] = Signal(object)
    findings_changed: ClassVar[Signal] = Signal()
    saved_changed: ClassVar[Signal] = Signal()

    def __init__(self) -> None:
        self._list = ConceptList(self._hear_of_concepts)
        self._answers = Answers(self._list)
        self._findings = Findings()
        self._source: SourceRecord | None = None
        self._path: Path | None = None
        self._file: FileState | None = None
        self._changes = self._saved_at = 0

    # -- what is open ----------------------------------------------------------------------------------------------

    @property
    def source(self) -> Opened | None:
        """The section, pictures or slide that is open."""
        return None if self.canvas is None else self.canvas.source

    @property
    def section(self) -> Section | None:
        """The open section; None where nothing is open, or pictures or a slide are."""
        return self._answers.section

    @property
    def canvas(self) -> PictureCanvas | None:
        """What is open: a section as gene pictures, a set of pictures, or the patches of a slide."""
        return self._answers.canvas

    @property
    def genes(self) -> GenePictures | None:
        """The open section as gene pictures; None where nothing is open, or pictures or a slide are."""
        return self._answers.genes

    @property
    def encoder(self) -> Encoder | None:
        """The encoder of pictures in use."""
        pictures = self._answers.pictures
        return None if pictures is None else pictures.encoder

    @property
    def spot_canvas(self) -> SpotProfiles | None:
        """The open section as the spot profiles that :attr:`spot_encoders` read; None without them."""
        spots = self._answers.spots
        return None if spots is None else spots.canvas

    @property
    def spot_encoders(self) -> tuple[Encoder, ...]:
        """The encoders of spot profiles in use, whose scores are averaged; empty where there are none."""
        spots = self._answers.spots
        return () if spots is None else spots.encoders

    def show(self, canvas: PictureCanvas) -> tuple[Entry, ...]:
        """Open a section, pictures or a slide through its canvas.

        Concepts named by genes, by pictures or by an annotation move on to what has these, too; those of drawn or
        picked spots mean nothing there (:func:`conceptstain.study.answers.is_portable`). They are returned, so that the
        user can be told.
        """
        before = self.canvas
        left = self._list.begin_again(lambda definition: is_portable(definition, canvas, before))
        self._answers.show(canvas)
        self._source = self._path = self._file = None
        self._findings.forget(lambda _made: True)
        for signal in (
            self.findings_changed,
            self.section_changed,
            self.encoder_changed,
            self.spot_encoders_changed,
            self.concepts_changed,
        ):
            signal.emit()
        self._change()
        return left

    def use(self, encoder: Encoder) -> None:
        """Use an encoder of pictures from now on; concepts are made again in its latent space when asked for.

        The same encoder over again, by its fingerprint, changes nothing that was made.

        Raises
        ------
        InputError
            Nothing is open.
        MismatchError
            The encoder does not fit what is open.
        """
        if self._answers.use(encoder):
            self._findings.forget(lambda made: not _is_of_spots(made))
            self.findings_changed.emit()
        self.encoder_changed.emit()
        self._change()

    def use_for_spots(self, canvas: SpotProfiles, encoders: Sequence[Encoder]) -> None:
        """Score spots with these encoders from now on; with the same as before, what was made is kept.

        Raises
        ------
        InputError
            No encoder, or a canvas of another section.
        MismatchError
            An encoder does not read these profiles.
        """
        if self._answers.use_for_spots(canvas, encoders):
            self._findings.forget(_is_of_spots)
            self.findings_changed.emit()
            self.spot_encoders_changed.emit()
            self._change()

    def need_canvas(self) -> PictureCanvas:
        """The canvas; an InputError where nothing is open."""
        return self._answers.need_canvas()

    def need_genes(self) -> GenePictures:
        """The section as gene pictures; an InputError where none is open."""
        return self._answers.need_genes()

    def need_section(self) -> Section:
        """The section; an InputError where nothing is open, or pictures or a slide are."""
        return self._answers.need_section()

    def need_encoder(self) -> Encoder:
        """The encoder; an InputError where none is in use."""
        return self._answers.need_pictures().encoder

    # -- the concept list ------------------------------------------------------------------------------------------

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The concept list, in order."""
        return tuple(self._list)

    def entry(self, name: str) -> Entry:
        """A line of the concept list by its name; an InputError where there is none."""
        return self._list.entry(name)

    def add(self, definition: Definition, *, colour: str | None = None) -> Entry:
        """Add a concept at the end of the list; undoable. An InputError where the name is empty or taken."""
        return self._list.add(definition, colour=colour)

    def rename(self, name: str, new: str) -> None:
        """Rename a concept; undoable."""
        definition = self.entry(name).definition
        if new.strip() != name:
            renamed = definition.renamed(new.strip())
            self._answers.rename(definition, renamed)
            self._list.rename(name, renamed)

    def redraw(self, name: str, region: Region, *, painted: str = "") -> None:
        """Make a concept from another region; undoable.

        Its maps are of the old region and are dropped, but for the one of the title ``painted``, which is about to be
        painted again.

        Raises
        ------
        InputError
            It was not made from a region, or the region holds no spot or patch.
        """
        from conceptstain.canvas.picture_canvas import n_chosen

        before = self.entry(name).definition
        if before.region is None:
            raise InputError(
                f"The concept {name!r} was not made from a region", got=before.words, cure="Make a new one"
            )
        canvas = self.need_canvas()
        if self.section is not None:
            region.choose(self.section)  # which says why where it chooses none, or all
        elif not n_chosen(region, canvas, least_covered=before.least_covered):
            raise InputError(f"No {canvas.noun} lies in the outline of {name!r}", cure="Draw it around some")
        after = replace(before, region=region)
        self._findings.redefine(painted, after)
        self._list.redefine(name, after)

    def duplicate(self, name: str) -> Entry:
        """Add a concept made from the same under the first free name, in a colour of its own; undoable."""
        definition = self.entry(name).definition
        copy = definition.renamed(self.free_name(name))
        self._answers.copy(definition, copy)
        return self.add(copy)

    def combination(self, first: str, second: str, sign: Sign = "-") -> Definition:
        """Two concepts of the list, added or subtracted; see :meth:`ConceptList.combination`."""
        return self._list.combination(first, second, sign)

    def combine(self, first: str, second: str, sign: Sign = "-", *, report: Report = silent) -> Entry:
        """Add ``first - second``, or ``first + second``, under such a name; undoable.

        With an encoder in use it is made first, so that what cannot be made is never in the list. See
        :class:`~conceptstain.concepts.concept.Concept` for what the parts count.

        Raises
        ------
        InputError
            As :meth:`combination`; or the two point the same way, and nothing is left of their difference.
        """
        definition = self.combination(first, second, sign)
        if self.encoder is not None:
            self.try_definition(definition, report=report)
        return self.add(definition)

    def recolour(self, name: str, colour: str) -> None:
        """Give a concept another colour, ``#rrggbb``; undoable."""
        self._list.recolour(name, colour)

    def remove(self, name: str) -> None:
        """Take a concept off the list; undoable."""
        self._list.remove(name)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change of the concept list to take back."""
        return self._list.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a taken-back change to make again."""
        return self._list.can_redo

    def undo(self) -> None:
        """Take back the last change of the concept list."""
        self._list.undo()

    def redo(self) -> None:
        """Make the last taken-back change again."""
        self._list.redo()

    def free_name(self, wanted: str) -> str:
        """The wanted name, or the wanted name with the first free number."""
        return self._list.free_name(wanted)

    # -- what encoders make of concepts ----------------------------------------------------------------------------

    def concept(self, name: str, *, report: Report = silent) -> Concept:
        """The concept of that name in the latent space of the encoder in use; made on first use, then kept."""
        return self._answers.concept(name, report)

    def preview(
        self, definition: Definition, map_key: str, *, settings: MapSettings | None = None, report: Report = silent
    ) -> Finding:
        """A map of what may become a concept; nothing of it is kept. A spot score goes without its neighbours."""
        return self._answers.preview(definition, map_key, settings, report)

    def try_definition(self, definition: Definition, *, report: Report = silent) -> Concept:
        """Make a concept without adding it, so that what cannot be made is never in the list; :meth:`add` reuses it."""
        return self._answers.need_pictures().concept(definition, report)

    def item_scores(self, name: str, *, report: Report = silent) -> Float[np.ndarray, " items"]:
        """Concept score of every gene, picture or patch of the canvas."""
        return self._answers.item_scores(name, report)

    def item_score_runs(
        self, name: str, *, visible: World | None = None, report: Report = silent
    ) -> Iterator[ItemScore]:
        """The score of pictures or patches as it grows: :func:`conceptstain.methods.item_score.item_score_runs`.

        An InputError where a section is open.
        """
        return self._answers.item_score_runs(name, visible, report)

    def cosines(self, *names: str, report: Report = silent) -> pd.DataFrame:
        """Cosines between the directions of these concepts, or of all: :func:`conceptstain.concepts.cosines.cosines`.

        A MismatchError where they live in different spaces.
        """
        return self._answers.cosines(names, report)

    def random_cosines(self, *names: str, quantile: float = 0.95, report: Report = silent) -> pd.DataFrame:
        """The cosines that chance gives in the place of :meth:`cosines`, for the same names."""
        return self._answers.random_cosines(names, quantile, report)

    @property
    def spot_settings(self) -> SpotConceptSettings:
        """How drawn spots become scores."""
        return self._answers.spot_settings

    @spot_settings.setter
    def spot_settings(self, settings: SpotConceptSettings) -> None:
        self._answers.chosen_spot_settings = settings
        self._change()

    def spot_concepts(self, name: str, *, report: Report = silent) -> SpotConcepts:
        """The concept of that name and those it is told from, as the spot encoders read them together.

        It is told from the other concepts of the list that were made from spots and have no spot in common with it or
        with each other; of two that overlap, from the first.

        Raises
        ------
        InputError
            No spot encoder is in use, or the concept was not made from spots.
        """
        return self._answers.spot_concepts(name, report)

    def spot_score(self, name: str, *, report: Report = silent) -> SpotScore:
        """How much every spot has of the concept of that name; an InputError where it was not made from spots."""
        return self._answers.spot_score(name, report)

    def spot_deviation(self, name: str, *, report: Report = silent) -> SpotScore:
        """How far every spot lies from the drawn ones: :func:`conceptstain.methods.deviation_score.spot_deviation`."""
        return self._answers.spot_deviation(name, report)

    def item_deviation(self, name: str, *, report: Report = silent) -> ItemScore:
        """The same of pictures or patches; an InputError where a section is open."""
        return self._answers.item_deviation(name, report)

    def spot_genes(self, name: str, *, report: Report = silent) -> pd.DataFrame:
        """Genes of the concept of that name, up and down; see :func:`conceptstain.concept_genes`."""
        return self._answers.spot_genes(name, report)

    def evidence(self, name: str, *, n_null: int = 999, report: Report = silent) -> Evidence:
        """The evidence for the concept of that name with the encoders in use; made on first use, then kept.

        A concept of spots is tested by their profiles, where there are encoders of those; any other by genes. It is
        corrected for all concepts that were tested, also those that were given up.
        """
        return self._answers.evidence(name, n_null, report)

    def known_evidence(self, name: str) -> Evidence | None:
        """The evidence for the concept of that name, where it was made already; corrected as by :meth:`evidence`."""
        return self._answers.known_evidence(name)

    def controls(
        self, name: str, map_key: str, *, settings: MapSettings | None = None, report: Report = silent
    ) -> Controls:
        """A map of the concept of that name beside what it has to beat; made on first use, then kept."""
        return self._answers.controls(name, map_key, settings, report)

    # -- findings --------------------------------------------------------------------------------------------------

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Maps made with the encoder in use, oldest first."""
        return tuple(self._findings)

    def keep(self, finding: Finding) -> None:
        """Keep a map in place of an earlier one of the same title, with the colour limits chosen for that.

        A MismatchError where it was made for inputs of another shape than the study's: it could not be shown, nor read
        back from a file.
        """
        _check_frame(finding, self.canvas)
        kept, is_new = self._findings.keep(finding)
        self.finding_added.emit(kept)
        if is_new:
            self._change()

    def set_colour_limits(self, title: str, limits: tuple[float, float] | None) -> None:
        """Choose the colour limits of a map, for its layer and its figures alike; None: those its values suggest.

        An InputError where there is no such map, or the lower limit is not below the upper.
        """
        self._findings.set_colour_limits(title, limits)
        self.findings_changed.emit()
        self._change()

    # -- saving ----------------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The file that the study was last saved to, or opened from; None for one that was never saved."""
        return self._path

    @property
    def is_saved(self) -> bool:
        """Whether closing it loses nothing that a user made, fitted encoders included.

        What is computed again when it is asked for, such as evidence, does not count.
        """
        return self._changes == self._saved_at or self._holds_nothing()

    def snapshot(self) -> Snapshot:
        """All that is there now, to be saved or written elsewhere while the study goes on; quick, and holds no copies.

        An InputError where nothing is open.
        """
        state = self._list.state
        return Snapshot(
            canvas=self.need_canvas(),
            concepts=state,
            findings=self.findings,
            source=self._source,
            changes=self._changes,
            **self._answers.kept(state.definitions),
        )

    @classmethod
    def of(cls, snapshot: Snapshot, *, path: Path | None = None) -> Study:
        """A study that goes on from a snapshot: with its list and undo, its maps, and what was computed.

        Parameters
        ----------
        snapshot
            Of any study.
        path
            The file that holds it; None: it is not saved.
        """
        study = cls()
        study._source, study._path, study._file = snapshot.source, path, file_state(path)
        study._list.take_up(snapshot.concepts)
        study._answers.take_up(snapshot)
        study._findings = Findings(snapshot.findings)
        study._changes = 0 if path is not None else 1
        return study

    def become(self, other: Study) -> None:
        """Take over all that another study holds, such as one that was opened; who listens to this one hears of it."""
        self._source, self._path, self._file = other._source, other._path, other._file
        self._changes, self._saved_at = other._changes, other._saved_at
        self._list.take_up(other._list.state)
        self._answers.take_over(other._answers)
        self._findings = Findings(other._findings)
        self.section_changed.emit()
        self.encoder_changed.emit()
        self.spot_encoders_changed.emit()
        self.concepts_changed.emit()
        for finding in self.findings:
            self.finding_added.emit(finding)
        self.findings_changed.emit()
        self.saved_changed.emit()

    def save(self, path: FilePath, *, overwrite: bool = False, report: Report = silent) -> Path:
        """Save all of it as ``.h5ad`` or ``.zarr``: :func:`conceptstain.study.saving.save_study`, and remember where.

        Where saving takes long, take a :meth:`snapshot`, save that elsewhere, and call :meth:`mark_saved` when it is
        done. An InputError where it cannot be saved there, or where :meth:`check_own_file` says so and ``overwrite`` is
        False.
        """
        from conceptstain.study.saving import save_study

        snapshot = self.snapshot()
        own = self._path is not None and Path(path).resolve() == self._path.resolve()
        if own and not overwrite:
            self.check_own_file()
        written = save_study(snapshot, path, overwrite=overwrite or own, own=self._path, report=report)
        self.mark_saved(snapshot, written)
        return written

    def check_own_file(self) -> None:
        """Refuse to save again where something else has saved since, such as another window with the same study.

        Raises
        ------
        InputError
            :attr:`path` is another file than the one that was opened or saved.
        """
        there = file_state(self._path)
        if there is not None and there != self._file:
            raise InputError(
                "The study's file was replaced by something else since it was opened or saved here",
                got=str(self._path),
                cure="Save under another name (Save as…), or replace it (overwrite)",
            )

    def mark_saved(self, snapshot: Snapshot, path: Path) -> None:
        """Remember that this snapshot is in that file; what was changed since is not saved."""
        if snapshot.canvas is self.canvas:  # else another section was opened meanwhile
            self._path, self._file, self._saved_at = path, file_state(path), snapshot.changes
            self.saved_changed.emit()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _change(self) -> None:
        self._changes += 1
        self.saved_changed.emit()

    def _holds_nothing(self) -> bool:
        """Whether nothing in it is the user's: no concept, now or by undo, no map and no encoder fitted here."""
        source = self.source
        if source is None:
            return True
        fitted = any(encoder.has_seen(source) for encoder in self._answers.encoders)
        return not (self.entries or self.can_undo or self.can_redo or len(self._findings) or fitted)

    def _hear_of_concepts(self) -> None:
        self._findings.follow(self._list)
        self.concepts_changed.emit()
        self.findings_changed.emit()
        self._change()


def _is_of_spots(made: Finding) -> bool:
    """Whether it was made by encoders of spots."""
    from conceptstain.methods.spot_score import SpotScore

    return isinstance(made, SpotScore)


def _check_frame(made: Finding, canvas: PictureCanvas | None) -> None:
    if canvas is not None and made.values.ndim > 1 and tuple(made.values.shape[1:]) != tuple(canvas.shape):
        raise MismatchError(
            f"{made.title!r} was made for other pictures than the study's",
            got=f"maps of {tuple(made.values.shape[1:])} for inputs of {tuple(canvas.shape)}",
            cure="View the pictures in the frame of its network",
        )
