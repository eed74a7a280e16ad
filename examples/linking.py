"""A classifier linked to a generative model: how well, what its units draw, and which change one layer alone.

    python examples/linking.py --out results

Writes the link, how well it does on spots that it did not learn from, what every unit changes in the layers that spots
are taken for, and a figure of the link. The bundled section is simulated: it proves nothing about tissue.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import conceptstain as cs

SWEPT = 24  # spots that units are swept from


def main(out: Path, *, epochs: int | None = None) -> list[Path]:
    """Write all, and give the paths."""
    out.mkdir(parents=True, exist_ok=True)
    spots = cs.sample("olfactory-bulb").view("spots")
    layers = cs.class_labels(spots, obs="layer")
    settings, how = cs.ClassifierSettings.of(spots), cs.FitSettings.of(spots)
    settings = replace(settings, training=replace(settings.training, epochs=epochs))
    classifier = cs.fit_classifier(spots, layers, settings, name="layers")
    encoder = cs.fit(spots, replace(how, training=replace(how.training, epochs=epochs)))

    # From what the classifier tells layers by, to the latent space that can be decoded. Shuffled pairs stand beside.
    link = cs.link(classifier, encoder, spots, labels=layers, method="ridge")
    print(f"{link.layer}: {link.units} units to {link.latent} latent dimensions")
    print(link.quality.table[["mean", "shuffled mean", "ceiling mean"]].round(2).to_string())
    written = [
        cs.save_link(link, out / "link.safetensors"),
        cs.save_figure(cs.link_figure(link, classifier, encoder, spots), out / "link.svg", overwrite=True),
    ]

    # Every unit from its lowest to its highest value: what the decoded spots are taken for then, and their genes.
    items = np.random.default_rng(0).choice(len(spots), SWEPT, replace=False)
    swept = cs.sweep_units(link, classifier, encoder, spots, items=items)
    print(swept.selective_counts().round(2).to_string())
    unit = int(swept.ranking("MCL").index[0])
    print(f"unit {unit} raises most of all: {', '.join(swept.genes(unit).index[:5])}")
    written.append(out / "units.csv")
    swept.table.to_csv(written[-1], index=False)
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("linking"), help="folder to write to")
    print("wrote", *main(parser.parse_args().out))
