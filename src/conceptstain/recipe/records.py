"""What a recipe is made of: the section, or pictures, encoders and what is asked.

Data and no code; whole numbers are bounded, and all others finite.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated, Any, Literal, TypeAlias, final

from pydantic import Field

from conceptstain.canvas.spot_profiles import Flavour, SpotProfileSettings
from conceptstain.concepts.evidence import By
from conceptstain.fitting import FitSettings
from conceptstain.methods.anomaly_settings import DEFAULT_ANOMALY, AnomalyMethod
from conceptstain.methods.map_settings import AttentionVariant, Baseline, MapSettings, Quadrature
from conceptstain.nets.augmentation import Augmentation, Symmetries
from conceptstain.nets.image_vae import ImageNetwork, ImageVAESettings
from conceptstain.nets.objectives import Objective, ObjectiveName
from conceptstain.nets.picture_vae import Network, PictureVAESettings
from conceptstain.nets.profile_vae import Likelihood, ProfileVAESettings
from conceptstain.nets.rules import Variant
from conceptstain.nets.training_settings import Loss, Schedule, TrainingSettings
from conceptstain.study.record import Finite, Key, Limits, Name, Record
from conceptstain.study.records import SourceRecord, SpotSettingsRecord

__all__ = [
    "AnyMap",
    "AttentionRecord",
    "AttributedRecord",
    "ClassifierRecord",
    "ControlsRecord",
    "CounterfactualRecord",
    "DeviationScoreRecord",
    "EncoderRecord",
    "EvidenceRecord",
    "FigureRecord",
    "FitRecord",
    "ImageNetworkRecord",
    "ItemScoreRecord",
    "MapRecord",
    "MoveRecord",
    "ObjectiveRecord",
    "PictureNetworkRecord",
    "PlainMapRecord",
    "ProfileNetworkRecord",
    "ProfilesRecord",
    "SaliencyRecord",
    "SectionRecord",
    "SpotScoreRecord",
    "TrainingRecord",
    "UnitMapRecord",
    "UnitValueRecord",
    "WhatIfRecord",
]

LARGEST = 2**53  # of a seed: beyond it YAML of other programs loses digits

Sha: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Fingerprint: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Units: TypeAlias = Annotated[int, Field(ge=1, le=4096)]
Seed: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST)]
Few: TypeAlias = Annotated[int, Field(ge=0, le=4096)]
Pixels: TypeAlias = Annotated[int, Field(ge=1, le=4096)]
Steps: TypeAlias = Annotated[int, Field(ge=1, le=10_000)]
Positive: TypeAlias = Annotated[Finite, Field(gt=0)]


# -- what is shown -----------------------------------------------------------------------------------------------------


@final
class SectionRecord(Record):
    """The section: its file, and what was in it."""

    source: SourceRecord
    fingerprint: Sha
    unit: Literal["µm", "px"]
    spots: Annotated[int, Field(ge=1, le=LARGEST)]
    genes: Annotated[int, Field(ge=1, le=LARGEST)]


# -- encoders ----------------------------------------------------------------------------------------------------------


@final
class PictureNetworkRecord(Record):
    """A network of pictures."""

    kind: Literal["pictures"]
    network: Network
    latent: Units
    widths: Annotated[tuple[Units, ...], Field(max_length=3)]
    hidden: Annotated[tuple[Units, ...], Field(max_length=4)]
    unit_range: bool


@final
class ProfileNetworkRecord(Record):
    """A network of profiles."""

    kind: Literal["profiles"]
    likelihood: Likelihood
    latent: Units
    hidden: Annotated[tuple[Units, ...], Field(max_length=4)]


@final
class ImageNetworkRecord(Record):
    """A network of images."""

    kind: Literal["images"]
    network: ImageNetwork
    latent: Units
    widths: Annotated[tuple[Units, ...], Field(max_length=8)]
    hidden: Annotated[tuple[Units, ...], Field(max_length=4)]


@final
class AugmentationRecord(Record):
    """How images were changed before every step."""

    symmetries: Symmetries = "none"
    shift: Annotated[int, Field(ge=0, le=256)] = 0
    light: Annotated[Finite, Field(ge=0, lt=1)] = 0.0


@final
class ObjectiveRecord(Record):
    """What was made small beside the reconstruction."""

    name: ObjectiveName = "vae"
    beta: Annotated[Finite, Field(ge=0)] = 4.0
    gamma: Annotated[Finite, Field(ge=0)] = 10.0
    discriminator: Annotated[tuple[Units, ...], Field(min_length=1, max_length=16)] = (1000,) * 6
    discriminator_learning_rate: Positive = 1e-4
    attention_weight: Annotated[Finite, Field(ge=0)] = 1.0
    attention_layer: Name | None = None


@final
class TrainingRecord(Record):
    """How a network was trained."""

    epochs: Annotated[int, Field(ge=1, le=100_000)] | None
    batch_size: Annotated[int, Field(ge=2, le=100_000)]
    learning_rate: Annotated[Finite, Field(gt=0)]
    schedule: Schedule
    beta: Annotated[Finite, Field(ge=0)]
    jitter: Annotated[int, Field(ge=0, le=64)]
    validation_fraction: Annotated[Finite, Field(ge=0, le=0.5)]
    seed: Seed
    loss: Loss | None = None
    augmentation: AugmentationRecord = AugmentationRecord()
    items_per_epoch: Annotated[int, Field(ge=2, le=LARGEST)] | None = None
    objective: ObjectiveRecord = ObjectiveRecord()

    def made(self, device: str) -> TrainingSettings:
        """The settings, on a device of this machine."""
        told = self.model_dump(exclude={"augmentation", "objective"})
        changed, objective = Augmentation(**dict(self.augmentation)), Objective(**dict(self.objective))
        return TrainingSettings(**told, augmentation=changed, objective=objective, device=device)


@final
class ProfilesRecord(Record):
    """How spots became profiles."""

    n_genes: Annotated[int, Field(ge=1, le=100_000)] = 1000
    genes: Annotated[tuple[Name, ...], Field(max_length=100_000)] | None = None
    min_spots: Annotated[int, Field(ge=0, le=LARGEST)] = 10
    flavour: Flavour = "cell_ranger"

    def made(self) -> dict[str, Any]:
        """Settings of the view."""
        return asdict(SpotProfileSettings(**dict(self)))


@final
class FitRecord(Record):
    """How an encoder was fitted to this section, these pictures or this slide, to fit it again."""

    network: Annotated[PictureNetworkRecord | ProfileNetworkRecord | ImageNetworkRecord, Field(discriminator="kind")]
    training: TrainingRecord
    profiles: ProfilesRecord | None = None
    device: Name

    def made(self, device: str) -> FitSettings:
        """The settings, on a device of this machine."""
        told = self.network.model_dump(exclude={"kind"})
        network: PictureVAESettings | ProfileVAESettings | ImageVAESettings
        if isinstance(self.network, PictureNetworkRecord):
            network = PictureVAESettings(**told)
        elif isinstance(self.network, ImageNetworkRecord):
            network = ImageVAESettings(**told)
        else:
            network = ProfileVAESettings(**told)
        return FitSettings(network, self.training.made(device))


@final
class EncoderRecord(Record):
    """An encoder: its fingerprint, and the ways to it.

    It comes with the package (``bundled``), from a file ``<fingerprint>.safetensors`` in the folders that the recipe is
    given, or is fitted again (``fit``).
    """

    name: Annotated[str, Field(max_length=500)]
    fingerprint: Fingerprint
    bundled: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,50}$")] | None = None
    fit: FitRecord | None = None
    learned_from: tuple[Name, ...] = ()


# -- what is asked -----------------------------------------------------------------------------------------------------


class _Asked(Record):
    """What all maps have: what tells it from others, its colours, and the SHA-256 of the values that were found."""

    detail: Annotated[str, Field(max_length=200)] = ""
    colour_limits: Limits | None = None
    sha256: Sha


@final
class PlainMapRecord(_Asked):
    """A map without settings."""

    concept: Key
    map: Literal["decoded", "gene-mean"]


@final
class SaliencyRecord(_Asked):
    """A gradient map, with the settings of its rule.

    ``at``: ``"own"`` for the concept's genes, else the genes.
    """

    concept: Key
    map: Literal["gradient", "input-gradient", "guided", "deconvolution", "rectified"]
    times_input: bool
    percentile: Annotated[Finite, Field(ge=0, le=100)] | None = None
    threshold: Finite | None = None
    variant: Variant = "plain"
    padding: bool = False
    at: Literal["own"] | Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)] = "own"


@final
class AttentionRecord(_Asked):
    """An attention map; ``at``: ``"own"`` for the concept's genes, ``"all"`` for the mean over all, else the genes.

    ``dimension``: number of the latent, ``"all"`` for all together, ``"concept"`` for the score of the concept.
    """

    concept: Key | None = None
    map: Literal["attention"]
    dimension: Few | Literal["all", "concept"]
    layer: Name
    variant: AttentionVariant = "paper"
    at: Literal["own", "all"] | Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)] = "own"


@final
class UnitMapRecord(_Asked):
    """The activation of a unit; ``at``: ``"all"`` for the mean over all, or all spots, else names of items.

    ``fingerprint``: of its network; ``network``: where that is none of the study's, the ways to it. ``spots``: of spot
    profiles.
    """

    map: Literal["activation"]
    concept: None = None
    unit: Annotated[int, Field(ge=0, le=1_000_000)]
    layer: Name
    alignment: Literal["receptive field", "bilinear"] = "receptive field"
    network: EncoderRecord | None = None
    fingerprint: Fingerprint
    spots: bool = False
    at: Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)] = "all"


@final
class MoveRecord(Record):
    """How far to go along a concept, in standard deviations of its score."""

    concept: Key
    far: Finite


@final
class UnitValueRecord(Record):
    """A unit of a classifier's layer, and the value that it is to have."""

    unit: Annotated[int, Field(ge=0, le=1_000_000)]
    value: Finite


@final
class ClassifierRecord(Record):
    """A classifier, from a file ``<fingerprint>.safetensors`` in the folders that the recipe is given."""

    name: Annotated[str, Field(max_length=500)]
    fingerprint: Fingerprint


@final
class WhatIfRecord(_Asked):
    """What changes in decoded items with more or less of some concepts, or other values of units.

    ``at``: names of the items. ``link``: of the units, its file is ``<fingerprint>.safetensors``, too.
    """

    map: Literal["what-if"]
    concept: None = None
    moves: Annotated[tuple[MoveRecord, ...], Field(max_length=1000)] = ()
    units: Annotated[tuple[UnitValueRecord, ...], Field(max_length=10_000)] = ()
    classifier: ClassifierRecord | None = None
    link: Fingerprint | None = None
    at: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)]


@final
class CounterfactualRecord(_Asked):
    """What changes in items for a classifier to take them for another class.

    ``asked``: names of all items that were asked about together; ``at``: of those that are shown, or ``"all"``;
    ``known``: of those that the search went by, where they were chosen.
    ``targets``: one class for all, or one for each. ``fingerprint``: of the network that decodes; ``network``: where
    that is none of the study's, the ways to it. ``gene``: of spots, the gene that is shown.
    """

    map: Literal["counterfactual"]
    concept: None = None
    classifier: ClassifierRecord
    link: Fingerprint | None = None
    network: EncoderRecord | None = None
    fingerprint: Fingerprint
    targets: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)]
    method: Name
    settings: Annotated[dict[Name, bool | Seed | Finite | Name | None], Field(max_length=50)] = Field(
        default_factory=dict
    )
    asked: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)]
    known: Annotated[tuple[Name, ...], Field(min_length=1, max_length=1_000_000)] | None = None
    at: Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)] = "all"
    gene: Name | None = None


@final
class ConceptWalkRecord(_Asked):
    """What changes in items that get more of a concept.

    ``to``: the score that they walked to; ``"positives"``: the mean of the concept's own items. ``asked``: names of all
    items that walked together; ``at``: of those that are shown, or ``"all"``.
    """

    map: Literal["concept-walk"]
    concept: Key
    to: Literal["positives"] | Finite = "positives"
    frames: Annotated[int, Field(ge=2, le=10_000)] = 11
    asked: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)]
    at: Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)] = "all"


@final
class AttributedRecord(_Asked):
    """A map by a method of the literature; of the settings, those that the method has.

    ``at``: ``"own"`` for the concept's items, else their names.
    """

    concept: Key
    map: Literal[
        "integrated-gradients", "smoothgrad", "deeplift", "lrp", "occlusion", "grad-cam", "regions", "deviation"
    ]
    baseline: Baseline | None = None
    steps: Steps | None = None
    quadrature: Quadrature | None = None
    noise: Annotated[Finite, Field(ge=0)] | None = None
    samples: Steps | None = None
    seed: Seed | None = None
    epsilon: Positive | None = None
    window: Pixels | None = None
    stride: Pixels | None = None
    layer: Name | None = None
    anomaly: AnomalyMethod | None = None
    at: Literal["own"] | Annotated[tuple[Name, ...], Field(min_length=1, max_length=100_000)] = "own"

    @property
    def settings(self) -> dict[str, Any]:
        """Those that it has."""
        words = ["baseline", "steps", "quadrature", "noise", "samples", "seed", "epsilon", "window", "stride", "layer"]
        return {word: getattr(self, word) for word in [*words, "anomaly"] if getattr(self, word) is not None}


@final
class SpotScoreRecord(_Asked):
    """A score of drawn spots; ``together``: the concept and those it was told from, in order."""

    concept: Key
    map: Literal["spot-score"]
    together: Annotated[tuple[Key, ...], Field(min_length=1, max_length=1000)]
    settings: SpotSettingsRecord


@final
class ItemScoreRecord(_Asked):
    """A score of pictures or patches."""

    concept: Key
    map: Literal["score"]


@final
class DeviationScoreRecord(_Asked):
    """How far spots, or pictures or patches, lie from what a concept is made of."""

    concept: Key
    map: Literal["spot-deviation", "item-deviation"]


MapRecord: TypeAlias = (
    PlainMapRecord
    | SaliencyRecord
    | AttentionRecord
    | UnitMapRecord
    | WhatIfRecord
    | CounterfactualRecord
    | ConceptWalkRecord
    | AttributedRecord
    | SpotScoreRecord
    | ItemScoreRecord
    | DeviationScoreRecord
)
AnyMap: TypeAlias = Annotated[MapRecord, Field(discriminator="map")]


@final
class EvidenceRecord(Record):
    """A test of a concept, and what it found."""

    concept: Key
    by: By
    n_null: Annotated[int, Field(ge=1, le=1_000_000)]
    n_folds: Annotated[int, Field(ge=2, le=1000)]
    seed: Seed
    settings: SpotSettingsRecord | None = None
    auroc: Finite | None = None
    p: Finite | None = None
    sha256: Sha | None = None


@final
class ControlsRecord(Record):
    """Controls of a map of a concept, and the SHA-256 of what was found.

    ``together``: of drawn spots, the concept and those it was told from, in order.
    """

    concept: Key
    map: Name
    dimension: Few | None = 0
    percentile: Annotated[Finite, Field(ge=0, le=100)] = 95.0
    variant: Variant = "plain"
    threshold: Finite = 0.0
    padding: bool = False
    baseline: Baseline = "blurred"
    steps: Steps = 50
    quadrature: Quadrature = "right"
    noise: Annotated[Finite, Field(ge=0)] = 0.1
    samples: Annotated[int, Field(ge=2, le=10_000)] = 50
    epsilon: Positive = 1e-4
    window: Pixels | None = None
    stride: Pixels | None = None
    layer: Name | None = None
    attention: AttentionVariant = "paper"
    anomaly: AnomalyMethod = DEFAULT_ANOMALY
    draws: Annotated[int, Field(ge=1, le=1000)] = 5
    seed: Seed = 0
    together: Annotated[tuple[Key, ...], Field(max_length=1000)] = ()
    settings: SpotSettingsRecord | None = None
    sha256: Sha | None = None

    @property
    def map_settings(self) -> MapSettings:
        """Those of the map of gene pictures."""
        return MapSettings(**{each.name: getattr(self, each.name) for each in fields(MapSettings)})


@final
class FigureRecord(Record):
    """A figure to write, of the maps by their number; None: of all."""

    file: Annotated[str, Field(pattern=r"^[\w][\w.+ -]{0,150}\.(svg|pdf|png)$")]
    maps: Annotated[tuple[Few, ...], Field(min_length=1, max_length=200)] | None = None
    columns: Annotated[int, Field(ge=1, le=50)] | None = None
