"""YAML as the engine reads it: Go's yaml.v3, then JSON. The expected values are those of `pulumi config --json`."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from models.finding import Finding
from models.report import finding_text
from models.yaml_file import YamlFile, read_yaml
from models.yaml_scalar import plain_scalar


def value_of(text: str) -> Any:
    file = read_yaml("stack.yaml", textwrap.dedent(text))

    assert file.findings == []
    return file.value


def refusal(text: str) -> Finding:
    (finding,) = read_yaml("stack.yaml", text).findings
    return finding


def excerpt(finding: Finding) -> list[str]:
    """What the finding shows of the file, without why and fix."""
    return finding_text(finding).splitlines()[2:-2]


INTEGERS = [
    ("0", 0, "zero"),
    ("-0", 0, "no sign is left of zero"),
    ("+1", 1, "a sign is allowed"),
    ("0644", 420, "a leading zero is octal, as file modes are written"),
    ("-0644", -420, "also below zero"),
    ("089", 89, "what has a 9 is no octal number"),
    ("0o14", 12, "octal of YAML 1.2"),
    ("0O14", 12, "Go takes a capital O"),
    ("0x1F", 31, "hexadecimal"),
    ("-0x1f", -31, "hexadecimal below zero"),
    ("0b101", 5, "binary"),
    ("-0b101", -5, "binary below zero"),
    ("1_000", 1000, "underscores separate digits"),
    ("1_", 1, "yaml.v3 removes every underscore"),
    ("0_7", 7, "underscores in octal"),
    ("9007199254740993", 9007199254740993, "the program gets more digits than a float has"),
    ("9223372036854775807", 9223372036854775807, "the largest signed integer"),
    ("-9223372036854775809", -9223372036854776000, "what 64 bits do not hold is a float"),
    ("18446744073709551616", 18446744073709552000, "a float is written as JSON has it"),
    ("0xfffffffffffffffff", "0xfffffffffffffffff", "hexadecimal of more than 64 bits is text"),
]
FLOATS = [
    ("1.0", 1, "JSON has no whole floats"),
    ("-1.0", -1, "nor below zero"),
    ("-0.0", 0, "nor a zero with a sign"),
    ("1.", 1, "digits after the point may lack"),
    (".5", 0.5, "digits before the point may lack"),
    ("-.5", -0.5, "with a sign, too"),
    (".5_0", 0.5, "underscores separate the digits of a fraction"),
    ("0.9", 0.9, "an ordinary fraction"),
    ("0.30000000000000004", 0.30000000000000004, "every digit that a float has is kept"),
    ("1e-5", 1e-05, "an exponent without a point; YAML 1.1 would read text"),
    ("1E5", 100000, "a capital E"),
    ("1e20", 100000000000000000000, "JSON writes digits below 1e21"),
    ("1e21", 1e21, "and an exponent from there"),
    ("12345678901234567.0", 12345678901234568, "the nearest float"),
    ("1_0.5", 10.5, "underscores in a float"),
    ("01.5", 1.5, "a leading zero is no octal in a float"),
    ("1e309", "1e309", "what no float holds is text"),
    ("1e", "1e", "an exponent without digits is text"),
    ("._5", "._5", "an underscore is no digit"),
]
NAMES = [
    ("true", True, "true"),
    ("True", True, "in three ways of writing"),
    ("TRUE", True, "in three ways of writing"),
    ("tRue", "tRue", "and no others"),
    ("false", False, "false"),
    ("yes", "yes", "YAML 1.1's yes is text for the engine"),
    ("no", "no", "Norway stays text"),
    ("on", "on", "on is text"),
    ("off", "off", "off is text"),
    ("y", "y", "a letter is text"),
    ("~", None, "null"),
    ("null", None, "null"),
    ("NULL", None, "null in three ways of writing"),
    ("nuLL", "nuLL", "and no others"),
    ("", None, "nothing is null"),
    ("nan", "nan", "only .nan is the number"),
    ("infinity", "infinity", "only .inf is the number"),
    ("１２", "１２", "digits of other scripts are text"),
    ("1٣", "1٣", "also after a digit"),
    ("12:30:45", "12:30:45", "numbers of base 60 are gone since YAML 1.2"),
    ("6.3.912", "6.3.912", "a release is text"),
    ("0,1,2,3", "0,1,2,3", "a list of indices as the manual writes it is text"),
    ("=", "=", "YAML 1.1's default value is text"),
    ("--", "--", "dashes are text"),
]
TIMES = [
    ("2024-12-17", "2024-12-17 00:00:00 +0000 UTC", "a date becomes what Go prints of a time"),
    ("2024-1-7", "2024-01-07 00:00:00 +0000 UTC", "with one digit, too"),
    ("0001-01-01", "0001-01-01 00:00:00 +0000 UTC", "the year keeps its four digits"),
    ("2024-13-01", "2024-13-01", "there is no 13th month"),
    ("2024-02-30", "2024-02-30", "nor a 30th of February"),
    ("2024-12-17 10:20:30", "2024-12-17 10:20:30 +0000 UTC", "a time after a space has no zone"),
    ("2024-12-17 1:2:3", "2024-12-17 01:02:03 +0000 UTC", "one digit is enough"),
    ("2024-12-17 10:20:30,5", "2024-12-17 10:20:30.5 +0000 UTC", "Go takes a comma"),
    ("2024-12-17 10:20:30 +08:00", "2024-12-17 10:20:30 +08:00", "with a zone it stays text"),
    ("2024-12-17T10:20:30Z", "2024-12-17 10:20:30 +0000 UTC", "after a T there is a zone"),
    ("2024-12-17t10:20:30Z", "2024-12-17 10:20:30 +0000 UTC", "or after a t"),
    ("2024-12-17T10:20:30", "2024-12-17T10:20:30", "without one it stays text"),
    ("2024-12-17T10:20:30z", "2024-12-17T10:20:30z", "a small z is no zone"),
    ("2024-12-17T10:20:30+08:00", "2024-12-17 10:20:30 +0800 +0800", "the zone stands there twice"),
    ("2024-12-17T10:20:30+00:00", "2024-12-17 10:20:30 +0000 UTC", "no difference is UTC"),
    ("2024-12-17T10:20:30.50Z", "2024-12-17 10:20:30.5 +0000 UTC", "zeros at the end go"),
    ("2024-12-17T10:20:30.123456789012Z", "2024-12-17 10:20:30.123456789 +0000 UTC", "nanoseconds are the end"),
    ("2024-12-17T24:00:00Z", "2024-12-17T24:00:00Z", "a day has hours 0 to 23"),
]


@pytest.mark.parametrize(("text", "expected", "reason"), [*INTEGERS, *FLOATS, *NAMES, *TIMES])
def test_an_unquoted_scalar_is_what_the_engine_makes_of_it(text: str, expected: Any, reason: str) -> None:
    actual = plain_scalar(text)

    assert expected == actual, reason
    assert type(expected) is type(actual), reason


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        ('"5"', "5", "double quotes make text"),
        ("'5'", "5", "single quotes make text"),
        ('"0644"', "0644", "so a mode is kept as it is written"),
        ('"true"', "true", "so is true"),
        ('"2024-12-17"', "2024-12-17", "so is an image tag that looks like a date"),
        ('""', "", "empty text is not null"),
        ("'it''s'", "it's", "a quote is doubled in single quotes"),
        (r'"a\tb\u4e2d"', "a\tb中", "escapes count in double quotes"),
        (r"'a\tb'", r"a\tb", "and not in single quotes"),
        ("!!str 5", "5", "a tag makes text of a number"),
        ("!!str", "", "and of nothing"),
        ('!!int "5"', 5, "or a number of text"),
        ("!!int 0644", 420, "read as without the tag"),
        ("!!float 5", 5, "a whole float is an integer in JSON"),
        ("!!float 5.5", 5.5, "a float"),
        ('!!bool "true"', True, "or a truth value"),
        ("!!null ~", None, "or null"),
        ("!!seq [1]", [1], "tags of lists say nothing new"),
        ("!!map {a: 1}", {"a": 1}, "nor those of mappings"),
        ("a b # comment", "a b", "a comment begins after a space"),
        ("a#b", "a#b", "and not without one"),
        ("reg:5000/x:1.0", "reg:5000/x:1.0", "a colon inside a word is text"),
        ("?x", "?x", "a question mark before a word is text"),
        ("千问 😀", "千问 😀", "any script is text"),
    ],
)
def test_quotes_and_tags_decide_the_type(text: str, expected: Any, reason: str) -> None:
    assert value_of(f"key: {text}\n") == {"key": expected}, reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (".nan", "JSON has no such number"),
        (".inf", "nor this one"),
        ("-.INF", "nor this one"),
        ("!!bool yes", "yes is text for the engine"),
        ("!!int x", "text is no number"),
        ("!!null x", "text is not null"),
    ],
)
def test_a_value_that_a_configuration_cannot_hold_is_refused_where_it_stands(text: str, reason: str) -> None:
    finding = refusal(f"a: 1\nkey: {text}\n")

    assert finding.rule == "yaml-value", reason
    assert finding.span
    assert (finding.span.line, finding.span.column) == (2, 6), reason


KEYS = [
    ("{5: 1}", {"5": 1}, "a number"),
    ("{1.0: 1}", {"1": 1}, "a whole float"),
    ("{010: 1}", {"8": 1}, "an octal number"),
    ("{true: 1}", {"true": 1}, "a truth value"),
    ("{~: 1}", {"<nil>": 1}, "null, as Go prints it"),
    ("{2024-12-17: 1}", {"2024-12-17 00:00:00 +0000 UTC": 1}, "a date"),
    ("{模型: 1}", {"模型": 1}, "Chinese"),
    ('{"a b": 1}', {"a b": 1}, "quoted"),
    ("{x, y: 1}", {"x": None, "y": 1}, "a key alone has no value"),
    ('{"x":1}', {"x": 1}, "JSON needs no space"),
    ("{x:1}", {"x:1": None}, "YAML does"),
    ("{x: 1,}", {"x": 1}, "a comma at the end"),
    ("{}", {}, "no key"),
]


@pytest.mark.parametrize(("text", "expected", "reason"), KEYS)
def test_keys_are_text_whatever_they_look_like(text: str, expected: Any, reason: str) -> None:
    assert value_of(f"key: {text}\n") == {"key": expected}, reason


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
        ("a: &x {n: *x}\n", "an anchor that contains itself", (1, 11)),
        ("a: &x [*x]\n", "an anchor that contains itself", (1, 8)),
        ("a: &x {<<: *x}\n", "an anchor that contains itself", (1, 4)),
        ("b: {<<: 5}\n", "a merge (<<) of what is no mapping", (1, 9)),
        ("b: {<<: ~}\n", "a merge (<<) of what is no mapping", (1, 9)),
        ("b: {<<: [1]}\n", "a merge (<<) of what is no mapping", (1, 10)),
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


def test_aliases_that_stand_for_too_many_values_are_refused_in_a_moment() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for earlier, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{earlier}'] * 10)}]")
    file = read_yaml("stack.yaml", "\n".join(lines))

    assert [finding.message for finding in file.findings] == ["not YAML: aliases for too many values"]


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

    assert (finding.rule, finding.message) == ("duplicate-key", f"key {key!r} stands twice"), reason
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
