"""Networks in files, and what is shown to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from conceptstain.cli.choosing import encoder_at, opened
from conceptstain.cli.pictures import canvas_of_pictures, picture_weights
from conceptstain.errors import InputError

if TYPE_CHECKING:
    from conceptstain.canvas.images import Images
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.slide import Slide
    from conceptstain.methods.dissection_passes import Canvas
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.encoder import Encoder

__all__ = [
    "any_source",
    "canvas_and_decoder",
    "canvas_and_network",
    "classifier_at",
    "encoder_in",
    "network_in",
    "shown",
]


def any_source(source: Path, section_name: str | None) -> Section | Images | Slide:
    """What is in a file or a folder; of several sections the one of that name."""
    from conceptstain.canvas.opening import open_source

    return open_source(str(source)) if section_name is None else opened(source, name=section_name)


def shown(found: Section | Images | Slide, network: Encoder | Classifier) -> Canvas:
    """What was opened, as a network reads it."""
    from conceptstain.canvas.section import Section
    from conceptstain.nets.classifier import Classifier

    encoder = network.encoder if isinstance(network, Classifier) else network
    if not isinstance(found, Section):
        return canvas_of_pictures(found, encoder)
    if encoder.features:
        return found.view("spots", genes=encoder.features)
    return found.view("genes", scaling=encoder.scaling, frame=tuple(encoder.shape[1:]))


def canvas_and_decoder(source: Path, weights: Path, section_name: str | None) -> tuple[Canvas, Encoder]:
    """What is shown to the encoder in a file, in its frame, and the encoder."""
    from conceptstain.canvas.section import Section

    found = any_source(source, section_name)
    encoder = encoder_in(weights, of_pictures=not isinstance(found, Section))
    return shown(found, encoder), encoder


def canvas_and_network(source: Path, weights: Path | None, section_name: str | None) -> tuple[Canvas, Encoder | None]:
    """The same, where there may be no network: spots, and pictures in a frame of 64 pixels."""
    from conceptstain.canvas.section import Section

    if weights is not None:
        return canvas_and_decoder(source, weights, section_name)
    found = any_source(source, section_name)
    return (found.view("spots") if isinstance(found, Section) else canvas_of_pictures(found, None)), None


def encoder_in(weights: Path, *, of_pictures: bool = False) -> Encoder:
    """The encoder in a file, saved by this package or exported; of a classifier, its own."""
    if (found := _classifier(weights)) is not None:
        return found.encoder
    if not of_pictures:
        return encoder_at(weights)
    encoder = picture_weights(weights)
    if encoder is None:
        raise InputError("There are no weights", got=str(weights), cure="Name a file")
    return encoder


def network_in(weights: Path) -> Encoder | Classifier:
    """The classifier in a file, or else the encoder."""
    return _classifier(weights) or encoder_at(weights)


def classifier_at(weights: Path) -> Classifier:
    """The classifier in a file; an InputError where there is an encoder."""
    from conceptstain.nets.weights_file import read_weights, refuse_pickle

    if (found := _classifier(weights)) is not None:
        return found
    refuse_pickle(weights)
    read_weights(weights)
    raise InputError(
        f"There is no classifier in {weights.name}",
        got="an encoder",
        cure="Give one from fit-classifier; scores of concepts are explained by cs.explain",
    )


def _classifier(weights: Path) -> Classifier | None:
    """The classifier in a file; None: there is none, or no file of this package."""
    from conceptstain.nets.classifier_checkpoint import KIND, load_classifier
    from conceptstain.nets.weights_file import read_weights, refuse_pickle

    if weights.suffix.lower() == ".pt2" or not weights.is_file():
        return None
    refuse_pickle(weights)
    return load_classifier(weights) if read_weights(weights)[0].get("kind") == KIND else None
