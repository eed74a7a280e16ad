"""What every map must obey, as functions that any map can be handed to.

A map is told by how it is painted: ``paint(scene, direction, items, report)`` gives one map per item. Which map obeys
which law is the table in ``tests/methods/test_laws.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from conceptstain.progress import Cancelled, Report, Step, silent
from scenes import Scene, some_direction

Paint = Callable[[Scene, np.ndarray, Sequence[int], Report], np.ndarray]
ITEMS = (3, 0, 7, 5, 11)
HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
)


def is_linear_in_the_concept(paint: Paint, scene: Scene, first: np.ndarray, second: np.ndarray, factor: float) -> None:
    """``map(a v + w) = a map(v) + map(w)``."""
    together = paint(scene, factor * first + second, ITEMS, silent)
    apart = factor * paint(scene, first, ITEMS, silent) + paint(scene, second, ITEMS, silent)
    agree(together, apart)


def is_positively_homogeneous(paint: Paint, scene: Scene, direction: np.ndarray, factor: float) -> None:
    """``map(a v) = a map(v)`` for a > 0."""
    agree(paint(scene, factor * direction, ITEMS, silent), factor * paint(scene, direction, ITEMS, silent))


def is_odd_and_zero_at_zero(paint: Paint, scene: Scene, direction: np.ndarray) -> None:
    """``map(-v) = -map(v)`` and ``map(0) = 0``."""
    agree(paint(scene, -direction, ITEMS, silent), -paint(scene, direction, ITEMS, silent))
    assert not paint(scene, np.zeros_like(direction), ITEMS, silent).any()


def is_nothing_for_no_concept(paint: Paint, scene: Scene) -> None:
    """``map(0) = 0``."""
    assert not paint(scene, np.zeros_like(some_direction()), ITEMS, silent).any()


def asks_each_item_by_itself(paint: Paint, scene: Scene, direction: np.ndarray) -> None:
    """A batch equals one by one."""
    one_by_one = np.concatenate([paint(scene, direction, [item], silent) for item in ITEMS])
    agree(paint(scene, direction, ITEMS, silent), one_by_one)


def follows_the_order_of_items(paint: Paint, scene: Scene, direction: np.ndarray, order: Sequence[int]) -> None:
    """Permuting items permutes maps."""
    permuted = paint(scene, direction, [ITEMS[place] for place in order], silent)
    agree(permuted, paint(scene, direction, ITEMS, silent)[list(order)])


def leaves_nothing_behind(paint: Paint, scene: Scene) -> None:
    """A network that is half in training and half frozen is so afterwards, without hooks and gradients."""
    _spoil(scene.network)
    before = state_of(scene.network)
    paint(scene, some_direction(), ITEMS, silent)
    assert state_of(scene.network) == before


def leaves_nothing_behind_when_cancelled(paint: Paint, scene: Scene) -> None:
    """A report that raises Cancelled is let through, and leaves nothing behind."""

    def cancel(step: Step) -> None:
        raise Cancelled

    _spoil(scene.network)
    before = state_of(scene.network)
    with pytest.raises(Cancelled):
        paint(scene, some_direction(), ITEMS, cancel)
    assert state_of(scene.network) == before


def leaves_nothing_behind_when_the_network_fails(
    paint: Paint, scene: Scene, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """An error from inside the network is let through, and leaves nothing behind."""
    before = state_of(scene.network)

    def fail(_: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(scene.network.get_submodule(broken), "forward", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            paint(scene, some_direction(), ITEMS, silent)
    assert state_of(scene.network) == before


def state_of(network: nn.Module) -> list[Any]:
    """Everything about a network that a method could leave behind, its weights included."""
    modules = [
        (name, module.training, [len(getattr(module, hooks)) for hooks in HOOKS], sorted(vars(module)))
        for name, module in network.named_modules()
    ]
    parameters = [
        (name, parameter.requires_grad, parameter.grad is None, parameter.tolist())
        for name, parameter in network.named_parameters()
    ]
    return [modules, parameters, torch.is_grad_enabled(), torch.is_inference_mode_enabled()]


def agree(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to the rounding of float32."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6 * (1e-6 + np.abs(expected).max()))


def _spoil(network: nn.Module) -> None:
    """Half of the modules in training, every second parameter learning."""
    for number, module in enumerate(network.modules()):
        module.training = number % 2 == 0
    for number, parameter in enumerate(network.parameters()):
        parameter.requires_grad_(number % 2 == 0)
