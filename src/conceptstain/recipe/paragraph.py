"""The methods of a study in words: what was done, what it was tested against, and whom to cite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from conceptstain.canvas.expression import counted, several
from conceptstain.recipe.records import (
    AttentionRecord,
    AttributedRecord,
    ConceptWalkRecord,
    CounterfactualRecord,
    EncoderRecord,
    PlainMapRecord,
    ProfileNetworkRecord,
    SaliencyRecord,
    SpotScoreRecord,
    TrainingRecord,
    UnitMapRecord,
    WhatIfRecord,
)
from conceptstain.recipe.schema import Recipe
from conceptstain.study.picture_records import ImagesRecord, SlideRecord
from conceptstain.study.records import DefinitionRecord
from conceptstain.study.region_record import LabelsRecord, ObsRecord, PolygonRecord

__all__ = ["CITATIONS", "methods_paragraph"]

CITATIONS: Final = {
    "concepts": "Brocki & Chung 2019, arXiv:1910.13140",
    "vae": "Kingma & Welling 2014, arXiv:1312.6114",
    "beta-vae": "Higgins et al. 2017, International Conference on Learning Representations",
    "factor-vae": "Kim & Mnih 2018, arXiv:1802.05983",
    "gradient": "Simonyan et al. 2013, arXiv:1312.6034",
    "input-gradient": "Shrikumar et al. 2016, arXiv:1605.01713",
    "guided": "Springenberg et al. 2015, arXiv:1412.6806",
    "deconvolution": "Zeiler & Fergus 2014, arXiv:1311.2901",
    "rectified": "Kim et al. 2019, arXiv:1902.04893",
    "attention": "Liu et al. 2020, arXiv:1911.07389",
    "activation": "Bau, Zhou et al. 2017, arXiv:1704.05796",
    "link": "Wehrheim et al. 2024, arXiv:2409.16865",
    "counterfactual": "Wachter et al. 2017, arXiv:1711.00399",
    "integrated-gradients": "Sundararajan et al. 2017, arXiv:1703.01365",
    "smoothgrad": "Smilkov et al. 2017, arXiv:1706.03825",
    "deeplift": "Shrikumar et al. 2017, arXiv:1704.02685",
    "lrp": "Bach et al. 2015, doi:10.1371/journal.pone.0130140",
    "occlusion": "Zeiler & Fergus 2014, section 4.2, arXiv:1311.2901",
    "grad-cam": "Selvaraju et al. 2017, arXiv:1610.02391",
    "regions": "Kapishnikov et al. 2019, arXiv:1906.02825",
    "projection": "Dehaene et al. 2020, arXiv:2002.03734",
    "whitened": "Ledoit & Wolf 2004, doi:10.1016/S0047-259X(03)00096-4",
    "holm": "Holm 1979, Scandinavian Journal of Statistics 6, 65-70",
    "torch": "Paszke et al. 2019, arXiv:1912.01703",
    "anndata": "Virshup et al. 2024, doi:10.21105/joss.04371",
}

_MAPS: Final = {
    "decoded": "the decoded concept (the picture one step along the direction minus that one step against it)",
    "gene-mean": "the mean of the concept's genes, which uses no network",
    "gradient": "gradient saliency",
    "input-gradient": "input x gradient",
    "guided": "guided backpropagation",
    "deconvolution": "deconvolution",
    "rectified": "the rectified gradient",
    "attention": "latent attention",
    "activation": "the activation of units",
    "what-if": "the change of what is decoded of items that are moved in latent space",
    "counterfactual": "the change of what is decoded of items until a classifier takes them for another class",
    "concept-walk": "the change of what is decoded of items that walk along the concept",
    "integrated-gradients": "integrated gradients",
    "smoothgrad": "SmoothGrad",
    "deeplift": "DeepLift",
    "lrp": "layer-wise relevance propagation",
    "occlusion": "occlusion",
    "grad-cam": "Grad-CAM",
    "regions": "the gradient, mean over regions of alike colours",
    "deviation": "the deviation from the items that the concept is made of, taken as normal",
    "spot-score": "the score of spots by whole profiles",
    "spot-deviation": "the distance of whole spots from those of the concept, taken as normal (Mahalanobis)",
    "item-deviation": "the latent distance from what the concept is made of, taken as normal (Mahalanobis)",
    "score": "the concept score (the latent mean along the direction)",
}


def methods_paragraph(recipe: Recipe) -> str:
    """What was done, as a paragraph for a paper, with citations.

    It says what the recipe says and no more: nothing about how good a map is, and where there is no evidence, that
    there is none.
    """
    said = [_data(recipe), _pictures(recipe)]
    encoders = [*([] if recipe.encoder is None else [recipe.encoder]), *recipe.spot_encoders[:1]]
    said += [_encoder(each, recipe) for each in encoders]
    said += [_concepts(recipe), _maps(recipe), _evidence(recipe), _controls(recipe), _software(recipe)]
    return " ".join(filter(None, said)) + "\n\nReferences: " + "; ".join(_references(recipe)) + "."


def _data(recipe: Recipe) -> str:
    program = f"napari-conceptstain {recipe.made_with.get('napari-conceptstain', 'of unknown version')}"
    shown, section = recipe.shown, recipe.section
    if isinstance(shown, ImagesRecord):
        left_out = f", {len(shown.left_out):,} more could not be read" if shown.left_out else ""
        told = f"{_content(shown)}{left_out}"
        return f"The {len(shown.pictures):,} pictures of {shown.name} ({told}) were analysed with {program}."
    if shown is not None:
        return f"The slide {shown.name} ({_content(shown)}) was analysed with {program}."
    if section is None:
        return ""
    return (
        f"The section {section.source.file.name} ({section.spots:,} spots, {section.genes:,} genes; SHA-256 "
        f"{section.source.file.sha256[:12]}...) was analysed with {program}."
    )


def _content(shown: ImagesRecord | SlideRecord) -> str:
    return f"content {shown.content}"


def _noun(recipe: Recipe) -> str:
    """What the items are called."""
    if recipe.shown is None:
        return "gene"
    return "picture" if isinstance(recipe.shown, ImagesRecord) else "patch"


def _pictures(recipe: Recipe) -> str:
    if recipe.shown is not None:
        return _view(recipe.shown)
    if recipe.pictures is None:
        return ""
    if recipe.encoder is None and not any(record.map == "gene-mean" for record in recipe.maps):
        return ""
    how = (
        "depth-normalised log counts, z-scored over the spots"
        if recipe.pictures.scaling == "z-score"
        else "counts divided by the gene's maximum"
    )
    return f"Each gene was drawn as a picture, one pixel per spot, of {how}."


def _view(shown: ImagesRecord | SlideRecord) -> str:
    """How pictures or a slide were viewed."""
    if isinstance(shown, ImagesRecord):
        fitted = {"pad": "the whole picture on it", "stretch": "stretched to it", "crop": "cut to its middle"}
        height, width = shown.view.frame
        return f"Each picture was laid on a frame of {height} x {width} pixels, {fitted[shown.view.fit]}."
    view, size = shown.view, shown.view.size
    at = f" at {view.pixel_size:g} {shown.unit} per pixel" if view.pixel_size is not None else ""
    at = f" of level {view.level}" if view.level is not None else at
    skipped = "" if view.background == "keep" else ", background left out"
    every = f"every {view.stride or size // 2} pixels"
    return f"It was cut into {shown.patches:,} patches of {size} x {size} pixels{at}, {every}{skipped}."


def _encoder(encoder: EncoderRecord, recipe: Recipe) -> str:
    spots = recipe.encoder is not encoder
    number = len(recipe.spot_encoders) if spots else 1
    what = "Variational autoencoders" if number > 1 else "A variational autoencoder"
    of = "of spot profiles" if spots else "of these pictures"
    known = f"{encoder.name}, fingerprint {encoder.fingerprint}"
    if number > 1:
        known = f"{number} of them, fingerprints {', '.join(each.fingerprint for each in recipe.spot_encoders)}"
    verb = "were" if number > 1 else "was"
    if encoder.bundled:
        how = f"that comes with the package and was trained on {_list(encoder.learned_from) or 'other sections'}"
    elif encoder.fit is not None:
        told = encoder.fit
        kind = told.network.likelihood if isinstance(told.network, ProfileNetworkRecord) else told.network.network
        epochs = f"{told.training.epochs} epochs" if told.training.epochs else "the default number of epochs"
        how = (
            f"({kind}, {told.network.latent} latent dimensions) fitted to {_fitted_to(recipe)} without labels"
            f"{_augmented(told.training)}{_objective(told.training)} ({epochs}, Adam, learning rate "
            f"{told.training.learning_rate:g}, seed {told.training.seed})"
        )
    else:
        learned = f" on {_list(encoder.learned_from)}" if encoder.learned_from else ""
        how = f"that {verb} trained elsewhere{learned}"
    return f"{what} {of} ({CITATIONS['vae']}) {how} {verb} used ({known})."


def _fitted_to(recipe: Recipe) -> str:
    return {"gene": "this section", "picture": "these pictures", "patch": "this slide"}[_noun(recipe)]


def _objective(training: TrainingRecord) -> str:
    """What was made small beside the loss of a variational autoencoder."""
    told = training.objective
    if told.name == "vae":
        return ""
    if told.name == "beta-vae":
        return f", as a beta-VAE ({CITATIONS['beta-vae']}; beta {told.beta:g})"
    if told.name == "factor-vae":
        return f", as a FactorVAE ({CITATIONS['factor-vae']}; gamma {told.gamma:g})"
    return (
        f", as an AD-FactorVAE ({CITATIONS['attention']}; gamma {told.gamma:g}, attention weight "
        f"{told.attention_weight:g})"
    )


def _augmented(training: TrainingRecord) -> str:
    """How images were changed while they were learned from."""
    told, changed = training.augmentation, []
    if told.symmetries != "none":
        changed.append("turned and reflected" if told.symmetries == "all" else f"reflected ({told.symmetries})")
    changed += [f"shifted by up to {told.shift} pixels"] if told.shift else []
    changed += [f"changed in light by up to {told.light:.0%}"] if told.light else []
    return f", {_list(changed)} at random" if changed else ""


def _concepts(recipe: Recipe) -> str:
    if not recipe.concepts:
        return ""
    told = [_definition(recipe.tables.definitions[each.definition], recipe) for each in recipe.concepts]
    return f"Concepts ({CITATIONS['concepts']}) were directions in latent space or in a layer: {'; '.join(told)}."


def _definition(record: DefinitionRecord, recipe: Recipe) -> str:
    where = "" if record.space == "latent" else f", in the layer {record.space}"
    noun = _noun(recipe)
    nouns = several(noun)
    against = "" if record.form == "mean" else f" against all other {nouns}"
    if record.against is not None and against:
        against = f" against {counted(len(record.against), 'named other')}"
    against += ", weighed by how latents vary" if record.form == "whitened" else ""
    if record.like is not None:
        made = f"the {record.neighbours} {nouns} nearest to {record.like} in latent space{against}"
    elif record.items is not None:
        made = f"{counted(len(record.items), f'named {noun}')}{against}"
    elif record.unit is not None:
        made = f"unit {record.unit}"
    elif record.along is not None:
        made = record.along.words
    elif record.combined is not None:
        made = "; ".join(f"{weight:+g} {recipe.tables.definitions[part].name}" for weight, part in record.combined)
        made = f"the combination {made.replace('; ', ' ')}, parts brought to one length"
    else:
        region = recipe.tables.regions[record.region or ""]
        number = "" if region.barcodes is None else f"{len(region.barcodes)} spots "
        if noun == "patch":
            drawn = "a painted label" if isinstance(region.chosen, LabelsRecord) else "a drawn outline"
            made = f"the patches of which {record.least_covered:.0%} or more lie in {drawn}{against}"
            return f"{record.name} ({made}{where})"
        if isinstance(region.chosen, ObsRecord):
            how = f"annotated {region.chosen.column} = {region.chosen.value}"
        elif isinstance(region.chosen, PolygonRecord):
            how = "inside a drawn outline"
        else:
            how = "picked one by one"
        made = f"the {record.neighbours} genes enriched in {number}{how}{against}"
    return f"{record.name} ({made}{where})"


def _maps(recipe: Recipe) -> str:
    if not recipe.maps:
        return "No map was painted."
    told = dict.fromkeys(_map(record, recipe) for record in recipe.maps)
    chosen = sum(record.colour_limits is not None for record in recipe.maps)
    limits = f" Colour limits were chosen by hand for {chosen} of {len(recipe.maps)} maps." if chosen else ""
    definitions = recipe.tables.definitions
    names = dict.fromkeys(definitions[each.concept].name for each in recipe.maps if each.concept is not None)
    of = f" of {_list(tuple(names))}" if names else ""
    return f"Maps{of} were painted by {_list(tuple(told))}.{limits}"


def _map(record: object, recipe: Recipe) -> str:
    if isinstance(record, SaliencyRecord):
        settings = []
        if record.percentile is not None and record.variant != "constant":
            settings.append(f"q = {record.percentile:g}")
        if record.threshold is not None:
            settings.append(f"threshold {record.threshold:g}")
        settings += [record.variant] if record.variant != "plain" else []
        settings += ["border rule"] if record.padding else []
        settings += ["times input"] if record.times_input and record.map != "input-gradient" else []
        return f"{_MAPS[record.map]} ({', '.join([*settings, CITATIONS[record.map]])})"
    if isinstance(record, AttentionRecord):
        of = {"all": "all latents together", "concept": "the concept's score"}
        latents = of.get(str(record.dimension), f"latent {record.dimension}")
        as_in = ", as in the released code" if record.variant == "released" else ""
        return f"{_MAPS['attention']} of {latents} at {record.layer} ({CITATIONS['attention']}{as_in})"
    if isinstance(record, UnitMapRecord):
        network = "" if record.network is None else f" of {record.network.name}"
        return f"{_MAPS['activation']}{network} at {record.layer} ({CITATIONS['activation']})"
    if isinstance(record, WhatIfRecord | CounterfactualRecord | ConceptWalkRecord):
        return _imagined(record, recipe)
    if isinstance(record, AttributedRecord):
        settings = [
            f"{word} {value:g}" if isinstance(value, float) else f"{word} {value}"
            for word, value in record.settings.items()
        ]
        cited = [CITATIONS[word] for word in _cited(record) if word in CITATIONS]
        return f"{_MAPS[record.map]} ({', '.join([*settings, *cited])})"
    if isinstance(record, SpotScoreRecord):
        asked = record.settings
        others = len(record.together) - 1
        against = f"against {others} other concepts" if others else "against all other spots"
        context = (
            "neighbours weighted by cross-validation" if asked.context is None else f"neighbours {asked.context:g}"
        )
        return f"{_MAPS['spot-score']} ({asked.direction} direction, {against}, {context})"
    if recipe.shown is not None and isinstance(record, PlainMapRecord) and record.map == "gene-mean":
        return "the mean of the concept's pictures, which uses no network"
    return _MAPS[getattr(record, "map", "decoded")]


def _imagined(record: WhatIfRecord | CounterfactualRecord | ConceptWalkRecord, recipe: Recipe) -> str:
    """What was changed in items."""
    if isinstance(record, WhatIfRecord):
        names = recipe.tables.definitions
        moves = _list([f"{names[each.concept].name} by {each.far:+g}" for each in record.moves])
        told = [f"{moves} standard deviations of the score"] if moves else []
        if record.units and record.classifier is not None:
            units = _list([f"unit {each.unit} at {each.value:.3g}" for each in record.units])
            told.append(f"{units} of the classifier {record.classifier.name} through a link, {CITATIONS['link']}")
        return f"{_MAPS['what-if']} ({'; '.join(told)})"
    if isinstance(record, ConceptWalkRecord):
        to = "the mean score of its own items" if record.to == "positives" else f"a score of {record.to:g}"
        return f"{_MAPS['concept-walk']} (until what is decoded, encoded again, has {to})"
    targets = _list(tuple(dict.fromkeys(record.targets)))
    known = f"the classifier {record.classifier.name}, fingerprint {record.classifier.fingerprint}"
    return f"{_MAPS['counterfactual']} ({targets}; {known}; by {record.method}; {CITATIONS['counterfactual']})"


def _evidence(recipe: Recipe) -> str:
    if not recipe.evidence:
        return "No concept was tested: the maps are descriptions."
    nulls = sorted({record.n_null for record in recipe.evidence})
    tested = "concepts were" if len(recipe.evidence) > 1 else "concept was"
    against = " or ".join(f"{number:,}" for number in nulls)
    if recipe.shown is not None:
        laid = " and, for regions, the region's shape laid elsewhere" if _noun(recipe) == "patch" else ""
        return (
            f"{len(recipe.evidence)} {tested} tested by cross-fitted AUROC on {several(_noun(recipe))} that had no "
            f"part in the direction, against {against} random selections{laid}, with Holm's correction (Holm 1979) for "
            "all concepts tried."
        )
    return (
        f"{len(recipe.evidence)} {tested} tested by cross-fitted AUROC on spots or genes that had no part in the "
        f"choice, against {against} random selections and, for regions, the region's shape laid elsewhere on the "
        "tissue, with Holm's correction (Holm 1979) for all concepts tried."
    )


def _controls(recipe: Recipe) -> str:
    if not recipe.controls:
        return "Maps were not compared with controls."
    kinds = dict.fromkeys(_MAPS.get(record.map, record.map).partition(" (")[0] for record in recipe.controls)
    beside = "a map without a network, random concepts, an untrained network and sequencing depth, where they apply"
    if recipe.shown is not None:
        beside = "what uses no network, random concepts and untrained networks, where they apply"
    return f"Controls were drawn for {_list(tuple(kinds))}: {beside}."


def _software(recipe: Recipe) -> str:
    told = [f"{name} {number}" for name, number in recipe.made_with.items() if name != "napari-conceptstain"]
    return f"Versions: {', '.join(told)}; computed on {recipe.device}, {recipe.threads} thread(s)." if told else ""


def _cited(record: object) -> tuple[str, ...]:
    """Words of the citations of a map; how anomalies are looked for has one of its own, where it is another's."""
    anomaly = getattr(record, "anomaly", None) or ""
    link = "link" if getattr(record, "link", None) else ""
    return (getattr(record, "map", ""), link, "attention" if anomaly.startswith("attention") else anomaly)


def _references(recipe: Recipe) -> list[str]:
    used = {"concepts", "vae", "torch", "anndata", *(word for record in recipe.maps for word in _cited(record))}
    if any(isinstance(record, SpotScoreRecord) and record.settings.direction != "plain" for record in recipe.maps):
        used.add("whitened")
    if recipe.evidence:
        used.add("holm")
    return [citation for word, citation in CITATIONS.items() if word in used]


def _list(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1] if words else ""
