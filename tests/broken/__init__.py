"""A corpus of broken and odd sections; importing its files lists their cases."""

from broken import anndata_parts, hdf5_files, links_and_archives, slides, tables_and_images, zarr_folders
from broken.making import CASES, Case

__all__ = [
    "CASES",
    "Case",
    "anndata_parts",
    "hdf5_files",
    "links_and_archives",
    "slides",
    "tables_and_images",
    "zarr_folders",
]
