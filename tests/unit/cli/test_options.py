"""Settings listed: each of every recipe is there, with a sentence; the page and the schema are of today."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from recurra.data.readers import READERS
from recurra.data.source import BUILTIN
from recurra.recipes import recipe_names, recipe_text
from recurra.runs.changes import flat
from recurra.runs.keys import key_paths
from recurra.tasks.base import TASKS
from recurra.train.optimise import OPTIMISERS, SCHEDULES
from recurra.train.options import TrainOptions
from recurra.train.recipe import read_recipe
from recurra.train.reference import reference
from recurra.train.schema import schema
from recurra.train.settings import (
    argument_settings,
    groups_of,
    kinds_of,
    plain_cells,
    source_group,
    task_groups,
)

from .command_line import Command, told

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("data.train", "data.validation", "data.test", "data.common")


@pytest.fixture(autouse=True)
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what other tests have registered in this process."""
    own = {name: task for name, task in TASKS._classes.items() if task.__module__.startswith("recurra.")}
    monkeypatch.setattr(TASKS, "_classes", own)


def keys_of(name: str) -> set[str]:
    return {row.key.replace("[]", "") for group in task_groups(TASKS[name]) for row in group.settings}


@pytest.mark.parametrize("name", TASKS)
def test_every_key_of_the_classes_is_listed_with_a_sentence(name: str) -> None:
    task = TASKS[name]
    sections: list[tuple[str, Any]] = [("train", TrainOptions)]
    for kind in kinds_of(task).values():
        sections += [("data", kind.DataOptions), ("model", kind.ModelOptions)]
    expected = {f"{section}.{path}" for section, options in sections for path in key_paths(options)}
    listed = keys_of(name)
    # arguments of torch's classes are torch's own
    assert expected - listed <= {
        f"train.{kind}.{key}" for kind in ("optimiser", "schedule") for key in usual(kind)
    }
    assert listed <= expected
    for group in task_groups(task):
        assert group.about
        for row in group.settings:
            assert len(row.sentence) > 3, row
            assert row.values, row
            assert not row.sentence.startswith("see there"), row


def usual(kind: str) -> tuple[str, ...]:
    from recurra.train.options import Optimiser, Schedule

    return (Optimiser if kind == "optimiser" else Schedule).usual


@pytest.mark.parametrize("owner", [*READERS, *BUILTIN])
def test_every_option_of_a_source_has_a_sentence(owner: str) -> None:
    function = {**READERS, **BUILTIN}[owner]
    for row in [*argument_settings(function), *source_group().settings]:
        assert row.sentence, (owner, row)


@pytest.mark.parametrize("name", plain_cells())
def test_every_argument_of_a_cell_has_a_sentence(name: str) -> None:
    for row in argument_settings(plain_cells()[name], 2):
        assert row.sentence, row


@pytest.mark.parametrize("name", recipe_names())
def test_every_option_of_every_recipe_is_listed(name: str) -> None:
    table = tomllib.loads(recipe_text(name))
    listed = keys_of(table["task"])
    options = {
        row.key for function in [*READERS.values(), *BUILTIN.values()] for row in argument_settings(function)
    }
    options |= {row.key for row in source_group().settings}
    for key in flat({section: table[section] for section in ("data", "model", "train")}):
        place = next((place for place in SOURCES if key.startswith(f"{place}.")), None)
        if place is not None:
            assert key.removeprefix(f"{place}.").split(".")[0] in options, key
        elif ".cell_options." in key:
            assert any(
                row.key == key.split(".")[-1]
                for cls in plain_cells().values()
                for row in argument_settings(cls, 2)
            )
        elif key.startswith(("train.optimiser.", "train.schedule.")):
            kind, owner = (
                key.split(".")[1],
                {**OPTIMISERS, **SCHEDULES}[table["train"][key.split(".")[1]]["name"]],
            )
            own = {row.key for row in argument_settings(owner, 1)} | {"name", "every"}
            assert key.split(".")[2] in own, (kind, key)
        else:
            assert key in listed, key


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_tells_where_its_schema_lies_and_fits_it(name: str) -> None:
    text = recipe_text(name)
    assert "\n#:schema recipe.schema.json\nformat = 2\n" in text
    table = tomllib.loads(text)
    own = schema({table["task"]: TASKS[table["task"]]})
    form = own["allOf"][0]["then"]["properties"]
    for section, part in {**form, "train": own["properties"]["train"]}.items():
        assert fits(table.get(section, {}), part, own["definitions"]), section
    wrong = {**table["data"], "no_such_key": 3}
    assert not fits(wrong, form["data"], own["definitions"])


def fits(value: Any, part: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Whether a value is as a schema says, as far as this schema says it."""
    if "$ref" in part:
        return fits(value, definitions[part["$ref"].rsplit("/", 1)[1]], definitions)
    if "anyOf" in part:
        return any(fits(value, each, definitions) for each in part["anyOf"])
    if "enum" in part and value not in part["enum"]:
        return False
    if "const" in part and value != part["const"]:
        return False
    kind = part.get("type")
    types: dict[Any, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "null": type(None),
    }
    if kind == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        return False
    if kind in types and not (
        isinstance(value, types[kind]) and not (kind == "integer" and isinstance(value, bool))
    ):
        return False
    if isinstance(value, dict) and kind == "object":
        properties = part.get("properties", {})
        if part.get("additionalProperties") is False and not set(value) <= set(properties):
            return False
        return all(
            fits(each, properties[key], definitions) for key, each in value.items() if key in properties
        )
    if isinstance(value, list) and "items" in part:
        return all(fits(each, part["items"], definitions) for each in value)
    return True


def test_the_schema_names_every_key_with_its_sentence() -> None:
    whole = schema()
    assert json.loads(json.dumps(whole)) == whole
    for name, definition in whole["definitions"].items():
        for key, entry in definition.get("properties", {}).items():
            assert entry.get("description") or "$ref" in entry or "anyOf" in entry or "allOf" in entry, (
                name,
                key,
            )


def test_the_page_is_what_its_command_prints(call: Command) -> None:
    assert (ROOT / "docs" / "options.md").read_text() == reference()
    assert "\n".join(call("options", "--markdown").out) + "\n" == reference()


def test_what_a_person_asks_for(call: Command) -> None:
    assert [group.name for group in groups_of(["tag"])] == ["data", "model", "train"]
    assert [group.name for group in groups_of(["tag", "model", "train.optimiser"])] == ["model", "train"]
    assert {row.key for row in groups_of(["caption", "model.convolution"])[0].settings} == {
        "model.convolution", "model.convolution[].channels", "model.convolution[].stride"
    }  # fmt: skip
    said = call("options", "tag", "model.layers")
    assert said.out[1:] == [
        "key\ttakes\tdefault\twhat it is",
        "model.layers\twhole number from 1\t1\thow many layers there are.",
    ]
    assert json.loads(call("options", "csv", "--json").out[0])["csv"][0]["key"] == "names"
    assert any(line.startswith("lstm") or "lstm" in line for line in call("options").out)
    assert json.loads("\n".join(call("schema", "tag").out))["properties"]["task"]["enum"] == ["tag"]
    assert "did you mean 'tag'?" in told(call("options", "tga"))
    assert "name the task first" in told(call("options", "data"))
    assert "did you mean 'model.hidden'?" in told(call("options", "tag", "model.hiden"))
    assert "no task is called 'tga'" in told(call("schema", "tga"))


def test_paths_of_a_recipe_start_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "here").mkdir()
    path = tmp_path / "mine" / "r.toml"
    path.write_text(
        "task = 'tag'\n[data]\n"
        "train = ['a.conll', '../b.conll', '~/c.conll', '/d.conll', 'builtin:copying']\n"
        "validation = { path = ['v.conll'] }\n[model]\nembeddings = 'w.vec'\n"
    )
    monkeypatch.chdir(tmp_path / "here")
    table = read_recipe(path, ["data.hold_out=3"]).to_table()
    mine = tmp_path.resolve() / "mine"
    assert table["data"]["train"] == [
        f"{mine}/a.conll", f"{mine.parent}/b.conll", "~/c.conll", "/d.conll", "builtin:copying"
    ]  # fmt: skip
    assert table["data"]["validation"] == {"path": [f"{mine}/v.conll"]}
    assert table["model"]["embeddings"] == f"{mine}/w.vec"
    changed = read_recipe(path, ["data.train=new.conll"]).to_table()
    assert changed["data"]["train"] == f"{tmp_path.resolve()}/here/new.conll"


def test_what_sources_have_in_common_stands_once(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        "task = 'translate'\n[data]\nsource = 'text'\ntrain = '/a'\n"
        "test = [{ path = '/b', format = 'tsv' }]\n"
        "[data.common]\nformat = 'csv'\nnames = ['text', 'label']\n"
    )
    data = read_recipe(path).to_table()["data"]
    assert data["train"] == {"format": "csv", "names": ["text", "label"], "path": "/a"}
    assert data["test"] == [{"format": "tsv", "names": ["text", "label"], "path": "/b"}]
    assert "common" not in data


def test_all_wrong_keys_are_told_at_once(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        "task = 'tag'\ntset = 1\n[data]\ntrain = 'a'\nstep = 3\nbatch_size = 0\n"
        "[model]\nhiden = 4\n[train]\nepochs = 'x'\n"
    )
    said = call("check", path)
    assert said.code == 2
    assert not said.out
    assert [
        line.split(": ", 2)[2].split(" found")[0].split(":")[0].split(" (known")[0] for line in said.error
    ] == [
        "unknown key tset",
        "unknown key data.step",
        "data.batch_size = 0",
        "unknown key model.hiden",
        "train.epochs = 'x'",
    ]


def test_both_spellings_of_optimiser(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("task = 'tag'\n[data]\ntrain = 'a'\n[train]\noptimizer = { name = 'SGD', lr = 0.1 }\n")
    assert read_recipe(path).train.optimiser.name == "SGD"
    assert read_recipe(path, ["train.optimizer.lr=0.3"]).train.optimiser.arguments == {"lr": 0.3}
    assert read_recipe(path, removals=["train.optimizer"]).train.optimiser.name == "AdamW"


def test_a_path_from_another_start_is_told(
    call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "a.conll").write_text("x\tO\n")
    (tmp_path / "recipes" / "r.toml").write_text("task = 'tag'\n[data]\ntrain = 'a.conll'\n")
    said = told(call("check", "recipes/r.toml"))
    assert "where the paths of this recipe start" in said
    assert "is '../a.conll' from there" in said
