"""A network at several epochs of its training: copies, with which it can be seen when something was learned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, final

from torch import Tensor

from conceptstain.errors import InputError

__all__ = ["Checkpoints", "KeptAt", "Watch", "Weights", "unwatched"]

Weights: TypeAlias = Callable[[], "tuple[Mapping[str, Tensor], ...]"]
"""Copies the weights of all that is trained, as they are when it is called."""

Watch: TypeAlias = Callable[[int, int, Weights], None]
"""``watch(epoch, epochs, weights)``, called before the first step with 0 and behind every epoch."""

Kept = TypeVar("Kept")


def unwatched(_epoch: int, _n_epochs: int, _weights: Weights) -> None:
    """A training nobody watches."""


@final
@dataclass(frozen=True)
class KeptAt:
    """What the card of a checkpoint says of its training, in the place of the whole history."""

    epoch: int
    epochs: int


@final
class Checkpoints(Mapping[int, Kept]):
    """Encoders or classifiers by the epoch that they were kept at, filled by a training.

    Give it to :func:`conceptstain.fit` or :func:`conceptstain.fit_classifier` as ``checkpoints=``. The training itself
    stays the same to the last bit.

    Parameters
    ----------
    epochs
        At which to keep a copy. 0: before the first step.

    Raises
    ------
    InputError
        No epoch, or one below 0.

    Examples
    --------
    >>> kept = Checkpoints([0, 1, 5, 20])
    >>> kept.epochs
    (0, 1, 5, 20)
    """

    def __init__(self, epochs: Iterable[int]) -> None:
        self.epochs = tuple(sorted(set(epochs)))
        self._kept: dict[int, Kept] = {}
        if not self.epochs or self.epochs[0] < 0 or any(epoch != int(epoch) for epoch in self.epochs):
            raise InputError(
                "Checkpoints are kept at epochs, from 0 on", got=str(list(self.epochs)), cure="Use [0, 1, 2, 5, 10]"
            )

    def __getitem__(self, epoch: int) -> Kept:
        return self._kept[epoch]

    def __iter__(self) -> Iterator[int]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def watching(self, made: Callable[..., Kept]) -> Watch:
        """What a training calls: at each of the epochs, ``made(at, *weights)`` makes what is kept.

        Raises
        ------
        InputError
            From the training, before its first step: an epoch that it does not come to.
        """

        def watch(epoch: int, n_epochs: int, weights: Weights) -> None:
            if epoch == 0:
                self._kept = {}
                if self.epochs[-1] > n_epochs:
                    raise InputError(
                        "The training does not come to this checkpoint",
                        got=f"epoch {self.epochs[-1]} of {n_epochs}",
                        cure="Set epochs= of the training, or leave the checkpoint out",
                    )
            if epoch in self.epochs:
                self._kept[epoch] = made(KeptAt(epoch, n_epochs), *weights())

        return watch

    def __repr__(self) -> str:
        return f"Checkpoints of epochs {', '.join(map(str, self.epochs))}; kept: {len(self)}"
