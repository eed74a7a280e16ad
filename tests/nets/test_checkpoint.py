import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from conceptstain.errors import InputError, ReadingError
from conceptstain.nets.checkpoint import FORMAT_VERSION, load_encoder, save_encoder
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.image_vae import ImageVAE, ImageVAESettings
from conceptstain.nets.picture_vae import PictureVAE, PictureVAESettings
from conceptstain.nets.profile_vae import LIKELIHOODS, ProfileVAE, ProfileVAESettings
from conceptstain.nets.weights_file import KEY
from factories import tiny_encoder
from pictures import write_picture

SHAPE = (1, 8, 16)


def encoder(network="average-pool", seed=0):
    sizes = {"average-pool": ((2, 3, 4), (5,)), "mlp": ((), (6, 5)), "paper": ((2, 3, 4), (5, 5))}
    widths, hidden = sizes[network]
    built = PictureVAESettings(network, 3, widths, hidden, unit_range=network == "paper")
    card = {"sections": [{"name": "Süd 1", "genes": 12}], "history": {"loss": [1.5, 1.25]}}
    return Encoder(f"my {network}", PictureVAE(SHAPE, built, seed=seed), SHAPE, "z-score", 3, card)


def rewritten(path, change):
    """The file with its metadata changed."""
    with safe_open(path, framework="pt") as file:
        told = json.loads(file.metadata()[KEY])
    change(told)
    save_file(load_file(path), path, metadata={KEY: json.dumps(told)})
    return path


@pytest.mark.parametrize("network", ["average-pool", "mlp", "paper"])
def test_what_is_loaded_equals_what_was_saved_bit_for_bit(tmp_path, network):
    saved = encoder(network)
    loaded = load_encoder(save_encoder(saved, tmp_path / "e.safetensors"))
    assert loaded.fingerprint == saved.fingerprint
    assert (loaded.name, loaded.shape, loaded.scaling, loaded.latent) == (saved.name, SHAPE, "z-score", 3)
    assert loaded.card == saved.card
    assert loaded.network.settings == saved.network.settings
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, *SHAPE)), dtype=torch.float32)
    assert torch.equal(loaded.encode(x).mean, saved.encode(x).mean)
    assert torch.equal(loaded.decode(saved.encode(x).mean), saved.decode(saved.encode(x).mean))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_an_encoder_of_profiles_comes_back_with_its_genes(tmp_path, likelihood):
    genes = ("Penk", "Th", "Ärm1", "Omp")
    network = ProfileVAE((4,), ProfileVAESettings(likelihood, 3, (6, 5)), seed=1)
    saved = Encoder("mine", network, (4,), "z-score", 3, {"sections": []}, genes)
    loaded = load_encoder(save_encoder(saved, tmp_path / "e.safetensors"))
    assert loaded.fingerprint == saved.fingerprint
    assert loaded.features == genes
    assert loaded.network.settings == network.settings
    z = torch.randn(2, 3)
    assert torch.equal(loaded.decode(z), saved.decode(z))


def test_files_say_the_first_format_that_knows_their_network(tmp_path):
    profiles = Encoder("p", ProfileVAE((4,), ProfileVAESettings(hidden=(5,))), (4,), "z-score", 16)
    formats = []
    for saved in (encoder(), profiles):
        rewritten(save_encoder(saved, tmp_path / "e.safetensors"), lambda told: formats.append(told["format"]))
    assert formats == [1, 2]


def test_a_file_from_before_there_were_profiles_is_read(tmp_path):
    saved = encoder()
    path = save_encoder(saved, tmp_path / "e.safetensors")
    rewritten(path, lambda told: (told.pop("kind"), told.pop("features")))
    assert load_encoder(path).fingerprint == saved.fingerprint


def test_double_precision_survives(tmp_path):
    saved = replace(encoder(), network=encoder().network.double())
    loaded = load_encoder(save_encoder(saved, tmp_path / "e.safetensors"))
    assert loaded.fingerprint == saved.fingerprint
    assert next(loaded.network.parameters()).dtype == torch.float64


def test_weights_that_half_precision_holds_are_stored_in_it_and_load_the_same(tmp_path):
    whole = encoder("mlp")
    halved = replace(whole, network=encoder("mlp").network.half().float())
    paths = [save_encoder(each, tmp_path / f"{i}.safetensors") for i, each in enumerate((whole, halved))]
    sizes = [sum(t.numel() * t.element_size() for t in load_file(path).values()) for path in paths]
    assert sizes[1] == sizes[0] / 2
    assert load_encoder(paths[1]).fingerprint == halved.fingerprint


def test_the_suffix_is_added(tmp_path):
    assert save_encoder(encoder(), tmp_path / "rep1.v2").name == "rep1.v2.safetensors"


def test_a_failed_save_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    path = save_encoder(encoder(), tmp_path / "e.safetensors")
    before = path.read_bytes()

    def full_disk(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr("conceptstain.nets.weights_file.save_file", full_disk)
    with pytest.raises(InputError, match="No space left"):
        save_encoder(encoder(seed=1), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="folder to write into does not exist"):
        save_encoder(encoder(), tmp_path / "no" / "e.safetensors")


def test_a_network_of_the_user_s_own_is_not_saved(tmp_path):
    with pytest.raises(InputError, match="TinyVAE"):
        save_encoder(tiny_encoder(SHAPE), tmp_path / "e.safetensors")


def test_an_exported_network_is_told_where_it_is_read(tmp_path):
    (tmp_path / "mine.pt2").write_bytes(b"PK\x03\x04")
    with pytest.raises(ReadingError, match=r"mine\.pt2 is an exported network.*own_encoder"):
        load_encoder(tmp_path / "mine.pt2")


@pytest.mark.parametrize("name", ["e.pt", "e.pth", "e.pkl", "e.safetensors", "nameless"])
def test_a_pickle_is_refused_whatever_it_is_called(tmp_path, name):
    torch.save({"weights": torch.zeros(2)}, tmp_path / name)
    with pytest.raises(ReadingError, match="pickle"):
        load_encoder(tmp_path / name)


def test_a_file_of_something_else_is_not_called_damaged_weights(tmp_path):
    write_picture(tmp_path / "picture.png", np.zeros((8, 8), np.uint8))
    with pytest.raises(ReadingError, match=r"no weights that can be read\. Got a \.png file"):
        load_encoder(tmp_path / "picture.png")


@pytest.mark.parametrize("kept", [0, 5, 40, 0.5, -1])
def test_a_file_cut_short_is_refused(tmp_path, kept):
    path = save_encoder(encoder(), tmp_path / "e.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(ReadingError, match=r"e\.safetensors"):
        load_encoder(path)


def test_changed_weights_are_found_out(tmp_path):
    path = save_encoder(encoder(), tmp_path / "e.safetensors")
    damaged = bytearray(path.read_bytes())
    damaged[-3] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(ReadingError, match="fingerprint"):
        load_encoder(path)


def test_a_newer_format_asks_for_an_update(tmp_path):
    path = save_encoder(encoder(), tmp_path / "e.safetensors")
    rewritten(path, lambda told: told.update(format=FORMAT_VERSION + 1))
    with pytest.raises(ReadingError, match="Update napari-conceptstain"):
        load_encoder(path)


def test_safetensors_of_others_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ReadingError, match="not saved by conceptstain"):
        load_encoder(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("fingerprint"),
        lambda told: told.pop("network"),
        lambda told: told["network"].update(latent=7),
        lambda told: told["network"].update(unknown=1),
        lambda told: told["network"].update(hidden=[10**6, 10**6]),  # terabytes, had they been asked for
        lambda told: told["network"].update(network="other"),
        lambda told: told.update(shape=[1, 9, 9]),
        lambda told: told.update(shape=[1, 80_000, 80_000]),
        lambda told: told.update(shape="wide"),
        lambda told: told.update(precision="nonsense"),
        lambda told: told.update(kind="profiles"),
        lambda told: told.update(kind="other"),
        lambda told: told.update(features=["a", "b"]),
    ],
)
def test_a_description_that_does_not_fit_the_weights_is_refused(tmp_path, change):
    path = rewritten(save_encoder(encoder(), tmp_path / "e.safetensors"), change)
    with pytest.raises(ReadingError, match="does not describe an encoder"):
        load_encoder(path)


@pytest.mark.parametrize("bomb", ["[" * 200_000, "9" * 5_000, "{"])
def test_metadata_made_to_break_the_reader_are_refused(tmp_path, bomb):
    path = tmp_path / "bomb.safetensors"
    save_file({"weight": torch.zeros(1)}, path, metadata={KEY: bomb})
    with pytest.raises(ReadingError, match=r"bomb\.safetensors"):
        load_encoder(path)


def test_a_file_asks_for_no_newer_format_than_its_network_needs(tmp_path):
    formats = {}
    for network, widths in (("average-pool", (2, 3)), ("factor-vae", (2, 3))):
        vae = ImageVAE((1, 8, 8), ImageVAESettings(network, 3, widths, (5,)))
        saved = Encoder("mine", vae, (1, 8, 8), "unit", 3)
        path = save_encoder(saved, tmp_path / f"{network}.safetensors")
        assert load_encoder(path).fingerprint == saved.fingerprint
        with safe_open(path, framework="pt") as file:
            formats[network] = json.loads(file.metadata()[KEY])["format"]
    assert formats == {"average-pool": 3, "factor-vae": FORMAT_VERSION}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReadingError, match=r"gone\.safetensors"):
        load_encoder(tmp_path / "gone.safetensors")


def test_loading_leaves_the_global_random_state_alone(tmp_path):
    path = save_encoder(encoder(), tmp_path / "e.safetensors")
    before = torch.random.get_rng_state()
    load_encoder(path)
    assert torch.equal(torch.random.get_rng_state(), before)
