"""Locks that end with the program that holds them, however it ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, final

__all__ = ["Lock"]


@final
class Lock:
    """A file that one program at a time can hold; a killed program holds it no longer.

    Parameters
    ----------
    path
        The file; made where it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Hold it from now on; False where somebody else does."""
        if self._file is not None:
            return True
        file = self.path.open("ab")
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let go of it."""
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
