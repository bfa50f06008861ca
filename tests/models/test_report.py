"""What a user reads: findings with their excerpts, and the line that counts."""

from __future__ import annotations

import pytest

from models.check import check
from models.finding import Finding, Mark, Span
from models.report import Accepted, Report, finding_text, report_text, summary
from tests.conftest import stack_of

IDLE = """\
qwen:
  image: a:1
  model: /m/Qwen2-7B
  npus: 8
  engine: {maxModelLen: 4096, tensorParallelSize: 1}
"""


def span(line: int, text: str, part: str, file: str = "Pulumi.dev.yaml") -> Span:
    """The place of a part of a line."""
    return Span(file, line, text.index(part) + 1, len(part), text)


def finding(*marks: Mark, service: str | None = "qwen") -> Finding:
    return Finding("a-rule", "error", "a message", "a reason", "a remedy", marks, service)


def excerpt(*marks: Mark) -> list[str]:
    return finding_text(finding(*marks)).splitlines()[1:-2]


def mark(path: str, note: str, where: Span | None) -> Mark:
    return Mark(tuple(path.split(".")), note, where)


def test_a_finding_has_message_position_why_and_fix() -> None:
    text = finding_text(finding(mark("services.qwen.npus", "too many", span(31, "      npus: 8", "npus: 8"))))

    assert text.splitlines() == [
        "error[a-rule]: a message",
        "  --> Pulumi.dev.yaml:31:7   qwen · npus",
        "   |",
        "31 |       npus: 8",
        "   |       ^^^^^^^ too many",
        "   = why: a reason",
        "   = fix: a remedy",
    ]


def test_two_marks_come_in_the_order_of_the_file_and_the_first_has_the_caret() -> None:
    first = mark("services.qwen.engine.a", "here", span(100, "  a: 1", "a: 1"))
    second = mark("services.qwen.b", "there", span(9, "b: 2", "b: 2"))

    assert excerpt(first, second) == [
        "  --> Pulumi.dev.yaml:100:3   qwen · engine.a",
        "    |",
        "  9 | b: 2",
        "    | ---- there",
        "100 |   a: 1",
        "    |   ^^^^ here",
    ]


def test_a_mark_in_another_file_is_named_below_the_excerpt() -> None:
    first = mark("services.qwen.a", "here", span(3, "a: 1", "a: 1"))
    second = mark("services.qwen.b", "there", span(7, "  b: 2", "b: 2", "services.yaml"))

    assert excerpt(first, second)[-2:] == ["  | ^^^^ here", "  ::: services.yaml:7:3 there"]


def test_the_caret_counts_chinese_characters_as_two_columns() -> None:
    where = span(1, "模型: {名: 千问, n: 1}", "名: 千问")

    assert excerpt(mark("模型.名", "", where))[-2:] == ["1 | 模型: {名: 千问, n: 1}", "  |        ^^^^^^^^"]


def test_a_finding_without_a_file_names_the_service_and_has_no_excerpt() -> None:
    text = finding_text(finding(mark("services", "", None)))

    assert text.splitlines() == ["error[a-rule]: a message", "  --> qwen", "   = why: a reason", "   = fix: a remedy"]
    assert "-->" not in finding_text(finding())


def test_a_finding_of_no_service_names_the_field_alone() -> None:
    where = mark("cluster.context", "", span(2, "context: a", "context: a"))

    assert finding_text(finding(where, service=None)).splitlines()[1] == "  --> Pulumi.dev.yaml:2:1   cluster.context"


def test_a_key_with_a_line_break_stays_on_its_line() -> None:
    where = Mark(("services", "qwen", "env", "A\nB"), "", Span("Pulumi.dev.yaml", 1, 1, 6, '"A\\nB": 1'))

    assert finding_text(finding(where)).splitlines()[1] == r"  --> Pulumi.dev.yaml:1:1   qwen · env.A\nB"


def test_a_mark_beyond_the_end_of_its_line_has_one_caret() -> None:
    where = mark("a", "", Span("Pulumi.dev.yaml", 4, 5, 1, "a: ["))

    assert excerpt(where)[-1] == "  |     ^"


WARNING = Finding("idle-npus", "warning", "two cards idle", "why", "fix", (), "qwen")
ERROR = Finding("a-rule", "error", "a message", "why", "fix", (), "qwen")


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (Report("dev", 0), "0 services: 0 errors, 0 warnings, 0 accepted"),
        (Report("dev", 1), "1 service: 0 errors, 0 warnings, 0 accepted"),
        (Report("dev", 2, (ERROR,)), "2 services: 1 error, 0 warnings, 0 accepted"),
        (Report("dev", 2, (ERROR, ERROR, WARNING)), "2 services: 2 errors, 1 warning, 0 accepted"),
        (
            Report("dev", 1, (), (Accepted(WARNING, "spare cards"),)),
            '1 service: 0 errors, 0 warnings, 1 accepted (idle-npus on qwen: "spare cards")',
        ),
        (
            Report("dev", 1, (), (Accepted(WARNING, "a"), Accepted(WARNING, "b"))),
            '1 service: 0 errors, 0 warnings, 2 accepted (idle-npus on qwen: "a"; idle-npus on qwen: "b")',
        ),
        (
            Report("dev", 2, (ERROR,), (), ("bad", "worse")),
            "2 services: 1 error, 0 warnings, 0 accepted\n"
            "not checked by the rules until the schema errors are fixed: bad, worse",
        ),
    ],
)
def test_the_last_line_counts_in_words(report: Report, expected: str) -> None:
    assert expected == summary(report)


def test_the_findings_stand_apart_from_each_other_and_from_the_summary() -> None:
    blocks = report_text(Report("dev", 1, (ERROR, WARNING))).split("\n\n")

    assert [block.splitlines()[0] for block in blocks] == [
        "error[a-rule]: a message",
        "warning[idle-npus]: two cards idle",
        "1 service: 1 error, 1 warning, 0 accepted",
    ]


def test_an_error_ends_the_program_with_the_whole_report() -> None:
    report = Report("dev", 1, (ERROR, WARNING))

    with pytest.raises(RuntimeError) as refused:
        report.raise_for_errors(RuntimeError)
    assert str(refused.value) == report_text(report)


def test_warnings_alone_do_not_end_the_program_and_are_said() -> None:
    said: list[str] = []
    report = Report("dev", 1, (WARNING,), (Accepted(WARNING, "spare cards"),))
    report.raise_for_errors(RuntimeError)
    report.warn(said.append)

    assert said == [finding_text(WARNING), "accepted: two cards idle (spare cards)"]


def test_a_finding_on_a_default_is_shown_at_what_holds_it() -> None:
    engine = "engine:\n    maxModelLen: 1"
    (found,) = check(
        stack_of(f"qwen:\n  image: a:1\n  model: /m/Qwen2-7B\n  visibleDevices: [3]\n  {engine}\n")
    ).findings

    assert [(mark.field, mark.span.line) for mark in found.marks if mark.span] == [("visibleDevices", 10), ("npus", 7)]


def test_marks_that_fall_on_one_place_are_shown_once() -> None:
    (found,) = check(stack_of("qwen: {image: a:1, model: /m, engine: {}}\n")).findings

    assert len(found.marks) == 1


def test_an_accepted_warning_stays_visible_with_its_reason() -> None:
    report = check(stack_of(f"{IDLE}  accept: {{idle-npus: spare cards}}\n"))

    assert report.findings == ()
    assert [(one.finding.rule, one.reason) for one in report.accepted] == [("idle-npus", "spare cards")]
    assert report.accepted[0].finding.span


@pytest.mark.parametrize(
    ("services", "severity", "message", "reason"),
    [
        (
            IDLE.replace("8", "1") + "  accept: {idle-npus: spare}\n",
            "warning",
            "accept waives idle-npus, but this rule reports nothing for the service",
            "the warning is gone",
        ),
        (
            IDLE.replace("8", "1") + "  accept: {idle-npu: spare}\n",
            "error",
            "accept names 'idle-npu', but no rule has this id",
            "the rule is not known",
        ),
        (
            IDLE.replace("npus: 8", "npus: 1").replace("Size: 1", "Size: 2")
            + "  accept: {parallel-size-above-npus: x}\n",
            "error",
            "accept waives parallel-size-above-npus, but its finding is an error",
            "an error stays one",
        ),
    ],
)
def test_a_waiver_that_waives_nothing_is_a_finding(services: str, severity: str, message: str, reason: str) -> None:
    found = [finding for finding in check(stack_of(services)).findings if finding.rule == "unused-accept"]

    assert [(severity, message)] == [(finding.severity, finding.message) for finding in found], reason


def test_a_waiver_of_one_service_does_not_count_for_another() -> None:
    report = check(stack_of(f"{IDLE}  accept: {{idle-npus: spare}}\n{IDLE.replace('qwen', 'other')}"))

    assert [(finding.rule, finding.service) for finding in report.findings] == [("idle-npus", "other")]


def test_findings_come_in_the_order_of_the_file() -> None:
    broken = "{image: 5, model: /m, engine: {maxModelLen: 1}}"
    report = check(stack_of(f"z: {broken}\n{IDLE}a: {broken}\n"))

    assert [finding.service for finding in report.findings] == ["z", "qwen", "a"]
