"""Nothing in a .pt2 file is run: pickles, compiled code and words that torch evaluates never reach torch."""

from __future__ import annotations

import io
import logging
import zipfile

import pytest
import torch

from archives import CONSTANTS, GRAPH, WEIGHTS, Payload, parts_of, pickled, with_json, written
from conceptstain.errors import ReadingError
from conceptstain.nets.exported_archive import plain_archive
from conceptstain.nets.exported_network import exported_network
from own_networks import MeanAndVariance, Plain, exported, with_weights


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


def test_a_payload_does_run_where_torch_opens_the_archive_itself(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger("torch._export.serde.serialize"), "disabled", True)  # it warns, and goes on
    trace = tmp_path / "it-ran"
    path = written(parts | {"data/sample_inputs/model.pt": pickled(trace, by_torch=True)}, tmp_path / "crafted.pt2")
    torch.export.load(path)
    assert trace.exists()


@pytest.mark.parametrize("by_torch", [False, True])
def test_sample_inputs_are_never_opened(parts, tmp_path, trace, by_torch):
    crafted = parts | {"data/sample_inputs/model.pt": pickled(trace, by_torch=by_torch)}
    network, _ = exported_network(written(crafted, tmp_path / "crafted.pt2"))
    assert len(network(torch.zeros(1, 3, 16, 16))) == 2


@pytest.mark.parametrize("by_torch", [False, True])
def test_a_pickle_among_weights_is_refused(parts, tmp_path, trace, by_torch):
    def change(told):
        next(iter(told["config"].values()))["use_pickle"] = True

    crafted = with_json(parts, WEIGHTS, change) | {"data/weights/weight_0": pickled(trace, by_torch=by_torch)}
    with pytest.raises(ReadingError, match=r"holds a pickle.*use_pickle.*Export it again plainly"):
        exported_network(written(crafted, tmp_path / "crafted.pt2"))


@pytest.mark.parametrize("place", ["tensor_0", "custom_obj_0", "opaque_obj_0"])
def test_a_pickle_among_constants_is_refused(parts, tmp_path, trace, place):
    def change(told):
        told["config"]["c"] = {"path_name": place, "is_param": False, "use_pickle": True, "tensor_meta": None}

    crafted = with_json(parts, CONSTANTS, change) | {f"data/constants/{place}": pickled(trace, by_torch=False)}
    with pytest.raises(ReadingError, match=r"holds a pickle"):
        exported_network(written(crafted, tmp_path / "crafted.pt2"))


@pytest.mark.parametrize("name", ["data/weights/model.pt", "data/constants/model.pt"])
def test_pickled_weights_of_an_older_torch_are_refused(parts, tmp_path, trace, name):
    with pytest.raises(ReadingError, match="holds a pickle"):
        exported_network(written(parts | {name: pickled(trace, by_torch=True)}, tmp_path / "crafted.pt2"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("data/aotinductor/model/model.so", "compiled code"),
        ("serialized_exported_program.json", "older torch"),
        ("data.pkl", "is a pickle"),
        ("code/__torch__.py", "TorchScript"),
    ],
)
def test_what_is_no_plain_export_is_refused_by_its_name(parts, tmp_path, name, told):
    with pytest.raises(ReadingError, match=told):
        exported_network(written(parts | {name: b"\x7fELF"}, tmp_path / "crafted.pt2"))


def test_files_of_torch_save_and_torch_script_are_told_apart_whatever_they_are_called(tmp_path, trace):
    torch.save({"payload": Payload(trace)}, tmp_path / "pickle.pt2")
    with pytest.raises(ReadingError, match=r"is a pickle"):
        exported_network(tmp_path / "pickle.pt2")
    # scripting warns that it is deprecated, so an archive of its layout is written by hand
    path = written({"code/__torch__.py": b"", "data.pkl": b"", "constants.pkl": b""}, tmp_path / "script.pt2")
    with pytest.raises(ReadingError, match=r"is TorchScript.*torch\.export"):
        exported_network(path)


def test_parts_beside_the_network_are_left_out_of_what_torch_is_given(parts, tmp_path, trace):
    beside = {"extra/notes.txt": b"mine", "data/executorch/a.pte": pickled(trace, by_torch=False)}
    archive = plain_archive(written(parts | beside, tmp_path / "crafted.pt2"))
    with zipfile.ZipFile(io.BytesIO(archive.content)) as plain:
        names = {name.partition("/")[2] for name in plain.namelist()}
        assert plain.read("network/data/sample_inputs/model.pt") == b""
    assert not any(name.startswith(("extra", "data/executorch")) for name in names)


def test_a_packed_archive_is_refused_as_torch_never_packs(parts, tmp_path):
    bomb = parts | {"data/weights/weight_0": bytes(10**6)}
    with pytest.raises(ReadingError, match="is compressed"):
        exported_network(written(bomb, tmp_path / "bomb.pt2", zipfile.ZIP_DEFLATED))


def test_weights_that_claim_more_numbers_than_the_file_holds_are_refused(parts, tmp_path):
    def change(told):
        meta = next(iter(told["config"].values()))["tensor_meta"]
        meta["sizes"], meta["strides"] = [{"as_int": 10**6}] * 2, [{"as_int": 0}] * 2

    with pytest.raises(ReadingError, match="claims more numbers"):
        exported_network(written(with_json(parts, WEIGHTS, change), tmp_path / "crafted.pt2"))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_told_in_our_words(tmp_path, keep):
    path = exported(with_weights(Plain()), tmp_path / "cut.pt2")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(ReadingError, match=r"cut\.pt2"):
        exported_network(path)


@pytest.mark.parametrize("part", ["archive_version", WEIGHTS, CONSTANTS, GRAPH, "data/weights/weight_0"])
def test_a_missing_part_is_told_in_our_words(parts, tmp_path, part):
    with pytest.raises(ReadingError, match=r"crafted\.pt2"):
        exported_network(written({k: v for k, v in parts.items() if k != part}, tmp_path / "crafted.pt2"))


@pytest.mark.parametrize("part", [WEIGHTS, CONSTANTS, GRAPH])
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'"x"', b"[" * 10**5, b"\xff\xfe"])
def test_damaged_descriptions_are_told_in_our_words(parts, tmp_path, part, content):
    with pytest.raises(ReadingError, match=r"crafted\.pt2"):
        exported_network(written(parts | {part: content}, tmp_path / "crafted.pt2"))
