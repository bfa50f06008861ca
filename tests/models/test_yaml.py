"""YAML as the engine reads it: Go's yaml.v3, then JSON. The expected values are those of `pulumi config --json`."""

from __future__ import annotations

from typing import Any

import pytest

from models.credentials.commands import command_ranges
from models.report import finding_text
from models.stack_file.yaml_file import YamlFile, read_yaml
from tests.models.yaml_texts import excerpt, refusal, value_of


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        ("a: &x {n: 1}\nb: *x\n", {"n": 1}, "an alias is the value again"),
        ("a: &x 1\nb: *x\n", 1, "scalars have anchors, too"),
        ("&k a: 1\nb: *k\n", "a", "and so have keys"),
        ("a: &x {n: 1, m: 2}\nb: {<<: *x, n: 3}\n", {"n": 3, "m": 2}, "a key of one's own wins"),
        ("a: &x {n: 1, m: 2}\nb: {n: 3, <<: *x}\n", {"n": 3, "m": 2}, "also when it stands before the merge"),
        ("a: &x {n: {i: 1}}\nb: {<<: *x, n: {j: 2}}\n", {"n": {"j": 2}}, "a merge is not deep"),
        ("a: [&x {n: 1}, &y {n: 2, o: 5}]\nb: {<<: [*x, *y]}\n", {"n": 1, "o": 5}, "the earlier of a list wins"),
        ("a: [&x {n: 1}, &y {n: 2, o: 5}]\nb: {<<: [*x, *y], o: 9}\n", {"n": 1, "o": 9}, "and one's own over all"),
        ("a: [&x {n: 1}, &y {<<: *x, o: 5}]\nb: {<<: *y, p: 1}\n", {"n": 1, "o": 5, "p": 1}, "merges of merges"),
        ("b:\n  <<: {q: 1}\n  z: 2\n", {"q": 1, "z": 2}, "what is merged may stand there"),
        ("b: {<<: []}\n", {}, "nothing to merge"),
        ("a: &x {n: 1}\nb: {'<<': *x}\n", {"n": 1}, "yaml.v3 merges in quotes, too"),
        ("a: &x {n: 1}\nb: {!!merge <<: *x}\n", {"n": 1}, "and by the tag"),
        ("b: <<\n", "<<", "as a value it is text"),
    ],
)
def test_anchors_and_merge_keys_are_resolved_as_the_engine_does(text: str, expected: Any, reason: str) -> None:
    assert expected == value_of(text)["b"], reason


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: &x {n: *x}\n", "an anchor contains itself", (1, 11)),
        ("a: &x [*x]\n", "an anchor contains itself", (1, 8)),
        ("a: &x {<<: *x}\n", "an anchor contains itself", (1, 4)),
        ("b: {<<: 5}\n", "<< merges a value that is not a mapping", (1, 9)),
        ("b: {<<: ~}\n", "<< merges a value that is not a mapping", (1, 9)),
        ("b: {<<: [1]}\n", "<< merges a value that is not a mapping", (1, 10)),
    ],
)
def test_anchors_and_merges_that_the_engine_refuses_are_refused(
    text: str, message: str, place: tuple[int, int]
) -> None:
    finding = refusal(text)

    assert (finding.rule, finding.message) == ("yaml-value", message)
    assert finding.span
    if "itself" not in message:
        assert place == (finding.span.line, finding.span.column)


@pytest.mark.parametrize("depth", [150, 900, 5000, 200_000])
def test_a_value_nested_without_end_is_refused_instead_of_breaking_the_reader(depth: int) -> None:
    file = read_yaml("stack.yaml", f"a: {'[' * depth}{']' * depth}\n")

    assert file.findings
    assert all(finding.message.endswith("nested too deeply") for finding in file.findings)


@pytest.mark.slow
def test_aliases_that_stand_for_too_many_values_are_refused_in_a_moment() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for earlier, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{earlier}'] * 10)}]")
    file = read_yaml("stack.yaml", "\n".join(lines))

    assert [finding.message for finding in file.findings] == [
        "the file has more than 15000 keys and values, those of its aliases included"
    ]


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("", "a list alone"),
        ("b: &b [one, two]\nc: *b\n", "with an alias"),
        ("b: &b {one: two}\nc: {<<: *b}\n", "with a merged mapping"),
    ],
)
def test_no_value_of_a_file_with_too_many_values_is_searched_for_credentials(extra: str, reason: str) -> None:
    too_many = "".join(f"- size-{number}\n" for number in range(15_000))
    searched_before = command_ranges.cache_info()

    finding = refusal(f"{extra}a:\n{too_many}")

    assert finding.rule == "stack-size", reason
    assert command_ranges.cache_info() == searched_before, reason


def test_a_file_with_fewer_values_is_searched_for_credentials() -> None:
    searched_before = command_ranges.cache_info()

    value_of("a: [one, two, of-this-file]\n")

    assert command_ranges.cache_info() != searched_before


@pytest.mark.parametrize(
    ("text", "key", "places", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", [(3, 1), (1, 1)], "far from each other"),
        ("c: {n: 1, n: 2}\n", "n", [(1, 11), (1, 5)], "on one line"),
        ("c: {1: 1, '1': 2}\n", "1", [(1, 11), (1, 5)], "a number and the same text are one key in JSON"),
        ("模型: 1\n模型: 2\n", "模型", [(2, 1), (1, 1)], "Chinese"),
        ("b:\n  <<: {x: 1}\n  <<: {y: 1}\n", "<<", [(3, 3), (2, 3)], "two merges in one mapping"),
        ("b: {<<: {a: 1, a: 2}}\n", "a", [(1, 16), (1, 10)], "inside what is merged"),
    ],
)
def test_a_key_that_stands_twice_is_shown_at_both_places(
    text: str, key: str, places: list[tuple[int, int]], reason: str
) -> None:
    finding = refusal(text)

    assert (finding.rule, finding.message) == ("duplicate-key", f"key {key!r} appears twice in one mapping"), reason
    assert places == [(mark.span.line, mark.span.column) for mark in finding.marks if mark.span], reason


def test_a_key_that_overrides_a_merge_stands_once() -> None:
    assert value_of("a: &x {n: 1}\nb:\n  <<: *x\n  n: 2\n")["b"] == {"n": 2}


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        ("a: |\n  x\n  y\n", "x\ny\n", "lines are kept"),
        ("a: >\n  x\n  y\n\n  z\n", "x y\nz\n", "lines are folded"),
        ("a: |-\n  x\n\n", "x", "the end of the last line goes"),
        ("a: |+\n  x\n\n", "x\n\n", "or all ends are kept"),
        ("a: |2\n    x\n", "  x\n", "the indent is given"),
        ("a: x\n  y\n", "x y", "plain text over two lines"),
        ('a: "x\n  y"\n', "x y", "quoted text over two lines"),
        ("a: |\n  {{ message }} # kept\n", "{{ message }} # kept\n", "a template is not looked into"),
    ],
)
def test_texts_of_several_lines_are_read_whole(text: str, expected: str, reason: str) -> None:
    assert value_of(text) == {"a": expected}, reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "nothing"), ("# only this\n", "a comment"), ("~\n", "null"), ("---\n", "a document without content")],
)
def test_an_empty_file_has_no_value_and_is_no_mistake(text: str, reason: str) -> None:
    file = read_yaml("stack.yaml", text)

    assert (None, []) == (file.value, file.findings), reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\r\nb: x\r\n", "lines end as Windows ends them"),
        ("a:\t1\nb: x\t\n", "tabs separate"),
        ("\ufeffa: 1\nb: x\n", "a byte order mark comes first"),
        ("a: 1\nb: x", "the last line does not end"),
        ("---\na: 1\nb: x\n...\n", "the document begins and ends"),
        ("%YAML 1.1\n---\na: 1\nb: x\n", "a directive names the version"),
        ("? a\n: 1\n? b\n: x\n", "keys are marked as such"),
        ("{a: 1,\n  b: x}\n", "it is one flow mapping over two lines"),
    ],
)
def test_the_form_of_a_file_does_not_change_its_values(text: str, reason: str) -> None:
    assert value_of(text) == {"a": 1, "b": "x"}, reason


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "reason"),
    [
        ("config:\n\tx: 1\n", 2, 1, "found character that cannot start any token", "a tab indents"),
        ("a: @x\n", 1, 4, "found character that cannot start any token", "@ is reserved"),
        ("a: [1\nb: 2\n", 2, 2, "did not find expected ',' or ']'", "a bracket is open"),
        ('a: "x\n', 2, 1, "found unexpected end of stream", "a quote is open"),
        ("a: *x\n", 1, 4, "found undefined alias", "an alias has no anchor"),
        ("a:\n  b: 1\n c: 2\n", 3, 2, "did not find expected key", "a line is indented by one"),
        ("a: 1\n---\nb: 2\n", 2, 1, "expected a single document", "two documents"),
        ('a: "\\q"\n', 1, 5, "found unknown escape character", "an escape that YAML does not have"),
        ("中: @x\n", 1, 4, "found character that cannot start any token", "columns count characters"),
    ],
)
def test_what_is_no_yaml_is_refused_at_its_place(text: str, line: int, column: int, message: str, reason: str) -> None:
    finding = refusal(text)

    assert finding.rule == "yaml-syntax", reason
    assert message in finding.message, reason
    assert finding.span
    assert (line, column) == (finding.span.line, finding.span.column), reason


@pytest.mark.parametrize(
    ("content", "line", "column", "message", "reason"),
    [
        (b"a: 1\n# \xff\n", 2, 3, "the file is not UTF-8 text", "a byte that UTF-8 does not have"),
        ("a: 1\nb: 千问\n".encode("gbk"), 2, 5, "the file is not UTF-8 text", "an editor saved it as GBK"),
        (b"a: x\x01\n", 1, 5, "a control character", "a control character"),
        ("中: x\x00\n".encode(), 1, 5, "a control character", "a NUL character after Chinese"),
        (b"a: x\x7f\n", 1, 5, "a control character", "a delete character"),
    ],
)
def test_a_character_that_the_engine_cannot_read_is_refused_at_its_place(
    content: bytes, line: int, column: int, message: str, reason: str
) -> None:
    finding = refusal(content.decode("utf-8", "surrogateescape"))

    assert finding.rule == "yaml-syntax", reason
    assert message in finding.message, reason
    assert finding.span
    assert (line, column) == (finding.span.line, finding.span.column), reason
    finding_text(finding).encode()


PLACES = """\
config:
  services:
    千问: {镜像: a:1, npus: 1}
    llava:
      server:
        kind: openai
      devices: [0, 1]
      template: |
        x
"""


@pytest.mark.parametrize(
    ("path", "line", "column", "shown", "reason"),
    [
        ("config", 1, 1, "config", "a key whose value stands below"),
        ("config.services.千问", 3, 5, "千问", "a key before a flow mapping"),
        ("config.services.千问.镜像", 3, 10, "镜像: a:1", "key and scalar on one line"),
        ("config.services.千问.npus", 3, 19, "npus: 1", "after Chinese, columns count characters"),
        ("config.services.llava.server.kind", 6, 9, "kind: openai", "in a block mapping"),
        ("config.services.llava.devices.1", 7, 20, "1", "an item of a list"),
        ("config.services.llava.template", 8, 7, "template", "a block scalar stands on the next lines"),
    ],
)
def test_every_key_has_its_place(path: str, line: int, column: int, shown: str, reason: str) -> None:
    span = read_yaml("stack.yaml", PLACES).spans[tuple(path.split("."))]

    assert (line, column) == (span.line, span.column), reason
    assert shown == span.text[span.column - 1 : span.column - 1 + span.length], reason


def test_a_merged_value_has_the_place_where_it_was_written() -> None:
    spans = read_yaml("stack.yaml", "a: &x {n: 1, m: 2}\nb:\n  <<: *x\n  n: {o: 3}\n").spans

    assert (spans["b", "m"].line, spans["b", "n"].line) == (1, 4)


def test_a_value_that_replaces_a_merged_one_leaves_no_place_of_it_behind() -> None:
    spans = read_yaml("stack.yaml", "a: &x {n: {old: 1}}\nb:\n  <<: *x\n  n: {new: 3}\n").spans

    assert ("b", "n", "new") in spans
    assert ("b", "n", "old") not in spans


def test_the_caret_stands_under_a_key_after_chinese_text() -> None:
    finding = refusal('模型: {名称: "千问", 名称: 2}\n')

    assert excerpt(finding) == [
        "  |",
        '1 | 模型: {名称: "千问", 名称: 2}',
        "  |        ------------ first",
        "  |                      ^^^^^^^ again",
    ]


def test_a_file_that_is_read_twice_gives_the_same() -> None:
    def once() -> YamlFile:
        return read_yaml("stack.yaml", PLACES)

    assert once() == once()


def test_a_hidden_value_of_many_lines_and_one_after_it_have_stars() -> None:
    file = read_yaml("stack", "password: |\n" + "  hunter2\n" * 1_000 + "user: hunter2\npassword2: hunter2\n")

    assert file.first_line == "password: |"[:10] + "*"
    assert file.spans["user",].text == "user: hunter2"
    assert file.spans["password2",].text == "password2: *******"
