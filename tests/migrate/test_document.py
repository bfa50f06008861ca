"""A stack file that is edited keeps everything else: comments, order, quotes, and blank lines."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.document import StackDocument

TEXT = """\
# a stack
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    # the first
    first:
      image: "a:1"   # signed
      engine:
        maxModelLen: 4096   # tokens
        numSchedulerSteps: 8   # steps
        # the end of the engine

    # the second
    second:
      image: b:1
      env:
        A: x
        # below A
        B: y

    # the end
"""
COMMENTS = [line.strip() for line in TEXT.splitlines() if line.strip().startswith("#")]


def document(base: dict[str, Any] | None = None) -> StackDocument:
    return StackDocument(TEXT, "ascend-vllm", base or {})


def lines(edited: StackDocument) -> list[str]:
    return [line.strip() for line in edited.text.splitlines() if line.strip()]


def test_a_text_without_an_edit_stays_as_it_is() -> None:
    assert document().text == TEXT


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_line_ends_of_windows_are_kept(mark: str) -> None:
    text = mark + TEXT.replace("\n", "\r\n")
    edited = StackDocument(text, "ascend-vllm", {})
    unix = document()

    assert edited.text == text
    for one in (edited, unix):
        one.remove(("services", "first", "engine", "numSchedulerSteps"))
        one.write(("services", "first", "prefixCaching"), False)
    assert edited.text == mark + unix.text.replace("\n", "\r\n")


def test_a_new_key_stands_before_the_comment_of_the_next_service() -> None:
    edited = document()
    edited.write(("services", "first", "prefixCaching"), False)
    found = lines(edited)

    assert found.index("prefixCaching: false") < found.index("# the second")
    assert [line for line in found if line.startswith("#")] == COMMENTS


def test_a_removed_key_leaves_the_comments_below_it() -> None:
    edited = document()
    edited.remove(("services", "first", "engine", "numSchedulerSteps"))
    found = lines(edited)

    assert "numSchedulerSteps" not in edited.text
    assert [line for line in found if line.startswith("#")] == COMMENTS


def test_a_removed_first_key_leaves_the_comments_below_it() -> None:
    edited = document()
    edited.remove(("services", "second", "env", "A"))

    assert [line for line in lines(edited) if line.startswith("#")] == COMMENTS


def test_a_mapping_whose_last_key_is_removed_goes_with_it() -> None:
    edited = document()
    edited.remove(("services", "second", "env", "A"))
    edited.remove(("services", "second", "env", "B"))

    assert "env" not in edited.text


def test_a_value_of_the_base_file_is_removed_by_null() -> None:
    edited = document({"first": {"engine": {"maxModelLen": 8192}, "graph": "eager"}})
    edited.remove(("services", "first", "engine", "maxModelLen"))
    edited.remove(("services", "first", "graph"))

    assert "maxModelLen: null" in edited.text
    assert "graph: null" in edited.text


def test_a_shorthand_is_written_out_when_a_field_is_added() -> None:
    edited = StackDocument("config:\n  p:services:\n    a:\n      graph: cann\n", "p", {})
    edited.write(("services", "a", "graph", "mode"), "PIECEWISE")

    assert "graph: {kind: cann, mode: PIECEWISE}" in edited.text


@pytest.mark.parametrize(
    "path", [("services", "third", "engine", "maxModelLen"), ("services", "first", "lora", "maxRank")]
)
def test_missing_mappings_are_added(path: tuple[str, ...]) -> None:
    edited = document()
    edited.write(path, 8)

    assert edited.value(path) == 8
    assert [line for line in lines(edited) if line.startswith("#")] == COMMENTS


@pytest.mark.parametrize(("indentation", "dash"), [(2, 0), (2, 2), (4, 0), (4, 4), (8, 2)])
def test_the_indentation_of_the_file_is_kept(indentation: int, dash: int) -> None:
    step = " " * indentation
    names = f"{step * 4}names:\n" + "".join(f"{step * 4}{' ' * dash}- {name}\n" for name in "ab")
    text = f"config:\n{step}p:services:\n{step * 2}a:\n{step * 3}engine:\n{names}{step * 3}npus: 1\n"

    assert StackDocument(text, "p", {}).text == text


def test_a_key_that_another_mapping_merges_is_removed_from_both() -> None:
    text = "config:\n  a:services:\n    one: &one\n      image: x:1  # tested\n      graph: eager\n"
    merged = "    two:\n      <<: *one\n      replicas: 2\n    three:\n      <<: *one\n      graph: eager\n"
    document = StackDocument(text + merged, "a", {})
    document.remove(("services", "one", "graph"))

    assert document.text == text.replace("      graph: eager\n", "") + merged
    assert document.value(("services", "two", "graph")) is None
    assert document.value(("services", "three", "graph")) == "eager"
