"""A list of checksums that somebody wrote by hand: what no pod could use is a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_text

STACK = """config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen:
      image: registry.example.com/ascend-vllm:6.3.912
      model: {source: /mnt/models/Qwen2-7B-Instruct, verify: weights.json}
      engine: {maxModelLen: 4096}
"""
ENTRY = {"size": 1, "sha256": "a" * 64}


def messages(directory: Path, checksums: str) -> list[str]:
    """The findings of `check` on a service with these checksums."""
    (directory / "weights.json").write_text(checksums, encoding="utf-8", errors="surrogatepass")
    stack = resolve(load_text("prod", str(directory / "Pulumi.prod.yaml"), STACK))
    return [f"{finding.rule}: {finding.message}" for finding in check(stack).findings]


def listing(*names: str) -> str:
    return json.dumps({"files": dict.fromkeys(("config.json", "a.safetensors", *names), ENTRY)})


def test_a_plain_list_is_accepted(tmp_path: Path) -> None:
    assert messages(tmp_path, listing("adapters/é 一.bin")) == []


@pytest.mark.parametrize(
    ("checksums", "words"),
    [
        ("\ufeff" + listing(), "it begins with a byte order mark (BOM); save it as UTF-8 without one"),
        (f'{{"files": {{"a": {{"size": {"9" * 4301}}}}}}}', "a number has more than 4300 digits"),
        (f'{{"files": -{"9" * 5000}}}', "a number has more than 4300 digits"),
        ("[" * 100_000, "its values are nested too deeply"),
    ],
)
def test_an_unreadable_list_is_explained_without_words_of_python(tmp_path: Path, checksums: str, words: str) -> None:
    assert messages(tmp_path, checksums) == [
        f"weight-files: {tmp_path}/weights.json is not a list of checksums: {words}"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a\0b.bin", "must be a path below a directory"),
        ("a\nb.bin", "must be a path below a directory"),
        ("/a.bin", "must be a path below a directory"),
        ("", "must be a path below a directory"),
        ("../a.bin", "write it without //, . and .."),
        ("a/../b.bin", "write it without //, . and .."),
        ("./a.bin", "write it without //, . and .."),
        ("a//b.bin", "write it without //, . and .."),
        ("a/", "write it without //, . and .."),
        ("a.safetensors/b", 'is below "a.safetensors", which is a file as well'),
        ("config.json/x/y.bin", 'is below "config.json", which is a file as well'),
        ("a\ud800.bin", "is not a character of UTF-8"),
        ("e\u0301.bin", "is not in Unicode's normal form NFC"),
        ("a\x1b[2J.bin", "has a character that cannot be printed"),
        ("a\u202eb.bin", "has a character that cannot be printed"),
        ("a" * 256, "has a part of more than 255 bytes"),
        ("/".join(["一" * 80] * 5), "has more than 1024 bytes"),
    ],
)
def test_a_name_that_is_no_file_everywhere_is_a_finding(name: str, message: str, tmp_path: Path) -> None:
    (found,) = messages(tmp_path, listing(name))

    assert found.startswith("weight-files: ")
    assert message in found


@pytest.mark.parametrize("size", ["1e400", "Infinity", "NaN", "1.5", "-1", "true", '"1"', "9" * 40, "9" * 5_000])
def test_a_size_that_no_file_has_is_a_finding(size: str, tmp_path: Path) -> None:
    text = listing().replace('"size": 1', f'"size": {size}', 1)

    (found,) = messages(tmp_path, text)
    assert found.startswith("weight-files: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "5",
        '"a"',
        "\ufeff{}",
        "{",
        listing() + "x",
        '{"files": null}',
        '{"files": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"files": {"a": ' + "[" * 300 + "]" * 300 + "}}",
        '{"files": {}, ' + listing()[1:],
        listing().replace('"a.safetensors"', '"config.json"'),
        listing().replace('"sha256"', '"size": 1, "sha256"'),
    ],
)
def test_what_is_no_list_of_checksums_is_a_finding(text: str, tmp_path: Path) -> None:
    (found,) = messages(tmp_path, text)

    assert found.startswith("weight-files: ")


def test_ten_thousand_bad_entries_are_a_few_findings(tmp_path: Path) -> None:
    entries = {f"{number}": {"size": "x", "sha256": "y"} for number in range(10_000)}

    assert len(messages(tmp_path, json.dumps({"files": entries}))) == 5
