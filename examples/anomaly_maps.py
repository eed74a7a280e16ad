"""What deviates from the normal: broken rings beside whole ones, and layers of tissue beside one that is normal.

    python examples/anomaly_maps.py --out results

Fits a small network to ordinary pictures, made here: rings of several sizes on rough ground. Looks for gaps and bumps
in others by every method, beside two baselines without a network, and prints how well each finds their pixels, and how
many pictures are above a threshold of ordinary ones that nothing was learned from. Then it fits a network to the spots
of the bundled (simulated) section, takes one layer as normal, and prints how far those of each layer lie from it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import conceptstain as cs
from conceptstain.methods.anomaly_settings import ANOMALY_METHODS
from conceptstain.methods.inspection import Inspection
from conceptstain.nets.image_vae import ImageVAESettings
from conceptstain.nets.training_settings import TrainingSettings

SIDE = 32


def main(out: Path, *, n: int = 400, n_test: int = 60, epochs: int = 30, spot_epochs: int | None = None) -> Path:
    """Look for broken rings, and for layers that are not the normal one."""
    out.mkdir(parents=True, exist_ok=True)
    table = rings(out, n, n_test, epochs)
    print(table.round(3).to_string())
    layers = of_a_layer(spot_epochs)
    print(layers.round(2).to_string())
    table.to_csv(out / "rings.csv")
    layers.to_csv(out / "layers.csv")
    return out / "rings.csv"


def rings(out: Path, n: int, n_test: int, epochs: int) -> pd.DataFrame:
    """How well each method finds what is wrong with rings, and a figure of how badly places are redrawn."""
    ordinary, _ = pictures(n, broken=0, seed=0)
    tested, masks = pictures(n_test, broken=n_test // 2, seed=1)
    learned, held_out, canvas = (
        cs.open(list(each), as_="images").view("images", frame=SIDE)
        for each in (ordinary[: -n // 5], ordinary[-n // 5 :], tested)
    )
    network = ImageVAESettings(latent=16, widths=(8, 16, 32), hidden=(64,))
    training = TrainingSettings(epochs=epochs, batch_size=16, learning_rate=1e-3, beta=1.0, seed=0, device="cpu")
    encoder = cs.fit(learned, cs.FitSettings(network, training))
    normal = cs.normal("ordinary", learned, encoder)
    rows = {}
    for method in ANOMALY_METHODS:
        threshold = cs.anomaly_threshold(held_out, encoder, normal, method=method)
        found = Inspection(canvas, encoder, normal, method=method, threshold=threshold, masks=lambda item: masks[item])
        for _name, _map in found.pages():
            pass  # each map at its picture's own pixels, one at a time
        judged = found.detection().loc[method, ["pixel_auroc", "image_auroc", "aupro", "iou"]]
        ranked = found.table()
        alarms = ranked["anomalous"].groupby(ranked["painted"] > 0).mean()
        rows[method] = [*judged, alarms[True], alarms[False]]
    columns = ["pixel AUROC", "image AUROC", "AUPRO", "best IoU", "broken found", "false alarms"]
    drawn = cs.figure(canvas, cs.anomaly(canvas, encoder, normal, method="reconstruction", items=range(6)))
    cs.save_figure(drawn, out / "rings.png")
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def of_a_layer(epochs: int | None) -> pd.DataFrame:
    """How far the spots of each layer of the bundled section lie from one of them."""
    section = cs.sample()
    canvas = section.view("spots")
    settings = cs.FitSettings.of(canvas)
    if epochs is not None:
        settings = replace(settings, training=replace(settings.training, epochs=epochs))
    encoder = cs.fit(canvas, settings)
    normal = cs.normal("GCL", canvas, encoder, region=cs.Region.from_obs("layer", "GCL"))
    far = cs.deviations(canvas, encoder, normal)  # its own spots against a normal without them
    return pd.Series(far, name="distance from GCL").groupby(section.adata.obs["layer"].to_numpy()).describe()


def pictures(n: int, *, broken: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rings of several sizes on rough ground, and masks of what is wrong with the first few: a gap, or a bump."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    made = rng.normal(90, 8, (n, SIDE, SIDE))
    masks = np.zeros((n, SIDE, SIDE), dtype=bool)
    for number in range(n):
        down, across = rows - rng.uniform(14, 18), columns - rng.uniform(14, 18)
        away, radius, at = np.hypot(down, across), rng.uniform(6, 10), rng.uniform(-np.pi, np.pi)
        ring = np.abs(away - radius) <= 1.5
        made[number][ring] += 90
        if number < broken:
            near = np.hypot(down - radius * np.sin(at), across - radius * np.cos(at)) <= 3
            masks[number] = near & (ring if number % 2 else ~ring)
            made[number][masks[number]] += -90 if number % 2 else 90
    return made.clip(0, 255).astype(np.uint8), masks


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What deviates from the normal.")
    parser.add_argument("--out", type=Path, default=Path("anomaly-maps"), help="folder to write to")
    print(f"wrote {main(parser.parse_args().out)}")
