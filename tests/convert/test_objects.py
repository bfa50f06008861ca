"""A file of objects is read with every document, every list and every line."""

from __future__ import annotations

import pytest

from convert.objects import Object, ObjectFile, read_objects


def read(text: str) -> ObjectFile:
    return read_objects("config.yaml", text)


def kinds(text: str) -> list[tuple[str, int]]:
    return [(one.kind, one.at("metadata", "name").place.line) for one in read(text).objects]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: A\nmetadata:\n  name: a\n", [("A", 3)]),
        ("kind: A\nmetadata: {name: a}\n---\nkind: B\nmetadata:\n  name: b\n", [("A", 2), ("B", 6)]),
        ("---\n---\nkind: A\nmetadata:\n\n  name: a\n---\n", [("A", 6)]),
        ("--- # first\nkind: A\nmetadata: {name: a}\n...\n---\nkind: B\nmetadata: {name: b}", [("A", 3), ("B", 7)]),
        ("%YAML 1.1\n---\nkind: A\nmetadata: {name: a}\n", [("A", 4)]),
        (
            "kind: List\nitems:\n- kind: A\n  metadata: {name: a}\n- kind: B\n  metadata: {name: b}\n",
            [("A", 4), ("B", 6)],
        ),
        ("kind: DeploymentList\nitems: []\n", []),
        ('{"kind": "A", "metadata": {"name": "a"}}', [("A", 1)]),
        ("data: |\n  ---\n  x\nkind: A\nmetadata: {name: a}\n", [("A", 5)]),
        ("", []),
        ("# nothing\n", []),
    ],
)
def test_every_object_has_its_lines(text: str, expected: list[tuple[str, int]]) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize("text", ["a: 1\n", "- a\n", "text\n", "kind: 1.5x\n---\nmetadata: {}\n"])
def test_a_document_that_is_not_an_object_is_noted(text: str) -> None:
    assert [note.subject for note in read(text).notes] == ["a document"]


def test_the_last_value_of_a_duplicate_key_counts() -> None:
    found = read("kind: A\nkind: B\n")

    assert [one.kind for one in found.objects] == ["B"]
    assert [(note.subject, note.place) for note in found.notes] == [
        ("key 'kind' appears twice in one mapping", "config.yaml:2")
    ]


def test_a_broken_document_is_a_finding_with_its_line() -> None:
    (finding,) = read("kind: A\n---\nkind: [\n").findings

    assert finding.rule == "yaml-syntax"
    assert finding.span
    assert finding.span.line >= 3


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("kind: A\nmetadata:\n\tname: a\n", 4),
        ("kind: A\nmetadata:\n\tname: a\n    labels: {}\n", 4),
        ("kind: A\nmetadata:\n\tname: a\n  labels: {}\n", 2),
        ("kind: A\nmetadata:\n\tname: a\n        labels: {}\n", 8),
    ],
)
def test_tabs_are_read_as_the_number_of_spaces_that_fits(text: str, width: int) -> None:
    found = read(text)

    assert kinds(text) == [("A", 3)]
    assert [note.subject for note in found.notes] == [f"{width} spaces for each tab"]


def test_a_missing_part_is_empty_and_has_the_line_of_its_parent() -> None:
    (one,) = read("kind: A\nspec:\n  list: [1, {a: b}]\n  flag: true\n").objects

    assert one.at("spec", "list", 1, "a").text() == "b"
    assert one.at("spec", "list", 7, "a").value is None
    assert one.at("spec", "none", "deeper").place.line == 2
    assert one.at("spec", "flag").text() == "true"
    assert one.at("spec", "list").text() == ""
    assert one.at("spec").items() == []
    assert one.at("spec", "list").mapping() == {}
    assert Object(None, "x", {}).place.line == 0
