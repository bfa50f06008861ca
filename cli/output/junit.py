"""For CI systems: the outcome of `smoke` as JUnit's XML, a suite for each service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from client.smoke import Check, Smoked

_UNKNOWN_TO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(stack: str, done: Sequence[Smoked]) -> str:
    """One document for all services of a stack."""
    return "\n".join(_document(stack, done))


def _document(stack: str, done: Sequence[Smoked]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<testsuites name={_quoted(f'smoke {stack}')}>"
    for one in done:
        counts = " ".join(
            f'{word}="{sum(check.state == state for check in one.checks)}"'
            for word, state in (("failures", "failed"), ("skipped", "skipped"))
        )
        spent = sum(check.seconds or 0 for check in one.checks)
        yield f'  <testsuite name={_quoted(one.service)} tests="{len(one.checks)}" {counts} time="{spent:.3f}">'
        for check in one.checks:
            yield f"    {_case(one.service, check)}"
        yield "  </testsuite>"
    yield "</testsuites>"


def _case(service: str, check: Check) -> str:
    head = f'<testcase classname={_quoted(service)} name={_quoted(check.name)} time="{check.seconds or 0:.3f}"'
    if check.state == "passed":
        return f"{head}/>"
    word = "failure" if check.state == "failed" else "skipped"
    return f"{head}><{word} message={_quoted(check.detail)}/></testcase>"


def _quoted(text: str) -> str:
    return f'"{escape(_UNKNOWN_TO_XML.sub("?", text))}"'
