"""The graph of an exported network, from the parts that are needed and in words that are harmless.

torch reads a graph by looking operators up by their names, evaluating expressions of sizes, importing types of
containers, and writing Python code with the names of nodes and layers. So every word is checked, and what is not
needed (guards, stack traces, where a node came from) is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from conceptstain.errors import ReadingError
from conceptstain.nets.exported_operators import is_known_operator

__all__ = ["check_words", "harmless_graph", "input_shape_of", "refuse"]

AGAIN = "Export it again plainly: torch.export.save(torch.export.export(network.eval(), (example,)), path)"

NAME = re.compile(r"(?!__)[A-Za-z_]\w*", re.ASCII)
WORD = re.compile(r"[\w.+ -]*", re.ASCII)
MODULES = re.compile(r"[\w.,;@<>\[\]()' -]*", re.ASCII)
# Sizes are evaluated as Python: symbols, numbers, and what makes others of them.
SIZE = re.compile(
    r"(?:[su]\d{1,9}|Symbol\('[su]\d{1,9}'(?:, [a-z]{1,20}=(?:True|False))*\)|Integer\(-?\d{1,18}\)"
    r"|(?:Add|Mul|Max|Min|FloorDiv|CleanDiv)\(|, |\)){1,50}",
    re.ASCII,
)
ALLOWED = {"name": NAME, "as_name": NAME, "forward_arg_names": NAME, "expr_str": SIZE, "nn_module_stack": MODULES}
OBJECTS = {"as_graph", "as_custom_obj", "as_operator", "as_opaque_obj", "custom_obj", "token"}


def refuse(file: str, what: str, got: str, cure: str = AGAIN) -> NoReturn:
    """Refuse a file, in three parts.

    Raises
    ------
    ReadingError
        Always.
    """
    raise ReadingError(f"{file} {what}", got=got, cure=cure)


def harmless_graph(told: Mapping[str, Any], file: str) -> dict[str, Any]:
    """The description of a network, for torch to read.

    Parameters
    ----------
    told
        What the archive says, as parsed.
    file
        Name for the message.

    Raises
    ------
    ReadingError
        An operator, object or word that is not known to be harmless; more than one input; a network that was exported
        while training or for another device than the CPU. Where something is missing, whatever Python says.
    """
    module = told["graph_module"]
    graph, signature = module["graph"], module["signature"]
    if graph.get("custom_obj_values"):
        refuse(file, "holds a custom object, which can run any code", ", ".join(graph["custom_obj_values"]))
    _check_signature(signature, file)
    root = next(entry for entry in module["module_call_graph"] if not entry["fqn"])
    calls = [
        {"fqn": entry["fqn"], "signature": _signature_of_call(entry["signature"], file) if entry is root else None}
        for entry in module["module_call_graph"]
    ]
    program = {
        "graph_module": {
            "graph": {
                **{part: graph[part] for part in ("inputs", "outputs", "tensor_values", "is_single_tensor_return")},
                **{part: graph.get(part, {}) for part in ("sym_int_values", "sym_bool_values", "sym_float_values")},
                "nodes": [_node(node, file) for node in graph["nodes"]],
                "custom_obj_values": {},
            },
            "signature": signature,
            "module_call_graph": calls,
            "metadata": {},
            "treespec_namedtuple_fields": {},
        },
        "opset_version": told["opset_version"],
        "range_constraints": told["range_constraints"],
        "schema_version": told["schema_version"],
        "verifiers": told["verifiers"],
        "torch_version": told["torch_version"],
        "guards_code": [],
    }
    check_words(program, file)
    return program


def _check_signature(signature: Mapping[str, Any], file: str) -> None:
    kinds = [next(iter(spec)) for spec in signature["input_specs"]]
    if kinds.count("user_input") != 1:
        refuse(
            file,
            "does not take one input",
            f"{kinds.count('user_input')} inputs",
            "Export a module whose forward takes the pictures alone",
        )
    if any(next(iter(spec)) != "user_output" for spec in signature["output_specs"]):
        refuse(file, "was exported while training", "a network that changes its own numbers")


def _signature_of_call(told: Mapping[str, Any], file: str) -> dict[str, Any]:
    specs = {part: json.dumps([1, _container(json.loads(told[part])[1], file)]) for part in ("in_spec", "out_spec")}
    return {"inputs": [], "outputs": [], **specs, "forward_arg_names": told.get("forward_arg_names")}


def _container(told: Mapping[str, Any], file: str) -> dict[str, Any]:
    """How values are nested; whatever is no dict becomes a tuple, as the types of others would have to be imported."""
    children = [_container(child, file) for child in told["children_spec"]]
    kind, context = told["type"], told["context"]
    if kind is None:
        return {"type": None, "context": None, "children_spec": []}
    if kind != "builtins.dict":
        return {"type": "builtins.tuple", "context": "null", "children_spec": children}
    keys = json.loads(context)
    check_words(dict.fromkeys(keys), file)
    return {"type": kind, "context": json.dumps(keys), "children_spec": children}


def _node(node: Mapping[str, Any], file: str) -> dict[str, Any]:
    target = node["target"]
    if not is_known_operator(target):
        refuse(
            file,
            "uses an operator that is not known to be harmless",
            str(target)[:100],
            "Give the network to Python as a module, where you trust it; or export one without this operator",
        )
    training = any(part["name"] in {"training", "train"} and part["arg"].get("as_bool") for part in node["inputs"])
    if training:
        refuse(file, "was exported while training", f"{target} in training", AGAIN)
    modules = (node.get("metadata") or {}).get("nn_module_stack", "")
    if not MODULES.fullmatch(modules):
        refuse(file, "holds a name of a layer that is none", repr(modules[:100]))
    return {
        "target": target,
        "inputs": node["inputs"],
        "outputs": node["outputs"],
        "metadata": {"nn_module_stack": modules} if modules else {},
        "is_hop_single_tensor_return": None,
        **({"name": node["name"]} if node.get("name") is not None else {}),
    }


def check_words(told: Any, file: str) -> None:
    """Refuse words that torch would look up, evaluate or write into code of its own.

    Raises
    ------
    ReadingError
        There is one; or an object, or another device than the CPU.
    """
    for key, value in _parts(told):
        if key in OBJECTS and value not in (None, [], {}):
            refuse(file, "holds an object instead of numbers", str(key))
        allowed = ALLOWED.get(key, WORD)
        fits = {"in_spec", "out_spec"}  # written by ourselves
        if isinstance(value, str) and key not in fits and not allowed.fullmatch(value) and value:
            refuse(file, "holds a word that is no name or size", repr(value[:100]))
        if not WORD.fullmatch(key):
            refuse(file, "holds a word that is no name or size", repr(key[:100]))
        if key in {"device", "as_device"} and isinstance(value, dict) and value.get("type") != "cpu":
            refuse(
                file,
                "was exported for another device",
                str(value.get("type")),
                "Bring network and example to the CPU, and export again",
            )


def _parts(told: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its key, at any depth."""
    yield key, told
    if isinstance(told, dict):
        for name, value in told.items():
            yield from _parts(value, str(name))
    elif isinstance(told, list):
        for value in told:
            yield from _parts(value, key)


def input_shape_of(program: Mapping[str, Any], file: str) -> tuple[int | None, ...]:
    """Shape of the input with its batch; None for a size that may vary."""
    module = program["graph_module"]
    (spec,) = (each["user_input"] for each in module["signature"]["input_specs"] if "user_input" in each)
    if "as_tensor" not in spec["arg"]:
        refuse(file, "does not take a picture", "a number as its input")
    sizes = module["graph"]["tensor_values"][spec["arg"]["as_tensor"]["name"]]["sizes"]
    return tuple(size.get("as_int") for size in sizes)
