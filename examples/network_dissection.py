"""A classifier that learned a shortcut, found out by its units; on pictures made here.

    python examples/network_dissection.py --out results

Discs and squares on rough ground; nearly every square that is learned from carries a small flag, and so do half of the
discs that are asked about. Says which unit of the last layer sees disc, square or flag, beside rotated axes, shuffled
labels and an untrained network; explains the disc that was most wrongly taken for a square by its units; and puts out
those that see the flag, beside as many others: without them nothing is taken for a square any more, so the flag is all
that it had learned of squares. Writes the units, the explanation and a figure of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import conceptstain as cs
from conceptstain.nets.classifier_network import ClassifierNetworkSettings
from conceptstain.nets.classifier_settings import ClassifierTrainingSettings

SIDE = 32
PARTS = ("", "disc", "square", "flag")


def main(out: Path, *, n: int = 600, epochs: int = 30, draws: int = 3) -> Path:
    """Learn, dissect, explain, put out."""
    out.mkdir(parents=True, exist_ok=True)
    flagged = {"learned": (0.05, 0.95), "asked": (0.5, 0.5)}  # the part of the discs, and of the squares, with a flag
    learned, kinds, _ = made(n, *flagged["learned"], seed=0)
    settings = cs.ClassifierSettings(
        ClassifierNetworkSettings((16, 32), halvings=1),
        ClassifierTrainingSettings(epochs, batch_size=32, learning_rate=0.003, seed=0, device="cpu"),
    )
    classifier = cs.fit_classifier(learned, kinds, settings, name="shapes")

    asked, truth, masks = made(n // 2, *flagged["asked"], seed=1)
    right = classifier.predictions(asked) == truth.codes
    discs, with_flag = truth.codes == truth.classes.index("disc"), (masks == PARTS.index("flag")).any(axis=(1, 2))
    asked_about = {"discs": discs & ~with_flag, "discs with a flag": discs & with_flag, "squares": ~discs}
    print("right on " + ", ".join(f"{right[which].mean():.0%} of {name}" for name, which in asked_about.items()))

    labels = cs.painted_labels(asked, masks, names=PARTS)
    beside = cs.dissection_controls(
        classifier.encoder, classifier.places, asked, labels, quantile=0.02, draws=draws, seed=0
    )
    found = beside.trained
    print(found.table()[["label", "IoU", "bound"]].head(5).round(3).to_string())
    print(beside.compared().round(1).to_string())
    print(beside.sentence)

    scores = classifier.scores(asked)
    own = scores[np.arange(len(asked)), truth.codes]
    worst = int(np.where(discs, scores.max(axis=1) - own, -np.inf).argmax())
    why = cs.explain(classifier, found, asked, worst, labels=truth)
    print(why.sentence)
    print(why.table()[["contribution", "part", "active", "label", "IoU"]].head(5).round(3).to_string())

    see_flags = found.table().query("label == 'flag' and detector").index.to_numpy()
    by_chance = np.random.default_rng(0).choice(found.n_units, len(see_flags), replace=False)
    for units, called in ((see_flags, "that see the flag"), (by_chance, "drawn at random")):
        with cs.units_set(classifier.encoder.network, classifier.places, units):
            without = classifier.predictions(asked) == truth.codes
        told = ", ".join(f"{without[which].mean():.0%} of {name}" for name, which in asked_about.items())
        print(f"without {len(units)} units {called}: right on {told}")

    found.table().to_csv(out / "units.csv")
    why.table().to_csv(out / "explanation.csv")
    return cs.save_figure(cs.explanation_figure(why, asked), out / "explanation.png", dpi=140, overwrite=True)


def made(n: int, discs: float, squares: float, *, seed: int) -> tuple[cs.ImageSet, cs.ClassLabels, np.ndarray]:
    """Pictures of discs and squares in turn, of which so many carry a flag; their classes, and masks of their parts."""
    rng = np.random.default_rng(seed)
    pictures = rng.normal(110, 15, (n, SIDE, SIDE, 3))
    masks = np.zeros((n, SIDE, SIDE), dtype=np.uint8)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for number, (picture, mask) in enumerate(zip(pictures, masks, strict=True)):
        is_square = number % 2
        y, x = rng.integers(8, SIDE - 8, 2)
        away = np.stack([rows - y, columns - x])
        inside = np.abs(away).max(axis=0) <= 5 if is_square else (away**2).sum(axis=0) <= 36
        picture[inside] += 40
        mask[inside] = PARTS.index("square" if is_square else "disc")
        if rng.random() < (squares if is_square else discs):
            top, left = max(y - 8, 0), x - 1
            picture[top : top + 3, left : left + 4] = (200, 60, 60)
            mask[top : top + 3, left : left + 4] = PARTS.index("flag")
    canvas = cs.open(list(pictures.clip(0, 255).astype(np.uint8)), as_="images", name="shapes").view(frame=SIDE)
    kinds = dict(zip(canvas.item_names, np.where(np.arange(n) % 2, "square", "disc"), strict=True))
    return canvas, cs.class_labels(canvas, values=kinds), masks


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("dissection"), help="folder to write to")
    print(f"wrote {main(parser.parse_args().out)}")
