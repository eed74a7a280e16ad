"""What a layer puts out, changed for the layers behind it within a ``with`` block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from conceptstain.errors import InputError, MismatchError

__all__ = ["changed_layer"]


@contextmanager
def changed_layer(
    network: nn.Module, layer: str, change: Callable[[Float[Tensor, "batch units ..."]], Tensor]
) -> Iterator[None]:
    """Change the output of a layer; nothing is left behind, also after an exception.

    Parameters
    ----------
    network
        Any network.
    layer
        Name as in ``network.named_modules()``.
    change
        Of the output; it must leave its argument as it is.

    Raises
    ------
    InputError
        No layer of that name; the message lists them.
    MismatchError
        When the network is asked: a layer that does not put out one tensor with units.
    """
    layers = {name: module for name, module in network.named_modules() if name}
    if layer not in layers:
        raise InputError("There is no such layer", got=repr(layer), cure=f"Choose one of: {', '.join(layers)}")

    def changed(_: nn.Module, __: tuple[Any, ...], output: Any) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim < 2:
            got = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
            raise MismatchError(
                f"The layer {layer!r} does not put out one tensor of units", got=got, cure="Choose a layer inside it"
            )
        return change(output)

    hook = layers[layer].register_forward_hook(changed)
    try:
        yield
    finally:
        hook.remove()
