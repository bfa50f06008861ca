"""`python -m bench`: measure, print the table, and fail if a limit is missed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.measure import measure
from bench.table import as_json, as_text, rows
from sandbox.errors import SandboxError

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: every limit is kept; 1: one is missed; 3: it could not be measured."""
    options = _parser().parse_args(arguments)
    try:
        times = measure(options.services, options.repeat)
    except SandboxError as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted; the sandbox is deleted", file=sys.stderr)
        return _INTERRUPTED
    table = list(rows(times))
    if options.format == "json":
        print(as_json(table))
    else:
        print(as_text(table))
    return int(any(row.missed for row in table))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument(
        "--services",
        type=_counts,
        default="1,10,100",
        metavar="N,…",
        help="numbers of services",
    )
    parser.add_argument(
        "--repeat",
        type=_positive,
        default=3,
        metavar="K",
        help="runs of each step; the median counts",
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="format of the table"
    )
    return parser


def _counts(text: str) -> list[int]:
    numbers = {_positive(number) for number in text.split(",")}
    return sorted(numbers)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
