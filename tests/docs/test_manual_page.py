"""The page about the manual: each row of its tables gives the launch that it says, and none is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from models.check import check
from models.engines.ascend_vllm.owned_keys import (
    OWNED_FLAGS,
    OWNED_VARIABLES,
    PICTURE_VARIABLES,
)
from models.engines.parameters import Parameters
from models.launch.launch import launch
from models.rules.registry import rule_ids
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.load import load_text
from models.stack_file.merge_patch import merge
from tests.conftest import HEAD, ROOT

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "manual.md").read_text(encoding="utf-8")
BASE: dict[str, Any] = {"image": "a:1", "model": "/mnt/models/Qwen2-7B-Instruct", "engine": {"maxModelLen": 4096}}
IN_WORDS = ("api-key", "worker-use-ray")
"""Flags that the page tells of below its tables."""


def rows(*columns: str) -> Iterator[list[str]]:
    """The rows of the tables with these columns, their cells without the quotes."""
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        head, _, *body = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
        if tuple(head) == columns:
            yield from ([re.sub(r"^`([^`]*)`$", r"\1", cell) for cell in row] for row in body)


PARAMETERS = [*rows("launch", "key", "write", "held by")]
VARIABLES = [*rows("launch", "key", "write", "set automatically")]


def service(text: str) -> ResolvedService:
    """The service of a row over the least one, which has to be accepted."""
    written = merge(BASE, yaml.safe_load(f"{{{text}}}"))
    stack = resolve(load_text("page", "page.yaml", f"{HEAD}    one: {json.dumps(written)}\n"))

    assert [one.message for one in check(stack).findings if one.rule != "idle-npus"] == []
    return stack.services[0]


@pytest.mark.parametrize("row", PARAMETERS, ids=lambda row: str(row[0]))
def test_what_a_row_writes_gives_the_flag_that_it_names(row: list[str]) -> None:
    flag, *values = row[0].split(" ")
    argv = launch(service(row[2])).argv

    assert flag in argv
    assert argv[argv.index(flag) + 1 :][: len(values)] == tuple(values)


@pytest.mark.parametrize("row", VARIABLES, ids=lambda row: str(row[0]))
def test_what_a_row_writes_gives_the_variable_that_it_names(row: list[str]) -> None:
    name, _, value = row[0].partition("=")

    assert launch(service(row[2])).environment[name] == value


@pytest.mark.parametrize("row", [*PARAMETERS, *VARIABLES], ids=lambda row: str(row[0]))
def test_the_key_of_a_row_is_one_of_the_stack_file_and_the_owner_of_its_flag(row: list[str]) -> None:
    name = re.split(r"[= ]", row[0])[0].removeprefix("--")
    owner = {**OWNED_FLAGS, **OWNED_VARIABLES, **PICTURE_VARIABLES}.get(name, row[1])

    assert owner.partition(":")[0].startswith(row[1]) or row[1].startswith(owner.partition(":")[0])
    assert is_key(row[1].split(".")), row[1]


def is_key(path: list[str]) -> bool:
    """Whether a service may have a key, by the schema of the stack file."""
    whole = ServiceConfig.model_json_schema()
    places = [whole]
    for key in path:
        below = [place["properties"][key] for place in places if key in place.get("properties", {})]
        places = [part for one in below for part in parts(one, whole)]
    return bool(places)


def parts(place: dict[str, Any], whole: dict[str, Any]) -> list[dict[str, Any]]:
    """The forms that a value may have."""
    found = [place, *place.get("anyOf", []), *place.get("oneOf", []), *place.get("allOf", [])]
    return [whole["$defs"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in found]


def test_every_flag_with_a_key_has_a_row() -> None:
    named = {re.split(r"[= ]", row[0])[0].removeprefix("--") for row in PARAMETERS}

    assert named | set(IN_WORDS) == set(OWNED_FLAGS)
    assert all(f"`--{flag}`" in PAGE for flag in IN_WORDS)


def test_every_variable_with_a_key_has_a_row() -> None:
    follows = {"VLLM_ENGINE_ITERATION_TIMEOUT_S", "HCCL_OP_EXPANSION_MODE"}
    named = {row[0].partition("=")[0] for row in VARIABLES}

    assert named == ({*OWNED_VARIABLES, *PICTURE_VARIABLES} | follows) - {"VLLM_API_KEY"}


def test_the_rules_that_hold_a_parameter_exist() -> None:
    assert {row[3] for row in PARAMETERS if row[3]} <= set(rule_ids())


def test_the_parameters_of_requests_are_those_of_the_command_with_their_defaults() -> None:
    told = {
        name: (usual, option.strip("`").split("`")[0]) for name, usual, option in rows("parameter", "default", "option")
    }
    given = {
        name: ("" if field.default in (None, []) else json.dumps(field.default), f"--{name.replace('_', '-')}")
        for name, field in Parameters.model_fields.items()
    }

    assert {name: row for name, row in told.items() if name in given} == given
    assert told.keys() - given.keys() == {"model", "`prompt`, `messages`"}
