"""Recipe files: what they say is bounded, and names nothing outside the folders they are given."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conceptstain.errors import InputError, ReadingError
from conceptstain.recipe import Recipe
from conceptstain.recipe.files import MOST_BYTES, inside, recipe_text, recipe_told
from strategies import laws
from studies import full_study, opened_section


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def recipe(data):
    study = full_study(opened_section(data))
    study.controls("layer", "decoded")
    return Recipe.of(study)


@pytest.fixture(scope="module")
def text(recipe):
    return recipe_text(recipe)


def test_what_is_read_is_what_was_written(recipe, text, tmp_path):
    assert recipe_told(text) == recipe
    (path,) = recipe.write(tmp_path / "recipe.yaml")
    assert Recipe.read(path) == recipe
    assert yaml.safe_load(text)["recipe"] == 1
    with pytest.raises(InputError, match="exists already"):
        recipe.write(path)
    with pytest.raises(InputError, match="written as YAML"):
        recipe.write(tmp_path / "recipe.json")


def test_it_names_no_folder(text, data):
    assert str(data) not in text
    assert "/" not in text.replace("list / µ", "")


DANGERS = {
    "code": "!!python/object/apply:os.system ['touch pwned']",
    "a name of Python": "!!python/name:os.system",
    "an alias bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
    "too deep": "[" * 500 + "]" * 500,
    "a repeated key": "recipe: 1\nrecipe: 2",
    "no YAML": "{[",
    "control characters": "recipe: \x00",
}


@pytest.mark.parametrize("danger", DANGERS)
def test_code_bombs_and_garbage_are_one_clear_error(tmp_path, danger, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "recipe.yaml"
    path.write_text(DANGERS[danger], encoding="utf-8")
    with pytest.raises(ReadingError, match=r"recipe\.yaml is not the YAML of a recipe"):
        Recipe.read(path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("content", ["", "[]", "text", "section: 1", "7", "recipe: one", "recipe: 0", "recipe: true"])
def test_other_yaml_is_no_recipe(content):
    with pytest.raises(ReadingError, match="no recipe"):
        recipe_told(content)


def test_a_newer_version_is_refused_with_the_way_out(text):
    with pytest.raises(ReadingError, match=r"newer version.*recipe 3 for 2.*Update"):
        recipe_told(text.replace("recipe: 1", "recipe: 3", 1))
    with pytest.raises(ReadingError, match="version 1 are of sections"):
        recipe_told(text.replace("recipe: 1", "recipe: 2", 1))


def test_a_huge_or_unreadable_file_is_refused_unread(tmp_path):
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReadingError, match="too large"):
        Recipe.read(tmp_path / "huge.yaml")
    with pytest.raises(ReadingError, match="cannot be read as text"):
        Recipe.read(tmp_path / "bytes.yaml")
    with pytest.raises(ReadingError, match="There is no file"):
        Recipe.read(tmp_path)


parsed = cache(yaml.safe_load)  # which is slow


def changed(text, *path, to):
    told = copy.deepcopy(parsed(text))
    place = told
    for word in path[:-1]:
        place = place[word]
    place[path[-1]] = to
    return yaml.safe_dump(told, allow_unicode=True)


NAMES = ["../tiny.h5ad", "/etc/passwd", "..", ".", "", "a/../../b", "a\0b", "a" * 300, 7]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_elsewhere_cannot_be_named(text, name):
    with pytest.raises(ReadingError, match=r"section\.source\.file\.name"):
        recipe_told(changed(text, "section", "source", "file", "name", to=name))
    image = {"name": name, "sha256": "0" * 64}
    with pytest.raises(ReadingError, match=r"section\.source\.image\.name"):
        recipe_told(changed(text, "section", "source", "image", to=image))


@pytest.mark.parametrize("name", ["maps.exe", "maps", ".svg", "-x.svg", "a/b.svg", "..\\x.svg", "study.h5ad"])
def test_a_figure_is_a_picture_in_the_folder(text, name):
    with pytest.raises(ReadingError, match=r"figures\.0\.file"):
        recipe_told(changed(text, "figures", 0, "file", to=name))


CHANGES = [
    (("surprise",), 1, "surprise"),
    (("encoder", "bundled"), "../../secret", "encoder.bundled"),
    (("encoder", "fingerprint"), "../../secret", "encoder.fingerprint"),
    (("threads",), 10**9, "threads"),
    (("pictures", "frame"), [10**6, 10**6], "pictures.frame"),
    (("evidence", 0, "n_null"), 10**12, "evidence.0.n_null"),
    (("evidence", 0, "seed"), -1, "evidence.0.seed"),
    (("controls", 0, "draws"), 10**9, "controls.0.draws"),
    (("maps", 0, "map"), "eval", "maps.0"),
    (("maps", 0, "code"), "1", "maps.0.decoded.code"),
    (("maps", 0, "colour_limits"), [float("nan"), 1.0], "maps.0.decoded.colour_limits"),
    (("concepts", 0, "colour"), "red", "concepts.0.colour"),
    (("tables", "definitions", "like", "like"), ["Gene3"], "tables.definitions.like.like"),
]


@pytest.mark.parametrize(("path", "to", "where"), CHANGES, ids=[where for *_, where in CHANGES])
def test_what_is_out_of_bounds_is_told_with_its_place(text, path, to, where):
    with pytest.raises(ReadingError) as raised:
        recipe_told(changed(text, *path, to=to))
    assert where in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_a_network_that_would_fill_the_memory_is_refused(text):
    fit = {
        "network": {"kind": "profiles", "likelihood": "gaussian", "latent": 10**9, "hidden": [10**9]},
        "training": {"epochs": 1, "batch_size": 2, "learning_rate": 0.1, "schedule": "cosine", "beta": 1.0, "jitter": 0,
                     "validation_fraction": 0.0, "seed": 0},
        "device": "cpu",
    }  # fmt: skip
    with pytest.raises(ReadingError, match="latent"):
        recipe_told(changed(text, "encoder", "fit", to=fit))


def test_a_concept_that_is_not_defined_is_told(text, data):
    for path in (("maps", 0, "concept"), ("concepts", 0, "definition"), ("tables", "definitions", "layer", "region")):
        told = recipe_told(changed(text, *path, to="nobody"))
        told = told.model_copy(update={"encoder": None, "spot_encoders": (), "evidence": (), "controls": ()})
        with pytest.raises(InputError, match=r"(does not define|names no encoder)"):
            told.run(data)


def test_a_link_that_leads_out_is_refused(tmp_path):
    folder, secret = tmp_path / "data", tmp_path / "secret.h5ad"
    folder.mkdir()
    secret.write_text("secret")
    (folder / "tiny.h5ad").symlink_to(secret)
    (folder / "tiny.zarr").mkdir()
    (folder / "tiny.zarr" / "X").symlink_to(secret)
    (folder / "own.h5ad").write_text("own")
    (folder / "link.h5ad").symlink_to(folder / "own.h5ad")
    for name in ("tiny.h5ad", "tiny.zarr", "../secret.h5ad", str(secret), "data/../own.h5ad"):
        with pytest.raises(InputError, match="reads only from the folders it is given"):
            inside(folder, name)
    assert inside(folder, "link.h5ad") == folder / "link.h5ad"
    assert inside(folder, "nowhere.h5ad") is None


@laws
@given(name=st.text(min_size=1, max_size=30))
def test_no_name_leads_out_of_a_folder(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    try:
        found = inside(folder, name)
    except (InputError, ValueError, OSError):
        return
    assert found is None or found.resolve().parent == folder.resolve()


def test_reading_does_not_change_what_was_read(text):
    told = yaml.safe_load(text)
    before = copy.deepcopy(told)
    Recipe.model_validate(told)
    assert told == before


def places(told, path=()):
    yield path
    children = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


GARBAGE = [None, True, -1, 10**30, 0.5, float("inf"), "", "../x", [], [[1]], {}, {"a": 1}]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.randoms(use_true_random=False), value=st.sampled_from(GARBAGE))
def test_garbage_anywhere_is_one_line_or_means_something(text, choice, value):
    path = choice.choice([path for path in places(parsed(text)) if path])
    try:
        told = recipe_told(changed(text, *path, to=value))
    except ReadingError as error:
        told = str(error)
    assert isinstance(told, Recipe) or len(told.splitlines()) == 1


def whole_numbers(schema, where=""):
    """Every place of a JSON schema that takes a whole number, with what is asked of it."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer" and not {"const", "enum"} & set(schema):
            yield where, schema
        for word, inside in schema.items():
            yield from whole_numbers(inside, f"{where}.{word}")
    elif isinstance(schema, list):
        for each in schema:
            yield from whole_numbers(each, where)


def test_every_whole_number_of_a_recipe_is_bounded():
    found = dict(whole_numbers(Recipe.model_json_schema()))
    assert len(found) > 10
    assert [where for where, asked in found.items() if not {"minimum", "maximum"} <= set(asked)] == []
