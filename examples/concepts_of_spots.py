"""Concepts of drawn spots on the bundled sample: score every spot, tell the genes of a concept and what speaks for it.

    python examples/concepts_of_spots.py [--out FOLDER]

Writes ``spot-scores.csv`` and ``gcl-genes.csv``. The section is simulated: its layers prove nothing about tissue.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import conceptstain as cs


def main(out: Path, seeds: int = 3, n_null: int = 99) -> list[Path]:
    """Write both tables, and give their paths."""
    out.mkdir(parents=True, exist_ok=True)
    profiles = cs.sample().view("spots")
    encoders = cs.fit_seeds(profiles, seeds=seeds)
    regions = [cs.Region.from_obs("layer", layer) for layer in ("GCL", "MCL", "GL", "ONL")]
    drawn = cs.spot_concepts(regions, profiles, encoders)
    genes = cs.concept_genes(drawn, "GCL")
    written = [out / "spot-scores.csv", out / "gcl-genes.csv"]
    drawn.score().table.to_csv(written[0])
    genes.to_csv(written[1])
    print(genes.head(8).to_string())
    print(cs.evidence(drawn, name="GCL", n_null=n_null).sentence)
    print(*cs.controls(drawn, name="GCL").sentences)
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.out, arguments.seeds)
