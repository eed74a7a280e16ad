"""The study: all that a user makes of a section, and what was computed of it."""

from conceptstain.study.concept_list import WONG, ConceptList, Entry, Sign
from conceptstain.study.snapshot import Snapshot
from conceptstain.study.study import Study

__all__ = ["WONG", "ConceptList", "Entry", "Sign", "Snapshot", "Study"]
