"""Save a study of the bundled sample, open it again, write its recipe, and replay that to equal numbers.

    python examples/save_and_replay.py [--out FOLDER]

Writes ``study.h5ad``, which scanpy reads and draws, ``recipe.yaml``, and what the replay makes of it in ``replayed``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import conceptstain as cs
from conceptstain.methods.maps import map_kind


def main(out: Path, n_null: int = 99) -> tuple[Path, Path]:
    """Write the study and the recipe, and give their paths."""
    out.mkdir(parents=True, exist_ok=True)
    section = cs.sample()
    study = cs.Study()
    study.show(section.view("genes"))
    study.use(cs.bundled())
    study.add(cs.Definition("granule cells", like="Penk"))
    study.add(cs.Definition("GCL", region=cs.Region.from_obs("layer", "GCL")))
    study.combine("granule cells", "GCL")
    for key in ("decoded", "gene-mean", "rectified"):
        study.keep(map_kind(key).make(study.need_canvas(), study.need_encoder(), study.concept("GCL")))
    study.set_colour_limits("GCL - decoded", (-1.0, 1.0))
    study.evidence("GCL", n_null=n_null)

    saved = study.save(out / "study.h5ad", overwrite=True)
    again = cs.open_study(saved)
    same = all(np.array_equal(a.values, b.values) for a, b in zip(study.findings, again.findings, strict=True))
    print(f"{saved.name}: {len(again.entries)} concepts, {len(again.findings)} maps, equal: {same}")
    again.undo()
    print("taken back:", ", ".join(entry.name for entry in again.entries), "- saved:", again.is_saved)

    recipe = cs.Recipe.of(study, figures=["maps.svg"])
    (path,) = recipe.write(out / "recipe.yaml", overwrite=True)
    done = cs.Recipe.read(path).run(section.path.parent, out / "replayed", overwrite=True)
    print(*done.told)
    print(recipe.methods_paragraph())
    return saved, path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("save-and-replay"))
    main(parser.parse_args().out)
