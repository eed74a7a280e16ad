"""A graph of ``torch.export`` as a network of layers: by the names of the original, with layers that rules act at.

``torch.export.unflatten`` finds the original's modules again, each as a graph of operators. Here those that are one
ReLU, maximum pooling, convolution, dense layer or normalisation become that module of torch, and such operators inside
larger ones become layers of their own. Numbers stay the same; taps, gradient rules, attention
and untrained twins find what they look for.
"""

from __future__ import annotations

from io import BytesIO
from operator import getitem
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch._ops import OpOverload
from torch.export.unflatten import InterpreterModule, UnflattenedModule

from conceptstain.errors import ReadingError
from conceptstain.foreign import foreign_reader
from conceptstain.nets.exported_archive import plain_archive
from conceptstain.nets.exported_layers import NATIVE_NORM, layer_for, operator_of

__all__ = ["exported_network"]

DYNAMIC = "dynamic_shapes=({0: torch.export.Dim('batch')},)"


def exported_network(path: Path) -> tuple[nn.Module, tuple[int | None, ...]]:
    """The network in a ``.pt2`` file, and the shape of one input (None: a side that may vary).

    Raises
    ------
    ReadingError
        See :func:`~conceptstain.nets.exported_archive.plain_archive`; or the batch has a fixed size: hooks on layers
        see whole batches, so items beyond it could not be left out of what a tap reads.
    """
    archive = plain_archive(path)
    if not archive.input_shape or archive.input_shape[0] is not None:
        raise ReadingError(
            f"{path.name} was exported for batches of one size",
            got=f"inputs of {archive.input_shape}",
            cure=f"Export it with an example of two items and {DYNAMIC}",
        )
    with foreign_reader(path.name, "an exported network", "Export it again with the torch that is installed here"):
        from torch.export.pt2_archive._package import load_pt2

        # Behind torch.export.load, which hides why it failed and then tries a format with pickles.
        (program,) = load_pt2(BytesIO(archive.content)).exported_programs.values()
        if any(_is_in_place(node) for node in program.graph.nodes):
            program = program.run_decompositions({})  # the same numbers, without writing over any
        network = _layer(torch.export.unflatten(program))
    return network, archive.input_shape[1:]


def _is_in_place(node: fx.Node) -> bool:
    return isinstance(node.target, OpOverload) and node.target._schema.is_mutable  # noqa: SLF001 - said nowhere else


def _layer(found: Any) -> nn.Module:
    """A module that runs the same graph, made of layers all the way down."""
    plain = _single(found)
    if plain is not None:
        return plain
    for name, child in list(found.named_children()):
        if isinstance(child, InterpreterModule):  # or it only holds weights that others use
            found.add_module(name, _layer(child))
    if not found.graph.nodes:  # a list of layers that are called one by one
        layers = nn.Module()
        for name, child in found.named_children():
            layers.add_module(name, child)
        return layers
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    result = graph.graph_copy(found.graph, copied)
    for node, copy in copied.items():
        copy.meta.clear()  # shapes of the export, which cannot be copied with the network
        layer = None if operator_of(node) == NATIVE_NORM else layer_for(node, found)
        if layer is not None:
            name = _free(copy.name, found)
            found.add_module(name, layer)
            copy.op, copy.target, copy.args, copy.kwargs = "call_module", name, (copy.args[0],), {}
    graph.output(_one(result))
    for copy in reversed(graph.find_nodes(op="get_attr")):
        if not copy.users:
            graph.erase_node(copy)  # a weight that its layer has now
    kind = type(found).__name__ if isinstance(found, UnflattenedModule) else _kind(found)
    return fx.GraphModule(found, graph, class_name=kind)


def _single(found: Any) -> nn.Module | None:
    """The layer of torch that a whole graph is; None where it is more, or another."""
    if any(True for _ in found.children()):
        return None
    nodes: dict[str, list[fx.Node]] = {}
    for node in found.graph.nodes:
        nodes.setdefault(node.op, []).append(node)
    calls, taken = nodes.get("call_function", []), nodes.get("placeholder", [])
    alone = len(calls) == 1 or (len(calls) == 2 and calls[1].target is getitem and calls[1].args == (calls[0], 0))
    if not alone or len(taken) != 1 or not calls[0].args or calls[0].args[0] is not taken[0]:
        return None
    return layer_for(calls[0], found) if _one(nodes["output"][0].args[0]) is calls[-1] else None


def _kind(found: Any) -> str:
    """Name of the original's class."""
    kind = (found.type_name() or "").rpartition(".")[2]
    return kind if kind.isidentifier() else "Layer"


def _free(name: str, found: nn.Module) -> str:
    while hasattr(found, name):
        name = f"{name}_"
    return name


def _one(result: Any) -> Any:
    return result[0] if isinstance(result, tuple | list) and len(result) == 1 else result
