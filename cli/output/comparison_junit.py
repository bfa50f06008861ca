"""For CI systems: the result of `compare` as JUnit's XML, one case for each measure."""

from __future__ import annotations

from collections.abc import Iterator

from cli.output.junit import quoted
from client.comparison.run import Comparison

CERTAIN = ("answers", "prompts", "load")
"""The cases without a test: whether B answers at all, sees the same tokens, and answers under load."""


def junit(comparison: Comparison) -> str:
    """One document with one suite."""
    return "\n".join(_document(comparison))


def _document(comparison: Comparison) -> Iterator[str]:
    measures = [measure.aspect.name for measure in comparison.verdict.measures]
    names = [*CERTAIN, *measures]
    failures = {reason.name: reason.text for reason in comparison.verdict.reasons}
    title = quoted(f"compare {comparison.a} {comparison.b}")
    counts = f'tests="{len(names)}" failures="{len(failures)}"'
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<testsuites name={title}>"
    yield f"  <testsuite name={title} {counts}>"
    for name in names:
        head = f"<testcase classname={quoted('compare')} name={quoted(name)}"
        if name in failures:
            message = quoted(failures[name])
            yield f"    {head}><failure message={message}/></testcase>"
        else:
            yield f"    {head}/>"
    yield "  </testsuite>"
    yield "</testsuites>"
