"""How long studies of pictures and of a slide take to save, to autosave and to open, and how large they are.

    CONCEPTSTAIN_DATA=... python benchmarks/keeping.py

Uses ``faces128/images`` (1,000 pictures) and ``mob/HE_Rep1.jpg`` (1,986 x 1,856 pixels), on one thread. Each study has
one concept, its score and three maps; of three times the median is told. Beside saving stands copying the files, which
a study that held their pixels would do at least.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import torch

import conceptstain as cs
from conceptstain.fitting import FitSettings
from conceptstain.methods.maps import map_kind
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE
from conceptstain.study.autosave import Autosave


def median_of_three(what):
    """Seconds."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        what()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def study_of(canvas):
    """A study with a score and three maps, by the network that would be fitted, with its first weights."""
    settings = FitSettings.of(canvas).network
    encoder = Encoder("first weights", ImageVAE(canvas.shape, settings), canvas.shape, "unit", settings.latent, {})
    study = cs.Study()
    study.show(canvas)
    study.use(encoder)
    study.add(cs.Definition("some", items=tuple(canvas.item_names[:40]), form="contrast"))
    *_, whole = study.item_score_runs("some")
    study.keep(whole)
    study.keep(map_kind("gradient").make(canvas, encoder, study.concept("some"), items=[0, 1, 2]))
    return study


def main():
    """Print the table."""
    torch.set_num_threads(1)
    data = Path(os.environ["CONCEPTSTAIN_DATA"])
    sources = {"pictures": data / "faces128" / "images", "slide": data / "mob" / "HE_Rep1.jpg"}
    for kind, source in sources.items():
        study = study_of(cs.open(source, as_="images" if kind == "pictures" else "slide").view())
        with tempfile.TemporaryDirectory() as folder:
            path, autosave = Path(folder) / "study.h5ad", Autosave(Path(folder) / "autosave")
            saving = median_of_three(lambda: study.save(path, overwrite=True))  # noqa: B023
            snapshots = []
            writing = median_of_three(lambda: snapshots.append(autosave.write(study.snapshot())))  # noqa: B023
            opening = median_of_three(lambda: cs.open_study(path))  # noqa: B023
            copy = shutil.copytree if source.is_dir() else shutil.copy
            numbers = iter(range(3))
            copying = median_of_three(lambda: copy(source, Path(folder) / f"copy {next(numbers)}"))  # noqa: B023
            sizes = [file.stat().st_size / 1e6 for file in (path, snapshots[-1])]
            weights = sum(each.numel() * each.element_size() for each in study.encoder.network.parameters()) / 1e6
            print(
                f"{kind} ({len(study.canvas):,} items): saved in {saving:.2f} s, {sizes[0]:.1f} MB; "
                f"autosaved in {writing:.2f} s, {sizes[1]:.1f} MB; opened in {opening:.1f} s; weights {weights:.1f} MB "
                f"of it; copying the files alone {copying:.2f} s"
            )
            autosave.close()


if __name__ == "__main__":
    main()
