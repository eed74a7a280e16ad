"""How far maps lie from those of one thread: on more threads, on other devices, and of an encoder fitted again.

    python benchmarks/replay_tolerance.py

Uses the bundled sample and encoder, so nothing has to be downloaded. Prints the largest difference of each painted map,
as a part of its largest value, and how many of the genes that the concepts chose are the same, in the same order.
"""

from __future__ import annotations

import argparse
import os
import platform
from dataclasses import replace

import numpy as np
import torch

import conceptstain as cs
from conceptstain.methods.maps import MAPS
from conceptstain.nets.devices import available_devices

GENES = ("Penk", "Doc2g", "Kctd12")


def maps_on(canvas, device, threads, *, tf32=True):
    """Every painted map of every concept on a device, by a fresh encoder, and the genes of the concepts."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = tf32
    encoder = cs.bundled()
    encoder = replace(encoder, network=encoder.network.to(device))
    concepts = [cs.concept(gene, canvas, encoder, like=gene) for gene in GENES]
    maps = {(kind.key, each.name): kind.make(canvas, encoder, each).mean() for kind in MAPS for each in concepts}
    return maps, [gene for each in concepts for gene in each.items]


def main():
    """Print the table."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, devices: {available_devices()}")
    canvas = cs.sample().view("genes")
    reference, genes = maps_on(canvas, "cpu", 1)
    again, _ = maps_on(canvas, "cpu", 1)
    print(
        "again, 1 thread: equal to the last bit:", all(np.array_equal(reference[key], again[key]) for key in reference)
    )
    settings = [("cpu", threads, True) for threads in (2, 4, 8) if threads <= (os.cpu_count() or 1)]
    settings += [(device, 1, tf32) for device in available_devices() if device != "cpu" for tf32 in (True, False)]
    for device, threads, tf32 in settings:
        other, chosen = maps_on(canvas, device, threads, tf32=tf32)
        worst = {}
        for (key, name), values in reference.items():
            apart = float(np.abs(values - other[key, name]).max() / np.abs(values).max())
            worst[key] = max(worst.get(key, 0.0), apart)
        told = ", ".join(f"{key} {apart:.1e}" for key, apart in worst.items())
        same = sum(one == other for one, other in zip(genes, chosen, strict=True))
        rounded = "" if device == "cpu" else f", TF32 {'on' if tf32 else 'off'}"
        print(f"{device}, {threads} thread(s){rounded}: {told}; {same} of {len(genes)} genes in their places")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
