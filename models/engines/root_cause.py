"""The root cause in the log of a failed start.

Several processes write one log. The engine's processes fail first, and the API server prints its own traceback below
theirs. In vLLM 0.6.3 the lines do not name their process; later releases begin them with `(EngineCore_DP0 pid=9)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from models.engines.log_lines import KnownError, Weight

_PROCESS = re.compile(r"^\s*\((?P<name>\w[\w =.-]*?) pid=\d+(?:, ip=[\d.]+)?\) ?")
_RANK = re.compile(r"^\s*\[rank\d+\]:\s?")
_LEVEL = re.compile(
    r"^\s*(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\b[: ]"
    r"(?:\s*\d\d-\d\d \d\d:\d\d:\d\d)?\s*(?:\[?[\w./-]+\.py:\d+\])?\s?"
)
_NO_ERROR = re.compile(
    r"^\s*\[(?:INFO|EVENT|DEBUG|WARNING|TRACE)\]"
    r"|^\s*(?:DEBUG|INFO|WARNING)\b[: ]"
    r"|\b(?:Future|Deprecation|PendingDeprecation|Resource|Import|Syntax|Runtime)Warning:"
    r"|args: (?:Namespace\(|\{)"
    r"|Exception ignored in:"
)
"""Lines of starts that succeed."""
_OF_EVERY_START = re.compile(
    r"Failed to import from vllm\._\w+"
    r"|The HCCL execution timeout was set to never timeout"
    r"|The IPv[46] network addresses of .* cannot be retrieved|errno: 97 - Address family not supported"
)
"""Lines that every start on an NPU prints, and that look like errors."""
_HINTS: Sequence[Weight] = ("consequence", "doubt")
"""The possible causes of such a line, if nothing else explains the failure."""
_FRAME = re.compile(
    r'^(?:\w+ \d\d-\d\d [\d:]+ \S+\s)?\s*(?:File "|frame #\d+:|[\^~]+\s*$)'
)
"""Lines of a traceback that only name a place in the code; the line below shows its text."""
_EXCEPTION = re.compile(
    r"^(?:[a-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Timeout|Failure|NotFound)(?:: .*|$)"
)
_IGNORED_EXCEPTION = re.compile(
    r"^[\w.]*(?:CancelledError|KeyboardInterrupt|SystemExit|EngineDeadError)\b"
)

_ORDER: Mapping[Weight, int] = {
    "cause": 0,
    "general": 1,
    "consequence": 2,
    "doubt": 3,
}
"""Which explanation is preferred. An exception that no known error describes is as good as a general one."""

_MESSAGE = 12
"""Lines of one message: CANN writes its own codes below the exception of Python."""


@dataclass(frozen=True)
class Cause:
    """Why a start failed."""

    line: str
    """The log line that reports it, without the name of its process."""
    known: KnownError | None
    """The meaning of the line; None for an exception that nothing describes."""


@dataclass(frozen=True)
class _Candidate:
    """A line that may explain the failure."""

    cause: Cause
    index: int
    """The number of the line."""
    process: str
    """The process that the line names."""

    @property
    def order(self) -> int:
        """The order of its weight."""
        if self.cause.known is None:
            return _ORDER["general"]
        return _ORDER[self.cause.known.weight]

    @property
    def rank(self) -> tuple[int, bool, int]:
        """The lower, the more it explains: the first precise line of the engine comes first.

        The API server also reports failures of the engine.
        """
        is_of_server = self.process.lower().startswith("apiserver")
        return self.order, is_of_server, self.index

    def is_detail_of(self, other: _Candidate) -> bool:
        """Whether both lines belong to one message."""
        distance = self.index - other.index
        is_near = 0 <= distance <= _MESSAGE
        return is_near and self.process == other.process and self.order == other.order


def find_cause(
    lines: Sequence[str], known_errors: Sequence[KnownError]
) -> Cause | None:
    """The first line in a log that explains why a start failed, or None.

    Args:
        lines: The last lines of the log, the older ones first.
        known_errors: The errors of the release, the most specific first.
    """
    return _find_cause(tuple(lines), tuple(known_errors))


def find_error(
    lines: Sequence[str], known_errors: Sequence[KnownError]
) -> KnownError | None:
    """The known error that explains why a start failed, or None."""
    cause = find_cause(lines, known_errors)
    if cause is None:
        return None
    return cause.known


@lru_cache(maxsize=64)
def _find_cause(
    lines: tuple[str, ...], known_errors: tuple[KnownError, ...]
) -> Cause | None:
    """The result is kept: a wait reads the log of a crashed container again every few seconds."""
    candidates = list(_candidates(lines, known_errors))
    best = min(candidates, key=lambda candidate: candidate.rank, default=None)
    if best is None:
        return None
    details = [
        candidate.cause for candidate in candidates if candidate.is_detail_of(best)
    ]
    for known in known_errors:
        for cause in details:
            if cause.known is known:
                return cause
    return best.cause


def _candidates(
    lines: Sequence[str], known_errors: Sequence[KnownError]
) -> Iterator[_Candidate]:
    is_after_frame = False
    for index, line in enumerate(lines):
        process, text = _without_process(line)
        is_code = is_after_frame and _LEVEL.sub("", text).startswith("   ")
        is_after_frame = bool(_FRAME.search(text))
        if is_code or is_after_frame:
            continue
        cause = _cause_in(text, known_errors)
        if cause is None:
            continue
        yield _Candidate(
            cause=cause,
            index=index,
            process=process,
        )


def _without_process(line: str) -> tuple[str, str]:
    """The process that a line names, and the line without it."""
    process = ""
    match = _PROCESS.match(line)
    while match:
        process = match["name"]
        line = line[match.end() :]
        match = _PROCESS.match(line)
    return process, _RANK.sub("", line)


def _cause_in(line: str, known_errors: Sequence[KnownError]) -> Cause | None:
    if _OF_EVERY_START.search(line):
        return None
    text = _LEVEL.sub("", line).strip()
    is_no_error = bool(_NO_ERROR.search(line))
    matching = [known for known in known_errors if known.is_in(line)]
    if is_no_error:
        matching = [known for known in matching if known.weight in _HINTS]
    if matching:
        known = min(matching, key=lambda known: _ORDER[known.weight])
        return Cause(line=text, known=known)
    is_exception = _EXCEPTION.match(text) and not _IGNORED_EXCEPTION.match(text)
    if is_exception and not is_no_error:
        return Cause(line=text, known=None)
    return None
