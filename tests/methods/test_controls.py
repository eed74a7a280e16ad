"""Controls: what a map is held against, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from conceptstain.canvas.region import Region
from conceptstain.concepts.concept import concept, make
from conceptstain.concepts.cross_fit import auroc, cross_fitted, fold_auroc, folds_of
from conceptstain.concepts.gene_scores import EnrichedGenes
from conceptstain.errors import InputError, MismatchError
from conceptstain.methods.controls import Control, Controls, controls
from conceptstain.methods.decoded import decoded
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.maps import map_kind
from conceptstain.methods.score_map import score_map
from conceptstain.nets.untrained import untrained
from conceptstain.progress import Cancelled, Step
from factories import tiny_encoder, tiny_section
from scenes import Scene, scene

NAMES = ["no model", "random concept", "untrained network", "sequencing depth"]


def layered() -> Scene:
    canvas = tiny_section(10, 12, n_genes=60, seed=2).view("genes", frame=(16, 16))
    return Scene(canvas, tiny_encoder(canvas.shape))


@pytest.mark.parametrize("method", ["decoded", "gradient", "rectified", "attention"])
def test_every_map_has_all_its_controls(method: str) -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2", "Gene3"])
    found = controls(at.canvas, at.encoder, made, method, draws=3)
    assert [control.name for control in found.controls] == NAMES
    assert len(found.controls[1].values) == 3
    assert found.judged == "none"
    assert found.auroc is None
    assert all(control.values.shape[1] == at.canvas.section.n_spots for control in found.controls)


def test_controls_are_drawn_with_the_settings_of_the_map() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2", "Gene3"])
    settings = MapSettings(percentile=50.0, padding=True)
    found = controls(at.canvas, at.encoder, made, "rectified", settings=settings, draws=1)
    drawn = map_kind("rectified").make(at.canvas, at.encoder, made, settings=settings)
    np.testing.assert_array_equal(found.values, at.canvas.place(drawn.mean()).astype(np.float64))
    usual = controls(at.canvas, at.encoder, made, "rectified", draws=1)
    for name in ("random concept", "untrained network"):
        one, other = found.control(name), usual.control(name)
        assert one is not None
        assert other is not None
        assert not np.allclose(one.values, other.values)
    assert found.settings == {
        "draws": 1,
        "seed": 0,
        "percentile": 50.0,
        "variant": "plain",
        "threshold": 0.0,
        "padding": True,
    }


def test_without_a_region_a_map_is_compared_by_rank() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2", "Gene3"])
    found = controls(at.canvas, at.encoder, made)
    values = at.canvas.place(decoded(at.canvas, at.encoder, made).mean())
    mean = at.canvas.place(score_map(at.canvas, made).mean())
    np.testing.assert_allclose(found.values, values, rtol=1e-6)
    control = found.control("no model")
    assert control is not None
    np.testing.assert_array_equal(control.values[0], mean.astype(np.float64))
    assert control.correlation == pytest.approx(spearmanr(values, mean).statistic)
    assert control.auroc is None


def test_the_gene_mean_needs_no_network_to_compare_with() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2"])
    found = controls(at.canvas, at.encoder, made, "gene-mean")
    assert [control.name for control in found.controls] == ["random concept", "sequencing depth"]


def test_a_region_that_made_the_concept_judges_by_maps_made_without_it() -> None:
    at = layered()
    made = concept("inner", at.canvas, at.encoder, region=Region.from_obs("layer", "inner"), neighbours=10)
    found = controls(at.canvas, at.encoder, made)
    assert found.judged == "cross-fitted"
    inside = (at.canvas.section.adata.obs["layer"] == "inner").to_numpy()
    folds = folds_of(inside, at.canvas.places)
    scores = cross_fitted(inside, folds, EnrichedGenes(at.canvas, 10))
    control = found.control("no model")
    assert control is not None
    assert control.auroc == pytest.approx(fold_auroc(scores, inside, folds))


def test_a_region_that_had_no_part_judges_plainly() -> None:
    at = layered()
    made = concept("genes", at.canvas, at.encoder, items=["Gene0", "Gene1", "Gene2"])
    found = controls(at.canvas, at.encoder, made, region=Region.from_obs("layer", "inner"))
    assert found.judged == "plain"
    inside = (at.canvas.section.adata.obs["layer"] == "inner").to_numpy()
    assert found.auroc == pytest.approx(auroc(found.values, inside))


def test_random_spots_are_found_by_no_map() -> None:
    at = layered()
    aurocs = []
    for seed in range(8):
        inside = np.random.default_rng(seed).permutation(120) < 20
        made = concept("random", at.canvas, at.encoder, region=Region.from_mask("random", inside), neighbours=10)
        aurocs.append(controls(at.canvas, at.encoder, made, draws=1).auroc)
    assert np.mean(aurocs) == pytest.approx(0.5, abs=0.08)


def test_two_spots_cannot_judge_the_map_they_made() -> None:
    at = layered()
    made = concept("two", at.canvas, at.encoder, region=Region.from_mask("two", np.arange(120) < 2))
    found = controls(at.canvas, at.encoder, made, draws=1)
    assert found.judged == "none"
    assert found.auroc is None


def stated(value: float | None, n_inside: int = 60, **others: tuple[float | list[float] | None, float]) -> Controls:
    """Controls with these AUROCs and rank correlations, on 200 spots."""
    made = tuple(
        Control(
            name.replace("_", " "),
            "",
            np.zeros((1, 200)),
            np.array([] if found is None else np.atleast_1d(found)),
            np.array([r]),
        )
        for name, (found, r) in others.items()
    )
    judged = "none" if value is None else "plain"
    return Controls("GCL", "decoded", np.zeros(200), judged, value, made, "", n_inside=n_inside)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            stated(0.94, no_model=(0.99, 0.7)),
            ("The model adds little to the mean of these genes here (AUROC .99, the map .94).",),
        ),
        (stated(0.94, no_model=(0.80, 0.99)), ("The map finds the region with AUROC .94, ahead of all its controls.",)),
        (
            stated(None, no_model=(None, 0.97), sequencing_depth=(None, 0.2)),
            ("The model adds little to the mean of these genes here (rank correlation .97).",),
        ),
        (
            stated(0.7, untrained_network=(0.695, 0.1), sequencing_depth=(0.9, 0.1), random_concept=(0.5, 0.1)),
            (
                (
                    "An untrained network draws as good a map, so it says nothing about what was learned "
                    "(AUROC .69, the map .70)."
                ),
                "Sequencing depth alone shows as much (AUROC .90, the map .70).",
            ),
        ),
        (
            stated(0.84, untrained_network=([0.72, 0.77, 0.91], 0.1)),
            (
                (
                    "An untrained network draws as good a map, so it says nothing about what was learned "
                    "(AUROC .80 on average, .72 to .91; the map .84)."
                ),
            ),
        ),
        (
            stated(0.84, untrained_network=([0.72, 0.77, 0.81], 0.1)),
            ("The map finds the region with AUROC .84, ahead of all its controls.",),
        ),
        (
            stated(0.56, n_inside=8, no_model=(0.5, 0.1)),
            ("With 8 spots, the map's AUROC of .56 is not told from chance.",),
        ),
        (
            stated(0.56, n_inside=8, no_model=(0.6, 0.1)),
            (
                "With 8 spots, the map's AUROC of .56 is not told from chance.",
                "The model adds little to the mean of these genes here (AUROC .60, the map .56).",
            ),
        ),
        (
            stated(None, n_inside=2, no_model=(None, 0.3)),
            ("No control draws the same map; 2 spots cannot be held back, so none can be said to be better.",),
        ),
        (
            stated(None, n_inside=199, no_model=(None, 0.3)),
            ("No control draws the same map; one spot cannot be held back, so none can be said to be better.",),
        ),
        (
            stated(None, n_inside=0, no_model=(None, 0.3)),
            ("No control draws the same map; without a region, none can be said to be better.",),
        ),
    ],
)
def test_controls_say_what_speaks_against_the_map(found: Controls, said: tuple[str, ...]) -> None:
    assert found.sentences == said


def test_the_table_has_a_row_for_the_map_and_one_for_every_draw() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2"])
    table = controls(at.canvas, at.encoder, made, draws=2).table()
    assert list(table["control"]) == ["", NAMES[0], *2 * [NAMES[1]], *3 * [NAMES[2]], NAMES[3]]
    assert list(table.index.unique()) == ["genes"]
    assert table["auroc"].isna().all()


def test_sections_without_counts_have_no_depth() -> None:
    at = scene()
    canvas = replace(at.canvas, section=replace(at.canvas.section, counts="normalised"))
    made = concept("genes", canvas, at.encoder, items=["Gene1", "Gene2"])
    assert "sequencing depth" not in [control.name for control in controls(canvas, at.encoder, made).controls]


def test_depth_is_turned_to_suit_the_map() -> None:
    at = layered()
    made = concept("genes", at.canvas, at.encoder, items=["Gene0", "Gene1"])
    for direction in (made.direction, -made.direction):
        control = controls(at.canvas, at.encoder, replace(made, direction=direction), draws=1).control(
            "sequencing depth"
        )
        assert control is not None
        assert control.correlation >= 0


def test_controls_repeat_with_their_seed_and_leave_the_network_alone() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2"])
    before = at.encoder.fingerprint
    one, same, other = (controls(at.canvas, at.encoder, made, seed=seed) for seed in (1, 1, 2))
    for name in ("random concept", "untrained network"):
        values = [found.control(name).values for found in (one, same, other)]
        np.testing.assert_array_equal(values[0], values[1])
        assert not np.array_equal(values[0], values[2])
    assert replace(at.encoder).fingerprint == before


def test_controls_can_be_cancelled() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2"])

    def stop(step: Step) -> None:
        if step.message == "Drawing random concepts":
            raise Cancelled

    with pytest.raises(Cancelled):
        controls(at.canvas, at.encoder, made, report=stop)


@pytest.mark.parametrize("method", ["decoded", "gradient"])
def test_three_untrained_networks_are_asked_which_differ(method: str) -> None:
    at = layered()
    made = concept("inner", at.canvas, at.encoder, region=Region.from_obs("layer", "inner"), neighbours=5)
    control = controls(at.canvas, at.encoder, made, method, draws=1).control("untrained network")
    assert control is not None
    assert len(control.values) == len(control.aurocs) == 3
    assert len(np.unique(control.values.round(9), axis=0)) == 3
    assert len(np.unique(control.aurocs)) > 1


def test_nothing_is_said_to_be_better_than_no_draw_at_all() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2"])
    for draws in (0, -1):
        with pytest.raises(InputError, match=rf"one random concept or more\. Got draws={draws}\. Use 5"):
            controls(at.canvas, at.encoder, made, draws=draws)


def test_random_spots_are_not_praised() -> None:
    at = layered()
    praised = 0
    for seed in range(10):
        inside = np.random.default_rng(seed).permutation(120) < 8
        made = concept("random", at.canvas, at.encoder, region=Region.from_mask("random", inside), neighbours=10)
        praised += "ahead of all" in " ".join(controls(at.canvas, at.encoder, made, draws=2, seed=seed).sentences)
    assert praised <= 1


def test_what_does_not_belong_together_is_told() -> None:
    at = scene()
    made = concept("genes", at.canvas, at.encoder, items=["Gene1", "Gene2"])
    with pytest.raises(InputError, match="no map of that name"):
        controls(at.canvas, at.encoder, made, "magic")
    with pytest.raises(MismatchError, match="another encoder"):
        controls(at.canvas, tiny_encoder(at.encoder.shape, seed=4), made)


@pytest.mark.parametrize(("method", "space"), [("decoded", "latent"), ("gradient", "latent"), ("gradient", "conv2")])
def test_a_combination_is_controlled_part_by_part(method: str, space: str) -> None:
    at = scene()
    a = concept("a", at.canvas, at.encoder, items=["Gene1", "Gene2", "Gene3"], space=space)
    made = a - concept("b", at.canvas, at.encoder, items=["Gene6", "Gene7"], space=space)
    found = controls(at.canvas, at.encoder, made, method, draws=2)
    assert [control.name for control in found.controls] == NAMES
    mean = at.canvas.place(score_map(at.canvas, made).mean())
    np.testing.assert_array_equal(found.controls[0].values[0], mean)
    twin = untrained(at.encoder, seed=0)
    again = make(made.definition, at.canvas, twin)
    drawn = map_kind(method).make(at.canvas, twin, again)
    np.testing.assert_allclose(found.controls[2].values[0], at.canvas.place(drawn.mean()), rtol=1e-4, atol=1e-7)
    assert not np.allclose(found.controls[1].values[0], found.controls[1].values[1])


def test_a_region_does_not_judge_a_combination_that_a_region_made() -> None:
    at = layered()
    inner = Region.from_obs("layer", "inner")
    region = concept("inner", at.canvas, at.encoder, region=inner, neighbours=5)
    genes = concept("genes", at.canvas, at.encoder, items=["Gene40", "Gene41"])
    made = region - genes
    assert controls(at.canvas, at.encoder, made, draws=1).judged == "none"
    with pytest.raises(InputError, match=r"cannot be judged by a region\. Got inner minus genes"):
        controls(at.canvas, at.encoder, made, region=inner)
    of_genes = concept("others", at.canvas, at.encoder, items=["Gene1", "Gene2"]) - genes
    assert controls(at.canvas, at.encoder, of_genes, region=inner, draws=1).judged == "plain"


def test_a_map_or_concept_that_has_no_controls_is_told() -> None:
    at = scene()
    with pytest.raises(InputError, match="A unit or a class is not made of genes"):
        controls(at.canvas, at.encoder, concept("unit", at.canvas, at.encoder, unit=1))
    with pytest.raises(MismatchError, match=r"Decoded concept cannot be made.*lives in the layer chain\.conv2"):
        controls(at.canvas, at.encoder, concept("layer", at.canvas, at.encoder, like="Gene1", space="conv2"))


def test_a_region_in_a_layer_is_cross_fitted_there() -> None:
    at = layered()
    made = concept(
        "inner", at.canvas, at.encoder, region=Region.from_obs("layer", "inner"), neighbours=5, space="conv2"
    )
    found = controls(at.canvas, at.encoder, made, "gradient", draws=1)
    assert found.judged == "cross-fitted"
    assert found.auroc is not None
