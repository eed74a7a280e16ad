"""The study: the one mutable object. All that a user makes lives here, and whoever shows it listens to its signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float
from psygnal import Signal

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import SPOT_SCORE, map_kind
from conceptstain.progress import Report, silent
from conceptstain.study.concept_list import ConceptList, Entry, Sign
from conceptstain.study.results import PictureResults, SpotResults, corrected_together
from conceptstain.study.snapshot import ControlsAsked, Snapshot

if TYPE_CHECKING:  # these import torch, and a window that shows an empty study should not wait for it
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.region import Region
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.spot_score import SpotScore
    from conceptstain.nets.encoder import Encoder
    from conceptstain.study.records import SourceRecord

    FilePath = str | PathLike[str]

__all__ = ["Study"]


class Study:
    """A section, encoders, concepts and findings, with signals and undo.

    Concepts are kept as definitions. A definition becomes a :class:`Concept` only together with an encoder
    (:meth:`concept`), so that changing the encoder loses nothing, and undo never has to undo a training.
    """

    section_changed: ClassVar[Signal] = Signal()
    encoder_changed: ClassVar[Signal] = Signal()
    spot_encoders_changed: ClassVar[Signal] = Signal()
    concepts_changed: ClassVar[Signal] = Signal()
    finding_added: ClassVar[Signal] = Signal(object)
    findings_changed: ClassVar[Signal] = Signal()
    saved_changed: ClassVar[Signal] = Signal()

    def __init__(self) -> None:
        self._canvas: GenePictures | None = None
        self._list = ConceptList(self._hear_of_concepts)
        self._pictures: PictureResults | None = None
        self._spots: SpotResults | None = None
        self._spot_settings: SpotConceptSettings | None = None
        self._findings: dict[str, Finding] = {}
        self._source: SourceRecord | None = None
        self._path: Path | None = None
        self._changes = self._saved_at = 0

    # -- what is open ----------------------------------------------------------------------------------------------

    @property
    def section(self) -> Section | None:
        """The open section."""
        return None if self._canvas is None else self._canvas.section

    @property
    def canvas(self) -> GenePictures | None:
        """The open section as gene pictures."""
        return self._canvas

    @property
    def encoder(self) -> Encoder | None:
        """The encoder of gene pictures in use."""
        return None if self._pictures is None else self._pictures.encoder

    @property
    def spot_canvas(self) -> SpotProfiles | None:
        """The open section as the spot profiles that :attr:`spot_encoders` read; None without them."""
        return None if self._spots is None else self._spots.canvas

    @property
    def spot_encoders(self) -> tuple[Encoder, ...]:
        """The encoders of spot profiles in use, whose scores are averaged; empty where there are none."""
        return () if self._spots is None else self._spots.encoders

    def show(self, canvas: GenePictures) -> tuple[Entry, ...]:
        """Open a section through its canvas.

        Concepts named by genes or by an annotation move on to the new section; those of drawn or picked spots mean
        nothing there.

        Returns
        -------
        tuple of Entry
            The concepts that were left behind, so that the user can be told.
        """
        left = tuple(entry for entry in self._list if not _is_portable(entry.definition, canvas))
        self._canvas, self._pictures, self._spots = canvas, None, None
        self._source = self._path = None
        self._list.begin_with(tuple(entry for entry in self._list if entry not in left))
        self._forget_findings(lambda _made: True)
        self.section_changed.emit()
        self.encoder_changed.emit()
        self.spot_encoders_changed.emit()
        self.concepts_changed.emit()
        self._change()
        return left

    def use(self, encoder: Encoder) -> None:
        """Use an encoder of gene pictures from now on; concepts are made again in its latent space when asked for.

        The same encoder over again, by its fingerprint, changes nothing that was made.

        Raises
        ------
        InputError
            No section is open.
        MismatchError
            The encoder does not fit the section.
        """
        canvas = self.need_canvas()
        encoder.check(canvas)
        known = self._pictures
        if known is not None and known.encoder.fingerprint == encoder.fingerprint:
            known.encoder = encoder  # the same weights: what was made, and how much was tried, still holds
        else:
            self._pictures = PictureResults(canvas, encoder)
            self._forget_findings(lambda made: made.method != "spot score")
        self.encoder_changed.emit()
        self._change()

    def use_for_spots(self, canvas: SpotProfiles, encoders: Sequence[Encoder]) -> None:
        """Score spots with these encoders from now on.

        Raises
        ------
        InputError
            No encoder, or a canvas of another section.
        MismatchError
            An encoder does not read these profiles.
        """
        if canvas.section is not self.need_canvas().section:
            raise InputError(
                "These spots belong to another section",
                got=canvas.section.name,
                cure="View the open section as spots",
            )
        if not encoders:
            raise InputError("Spots are scored by one encoder or more", got="none", cure="Fit some to the section")
        for encoder in encoders:
            encoder.check(canvas)
        if self._spots is not None and self._spots.reads_alike(canvas, encoders):
            return  # what was computed and tried is kept
        self._spots = SpotResults(canvas, encoders)
        self._forget_findings(lambda made: made.method == "spot score")
        self.spot_encoders_changed.emit()
        self._change()

    def need_canvas(self) -> GenePictures:
        """The canvas; an InputError where nothing is open."""
        if self._canvas is None:
            raise InputError("No section is open", cure="Open one in the Data card, or drop a file on the viewer")
        return self._canvas

    def need_encoder(self) -> Encoder:
        """The encoder; an InputError where none is in use."""
        return self._need_pictures().encoder

    # -- the concept list ------------------------------------------------------------------------------------------

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The concept list, in order."""
        return tuple(self._list)

    def entry(self, name: str) -> Entry:
        """A line of the concept list by its name; an InputError where there is none."""
        return self._list.entry(name)

    def add(self, definition: Definition, *, colour: str | None = None) -> Entry:
        """Add a concept at the end of the list; undoable.

        Raises
        ------
        InputError
            The name is empty or taken.
        """
        return self._list.add(definition, colour=colour)

    def rename(self, name: str, new: str) -> None:
        """Rename a concept; undoable."""
        definition = self.entry(name).definition
        if new.strip() != name:
            renamed = definition.renamed(new.strip())
            for results in self._results():
                results.rename(definition, renamed)
            self._list.rename(name, renamed)

    def redraw(self, name: str, region: Region, *, painted: str = "") -> None:
        """Make a concept from another region; undoable.

        Its maps are of the old region and are dropped, but for the one of the title ``painted``, which is about to be
        painted again.

        Raises
        ------
        InputError
            It was not made from a region, or the region holds no spot.
        """
        before = self.entry(name).definition
        if before.region is None:
            raise InputError(
                f"The concept {name!r} was not made from a region", got=before.words, cure="Make a new one"
            )
        if not region.choose(self.need_canvas().section).any():
            raise InputError(f"No spot lies in the outline of {name!r}", cure="Draw it around some spots")
        after = replace(before, region=region)
        kept = self._findings.get(painted)
        if kept is not None and kept.concept is not None:
            self._findings[painted] = replace(kept, concept=replace(kept.concept, definition=after))
        self._list.redefine(name, after)

    def duplicate(self, name: str) -> Entry:
        """Add a concept made from the same under the first free name, in a colour of its own; undoable."""
        definition = self.entry(name).definition
        copy = definition.renamed(self.free_name(name))
        for results in self._results():
            results.copy(definition, copy)
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
        if self._pictures is not None:
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
        return self._need_pictures().concept(self.entry(name).definition, report)

    def preview(
        self,
        definition: Definition,
        map_key: str,
        *,
        settings: MapSettings | None = None,
        report: Report = silent,
    ) -> Finding:
        """A map of what may become a concept; nothing of it is kept. A spot score goes without its neighbours."""
        from conceptstain.concepts.concept import make
        from conceptstain.methods.spot_score import spot_score

        if map_key == SPOT_SCORE.key:
            others = [entry.definition for entry in self._list if entry.name != definition.name]
            alone = replace(self.spot_settings, context=0.0)
            concepts = self._need_spots().read(definition, others, alone, report)
            made = spot_score(concepts, definition.name, report=report)
            return replace(made, concept=replace(made.concept, definition=definition))
        canvas, encoder = self.need_canvas(), self.need_encoder()
        concept = make(definition, canvas, encoder, report=report)
        return map_kind(map_key).make(canvas, encoder, concept, settings=settings, report=report)

    def try_definition(self, definition: Definition, *, report: Report = silent) -> Concept:
        """Make a concept without adding it, so that what cannot be made is never in the list; :meth:`add` reuses it."""
        return self._need_pictures().concept(definition, report)

    def gene_scores(self, name: str) -> Float[np.ndarray, " genes"]:
        """Concept score of every gene of the canvas."""
        from conceptstain.concepts.latents import latents_of

        concept = self.concept(name)
        return concept.scores(latents_of(self.need_canvas(), self.need_encoder(), space=concept.space))

    def cosines(self, *names: str, report: Report = silent) -> pd.DataFrame:
        """Cosines between the directions of these concepts, or of all: :func:`conceptstain.concepts.cosines.cosines`.

        Raises
        ------
        MismatchError
            They live in different spaces.
        """
        from conceptstain.concepts.cosines import cosines

        return cosines(self._named(names, report))

    def random_cosines(self, *names: str, quantile: float = 0.95, report: Report = silent) -> pd.DataFrame:
        """The cosines that chance gives in the place of :meth:`cosines`, for the same names."""
        from conceptstain.concepts.cosines import random_cosines

        canvas, encoder = self.need_canvas(), self.need_encoder()
        return random_cosines(self._named(names, report), canvas, encoder, quantile=quantile, report=report)

    @property
    def spot_settings(self) -> SpotConceptSettings:
        """How drawn spots become scores."""
        from conceptstain.concepts.spot_concepts import SpotConceptSettings

        return self._spot_settings or SpotConceptSettings()

    @spot_settings.setter
    def spot_settings(self, settings: SpotConceptSettings) -> None:
        self._spot_settings = settings
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
        definitions = [entry.definition for entry in self._list]
        return self._need_spots().concepts(self.entry(name).definition, definitions, self.spot_settings, report)

    def spot_score(self, name: str, *, report: Report = silent) -> SpotScore:
        """How much every spot has of the concept of that name; an InputError where it was not made from spots."""
        from conceptstain.methods.spot_score import spot_score

        made = spot_score(self.spot_concepts(name, report=report), name, report=report)
        return replace(made, concept=replace(made.concept, definition=self.entry(name).definition))

    def spot_genes(self, name: str, *, report: Report = silent) -> pd.DataFrame:
        """Genes of the concept of that name, up and down; see :func:`conceptstain.concept_genes`."""
        from conceptstain.methods.concept_genes import concept_genes

        return concept_genes(self.spot_concepts(name, report=report), name, report=report)

    # -- what they are worth ---------------------------------------------------------------------------------------

    def evidence(self, name: str, *, n_null: int = 999, report: Report = silent) -> Evidence:
        """The evidence for the concept of that name with the encoders in use; made on first use, then kept.

        A concept of spots is tested by their profiles, where there are encoders of those; any other by genes. It is
        corrected for all concepts that were tested, also those that were given up.
        """
        definition = self.entry(name).definition
        if self._spots is not None and definition.region is not None:
            self._spots.evidence(definition, self.spot_concepts(name, report=report), n_null, report)
        else:
            self._need_pictures().evidence(definition, n_null, report)
        return corrected_together(definition, self._tested())

    def known_evidence(self, name: str) -> Evidence | None:
        """The evidence for the concept of that name, where it was made already; corrected as by :meth:`evidence`."""
        definition, tested = self.entry(name).definition, self._tested()
        if self._spots is not None and definition.region is not None:
            others = [entry.definition for entry in self._list]
            if not self._spots.is_tested(definition, others, self.spot_settings):
                return None
        return corrected_together(definition, tested) if definition in tested else None

    def controls(
        self, name: str, map_key: str, *, settings: MapSettings | None = None, report: Report = silent
    ) -> Controls:
        """A map of the concept of that name beside what it has to beat; made on first use, then kept."""
        definition = self.entry(name).definition
        if map_key == SPOT_SCORE.key:
            definitions = [entry.definition for entry in self._list]
            return self._need_spots().controls(definition, definitions, self.spot_settings, report)
        return self._need_pictures().controls(definition, map_key, settings or MapSettings(), report)

    # -- findings --------------------------------------------------------------------------------------------------

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Maps made with the encoder in use, oldest first."""
        return tuple(self._findings.values())

    def keep(self, finding: Finding) -> None:
        """Keep a map in place of an earlier one of the same title, with the colour limits chosen for that."""
        earlier = self._findings.get(finding.title)
        if earlier is not None and finding.colour_limits is None:
            finding = replace(finding, colour_limits=earlier.colour_limits)
        self._findings[finding.title] = finding
        self.finding_added.emit(finding)
        if earlier is None or not np.array_equal(earlier.values, finding.values):
            self._change()  # the same map painted again changes nothing

    def set_colour_limits(self, title: str, limits: tuple[float, float] | None) -> None:
        """Choose the colour limits of a map, for its layer and its figures alike; None: those its values suggest.

        Raises
        ------
        InputError
            No such map, or the lower limit is not below the upper.
        """
        if title not in self._findings:
            raise InputError("There is no map of that name", got=repr(title), cure="Paint it first")
        if limits is not None and not limits[0] < limits[1]:
            raise InputError(
                "The lower colour limit has to be below the upper",
                got=f"{limits[0]:g} and {limits[1]:g}",
                cure="Swap them",
            )
        self._findings[title] = replace(self._findings[title], colour_limits=limits)
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

        Raises
        ------
        InputError
            No section is open.
        """
        canvas, pictures, spots = self.need_canvas(), self._pictures, self._spots
        controls = {} if pictures is None else dict(pictures.controls_of)
        controls |= {} if spots is None else spots.controls_of
        state = self._list.state
        listed = {entry.definition for entries in (state.entries, *state.done, *state.undone) for entry in entries}
        made = {} if pictures is None else dict(pictures.concepts_of)
        return Snapshot(
            canvas=canvas,
            concepts=state,
            findings=self.findings,
            encoder=self.encoder,
            spot_encoders=self.spot_encoders,
            spot_settings=self._spot_settings,
            made={definition: concept for definition, concept in made.items() if definition in listed},
            evidence={} if pictures is None else dict(pictures.evidence_of),
            spot_evidence={} if spots is None else dict(spots.evidence_of),
            controls={asked: drawn for asked, drawn in controls.items() if asked.definition in listed},
            source=self._source,
            changes=self._changes,
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
        study._canvas, study._source, study._path = snapshot.canvas, snapshot.source, path
        study._list.take_up(snapshot.concepts)
        study._spot_settings = snapshot.spot_settings
        if snapshot.encoder is not None:
            study._pictures = PictureResults(snapshot.canvas, snapshot.encoder)
            study._pictures.concepts_of.update(snapshot.made)
            study._pictures.evidence_of.update(snapshot.evidence)
            study._pictures.controls_of.update(_of_kind(snapshot.controls, spots=False))
        if snapshot.spot_encoders:
            profiles = snapshot.canvas.section.view("spots", genes=snapshot.spot_encoders[0].features)
            study._spots = SpotResults(profiles, snapshot.spot_encoders)
            study._spots.evidence_of.update(snapshot.spot_evidence)
            study._spots.controls_of.update(_of_kind(snapshot.controls, spots=True))
        study._findings = {made.title: made for made in snapshot.findings}
        study._changes = 0 if path is not None else 1
        return study

    def become(self, other: Study) -> None:
        """Take over all that another study holds, such as one that was opened; who listens to this one hears of it."""
        self._canvas, self._pictures, self._spots = other._canvas, other._pictures, other._spots
        self._spot_settings, self._source, self._path = other._spot_settings, other._source, other._path
        self._changes, self._saved_at = other._changes, other._saved_at
        self._list.take_up(other._list.state)
        self._findings = dict(other._findings)
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
        done.
        """
        from conceptstain.study.saving import save_study

        snapshot = self.snapshot()
        own = self._path is not None and Path(path).resolve() == self._path.resolve()
        written = save_study(snapshot, path, overwrite=overwrite or own, own=self._path, report=report)
        self.mark_saved(snapshot, written)
        return written

    def mark_saved(self, snapshot: Snapshot, path: Path) -> None:
        """Remember that this snapshot is in that file; what was changed since is not saved."""
        if snapshot.canvas is self._canvas:  # else another section was opened meanwhile
            self._path, self._saved_at = path, snapshot.changes
            self.saved_changed.emit()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _change(self) -> None:
        self._changes += 1
        self.saved_changed.emit()

    def _holds_nothing(self) -> bool:
        """Whether nothing in it is the user's: no concept, now or by undo, no map and no encoder fitted here."""
        if self._canvas is None:
            return True
        encoders = [*([] if self.encoder is None else [self.encoder]), *self.spot_encoders]
        fitted = any(encoder.has_seen(self._canvas.section) for encoder in encoders)
        return not (self.entries or self.can_undo or self.can_redo or self._findings or fitted)

    def _need_pictures(self) -> PictureResults:
        if self._pictures is None:
            raise InputError("No encoder is in use", cure="Load the bundled encoder or fit one in the Model card")
        return self._pictures

    def _need_spots(self) -> SpotResults:
        if self._spots is None:
            raise InputError(
                "No encoder of spot profiles is in use", cure="Fit spot profiles to this section in the Model card"
            )
        return self._spots

    def _named(self, names: Sequence[str], report: Report) -> list[Concept]:
        return [self.concept(name, report=report) for name in names or [entry.name for entry in self._list]]

    def _tested(self) -> dict[Definition, Evidence]:
        """Evidence by definition: by profiles for those of spots, where there are encoders of those."""
        by_genes = {} if self._pictures is None else dict(self._pictures.evidence_of)
        if self._spots is None:
            return by_genes
        return {each: made for each, made in by_genes.items() if each.region is None} | self._spots.evidence_of

    def _results(self) -> list[PictureResults | SpotResults]:
        return [results for results in (self._pictures, self._spots) if results is not None]

    def _hear_of_concepts(self) -> None:
        kept = [self._named_as_listed(finding) for finding in self._findings.values()]
        self._findings = {finding.title: finding for finding in kept if finding is not None}
        self.concepts_changed.emit()
        self.findings_changed.emit()
        self._change()

    def _named_as_listed(self, finding: Finding) -> Finding | None:
        """The finding under its concept's present name; None where the concept is off the list."""
        if finding.concept is None:
            return finding
        of = finding.concept.definition
        same = [entry for entry in self._list if entry.definition.has_same_source(of)]
        listed = {entry.name for entry in self._list}
        if not same or not listed.issuperset(finding.settings.get("against", ())):
            return None  # a score against a concept that is called otherwise now, or is gone, would say what is not so
        if any(entry.name == of.name for entry in same):
            return finding
        definition = same[0].definition
        return replace(finding, name=definition.name, concept=replace(finding.concept, definition=definition))

    def _forget_findings(self, is_void: Callable[[Finding], bool]) -> None:
        self._findings = {title: made for title, made in self._findings.items() if not is_void(made)}
        self.findings_changed.emit()


def _is_portable(definition: Definition, canvas: GenePictures) -> bool:
    """Whether a definition means the same on this canvas; a combination, whether all its parts do."""
    if definition.combined is not None:
        return all(_is_portable(part, canvas) for _, part in definition.combined)
    if definition.region is not None:
        return definition.region.is_portable_to(canvas.section)
    genes = [definition.like] if definition.like is not None else list(definition.items or ())
    try:
        return all(canvas.item(gene) is not None for gene in genes)
    except InputError:
        return False


def _of_kind(controls: Mapping[ControlsAsked, Controls], *, spots: bool) -> dict[ControlsAsked, Controls]:
    return {asked: made for asked, made in controls.items() if (asked.map_key == SPOT_SCORE.key) is spots}
