from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from classes import fitted_to_squares
from conceptstain.errors import InputError, ReadingError
from conceptstain.nets.checkpoint import is_savable, load_encoder, save_encoder
from conceptstain.nets.classifier_checkpoint import load_classifier, save_classifier
from conceptstain.nets.own_classifier import own_classifier
from conceptstain.nets.weights_file import KEY
from factories import tiny_profile_encoders
from own_networks import SHAPE, Plain


def rewritten(path: Path, **changes: object) -> Path:
    """The file with other words about itself."""
    with safe_open(path, framework="pt") as file:
        told = json.loads(file.metadata()[KEY])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    save_file(tensors, path, metadata={KEY: json.dumps({**told, **changes})})
    return path


def test_a_classifier_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    classifier, canvas, _ = fitted_to_squares(2)
    path = save_classifier(classifier, tmp_path / "squares")
    again = load_classifier(path)
    assert path.name == "squares.safetensors"
    assert (again.name, again.classes, again.places, again.parts) == (
        classifier.name,
        classifier.classes,
        classifier.places,
        classifier.parts,
    )
    assert again.card == classifier.card
    assert again.fingerprint == classifier.fingerprint
    assert again.encoder.fingerprint == classifier.encoder.fingerprint
    np.testing.assert_array_equal(again.scores(canvas), classifier.scores(canvas))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"classes": ["one", "other"]}, "not those it was saved with"),
        ({"classes": ["one"]}, "does not describe"),
        ({"network": {"widths": [4, 7], "halvings": 1}}, "does not describe"),
        ({"network": {"widths": [10**9, 10**9], "halvings": 1}}, "does not describe"),
        ({"network": {"no such": 1}}, "does not describe"),
        ({"shape": [1, 16]}, "does not describe"),
        ({"features": ["a"]}, "does not describe"),
        ({"format": 99}, "newer format"),
        ({"kind": "images"}, "holds no classifier"),
    ],
)
def test_a_file_that_lies_is_refused(tmp_path: Path, changes: dict[str, object], what: str) -> None:
    path = save_classifier(fitted_to_squares(1)[0], tmp_path / "squares")
    with pytest.raises(ReadingError, match=what):
        load_classifier(rewritten(path, **changes))


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = save_classifier(fitted_to_squares(1)[0], tmp_path / "squares")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    save_file({**tensors, "bias": tensors["bias"] + 1}, path, metadata=metadata)
    with pytest.raises(ReadingError, match="not those it was saved with"):
        load_classifier(path)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "squares.pt"
    path.write_bytes(pickle.dumps(torch.zeros(1)))
    with pytest.raises(ReadingError, match="pickle"):
        load_classifier(path)


def test_encoders_and_classifiers_are_told_apart(tmp_path: Path) -> None:
    (encoder,) = tiny_profile_encoders(("a", "b"), 1)
    with pytest.raises(ReadingError, match="load_encoder"):
        load_classifier(save_encoder(encoder, tmp_path / "encoder"))
    with pytest.raises(ReadingError, match="load_classifier"):
        load_encoder(save_classifier(fitted_to_squares(1)[0], tmp_path / "classifier"))


def test_its_encoder_is_saved_alone_too_as_studies_do(tmp_path: Path) -> None:
    classifier, canvas, _ = fitted_to_squares(1)
    assert is_savable(classifier.encoder)
    again = load_encoder(save_encoder(classifier.encoder, tmp_path / "encoder"))
    assert again.fingerprint == classifier.encoder.fingerprint
    np.testing.assert_array_equal(again.latents(canvas), classifier.encoder.latents(canvas))


def test_a_network_of_the_user_is_not_saved(tmp_path: Path) -> None:
    own = own_classifier(Plain(), classes="abcd", shape=SHAPE)
    with pytest.raises(InputError, match="Only classifiers of this package"):
        save_classifier(own, tmp_path / "own")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        save_classifier(fitted_to_squares(1)[0], tmp_path / "nowhere" / "squares")
