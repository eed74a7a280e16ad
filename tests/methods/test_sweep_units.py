"""All units of a layer in one run, against each by itself; and which of them change one part alone."""

from __future__ import annotations

import numpy as np
import pytest

from conceptstain.errors import InputError
from conceptstain.methods import sweep_units as module
from conceptstain.methods.link import Link
from conceptstain.methods.part_measures import PartMeasures, change_of, part_measures
from conceptstain.methods.segmenters import threshold_segmenter
from conceptstain.methods.sweep_table import UnitSweeps
from conceptstain.methods.sweep_units import sweep_units
from conceptstain.methods.sweeping import sweep
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Cancelled, Step
from sweeps import bent, linked, linked_spots

ITEMS = [3, 0, 7]
SEGMENTER = threshold_segmenter([-0.5, 0.0, 0.2], ["dark", "grey", "bright"])


@pytest.mark.parametrize("method", ["ridge", "mlp"])
def test_one_run_equals_the_loop_over_units(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ridge, classifier, encoder, canvas = linked()
    made = ridge if method == "ridge" else bent()
    monkeypatch.setattr(module, "AT_ONCE", 2 * 9 * 256)  # two units at a time, so that a chunk ends within
    found = sweep_units(made, classifier, encoder, canvas, items=ITEMS, segmenter=SEGMENTER, draws=3)
    assert found.measures == PartMeasures._fields
    seen = 0
    for unit in found.units:
        alone = sweep(made, classifier, encoder, canvas, int(unit), items=ITEMS)
        steps = np.moveaxis(alone.samples, 1, 0)
        path = [part_measures(each, SEGMENTER.segment(each), 3) for each in steps]
        for number, expected in enumerate(change_of(path).values()):
            np.testing.assert_allclose(found.changes[unit, ..., number], expected, rtol=1e-4, atol=1e-5)
            seen += int((np.abs(np.nan_to_num(expected)) > 1e-3).sum())
        length = np.linalg.norm(alone.latents[:, -1] - alone.latents[:, 0], axis=1).mean()
        assert found.lengths[unit] == pytest.approx(length)
    assert seen > 10


def test_without_a_segmenter_classes_are_measured() -> None:
    made, classifier, encoder, canvas = linked()
    found = sweep_units(made, classifier, encoder, canvas, units=[4, 1], items=ITEMS, draws=2)
    assert found.parts == classifier.classes
    table = found.table.set_index(["unit", "part"])
    expected = sweep(made, classifier, encoder, canvas, 1, items=ITEMS).class_table
    for name in classifier.classes:
        told = table.loc[(1, name), ["d_probability", "d_probability_low", "d_probability_high"]]
        np.testing.assert_allclose(told.to_numpy(dtype=float), expected.loc[name, ["change", "low", "high"]], atol=1e-6)


@pytest.mark.parametrize("null", ["layer", "latent space"])
def test_random_directions_are_as_long_as_moves_of_units_and_come_again_with_the_seed(null: str) -> None:
    found, again, other = (run_of(*linked()[:3], null=null, seed=seed) for seed in (0, 0, 1))
    assert np.isin(found.null_lengths.round(9), found.lengths.round(9)).all()
    np.testing.assert_array_equal(found.null_changes, again.null_changes)
    assert not np.allclose(found.null_changes, other.null_changes)


def run_of(made: Link, classifier: Classifier, encoder: Encoder, *, null: str, seed: int) -> UnitSweeps:
    canvas = linked()[3]
    return sweep_units(
        made,
        classifier,
        encoder,
        canvas,
        items=[1, 2],
        draws=4,
        null=null,
        seed=seed,  # type: ignore[arg-type]
    )


def of_changes(*rows: tuple[float, float], length: float = 1.0) -> UnitSweeps:
    """Units with these mean changes of two parts, and random directions that change each by 0.1 or less."""
    rng = np.random.default_rng(0)

    def over_items(means: np.ndarray) -> np.ndarray:
        noise = rng.normal(0, 0.01, (len(means), 6, 2))
        return (means[:, None] + noise - noise.mean(axis=1, keepdims=True))[..., None]

    random = over_items(np.linspace(-0.1, 0.1, 41)[:, None].repeat(2, axis=1))
    return UnitSweeps(
        units=np.arange(len(rows)) + 10,
        parts=("eyes", "hair"),
        measures=("share",),
        changes=over_items(np.array(rows)),
        lengths=np.full(len(rows), length),
        null_changes=random,
        null_lengths=np.ones(41),
        null="layer",
        items=np.arange(6),
        steps=3,
        gene_changes=np.empty((len(rows), 0)),
    )


def test_a_unit_is_selective_where_it_changes_one_part_beyond_random_directions_and_no_other() -> None:
    found = of_changes((0.3, 0.01), (0.3, 0.3), (-0.2, 0.0), (0.05, 0.0), (0.0, 0.3))
    assert list(found.selective("eyes").index) == [10, 12]
    assert list(found.selective("hair").index) == [14]
    ranked = found.ranking("eyes")
    assert ranked.loc[11, "other"] == "hair"
    assert ranked.loc[10, "strength"] == pytest.approx(3.0, rel=0.1)  # 95 of 100 random ones change it by .095 or less
    counts = found.selective_counts()
    assert counts["units"].to_dict() == {"eyes": 2, "hair": 1}
    assert not counts["random"].any()  # which change both parts alike


def test_a_longer_move_has_to_change_more() -> None:
    assert list(of_changes((0.3, 0.0), length=2.0).selective("eyes").index) == [10]
    assert not len(of_changes((0.3, 0.0), length=4.0).selective("eyes"))


def test_of_spots_genes_are_kept_for_every_unit() -> None:
    made, classifier, encoder, canvas = linked_spots()
    found = sweep_units(made, classifier, encoder, canvas, units=[2, 1], items=[0, 5, 9], draws=2)
    table = sweep(made, classifier, encoder, canvas, 1, items=[0, 5, 9]).gene_table
    told = found.genes(1, most=4)
    np.testing.assert_allclose(told, table.loc[told.index, "change"], rtol=1e-4)
    assert told.abs().min() >= table["change"].drop(told.index).abs().max() - 1e-6
    with pytest.raises(InputError, match="Spots have no parts"):
        sweep_units(made, classifier, encoder, canvas, items=[0], segmenter=SEGMENTER)


def test_it_can_be_cancelled_and_says_how_far_it_is() -> None:
    made, classifier, encoder, canvas = linked()
    steps: list[Step] = []
    sweep_units(made, classifier, encoder, canvas, items=ITEMS, draws=2, report=steps.append)
    assert (steps[-1].done, steps[-1].total) == (8, 8)

    def cancel(step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        sweep_units(made, classifier, encoder, canvas, items=ITEMS, draws=2, report=cancel)


def test_what_cannot_be_measured_is_refused() -> None:
    made, classifier, encoder, canvas = linked()
    with pytest.raises(InputError, match="random directions"):
        sweep_units(made, classifier, encoder, canvas, items=ITEMS, draws=0)
    with pytest.raises(InputError, match="no such directions"):
        run_of(made, classifier, encoder, null="none", seed=0)
    found = of_changes((0.1, 0.1))
    with pytest.raises(InputError, match="no such part"):
        found.selective("nose")
    with pytest.raises(InputError, match="no such measure"):
        found.selective("eyes", "area")
    with pytest.raises(InputError, match="No genes"):
        found.genes(10)
