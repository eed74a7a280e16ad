"""Exports: what is written is what was computed, and plain anndata reads it."""

from __future__ import annotations

import json
from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest

from conceptstain.canvas.reading import open_section
from conceptstain.concepts.concept import concept as make_concept
from conceptstain.concepts.latents import latents_of
from conceptstain.errors import InputError, MismatchError
from conceptstain.exporting import UNS_KEY, annotated, export, gene_table, spot_table
from conceptstain.methods.attribution import Attribution
from conceptstain.painting import painting
from factories import tiny_encoder, tiny_section
from scenes import concept_along

section = replace(tiny_section(with_image=True), notes=("Positions are simulated.", "So are the counts."))
canvas = section.view("genes")
encoder = tiny_encoder(canvas.shape)
concept = concept_along(encoder, [1.0, -2.0, 0.5, 0.0], ("Gene3", "Gene0"))
concept = replace(concept, table=pd.DataFrame({"r": [1.0, 0.5]}, index=pd.Index(["Gene3", "Gene0"], name="gene")))


def a_map(method="decoded", concept=concept, name="granule"):
    values = np.random.default_rng(len(method)).normal(size=(1, *canvas.shape))
    settings = {"missing": (), "rule": "rectified", "percentile": 95.0}
    return Attribution(method, name, values, (), True, concept, encoder.fingerprint, settings)


maps = [a_map(), a_map("gene mean")]


def test_the_spot_table_has_places_in_world_units_and_one_column_per_map(tmp_path):
    path = export(tmp_path / "spots.csv", canvas, maps)
    read = pd.read_csv(path, index_col="spot")
    assert list(read.columns) == ["x (µm)", "y (µm)", "granule - decoded", "granule - gene mean"]
    assert list(read.index) == list(section.adata.obs_names)
    np.testing.assert_allclose(read[["y (µm)", "x (µm)"]], section.spots, rtol=1e-8)
    np.testing.assert_allclose(read["granule - decoded"], painting(maps[0], canvas).values, rtol=1e-8)


def test_the_gene_table_has_scores_ranks_and_the_evidence_of_the_concept(tmp_path):
    path = export(tmp_path / "genes.csv", canvas, maps, encoder, table="genes")
    read = pd.read_csv(path, index_col="gene")
    scores = pd.Series(concept.scores(latents_of(canvas, encoder)), index=canvas.item_names)
    np.testing.assert_allclose(read["granule: score"], scores[read.index], rtol=1e-8)
    assert list(read["granule: rank"]) == list(range(1, 13))
    assert read["granule: score"].is_monotonic_decreasing
    assert set(read.index[read["granule: in concept"]]) == {"Gene0", "Gene3"}
    assert read["granule: r"].dropna().to_dict() == {"Gene3": 1.0, "Gene0": 0.5}
    assert (read["spots expressing"] == pd.Series(canvas.n_spots_expressing, index=canvas.item_names)[read.index]).all()


def test_maps_of_the_same_name_keep_apart():
    table = spot_table(canvas, [a_map(), a_map()])
    assert list(table.columns[2:]) == ["granule - decoded", "granule - decoded (2)"]


def test_an_h5ad_holds_everything_and_is_read_back(tmp_path):
    read = anndata.read_h5ad(export(tmp_path / "tiny.h5ad", canvas, maps, encoder))
    np.testing.assert_allclose(read.obs["granule - decoded"], painting(maps[0], canvas).values)
    np.testing.assert_allclose(read.varm["concept_scores"]["granule"], concept.scores(latents_of(canvas, encoder)))
    np.testing.assert_array_equal(read.X.toarray(), section.adata.X.toarray())
    told = read.uns[UNS_KEY]
    np.testing.assert_array_equal(told["concepts"]["granule"]["direction"], concept.direction)
    assert list(told["concepts"]["granule"]["items"]) == ["Gene3", "Gene0"]
    assert told["encoder"]["fingerprint"] == encoder.fingerprint == told["concepts"]["granule"]["encoder"]
    assert json.loads(told["maps"]["granule - decoded"]["settings"])["percentile"] == 95.0
    assert list(told["notes"]) == list(section.notes)
    assert told["unit"] == "µm"


def test_an_h5ad_of_nothing_can_be_written(tmp_path):
    bare = replace(section, notes=(), image=None).view("genes")
    read = anndata.read_h5ad(export(tmp_path / "tiny.h5ad", bare, []))
    assert list(read.obs) == ["layer"]


def test_what_is_written_opens_again_at_the_same_places(tmp_path):
    again = open_section(export(tmp_path / "tiny.h5ad", canvas, maps, encoder))
    np.testing.assert_allclose(again.spots, section.spots)
    assert again.unit == "µm"
    assert again.spot_diameter == pytest.approx(section.spot_diameter)


def test_the_tissue_is_written_under_the_spots(tmp_path):
    white = np.full_like(section.image.pixels, 255)
    row, column = 30, 42
    white[row, column] = 0
    marked = replace(section, image=replace(section.image, pixels=white)).view("genes")
    read = anndata.read_h5ad(export(tmp_path / "tiny.h5ad", marked, maps))
    (library,) = read.uns["spatial"].values()
    dark = 255.0 - library["images"]["hires"][..., 0]
    rows, columns = np.indices(dark.shape)
    seen = np.array([((rows + 0.5) * dark).sum(), ((columns + 0.5) * dark).sum()]) / dark.sum()
    positions = seen / library["scalefactors"]["tissue_hires_scalef"]
    np.testing.assert_allclose(positions, (section.image.to_world @ [row, column, 1])[:2], atol=2.0)


def test_a_tissue_that_came_with_the_file_stays_as_it_was():
    pixels = np.zeros((3, 4, 3), dtype=np.uint8)
    adata = section.adata.copy()
    adata.uns["spatial"] = {"own": {"images": {"hires": pixels}, "scalefactors": {"tissue_hires_scalef": 0.5}}}
    kept = annotated(replace(section, adata=adata).view("genes"), maps).uns["spatial"]["own"]
    np.testing.assert_array_equal(kept["images"]["hires"], pixels)
    assert kept["scalefactors"]["tissue_hires_scalef"] == 0.5


def test_exporting_does_not_touch_the_section():
    before = list(section.adata.obs), list(section.adata.uns), list(section.adata.varm)
    annotated(canvas, maps, encoder)
    assert (list(section.adata.obs), list(section.adata.uns), list(section.adata.varm)) == before


def test_a_column_of_the_file_is_never_replaced():
    adata = section.adata.copy()
    adata.obs["granule - decoded"] = "precious"
    written = annotated(replace(section, adata=adata).view("genes"), [a_map()])
    assert (written.obs["granule - decoded"] == "precious").all()
    np.testing.assert_allclose(written.obs["granule - decoded (2)"], painting(a_map(), canvas).values)


def test_a_name_with_a_slash_can_be_written(tmp_path):
    odd = replace(concept, definition=concept.definition.renamed("CA1/CA3"))
    made = [a_map(concept=odd, name="CA1/CA3")]
    read = anndata.read_h5ad(export(tmp_path / "tiny.h5ad", canvas, made, encoder))
    (told,) = read.uns[UNS_KEY]["concepts"].values()
    assert told["name"] == "CA1/CA3"


@pytest.mark.parametrize("name", ["source.h5ad", "source.csv"])
def test_the_file_that_was_read_is_never_written_over(tmp_path, name):
    source = tmp_path / name
    source.write_bytes(b"precious")
    opened = replace(section, path=source).view("genes")
    with pytest.raises(InputError, match="not written over"):
        export(tmp_path / "." / name, opened, maps, encoder, overwrite=True)
    assert source.read_bytes() == b"precious"


def test_an_existing_file_is_replaced_only_when_asked(tmp_path):
    path = export(tmp_path / "spots.csv", canvas, maps)
    with pytest.raises(InputError, match="overwrite"):
        export(path, canvas, maps)
    export(path, canvas, maps, overwrite=True)


@pytest.mark.parametrize(("name", "table"), [("values.xlsx", "spots"), ("values.csv", "cells")])
def test_another_format_is_refused(tmp_path, name, table):
    with pytest.raises(InputError, match="cannot be exported that way"):
        export(tmp_path / name, canvas, maps, encoder, table=table)


def test_genes_are_not_scored_without_an_encoder(tmp_path):
    with pytest.raises(InputError, match="scored by an encoder"):
        export(tmp_path / "genes.csv", canvas, maps, table="genes")


def test_a_concept_of_another_encoder_is_refused():
    with pytest.raises(MismatchError, match="another encoder"):
        gene_table(canvas, tiny_encoder(canvas.shape, seed=1), [concept])


def test_a_concept_is_written_with_its_space_and_its_parts(tmp_path):
    parts = [make_concept(name, canvas, encoder, items=[name], space="conv2") for name in ("Gene1", "Gene2")]
    made = parts[0] - parts[1]
    path = export(tmp_path / "tiny.h5ad", canvas, [], encoder, concepts=[made, concept])
    read = anndata.read_h5ad(path)
    told = read.uns[UNS_KEY]["concepts"]
    assert told["Gene1 - Gene2"]["space"] == "chain.conv2"
    assert [(part["weight"], part["name"]) for part in json.loads(told["Gene1 - Gene2"]["parts"])] == [
        (1.0, "Gene1"),
        (-1.0, "Gene2"),
    ]
    assert told["granule"]["space"] == "latent"
    assert json.loads(told["granule"]["parts"]) == []
    channels = latents_of(canvas, encoder, space="chain.conv2")
    np.testing.assert_allclose(read.varm["concept_scores"]["Gene1 - Gene2"], made.scores(channels))


def test_the_gene_table_of_a_combination_has_weights_and_parts(tmp_path):
    a = make_concept("a", canvas, encoder, items=["Gene1", "Gene2"])
    made = a - make_concept("b", canvas, encoder, items=["Gene2", "Gene5", "Gene6", "Gene7"])
    read = pd.read_csv(
        export(tmp_path / "genes.csv", canvas, [], encoder, concepts=[made], table="genes"), index_col="gene"
    )
    weights = {"Gene1": 1 / 2, "Gene2": 1 / 4, "Gene5": -1 / 4, "Gene6": -1 / 4, "Gene7": -1 / 4}
    assert read["a - b: weight"].dropna().to_dict() == pytest.approx(weights)
    assert read["a - b: part"]["Gene2"] == "a, b"
    assert set(read.index[read["a - b: in concept"]]) == set(weights)
