"""Anomaly maps against masks on three sets, beside baselines that use no network.

``python benchmarks/anomaly.py`` fits three encoders to the ordinary pictures of each set (``--cache FOLDER`` keeps
them), makes every map of ``conceptstain.anomaly`` and judges it:

- MNIST: ordinary are threes; strokes are pasted into every second three of the test files. As strokes are ink, the
  AUROC among ink pixels is told, too. ``--figure`` also draws what was released: trained on threes, shown other digits.
- magnetic_tile: ordinary is ``MT_Free``; looked for are blowholes and cracks, at 64 x 64 pixels, a mask where half of a
  pixel is painted. Most of these pictures were seen while designs were chosen: none is held out.
- mvtec_screw256: ordinary is ``train/good``, at 64 x 64 pixels; every second picture of ``test``.

Intervals are over pictures drawn anew (pictures of one tile together), of their mean over seeds; beside the mean over
seeds stand the lowest and the highest.
"""

from __future__ import annotations

import argparse
import gzip
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import roc_auc_score

import conceptstain as cs
from conceptstain.concepts.normal import Normal, learn_normal
from conceptstain.methods.anomaly_settings import ANOMALY_METHODS
from conceptstain.methods.detection import DetectionMetrics
from conceptstain.methods.intervals import interval
from conceptstain.nets.augmentation import Augmentation, Symmetries

SIDE = 64
DIGIT = 3
INK = 0.4
FINE = 2.0  # pixels: a contrast against nearer surroundings than the package's
LATENT, WIDTHS, HIDDEN = 32, (8, 16, 32, 64), (128,)
SMOOTHING = 1.0  # pixels, of all maps that are blurred
SAME_TILE = 0.6  # correlation of two pictures without their light, above which they show one tile


class Set(NamedTuple):
    """Ordinary pictures, others with masks, and where the AUROC is also asked for."""

    name: str
    ordinary: np.ndarray
    shown: np.ndarray
    masks: np.ndarray
    within: np.ndarray | None
    alike: np.ndarray | None
    symmetries: Symmetries
    steps: int
    batch: int


# -- the sets ----------------------------------------------------------------------------------------------------------


def digits(data: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 32 x 32 pixels, and what they show."""
    read = [
        np.frombuffer(gzip.decompress((data / "mnist" / f"{part}-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=skip)
        for kind, skip in (("images-idx3", 16), ("labels-idx1", 8))
    ]
    pictures = np.pad(read[0].reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2))).astype(np.float32) / 255
    return pictures, read[1]


def with_strokes(pictures: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A stroke of ink across each, 6 to 14 pixels long; painted where there was no ink before."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:32, :32]
    changed, masks = pictures.copy(), np.zeros(pictures.shape, dtype=bool)
    for picture, mask in zip(changed, masks, strict=True):
        end = np.zeros(2)
        while not ((end > 4) & (end < 28)).all():
            start, angle = random.uniform(5, 27, 2), random.uniform(0, 2 * np.pi)
            end = start + random.uniform(6, 14) * np.array([np.sin(angle), np.cos(angle)])
        middle, t = (start + end) / 2 + random.normal(0, 2, 2), np.linspace(0, 1, 40)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
        far = np.sqrt(((rows - curve[:, 0, None, None]) ** 2 + (columns - curve[:, 1, None, None]) ** 2).min(axis=0))
        ink = np.clip(random.uniform(1.3, 2.0) + 0.5 - far, 0, 1) * random.uniform(0.8, 1)
        mask[:] = (ink > INK) & (picture < INK)
        picture[:] = np.maximum(picture, ink)
    return changed, masks


def mnist(data: Path, *, development: bool) -> Set:
    ordinary, labels = digits(data, "train")
    shown, shown_labels = digits(data, "t10k")
    threes = shown[shown_labels == DIGIT][0 if development else 1 :: 2]
    changed, masks = with_strokes(threes, 1 if development else 2)
    return Set("MNIST", ordinary[labels == DIGIT][:2000], changed, masks, changed > INK, None, "none", 3600, 32)


def read(paths: list[Path]) -> np.ndarray:
    canvas = cs.open(paths).view("images", frame=SIDE, fit="stretch", channels=1)
    return canvas.inputs(range(len(canvas)))[:, 0]


def tiles(data: Path, *, development: bool) -> Set:  # noqa: ARG001 - there is no other half
    root = data / "magnetic_tile"
    found = [path for kind in ("MT_Blowhole", "MT_Crack") for path in sorted((root / kind).glob("*.jpg"))]
    shown, masks = read(found), read_masks([path.with_suffix(".png") for path in found])
    seen = masks.any(axis=(1, 2))
    flat = np.stack([gaussian_filter(each, 0.5) - gaussian_filter(each, 3) for each in shown]).reshape(len(shown), -1)
    alike = connected_components(np.corrcoef(flat[seen]) > SAME_TILE)[1]
    ordinary = read(sorted((root / "MT_Free").glob("*.jpg")))
    return Set("magnetic_tile", ordinary, shown[seen], masks[seen], None, alike, "mirror", 1600, 16)


def read_masks(paths: list[Path]) -> np.ndarray:
    """On the frame: where half of a pixel or more is painted."""
    painted = [
        Image.fromarray(255 * (np.asarray(Image.open(path).convert("L")) > 127).astype(np.uint8)) for path in paths
    ]
    return np.stack([np.asarray(each.resize((SIDE, SIDE), Image.Resampling.BOX)) >= 127.5 for each in painted])


def screws(data: Path, *, development: bool) -> Set:
    root = data / "mvtec_screw256"
    found = sorted((root / "test").glob("*/*.png"))[0 if development else 1 :: 2]
    masks = [
        np.zeros((1, SIDE, SIDE), dtype=bool)
        if path.parent.name == "good"
        else read_masks([root / "ground_truth" / path.parent.name / f"{path.stem}_mask.png"])
        for path in found
    ]
    ordinary = read(sorted((root / "train" / "good").glob("*.png")))
    return Set("mvtec_screw256", ordinary, read(found), np.concatenate(masks), None, None, "all", 1600, 16)


SETS: tuple[Callable[..., Set], ...] = (mnist, tiles, screws)


# -- maps --------------------------------------------------------------------------------------------------------------


def as_canvas(pictures: np.ndarray, name: str) -> cs.ImageSet:
    return cs.open(list((255 * pictures).round().astype(np.uint8)), name=name).view("images", frame=pictures.shape[1])


def fitted(of: Set, canvas: cs.ImageSet, seed: int, cache: Path, steps: int) -> cs.Encoder:
    path = cache / f"{of.name}-{steps}-{seed}.safetensors"
    if path.exists():
        return cs.load_encoder(path)
    settings = cs.FitSettings.of(canvas)
    widths = WIDTHS[: len(settings.network.widths)]
    network = replace(settings.network, latent=LATENT, widths=widths, hidden=HIDDEN)
    training = replace(
        settings.training,
        seed=seed,
        batch_size=of.batch,
        epochs=max(1, round(steps / (len(canvas) / of.batch))),
        augmentation=Augmentation(of.symmetries, shift=2, light=0.05),
    )
    encoder = cs.fit(canvas, cs.FitSettings(network, training), name=f"{of.name}, seed {seed}")
    cs.save_encoder(encoder, path)
    return encoder


def made(of: Set, encoder: cs.Encoder, normal: Normal, method: str, seed: int = 0) -> np.ndarray:
    if method == "fine contrast":
        apart = np.abs(of.shown - gaussian_filter(of.shown, (0, FINE, FINE)))
        return gaussian_filter(apart, (0, 1, 1))
    canvas = as_canvas(of.shown, of.name)
    settings = cs.AnomalySettings(smoothing=SMOOTHING / canvas.shape[-1], seed=seed)
    return cs.anomaly(canvas, encoder, normal, method=method, settings=settings).values[:, 0]


class Judged(NamedTuple):
    """Of one seed."""

    pooled: float
    within: float
    each: np.ndarray
    aupro: float
    iou: float
    image: float


def judged(of: Set, maps: np.ndarray) -> Judged:
    metrics = DetectionMetrics()
    for values, mask in zip(maps, of.masks, strict=True):
        metrics.update(values, mask)
    found = metrics.result()
    within = float("nan") if of.within is None else float(roc_auc_score(of.masks[of.within], maps[of.within]))
    pairs = [(mask.ravel(), map_.ravel()) for mask, map_ in zip(of.masks, maps, strict=True) if mask.any()]
    each = np.array([roc_auc_score(*pair) for pair in pairs])
    return Judged(found.pixel_auroc, within, each, found.aupro, found.iou, found.image_auroc)


def told(values: list[float]) -> str:
    if np.isnan(values).any():
        return "-"
    mean, low, high = (f"{value:.3f}".removeprefix("0") for value in (np.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


HEADS = ("pixel AUROC, pooled", "among ink", "mean per picture (95 %)", "AUPRO", "best IoU", "image AUROC")


def row(method: str, found: list[Judged], alike: np.ndarray | None) -> str:
    mean = np.mean([one.each for one in found], axis=0)
    each = interval(mean if alike is None else np.bincount(alike, mean) / np.bincount(alike))
    columns = [told([getattr(one, key) for one in found]) for key in ("pooled", "within", "aupro", "iou", "image")]
    return f"| {method} | {' | '.join([*columns[:2], str(each), *columns[2:]])} |"


# -- the figure --------------------------------------------------------------------------------------------------------


class Drawn(NamedTuple):
    """What a panel needs: pictures, masks and maps."""

    of: Set
    maps: dict[str, np.ndarray]


SHOWN = ("pasted", "reconstruction", "projection", "attention-released")


def drawn(sets: list[Drawn], others: Drawn, path: Path) -> None:
    """Digits with strokes and other digits as they are; of the tiles, which state no licence, masks and maps alone."""
    import matplotlib.pyplot as plt

    n_shown = 4
    panels = [(sets[0], "threes with a stroke"), (others, "trained on threes, shown other digits")]
    panels += [(each, "tiles (masks)") for each in sets if each.of.name == "magnetic_tile"]
    figure = plt.figure(figsize=(7.2, 1.55 * len(panels) * 0.62 * n_shown / 2), layout="constrained")
    for part, (each, title) in zip(figure.subfigures(len(panels), 1), panels, strict=True):
        heads = ["picture" if each.of.name == "MNIST" else "mask", *SHOWN]
        axes = part.subplots(2, 2 * len(heads))
        part.suptitle(title, fontsize=7)
        for place in range(n_shown):
            columns = axes[place // 2][(place % 2) * len(heads) :][: len(heads)]
            item = place * max(1, len(each.of.shown) // n_shown)
            first = each.of.shown[item] if each.of.name == "MNIST" else each.of.masks[item]
            columns[0].imshow(first, cmap="Greys", vmin=0, vmax=1)
            for panel, head in zip(columns[1:], SHOWN, strict=True):
                panel.imshow(each.maps[head][item], cmap="magma", vmin=0)
            for panel, head in zip(columns, heads, strict=True):
                panel.set_axis_off()
                if place < 2:
                    panel.set_title(head.replace("attention-", "attention,\n"), fontsize=5, pad=2)
                if each.of.masks[item].any():
                    panel.contour(each.of.masks[item], levels=[0.5], colors="tab:green", linewidths=0.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def other_digits(data: Path, encoder: cs.Encoder, normal: Normal) -> Drawn:
    pictures, labels = digits(data, "t10k")
    shown = np.stack([pictures[labels == digit][0] for digit in (1, 8, 4, 5)])
    of = Set("MNIST", shown, shown, np.zeros(shown.shape, dtype=bool), None, None, "none", 0, 0)
    return Drawn(of, {method: made(of, encoder, normal, method) for method in SHOWN})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--development", action="store_true", help="judge on the halves that designs were chosen by")
    parser.add_argument("--quick", action="store_true", help="one seed, few steps and pictures: whether it runs")
    parser.add_argument("--longer", type=int, default=1, help="times as many steps of training")
    parser.add_argument("--only", help="one set: mnist, tiles or screws")
    parser.add_argument("--cache", type=Path, help="folder that keeps the fitted encoders")
    parser.add_argument("--figure", type=Path, help="also draw maps")
    given = parser.parse_args()
    data = Path(os.environ["CONCEPTSTAIN_DATA"])
    cache = given.cache or Path(tempfile.mkdtemp(prefix="anomaly-"))
    cache.mkdir(parents=True, exist_ok=True)
    kept, others = [], None
    for make in SETS:
        if given.only not in {None, make.__name__}:
            continue
        of = make(data, development=given.development)
        if given.quick:
            of = of._replace(ordinary=of.ordinary[:100], shown=of.shown[:24], masks=of.masks[:24], steps=20)
            of = of._replace(alike=None if of.alike is None else np.unique(of.alike[:24], return_inverse=True)[1])
            of = of._replace(within=None if of.within is None else of.within[:24])
        of = of._replace(steps=of.steps * given.longer)
        begun = time.perf_counter()
        ordinary = as_canvas(of.ordinary, f"{of.name}, ordinary")
        found: dict[str, list[Judged]] = {method: [] for method in (*ANOMALY_METHODS, "fine contrast")}
        for seed in range(1 if given.quick else given.seeds):
            encoder = fitted(of, ordinary, seed, cache, of.steps)
            # Which pictures are kept to paste defects into changes with the seed.
            items = np.random.default_rng(seed).permutation(len(ordinary))
            normal = learn_normal("ordinary", ordinary, encoder, items)
            maps = {method: made(of, encoder, normal, method, seed) for method in found}
            for method, each in maps.items():
                found[method].append(judged(of, each))
            if seed == 0:
                kept.append(Drawn(of, maps))
                others = other_digits(data, encoder, normal) if of.name == "MNIST" else others
        n_painted = int(of.masks.any(axis=(1, 2)).sum())
        print(
            f"\n{of.name}: {len(of.ordinary)} ordinary pictures, {len(of.shown)} shown, {n_painted} with a mask, "
            f"{100 * of.masks.mean():.2f} % of the pixels; {time.perf_counter() - begun:.0f} s\n"
        )
        print(f"| method | {' | '.join(HEADS)} |\n|{'---|' * (len(HEADS) + 1)}")
        for method, each in found.items():
            print(row(method, each, of.alike), flush=True)
    if given.figure is not None and others is not None:
        drawn(kept, others, given.figure)


if __name__ == "__main__":
    main()
