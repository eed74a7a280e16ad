"""The study: the one mutable object. All that a user makes lives here, and whoever shows it listens to its signals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, final, get_args

import numpy as np
from jaxtyping import Float
from psygnal import Signal

from conceptstain.concepts.definition import Definition
from conceptstain.errors import InputError
from conceptstain.methods.maps import SPOT_SCORE
from conceptstain.progress import Report, silent

if TYPE_CHECKING:  # these import torch, and a window that shows an empty study should not wait for it
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.evidence import Evidence
    from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings
    from conceptstain.methods.controls import Controls
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.spot_score import SpotScore
    from conceptstain.nets.encoder import Encoder

__all__ = ["WONG", "Entry", "Sign", "Study"]

Sign = Literal["+", "-"]

# Wong, Nature Methods 8, 441 (2011): told apart by readers with any colour vision; black is left to text.
WONG = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")


@final
@dataclass(frozen=True, eq=False)
class Entry:
    """A line of the concept list: a definition and the colour it is shown in."""

    definition: Definition
    colour: str

    @property
    def name(self) -> str:
        """The definition's name."""
        return self.definition.name


class Study:
    """A section, an encoder, concepts and findings, with signals and undo.

    Concepts are kept as definitions. A definition becomes a :class:`Concept` only together with an encoder
    (:meth:`concept`), so that changing the encoder loses nothing, and undo never has to undo a training.
    """

    section_changed: ClassVar[Signal] = Signal()
    encoder_changed: ClassVar[Signal] = Signal()
    spot_encoders_changed: ClassVar[Signal] = Signal()
    concepts_changed: ClassVar[Signal] = Signal()
    finding_added: ClassVar[Signal] = Signal(object)
    findings_changed: ClassVar[Signal] = Signal()

    def __init__(self) -> None:
        self._section: Section | None = None
        self._canvas: GenePictures | None = None
        self._encoder: Encoder | None = None
        self._spot_canvas: SpotProfiles | None = None
        self._spot_encoders: tuple[Encoder, ...] = ()
        self._spot_settings: SpotConceptSettings | None = None
        self._spot_concepts: dict[tuple[Definition, ...], SpotConcepts] = {}
        self._entries: tuple[Entry, ...] = ()
        self._done: list[tuple[Entry, ...]] = []
        self._undone: list[tuple[Entry, ...]] = []
        self._concepts: dict[tuple[Definition, str], Concept] = {}
        self._evidence: dict[tuple[Definition, str], Evidence] = {}
        self._controls: dict[tuple[Definition, str, int], Controls] = {}
        self._findings: dict[str, Finding] = {}

    # -- what is open ----------------------------------------------------------------------------------------------

    @property
    def section(self) -> Section | None:
        """The open section."""
        return self._section

    @property
    def canvas(self) -> GenePictures | None:
        """The open section as gene pictures."""
        return self._canvas

    @property
    def encoder(self) -> Encoder | None:
        """The encoder of gene pictures in use."""
        return self._encoder

    @property
    def spot_canvas(self) -> SpotProfiles | None:
        """The open section as the spot profiles that :attr:`spot_encoders` read; None without them."""
        return self._spot_canvas

    @property
    def spot_encoders(self) -> tuple[Encoder, ...]:
        """The encoders of spot profiles in use, whose scores are averaged; empty where there are none."""
        return self._spot_encoders

    def show(self, canvas: GenePictures) -> tuple[Entry, ...]:
        """Open a section through its canvas.

        Concepts named by genes or by an annotation move on to the new section; those of drawn or picked spots mean
        nothing there.

        Returns
        -------
        tuple of Entry
            The concepts that were left behind, so that the user can be told.
        """
        left = tuple(entry for entry in self._entries if not _is_portable(entry.definition, canvas))
        self._section, self._canvas, self._encoder = canvas.section, canvas, None
        self._spot_canvas, self._spot_encoders, self._spot_concepts = None, (), {}
        self._entries = tuple(entry for entry in self._entries if entry not in left)
        self._done, self._undone = [], []
        self._forget_results()
        self.section_changed.emit()
        self.encoder_changed.emit()
        self.spot_encoders_changed.emit()
        self.concepts_changed.emit()
        return left

    def use(self, encoder: Encoder) -> None:
        """Use an encoder for everything from now on; concepts are made again in its latent space when asked for.

        Raises
        ------
        InputError
            No section is open.
        MismatchError
            The encoder does not fit the section.
        """
        encoder.check(self.need_canvas())
        self._encoder = encoder
        self._forget_results()
        self.encoder_changed.emit()

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
        self._spot_canvas, self._spot_encoders = canvas, tuple(encoders)
        self._forget_spot_scores()
        self.spot_encoders_changed.emit()

    def need_canvas(self) -> GenePictures:
        """The canvas; an InputError where nothing is open."""
        if self._canvas is None:
            raise InputError("No section is open", cure="Open one in the Data card, or drop a file on the viewer")
        return self._canvas

    def need_encoder(self) -> Encoder:
        """The encoder; an InputError where none is in use."""
        if self._encoder is None:
            raise InputError("No encoder is in use", cure="Load the bundled encoder or fit one in the Model card")
        return self._encoder

    # -- concepts --------------------------------------------------------------------------------------------------

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The concept list, in order."""
        return self._entries

    def entry(self, name: str) -> Entry:
        """A line of the concept list by its name; an InputError where there is none."""
        for entry in self._entries:
            if entry.name == name:
                return entry
        raise InputError("There is no concept of that name", got=repr(name), cure="Choose one from the list")

    def concept(self, name: str, *, report: Report = silent) -> Concept:
        """The concept of that name in the latent space of the encoder in use; made on first use, then kept."""
        definition = self.entry(name).definition
        made = self._concepts.get((definition, self.need_encoder().fingerprint))
        return made if made is not None else self.try_definition(definition, report=report)

    def try_definition(self, definition: Definition, *, report: Report = silent) -> Concept:
        """Make a concept without adding it, so that what cannot be made is never in the list; :meth:`add` reuses it."""
        from conceptstain.concepts.concept import make

        canvas, encoder = self.need_canvas(), self.need_encoder()
        made = make(definition, canvas, encoder, report=report)
        if self._canvas is canvas:  # another section may have been opened meanwhile
            self._concepts[definition, encoder.fingerprint] = made
        return made

    @property
    def spot_settings(self) -> SpotConceptSettings:
        """How drawn spots become scores."""
        from conceptstain.concepts.spot_concepts import SpotConceptSettings

        return self._spot_settings or SpotConceptSettings()

    @spot_settings.setter
    def spot_settings(self, settings: SpotConceptSettings) -> None:
        if settings != self.spot_settings:
            self._spot_settings = settings
            self._forget_spot_controls()

    def spot_concepts(self, name: str, *, report: Report = silent) -> SpotConcepts:
        """The concept of that name and those it is told from, as the spot encoders read them together.

        It is told from the other concepts of the list that were made from spots and have no spot in common with it or
        with each other; of two that overlap, from the first.

        Raises
        ------
        InputError
            No spot encoder is in use, or the concept was not made from spots.
        """
        from conceptstain.concepts.spot_concepts import spot_concepts

        definition = self.entry(name).definition
        if definition.region is None:
            raise InputError(
                f"The concept {name!r} was not made from spots, so spots cannot be compared with any",
                got="a concept of genes",
                cure="Choose another map, or make a concept of drawn spots",
            )
        canvas = self._spot_canvas
        if canvas is None:
            raise InputError(
                "No encoder of spot profiles is in use", cure="Fit spot profiles to this section in the Model card"
            )
        taken = [definition]
        covered = definition.region.choose(canvas.section)
        for entry in self._entries if self.spot_settings.contrast else ():
            if entry.definition is not definition and entry.definition.region is not None:
                spots = entry.definition.region.choose(canvas.section)
                if not (spots & covered).any():
                    taken.append(entry.definition)
                    covered = covered | spots
        known = self._spot_concepts.get(tuple(taken))
        if known is None:
            regions = [replace(made.region, name=made.name) for made in taken if made.region is not None]
            known = spot_concepts(regions, canvas, self._spot_encoders, self.spot_settings, report=report)
            self._spot_concepts[tuple(taken)] = known
        return known

    def spot_score(self, name: str, *, report: Report = silent) -> SpotScore:
        """How much every spot has of the concept of that name; an InputError where it was not made from spots."""
        from conceptstain.methods.spot_score import spot_score

        made = spot_score(self.spot_concepts(name, report=report), name, report=report)
        return replace(made, concept=replace(made.concept, definition=self.entry(name).definition))

    def spot_genes(self, name: str, *, report: Report = silent) -> pd.DataFrame:
        """Genes of the concept of that name, up and down; see :func:`conceptstain.concept_genes`."""
        from conceptstain.methods.concept_genes import concept_genes

        return concept_genes(self.spot_concepts(name, report=report), name, report=report)

    def evidence(self, name: str, *, n_null: int = 999, report: Report = silent) -> Evidence:
        """The evidence for the concept of that name with the encoders in use; made on first use, then kept.

        A concept of spots is tested by their profiles, where there are encoders of those; any other by genes. It is
        corrected for all concepts that were tested, also those that were given up.
        """
        definition = self.entry(name).definition
        known = self._tested(definition)
        if known is None or known.settings["n_null"] != n_null:
            from conceptstain.concepts.evidence import evidence

            canvas, encoder, judges = self.need_canvas(), self.need_encoder(), self._judges(definition)
            if judges == encoder.fingerprint:
                made = evidence(self.concept(name, report=report), canvas, encoder, n_null=n_null, report=report)
            else:
                concepts = self.spot_concepts(name, report=report)
                made = replace(evidence(concepts, name=name, n_null=n_null, report=report), definition=definition)
            if self._canvas is canvas:  # another section may have been opened meanwhile
                self._evidence[definition, judges] = made
        found = self.known_evidence(name)
        if found is None:
            raise InputError(f"The section that {name!r} was tested on is open no more", cure="Test it again")
        return found

    def known_evidence(self, name: str) -> Evidence | None:
        """The evidence for the concept of that name, where it was made already; corrected as by :meth:`evidence`."""
        from conceptstain.concepts.evidence import corrected

        asked = self.entry(name).definition
        known = self._tested(asked)
        if known is None:
            return None
        counted, tried = [asked], [known]
        for definition, _ in self._evidence:
            other = self._tested(definition)
            if other is not None and not any(definition.has_same_source(each) for each in counted):
                counted.append(definition)
                tried.append(other)
        return corrected(tried)[0]

    def _tested(self, definition: Definition) -> Evidence | None:
        return self._evidence.get((definition, self._judges(definition)))

    def _judges(self, definition: Definition) -> str:
        """Fingerprints of the encoders that a definition is tested with."""
        if definition.region is not None and self._spot_encoders:
            return "+".join(encoder.fingerprint for encoder in self._spot_encoders)
        return self.need_encoder().fingerprint

    def controls(self, name: str, map_key: str, *, dimension: int = 0, report: Report = silent) -> Controls:
        """A map of the concept of that name beside what it has to beat; made on first use, then kept."""
        definition = self.entry(name).definition
        key = (definition, map_key, dimension)
        known = self._controls.get(key)
        if known is None:
            from conceptstain.methods.controls import controls

            canvas, encoder = self.need_canvas(), self.need_encoder()
            if map_key == SPOT_SCORE.key:
                known = controls(self.spot_concepts(name, report=report), name=name, report=report)
            else:
                concept = self.concept(name, report=report)
                known = controls(canvas, encoder, concept, map_key, dimension=dimension, report=report)
            if self._canvas is canvas and self._encoder is encoder:
                self._controls[key] = known
        return known

    def add(self, definition: Definition, *, colour: str | None = None) -> Entry:
        """Add a concept at the end of the list; undoable.

        Raises
        ------
        InputError
            The name is empty or taken.
        """
        self._check_name(definition.name)
        if definition.name != definition.name.strip():
            definition = definition.renamed(definition.name.strip())
        used = {entry.colour for entry in self._entries}
        free = [wong for wong in WONG if wong not in used] or [WONG[len(self._entries) % len(WONG)]]
        entry = Entry(definition, colour or free[0])
        self._change((*self._entries, entry))
        return entry

    def rename(self, name: str, new: str) -> None:
        """Rename a concept; undoable."""
        entry = self.entry(name)
        if new.strip() == name:
            return
        self._check_name(new)
        renamed = self._renamed(entry.definition, new.strip())
        self._replace(entry, replace(entry, definition=renamed))

    def duplicate(self, name: str) -> Entry:
        """Add a concept made from the same under the first free name, in a colour of its own; undoable."""
        return self.add(self._renamed(self.entry(name).definition, self.free_name(name)))

    def combination(self, first: str, second: str, sign: Sign = "-") -> Definition:
        """Two concepts of the list taken together (``"+"``), or the first against the second (``"-"``).

        It is not added: see :meth:`combine`. It holds its parts as they are now, so that renaming or removing them
        leaves it as it is.

        Raises
        ------
        InputError
            No such concept or sign, concepts of different forms or spaces, or nothing left of them.
        """
        if sign not in get_args(Sign):
            raise InputError("There is no such sign", got=repr(sign), cure="Use + or -")
        one, other = self.entry(first).definition, self.entry(second).definition
        made = one + other if sign == "+" else one - other
        return made.renamed(self.free_name(made.name))

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
        if self._encoder is not None:
            self.try_definition(definition, report=report)
        return self.add(definition)

    def recolour(self, name: str, colour: str) -> None:
        """Give a concept another colour, ``#rrggbb``; undoable."""
        entry = self.entry(name)
        self._replace(entry, replace(entry, colour=colour))

    def remove(self, name: str) -> None:
        """Take a concept off the list; undoable."""
        entry = self.entry(name)
        self._change(tuple(other for other in self._entries if other is not entry))

    @property
    def can_undo(self) -> bool:
        """Whether there is a change of the concept list to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a taken-back change to make again."""
        return bool(self._undone)

    def undo(self) -> None:
        """Take back the last change of the concept list."""
        if self._done:
            self._undone.append(self._entries)
            self._set_entries(self._done.pop())

    def redo(self) -> None:
        """Make the last taken-back change again."""
        if self._undone:
            self._done.append(self._entries)
            self._set_entries(self._undone.pop())

    def free_name(self, wanted: str) -> str:
        """The wanted name, or the wanted name with the first free number."""
        taken = {entry.name for entry in self._entries}
        if wanted not in taken:
            return wanted
        number = 2
        while f"{wanted} {number}" in taken:
            number += 1
        return f"{wanted} {number}"

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

    # -- inside ----------------------------------------------------------------------------------------------------

    def _named(self, names: Sequence[str], report: Report) -> list[Concept]:
        return [self.concept(name, report=report) for name in names or [entry.name for entry in self._entries]]

    def _renamed(self, definition: Definition, name: str) -> Definition:
        """The definition under another name, with what was made of it."""
        renamed = definition.renamed(name)
        for (of, fingerprint), made in list(self._concepts.items()):
            if of is definition:
                self._concepts[renamed, fingerprint] = replace(made, definition=renamed)
        for (of, fingerprint), known in list(self._evidence.items()):
            if of is definition:
                self._evidence[renamed, fingerprint] = replace(known, definition=renamed)
        return renamed

    def _check_name(self, name: str) -> None:
        if not name.strip():
            raise InputError("A concept needs a name", cure="Type one")
        if any(entry.name == name.strip() for entry in self._entries):
            raise InputError("There is already a concept of that name", got=repr(name), cure="Choose another name")

    def _replace(self, old: Entry, new: Entry) -> None:
        self._change(tuple(new if entry is old else entry for entry in self._entries))

    def _change(self, entries: tuple[Entry, ...]) -> None:
        self._done.append(self._entries)
        self._undone = []
        self._set_entries(entries)

    def _set_entries(self, entries: tuple[Entry, ...]) -> None:
        self._entries = entries
        kept = [self._named_as_listed(finding) for finding in self._findings.values()]
        self._findings = {finding.title: finding for finding in kept if finding is not None}
        self.concepts_changed.emit()
        self.findings_changed.emit()

    def _named_as_listed(self, finding: Finding) -> Finding | None:
        """The finding under its concept's present name; None where the concept is off the list."""
        if finding.concept is None:
            return finding
        of = finding.concept.definition
        same = [entry for entry in self._entries if entry.definition.has_same_source(of)]
        if not same:
            return None
        if any(entry.name == of.name for entry in same):
            return finding
        definition = same[0].definition
        return replace(finding, name=definition.name, concept=replace(finding.concept, definition=definition))

    def _forget_results(self) -> None:
        """Forget what the encoder of gene pictures had a part in."""
        self._concepts, self._controls = {}, {}
        self._evidence = {key: made for key, made in self._evidence.items() if made.by == "spot profiles"}
        self._forget_findings(lambda made: self._spot_canvas is None or made.method != "spot score")

    def _forget_spot_controls(self) -> None:
        self._spot_concepts = {}
        self._controls = {key: made for key, made in self._controls.items() if key[1] != SPOT_SCORE.key}

    def _forget_spot_scores(self) -> None:
        self._forget_spot_controls()
        self._forget_findings(lambda made: made.method == "spot score")

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
