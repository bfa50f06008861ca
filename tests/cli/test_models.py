"""`ascend-vllm models`: the catalogue as a table, a page and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.commands import models
from cli.errors import CommandError, ExitCode
from models.catalog.known import find_model, known_models

app = typer.Typer()
app.command()(models.command)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def rows() -> dict[str, str]:
    return {line.split("  ")[0]: line for line in run().stdout.splitlines()[1:]}


def document(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--format", "json").stdout)


def test_every_model_has_its_row() -> None:
    done = run()

    assert (done.exit_code, done.stderr) == (0, "")
    assert list(rows()) == [model.name for model in known_models()]


def test_the_columns_stand_under_their_titles() -> None:
    header, *lines = run().stdout.splitlines()

    for title in ("NAME", "CONTEXT", "KIND", "FEWEST NPUS"):
        start = header.index(title)
        assert all(line[start - 1] == " " and line[start] != " " for line in lines) or start == 0


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("Qwen2-7B-Instruct", ["32768", "dense", "1×64Gi"], "all is known"),
        ("Mixtral-8x7B-v0.1", ["MoE", " -"], "experts; never published"),
        ("Qwen2-VL-7B-Instruct", ["multimodal"], "multimodal"),
        ("DeepSeek-R1-Distill-Llama-70B", ["8×32Gi 4×64Gi"], "the fewest NPUs of each memory"),
        ("InternVL2_5-38B", ["multimodal", "2×64Gi"], "not supported on every memory"),
        ("bge-reranker-v2-m3", ["rerank"], "no text generation"),
    ],
)
def test_a_row_shows_what_decides_on_a_model(name: str, cells: list[str], reason: str) -> None:
    for cell in cells:
        assert cell in rows()[name], reason


def test_the_list_fits_80_columns_and_has_no_colour() -> None:
    out = run().stdout

    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) == len(known_models()) + 1


@pytest.mark.parametrize("part", ["deepseek", "DeepSeek-V", "r1_distill"])
def test_a_part_of_a_name_lists_the_models_that_contain_it(part: str) -> None:
    done = run(part)
    names = [line.split("  ")[0] for line in done.stdout.splitlines()[1:]]

    assert done.exit_code == 0
    assert len(names) > 1
    assert all("deepseek" in name.lower() for name in names)


def test_a_model_is_shown_with_all_its_facts_and_their_source() -> None:
    done = run("qwen/qwen2_7b_instruct")

    assert (done.exit_code, done.stderr) == (0, "")
    for line in (
        "Qwen2-7B-Instruct\n",
        "  family                   Qwen2\n",
        "  num_attention_heads      28\n",
        "  tie_word_embeddings      no\n",
        "  longest                  32768\n",
        "llm_models/Qwen2-7B-Instruct/config.json\n",
        "  1 of 64Gi: 32768 tokens, gpuMemoryUtilization 0.95 (6.5.910 Qwen2-7B,\n  https://",
    ):
        assert line in done.stdout
    assert "None" not in done.stdout


def test_scaled_positions_are_shown_in_words() -> None:
    out = run("DeepSeek-V2").stdout

    assert "type yarn, factor 40, original_max_position_embeddings 4096" in " ".join(out.split())


def test_a_quantized_name_says_whose_facts_these_are() -> None:
    assert "the facts are those of the model without AWQ" in run("Qwen2-7B-Instruct-AWQ").stdout


@pytest.fixture
def without_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue that knows InternVL2_5-38B by its name and its published lines only."""
    known = find_model("InternVL2_5-38B")
    assert known is not None
    monkeypatch.setattr(models, "find_model", lambda _: replace(known, facts=None, note=None))


@pytest.mark.usefixtures("without_facts")
def test_a_model_without_facts_says_how_to_give_them() -> None:
    out = run("internvl2.5-38b").stdout

    assert "Its architecture is not known" in out
    assert "  32Gi: not supported, gpuMemoryUtilization 0.9 (6.5.902" in out


@pytest.mark.parametrize(
    ("given", "fix", "reason"),
    [
        ("Qwen2-7B-Instuct", "did you mean Qwen2-7B-Instruct", "a letter is missing"),
        ("zzz", "`ascend-vllm models` lists all models", "nothing near"),
    ],
)
def test_an_unknown_model_is_answered_with_the_nearest(given: str, fix: str, reason: str) -> None:
    failure = run(given).exception

    assert isinstance(failure, CommandError), reason
    assert failure.message == f"the catalogue has no model {given!r}", reason
    assert failure.fix.startswith(fix), reason
    assert failure.code == ExitCode.USAGE


def test_json_is_a_contract_with_a_version() -> None:
    found = document()

    assert found.keys() == {"version", "models"}
    assert found["version"] == 1
    assert [model["names"][0] for model in found["models"]] == [model.name for model in known_models()]
    assert found["models"][0].keys() == {"names", "family", "source", "facts", "note", "published", "suffix"}


def test_json_of_one_model_has_its_facts() -> None:
    (found,) = document("Qwen2-57B-A14B")["models"]

    assert found["facts"]["num_experts"] == 64
    assert found["facts"]["rope_scaling"] is None
    assert found["facts"]["longest"] == 131072


@pytest.mark.usefixtures("without_facts")
def test_json_of_a_model_without_facts_has_none() -> None:
    (found,) = document("InternVL2_5-38B")["models"]

    assert found["facts"] is None
    assert found["published"][0]["max_model_len"] is None


def test_names_are_completed() -> None:
    names = models.complete_model("qwen2-7b")

    assert names == ["Qwen2-7B", "Qwen2-7B-Instruct"]
    assert models.complete_model("zzz") == []
