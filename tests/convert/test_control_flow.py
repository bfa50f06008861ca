"""The commands of a script that run, and the branches that decide about them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convert.shell.control_flow import Step, literal, read_flow
from convert.shell.script import read_script


def told(steps: list[Step]) -> list[tuple[str, int]]:
    return [(" ".join(map(literal, step.command.words)), step.branch) for step in steps]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", [("a", 0), ("b", 0)]),
        ("if a; then b; else c; fi; d", [("a", 1), ("b", 1), ("c", 1), ("d", 0)]),
        ("x\nif a\nthen\n  if b; then c; fi\n  d\nfi", [("x", 0), ("a", 2), ("b", 4), ("c", 4), ("d", 2)]),
        ("[ a ] && b\nc", [("[ a ]", 0), ("b", 1), ("c", 0)]),
        ("[[ a ]] || b && c", [("[[ a ]]", 0), ("b", 1), ("c", 0)]),
        ("cd a && b", [("cd a", 0), ("b", 0)]),
        ("for i in 1 2; do a; done; b", [("a", 0), ("b", 0)]),
        ("while a; do b; done", [("a", 0), ("b", 0)]),
        ("until ! a; do b; done", [("a", 0), ("b", 0)]),
        ("{ a; b; }", [("a", 0), ("b", 0)]),
        ("case $x in\na) b;;\nc|d) e\n;;\n*) f;; esac; g", [("b", 1), ("e", 1), ("f", 1), ("g", 0)]),
        ("(a; b)", [("a", 0), ("b", 0)]),
        ("fi done esac } a", [("a", 0)]),
    ],
)
def test_branches_are_read_and_marked_by_the_line_that_decides(text: str, expected: list[tuple[str, int]]) -> None:
    assert told(read_flow(read_script(text).commands).steps) == expected


@pytest.mark.parametrize(
    "text",
    [
        "f() {\n  a\n  { b; }\n}\nc",
        "f() { a; { b; }; }; c",
        "function f {\n a; { b\n}\n}\nc",
        "function f() { a; { b; }; }\nc",
    ],
)
def test_functions_are_kept_until_they_are_called(text: str) -> None:
    flow = read_flow(read_script(text).commands)

    assert told(flow.steps) == [("c", 0)]
    assert {name: told(steps) for name, steps in flow.functions.items()} == {"f": [("a", 0), ("b", 0)]}


WORDS = st.sampled_from(
    [*"abx", "if", "then", "fi", "case", "in", "esac", "{", "}", "()", ")", ";;", "|", "[", "&&", "\n"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORDS, max_size=25).map(" ".join))
def test_no_command_is_run_twice_whatever_the_script_is(text: str) -> None:
    commands = read_script(text).commands
    flow = read_flow(commands)
    steps = [*flow.steps, *(step for steps in flow.functions.values() for step in steps)]

    assert len(steps) <= len(commands)
