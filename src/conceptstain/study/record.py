"""What all records share: strictness, and the words that they are made of."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

__all__ = [
    "MOST",
    "Fingerprint",
    "Finite",
    "Key",
    "Limits",
    "Matrix",
    "Name",
    "Record",
    "RelativePath",
    "Sha",
    "Text",
    "Unit",
    "first_error",
]

MOST = 1_000_000  # of anything listed: what a file says is bounded before it is believed


class Record(BaseModel):
    """A record: nothing in it that is not named here, and nothing in it changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


def _is_relative(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or Path(name).drive or ".." in path.parts or "\x00" in name or not path.parts:
        raise ValueError("a file is named from the folder that holds it")
    return name


Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]
Key: TypeAlias = Annotated[str, Field(min_length=1, max_length=600)]
Text: TypeAlias = Annotated[str, Field(max_length=10_000)]  # as files of others have it, such as a class of QuPath
Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Limits: TypeAlias = tuple[Finite, Finite]
Unit: TypeAlias = Literal["µm", "px"]
Sha: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Fingerprint: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
RelativePath: TypeAlias = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_is_relative)]
_Row: TypeAlias = tuple[Finite, Finite, Finite]
Matrix: TypeAlias = tuple[_Row, _Row, _Row]


def first_error(error: ValidationError) -> str:
    """What is wrong with a record, and where, in one line."""
    told = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(word) for word in told["loc"]) or "the whole"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {told['msg']}{more}"
