"""Findings: results that can be painted on tissue, kept in a study and written into files."""

from __future__ import annotations

from conceptstain.methods.attribution import Attribution
from conceptstain.methods.item_score import ItemScore
from conceptstain.methods.spot_score import SpotScore

__all__ = ["Finding"]

Finding = Attribution | SpotScore | ItemScore
"""A map of the inputs' shape; or one score per spot, picture or patch."""
