"""What is counted when units are put out, item by item and class by class, in plain Python."""

from __future__ import annotations


def slow_balanced_accuracy(told: list[int], taken: list[int], one: int) -> float:
    """``(TPR + TNR) / 2`` of one class against the rest."""
    hits = sum(t == one and p == one for t, p in zip(told, taken, strict=True))
    passes = sum(one not in (t, p) for t, p in zip(told, taken, strict=True))
    of_class = sum(t == one for t in told)
    return (hits / of_class + passes / (len(told) - of_class)) / 2


def slow_iou(told: list[int], taken: list[int], one: int) -> float:
    """What is of a class and was taken for it, of what is or was."""
    both = sum(t == one and p == one for t, p in zip(told, taken, strict=True))
    either = sum(one in (t, p) for t, p in zip(told, taken, strict=True))
    return both / either
