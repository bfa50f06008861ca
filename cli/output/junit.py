"""For CI systems: the result of `smoke` as JUnit's XML, one suite for each service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from client.smoke import Check, SmokeResult

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(stack: str, results: Sequence[SmokeResult]) -> str:
    """One document for all services of a stack."""
    return "\n".join(_document(stack, results))


def _document(stack: str, results: Sequence[SmokeResult]) -> Iterator[str]:
    title = quoted(f"smoke {stack}")
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<testsuites name={title}>"
    for result in results:
        yield from _suite(result)
    yield "</testsuites>"


def _suite(result: SmokeResult) -> Iterator[str]:
    states = [check.state for check in result.checks]
    failures = states.count("failed")
    skipped = states.count("skipped")
    total = len(states)
    seconds = sum(check.seconds or 0 for check in result.checks)
    name = quoted(result.service)
    counts = f'tests="{total}" failures="{failures}" skipped="{skipped}"'
    yield f'  <testsuite name={name} {counts} time="{seconds:.3f}">'
    for check in result.checks:
        case = _case(result.service, check)
        yield f"    {case}"
    yield "  </testsuite>"


def _case(service: str, check: Check) -> str:
    suite = quoted(service)
    name = quoted(check.name)
    seconds = check.seconds or 0
    head = f'<testcase classname={suite} name={name} time="{seconds:.3f}"'
    if check.state == "passed":
        return f"{head}/>"
    message = quoted(check.detail)
    outcome = "skipped"
    if check.state == "failed":
        outcome = "failure"
    return f"{head}><{outcome} message={message}/></testcase>"


def quoted(text: str) -> str:
    """A text as the value of an attribute. Characters that XML does not allow are replaced."""
    printable = _NOT_IN_XML.sub("?", text)
    return f'"{escape(printable)}"'
