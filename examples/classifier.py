"""A classifier of layers, and what made it take a spot for another layer; on the bundled section, which is simulated.

    python examples/classifier.py --out results

Prints how well it does on spots that it did not see, which units and which genes spoke for the wrong layer, and writes
the classifier.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import conceptstain as cs

SHOWN = 5


def main(out: Path, *, folds: int = 5, epochs: int | None = None) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    canvas = cs.sample("olfactory-bulb").view("spots")
    layers = cs.class_labels(canvas, obs="layer")
    settings = cs.ClassifierSettings.of(canvas)
    settings = replace(settings, training=replace(settings.training, epochs=epochs))

    tested = cs.cross_validate_classifier(canvas, layers, settings, folds=folds)
    found = tested.confusion
    print(f"balanced accuracy {found.balanced_accuracy:.1%} of spots that were not seen, guessing {found.chance:.1%}")

    # What was taken for something else, asked of a classifier that did not see it.
    wrong = np.flatnonzero((tested.fold_of >= 0) & (tested.predictions != layers.codes))
    spot = int(wrong[0]) if len(wrong) else 0
    seen = np.flatnonzero(tested.fold_of != tested.fold_of[spot])
    classifier = cs.fit_classifier(canvas, layers, settings, name="layers", items=seen)
    true = layers.classes[layers.codes[spot]]
    taken = classifier.classes[classifier.predictions(canvas, [spot])[0]]
    rival = taken if taken != true else classifier.classes[classifier.classes.index(true) - 1]
    print(f"the spot {canvas.item_names[spot]} of {true} was taken for {taken}")

    pulls = [classifier.contributions(canvas, name, [spot])[0] for name in (rival, true)]
    shift = classifier.bias[classifier.number(rival)] - classifier.bias[classifier.number(true)]
    units = pulls[0] - pulls[1]
    strongest = np.argsort(-units)[:SHOWN]
    print(f"log-odds of {rival} against {true}: {units.sum() + shift:+.2f}, of which")
    print("  " + ", ".join(f"unit {unit} {units[unit]:+.2f}" for unit in strongest))

    against = cs.class_concept(classifier, canvas, rival, against=true)
    pulled = cs.integrated_gradients(canvas, classifier.encoder, against, baseline="mean", items=[spot])
    genes = canvas.place(pulled.values[0])
    print("  genes: " + ", ".join(f"{gene} {value:+.2f}" for gene, value in genes.nlargest(SHOWN).items()))
    return cs.save_classifier(classifier, out / "layers.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A classifier of layers on the bundled section.")
    parser.add_argument("--out", type=Path, default=Path("classifier"), help="folder to write to")
    print(f"wrote {main(parser.parse_args().out)}")
