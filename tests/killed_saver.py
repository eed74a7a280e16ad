"""Save and autosave in a child that is killed at a random moment, again and again; print how often something was lost.

    python killed_saver.py DATA AUTOSAVE KILLS STUDY

STUDY is the name of the study's file or folder: study.h5ad or study.zarr. Printed are the kills, how many of them lost
something, how many came while a study was saved, and how many left a folder put aside with none in its place.

The child is a fork, so that a kill costs no start of Python. It says by a pipe which number it begins to save and which
it has saved; the parent opens what is there, and finds one of the two or counts it as torn.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from conceptstain.concepts.definition import Definition
from conceptstain.study.autosave import Autosave, restorable
from conceptstain.study.saving import open_study, save_study
from studies import empty_study, opened_section


def numbered(number, section):
    """A study that holds its number."""
    study = empty_study(section)
    study.add(Definition(str(number), like="Gene3"))
    return study.snapshot()


def save_for_ever(number, section, saved, folder, pipe):
    autosave = Autosave(folder)
    while True:
        number += 1
        snapshot = numbered(number, section)
        os.write(pipe, f"begin {number}\n".encode())
        save_study(snapshot, saved, overwrite=True)
        os.write(pipe, f"saved {number}\n".encode())
        autosave.write(snapshot)
        os.write(pipe, f"autosaved {number}\n".encode())


def kill_once(number, section, saved, folder, seconds):
    """What the child said before it was killed: the last number begun, saved and autosaved."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            save_for_ever(number, section, saved, folder, write)
        finally:
            os._exit(1)
    os.close(write)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(read) as told:
        said = dict.fromkeys(("begin", "saved", "autosaved"), number)
        said["autosaved"] = 0  # every child has snapshots of its own
        for line in told:
            word, value = line.split()
            said[word] = int(value)
    return said


def number_in(study):
    (entry,) = study.entries
    return int(entry.name)


def main(data, folder, kills, name):
    section = opened_section(data)
    saved, rng = data / name, random.Random(0)
    autosave = Autosave(folder)
    for _ in range(3):  # the first time, modules are loaded
        begun = time.perf_counter()
        save_study(numbered(0, section), saved, overwrite=True)
        autosave.write(numbered(0, section))
        once = time.perf_counter() - begun
    autosave.clear()
    autosave.close()
    torn = during = aside = 0
    for _ in range(kills):
        before = number_in(open_study(saved))
        said = kill_once(before, section, saved, folder, rng.uniform(0, 2 * once))
        during += said["begin"] > before
        aside += not saved.exists()
        found = number_in(open_study(saved))
        torn += not said["saved"] <= found <= said["begin"]
        for offered in restorable(folder):
            found = number_in(offered.open())
            torn += not said["autosaved"] <= found <= said["begin"]
            said["autosaved"] = 0
            offered.discard()
        torn += said["autosaved"] > 0  # it was written, and is not offered
        for left in set(data.glob(".*study-*")) - {data / ".study-before.zarr"}:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    sys.stdout.write(f"{kills} {torn} {during} {aside}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
