"""Lines of real logs are explained, and lines of starts that succeed are not.

`log_lines/explained.tsv` has the id of the right entry, the public report or the source of the message, and the line.
`log_lines/plugin.tsv` has what vllm-ascend prints when it refuses its settings.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from models.engines.releases import VERSIONS, release
from models.engines.root_cause import find_cause, find_error

LINES = Path(__file__).parent / "log_lines"
FAMILIES = ("0.6.3", "0.23.0")
ENGINE = "(EngineCore_DP0 pid=366) ERROR 08-20 10:00:00 [core.py:1099] "
ONLY_IN_0_6_3 = {"multi-step", "prefix-caching"}


def rows(file: str) -> list[tuple[str, str, str]]:
    text = (LINES / file).read_text(encoding="utf-8")
    table = [tuple(row.split("\t")) for row in text.splitlines()[1:]]
    return [(id, source, line) for id, source, line in table]


def explanation(line: str, version: str) -> str:
    known = find_error(["INFO 11-20 10:00:00 loading", line, "shutting down"], release(version).known_errors)
    return known.id if known else "none"


@pytest.mark.parametrize("version", FAMILIES)
@pytest.mark.parametrize(("id", "source", "line"), rows("explained.tsv"))
def test_a_line_of_a_public_report_is_explained(version: str, id: str, source: str, line: str) -> None:
    if id in ONLY_IN_0_6_3 and version != "0.6.3":
        return

    assert explanation(line, version) == id, source


@pytest.mark.parametrize(("id", "source", "line"), rows("plugin.tsv"))
def test_a_refusal_of_the_plugin_is_explained(id: str, source: str, line: str) -> None:
    for text in (line, ENGINE + line):
        assert explanation(text, "0.23.0") == id, source


@pytest.mark.parametrize("version", FAMILIES)
@pytest.mark.parametrize("line", (LINES / "harmless.txt").read_text(encoding="utf-8").splitlines())
def test_a_line_of_a_start_that_succeeds_explains_nothing(version: str, line: str) -> None:
    assert find_cause([line], release(version).known_errors) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_known_error_has_a_reason_a_fix_and_a_source(version: str) -> None:
    for known in release(version).known_errors:
        for text in (known.meaning, known.why, known.fix):
            assert text
            assert not text.endswith("."), known.id
        assert known.source.startswith("https://"), known.id


def test_all_releases_of_the_plugin_know_the_same_errors() -> None:
    assert all(release(version).known_errors == release("0.23.0").known_errors for version in VERSIONS[1:])
