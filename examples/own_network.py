"""A network of your own, as a module and as an exported file, asked where a concept lives; on the bundled section.

    python examples/own_network.py --out results

Prints the numbers of docs/own-networks.md, and writes the network and the figure.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import conceptstain as cs
from conceptstain.concepts.cross_fit import auroc
from conceptstain.figures import FigureSettings, save_figure

EPOCHS, BATCH, LATENT = 12, 64, 16


class MyVAE(nn.Module):
    """A VAE that knows nothing of conceptstain: encode and decode are all that is asked of it."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.AvgPool2d(2)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.AvgPool2d(2)
        cells = 32 * (height // 4) * (width // 4)
        self.mean, self.log_var = nn.Linear(cells, LATENT), nn.Linear(cells, LATENT)
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 128), nn.ReLU(), nn.Linear(128, height * width), nn.Unflatten(1, (1, height, width))
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance."""
        x = self.pool1(self.relu1(self.conv1(x)))
        features = self.pool2(self.relu2(self.conv2(x))).flatten(1)
        return self.mean(features), self.log_var(features)

    def decode(self, z: Tensor) -> Tensor:
        """Pictures."""
        return self.decoder(z)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is exported: the encoding half."""
        return self.encode(x)


def trained(pictures: Tensor, epochs: int) -> MyVAE:
    """The network after a plain training loop."""
    torch.manual_seed(0)
    network = MyVAE(*pictures.shape[-2:])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(epochs):
        for batch in pictures[torch.randperm(len(pictures))].split(BATCH):
            mean, log_var = network.encode(batch)
            z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
            reconstruction = 0.5 * (network.decode(z) - batch).square().sum(dim=(1, 2, 3))
            divergence = 0.5 * (mean.square() + log_var.exp() - log_var - 1).sum(dim=1)
            optimizer.zero_grad()
            (reconstruction + divergence).mean().backward()
            optimizer.step()
    return network.eval()


def main(out: Path, epochs: int = EPOCHS) -> Path:
    """Train, export, read back, and map a concept with both."""
    out.mkdir(parents=True, exist_ok=True)
    section = cs.sample()
    canvas = section.view("genes")
    network = trained(torch.as_tensor(canvas.inputs(canvas.trainable)), epochs)

    # 1. The module itself. Pictures of genes are z-scores; photographs would be in the scaling "unit".
    mine = cs.own_encoder(network, shape=canvas.shape, scaling="z-score")
    show("the module", mine)

    # 2. The same, exported: another computer needs the file alone, and nothing in it is run as code.
    example = torch.zeros(2, *canvas.shape)
    exported = torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(exported, out / "mine.pt2")
    read = cs.own_encoder(out / "mine.pt2", scaling="z-score")
    show("its export", read)

    # 3. Where granule cells are, by their marker Penk.
    layers = np.asarray(section.adata.obs["layer"].astype(str))
    maps = []
    for told, encoder in (("module", mine), ("export", read)):
        concept = cs.concept("Penk", canvas, encoder, like="Penk")
        maps.append(cs.saliency(canvas, encoder, concept))
        say(told, maps[-1].method, canvas.place(maps[-1].mean()), layers)
    concept = cs.concept("Penk", canvas, mine, like="Penk")
    maps += [cs.decoded(canvas, mine, concept), cs.score_map(canvas, concept)]
    for told, made in zip(("module", "no network"), maps[2:], strict=True):
        say(told, made.method, canvas.place(made.mean()), layers)
    apart = np.abs(maps[0].values - maps[1].values).max() / np.abs(maps[0].values).max()
    print(f"largest difference between the maps of module and export: {apart:.1e} of the largest value")

    drawn = cs.figure(canvas, *maps[1:], settings=FigureSettings(columns=3))
    return save_figure(drawn, out / "own-network.svg", overwrite=True)


def show(title: str, encoder: cs.Encoder) -> None:
    """Print what an encoder can be asked for."""
    print(f"\n{title}: inputs of {encoder.shape}, {encoder.latent} latent dimensions")
    for method, reason in cs.supported_methods(encoder).items():
        print(f"  {method}: {'yes' if reason is None else f'no, {reason}'}")


def say(told: str, method: str, values: np.ndarray, layers: np.ndarray) -> None:
    """Print how well a map tells the granule cell layer from the rest."""
    print(f"{told}, {method}: AUROC for GCL {auroc(values, layers == 'GCL'):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A network of your own on the bundled section.")
    parser.add_argument("--out", type=Path, default=Path("own-network"), help="folder to write to")
    print(f"wrote {main(parser.parse_args().out)}")
