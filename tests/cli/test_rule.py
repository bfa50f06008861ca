"""`ascend-vllm rule`, `schema` and the help: what the program says of itself."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator

import client.check  # noqa: F401  it registers the rules about requests
from models.rules.registry import documentation, rule_ids, rules_about
from tests.cli.conftest import Console
from tests.conftest import ROOT


def in_one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())


def test_without_an_id_all_rules_are_listed(console: Console) -> None:
    done = console("rule")

    assert (done.code, done.err) == (0, "")
    listed = [line.split()[0] for line in done.out.splitlines() if re.match(r"  \S", line)]
    others = [entry.id for subject in ("request", "cluster") for entry in rules_about(subject)]
    assert listed == [*rule_ids(), *others]
    assert {"cluster-unreachable", "no-free-npus", "rollout-stuck", "pools-differ"} <= {*listed}


def test_the_list_shows_one_sentence_for_each_rule(console: Console) -> None:
    for entry in re.split(r"\n(?=  \S|\S)", console("rule").out.strip()):
        assert entry.endswith((".", ":"))


def test_the_list_and_every_documentation_fit_80_columns(console: Console) -> None:
    shown = [console("rule").out]
    shown += [console("rule", rule).out.partition("\nRefused:\n")[0] for rule in rule_ids()]

    assert [line for text in shown for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.slow
@pytest.mark.parametrize("rule", rule_ids())
def test_a_rule_is_explained_with_its_examples(rule: str, console: Console) -> None:
    done = console("rule", rule)

    assert (done.code, done.err) == (0, "")
    assert in_one_line(done.out).startswith(in_one_line(f"{rule} {documentation(rule)}"))
    for title in ("\nRefused:\n", "\nOutput:\n", "\nAccepted:\n"):
        assert title in done.out


@pytest.mark.parametrize(
    ("given", "fix", "reason"),
    [
        ("idle-npu", "did you mean idle-npus?", "a letter is missing"),
        ("idle_npus", "did you mean idle-npus?", "an underscore"),
        ("IDLE-NPUS", "did you mean idle-npus?", "capitals"),
        ("qqq", "`ascend-vllm rule` lists all rules", "nothing near"),
    ],
)
def test_an_unknown_rule_is_answered_with_the_nearest(given: str, fix: str, reason: str, console: Console) -> None:
    done = console("rule", given)

    assert (done.code, done.out) == (2, ""), reason
    assert done.err == f"error: there is no rule {given!r}\nfix: {fix}\n", reason


@pytest.mark.slow
@pytest.mark.parametrize("rule", [entry.id for entry in (*rules_about("request"), *rules_about("cluster"))])
def test_a_rule_about_requests_or_a_cluster_is_explained_too(rule: str, console: Console) -> None:
    done = console("rule", rule)

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{rule}\n\n")
    assert done.out.partition("\n\n")[2].splitlines()[0].rstrip(".")


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "of"), [((), "stack"), (("stack",), "stack"), (("services",), "services")])
def test_the_printed_schema_equals_the_committed_one(arguments: tuple[str, ...], of: str, console: Console) -> None:
    done = console("schema", *arguments)

    assert (done.code, done.err) == (0, "")
    assert (ROOT / "schema" / f"{of}.schema.json").read_text(encoding="utf-8") == done.out
    Draft202012Validator.check_schema(json.loads(done.out))


def test_there_is_no_schema_of_other_files(console: Console) -> None:
    done = console("schema", "cluster")

    assert (done.code, done.out) == (2, "")
    assert "stack" in done.err
    assert "services" in done.err


def test_the_help_groups_the_commands(console: Console) -> None:
    out = console("-h").out

    for panel in ("Check", "Review", "Laptop"):
        assert panel in out


def test_no_command_shows_the_help_and_is_wrong_usage(console: Console) -> None:
    done = console()

    assert done.code == 2
    assert "Usage:" in done.out + done.err


def test_the_version_is_printed(console: Console) -> None:
    done = console("--version")

    assert done.code == 0
    assert done.out.startswith("ascend-vllm ")
