from __future__ import annotations

import pandas as pd
import pytest

from conceptstain.canvas.gene_names import name_genes
from conceptstain.errors import ReadingError
from written import lattice_anndata

IDS = ["ENSG00000000001", "ENSG00000000002.5", "ENSMUSG00000000003", "ENSG00000000004"]


def with_ids(**columns):
    adata = lattice_anndata()
    adata.var_names = pd.Index(IDS)
    for name, values in columns.items():
        adata.var[name] = values
    return adata


def test_symbols_take_the_place_of_ids_and_the_ids_are_kept():
    adata = with_ids(feature_name=["Penk", "Th", "Omp", "Apod"])
    (note,) = name_genes(adata, "a.h5ad")
    assert adata.var_names.tolist() == ["Penk", "Th", "Omp", "Apod"]
    assert adata.var["gene_ids"].tolist() == IDS
    assert "var['feature_name']; the names were Ensembl ids" in note


def test_names_that_are_no_ids_stay_whatever_columns_there_are():
    adata = lattice_anndata()
    adata.var["symbol"] = list("ABCD")
    assert name_genes(adata, "a.h5ad") == ()
    assert adata.var_names.tolist() == ["Gene0", "Gene1", "Gene2", "Gene3"]


def test_a_column_that_is_asked_for_is_used():
    adata = lattice_anndata()
    adata.var["mine"] = pd.Categorical(list("ABCD"))
    assert name_genes(adata, "a.h5ad", "mine") == ("Genes are called by var['mine'].",)
    assert adata.var_names.tolist() == list("ABCD")


def test_a_missing_column_is_told_with_those_there_are():
    with pytest.raises(ReadingError, match=r"'nope'.*Choose one of: symbol"):
        name_genes(with_ids(symbol=list("ABCD")), "a.h5ad", "nope")


def test_genes_without_a_symbol_keep_their_id():
    adata = with_ids(symbol=["Penk", None, "", "Apod"])
    notes = name_genes(adata, "a.h5ad")
    assert adata.var_names.tolist() == ["Penk", IDS[1], IDS[2], "Apod"]
    assert any("2 genes without a name there keep their id" in note for note in notes)


def test_genes_that_share_a_name_are_told_apart_and_it_is_said():
    adata = with_ids(symbol=["Penk", "Th", "Penk", "Th"])
    notes = name_genes(adata, "a.h5ad")
    assert adata.var_names.tolist() == ["Penk", "Th", "Penk-1", "Th-1"]
    assert any("2 gene names used more than once (Penk, Th)" in note for note in notes)


def test_ids_in_a_column_of_symbols_are_no_symbols():
    adata = with_ids(gene_name=IDS, symbol=list("ABCD"))
    name_genes(adata, "a.h5ad")
    assert adata.var_names.tolist() == list("ABCD")
