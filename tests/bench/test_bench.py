"""The benchmark's table: medians, ratios, and the limits they are held against."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.bounds import LARGEST, write_largest
from bench.projects import changed_stack, objects_file, write_bare, write_ours
from bench.table import (
    BARE,
    CHECK,
    CHECK_CPU,
    DESTROY,
    DIFF,
    KUBECTL,
    NO_CHANGE,
    OURS,
    UP,
    VERIFY,
    Key,
    Times,
    as_json,
    as_text,
    rows,
)
from models import check, load_stack, resolve
from models.stack_file.load import load_text
from review import compare

TIMES: Times = {
    Key(UP, OURS, 1): [2.4, 9.0, 2.0],
    Key(UP, BARE, 1): [2.0, 2.0, 2.0],
    Key(UP, KUBECTL, 1): [0.5, 0.3, 0.4],
    Key(NO_CHANGE, OURS, 1): [3.0],
    Key(NO_CHANGE, BARE, 1): [2.0],
    Key(DESTROY, OURS, 1): [14.9],
    Key(DESTROY, KUBECTL, 1): [10.0],
    Key(CHECK, OURS, 1): [1.6],
    Key(DIFF, OURS, 1): [1.9],
    Key(CHECK_CPU, OURS, 380): [1.8],
    Key(VERIFY, OURS, 10_000): [10.1],
}


def test_a_slow_run_does_not_count_against_the_median() -> None:
    first = next(rows(TIMES))

    assert (first.ours, first.theirs, first.ratio, first.missed) == (2.4, 2.0, 1.2, False)


def test_the_table_says_which_limits_are_missed() -> None:
    assert as_text(rows(TIMES)) == (
        "MEASUREMENT    NUMBER  OURS     THEIRS           RATIO  LIMIT\n"
        "up             1       2.40 s   2.00 s bare      1.20   1.4    ok\n"
        "up             1       2.40 s   0.40 s kubectl   6.00   -\n"
        "up, no change  1       3.00 s   2.00 s bare      1.50   1.4    MISSED\n"
        "destroy        1       14.90 s  -                -      15 s   ok\n"
        "destroy        1       14.90 s  10.00 s kubectl  1.49   -\n"
        "check          1       1.60 s   -                -      1.5 s  MISSED\n"
        "diff           1       1.90 s   -                -      2 s    ok\n"
        "check, CPU     380     1.80 s   -                -      2 s    ok\n"
        "verify files   10000   10.10 s  -                -      10 s   MISSED"
    )


def test_programs_read_the_same_rows_as_json() -> None:
    record = json.loads(as_json(rows(TIMES)))

    assert record["version"] == 1
    assert [(row["step"], row["missed"]) for row in record["rows"]] == [
        ("up", False),
        ("up", False),
        ("up, no change", True),
        ("destroy", False),
        ("destroy", False),
        ("check", True),
        ("diff", False),
        ("check, CPU", False),
        ("verify files", True),
    ]


@pytest.mark.parametrize(
    ("services", "against", "limit", "reason"),
    [
        (10, BARE, 1.4, "few services: components may cost a little"),
        (10, KUBECTL, None, "few services: Pulumi's own start counts more than the cluster"),
        (100, BARE, None, "many services: kubectl is what is compared with"),
        (100, KUBECTL, 1.0, "many services: the cluster's own time counts"),
    ],
)
def test_limits_hold_for_the_sizes_they_were_set_for(
    services: int, against: str, limit: float | None, reason: str
) -> None:
    times = {Key(UP, who, services): [1.0] for who in (OURS, BARE, KUBECTL)}

    assert {row.against: row.limit for row in rows(times)}[against] == limit, reason


def test_everybody_gets_the_same_services_and_nothing_is_wrong_with_them(tmp_path: Path) -> None:
    write_ours(tmp_path / "ours", "n3", "kwok-bench", 3)
    write_bare(tmp_path / "bare", "n3", "kwok-bench", tmp_path / "ours")
    stack = resolve(load_stack("n3", project=tmp_path / "ours"))
    objects = json.loads(objects_file(tmp_path / "bare").read_text())["items"]

    assert check(stack).findings == ()
    assert len({one["metadata"]["name"] for one in objects if one["kind"] == "ConfigMap"}) == 3


def test_everybody_waits_until_the_pods_are_ready(tmp_path: Path) -> None:
    write_ours(tmp_path / "ours", "n3", "kwok-bench", 3)
    write_bare(tmp_path / "bare", "n3", "kwok-bench", tmp_path / "ours")
    objects = json.loads(objects_file(tmp_path / "bare").read_text())["items"]
    unawaited = {one["kind"] for one in objects if "pulumi.com/skipAwait" in one["metadata"].get("annotations", {})}

    assert unawaited == {"ConfigMap", "Service"}, "our program waits itself; of a Service nobody has to wait"


def test_every_service_differs_between_the_two_stacks_that_are_compared(tmp_path: Path) -> None:
    write_ours(tmp_path / "ours", "n3", "kwok-bench", 3)
    file = tmp_path / "ours" / "Pulumi.n3.yaml"
    old, new = (resolve(load_text("n3", str(one), one.read_text())) for one in (file, changed_stack(file)))

    assert check(new).findings == ()
    assert [one.restarts for one in compare(old, new).services] == [True] * 3


@pytest.mark.slow
@pytest.mark.parametrize(("services", "rules"), [(LARGEST, set()), (LARGEST + 10, {"stack-size"})])
def test_the_largest_stack_is_nearly_as_large_as_a_stack_may_be(services: int, rules: set[str], tmp_path: Path) -> None:
    file = write_largest(tmp_path / "largest", services)
    stack = resolve(load_stack("largest", project=file.parent))

    assert {finding.rule for finding in check(stack).findings} == rules
