"""Networks kept at epochs."""

from __future__ import annotations

import pytest

from conceptstain.errors import InputError
from conceptstain.nets.kept_epochs import Checkpoints, KeptAt


def test_what_is_kept_is_asked_for_at_the_named_epochs_alone() -> None:
    kept = Checkpoints[str]([4, 0, 4])
    watch = kept.watching(lambda at, weights: f"{at.epoch} of {at.epochs}{weights}")
    for epoch in range(6):
        watch(epoch, 5, lambda: ({},))
    assert dict(kept) == {0: "0 of 5{}", 4: "4 of 5{}"}
    assert repr(kept) == "Checkpoints of epochs 0, 4; kept: 2"


def test_another_training_begins_anew() -> None:
    kept = Checkpoints[KeptAt]([0, 2])
    watch = kept.watching(lambda at: at)
    for epoch in (0, 1, 2, 0):
        watch(epoch, 2, tuple)
    assert list(kept) == [0]


def test_epochs_that_there_are_not_are_refused() -> None:
    for epochs in ([], [-1, 2], [0.5, 2]):
        with pytest.raises(InputError, match="from 0 on"):
            Checkpoints(epochs)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="epoch 3 of 2"):
        Checkpoints([1, 3]).watching(lambda at: at)(0, 2, tuple)
