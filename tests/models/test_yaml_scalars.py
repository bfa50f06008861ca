"""Scalars and keys are what the engine makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from models.yaml_scalar import plain_scalar
from tests.models.yaml_texts import refusal, value_of

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
