from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "sample_data" / "make_simulated_bulb.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_simulated_bulb", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def tiny(script: ModuleType, seed: int, *, with_image: bool = False) -> anndata.AnnData:
    return script.simulate(seed, half_axes=(900.0, 1100.0), genes_per_layer=8, n_genes=120, with_image=with_image)


def image_of(adata: anndata.AnnData) -> np.ndarray:
    return adata.uns["spatial"]["simulated bulb"]["images"]["hires"]


def test_the_same_seed_gives_the_same_section_and_another_seed_another(script):
    first, second, other = (tiny(script, seed, with_image=True) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.X.toarray(), second.X.toarray())
    np.testing.assert_array_equal(image_of(first), image_of(second))
    assert first.obs.equals(second.obs)
    assert first.var.equals(second.var)
    assert first.shape != other.shape or (first.X != other.X).nnz


def test_layers_lie_around_one_another_from_inside_out(script):
    adata = tiny(script, 5)
    y, x = adata.obsm["spatial"][:, 1], adata.obsm["spatial"][:, 0]
    from_middle = np.hypot((y - y.mean()) / 900, (x - x.mean()) / 1100)
    assert adata.obs["layer"].cat.categories.tolist() == ["GCL", "MCL", "EPL", "GL", "ONL"]
    medians = [np.median(from_middle[adata.obs["layer"] == layer]) for layer in adata.obs["layer"].cat.categories]
    assert medians == sorted(medians)


def test_genes_have_names_of_their_own_and_the_simulated_ones_say_so(script):
    var = tiny(script, 6).var
    named = {gene for markers in script.MARKERS.values() for gene in markers} | set(script.HOUSEKEEPING)
    assert var.index.is_unique
    assert named <= set(var.index)
    assert all(gene.startswith("Sim") for gene in set(var.index) - named)


def test_the_bundled_file_is_what_the_script_makes(script):
    bundled = anndata.read_h5ad(SCRIPT.with_name("simulated_bulb.h5ad"))
    made = script.simulate(with_image=False)
    # The last digit of a logarithm differs between machines, and with it a count now and then.
    assert np.mean(bundled.X.toarray() != made.X.toarray()) < 0.01
    assert bundled.obs["layer"].tolist() == made.obs["layer"].tolist()
