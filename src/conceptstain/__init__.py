"""Stain tissue with the concepts of a generative model's latent space.

The public words are looked up where they live when they are first used: importing this package loads neither torch nor
napari, Qt, anndata or matplotlib, so that a plugin menu, a command line's ``--help`` and a script start at once.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conceptstain.ablation_figures import ablation_figure
    from conceptstain.canvas.annotation_table import read_annotations
    from conceptstain.canvas.annotations import Annotations
    from conceptstain.canvas.broden import Broden, open_broden
    from conceptstain.canvas.class_labels import ClassLabels, class_labels
    from conceptstain.canvas.colour_labels import colour_labels
    from conceptstain.canvas.gene_pictures import GenePictures, GenePictureSettings
    from conceptstain.canvas.geojson import regions_from_geojson, regions_to_geojson
    from conceptstain.canvas.image_patches import ImagePatches
    from conceptstain.canvas.image_set import ImageSet, ImageSetSettings
    from conceptstain.canvas.images import Images
    from conceptstain.canvas.label_maps import Label, LabelMaps
    from conceptstain.canvas.layer_section import open_layer
    from conceptstain.canvas.opening import open_source as open  # noqa: A004 - the word of PIL, zarr and others
    from conceptstain.canvas.painted_annotations import painted_annotations
    from conceptstain.canvas.painted_labels import painted_labels
    from conceptstain.canvas.part_labels import PartLabels, part_labels
    from conceptstain.canvas.patch_grid import ImagePatchSettings
    from conceptstain.canvas.reading import sections
    from conceptstain.canvas.region import ObsValue, PickedSpots, Polygon, Region
    from conceptstain.canvas.samples import open_sample as sample
    from conceptstain.canvas.score_raster import ScoreRaster
    from conceptstain.canvas.section import Section
    from conceptstain.canvas.section_labels import section_labels
    from conceptstain.canvas.slide import Slide
    from conceptstain.canvas.spot_profiles import SpotProfiles, SpotProfileSettings
    from conceptstain.canvas.whole_labels import whole_labels
    from conceptstain.classifying import ClassifierSettings, CrossValidation, cross_validate_classifier, fit_classifier
    from conceptstain.concepts.class_concept import class_concept
    from conceptstain.concepts.concept import Concept, concept
    from conceptstain.concepts.cosines import cosines, random_cosines
    from conceptstain.concepts.definition import Definition
    from conceptstain.concepts.enrichment import enrichment
    from conceptstain.concepts.evidence import Evidence, corrected, evidence
    from conceptstain.concepts.information import latent_information
    from conceptstain.concepts.item_scores import ConceptScores, scores
    from conceptstain.concepts.normal import Normal, deviations, normal, normal_of
    from conceptstain.concepts.spot_concepts import SpotConcepts, SpotConceptSettings, SpotScores, spot_concepts
    from conceptstain.counterfactual_figures import boundary_figure, counterfactual_figure
    from conceptstain.dissection_figures import detector_curves, detector_figure
    from conceptstain.errors import ConceptStainError, InputError, MismatchError, ReadingError, SectionChoice
    from conceptstain.explanation_figures import explanation_figure
    from conceptstain.exporting import export
    from conceptstain.figures import figure, save_figure
    from conceptstain.fitting import FitSettings, fit, fit_seeds
    from conceptstain.gene_change_figures import gene_change_figure
    from conceptstain.layer_tuples import layers
    from conceptstain.link_figures import link_figure
    from conceptstain.methods.ablating import ablation_curves
    from conceptstain.methods.ablation_curves import AblationCurves
    from conceptstain.methods.agreement import agreement, shuffled_masks
    from conceptstain.methods.anomaly import anomaly, anomaly_maps
    from conceptstain.methods.anomaly_settings import AnomalySettings
    from conceptstain.methods.anomaly_threshold import AnomalyThreshold, anomaly_threshold
    from conceptstain.methods.attention import attention, attention_maps
    from conceptstain.methods.attention_overlap import OverlapOfMaps, overlap_of_maps
    from conceptstain.methods.attribution import Attribution
    from conceptstain.methods.concept_genes import concept_genes
    from conceptstain.methods.concept_walk import ConceptWalk, concept_walk
    from conceptstain.methods.controls import Controls, controls
    from conceptstain.methods.counterfactual import Counterfactual
    from conceptstain.methods.counterfactual_genes import changed_genes
    from conceptstain.methods.counterfactual_maps import concept_walk_map, counterfactual_map, gene_changes
    from conceptstain.methods.counterfactual_search import counterfactual
    from conceptstain.methods.counterfactual_settings import CounterfactualSettings
    from conceptstain.methods.decision_boundary import DecisionBoundary, decision_boundary
    from conceptstain.methods.decoded import decoded
    from conceptstain.methods.deep_lift import deep_lift
    from conceptstain.methods.detection import Detection, DetectionMetrics
    from conceptstain.methods.deviation_score import item_deviation, spot_deviation
    from conceptstain.methods.disentanglement import DCIScores, dci, factor_vae_score, mutual_information_gap
    from conceptstain.methods.display import Display
    from conceptstain.methods.dissecting import dissect, dissect_inputs, dissect_layers, layers_with_places
    from conceptstain.methods.dissection import Dissection
    from conceptstain.methods.dissection_comparison import compare_dissections
    from conceptstain.methods.dissection_controls import DissectionControls, dissection_controls
    from conceptstain.methods.explanation import Explanation, explain
    from conceptstain.methods.faithfulness import perturbation, sensitivity
    from conceptstain.methods.grad_cam import grad_cam
    from conceptstain.methods.integrated import integrated_gradients
    from conceptstain.methods.interventions import effect_of_units, units_set
    from conceptstain.methods.link import Link
    from conceptstain.methods.link_file import load_link, save_link
    from conceptstain.methods.link_quality import LinkQuality
    from conceptstain.methods.linking import link
    from conceptstain.methods.map_settings import MapSettings
    from conceptstain.methods.marker_enrichment import marker_enrichment
    from conceptstain.methods.occlusion import occlusion
    from conceptstain.methods.part_measures import PartMeasures, part_changes, part_measures
    from conceptstain.methods.randomisation import randomisation
    from conceptstain.methods.regions import gradient_by_regions
    from conceptstain.methods.relevance import lrp
    from conceptstain.methods.rotation import part_of_rotation, random_rotation
    from conceptstain.methods.saliency import saliencies, saliency, supported_rules
    from conceptstain.methods.score_map import score_map
    from conceptstain.methods.segment_few_shot import few_shot_segmenter, part_overlaps
    from conceptstain.methods.segmenters import Segmenter, layer_segmenter, part_segmenter, threshold_segmenter
    from conceptstain.methods.smoothgrad import smoothgrad
    from conceptstain.methods.spot_score import SpotScore, spot_score
    from conceptstain.methods.support import supported_methods
    from conceptstain.methods.sweep import Sweep
    from conceptstain.methods.sweep_table import UnitSweeps
    from conceptstain.methods.sweep_units import sweep_units
    from conceptstain.methods.sweeping import sweep
    from conceptstain.methods.traversal import Traversal, traverse
    from conceptstain.methods.unit_effect import UnitEffect
    from conceptstain.methods.unit_importance import UnitImportance, unit_importance
    from conceptstain.methods.unit_maps import unit_map, unit_mask, unit_peaks
    from conceptstain.methods.what_if import what_if
    from conceptstain.nets.bundled import bundled
    from conceptstain.nets.checkpoint import load_encoder, save_encoder
    from conceptstain.nets.classifier import Classifier
    from conceptstain.nets.classifier_checkpoint import load_classifier, save_classifier
    from conceptstain.nets.confusion import Confusion, confusion
    from conceptstain.nets.encoder import Encoder
    from conceptstain.nets.few_shot import FewShotSettings
    from conceptstain.nets.generator import Generator
    from conceptstain.nets.generators import generator
    from conceptstain.nets.kept_epochs import Checkpoints
    from conceptstain.nets.objectives import Objective
    from conceptstain.nets.own_classifier import own_classifier
    from conceptstain.nets.own_networks import own_encoder
    from conceptstain.nets.rotated import rotated_network
    from conceptstain.nets.rules import rectified
    from conceptstain.progress import Cancelled, Report, Step
    from conceptstain.raster_file import write_raster
    from conceptstain.recipe import Recipe
    from conceptstain.spatialdata_file import write_spatialdata
    from conceptstain.study import Study
    from conceptstain.study.saving import open_study
    from conceptstain.sweep_figures import sweep_figure
    from conceptstain.unit_figures import unit_figure

__version__ = "0.1.0"

# Without it MKL, which multiplies torch's matrices, rounds by where they lie in memory: on some processors equal rows
# of a batch are no longer equal, and a study done over again has other numbers. It is read at MKL's first product.
os.environ.setdefault("MKL_CBWR", "AUTO")

__all__ = [
    "AblationCurves",
    "Annotations",
    "AnomalySettings",
    "AnomalyThreshold",
    "Attribution",
    "Broden",
    "Cancelled",
    "Checkpoints",
    "ClassLabels",
    "Classifier",
    "ClassifierSettings",
    "Concept",
    "ConceptScores",
    "ConceptStainError",
    "ConceptWalk",
    "Confusion",
    "Controls",
    "Counterfactual",
    "CounterfactualSettings",
    "CrossValidation",
    "DCIScores",
    "DecisionBoundary",
    "Definition",
    "Detection",
    "DetectionMetrics",
    "Display",
    "Dissection",
    "DissectionControls",
    "Encoder",
    "Evidence",
    "Explanation",
    "FewShotSettings",
    "FitSettings",
    "GenePictureSettings",
    "GenePictures",
    "Generator",
    "ImagePatchSettings",
    "ImagePatches",
    "ImageSet",
    "ImageSetSettings",
    "Images",
    "InputError",
    "Label",
    "LabelMaps",
    "Link",
    "LinkQuality",
    "MapSettings",
    "MismatchError",
    "Normal",
    "Objective",
    "ObsValue",
    "OverlapOfMaps",
    "PartLabels",
    "PartMeasures",
    "PickedSpots",
    "Polygon",
    "ReadingError",
    "Recipe",
    "Region",
    "Report",
    "ScoreRaster",
    "Section",
    "SectionChoice",
    "Segmenter",
    "Slide",
    "SpotConceptSettings",
    "SpotConcepts",
    "SpotProfileSettings",
    "SpotProfiles",
    "SpotScore",
    "SpotScores",
    "Step",
    "Study",
    "Sweep",
    "Traversal",
    "UnitEffect",
    "UnitImportance",
    "UnitSweeps",
    "ablation_curves",
    "ablation_figure",
    "agreement",
    "anomaly",
    "anomaly_maps",
    "anomaly_threshold",
    "attention",
    "attention_maps",
    "boundary_figure",
    "bundled",
    "changed_genes",
    "class_concept",
    "class_labels",
    "colour_labels",
    "compare_dissections",
    "concept",
    "concept_genes",
    "concept_walk",
    "concept_walk_map",
    "confusion",
    "controls",
    "corrected",
    "cosines",
    "counterfactual",
    "counterfactual_figure",
    "counterfactual_map",
    "cross_validate_classifier",
    "dci",
    "decision_boundary",
    "decoded",
    "deep_lift",
    "detector_curves",
    "detector_figure",
    "deviations",
    "dissect",
    "dissect_inputs",
    "dissect_layers",
    "dissection_controls",
    "effect_of_units",
    "enrichment",
    "evidence",
    "explain",
    "explanation_figure",
    "export",
    "factor_vae_score",
    "few_shot_segmenter",
    "figure",
    "fit",
    "fit_classifier",
    "fit_seeds",
    "gene_change_figure",
    "gene_changes",
    "generator",
    "grad_cam",
    "gradient_by_regions",
    "integrated_gradients",
    "item_deviation",
    "latent_information",
    "layer_segmenter",
    "layers",
    "layers_with_places",
    "link",
    "link_figure",
    "load_classifier",
    "load_encoder",
    "load_link",
    "lrp",
    "marker_enrichment",
    "mutual_information_gap",
    "normal",
    "normal_of",
    "occlusion",
    "open",
    "open_broden",
    "open_layer",
    "open_study",
    "overlap_of_maps",
    "own_classifier",
    "own_encoder",
    "painted_annotations",
    "painted_labels",
    "part_changes",
    "part_labels",
    "part_measures",
    "part_of_rotation",
    "part_overlaps",
    "part_segmenter",
    "perturbation",
    "random_cosines",
    "random_rotation",
    "randomisation",
    "read_annotations",
    "rectified",
    "regions_from_geojson",
    "regions_to_geojson",
    "rotated_network",
    "saliencies",
    "saliency",
    "sample",
    "save_classifier",
    "save_encoder",
    "save_figure",
    "save_link",
    "score_map",
    "scores",
    "section_labels",
    "sections",
    "sensitivity",
    "shuffled_masks",
    "smoothgrad",
    "spot_concepts",
    "spot_deviation",
    "spot_score",
    "supported_methods",
    "supported_rules",
    "sweep",
    "sweep_figure",
    "sweep_units",
    "threshold_segmenter",
    "traverse",
    "unit_figure",
    "unit_importance",
    "unit_map",
    "unit_mask",
    "unit_peaks",
    "units_set",
    "what_if",
    "whole_labels",
    "write_raster",
    "write_spatialdata",
]

# Where a public word is defined: "module" or, where it has another name there, "module:name".
_HOMES = {
    "AblationCurves": "methods.ablation_curves",
    "Annotations": "canvas.annotations",
    "AnomalySettings": "methods.anomaly_settings",
    "AnomalyThreshold": "methods.anomaly_threshold",
    "Attribution": "methods.attribution",
    "Broden": "canvas.broden",
    "Cancelled": "progress",
    "Checkpoints": "nets.kept_epochs",
    "ClassLabels": "canvas.class_labels",
    "Classifier": "nets.classifier",
    "ClassifierSettings": "classifying",
    "Concept": "concepts.concept",
    "ConceptScores": "concepts.item_scores",
    "ConceptStainError": "errors",
    "ConceptWalk": "methods.concept_walk",
    "Confusion": "nets.confusion",
    "Controls": "methods.controls",
    "Counterfactual": "methods.counterfactual",
    "CounterfactualSettings": "methods.counterfactual_settings",
    "CrossValidation": "classifying",
    "DCIScores": "methods.disentanglement",
    "DecisionBoundary": "methods.decision_boundary",
    "Definition": "concepts.definition",
    "Detection": "methods.detection",
    "DetectionMetrics": "methods.detection",
    "Display": "methods.display",
    "Dissection": "methods.dissection",
    "DissectionControls": "methods.dissection_controls",
    "Encoder": "nets.encoder",
    "Evidence": "concepts.evidence",
    "Explanation": "methods.explanation",
    "FewShotSettings": "nets.few_shot",
    "FitSettings": "fitting",
    "GenePictureSettings": "canvas.gene_pictures",
    "GenePictures": "canvas.gene_pictures",
    "Generator": "nets.generator",
    "ImagePatchSettings": "canvas.patch_grid",
    "ImagePatches": "canvas.image_patches",
    "ImageSet": "canvas.image_set",
    "ImageSetSettings": "canvas.image_set",
    "Images": "canvas.images",
    "InputError": "errors",
    "Label": "canvas.label_maps",
    "LabelMaps": "canvas.label_maps",
    "Link": "methods.link",
    "LinkQuality": "methods.link_quality",
    "MapSettings": "methods.map_settings",
    "MismatchError": "errors",
    "Normal": "concepts.normal",
    "Objective": "nets.objectives",
    "ObsValue": "canvas.region",
    "OverlapOfMaps": "methods.attention_overlap",
    "PartLabels": "canvas.part_labels",
    "PartMeasures": "methods.part_measures",
    "PickedSpots": "canvas.region",
    "Polygon": "canvas.region",
    "ReadingError": "errors",
    "Recipe": "recipe",
    "Region": "canvas.region",
    "Report": "progress",
    "ScoreRaster": "canvas.score_raster",
    "Section": "canvas.section",
    "SectionChoice": "errors",
    "Segmenter": "methods.segmenters",
    "Slide": "canvas.slide",
    "SpotConceptSettings": "concepts.spot_concepts",
    "SpotConcepts": "concepts.spot_concepts",
    "SpotProfileSettings": "canvas.spot_profiles",
    "SpotProfiles": "canvas.spot_profiles",
    "SpotScore": "methods.spot_score",
    "SpotScores": "concepts.spot_concepts",
    "Step": "progress",
    "Study": "study",
    "Sweep": "methods.sweep",
    "Traversal": "methods.traversal",
    "UnitEffect": "methods.unit_effect",
    "UnitImportance": "methods.unit_importance",
    "UnitSweeps": "methods.sweep_table",
    "ablation_curves": "methods.ablating",
    "ablation_figure": "ablation_figures",
    "agreement": "methods.agreement",
    "anomaly": "methods.anomaly",
    "anomaly_maps": "methods.anomaly",
    "anomaly_threshold": "methods.anomaly_threshold",
    "attention": "methods.attention",
    "attention_maps": "methods.attention",
    "boundary_figure": "counterfactual_figures",
    "bundled": "nets.bundled",
    "changed_genes": "methods.counterfactual_genes",
    "class_concept": "concepts.class_concept",
    "class_labels": "canvas.class_labels",
    "colour_labels": "canvas.colour_labels",
    "compare_dissections": "methods.dissection_comparison",
    "concept": "concepts.concept",
    "concept_genes": "methods.concept_genes",
    "concept_walk": "methods.concept_walk",
    "concept_walk_map": "methods.counterfactual_maps",
    "confusion": "nets.confusion",
    "controls": "methods.controls",
    "corrected": "concepts.evidence",
    "cosines": "concepts.cosines",
    "counterfactual": "methods.counterfactual_search",
    "counterfactual_figure": "counterfactual_figures",
    "counterfactual_map": "methods.counterfactual_maps",
    "cross_validate_classifier": "classifying",
    "dci": "methods.disentanglement",
    "decision_boundary": "methods.decision_boundary",
    "decoded": "methods.decoded",
    "deep_lift": "methods.deep_lift",
    "detector_curves": "dissection_figures",
    "detector_figure": "dissection_figures",
    "deviations": "concepts.normal",
    "dissect": "methods.dissecting",
    "dissect_inputs": "methods.dissecting",
    "dissect_layers": "methods.dissecting",
    "dissection_controls": "methods.dissection_controls",
    "effect_of_units": "methods.interventions",
    "enrichment": "concepts.enrichment",
    "evidence": "concepts.evidence",
    "explain": "methods.explanation",
    "explanation_figure": "explanation_figures",
    "export": "exporting",
    "factor_vae_score": "methods.disentanglement",
    "few_shot_segmenter": "methods.segment_few_shot",
    "figure": "figures",
    "fit": "fitting",
    "fit_classifier": "classifying",
    "fit_seeds": "fitting",
    "gene_change_figure": "gene_change_figures",
    "gene_changes": "methods.counterfactual_maps",
    "generator": "nets.generators",
    "grad_cam": "methods.grad_cam",
    "gradient_by_regions": "methods.regions",
    "integrated_gradients": "methods.integrated",
    "item_deviation": "methods.deviation_score",
    "latent_information": "concepts.information",
    "layer_segmenter": "methods.segmenters",
    "layers": "layer_tuples",
    "layers_with_places": "methods.dissecting",
    "link": "methods.linking",
    "link_figure": "link_figures",
    "load_classifier": "nets.classifier_checkpoint",
    "load_encoder": "nets.checkpoint",
    "load_link": "methods.link_file",
    "lrp": "methods.relevance",
    "marker_enrichment": "methods.marker_enrichment",
    "mutual_information_gap": "methods.disentanglement",
    "normal": "concepts.normal",
    "normal_of": "concepts.normal",
    "occlusion": "methods.occlusion",
    "open": "canvas.opening:open_source",
    "open_broden": "canvas.broden",
    "open_layer": "canvas.layer_section",
    "open_study": "study.saving",
    "overlap_of_maps": "methods.attention_overlap",
    "own_classifier": "nets.own_classifier",
    "own_encoder": "nets.own_networks",
    "painted_annotations": "canvas.painted_annotations",
    "painted_labels": "canvas.painted_labels",
    "part_changes": "methods.part_measures",
    "part_labels": "canvas.part_labels",
    "part_measures": "methods.part_measures",
    "part_of_rotation": "methods.rotation",
    "part_overlaps": "methods.segment_few_shot",
    "part_segmenter": "methods.segmenters",
    "perturbation": "methods.faithfulness",
    "random_cosines": "concepts.cosines",
    "random_rotation": "methods.rotation",
    "randomisation": "methods.randomisation",
    "read_annotations": "canvas.annotation_table",
    "rectified": "nets.rules",
    "regions_from_geojson": "canvas.geojson",
    "regions_to_geojson": "canvas.geojson",
    "rotated_network": "nets.rotated",
    "saliencies": "methods.saliency",
    "saliency": "methods.saliency",
    "sample": "canvas.samples:open_sample",
    "save_classifier": "nets.classifier_checkpoint",
    "save_encoder": "nets.checkpoint",
    "save_figure": "figures",
    "save_link": "methods.link_file",
    "score_map": "methods.score_map",
    "scores": "concepts.item_scores",
    "section_labels": "canvas.section_labels",
    "sections": "canvas.reading",
    "sensitivity": "methods.faithfulness",
    "shuffled_masks": "methods.agreement",
    "smoothgrad": "methods.smoothgrad",
    "spot_concepts": "concepts.spot_concepts",
    "spot_deviation": "methods.deviation_score",
    "spot_score": "methods.spot_score",
    "supported_methods": "methods.support",
    "supported_rules": "methods.saliency",
    "sweep": "methods.sweeping",
    "sweep_figure": "sweep_figures",
    "sweep_units": "methods.sweep_units",
    "threshold_segmenter": "methods.segmenters",
    "traverse": "methods.traversal",
    "unit_figure": "unit_figures",
    "unit_importance": "methods.unit_importance",
    "unit_map": "methods.unit_maps",
    "unit_mask": "methods.unit_maps",
    "unit_peaks": "methods.unit_maps",
    "units_set": "methods.interventions",
    "what_if": "methods.what_if",
    "whole_labels": "canvas.whole_labels",
    "write_raster": "raster_file",
    "write_spatialdata": "spatialdata_file",
}


def _find(word: str) -> Any:
    module, _, name = _HOMES[word].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), name or word)


def __getattr__(word: str) -> Any:
    if word not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {word!r}")
    found = globals()[word] = _find(word)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
