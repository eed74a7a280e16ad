"""Do concepts find the layers of the olfactory bulb? AUROC on Rep11, for every canvas, map and rule.

    CONCEPTSTAIN_DATA=... python benchmarks/layers.py [--part NAME ...] [--seeds 3] [--workers 1] [--cache FOLDER]

Rep11 is the only labelled section and the development section: defaults were chosen on it, so the best rows are
optimistic. Encoders see no labels. They learn from Rep1 and Rep2 (zero-shot on Rep11), or from Rep11 (fitted).

zero-shot, fitted
    Concepts of 50 genes: the latent neighbours of Penk, Doc2g, Th and Kctd12, found on Rep1 and Rep2; of spot profiles,
    the spots richest in these genes. Asked of all labelled spots.
regions
    Concepts drawn on one half of each layer, scored on the other: two lines through the tissue, either side drawn.
small
    The same of 8 and of 15 spots of each layer, none or a fifth of them wrong: random draws, the cuts in turn.
transfer
    The halves as sections of their own, beside classifiers of the same profiles.
genes
    Ranks of the published markers in the lists of each concept, and how alike the lists of the seeds are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from bulb import pictures, spots, transfer
from bulb.encoders import LIKELIHOODS, Encoders, profiles
from bulb.tables import Result, Task, markdown, run

PARTS = ("zero-shot", "fitted", "regions", "small", "transfer", "genes")
SIZES = ((8, 0), (8, 2), (15, 0), (15, 3))
CUTS = range(4)
WHERE = ("zero-shot", "fitted")


def fit_pictures(encoders: Encoders, where: str, seed: int) -> Sequence[Result]:
    """No result: the encoder is in the folder then."""
    encoders.pictures(where, seed)
    return ()


def fit_profiles(encoders: Encoders, where: str, seeds: int) -> Sequence[Result]:
    """No result: the encoders are in the folder then."""
    for likelihood in LIKELIHOODS:
        encoders.profiles(where, profiles(where), likelihood, seeds)
    return ()


def fits(encoders: Encoders, parts: Sequence[str], seeds: int) -> list[Task]:
    """What has to be fitted before the parts, the longest first."""
    tasks: list[Task] = []
    for where, asking in (("zero-shot", set(PARTS) - {"small", "transfer"}), ("fitted", set(PARTS) - {"transfer"})):
        if asking.intersection(parts):
            tasks += [(fit_pictures, (encoders, where, seed)) for seed in range(seeds)]
    tasks += [(fit_profiles, (encoders, where, seeds)) for where in WHERE]
    if "transfer" in parts:
        # Of opposite cuts, the second finds what the first has fitted to both halves.
        tasks += [(transfer.fit_all, (encoders, split, cut, seeds)) for split in transfer.SPLITS for cut in (0, 2)]
        tasks += [(transfer.fit_all, (encoders, split, cut, seeds)) for split in transfer.SPLITS for cut in (1, 3)]
    return tasks


def measurements(encoders: Encoders, part: str, seeds: int, draws: int) -> list[Task]:
    """The tasks of one part."""
    tasks: list[Task] = []
    if part in WHERE:
        tasks += [(pictures.by_like, (encoders, part, seed)) for seed in range(seeds)]
        tasks += [(spots.by_like, (encoders, part, seeds)), (pictures.by_like_without_model, (part,))]
    elif part == "regions":
        for where in WHERE:
            tasks += [(pictures.by_region, (encoders, where, seed)) for seed in range(seeds)]
            tasks += [(spots.by_region, (encoders, where, seeds))]
    elif part == "small":
        tasks += [(spots.small_selections, (encoders, *size, draw, seeds)) for size in SIZES for draw in range(draws)]
    elif part == "transfer":
        tasks += [(transfer.by_split, (encoders, split, cut, seeds)) for split in transfer.SPLITS for cut in CUTS]
    return tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one; may be given several times")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=10, help="of small selections")
    parser.add_argument("--workers", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--cache", type=Path, default=Path("build") / "layers", help="folder of fitted encoders")
    arguments = parser.parse_args()
    parts, encoders = arguments.part or PARTS, Encoders(arguments.cache)
    begun = time.perf_counter()
    list(run(fits(encoders, parts, arguments.seeds), arguments.workers))
    tasks = [task for part in parts for task in measurements(encoders, part, arguments.seeds, arguments.draws)]
    results = list(run(tasks, arguments.workers))
    print(f"{arguments.seeds} seeds; Rep11 is the development section. ± is half the range of the seeds.")
    for table in dict.fromkeys(result.table for result in results):
        print(f"\n### {table}\n\n{markdown(results, table)}", flush=True)
        weights = [said for result in results if result.table == table for said in result.said]
        if weights:
            print(f"\nThe neighbours' word has the weight: {counted(weights)}.")
    if "genes" in parts:
        print("\n### genes\n")
        print("| list | layer | median rank of its markers | rank correlation between seeds |\n|---|---|---|---|")
        print("\n".join([*pictures.ranks(encoders, arguments.seeds), *spots.ranks(encoders, arguments.seeds)]))
    print(f"\n{time.perf_counter() - begun:.0f} s with {arguments.workers} processes.")


def counted(weights: Sequence[str]) -> str:
    """How often each was chosen."""
    return ", ".join(f"{weight} ({weights.count(weight)} x)" for weight in dict.fromkeys(weights))


if __name__ == "__main__":
    main()
