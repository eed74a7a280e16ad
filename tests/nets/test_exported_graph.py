"""Words that torch would look up, evaluate or write into code are refused or dropped; the rest is kept."""

from __future__ import annotations

import contextlib
import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from archives import GRAPH, WEIGHTS, parts_of, with_json, written
from conceptstain.errors import ConceptStainError, ReadingError
from conceptstain.nets.exported_network import exported_network
from conceptstain.nets.own_networks import own_encoder
from own_networks import MeanAndVariance, exported, with_weights


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The parts of a harmless archive."""
    path = exported(with_weights(MeanAndVariance()), tmp_path_factory.mktemp("parts") / "harmless.pt2")
    return parts_of(path)


@pytest.fixture
def trace(tmp_path):
    """The file that appears where a payload runs; the test fails where it does."""
    trace = tmp_path / "it-ran"
    yield trace
    assert not trace.exists()


def nodes(told):
    return told["graph_module"]["graph"]["nodes"]


def evaluated(told, trace):
    """A size that is Python."""
    code = f"__import__('pathlib').Path('{trace}').touch()"
    sizes = told["graph_module"]["graph"]["tensor_values"]["x"]["sizes"]
    sizes[0] = {"as_expr": {"expr_str": code, "hint": None}}


def looked_up(told, trace):
    """An operator that is a function of another module."""
    nodes(told)[0]["target"] = "torch.os.system"


def guarded(told, trace):
    """A guard that is Python. It is dropped."""
    told["guards_code"] = [f"open('{trace}', 'w')"]


def imported(told, trace):
    """A container whose type has to be imported. It becomes a tuple."""
    root = told["graph_module"]["module_call_graph"][0]["signature"]
    kind, module = "collections.defaultdict", {"default_factory_module": "antigravity", "default_factory_name": "fly"}
    leaf = {"type": None, "context": None, "children_spec": []}
    context = json.dumps({**module, "dict_context": []})
    root["out_spec"] = json.dumps([1, {"type": kind, "context": context, "children_spec": [leaf, leaf]}])


def named(told, trace):
    """A name of a node that is code."""
    nodes(told)[0]["name"] = f"x = open('{trace}', 'w')"


def layered(told, trace):
    """A name of a layer that is code."""
    nodes(told)[0]["metadata"]["nn_module_stack"] = f'L,,N;L_a,a"); open("{trace}", "w,torch.nn.ReLU'


def from_elsewhere(told, trace):
    """A description of where a node came from, whose words are looked up. It is dropped."""
    nodes(told)[0]["metadata"]["source_fn_stack"] = "conv,torch.os.system"


def test_a_size_does_run_where_torch_reads_the_graph_itself(parts, tmp_path):
    trace = tmp_path / "it-ran"
    crafted = with_json(parts, GRAPH, lambda told: evaluated(told, trace))
    with pytest.raises(AttributeError):
        torch.export.load(written(crafted, tmp_path / "crafted.pt2"))
    assert trace.exists()


@pytest.mark.parametrize("change", [evaluated, looked_up, named, layered])
def test_words_that_torch_would_evaluate_or_look_up_are_refused(parts, tmp_path, trace, change):
    crafted = with_json(parts, GRAPH, lambda told: change(told, trace))
    with pytest.raises(ReadingError, match=r"operator|no name or size|layer that is none"):
        exported_network(written(crafted, tmp_path / "crafted.pt2"))


@pytest.mark.parametrize("change", [guarded, imported, from_elsewhere])
def test_words_that_are_not_needed_are_dropped(parts, tmp_path, trace, change):
    crafted = with_json(parts, GRAPH, lambda told: change(told, trace))
    network, _ = exported_network(written(crafted, tmp_path / "crafted.pt2"))
    assert len(network(torch.zeros(1, 3, 16, 16))) == 2


def test_weights_on_another_device_are_refused_with_the_cure(parts, tmp_path):
    def change(told):
        next(iter(told["config"].values()))["tensor_meta"]["device"] = {"type": "cuda", "index": 0}

    with pytest.raises(ReadingError, match=r"another device.*cuda.*CPU"):
        exported_network(written(with_json(parts, WEIGHTS, change), tmp_path / "crafted.pt2"))


def test_a_network_exported_while_training_is_refused_with_the_cure(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(), nn.BatchNorm2d(4), nn.Flatten())
    with pytest.raises(ReadingError, match=r"while training.*network\.eval\(\)"):
        exported_network(exported(network.train(), tmp_path / "training.pt2"))


def places(told, path=()):
    """Where every value is, at any depth."""
    inside = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in inside:
        yield (*path, key)
        yield from places(value, (*path, key))


OTHERS = [-1, 0, 7, 2**40, 1.5, True, None, "x", "relu", [], {}, [1, 2], {"as_int": 3}]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.sampled_from([GRAPH, WEIGHTS]), place=st.integers(0, 10**6), other=st.sampled_from(OTHERS))
def test_whatever_else_a_description_says_it_ends_in_a_network_or_in_an_error_of_ours(
    parts, tmp_path, part, place, other
):
    def change(told):
        known = list(places(told))
        *path, last = known[place % len(known)]
        for key in path:
            told = told[key]
        told[last] = other

    path = written(with_json(parts, part, change), tmp_path / "crafted.pt2")
    with contextlib.suppress(ConceptStainError):
        assert own_encoder(path).latent > 0
