"""Random sections for property tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from conceptstain.canvas.section import Section
from factories import tiny_section

laws = settings(max_examples=40, deadline=None)


@st.composite
def sections(draw: st.DrawFn, *, most_jitter: float = 0.45) -> Section:
    """Sections on a lattice with lost and jittered spots, now and then with two spots in a cell."""
    return tiny_section(
        n_rows=draw(st.integers(3, 9)),
        n_columns=draw(st.integers(3, 9)),
        n_genes=draw(st.integers(2, 8)),
        seed=draw(st.integers(0, 10_000)),
        missing=draw(st.sampled_from([0.0, 0.1, 0.4])),
        jitter=draw(st.sampled_from([0.0, 0.03, 0.1, most_jitter])),
    )


def with_matrix(section: Section, matrix: Any) -> Section:
    """The section with other values, spots x genes."""
    return replace(section, matrix=type(section.matrix)(np.asarray(matrix, dtype=np.float32)))


def reordered(section: Section, order: np.ndarray) -> Section:
    """The section with its spots in another order."""
    return replace(section, adata=section.adata[order].copy(), matrix=section.matrix[order], spots=section.spots[order])
