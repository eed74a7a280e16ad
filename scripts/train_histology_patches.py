"""Train the bundled encoder ``histology-patches`` on stained tissue, and write its model card.

    CONCEPTSTAIN_DATA=... python scripts/train_histology_patches.py

It learns from H&E pictures of Rep1 and Rep2 of the mouse olfactory bulb, and from stained nuclei of the 2018 Data
Science Bowl.
Every fifth picture of nuclei is held out: the card's figures are of those.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from train_gene_pictures import in_half_precision, tell

import conceptstain as cs
from conceptstain.canvas.image_patches import ImagePatches
from conceptstain.nets.augmentation import Augmentation
from conceptstain.nets.image_vae import ImageVAESettings
from conceptstain.nets.training_settings import TrainingSettings
from conceptstain.nets.untrained import untrained

ROOT = Path(__file__).parents[1]
NAME = "histology-patches"
SIZE = 64
FAR, NEAR = 24, 16  # strides on the bulbs, and on the nuclei, whose pictures are small
EVERY = 5  # one picture of nuclei in so many is held out
NETWORK = ImageVAESettings.of(side=SIZE)
TRAINING = TrainingSettings(
    epochs=30,
    batch_size=32,
    learning_rate=1e-3,
    beta=0.2,  # with 1, half of what tells patches apart is lost
    seed=0,
    device="cpu",
    augmentation=Augmentation("all", shift=2, light=0.1),
    items_per_epoch=5000,
)

CARD = """# histology-patches

An encoder of stained tissue that comes with the package: concepts on slides at once, before an encoder is fitted to the
slide that is shown.

| | |
|---|---|
| Kind | variational autoencoder of patches, {shape}, {latent} latent dimensions, stride-1 convolutions with average pooling |
| Input | RGB patches of {size} pixels with values in 0..1 (scaling `unit`) |
| Data | H&E pictures of the mouse olfactory bulb, replicates 1 and 2 (Ståhl et al., Science 2016, doi [10.1126/science.aaf2403](https://doi.org/10.1126/science.aaf2403)), at about 3.4 µm per pixel; {n_nuclei} stained microscopy pictures of nuclei (2018 Data Science Bowl), at an unknown, much finer pixel size; {patches:,} patches in all |
| Licence of the data | the bulbs: published research data, whose copy (the repository spaceST) states no licence; the nuclei: CC0. The weights hold no pictures |
| Labels used | none |
| Fingerprint | `{fingerprint}` |
| Weights | {parameters:,} numbers, stored in half precision ({megabytes:.2f} MB) |
| Made by | `python scripts/train_histology_patches.py` with {versions}; seed {seed}, on the {device} |

## Settings

```json
{settings}
```

Best of {epochs} epochs: {best_epoch}; validation loss {validation:.0f} nats per patch.

## How much of a patch it holds

On {n_held_out} pictures of nuclei that it has not seen ({n_patches} patches), measured by
`python scripts/train_histology_patches.py`. *Nuclei*: R² of the part of a patch that nuclei cover, predicted by ridge
regression from the numbers of the patch; the regression is fitted to the pictures learned from.

| numbers | how many | nuclei, R² |
|---|---|---|
{table}

Its reconstructions explain {explained:.0%} of the variance of pixels within patches; {components} principal components of the
pixels explain {pca:.0%}.

## Limits

- It has seen two sections of one tissue at one scale, and nuclei at another. Other stains, tissues and scales were not
  tried: fit an encoder to your own slide, and compare.
- What its latents tell of nuclei, those of the same network without any training tell as well: hold an untrained twin beside
  whatever you find with it.
- It was made to hold colour and coarse texture. What a pathologist sees in a cell is mostly lost at this size.
"""  # noqa: E501 - a Markdown table has one line per row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "src" / "conceptstain" / "nets" / "weights")
    parser.add_argument("--epochs", type=int, default=TRAINING.epochs)
    arguments = parser.parse_args()
    data = Path(os.environ["CONCEPTSTAIN_DATA"])
    nuclei = sorted(path for path in (data / "nuclei" / "histology").glob("*.png") if "_labels" not in path.name)
    held_out, learned = nuclei[::EVERY], [path for i, path in enumerate(nuclei) if i % EVERY]
    bulbs = [view(data / "mob" / f"HE_{name}.jpg", FAR) for name in ("Rep1", "Rep2")]
    canvases = [*bulbs, *(view(path, NEAR) for path in learned)]
    settings = cs.FitSettings(NETWORK, dataclasses.replace(TRAINING, epochs=arguments.epochs))
    encoder = in_half_precision(cs.fit(canvases, settings, name=NAME, report=tell))
    path = cs.save_encoder(encoder, arguments.out / f"{NAME}.safetensors")
    (arguments.out / f"{NAME}.md").write_text(card(encoder, path, canvases, learned, held_out), encoding="utf-8")
    print(f"Wrote {path} ({encoder.fingerprint})")


def view(path: Path, stride: int, *, background: str = "auto") -> ImagePatches:
    slide = cs.open(path, as_="slide")
    return slide.view("patches", size=SIZE, stride=stride, background=background)


def card(
    encoder: cs.Encoder, path: Path, canvases: Sequence[ImagePatches], learned: Sequence[Path], held_out: Sequence[Path]
) -> str:
    told, history = encoder.card, encoder.card["history"]
    seen, unseen = patches_of(learned), patches_of(held_out)
    parts, hidden_parts = nuclei_of(learned), nuclei_of(held_out)
    components = PCA(encoder.latent, random_state=0).fit(seen.reshape(len(seen), -1))

    def in_components(x: np.ndarray) -> np.ndarray:
        return np.asarray(components.transform(x.reshape(len(x), -1)))

    numbers = {
        "mean and deviation of each colour": colours,
        f"{encoder.latent} principal components of the pixels": in_components,
        "latents of the untrained network": lambda x: latents(untrained(encoder, seed=1), x),
        "**latents**": lambda x: latents(encoder, x),
    }
    rows = []
    for name, of in numbers.items():
        before, after = of(seen), of(unseen)
        ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13))).fit(before, parts)
        rows.append(f"| {name} | {before.shape[1]} | {ridge.score(after, hidden_parts):.2f} |")
    rebuilt = components.inverse_transform(in_components(unseen)).reshape(unseen.shape)
    channels, height, width = encoder.shape
    return CARD.format(
        shape=f"{channels} x {height} x {width}",
        size=SIZE,
        latent=encoder.latent,
        n_nuclei=len(learned),
        patches=sum(len(canvas.trainable) for canvas in canvases),
        fingerprint=encoder.fingerprint,
        parameters=sum(parameter.numel() for parameter in encoder.network.parameters()),
        megabytes=path.stat().st_size / 1e6,
        versions=", ".join(f"{package} {version}" for package, version in told["versions"].items()),
        seed=told["training"]["seed"],
        device=history["device"].upper(),
        settings=json.dumps({key: told[key] for key in ("patches", "network", "training")}, indent=2),
        epochs=len(history["loss"]),
        best_epoch=history["best_epoch"],
        validation=min(history["validation_loss"]),
        n_held_out=len(held_out),
        n_patches=len(unseen),
        table="\n".join(rows),
        explained=explained(unseen, decoded(encoder, unseen)),
        components=encoder.latent,
        pca=explained(unseen, rebuilt),
    )


def patches_of(paths: Sequence[Path]) -> np.ndarray:
    canvases = [view(path, NEAR, background="keep") for path in paths]
    return np.concatenate([canvas.inputs(range(len(canvas))) for canvas in canvases])


def nuclei_of(paths: Sequence[Path]) -> np.ndarray:
    """The part of each patch that nuclei cover."""
    parts = []
    for path in paths:
        with Image.open(path.with_name(f"{path.stem}_labels.png")) as labels:
            mask = (np.asarray(labels) > 0).astype(np.float32)
        if not mask.any():
            raise SystemExit(f"{path.name} has no nucleus")
        canvas = cs.open(mask, as_="slide").view("patches", size=SIZE, stride=NEAR, background="keep")
        parts.append(canvas.inputs(range(len(canvas))).mean(axis=(1, 2, 3)))
    return np.concatenate(parts)


def colours(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x.mean(axis=(2, 3)), x.std(axis=(2, 3))], axis=1)


def latents(encoder: cs.Encoder, x: np.ndarray) -> np.ndarray:
    means = [encoder.encode(encoder.tensor(x[start : start + 256])).mean for start in range(0, len(x), 256)]
    return np.concatenate([mean.numpy() for mean in means])


def decoded(encoder: cs.Encoder, x: np.ndarray) -> np.ndarray:
    z = encoder.tensor(latents(encoder, x))
    return np.concatenate([encoder.decode(z[start : start + 256]).numpy() for start in range(0, len(x), 256)])


def explained(x: np.ndarray, rebuilt: np.ndarray) -> float:
    """Part of the variance around the mean colour of each patch."""
    within = x - x.mean(axis=(2, 3), keepdims=True)
    return float(1 - ((x - rebuilt) ** 2).sum() / (within**2).sum())


if __name__ == "__main__":
    main()
