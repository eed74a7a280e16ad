from __future__ import annotations

import subprocess
import sys

from conceptstain.study.locks import Lock


def test_one_at_a_time_holds_a_lock(tmp_path):
    one, other = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert one.take()
    assert one.take()
    assert not other.take()
    one.release()
    assert other.take()
    other.release()
    other.release()


def test_a_program_that_was_killed_holds_it_no_longer(tmp_path):
    code = (
        "import os, pathlib, signal, sys; from conceptstain.study.locks import Lock\n"
        "Lock(pathlib.Path(sys.argv[1])).take(); os.kill(os.getpid(), signal.SIGTERM)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "lock")], check=False)
    lock = Lock(tmp_path / "lock")
    assert lock.path.exists()
    assert lock.take()
    lock.release()
