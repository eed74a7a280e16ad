"""What jobs run of what-if pictures: latents are moved, decoded, and drawn beside what they were; no Qt or viewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from conceptstain._qt.what_if_drawing import Pictures, drawn, limits_of, reach_of
from conceptstain._qt.work import need_torch
from conceptstain.errors import ConceptStainError, InputError, MismatchError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from jaxtyping import Float

    from conceptstain._qt.link_work import Linked
    from conceptstain._qt.units_work import Network
    from conceptstain.concepts.concept import Concept
    from conceptstain.concepts.definition import Definition
    from conceptstain.methods.attribution import Attribution
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.encoder import Encoder
    from conceptstain.study import Study

__all__ = [
    "MOST_ITEMS",
    "Begun",
    "ConceptMove",
    "Imagined",
    "begun",
    "compared",
    "concept_moves",
    "decoded_at",
    "imagined",
    "kept_map",
    "live_map",
    "need_encoder",
    "write_table",
]

MOST_ITEMS = 64  # that are decoded each time the slider moves; of more, those spread evenly


@final
@dataclass(frozen=True, eq=False)
class ConceptMove:
    """How far a step of the slider goes along a concept.

    Attributes
    ----------
    definition
        The concept as it is in the list.
    concept
        What this network makes of it; None where it makes nothing.
    step
        What a standard deviation of the concept's scores over the items is in latent space.
    refusal
        Why there is none.
    """

    definition: Definition
    concept: Concept | None = None
    step: Float[np.ndarray, " latent"] | None = None
    refusal: str = ""

    @property
    def spread(self) -> float:
        """A standard deviation of the concept's scores over the items."""
        return 0.0 if self.concept is None or self.step is None else float(self.step @ self.concept.direction)


@final
@dataclass(frozen=True, eq=False)
class Begun:
    """Some items as they are, from which they are moved.

    Attributes
    ----------
    network
        That encoded them, and decodes.
    items
        Their indices on its canvas.
    latents
        Where they lie.
    samples
        What is decoded of each.
    given, decoded
        Means over the items of what the network was given, and of what it decodes.
    limits
        Values at the ends of the colours.
    original, reconstruction
        Drawn.
    """

    network: Network
    items: tuple[int, ...]
    latents: Float[np.ndarray, "items latent"]
    samples: Float[np.ndarray, "items ..."]
    given: np.ndarray
    decoded: np.ndarray
    limits: tuple[float, float]
    original: Pictures
    reconstruction: Pictures


class Imagined(NamedTuple):
    """What the network decodes of moved items, and how that differs from what it decodes of them as they are.

    Attributes
    ----------
    changed, difference
        Drawn.
    values
        The difference, of the shape of one input.
    told
        What a classifier takes both for; empty where none is asked.
    """

    changed: Pictures
    difference: Pictures
    values: np.ndarray
    told: str = ""


def decoded_at(encoder: Encoder, latents: Float[np.ndarray, "items latent"]) -> np.ndarray:
    """What a network decodes at these places, float32, one by one."""
    import torch

    with torch.inference_mode():
        return np.asarray(encoder.decode(encoder.tensor(latents)).cpu().numpy(), dtype=np.float32)


def concept_moves(study: Study, network: Network, *, report: Report) -> tuple[ConceptMove, ...]:
    """How far to go along each concept of the list, in the latent space of a network."""
    need_torch()
    from conceptstain.concepts.definition import LATENT
    from conceptstain.methods.what_if import concept_step

    encoder, canvas = need_encoder(network), network.need_canvas
    moves = []
    for done, entry in enumerate(study.entries):
        report(Step(done, len(study.entries), "Making concepts"))
        definition = entry.definition
        if definition.space != LATENT:
            refusal = f"It lives in the layer {definition.space}; the decoder reads the latent space alone"
            moves.append(ConceptMove(definition, refusal=refusal))
            continue
        try:
            concept = _concept(study, network, definition, report)
        except ConceptStainError as error:
            moves.append(ConceptMove(definition, refusal=str(error)))
            continue
        moves.append(ConceptMove(definition, concept, concept_step(encoder, canvas, concept, report=report)))
    return tuple(moves)


def _concept(study: Study, network: Network, definition: Definition, report: Report) -> Concept:
    from conceptstain.concepts.concept import make

    if network.encoder is study.encoder:
        return study.concept(definition.name, report=report)
    return make(definition, network.need_canvas, need_encoder(network), report=report)


def begun(network: Network, items: Sequence[int], *, report: Report) -> Begun:
    """Encode some items, and draw them as they are and as they are decoded."""
    need_torch()
    from conceptstain.concepts.latents import latents_at

    report(Step(0, 1, "Decoding"))
    encoder, canvas = need_encoder(network), network.need_canvas
    chosen = np.asarray(items, dtype=int)
    if not len(chosen):
        raise InputError(f"No {canvas.noun} is chosen", cure="Choose one in the viewer or by its name")
    if len(chosen) > MOST_ITEMS:
        chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_ITEMS).astype(int)]
    latents = latents_at(canvas, encoder, chosen).astype(np.float64)
    given = canvas.inputs(chosen).mean(axis=0, dtype=np.float64)
    samples = decoded_at(encoder, latents)
    decoded = samples.mean(axis=0, dtype=np.float64)
    limits = limits_of(canvas, given, decoded)
    return Begun(
        network=network,
        items=tuple(int(item) for item in chosen),
        latents=latents,
        samples=samples,
        given=given,
        decoded=decoded,
        limits=limits,
        original=drawn(canvas, given, limits),
        reconstruction=drawn(canvas, decoded, limits),
    )


def imagined(
    of: Begun, shifts: Sequence[tuple[float, np.ndarray]], classifier: Classifier | None = None, *, report: Report
) -> Imagined:
    """Move items along some directions, each so many steps, and draw what the network decodes there."""
    report(Step(0, 1, "Decoding"))
    shift = sum((amount * step for amount, step in shifts), start=np.zeros(of.latents.shape[1]))
    samples = decoded_at(need_encoder(of.network), of.latents + shift)
    made = compared(of, samples.mean(axis=0, dtype=np.float64))
    return made if classifier is None or classifier.parts else made._replace(told=_said(of, samples, classifier))


def _said(of: Begun, samples: np.ndarray, classifier: Classifier) -> str:
    """What a classifier takes the decoded items for, as they are and where they were moved to; or why it cannot."""
    from conceptstain.nets.reading import check_readable, class_probabilities

    words = []
    try:
        check_readable(classifier, need_encoder(of.network))
    except MismatchError as error:
        return str(error)
    for name, each in (("Decoded", of.samples), ("What if", samples)):
        mean = class_probabilities(classifier, each).mean(axis=0)
        best = int(mean.argmax())
        words.append(f"{name}: {classifier.classes[best]} (p {mean[best]:.2f}).".replace("(p 0.", "(p ."))
    return f"The classifier, shown what is decoded. {' '.join(words)}"


def _moved(of: Begun, shifts: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
    shift = sum((amount * step for amount, step in shifts), start=np.zeros(of.latents.shape[1]))
    return decoded_at(need_encoder(of.network), of.latents + shift).mean(axis=0, dtype=np.float64)


def kept_map(
    of: Begun,
    moves: Sequence[tuple[Concept, float]],
    units: Mapping[int, float],
    linked: Linked | None,
    *,
    report: Report,
) -> Attribution:
    """The change of what is decoded, as a map that a study keeps."""
    from conceptstain.methods.what_if import what_if

    through: dict[str, Any] = {}
    if units and linked is not None:
        through = {"units": units, "link": linked.link, "classifier": linked.opened.classifier}
    encoder, canvas = need_encoder(of.network), of.network.need_canvas
    return what_if(encoder, canvas, of.items, moves, **through, report=report)


def live_map(begun: Begun, made: Imagined, name: str) -> Attribution:
    """The difference that follows the sliders, to be painted and not kept."""
    from conceptstain.methods.attribution import Attribution

    return Attribution(
        method="what if",
        name=name,
        values=made.values[None],
        items=begun.items[:1],
        signed=True,
        encoder=need_encoder(begun.network).fingerprint,
        colour_limits=tuple(float(end) for end in reach_of(begun.limits)),  # type: ignore[arg-type]  # two of them
    )


def write_table(of: Begun, shifts: Sequence[tuple[float, np.ndarray]], path: Path, *, report: Report) -> Path:
    """Write what is decoded, what is decoded after a move, and the difference: a row for every gene, or every spot."""
    import pandas as pd

    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.exporting import write_table as write

    report(Step(0, 1, "Writing"))
    canvas = of.network.need_canvas
    changed = _moved(of, shifts)
    columns = {"decoded": of.decoded, "what if": changed, "difference": changed - of.decoded}
    if isinstance(canvas, GenePictures):
        placed = {name: canvas.place(values.astype(np.float32)) for name, values in columns.items()}
        table = pd.DataFrame(placed, index=pd.Index(canvas.section.adata.obs_names, name="spot"))
    else:
        table = pd.DataFrame(columns, index=pd.Index(canvas.features, name="gene"))  # type: ignore[union-attr]
        table = table.sort_values("difference", ascending=False, kind="stable")
    return write(table, path, overwrite=True)  # the file dialog has asked


def compared(of: Begun, values: np.ndarray) -> Imagined:
    """Draw what was decoded, and how it differs from what is decoded of the items as they are."""
    canvas, difference = of.network.need_canvas, values - of.decoded
    shown = np.broadcast_to(canvas.mask, difference.shape)
    return Imagined(
        drawn(canvas, values, of.limits),
        drawn(canvas, difference, of.limits, difference=True),
        np.where(shown, difference, 0.0).astype(np.float32),
    )


def need_encoder(network: Network) -> Encoder:
    """The network itself; an InputError where it is none, but the inputs themselves."""
    if network.encoder is None:
        raise InputError("The inputs themselves have no latent space", got=network.name, cure="Choose a network")
    return network.encoder
