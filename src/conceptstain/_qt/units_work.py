"""What jobs run of units: networks are opened, held against labels, and beside controls; no Qt and no viewer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

from conceptstain._qt.work import need_torch
from conceptstain.errors import InputError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    import pandas as pd

    from conceptstain.canvas.label_maps import LabelMaps
    from conceptstain.canvas.opening import Opened
    from conceptstain.canvas.picture_canvas import PictureCanvas
    from conceptstain.methods.dissection import Dissection
    from conceptstain.methods.dissection_controls import DissectionControls
    from conceptstain.methods.dissection_passes import Canvas
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.encoder import Encoder

__all__ = [
    "DRAWS",
    "INPUTS",
    "Compared",
    "Dissected",
    "LookedInto",
    "Network",
    "compared",
    "controlled",
    "dissected",
    "looked_into",
    "opened_network",
    "write_figure",
    "write_table",
]

DRAWS = 3  # of each control
INPUTS = "input"  # in place of a layer, where there is no network


@final
@dataclass(frozen=True, eq=False)
class Network:
    """A network whose units can be looked at, on the view of what is open that it reads.

    Attributes
    ----------
    name
        To be chosen by.
    encoder
        The network; None: the inputs themselves are the units, such as genes.
    canvas
        What it reads; None: it is made when the network is looked into.
    classifier
        Where it is a classifier's.
    """

    name: str
    encoder: Encoder | None = None
    canvas: Canvas | None = None
    classifier: Classifier | None = None

    def is_same(self, other: Network) -> bool:
        """Whether two are one network, of which one may have been looked into already."""
        return self.name == other.name and self.encoder is other.encoder

    @property
    def need_canvas(self) -> Canvas:
        """What it reads; an InputError where that was not made yet."""
        if self.canvas is None:
            raise InputError(f"{self.name} was not looked into yet", cure="Choose it again")
        return self.canvas


class LookedInto(NamedTuple):
    """A network with its canvas, and its layers.

    Attributes
    ----------
    network
        Which one.
    layers
        Those that can be dissected, in order.
    likely
        The one that is chosen unless somebody chooses another; empty where there are none.
    """

    network: Network
    layers: tuple[str, ...]
    likely: str


class Dissected(NamedTuple):
    """A dissection, with all that is needed to go on from it.

    Attributes
    ----------
    network, layer
        Whose units.
    labels
        What they were held against.
    found
        What they see.
    table
        A row for every unit, the best first, at the IoU that makes a detector in the paper.
    """

    network: Network
    layer: str
    labels: LabelMaps
    found: Dissection
    table: pd.DataFrame

    @property
    def unit_names(self) -> tuple[str, ...]:
        """What units are called that are inputs: genes; empty where they have numbers alone."""
        return self.network.need_canvas.features if self.network.encoder is None else ()  # type: ignore[union-attr]


class Compared(NamedTuple):
    """Unique detectors beside those of the controls.

    Attributes
    ----------
    tables
        By category: a row for the network and for each control, with ``unique``, ``unique low`` and ``unique high``.
    sentence
        What the controls say; empty where there are none.
    """

    tables: dict[str, pd.DataFrame]
    sentence: str


def looked_into(source: Opened, network: Network, *, report: Report) -> LookedInto:
    """Find the layers of a network whose units can be held against labels."""
    need_torch()
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.methods.dissecting import layers_with_places
    from conceptstain.nets.tap import convolutional_layers, encoder_layers

    report(Step(0, 1, "Looking for layers"))
    if network.encoder is None:
        if network.canvas is None and isinstance(source, Section):
            network = replace(network, canvas=source.view("spots"))
        return LookedInto(network, (INPUTS,), INPUTS)
    if isinstance(network.canvas, SpotProfiles):
        layers = encoder_layers(network.encoder)
        return LookedInto(network, layers, layers[-1] if layers else "")
    layers = layers_with_places(network.encoder)
    known = [name for name in convolutional_layers(network.encoder) if name in layers] or layers
    if network.classifier is not None and network.classifier.places in layers:
        known = [network.classifier.places]  # whose units add up to the scores
    return LookedInto(network, layers, known[-1] if known else "")


def opened_network(path: Path, canvas: PictureCanvas, *, report: Report) -> Network:
    """Read a classifier or an encoder from a file, and view what is open as it reads it."""
    need_torch()
    from conceptstain.nets.checkpoint import load_encoder
    from conceptstain.nets.classifier_checkpoint import KIND, load_classifier
    from conceptstain.nets.own_networks import own_encoder
    from conceptstain.nets.weights_file import read_weights, refuse_pickle

    report(Step(0, 2, "Reading"))
    classifier = None
    if path.suffix.lower() == ".pt2":
        encoder = own_encoder(path, scaling=canvas.scaling)
    else:
        refuse_pickle(path)
        if read_weights(path)[0].get("kind") == KIND:
            classifier = load_classifier(path)
            encoder = classifier.encoder
        else:
            encoder = load_encoder(path)
    report(Step(1, 2, "Viewing"))
    name = f"{path.name} · classifier" if classifier is not None else path.name
    return Network(name, encoder, _viewed(canvas, encoder), classifier)


def _viewed(canvas: PictureCanvas, encoder: Encoder) -> Canvas:
    from conceptstain.canvas.gene_pictures import GenePictures
    from conceptstain.canvas.image_set import ImageSet

    if isinstance(canvas, GenePictures) and encoder.features:
        made: Canvas = canvas.section.view("spots", genes=encoder.features)
    elif tuple(encoder.shape) == tuple(canvas.shape) and encoder.scaling == canvas.scaling:
        made = canvas
    elif len(encoder.shape) != 3:
        raise InputError(
            f"{encoder.name} does not read this", got=f"inputs of shape {tuple(encoder.shape)}", cure="Open another"
        )
    elif isinstance(canvas, GenePictures):
        made = canvas.section.view("genes", scaling=encoder.scaling, frame=tuple(encoder.shape[1:]))
    elif isinstance(canvas, ImageSet):
        made = canvas.images.view("images", frame=encoder.shape[1], channels=encoder.shape[0])
    else:
        made = canvas.slide.view("patches", size=encoder.shape[1])
    encoder.check(made)
    return made


def dissected(network: Network, layer: str, labels: LabelMaps, quantile: float | None, *, report: Report) -> Dissected:
    """Hold the units of a layer against labels."""
    from conceptstain.methods.dissecting import dissect, dissect_inputs

    canvas = network.need_canvas
    if network.encoder is None:
        found = dissect_inputs(canvas, labels, quantile=quantile, report=report)
    else:
        found = dissect(network.encoder, layer, canvas, labels, quantile=quantile, report=report)
    return Dissected(network, layer, labels, found, found.table())


def controlled(
    of: Dissected, before: DissectionControls | None, quantile: float | None, *, report: Report
) -> DissectionControls:
    """Draw each control once more. Those already drawn are kept, so that what is stopped loses one draw at most.

    Genes have no layer to be rotated, and no training.
    """
    from conceptstain.methods.dissecting import dissect_inputs
    from conceptstain.methods.dissection_controls import DissectionControls, dissection_controls

    drawn = dict(before.drawn) if before is not None else {}
    seed = max((len(each) for each in drawn.values()), default=0)
    canvas, labels, encoder = of.network.need_canvas, of.labels, of.network.encoder
    if encoder is None:
        own = dissect_inputs(canvas, labels, quantile=quantile, shuffled=seed, report=report)
        more: dict[str, tuple[Dissection, ...]] = {"shuffled": (own,)}
    else:
        made = dissection_controls(
            encoder, of.layer, canvas, labels, quantile=quantile, draws=1, seed=seed, report=report
        )
        more = dict(made.drawn)
    return DissectionControls(of.found, {kind: (*drawn.get(kind, ()), *each) for kind, each in more.items()})


def compared(found: Dissection, controls: DissectionControls | None, least: float, *, report: Report) -> Compared:
    """Count unique detectors by category, beside those of the controls, at an IoU that makes a detector."""
    from conceptstain.methods.dissection_controls import DissectionControls

    together = controls or DissectionControls(found, {})
    tables = {}
    for done, category in enumerate(found.categories):
        report(Step(done, len(found.categories), "Counting detectors"))
        unique = together.compared(least, category=category)
        tables[category] = unique[["unique", "unique low", "unique high"]]
    return Compared(tables, "" if controls is None else controls.sentence_at(least))


def write_table(of: Dissected, least: float, path: Path, *, report: Report) -> Path:
    """Write a row for every unit, the best first."""
    from conceptstain.exporting import write_table as write

    report(Step(0, 1, "Writing"))
    table = of.found.table(least)
    if of.unit_names:
        table.insert(0, "name", [of.unit_names[unit] for unit in table.index])
    return write(table, path, overwrite=True)  # the file dialog has asked


def write_figure(
    of: Dissected, controls: DissectionControls | None, least: float, path: Path, *, report: Report
) -> Path:
    """Draw unique detectors by category, beside the controls where they are drawn, and write the figure."""
    from conceptstain.dissection_figures import detector_figure
    from conceptstain.figures import save_figure

    report(Step(0, 1, "Drawing"))
    drawn = detector_figure(controls or of.found, least=least, title=of.found.title)
    return save_figure(drawn, path, overwrite=True)  # the file dialog has asked
