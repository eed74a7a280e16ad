"""Train the bundled encoder ``gene-pictures`` on Rep1 and Rep2 of the mouse olfactory bulb, and write its model card.

    CONCEPTSTAIN_DATA=... python scripts/train_gene_pictures.py

Rep11, the only labelled section, is not learned from: the card's figures on it are those of an unseen section.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import conceptstain as cs
from conceptstain.nets.picture_vae import PictureVAESettings
from conceptstain.nets.training_settings import TrainingSettings

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
from bulb.pictures import bundled_lines  # noqa: E402 - found through the line above
from bulb.sections import published  # noqa: E402

NAME = "gene-pictures"
SECTIONS = ("Rep1_MOB_count_matrix-1.tsv", "Rep2_MOB_count_matrix-1.tsv")
# Wider than a fit to one section, and with shifts, since the sections it will see lie elsewhere in the frame.
NETWORK = PictureVAESettings(latent=16, widths=(16, 32, 64), hidden=(256,))
TRAINING = TrainingSettings(epochs=20, batch_size=64, learning_rate=2e-3, beta=0.1, jitter=3, seed=0, device="cpu")

CARD = """# gene-pictures

The encoder that comes with the package: a first map at once, before an encoder is fitted to the section that is shown.

| | |
|---|---|
| Kind | variational autoencoder of gene pictures, {shape} cells, {latent} latent dimensions, stride-1 convolutions with average pooling |
| Input | one picture per gene: z-scores over the tissue of depth-normalised log counts, 0 outside it (scaling `z-score`) |
| Data | mouse olfactory bulb, Spatial Transcriptomics, replicates 1 and 2 (Ståhl et al., Science 2016, doi [10.1126/science.aaf2403](https://doi.org/10.1126/science.aaf2403)); {sections} |
| Licence of the data | published research data; the copy that was read (the repository spaceST) states no licence. The weights hold no counts |
| Labels used | none |
| Fingerprint | `{fingerprint}` |
| Weights | {parameters:,} numbers, stored in half precision ({size:.2f} MB) |
| Made by | `python scripts/train_gene_pictures.py` with {versions}; seed {seed}, on the {device} |

## Settings

```json
{settings}
```

Best of {epochs} epochs: {best_epoch}; validation loss {validation:.2f} nats per gene.

## How well it finds layers

AUROC on Rep11, a section it has not seen, against its layer labels (GCL granule, MCL mitral, OPL outer plexiform, GL
glomerular, ONL nerve); a concept is the mean latent of the 50 genes nearest to Penk, Doc2g, Th and Kctd12. One seed.
Measured by `python scripts/train_gene_pictures.py`, with the code of `benchmarks/layers.py`.

{table}

## Limits

- Its decoder has learned where the layers lie in Rep1 and Rep2: on another section, the decoded map draws their anatomy
  rather than the section's. Fit an encoder to the section before reading thin layers off a map.
- The rectified map mostly redraws its input: its untrained twin in the table has learned nothing.
- The gene mean, which needs no network, is the baseline to beat.
- Frames other than {shape} cells, other pitches than one spot per cell, and other tissues were not tried.
"""  # noqa: E501 - a Markdown table has one line per row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "src" / "conceptstain" / "nets" / "weights")
    parser.add_argument("--epochs", type=int, default=TRAINING.epochs)
    arguments = parser.parse_args()
    canvases = [cs.open(published(name)).view("genes") for name in SECTIONS]
    settings = cs.FitSettings(NETWORK, dataclasses.replace(TRAINING, epochs=arguments.epochs))
    encoder = in_half_precision(cs.fit(canvases, settings, name=NAME, report=tell))
    path = cs.save_encoder(encoder, arguments.out / f"{NAME}.safetensors")
    (arguments.out / f"{NAME}.md").write_text(card(encoder, path), encoding="utf-8")
    print(f"Wrote {path} ({encoder.fingerprint})")


def in_half_precision(encoder: cs.Encoder) -> cs.Encoder:
    """The same encoder with weights that half precision holds exactly, so that it is stored in half the space."""
    return dataclasses.replace(encoder, network=encoder.network.half().float())


def card(encoder: cs.Encoder, path: Path) -> str:
    told, history = encoder.card, encoder.card["history"]
    return CARD.format(
        shape=" x ".join(str(side) for side in encoder.shape[1:]),
        latent=encoder.latent,
        sections="; ".join(
            f"{each['name']}: {each['spots']} spots, {each['genes learned from']} of {each['genes']} genes"
            for each in told["sections"]
        ),
        fingerprint=encoder.fingerprint,
        parameters=sum(parameter.numel() for parameter in encoder.network.parameters()),
        size=path.stat().st_size / 1e6,
        versions=", ".join(f"{package} {version}" for package, version in told["versions"].items()),
        seed=told["training"]["seed"],
        device=history["device"].upper(),
        settings=json.dumps({key: told[key] for key in ("pictures", "network", "training")}, indent=2),
        epochs=len(history["loss"]),
        best_epoch=history["best_epoch"],
        validation=min(history["validation_loss"]),
        table="\n".join(bundled_lines(encoder)),
    )


def tell(step: cs.Step) -> None:
    if step.values:
        print(step.message, {name: round(value, 3) for name, value in step.values.items()}, flush=True)


if __name__ == "__main__":
    main()
