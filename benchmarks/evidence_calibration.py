"""How well evidence keeps its level where there is no signal, and what it says of the layers of Rep11.

    CONCEPTSTAIN_DATA=... python benchmarks/evidence_calibration.py [--regions 100] [--nulls 499] [--fit] [--spots]

Three kinds of data: the section itself, the section with its spots' profiles permuted, and smooth noise: counts drawn
with the section's own gene means and depths and with rates that drift over the tissue. For random selections of spots:
mean cross-fitted AUROC, in-sample AUROC beside it, and whether they are told from the null (Kolmogorov-Smirnov, two
samples). For patches of 15 spots anywhere: how many pass, by the null of random selections and by the null of the
patch's own shape. On the section itself patches do share a profile; the other two kinds of data say how often nothing
passes.

With ``--spots`` by spot profiles in the latent space of one negative binomial encoder, fitted to Rep11 without labels:
noise is encoded by it like any other section. The layers are asked of three, as the defaults have it. Without, by gene
pictures.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator, Sequence

import numpy as np
from bulb.sections import LAYERS, MARKERS, labelled_canvas, published
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp

import conceptstain as cs
from conceptstain.concepts.cross_fit import Scorer, auroc, cross_fitted_all, fold_auroc, folds_of
from conceptstain.concepts.enrichment import enriched_genes
from conceptstain.concepts.gene_scores import EnrichedGenes, QuickGenes
from conceptstain.concepts.held_out import decoded_auroc
from conceptstain.concepts.latent_scores import LatentScorer
from conceptstain.concepts.latents import latents_of
from conceptstain.concepts.nulls import null_of, placed_shapes, random_null, random_selections

SIZES = (8, 12, 20, 40)
SPOT_SIZES = (8, 15, 30, 60)
PATCH, SPOT_PATCHES = 15, (15, 40)
SMOOTH = 2.0  # spots: the scale on which noise drifts
FACTORS = 10


def pitch(section: cs.Section) -> float:
    """From spot to spot, in world units."""
    return section.view("genes").grid.pitch


def without_signal(section: cs.Section, seed: int) -> Iterator[tuple[str, cs.Section]]:
    """The section, and two kinds of data in which no region means anything."""
    rng = np.random.default_rng(seed)
    yield "as measured", section
    permuted = section.matrix[rng.permutation(section.n_spots)]
    yield "profiles permuted", dataclasses.replace(section, matrix=permuted)
    counts = section.matrix.toarray()
    depth, share = counts.sum(axis=1), counts.sum(axis=0) / counts.sum()
    near = np.exp(-((cdist(section.spots, section.spots) / (SMOOTH * pitch(section))) ** 2) / 2)
    drifts = near @ rng.normal(size=(section.n_spots, FACTORS))
    drifts /= drifts.std(axis=0)
    rates = np.exp(drifts @ rng.normal(0, 0.15, (FACTORS, section.n_genes))) * share
    rates *= (depth / rates.sum(axis=1))[:, None]
    noise = csr_array(rng.poisson(rates).astype(np.float32))
    yield "smooth noise", dataclasses.replace(section, matrix=noise)


@dataclasses.dataclass(frozen=True)
class ByGenes:
    """Scores by the genes enriched in the visible spots."""

    canvas: cs.GenePictures

    def scorer(self, n: int) -> Scorer:  # noqa: ARG002 - of any number of spots
        """The quick scorer."""
        return QuickGenes(self.canvas)

    def in_sample(self, inside: np.ndarray) -> float:
        """AUROC of the mean z-score of the genes enriched in the very spots that it is judged on."""
        genes = enriched_genes(self.canvas, cs.Region.from_mask("region", inside)).index
        items = [self.canvas.item(gene) for gene in genes]
        return auroc(self.canvas.revealed(items).mean(axis=1), inside)


@dataclasses.dataclass(frozen=True)
class ByProfiles:
    """Scores in the latent space of an encoder of profiles, plain or, from 30 spots on, whitened."""

    canvas: cs.SpotProfiles
    encoder: cs.Encoder

    def scorer(self, n: int) -> Scorer:
        """The scorer of a concept of so many spots."""
        return LatentScorer((latents_of(self.canvas, self.encoder),), cs.SpotConceptSettings().whitens(n))

    def in_sample(self, inside: np.ndarray) -> float:
        """AUROC of the score made of the very spots that it is judged on."""
        return auroc(self.scorer(int(inside.sum()))(inside[None], np.zeros_like(inside)[None])[0], inside)


Asked = ByGenes | ByProfiles


def selections(by: Asked, sizes: Sequence[int], regions: int, nulls: int) -> Iterator[str]:
    """Random selections: mean AUROC, in-sample AUROC, uniformity of p."""
    canvas = by.canvas
    for n in sizes:
        quick = by.scorer(n)
        asked = random_selections(n, canvas.section.n_spots, number=regions, seed=1)
        found = null_of(asked, canvas.places, quick).aurocs
        null = random_null(canvas, quick, n, number=nulls, seed=0)
        p = np.array([null.p(value) for value in found])
        error = found.std() / np.sqrt(regions)
        circular = np.mean([by.in_sample(inside) for inside in asked[:10]])
        yield (
            f"{n} random spots: in-sample {circular:.3f}, cross-fitted {found.mean():.3f} ± {error:.3f}; "
            f"p <= .05 in {np.mean(p <= 0.05):.3f}; like the null with p = {ks_2samp(found, null.aurocs).pvalue:.3f}"
        )


def patches(by: Asked, size: int, regions: int, nulls: int) -> str:
    """How many arbitrary patches pass each null."""
    canvas, quick = by.canvas, by.scorer(size)
    rng, apart = np.random.default_rng(2), pitch(canvas.section)
    null = random_null(canvas, quick, size, number=nulls, seed=0)
    by_random, by_shape = [], []
    for _ in range(regions):
        centre = canvas.places[rng.integers(len(canvas.places))] + rng.normal(0, 0.5, 2) * apart
        stretch = rng.uniform(0.5, 1, 2)
        inside = np.zeros(len(canvas.places), dtype=bool)
        inside[np.argsort((((canvas.places - centre) * stretch) ** 2).sum(axis=1))[:size]] = True
        folds = folds_of(inside, canvas.places)
        value = fold_auroc(cross_fitted_all(inside[None], folds[None], quick)[0], inside, folds)
        by_random.append(null.p(value))
        placed = placed_shapes(inside, canvas.places, number=nulls, seed=int(rng.integers(1 << 30)))
        by_shape.append(null_of(placed, canvas.places, quick).p(value))
    rates = [f"{np.mean(np.array(p) <= level):.3f}" for p in (by_random, by_shape) for level in (0.05, 0.1)]
    return (
        f"{regions} patches of {size} spots: pass the random null in {rates[0]} at .05 and {rates[1]} at .10, "
        f"the shape null in {rates[2]} and {rates[3]}"
    )


def exact_beside_quick(canvas: cs.GenePictures) -> str:
    """How far the quick scorer is from the exact one, over random selections and patches."""
    regions = random_selections(20, canvas.section.n_spots, number=12, seed=3)
    shape = np.argsort(((canvas.places - canvas.places.mean(axis=0)) ** 2).sum(axis=1))[:20]
    placed = placed_shapes(np.isin(np.arange(len(canvas.places)), shape), canvas.places, number=24, seed=3)[:12]
    said = []
    for name, some in (("random", regions), ("patches", placed)):
        exact, quick = (null_of(some, canvas.places, make(canvas)).aurocs for make in (EnrichedGenes, QuickGenes))
        said.append(f"{name} {np.mean(quick - exact):+.3f}, mean absolute {np.abs(quick - exact).mean():.3f}")
    return f"quick minus exact AUROC: {'; '.join(said)}"


def decoded_of_random_spots(canvas: cs.GenePictures, encoder: cs.Encoder, regions: int = 20) -> str:
    """Cross-fitted decoded maps of random spots, by an encoder that was fitted to them all."""
    found = []
    for inside in random_selections(12, canvas.section.n_spots, number=regions, seed=4):
        folds = folds_of(inside, canvas.places)
        genes = EnrichedGenes(canvas)
        genes(np.broadcast_to(inside, (folds.max() + 1, len(inside))), folds == np.arange(folds.max() + 1)[:, None])
        definition = cs.concept("random", canvas, encoder, region=cs.Region.from_mask("random", inside)).definition
        found.append(decoded_auroc(definition, canvas, encoder, inside=inside, folds=folds, chosen=genes.chosen))
    return (
        f"12 random spots, decoded by {encoder.name}: cross-fitted {np.mean(found):.3f} ± "
        f"{np.std(found) / np.sqrt(regions):.3f}"
    )


def layers(nulls: int, encoder: cs.Encoder) -> Iterator[str]:
    """What is said of the layers of Rep11, and of its markers."""
    canvas, labels = labelled_canvas()
    tried = []
    for layer, numbers in LAYERS.items():
        region = cs.Region.from_mask(layer, np.isin(labels, list(numbers)))
        concept = cs.concept(layer, canvas, encoder, region=region)
        begun = time.perf_counter()
        found = cs.evidence(concept, canvas, encoder, n_null=nulls)
        seconds = time.perf_counter() - begun
        tried.append(found)
        yield f"{layer}: {found.sentence} Decoded {found.decoded_auroc:.3f}. {seconds:.0f} s"
        table = cs.controls(canvas, encoder, concept).table()
        means = table.assign(control=table["control"].replace("", "map")).groupby("control", sort=False)["auroc"].mean()
        yield "  decoded map: " + ", ".join(f"{name} {value:.3f}" for name, value in means.items())
    for found in cs.corrected(tried):
        yield f"{found.name}, corrected: p = {found.p:.3f}"
    for marker in dict.fromkeys(MARKERS.values()):
        concept = cs.concept(marker, canvas, encoder, like=marker)
        yield f"like {marker}: {cs.evidence(concept, canvas, encoder, n_null=nulls).sentence}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regions", type=int, default=100)
    parser.add_argument("--nulls", type=int, default=499)
    parser.add_argument("--spots", action="store_true", help="by spot profiles instead of gene pictures")
    parser.add_argument("--fit", action="store_true", help="fit an encoder to Rep11, to see whether that leaks")
    arguments = parser.parse_args()
    if arguments.spots:
        by_spots(arguments.regions, arguments.nulls)
    else:
        by_genes(arguments.regions, arguments.nulls, fit=arguments.fit)


def by_genes(regions: int, nulls: int, *, fit: bool) -> None:
    """Print all that is measured on gene pictures."""
    sections = {
        "Rep11": labelled_canvas()[0],
        "Rep1": cs.open(published("Rep1_MOB_count_matrix-1.tsv")).view("genes"),
    }
    for name, canvas in sections.items():
        begun = time.perf_counter()
        null = null_of(
            random_selections(20, canvas.section.n_spots, number=500, seed=7), canvas.places, QuickGenes(canvas)
        )
        per_thousand = 1000 * (time.perf_counter() - begun) / len(null.aurocs)
        print(
            f"{name}: {per_thousand:.1f} s per 1,000 null regions of 20 spots; {exact_beside_quick(canvas)}", flush=True
        )
        for kind, section in without_signal(canvas.section, seed=0):
            by = ByGenes(section.view("genes"))
            for line in (*selections(by, SIZES, 3 * regions, nulls), patches(by, PATCH, regions, 99)):
                print(f"{name}, {kind}: {line}", flush=True)
    encoder = cs.fit(sections["Rep11"]) if fit else cs.bundled()
    print(decoded_of_random_spots(sections["Rep11"], encoder), flush=True)
    for line in layers(nulls, encoder):
        print(line, flush=True)


def by_spots(regions: int, nulls: int) -> None:
    """Print all that is measured on spot profiles."""
    canvas, labels = labelled_canvas()
    profiles = canvas.section.view("spots")
    encoders = cs.fit_seeds(profiles, seeds=3)
    encoder = encoders[0]
    for kind, section in without_signal(canvas.section, seed=0):
        by = ByProfiles(section.view("spots", genes=encoder.features), encoder)
        for line in selections(by, SPOT_SIZES, 5 * regions, nulls):
            print(f"Rep11, {kind}: {line}", flush=True)
        for size in SPOT_PATCHES:
            print(f"Rep11, {kind}: {patches(by, size, regions, 99)}", flush=True)
    for line in layers_by_spots(profiles, labels, encoders, nulls):
        print(line, flush=True)


def layers_by_spots(
    profiles: cs.SpotProfiles, labels: np.ndarray, encoders: Sequence[cs.Encoder], nulls: int
) -> Iterator[str]:
    """What is said of the layers of Rep11 by spot profiles, and what the controls find."""
    for layer, numbers in LAYERS.items():
        region = cs.Region.from_mask(layer, np.isin(labels, list(numbers)))
        drawn = cs.spot_concepts(region, profiles, encoders)
        begun = time.perf_counter()
        found = cs.evidence(drawn, n_null=nulls)
        yield f"{layer}: {found.sentence} {time.perf_counter() - begun:.1f} s"
        table = cs.controls(drawn).table()
        means = table.assign(control=table["control"].replace("", "map")).groupby("control", sort=False)["auroc"].mean()
        yield "  " + ", ".join(f"{name} {value:.3f}" for name, value in means.items())


if __name__ == "__main__":
    main()
