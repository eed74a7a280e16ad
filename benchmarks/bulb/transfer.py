"""From section to section: concepts drawn on one half of Rep11, scored on the other, each a section of its own.

Two kinds of split. ``halves``: genes are chosen on the drawn half, and encoders learn from it, or from both halves
without labels. ``other sections``: genes and encoders come from Rep1 and Rep2, or from these and both halves; once
with 3,000 genes.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import zscore

import conceptstain as cs
from bulb import sections
from bulb.encoders import LIKELIHOODS, Encoders, profiles
from bulb.peers import ceiling_scores, pca_scores, peer_scores
from bulb.sections import DRAWN as NAMES
from bulb.sections import LABELLED, cuts, layer_numbers
from bulb.spots import SHORT, WAYS, Drawn, ways
from bulb.tables import Result, layer_aurocs

SPLITS = ("halves", "other sections", "other sections, 3,000 genes")
MORE = 3000
LOGISTIC = "logistic regression, C tuned"


def halves(cut: int) -> tuple[cs.Section, cs.Section, np.ndarray, np.ndarray]:
    """The drawn and the other half as sections, and the layers of their spots."""
    layer, whole = layer_numbers(), sections.section(LABELLED)
    side, known = list(cuts(whole.spots))[cut], layer >= 0
    source = sections.part(whole, side & known, "source")
    target = sections.part(whole, ~side & known, "target")
    return source, target, layer[side & known], layer[~side & known]


def canvases(split: str, cut: int) -> tuple[cs.SpotProfiles, cs.SpotProfiles, dict[str, list[cs.SpotProfiles]]]:
    """Both halves as profiles of the same genes, and what encoders learn from."""
    one, other, *_ = halves(cut)
    elsewhere = list(profiles("zero-shot", MORE if "genes" in split else 1000))
    source = one.view("spots") if split == "halves" else one.view("spots", genes=elsewhere[0].features)
    target = other.view("spots", genes=source.features)
    # A pair of opposite cuts has the same halves, so learning from both is done once where the genes are the same.
    both = [source, target] if split == "halves" or cut % 2 == 0 else [target, source]
    if split == "halves":
        return source, target, {"source": [source], "source + target": both}
    if "genes" in split:
        return source, target, {"Rep1 + Rep2": elsewhere}
    return source, target, {"Rep1 + Rep2": elsewhere, "Rep1 + Rep2 + source + target": elsewhere + both}


def fit_all(encoders: Encoders, split: str, cut: int, seeds: int) -> list[Result]:
    """Fit what :func:`by_split` asks for; no result."""
    for name, learned in canvases(split, cut)[2].items():
        for likelihood in LIKELIHOODS:
            encoders.profiles(short(name), learned, likelihood, seeds)
    return []


def by_split(encoders: Encoders, split: str, cut: int, seeds: int) -> list[Result]:
    """Every way to score the other half, one by one and added up."""
    source, target, told = canvases(split, cut)
    *_, drawn, asked = halves(cut)
    table, found = f"transfer, {split}", []
    members = [np.flatnonzero(drawn == k) for k in range(len(NAMES))]
    rest = [np.flatnonzero(drawn != k) for k in range(len(NAMES))]
    x, at = source.inputs(np.arange(len(source))), target.inputs(np.arange(len(target)))
    peers = peer_scores(x, members, rest, source.places, at)
    for name, learned in told.items():
        profiles_of = np.concatenate([canvas.inputs(np.arange(len(canvas))) for canvas in learned])
        contrast, whitened = pca_scores(profiles_of, x, members, rest, at)
        peers[f"PCA 16 of {name}, contrast"] = contrast
        peers[f"PCA 16 of {name}, contrast + singly"] = zscore(contrast, axis=0) + zscore(whitened, axis=0)
    peers["ceiling: logistic inside the target, C tuned"] = ceiling_scores(at, asked)
    for name, scores in peers.items():
        found.append(Result(table, "none", name, layer_aurocs(scores, asked, NAMES)))
    halved = Drawn(source, target, [drawn == k for k in range(len(NAMES))], asked)
    for name, learned in told.items():
        for likelihood in LIKELIHOODS:
            each = encoders.profiles(short(name), learned, likelihood, seeds)
            model = f"{SHORT[likelihood]}, learned from {name}"
            found += ways(table, model, each, halved)
            rest_too = halved.scores(each, WAYS["contrast + singly"])
            for peer in (LOGISTIC, f"PCA 16 of {name}, contrast + singly"):
                added = zscore(rest_too, axis=0) + zscore(peers[peer], axis=0)
                told_as = f"contrast + singly, {seeds} seeds, + {peer.split(',')[0]}"
                found.append(Result(table, model, told_as, layer_aurocs(added, asked, NAMES)))
    return found


def short(name: str) -> str:
    """For a file."""
    return "zero-shot" if name == "Rep1 + Rep2" else name.lower().replace(" + ", "+")
