"""Eyeglasses and hats on faces: every map of a concept beside every control, on pictures that nothing was learned from.

    CONCEPTSTAIN_DATA=... python benchmarks/faces.py [--development] [--figure faces.png]

On ``faces128`` (CelebAMask-HQ, 1,000 faces of 128 x 128 pixels with masks of their parts); a face has glasses, or a
hat, where its mask has a pixel of it. What was fixed before any number of the held-out faces was seen:

- *Split*, by one seed: of the faces with glasses 40 % are held out, of those with a hat 40 %, of the others 20 %.
- *Encoders* are fitted to the pictures that are not held out, without any label: one for each seed, and one of the
  default network, to compare with.
- *Concepts*: of these pictures, those with the attribute minus all others.
- *Designs* (networks, forms of the concept, how maps are shown) were chosen with ``--development``: within the
  pictures that are not held out, in five folds, the concept made of four and its maps judged on the fifth.
- *Judged* are the maps of the held-out faces with the attribute, at their own pixels, against their masks: AUROC,
  whether the highest pixel lies in the mask (pointing game) and average precision. *Another's map*: the same mask
  against the maps of the other held-out faces. Means over the seeds, 95 % by the bootstrap over pictures.

After they were seen, one thing was added: glasses that are pushed up to the upper edge, and are counted as glasses
above, are left out of a second table.

Controls: the mean difference of the pictures; patches of pixels, weighed at each place by how they vary there (both
without a network); each of them by regions, as the map is; random concepts; untrained networks; the mean mask of the
faces that were learned from, which is told where to look; and the mask itself, which no map can beat.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom
from scipy.stats import rankdata
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score

import conceptstain as cs
from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.cross_fit import auroc
from conceptstain.methods.display import PAPER
from conceptstain.methods.intervals import interval
from conceptstain.methods.maps import MAPS, map_kind
from conceptstain.methods.regions import over_regions, regions_of
from conceptstain.nets.image_vae import ImageNetwork
from conceptstain.nets.untrained import untrained
from conceptstain.picture_painting import picture_painting

ATTRIBUTES = {"glasses": 3, "hat": 14}  # their labels in the masks
HELD_OUT, HELD_OUT_OTHERS = 0.4, 0.2
SPLIT_SEED = 20
FOLDS = 5
BEST, BEST_HAVING = 2, 3  # in the figure: faces that score highest, and of those that have the attribute
PATCH, PATCH_STRIDE, COMPONENTS = 12, 4, 24
SMOOTH = 0.03  # of the width
TO_BEAT = ("mean difference of the pictures", "mean difference of the pictures, by regions")
PUSHED_UP = 0.2  # glasses whose middle lies above this part of the picture are not before the eyes
CHOSEN: tuple[ImageNetwork, str] = ("places", "contrast")  # on the development pictures
ABOUT_NO_PICTURE = ("decoded", "gene-mean")

Maps = np.ndarray  # (pictures, height, width)


@dataclass(frozen=True, eq=False)
class Faces:
    """The pictures with their masks."""

    paths: list[Path]
    masks: np.ndarray
    size: int

    @classmethod
    def of(cls, folder: Path, size: int) -> Faces:
        """Those of ``faces128``, on a frame of that size."""
        paths = sorted((folder / "images").glob("*.jpg"))
        masks = [np.asarray(Image.open(folder / "masks" / f"{path.stem}.png")) for path in paths]
        return cls(paths, np.stack(masks), size)

    @cached_property
    def canvas(self) -> ImageSet:
        """All pictures."""
        return cs.open(self.paths, name="faces").view("images", frame=self.size)

    @cached_property
    def pixels(self) -> np.ndarray:
        """All pictures on the frame."""
        return self.canvas.inputs(range(len(self.paths)))

    @cached_property
    def patches(self) -> np.ndarray:
        """Principal components of patches of pixels, ``(pictures, places, components)``."""
        half, places = PATCH // 2, self.size // PATCH_STRIDE
        padded = np.pad(self.pixels, ((0, 0), (0, 0), (half, half), (half, half)), mode="edge")
        windows = sliding_window_view(padded, (PATCH, PATCH), axis=(2, 3))
        at = (PATCH_STRIDE // 2 + PATCH_STRIDE * np.arange(places)).tolist()
        found = windows[:, :, at][:, :, :, at].transpose(0, 2, 3, 1, 4, 5).reshape(len(padded), places * places, -1)
        learned = found[~self.held_out].reshape(-1, found.shape[-1])
        some = np.random.default_rng(0).choice(len(learned), min(20_000, len(learned)), replace=False)
        fitted = PCA(COMPONENTS, svd_solver="randomized", random_state=0).fit(learned[some])
        return np.stack([fitted.transform(each) for each in found])

    def having(self, attribute: str) -> np.ndarray:
        """Who has the attribute."""
        return (self.masks == ATTRIBUTES[attribute]).any(axis=(1, 2))

    @cached_property
    def held_out(self) -> np.ndarray:
        """Who is learned nothing from."""
        rng = np.random.default_rng(SPLIT_SEED)
        glasses, hat = self.having("glasses"), self.having("hat")
        held = np.zeros(len(self.paths), dtype=bool)
        for group in (glasses & hat, glasses & ~hat, hat & ~glasses, ~glasses & ~hat):
            members = rng.permutation(np.flatnonzero(group))
            part = HELD_OUT if (glasses | hat)[members].all() else HELD_OUT_OTHERS
            held[members[: round(part * len(members))]] = True
        return held

    def names(self, items: np.ndarray) -> tuple[str, ...]:
        """Of these pictures."""
        return tuple(self.canvas.item_names[items])


class Asked(NamedTuple):
    """What a map is made from, and the pictures it is asked at."""

    attribute: str
    positives: np.ndarray
    negatives: np.ndarray
    items: np.ndarray


def questions(faces: Faces, attribute: str, *, development: bool) -> list[Asked]:
    having, held = faces.having(attribute), faces.held_out
    positives, negatives = np.flatnonzero(having & ~held), np.flatnonzero(~having & ~held)
    if not development:
        return [Asked(attribute, positives, negatives, np.flatnonzero(having & held))]
    fold = np.random.default_rng(SPLIT_SEED).permutation(np.arange(len(positives)) % FOLDS)
    return [Asked(attribute, positives[fold != k], negatives, positives[fold == k]) for k in range(FOLDS)]


# -- maps --------------------------------------------------------------------------------------------------------------

Design = Callable[[Faces, Asked], Maps]


def by_map(
    key: str,
    encoder: cs.Encoder,
    form: str,
    settings: cs.MapSettings | None = None,
    *,
    random: int | None = None,
    display: cs.Display | None = None,
) -> Design:
    """A map of the package; ``random``: of a concept of as many pictures drawn by this seed."""

    def make(faces: Faces, asked: Asked) -> Maps:
        positives, negatives = asked.positives, asked.negatives
        if random is not None:
            drawn = np.random.default_rng(random).permutation(np.concatenate([positives, negatives]))
            positives, negatives = drawn[: len(positives)], drawn[len(positives) :]
        concept = made_of(faces, encoder, form, asked._replace(positives=positives, negatives=negatives))
        used = settings or cs.MapSettings()
        if key == "attention":  # of one latent: the one that the concept has most of
            used = replace(used, dimension=int(np.abs(concept.direction).argmax()))
        if key not in ABOUT_NO_PICTURE:  # maps are made at the concept's items
            concept = replace(concept, items=faces.names(asked.items))
        return at_own_pixels(faces, asked, map_kind(key).make(faces.canvas, encoder, concept, settings=used), display)

    return make


def made_of(faces: Faces, encoder: cs.Encoder, form: str, asked: Asked) -> cs.Concept:
    positives, negatives = faces.names(asked.positives), faces.names(asked.negatives)
    return cs.concept(asked.attribute, faces.canvas, encoder, items=positives, against=negatives, form=form)


def score(faces: Faces, encoder: cs.Encoder, form: str, asked: Asked) -> np.ndarray:
    return made_of(faces, encoder, form, asked).scores(encoder.latents(faces.canvas))


def at_own_pixels(faces: Faces, asked: Asked, found: cs.Attribution, display: cs.Display | None = None) -> Maps:
    maps = picture_painting(found, faces.canvas, display).maps
    own = [maps[int(item)] if int(item) in maps else maps[min(maps)] for item in asked.items]
    return np.stack(own)


def laid_out(faces: Faces, on_frame: np.ndarray) -> Maps:
    """Maps of the frame, smoothed, at the pixels of the pictures."""
    smooth = gaussian_filter(on_frame, (0, *[SMOOTH * on_frame.shape[-1]] * 2), mode="nearest")
    return faces.canvas.place(smooth.astype(np.float32), 0)


def mean_difference(faces: Faces, asked: Asked) -> np.ndarray:
    x = faces.pixels
    return np.abs(x[asked.positives].mean(axis=0) - x[asked.negatives].mean(axis=0)).sum(axis=0)


def told_by_patches(faces: Faces, asked: Asked) -> np.ndarray:
    """How far apart both sides are at each place, ``d S^-1 d``, in principal components of patches of pixels."""
    found = apart(faces.patches, asked)
    places = round(len(found) ** 0.5)
    return zoom(found.reshape(places, places), faces.size // places, order=1, mode="nearest", grid_mode=True)


def apart(numbers: np.ndarray, asked: Asked, shrinkage: float = 0.1) -> np.ndarray:
    """``d S^-1 d`` at every place, of numbers ``(pictures, places, numbers)``."""
    others = numbers[asked.negatives].mean(axis=0)
    differences = numbers[asked.positives].mean(axis=0) - others
    residual = numbers[asked.negatives] - others
    covariances = np.einsum("npc,npd->pcd", residual, residual) / len(residual)
    spheres = np.trace(covariances, axis1=1, axis2=2)[:, None, None] / numbers.shape[2] * np.eye(numbers.shape[2])
    shrunk = (1 - shrinkage) * covariances + shrinkage * spheres
    return np.einsum("pc,pc->p", differences, np.linalg.solve(shrunk, differences[..., None])[..., 0])


def without_network(found: Callable[[Faces, Asked], np.ndarray], *, by_regions: bool) -> Design:
    """One map for all pictures; by regions, it is brought to the regions of each."""

    def make(faces: Faces, asked: Asked) -> Maps:
        one = found(faces, asked)
        if not by_regions:
            return np.repeat(laid_out(faces, one[None]), len(asked.items), axis=0)
        smooth = gaussian_filter(one.astype(np.float64), SMOOTH * one.shape[-1], mode="nearest")
        each = [over_regions(smooth, regions_of(faces.pixels[item])) for item in asked.items]
        return faces.canvas.place(np.stack(each).astype(np.float32), 0)

    return make


def mean_mask(faces: Faces, asked: Asked) -> Maps:
    known = faces.masks[asked.positives] == ATTRIBUTES[asked.attribute]
    return np.repeat(known.mean(axis=0)[None], len(asked.items), axis=0)


def own_mask(faces: Faces, asked: Asked) -> Maps:
    masks = (faces.masks[asked.items] == ATTRIBUTES[asked.attribute]).astype(float)
    return gaussian_filter(masks, (0, *[SMOOTH * masks.shape[-1]] * 2), mode="nearest")


# -- the figure --------------------------------------------------------------------------------------------------------


def drawn(faces: Faces, encoder: cs.Encoder, form: str, path: Path, *, pictures: bool) -> None:
    """The held-out faces that score highest, with the paper's maps, the gradient and the gradient by regions."""
    import matplotlib.pyplot as plt

    columns = {"guided": PAPER, "rectified": PAPER, "gradient": None, "regions": None}
    heads = ["picture" if pictures else "parts, by mask", *(map_kind(key).label for key in columns)]
    n_rows = BEST + BEST_HAVING
    figure = plt.figure(figsize=(2 * 1.05 * len(heads) + 0.3, 1.07 * n_rows))
    for half, attribute in zip(figure.subfigures(1, 2), ATTRIBUTES, strict=True):
        axes = half.subplots(n_rows, len(heads))
        half.subplots_adjust(left=0.05, right=0.99, top=0.95, bottom=0.01, wspace=0.04, hspace=0.04)
        (asked,) = questions(faces, attribute, development=False)
        scores = score(faces, encoder, form, asked)
        held = np.flatnonzero(faces.held_out)
        ranked = held[np.argsort(scores[held])[::-1]]
        having = [int(item) for item in ranked if item in asked.items and item not in ranked[:BEST]]
        shown = np.array([*ranked[:BEST], *having[:BEST_HAVING]])
        maps = {
            key: by_map(key, encoder, form, display=display)(faces, asked._replace(items=shown))
            for key, display in columns.items()
        }
        for place, item in enumerate(shown):
            row = axes[place]
            if pictures:
                row[0].imshow(Image.open(faces.paths[item]))
            else:
                row[0].imshow(faces.masks[item], cmap="Greys", interpolation="nearest", vmin=-6)
            for panel, (key, each) in zip(row[1:], maps.items(), strict=True):
                limit, signed = np.abs(each[place]).max(), columns[key] is PAPER
                panel.imshow(each[place], cmap="RdBu_r" if signed else "magma", vmin=-limit * signed, vmax=limit)
            inside = faces.masks[item] == ATTRIBUTES[attribute]
            for panel in row:
                panel.set_axis_off()
                if inside.any():
                    panel.contour(inside, levels=[0.5], colors="tab:green", linewidths=0.8)
            rank = 1 + int(np.flatnonzero(ranked == item)[0])
            row[0].text(-8, 64, f"{attribute}, {rank} of {len(held)}", rotation=90, ha="right", va="center", fontsize=6)
        for panel, head in zip(axes[0], heads, strict=True):
            panel.set_title(head, fontsize=6, pad=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)
    if path.suffix == ".png":
        Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)  # a third of the size


# -- judging -----------------------------------------------------------------------------------------------------------


class Judged(NamedTuple):
    """Of each picture, for one seed."""

    auroc: np.ndarray
    another: np.ndarray
    pointing: np.ndarray
    precision: np.ndarray


def judged(maps: Maps, masks: np.ndarray) -> Judged:
    """All maps against all masks: own on the diagonal, the maps of others beside it."""
    n = len(maps)
    ranks = np.stack([rankdata(each) for each in maps.reshape(n, -1)])
    inside = masks.reshape(n, -1)
    counts = inside.sum(axis=1)
    every = (ranks @ inside.T.astype(float) - counts * (counts + 1) / 2) / (counts * (inside.shape[1] - counts))
    others = (every.sum(axis=0) - np.diag(every)) / (n - 1)
    highest = [float(mask.ravel()[each.argmax()]) for each, mask in zip(maps, masks, strict=True)]
    precise = [average_precision_score(mask.ravel(), each.ravel()) for each, mask in zip(maps, masks, strict=True)]
    return Judged(np.diag(every).copy(), others, np.array(highest), np.array(precise))


COLUMNS = (
    *("AUROC (95 %)", "another's map", "own - another's (95 %)", "ahead of the mean difference (95 %)"),
    *("ahead of it by regions (95 %)", "pointing", "precision"),
)


def table(title: str, found: dict[str, list[Judged]]) -> None:
    """Seeds are averaged for each picture, then pictures are drawn anew."""
    print(f"\n| {title} | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    beaten = [np.mean([each.auroc for each in found[name]], axis=0) for name in TO_BEAT]
    for name, judged_maps in found.items():
        own, another, pointing, precision = (np.mean(values, axis=0) for values in zip(*judged_maps, strict=True))
        ahead = [str(interval(own - each)) for each in beaten]
        told = [str(interval(own)), f"{another.mean():.2f}", str(interval(own - another)), *ahead]
        print(f"| {name} | {' | '.join(told)} | {pointing.mean():.2f} | {precision.mean():.2f} |", flush=True)


# -- what is asked -----------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A line of the table: one design for every seed."""

    name: str
    designs: tuple[Design, ...]


def controls() -> list[Row]:
    rows = []
    for by_regions in (False, True):
        ending = ", by regions" if by_regions else ""
        rows.append(Row(TO_BEAT[by_regions], (without_network(mean_difference, by_regions=by_regions),)))
        rows.append(Row(f"patches of pixels{ending}", (without_network(told_by_patches, by_regions=by_regions),)))
    return [*rows, Row("mean mask of other faces", (mean_mask,)), Row("the mask itself", (own_mask,))]


def through_the_network(encoders: Sequence[cs.Encoder], form: str) -> Iterator[Row]:
    twins = [untrained(encoder, seed=100 + seed) for seed, encoder in enumerate(encoders)]
    for key in ("gradient", "regions"):
        label = map_kind(key).label.lower()
        random = tuple(by_map(key, encoder, form, random=seed) for seed, encoder in enumerate(encoders))
        yield Row(f"random concept, {label}", random)
        yield Row(f"untrained network, {label}", tuple(by_map(key, twin, form) for twin in twins))


def methods(encoders: Sequence[cs.Encoder], form: str) -> Iterator[Row]:
    for kind in MAPS:
        if kind.refusal(encoders[0]) is None:
            yield Row(kind.label, tuple(by_map(kind.key, encoder, form) for encoder in encoders))
    for baseline in ("mean", "black"):
        settings = cs.MapSettings(baseline=baseline)
        made = tuple(by_map("integrated-gradients", encoder, form, settings) for encoder in encoders)
        yield Row(f"Integrated gradients, {baseline} baseline", made)


def designs(encoders: dict[ImageNetwork, list[cs.Encoder]]) -> Iterator[Row]:
    for network, fitted in encoders.items():
        for form in ("contrast", "whitened"):
            for key in ("gradient", "regions"):
                name = f"{network}, {form}, {map_kind(key).label.lower()}"
                yield Row(name, tuple(by_map(key, encoder, form) for encoder in fitted))


def told_apart(faces: Faces, encoder: cs.Encoder, form: str, attribute: str) -> float:
    """AUROC of the concept score on the held-out faces, with the attribute and without."""
    (asked,) = questions(faces, attribute, development=False)
    held = faces.held_out
    return float(auroc(score(faces, encoder, form, asked)[held], faces.having(attribute)[held]))


def fitted(faces: Faces, network: ImageNetwork, seed: int, epochs: int, cache: Path) -> cs.Encoder:
    path = cache / f"{network}-{faces.size}-{epochs}-{seed}.safetensors"
    if path.exists():
        return cs.load_encoder(path)
    learned = [path for path, held in zip(faces.paths, faces.held_out, strict=True) if not held]
    canvas = cs.open(learned, name="faces").view("images", frame=faces.size)
    settings = cs.FitSettings.of(canvas, network=network)
    training = replace(settings.training, epochs=epochs, seed=seed)
    encoder = cs.fit(canvas, replace(settings, training=training), name=f"faces, {network}")
    cs.save_encoder(encoder, path)
    return encoder


def asked_of(
    faces: Faces, attribute: str, row: Row, groups: dict[str, np.ndarray], *, development: bool
) -> dict[str, list[Judged]]:
    """For each group of pictures, judged by themselves, one result for each seed."""
    found: dict[str, list[Judged]] = {name: [] for name in groups}
    for design in row.designs:
        asked = questions(faces, attribute, development=development)
        maps = np.concatenate([design(faces, each) for each in asked])
        items = np.concatenate([each.items for each in asked])
        masks = faces.masks[items] == ATTRIBUTES[attribute]
        for name, members in groups.items():
            inside = np.isin(items, members)
            found[name].append(judged(maps[inside], masks[inside]))
    return found


def groups_of(faces: Faces, attribute: str) -> dict[str, np.ndarray]:
    """All pictures with the attribute; and, thought of after the held-out faces were seen, those with glasses worn."""
    having = np.flatnonzero(faces.having(attribute))
    groups = {attribute: having}
    if attribute == "glasses":
        masks = faces.masks[having] == ATTRIBUTES[attribute]
        heights = [np.nonzero(mask)[0].mean() / len(mask) for mask in masks]
        groups["glasses before the eyes"] = having[np.array(heights) > PUSHED_UP]
    return groups


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=64, help="side of the frame in pixels")
    parser.add_argument("--development", action="store_true", help="judge designs without the held-out faces")
    parser.add_argument("--cache", type=Path, help="folder that keeps the fitted encoders")
    parser.add_argument("--figure", type=Path, help="also draw maps of the held-out faces that score highest")
    parser.add_argument("--pictures", action="store_true", help="show the pictures in it, which may not be published")
    given = parser.parse_args()
    faces = Faces.of(Path(os.environ["CONCEPTSTAIN_DATA"]) / "faces128", given.size)
    cache = given.cache or Path(tempfile.mkdtemp(prefix="faces-"))
    cache.mkdir(parents=True, exist_ok=True)
    networks: tuple[ImageNetwork, ...] = ("average-pool", "places")
    network, form = CHOSEN
    encoders = {
        each: [fitted(faces, each, seed, given.epochs, cache) for seed in range(given.seeds if each == network else 1)]
        for each in networks
    }
    rows = [*controls(), *designs(encoders)]
    if not given.development:
        rows += [*through_the_network(encoders[network], form), *methods(encoders[network], form)]
    for attribute in ATTRIBUTES:
        learned, held = (int((faces.having(attribute) & part).sum()) for part in (~faces.held_out, faces.held_out))
        print(f"\n{attribute}: {learned} faces learned from, {held} held out\n")
        if not given.development:
            for kind, of in encoders.items():
                for each in ("contrast", "whitened"):
                    scores = [told_apart(faces, encoder, each, attribute) for encoder in of]
                    print(f"{kind}, {each}: the score tells held-out faces apart with AUROC {np.mean(scores):.2f}")
        groups = groups_of(faces, attribute)
        found: dict[str, dict[str, list[Judged]]] = {name: {} for name in groups}
        for each_row in rows:
            made = asked_of(faces, attribute, each_row, groups, development=given.development)
            for name in groups:
                found[name][each_row.name] = made[name]
        for name, of_rows in found.items():
            judged_on = len(next(iter(of_rows.values()))[0].auroc)
            table(f"{name}, {judged_on} faces", of_rows)
    if given.figure is not None:
        drawn(faces, encoders[network][0], form, given.figure, pictures=given.pictures)


if __name__ == "__main__":
    main()
