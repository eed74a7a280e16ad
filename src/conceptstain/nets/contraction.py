"""Spatial means of the gradients of all latents at a layer, without forming one of the gradients.

Between a convolution and the latent mean most encoders have layers that keep channels apart (an activation, pooling,
normalisation), then dense ones. With ``F`` what enters the first dense layer ``h = W F``, the mean over places of the
gradient of a latent ``i`` at channel ``c`` is::

    alpha_ic = 1/T sum_p d mu_i / d A_cp = 1/T sum_j S_ij U_jc    with    S_ij = d mu_i / d h_j,
    U_jc = sum_q m_cq W_jcq    and    m_cq = sum_p d F_cq / d A_cp.

``m`` does not depend on the latent: it is the derivative of ``F`` along an input of ones, one pass forward. ``U`` is
the one large product, and is made once for all latents; the gradients ``S W`` themselves, which backpropagation makes
for each of them, are as many times larger as the layer has places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from conceptstain.nets.encoder import Encoder
from conceptstain.nets.ruled import modules_of_nodes, operation_of
from conceptstain.nets.tap import tap

__all__ = ["Contraction", "Weigh", "contraction"]

VALUES = 2**20  # numbers of U at a time: beside it, what else is held is small

# Entry by entry: what leaves depends on what enters at the same place alone. Normalisation, when it is by what was
# learned. Subclasses are not trusted: their forward may be another.
ENTRYWISE = frozenset(
    {nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh, nn.Softplus}
    | {nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.BatchNorm1d, nn.BatchNorm2d}
)
# Channel by channel besides: linear ones, whose derivative is themselves, and maximum pooling.
LINEAR = frozenset({nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.ZeroPad2d})
CHANNELWISE = ENTRYWISE | LINEAR | {nn.MaxPool2d}
RESHAPING = frozenset({"View", "UnsafeView", "ReshapeAlias", "Clone", "Alias"})
CLOSE = 1e-3  # relative: what float32 rounds is far below, another function far above

Weigh: TypeAlias = Callable[
    [Float[Tensor, "batch ..."]],
    tuple[Float[Tensor, "batch channels height width"], Float[Tensor, "batch scores channels"]],
]
"""A batch of inputs to what the layer puts out for it, and the weights ``alpha`` of its channels for every score."""


@final
@dataclass(frozen=True, eq=False)
class Contraction:
    """The way from a layer to the latent mean, where it can be contracted; see :func:`contraction`.

    Attributes
    ----------
    layer
        Where the gradients are asked.
    between
        Layers up to the first dense one, channel by channel; behind ``nn.Flatten``, entry by entry.
    dense
        Name of the first dense layer.
    weight
        Its weight.
    tail
        What lies behind it: dense layers, and others entry by entry.
    """

    layer: str
    between: tuple[nn.Module, ...]
    dense: str
    weight: Float[Tensor, "hidden features"]
    tail: tuple[nn.Module, ...]

    @contextmanager
    def asked(self, encoder: Encoder, directions: Float[Tensor, "scores latent"] | None) -> Iterator[Weigh]:
        """Weights of a batch, in a ``with`` block: ``alpha`` of the latent mean along directions; None: of each latent.

        The network has to be in evaluation. One pass forward, and none back.
        """
        with ExitStack() as stack:
            at_layer = stack.enter_context(tap(encoder.network, self.layer))
            at_dense = stack.enter_context(tap(encoder.network, self.dense))

            def weigh(x: Float[Tensor, "batch ..."]) -> tuple[Tensor, Tensor]:
                with torch.no_grad():
                    encoder.encode(x)
                    activation = at_layer.take()
                    return activation, self._weights(activation, at_dense.take(), directions)

            yield weigh

    def _weights(self, activation: Tensor, hidden: Tensor, directions: Tensor | None) -> Tensor:
        n_batch, n_channels = activation.shape[:2]
        _, along_ones = _pushed(self.between, activation)
        pooled = along_ones.reshape(n_batch, n_channels, -1).transpose(0, 1)  # (channels, batch, q)
        weight = self.weight.reshape(len(self.weight), n_channels, -1).permute(1, 2, 0)  # (channels, q, hidden)
        jacobian, slope = self._tail(hidden, directions)
        n_scores = weight.shape[-1] if jacobian is None else jacobian.shape[1]
        weights = activation.new_zeros((n_channels, n_batch, n_scores))
        step = max(1, VALUES // (n_channels * n_batch))
        for begin in range(0, weight.shape[-1], step):
            part = slice(begin, begin + step)
            mixed = pooled @ weight[..., part]  # U, (channels, batch, hidden)
            if slope is not None:
                mixed *= slope[:, part]
            if jacobian is None:
                weights[..., part] = mixed
            elif len(jacobian) == 1:
                weights += mixed @ jacobian[0, :, part].T
            else:
                weights += (mixed.transpose(0, 1) @ jacobian[..., part].transpose(1, 2)).transpose(0, 1)
        return weights.permute(1, 2, 0) / activation[0, 0].numel()

    def _tail(self, hidden: Tensor, directions: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """``d mu / d h`` as ``jacobian * slope``: the one (scores, hidden), shared or per item, the other per item.

        None stands for ones on the diagonal, or everywhere.
        """
        factors: list[Tensor] = []
        value = hidden
        for module in self.tail:
            if isinstance(module, nn.Linear):
                factors.append(module.weight)
                value = module(value)
            else:
                value, steep = _pushed((module,), value)
                factors.append(steep)
        first = next((n for n, module in enumerate(self.tail) if isinstance(module, nn.Linear)), len(self.tail))
        jacobian = None if directions is None else directions[None]
        for module, factor in reversed(list(zip(self.tail[first:], factors[first:], strict=True))):
            if isinstance(module, nn.Linear):
                jacobian = factor[None] if jacobian is None else jacobian @ factor
            elif jacobian is None:
                jacobian = torch.diag_embed(factor)
            else:
                jacobian = jacobian * factor[:, None]
        slope = torch.stack(factors[:first]).prod(dim=0) if first else None
        return jacobian, slope


def contraction(encoder: Encoder, layer: str) -> Contraction | None:
    """How the gradients at a layer can be contracted, or None: then backpropagation has to make each of them.

    The way is read from the autograd graph of one pass: a single chain of modules of known types, channel by channel up
    to a dense layer that reads all places, dense or entry by entry from there to the latent mean. Function calls, other
    convolutions and branches are refused. What was read is tried out: for inputs of noise, the weights of a random
    direction have to be those of backpropagation.

    Parameters
    ----------
    encoder
        Its network in evaluation, with parameters that do not learn.
    layer
        Name of a layer that puts out channels with places.
    """
    noise = np.random.default_rng(0)
    examples = encoder.tensor(noise.normal(size=(2, *encoder.shape)).astype(np.float32))
    direction = encoder.tensor(noise.normal(size=encoder.latent).astype(np.float32))
    with (
        modules_of_nodes(encoder.network) as made_by,
        tap(encoder.network, layer, start=True) as tapped,
        torch.enable_grad(),
    ):
        mean = encoder.encode(examples).mean
        activation = tapped.take()
        total = (mean @ direction).sum()
    chain = _chain(mean, activation, made_by)
    found = None if chain is None or activation.ndim != 4 else _plan(layer, chain, activation[0])
    if found is None or _pushed(found.between, activation.detach())[0].shape[1:] != found.weight.shape[1:]:
        return None
    (gradient,) = torch.autograd.grad(total, activation)
    with found.asked(encoder, direction[None]) as weigh:
        _, weights = weigh(examples)
    expected = gradient.mean(dim=(2, 3))
    error = (weights[:, 0] - expected).abs().max()
    return found if bool(error <= CLOSE * expected.abs().max()) else None


def _chain(mean: Tensor, activation: Tensor, made_by: dict[Any, tuple[str, nn.Module]]) -> list[tuple[str, Any]] | None:
    """The modules from the layer to the mean by name, a reshaping by a function as None; None where it is no chain."""
    chain: list[tuple[str, Any]] = []
    node = mean.grad_fn
    while node is not None:
        earlier = [before for before, _ in node.next_functions if before is not None]
        name, module = made_by.get(node, ("", None))
        # Pooling to one place is a mean and a reshaping, of which only the last is known to be the module's.
        pooled = operation_of(node) == "Mean" and bool(chain) and type(chain[-1][1]) is nn.AdaptiveAvgPool2d
        if len(earlier) != 1 or (module is None and not pooled and operation_of(node) not in RESHAPING):
            return None
        chain.append((name, module))
        (node,) = earlier
        if getattr(node, "variable", None) is activation:
            return chain[::-1]
    return None


def _plan(layer: str, chain: Sequence[tuple[str, Any]], activation: Tensor) -> Contraction | None:
    at = next((n for n, (_, module) in enumerate(chain) if type(module) is nn.Linear), None)
    if at is None:
        return None
    before: list[nn.Module] = []
    for _, module in chain[:at]:
        if module is None or type(module) is nn.Flatten:
            continue  # where it is flattened does not matter to layers that keep entries apart
        if not _is_known(module, CHANNELWISE):
            return None
        before.append(module)
    tail = [module for _, module in chain[at + 1 :]]
    if not all(type(module) is nn.Linear or _is_known(module, ENTRYWISE) for module in tail):
        return None
    dense = chain[at][1]
    if dense.in_features % len(activation):
        return None
    name = chain[at][0]
    return Contraction(layer, _flattened(before), name, dense.weight.detach(), tuple(tail))


def _flattened(before: Sequence[nn.Module]) -> tuple[nn.Module, ...]:
    """With the flattening where normalisation of features needs it, else at the end."""
    at = next((n for n, module in enumerate(before) if type(module) is nn.BatchNorm1d), len(before))
    return (*before[:at], nn.Flatten(), *before[at:])


def _is_known(module: nn.Module | None, kinds: frozenset[type[nn.Module]]) -> bool:
    by_the_batch = isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.running_mean is None
    return type(module) in kinds and not by_the_batch


def _pushed(modules: Sequence[nn.Module], value: Tensor) -> tuple[Tensor, Tensor]:
    """What modules make of a value, and its derivative along ones: of one entry by entry, its slopes.

    By hand: torch's own forward derivatives compile scripts when they are first asked for.
    """
    tangent = torch.ones_like(value)
    for module in modules:
        if type(module) in LINEAR:
            value, tangent = module(value), module(tangent)
        elif isinstance(module, nn.Flatten):
            value, tangent = value.flatten(1), tangent.flatten(1)
        elif isinstance(module, nn.MaxPool2d):
            value, tangent = _pooled(module, value, tangent)
        else:
            with torch.enable_grad():
                entered = value.detach().requires_grad_()
                left = module(entered.clone())  # a layer in place must not reach what was caught
                (slope,) = torch.autograd.grad(left.sum(), entered)  # no entry depends on another
            value, tangent = left.detach(), tangent * slope
    return value, tangent


def _pooled(pool: Any, value: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
    """The largest of each window, and the derivative there."""
    largest, at = functional.max_pool2d_with_indices(
        value, pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode
    )
    return largest, tangent.flatten(2).gather(2, at.flatten(2)).reshape(at.shape)
