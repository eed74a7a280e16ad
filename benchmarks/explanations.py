"""Whether explanations by units are true: held against what a network does when units are put out, on ``faces128``.

    CONCEPTSTAIN_DATA=... python benchmarks/explanations.py parts.safetensors [--faces 12] [--named 8]

Of each of the last faces, which a classifier of parts (``docs/classifiers.md``) takes wrongly at some pixels: the
log-odds there of what it took them for against what they are. For each layer:

*Missed*: the gap as a part of ``|score - rest|``, by the number of steps of integrated gradients; median and greatest.

*Alone*: rank correlation over units of what a unit is said to have added and what the score loses when this unit alone
is put out; beside that of the unit's mean activation, which asks no weight behind the layer. Mean over faces with the
95 % interval of drawing faces anew.

*Turned*: of how many faces the score falls below zero, so that the wrong class loses, when the units that are said to
have added most are put out together; beside as many drawn at random and as many of the highest mean activation.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr

import conceptstain as cs
from conceptstain.methods.class_question import class_question
from conceptstain.methods.intervals import interval
from conceptstain.methods.unit_contributions import Question, contributions_to
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import tap

STEPS = (5, 20, 50)
LAYERS = ("encoder.relu5", "encoder.relu4", "encoder.relu3")
BACKGROUND = "background"


def main(weights: Path, n_faces: int, n_named: int) -> None:
    torch.set_num_threads(1)
    classifier = cs.load_classifier(weights)
    home = Path(os.environ["CONCEPTSTAIN_DATA"]) / "faces128"
    faces = cs.open(home / "images", as_="images").view("images", frame=classifier.encoder.shape[-1])
    names = ["", *(name for name in classifier.classes if name != BACKGROUND)]
    labels = cs.painted_labels(faces, str(home / "masks"), names=names)
    truth = cs.part_labels(faces, labels, background=BACKGROUND if BACKGROUND in classifier.classes else None)
    asked = range(len(faces) - n_faces, len(faces))
    rng = np.random.default_rng(0)
    missed, found = {}, {}
    for layer in LAYERS:
        rows = [_one(classifier, layer, faces, face, truth=truth, n_named=n_named, rng=rng) for face in asked]
        gaps = np.array([row[0] for row in rows])
        by_steps = zip(STEPS, gaps.T, strict=True)
        missed[layer] = {f"{steps} steps": f"{np.median(gap):.1%} ({gap.max():.1%})" for steps, gap in by_steps}
        told = pd.DataFrame([row[1] for row in rows])
        found[layer] = {name: _told(told[name].to_numpy(), name) for name in told}
    print(f"{n_faces} faces, {classifier.name}: missed, median and greatest")
    print(pd.DataFrame(missed).T.to_string())
    print(f"alone: rank correlation with what is lost; turned: faces whose wrong class loses without {n_named} units")
    print(pd.DataFrame(found).T.to_string())


def _told(values: np.ndarray, name: str) -> str:
    if name.startswith("turned"):
        return f"{int(values.sum())} of {len(values)}"
    mean = interval(values)
    return f"{mean.mean:.2f} ({mean.low:.2f}-{mean.high:.2f})"


def _one(
    classifier: Classifier,
    layer: str,
    faces: cs.ImageSet,
    face: int,
    *,
    truth: cs.PartLabels,
    n_named: int,
    rng: np.random.Generator,
) -> tuple[list[float], dict[str, float]]:
    """The gaps by steps, and how well the explanation foretells what putting out does, of one face."""
    encoder = classifier.encoder
    asked = class_question(classifier, faces, face, class_name=None, against=None, labels=truth, within=None)
    x = encoder.tensor(faces.inputs([face]))
    gaps = []
    for steps in STEPS:
        made = contributions_to(asked.question, encoder, layer, x, steps=steps)
        gaps.append(abs(made.gap) / max(abs(made.score - made.rest), 1e-12))
    n_units = len(made.each)
    alone = np.ones((n_units, n_units)) - np.eye(n_units)
    lost = made.score - _scores(asked.question, encoder, layer, x, alone)
    mean = made.activation.mean(axis=(1, 2))
    told = {
        "alone: contribution": float(spearmanr(made.each, lost).statistic),
        "alone: activation": float(spearmanr(mean, lost).statistic),
    }
    chosen = {
        "contribution": np.argsort(-made.each)[:n_named],
        "activation": np.argsort(-mean)[:n_named],
        "random": rng.choice(n_units, n_named, replace=False),
    }
    kept = np.ones((len(chosen), n_units))
    for row, units in enumerate(chosen.values()):
        kept[row, units] = 0
    after = _scores(asked.question, encoder, layer, x, kept)
    return gaps, told | {f"turned: {name}": float(score < 0) for name, score in zip(chosen, after, strict=True)}


def _scores(question: Question, encoder: Encoder, layer: str, x: torch.Tensor, kept: np.ndarray) -> np.ndarray:
    """Scores of one input with the units of each row kept or put out."""
    found = []
    for rows in np.array_split(kept, max(1, len(kept) // 32)):
        factor = encoder.tensor(rows.astype(np.float32))[:, :, None, None]
        handle = encoder.network.get_submodule(layer).register_forward_hook(lambda _m, _i, out, f=factor: out * f)
        try:
            with torch.no_grad(), tap(encoder.network, question.space) as end:
                encoder.encode(x.expand(len(rows), *x.shape[1:]))
                numbers = question.pool(end.take())
        finally:
            handle.remove()
        found.append(numbers.double().cpu().numpy() @ question.direction + question.shift)
    return np.concatenate(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="a classifier of parts of faces")
    parser.add_argument("--faces", type=int, default=12)
    parser.add_argument("--named", type=int, default=8)
    options = parser.parse_args()
    main(options.weights, options.faces, options.named)
