"""Outages of the API server: when they are reported, and in which words."""

from __future__ import annotations

import asyncio

from cluster.api.outage import Contact, OutageReport, reported

ANSWERS = 0.0


def lines_of(silences: list[float]) -> list[str]:
    """The lines that an outage with these lengths leads to, as a watcher sees them one after the other."""
    lines: list[str] = []
    report = OutageReport("prod", "the update waits", lines.append)
    for silence in silences:
        report.update(silence)
    return lines


def test_short_silences_are_not_reported() -> None:
    assert lines_of([0.5, 2.0, 4.5, ANSWERS, 4.5, ANSWERS]) == []


def test_an_outage_is_reported_with_its_length_from_time_to_time_and_at_its_end() -> None:
    each_second = [float(second) for second in range(46)]

    assert lines_of([*each_second, ANSWERS]) == [
        "the API server of 'prod' has not answered for 5 s; the update waits",
        "the API server of 'prod' has not answered for 20 s; the update waits",
        "the API server of 'prod' has not answered for 35 s; the update waits",
        "the API server of 'prod' answers again, after 45 s",
    ]


def test_each_outage_is_reported_for_itself() -> None:
    assert len(lines_of([6.0, ANSWERS, 6.0, ANSWERS])) == 4


def test_silence_begins_with_the_first_request_that_has_no_answer() -> None:
    moments = iter([100.0, 107.0])
    contact = Contact(now=lambda: next(moments))
    contact.request_sent()
    contact.request_sent()

    assert contact.silence == 7.0
    contact.answered()
    assert contact.silence == 0.0


def test_a_read_that_hangs_is_reported_before_it_fails() -> None:
    now = 0.0
    lines: list[str] = []
    contact = Contact(now=lambda: now)

    async def hang() -> str:
        nonlocal now
        contact.request_sent()
        await asyncio.sleep(0)
        now = 12.0
        return "an answer"

    report = OutageReport("prod", "status gives up", lines.append)
    result = asyncio.run(reported(hang(), contact, report))

    assert result == "an answer"
    assert lines == ["the API server of 'prod' has not answered for 12 s; status gives up"]
