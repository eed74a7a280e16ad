"""A layer of 2,048 units swept and quantified in one run, and units that change one part of faces and no other.

    CONCEPTSTAIN_DATA=... python benchmarks/unit_sweeps.py [--cache folder] [--figure strips.png]
    CONCEPTSTAIN_DATA=... python benchmarks/unit_sweeps.py --digits strips.png --cache folder

1,000 faces with masks of 18 parts (CelebAMask-HQ, non-commercial: no picture is shown), on a frame of 64 pixels. A
quarter of the faces with glasses, of those with a hat, and of the others is held out of everything that is trained:

- the generator, a VAE with places, without labels;
- the classifier whose units are swept: of parts, its last convolution with 2,048 channels, whose means over places are
  linked to the VAE's latents by ridge regression;
- the segmenter, a smaller classifier of parts, from another seed.

Sweeps start from held-out faces: glasses, hats and others in equal numbers. *Told* are

- the time of one run over all units, random directions included, against the loop that sweeps one unit after the other
  (``cs.sweep``, segment, measure), over some units drawn by a seed, per sweep, and against a bare loop that reads items
  once and no classes; and whether both find the same changes;
- how much of each part the generator draws at all;
- for each part, how many units are *selective*: they change its share of the picture by more than 95 of 100 random
  directions of equal length do, and not by chance (Student's t, 95 %), and no other part so; and how many random
  directions pass the same criterion: mixtures of the layer's units, and directions of the latent space;
- the parts that a few-shot segmenter finds, which learned from some faces labelled by the segmenter, against it.

With ``--digits``, instead, the units of the classifier of MNIST of ``benchmarks/linking.py``: which change the
probability of one digit alone, how much ink they add and how they turn it, and strips of some.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from linking import mnist
from PIL import Image

import conceptstain as cs
from conceptstain.methods.part_measures import change_of
from conceptstain.methods.sweeping import moved_latents, starts_of
from conceptstain.nets.classifier_network import ClassifierNetworkSettings
from conceptstain.nets.generators import as_generator
from conceptstain.nets.image_vae import ImageVAESettings
from conceptstain.progress import Step

FRAME, UNITS = 64, 2048
PARTS = (
    "background skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear "
    "mouth u_lip l_lip hair hat ear_r neck_l neck cloth"
)
JOINED = {
    "eyeglasses": ["eye_g"],
    "eyes and brows": ["l_eye", "r_eye", "l_brow", "r_brow"],
    "ears": ["l_ear", "r_ear", "ear_r"],
    "mouth": ["mouth", "u_lip", "l_lip"],
    "neck": ["neck", "neck_l"],
}
GLASSES, HAT = 3, 14
SPLIT_SEED, HELD_OUT = 20, 0.25
LABELLED = 8  # faces that the few-shot segmenter learns from
SEEN = 20  # pixels of a part that count as drawn


class Faces:
    """The pictures, who wears what, and who is held out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.canvas: cs.ImageSet = cs.open(folder / "images").view("images", frame=FRAME)
        stems = [Path(str(name)).stem for name in self.canvas.item_names]
        masks = np.stack([np.asarray(Image.open(folder / "masks" / f"{stem}.png")) for stem in stems])
        glasses, hat = ((masks == part).any(axis=(1, 2)) for part in (GLASSES, HAT))
        self.kinds = np.where(glasses, "glasses", np.where(hat, "hat", "neither"))
        self.held_out = np.zeros(len(stems), dtype=bool)
        rng = np.random.default_rng(SPLIT_SEED)
        for kind in dict.fromkeys(self.kinds):
            members = rng.permutation(np.flatnonzero(self.kinds == kind))
            self.held_out[members[: int(HELD_OUT * len(members))]] = True
        self.learned = np.flatnonzero(~self.held_out)
        self.paths = [folder / "images" / f"{stem}.jpg" for stem in stems]

    def starts(self, n: int, seed: int = 0) -> np.ndarray:
        """Held-out faces, of each kind as many."""
        rng = np.random.default_rng(seed)
        drawn = [
            rng.permutation(np.flatnonzero(self.held_out & (self.kinds == kind)))[: n // 3]
            for kind in ("glasses", "hat", "neither")
        ]
        return np.sort(np.concatenate(drawn))


def kept(path: Path | None, load: Callable[[Path], object], make: Callable[[], object], save: Callable) -> object:
    """From the cache, or made and put there."""
    if path is not None and path.is_file():
        return load(path)
    made = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(made, path)
    return made


def fitted_encoder(faces: Faces, epochs: int) -> cs.Encoder:
    canvas = cs.open([faces.paths[item] for item in faces.learned], name="faces").view("images", frame=FRAME)
    settings = cs.FitSettings.of(canvas, network="places")
    network = replace(ImageVAESettings.of("places", side=FRAME), latent=512, widths=(24, 48, 64, 64))
    training = replace(settings.training, epochs=epochs, beta=0.05, learning_rate=3e-3)
    training = replace(training, augmentation=replace(training.augmentation, shift=0))
    return cs.fit(canvas, replace(settings, network=network, training=training))


def fitted_parts(faces: Faces, seed: int, epochs: int, widths: tuple[int, ...] | None = None) -> cs.Classifier:
    masks = cs.painted_labels(faces.canvas, faces.folder / "masks", names=PARTS.split())
    labels = cs.part_labels(faces.canvas, masks, background="background")
    settings = cs.ClassifierSettings.of(faces.canvas, parts=True)
    settings = replace(settings, training=replace(settings.training, seed=seed, epochs=epochs))
    if widths is not None:
        settings = replace(settings, network=ClassifierNetworkSettings(widths, halvings=2))
    return cs.fit_classifier(faces.canvas, labels, settings, items=faces.learned)


@dataclass(frozen=True, eq=False)
class Setting:
    """What is swept from where."""

    link: cs.Link
    classifier: cs.Classifier
    encoder: cs.Encoder
    canvas: cs.ImageSet
    items: np.ndarray
    segmenter: cs.Segmenter

    def run(self, units: np.ndarray, **options: Any) -> cs.UnitSweeps:
        """All in one run."""
        return cs.sweep_units(
            self.link,
            self.classifier,
            self.encoder,
            self.canvas,
            units=units,
            items=self.items,
            segmenter=self.segmenter,
            **options,
        )

    def sweep(self, unit: int) -> cs.Sweep:
        """One unit."""
        return cs.sweep(self.link, self.classifier, self.encoder, self.canvas, unit, items=self.items)


def one_by_one(setting: Setting, units: np.ndarray) -> np.ndarray:
    """What the one run measures, unit after unit: ``(units, items, parts, measures)``."""
    found = []
    for unit in units:
        swept, segmenter = setting.sweep(int(unit)), setting.segmenter
        path = []
        for step in range(swept.samples.shape[1]):
            samples = swept.samples[:, step]
            labels = segmenter.segment(samples, swept.latents[:, step])
            path.append(cs.part_measures(samples, labels, len(segmenter.parts)))
        found.append(np.stack(list(change_of(path).values()), axis=-1))
    return np.stack(found)


def bare_loop(setting: Setting, units: np.ndarray) -> None:
    """The same without what a sweep tells beside: the items are read once, and no classes of the samples."""
    made, segmenter = as_generator(setting.encoder), setting.segmenter
    r = starts_of(setting.link, setting.classifier, setting.canvas, setting.items).r
    for unit in units:
        values = np.linspace(*setting.link.ranges[unit], 3)[None]
        latents = moved_latents(setting.link, r, np.array([unit]), values)
        for step in range(latents.shape[1]):
            samples = made.samples(latents[:, step])
            cs.part_measures(samples, segmenter.segment(samples, latents[:, step]), len(segmenter.parts))


def minute_by_minute() -> Callable[[Step], None]:
    began = told = time.perf_counter()

    def report(step: Step) -> None:
        nonlocal told
        if time.perf_counter() - told > 60:
            told = time.perf_counter()
            print(f"  {step.message}: {step.done} of {step.total}, {told - began:.0f} s", flush=True)

    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder of trained networks")
    parser.add_argument("--figure", type=Path, help="strips of the most selective units of hair, parts alone")
    parser.add_argument("--items", type=int, default=15)
    parser.add_argument("--units", type=int, default=UNITS, help="how many to sweep")
    parser.add_argument("--loop", type=int, default=48, help="units of the one-by-one loop")
    parser.add_argument("--draws", type=int, default=256, help="random directions of each kind")
    parser.add_argument("--epochs", type=int, default=130, help="of the VAE")
    parser.add_argument("--digits", type=Path, help="strips of units of a classifier of MNIST, instead of faces")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.digits is not None:
        tell_digits(asked.cache or Path("unit-sweeps"), asked.digits)
        return
    faces = Faces(Path(os.environ["CONCEPTSTAIN_DATA"]) / "faces128")

    def at(name: str) -> Path | None:
        return None if asked.cache is None else asked.cache / f"{name}.safetensors"

    encoder = kept(
        at(f"encoder-{asked.epochs}"), cs.load_encoder, lambda: fitted_encoder(faces, asked.epochs), cs.save_encoder
    )
    small = kept(at("parts"), cs.load_classifier, lambda: fitted_parts(faces, 0, 20), cs.save_classifier)
    wide = kept(
        at("units"), cs.load_classifier, lambda: fitted_parts(faces, 1, 12, (16, 32, 64, UNITS)), cs.save_classifier
    )
    link = cs.link(wide, encoder, faces.canvas, items=faces.learned, method="ridge")
    print(f"link: {link.quality.n_learned} pairs, alpha {link.card['alpha']}")
    print(link.quality.table.round(3).to_string())
    segmenter = cs.part_segmenter(small, joined=JOINED)
    setting = Setting(link, wide, encoder, faces.canvas, faces.starts(asked.items), segmenter)
    tell_drawn(setting)
    units = np.arange(asked.units)
    before = time.perf_counter()
    found = setting.run(units, draws=asked.draws, report=minute_by_minute())
    seconds = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    n_samples = (len(units) + asked.draws) * len(setting.items) * found.steps
    print(
        f"one run: {len(units):,} units and {asked.draws} directions from {len(setting.items)} faces, "
        f"{n_samples:,} samples in {seconds:.0f} s, at most {peak:.0f} MB"
    )
    tell_loop(setting, found, np.sort(np.random.default_rng(0).permutation(units)[: asked.loop]))
    tell_selective(setting, found, asked.draws)
    tell_few_shot(setting, faces.learned)
    if asked.figure is not None:
        strips = [setting.sweep(int(unit)) for unit in found.ranking("hair").index[:3]]
        drawn = cs.sweep_figure(strips, faces.canvas, segmenter=segmenter, pictures=False, most=2)
        cs.save_figure(drawn, asked.figure, overwrite=True)


def tell_loop(setting: Setting, whole: cs.UnitSweeps, units: np.ndarray) -> None:
    """Time and results of the loop over some units beside those of one run over the same, and of the whole run."""
    before = time.perf_counter()
    expected = one_by_one(setting, units)
    by_loop = (time.perf_counter() - before) / len(units)
    before = time.perf_counter()
    bare_loop(setting, units)
    by_bare = (time.perf_counter() - before) / len(units)
    before = time.perf_counter()
    again = setting.run(units, draws=2).changes
    by_run = (time.perf_counter() - before) / (len(units) + 2)
    print(
        f"per sweep: {1000 * by_run:.0f} ms in one run of {len(units)} units, {1000 * by_loop:.0f} ms one by one, "
        f"{by_loop / by_run:.2f} times as long; {1000 * by_bare:.0f} ms where items are read once and classes never, "
        f"{by_bare / by_run:.2f} times"
    )
    for name, each in (("one run", again), ("the whole run", whole.changes[units])):
        same = np.allclose(each, expected, rtol=1e-3, atol=1e-3, equal_nan=True)
        off = np.nanmax(np.abs(each - expected))
        print(f"{name} equals the loop: {same}, largest difference {off:.1e}")


def tell_selective(setting: Setting, found: cs.UnitSweeps, draws: int) -> None:
    """How many units, and how many directions of both kinds, are selective for each part; and the first of some."""
    anywhere = setting.run(found.units[:1], draws=draws, null="latent space")
    beside = replace(found, null_changes=anywhere.null_changes, null_lengths=anywhere.null_lengths, null="latent space")
    table = found.selective_counts().join(beside.selective_counts(), rsuffix="_latent_space")
    print(table.round(3).to_string())
    for part in ("eyeglasses", "hair", "hat"):
        print(part)
        print(found.ranking(part).head(5).round(4).to_string())


def tell_drawn(setting: Setting) -> None:
    """In how many faces each part is found: as they are, as the VAE draws them, and as the link has it draw them."""
    made, items, segmenter = as_generator(setting.encoder), setting.items, setting.segmenter
    kinds = {
        "faces": setting.canvas.inputs(items),
        "drawn": made.samples(setting.encoder.latents(setting.canvas, items)),
        "linked": made.samples(setting.link.latents(setting.sweep(0).start)),
    }
    print(f"| of {len(items)} faces with | {' | '.join(kinds)} |\n|---|{'---|' * len(kinds)}")
    areas = [cs.part_measures(each, segmenter.segment(each), len(segmenter.parts)).area for each in kinds.values()]
    for number, part in enumerate(segmenter.parts):
        print(f"| {part} | " + " | ".join(str(int((area[:, number] >= SEEN).sum())) for area in areas) + " |")


def tell_few_shot(setting: Setting, learned: np.ndarray) -> None:
    """A few-shot segmenter against the one whose labels it learned from, on samples of a sweep."""
    made, segmenter = as_generator(setting.encoder), setting.segmenter
    shown = np.random.default_rng(1).permutation(learned)[:LABELLED]
    latents = setting.encoder.latents(setting.canvas, shown)
    labels = segmenter.segment(made.samples(latents))
    few = cs.few_shot_segmenter(made, latents, labels, parts=segmenter.parts)
    swept = setting.sweep(0)
    moved = swept.latents.reshape(-1, made.latent)
    samples = swept.samples.reshape(-1, *made.shape)
    overlaps = cs.part_overlaps(few.segment(samples, moved), segmenter.segment(samples), len(segmenter.parts))
    told = ", ".join(f"{part} {each:.2f}" for part, each in zip(segmenter.parts, overlaps, strict=True))
    print(f"few-shot segmenter, {LABELLED} samples: IoU with the segmenter {told}; mean {np.nanmean(overlaps):.2f}")


def tell_digits(cache: Path, figure: Path) -> None:
    """Units of a classifier of digits, from 16 digits that nothing was learned from."""
    (case,) = mnist(Path(os.environ["CONCEPTSTAIN_DATA"]), cache)
    link = cs.link(case.classifier, case.encoder, case.canvas, items=case.learned, method="ridge")
    items = np.sort(np.random.default_rng(0).permutation(case.held_out)[:16])
    networks = (link, case.classifier, case.encoder, case.canvas)
    by_class = cs.sweep_units(*networks, items=items)
    print(by_class.selective_counts().round(3).to_string())
    ink = cs.sweep_units(*networks, items=items, segmenter=cs.threshold_segmenter(0.5, ["ink"])).table
    print(ink.set_index("unit")[["d_area", "d_eccentricity", "d_angle"]].abs().describe().round(3).to_string())
    rankings = [by_class.ranking(digit) for digit in by_class.parts]
    strongest = [each.iloc[0] for each in rankings if each["selective"].iloc[0]]
    units = [int(row.name) for row in sorted(strongest, key=lambda row: -row["strength"])[:3]]
    print(pd.DataFrame(strongest).round(3).to_string())
    strips = [cs.sweep(*networks, unit, items=items, steps=5) for unit in units]
    cs.save_figure(cs.sweep_figure(strips, case.canvas, most=2), figure, overwrite=True)


if __name__ == "__main__":
    main()
