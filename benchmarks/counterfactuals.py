"""Counterfactuals by every method: how many arrive, how many a second classifier confirms, and how much they change.

    CONCEPTSTAIN_DATA=... python benchmarks/counterfactuals.py [--only mnist|faces] [--half told|development]
                                                               [--kept FOLDER] [--figure FILE.png]

*MNIST*: a VAE (32 latents), a classifier and a second one learn from 20,000 digits each, none of them the same, padded
to 32 pixels; the second has other widths and another seed. Asked about are 500 test pictures of one half, each with one
of the nine other digits as its target, drawn at random; known items are the test pictures of that half. Defaults were
chosen on the other half (``--half development``), and the half told was looked at once. *Faces*: ``faces128`` on a
frame of 64 pixels; the VAE (64 latents) and both networks that tell the parts of the masks learn from 600 faces; the
classifiers (eyeglasses or not, hat or not) are logistic regressions on the units of one network each, which differ in
seed and widths. Asked about are faces of 400 others that are taken for *without*; known items are the 600. Nothing was
chosen on faces.

Told are, of the items asked: success, and *confirmed*, success that the second classifier agrees with, with 95 %
intervals; of those that arrived: median steps, mean latent distance, mean change of the decoded picture (mean absolute
difference of its values, 0..1), mean plausibility. *Nearest known item*: becoming the known item of the target class
that is nearest, as it is decoded. Last, the change of the default less that of the line search, where both are
confirmed.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from kept_networks import (
    FACES_SIDE,
    LEARNED_FACES,
    MASKS,
    PARTS,
    SIDE,
    digits,
    fitted,
    read_off,
    recognised,
)
from PIL import Image
from sklearn.model_selection import train_test_split

import conceptstain as cs
from conceptstain.methods.counterfactual_reading import decoded_samples, scores_of_samples
from conceptstain.methods.intervals import interval
from conceptstain.nets.generators import as_generator
from conceptstain.nets.image_vae import ImageVAESettings

LEARNED = 20_000
N_ASKED = 500
P9 = cs.CounterfactualSettings(probability=0.9)
P98 = cs.CounterfactualSettings(probability=0.98)
HOW: dict[str, dict[str, Any]] = {
    "published": {"method": "published", "link": True},
    "published, until p >= .9": {"method": "published", "link": True, "settings": P9},
    "gradient, p >= .9": {"method": "gradient"},
    "line search, p >= .9": {"method": "line search"},
    "line search, p >= .98": {"method": "line search", "settings": P98},
    "line search through the link, p >= .9": {"method": "line search", "link": True},
    "proximal path, p >= .9": {"settings": P9},
    "proximal path through the link": {"link": True},
    "proximal path (default)": {},
}
DEFAULT, LINE = "proximal path (default)", "line search, p >= .9"


@dataclass(frozen=True, eq=False)
class Case:
    """Who is asked about what."""

    name: str
    encoder: cs.Encoder
    first: cs.Classifier
    second: cs.Classifier
    canvas: cs.ImageSet
    known: np.ndarray
    items: np.ndarray
    targets: list[str]


def shown(pictures: np.ndarray, known: np.ndarray, name: str) -> tuple[cs.ImageSet, cs.ClassLabels]:
    canvas = cs.open(list(pictures), name=name).view("images", frame=SIDE)
    return canvas, cs.class_labels(canvas, values=pd.Series(known.astype(str), index=canvas.item_names))


def mnist(data: Path, kept: Path, half: int) -> list[Case]:
    pictures, known = digits(data, "train")

    def vae() -> cs.Encoder:
        canvas, _ = shown(pictures[:LEARNED], known[:LEARNED], "digits")
        settings = cs.FitSettings.of(canvas)
        training = replace(settings.training, epochs=24, items_per_epoch=5000, batch_size=32)
        return cs.fit(canvas, cs.FitSettings(replace(settings.network, latent=32, hidden=(256,)), training))

    def told_apart(seed: int, widths: tuple[int, ...]) -> cs.Classifier:
        part = slice(LEARNED * seed, LEARNED * (seed + 1))
        canvas, labels = shown(pictures[part], known[part], f"digits {seed}")
        settings = cs.ClassifierSettings.of(canvas)
        training = replace(settings.training, epochs=30, items_per_epoch=10_000, seed=seed, batch_norm=True)
        network = replace(settings.network, widths=widths, halvings=2)
        return cs.fit_classifier(canvas, labels, cs.ClassifierSettings(network, training), name=f"classifier {seed}")

    encoder = fitted(kept / "mnist-vae", vae)
    first = recognised(kept / "mnist-classifier-1", lambda: told_apart(1, (16, 32, 64)))
    second = recognised(kept / "mnist-classifier-2", lambda: told_apart(2, (12, 24, 48, 64)))
    tested, told = (each[half::2] for each in digits(data, "t10k"))
    canvas, labels = shown(tested, told, "test digits")
    rng = np.random.default_rng(0)
    items = rng.choice(len(canvas), N_ASKED, replace=False)
    targets = [str((int(told[item]) + int(rng.integers(1, 10))) % 10) for item in items]
    for each in (first, second):
        print(f"{each.name}: accuracy {cs.confusion(each, canvas, labels).accuracy:.3f} on this half", flush=True)
    return [Case("MNIST", encoder, first, second, canvas, canvas.trainable, items, targets)]


def faces(data: Path, kept: Path, half: int) -> list[Case]:  # noqa: ARG001 - nothing was chosen on faces
    folder = data / "faces128"
    paths = sorted((folder / "images").glob("*.jpg"))
    masks = np.stack([np.asarray(Image.open(folder / "masks" / f"{path.stem}.png")) for path in paths])
    canvas = cs.open(paths, name="faces").view("images", frame=FACES_SIDE)
    having = {part: (masks == number).any(axis=(1, 2)) for part, number in PARTS.items()}
    kinds = sum(2**place * there for place, there in enumerate(having.values()))
    learned, held_out = train_test_split(
        np.arange(len(paths)), train_size=LEARNED_FACES, stratify=kinds, random_state=0
    )

    def vae() -> cs.Encoder:
        seen = cs.open([paths[item] for item in learned], name="faces").view("images", frame=FACES_SIDE)
        settings = cs.FitSettings.of(seen)
        network = ImageVAESettings.of(side=FACES_SIDE, latent=64)
        return cs.fit(
            seen,
            replace(settings, network=network, training=replace(settings.training, epochs=60, items_per_epoch=None)),
        )

    def told_parts(seed: int, widths: tuple[int, ...] | None) -> cs.Classifier:
        labels = cs.part_labels(
            canvas, cs.painted_labels(canvas, folder / "masks", names=MASKS.split()), background="background"
        )
        settings = cs.ClassifierSettings.of(canvas, parts=True)
        network = settings.network if widths is None else replace(settings.network, widths=widths)
        training = replace(settings.training, epochs=20, seed=seed)
        return cs.fit_classifier(canvas, labels, cs.ClassifierSettings(network, training), items=learned)

    encoder = fitted(kept / "faces-vae", vae)
    networks = [
        recognised(kept / "faces-parts", lambda: told_parts(0, None)),
        recognised(kept / "faces-parts-2", lambda: told_parts(1, (24, 48, 96, 96))),
    ]
    cases = []
    for part, there in having.items():
        told = np.where(there, part, f"no {part}")
        labels = cs.class_labels(canvas, values=pd.Series(told, index=canvas.item_names))
        first, second = (read_off(each, canvas, labels, learned) for each in networks)
        for word, each in (("first", first), ("second", second)):
            found = cs.confusion(each, canvas, labels, held_out)
            print(f"{part}, {word} classifier: balanced accuracy {found.balanced_accuracy:.3f} on 400 others")
        cases.append(
            Case(
                f"faces, to {part}",
                encoder,
                first,
                second,
                canvas,
                learned,
                held_out[~there[held_out]],
                [part] * int((~there[held_out]).sum()),
            )
        )
    return cases


def tell_redrawn(case: Case) -> None:
    """What the classifiers still see of known items of the target classes when these are decoded: a ceiling."""
    targets = sorted(set(case.targets))
    told = case.first.predictions(case.canvas, case.known)
    of = case.known[np.isin(told, [case.first.number(name) for name in targets])]
    samples = decoded_samples(as_generator(case.encoder), case.encoder.latents(case.canvas, of))
    kept = [
        np.mean(scores_of_samples(each, samples).argmax(axis=1) == each.predictions(case.canvas, of))
        for each in (case.first, case.second)
    ]
    print(
        f"\n{case.name}: {len(of)} known items are taken for a target class by the first classifier; "
        f"decoded, the first takes {kept[0]:.2f} of them for the same as before, the second {kept[1]:.2f}.",
        flush=True,
    )


def tell(case: Case) -> dict[str, cs.Counterfactual]:
    """A row for every method, and for the nearest known item."""
    link = cs.link(case.first, case.encoder, case.canvas, items=case.known)
    print(f"\n## {case.name}\n")
    print(
        "| method | asked | success | confirmed | steps | distance | change | plausibility | seconds |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    found = {}
    for name, asked in HOW.items():
        how = asked | ({"link": link} if "link" in asked else {})
        began = time.perf_counter()
        each = cs.counterfactual(
            case.first,
            case.encoder,
            case.canvas,
            case.items,
            case.targets,
            second=case.second,
            known=case.known,
            **how,
        )
        took = time.perf_counter() - began
        table = each.table[each.asked]
        came = table[table["success"]]
        sizes = (("distance", 2), ("change", 4), ("plausibility", 2))
        means = [f"{came[column].mean():.{n}f}" if len(came) else "" for column, n in sizes]
        rates = [str(interval(table[column].to_numpy(dtype=float))) for column in ("success", "confirmed")]
        steps = f"{came['steps'].median():.0f}" if len(came) else ""
        print(f"| {name} | {len(table)} | {' | '.join([*rates, steps, *means])} | {took:.0f} |", flush=True)
        found[name] = each
    default, line = found[DEFAULT], found[LINE]
    rows = default.asked & (default.nearest >= 0)
    latents = case.encoder.latents(case.canvas, default.nearest[rows])
    samples = decoded_samples(as_generator(case.encoder), latents)
    wanted = default.targets[rows]
    told = scores_of_samples(case.first, samples).argmax(axis=1) == wanted
    names = [case.second.number(default.classes[row]) for row in wanted]
    agreed = told & (scores_of_samples(case.second, samples).argmax(axis=1) == names)
    rates = [str(interval(each.astype(float))) for each in (told, agreed)]
    trivial = default.nearest_distances[rows].mean(), default.nearest_changes[rows].mean()
    print(f"| nearest known item | {rows.sum()} | {' | '.join(rates)} | | {trivial[0]:.2f} | {trivial[1]:.4f} | | |")
    both = default.asked & default.confirmed & line.confirmed
    if both.sum() < 2:
        print(f"\nThe default and the line search both confirm {both.sum()} items: too few to compare.", flush=True)
        return found
    less = interval(default.changes[both] - line.changes[both])
    print(
        f"\nChange of the default less that of the line search, {both.sum()} items that both confirm: "
        f"{less.mean:+.4f} ({less.low:+.4f} to {less.high:+.4f}), of {line.changes[both].mean():.4f}.",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("mnist", "faces"))
    parser.add_argument("--half", choices=("told", "development"), default="told")
    parser.add_argument("--kept", type=Path, default=Path("runs/counterfactuals"), help="where networks are kept")
    parser.add_argument("--figure", type=Path, help="of digits, which may be shown")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data, half = Path(os.environ["CONCEPTSTAIN_DATA"]), int(options.half == "told")
    for name, cases in (("mnist", mnist), ("faces", faces)):
        if options.only in {None, name}:
            for case in cases(data, options.kept, half):
                tell_redrawn(case)
                found = tell(case)
                if options.figure is not None and name == "mnist":
                    default = found[DEFAULT]
                    rows = np.flatnonzero(default.asked & default.confirmed)[:6]
                    drawn = cs.counterfactual_figure(default, default.items[rows])
                    cs.save_figure(drawn, options.figure, dpi=150, overwrite=True)


if __name__ == "__main__":
    main()
