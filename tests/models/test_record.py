"""Durations and quantities, as Kubernetes writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.record import byte_count, cpu_amount, duration_text, quantity_text, seconds
from models.stack_file.keys.memory import memory_amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [("100s", 100), ("25m", 1500), ("1h", 3600), ("1h30m", 5400), ("1h1m1s", 3661), ("0s", 0), ("120m", 7200)],
)
def test_a_duration_is_read_as_kubernetes_writes_it(text: str, expected: int) -> None:
    assert expected == seconds(text)


@pytest.mark.parametrize(
    "text", ["", "100", "s", "1d", "30m1h", "1.5h", "-1s", "1 s", "100s\n", "１s", 100, None, True, []]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="with its unit"):
        seconds(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("64Gi", 64 * 2**30),
        ("1Ki", 1024),
        ("1Mi", 2**20),
        ("2Ti", 2**41),
        ("1.5Ti", 3 * 2**39),
        ("1Pi", 2**50),
        ("1Ei", 2**60),
        ("16Ei", 2**63 - 1),
        ("1k", 1000),
        ("3M", 3 * 10**6),
        ("2E", 2 * 10**18),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1.5e1", 15),
        ("12e-1", 2),
        ("5", 5),
        ("+5", 5),
        ("0.5", 1),
        (".5Ki", 512),
        ("1.Ki", 1024),
        ("500m", 1),
        ("1500m", 2),
        ("1n", 1),
        ("1u", 1),
        ("0", 0),
        (64, 64),
        (0.5, 1),
        (1000.0, 1000),
    ],
)
def test_memory_is_read_as_kubernetes_reads_it(value: object, expected: int) -> None:
    assert byte_count(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Gi",
        "64GB",
        "64gi",
        "64MB!",
        "-1Gi",
        "64 Gi",
        "64Gi\n",
        "６4Gi",
        "1e",
        "1K",
        "1ki",
        "1.2.3",
        ".",
        None,
        [],
        True,
    ],
)
def test_a_text_that_is_no_quantity_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write a quantity as Kubernetes does"):
        byte_count(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (24, 24),
        ("24", 24),
        ("500m", "500m"),
        (0.5, "500m"),
        ("0.5", "500m"),
        ("1500m", "1500m"),
        ("2000m", 2),
        ("1e1", 10),
    ],
)
def test_cpus_are_read_as_kubernetes_reads_them(value: object, expected: int | str) -> None:
    assert cpu_amount(value) == expected


@pytest.mark.parametrize("value", [0, "0", "10001", "1e6", "two", None])
def test_a_number_of_cpus_that_no_pod_can_have_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write"):
        cpu_amount(value)


@given(st.integers(min_value=0, max_value=2**62))
def test_a_written_quantity_is_read_as_the_same_number(count: int) -> None:
    assert byte_count(quantity_text(count)) == count


@given(st.integers(min_value=0, max_value=10**7))
def test_a_written_duration_is_read_as_the_same_number(count: int) -> None:
    assert seconds(duration_text(count)) == count


@pytest.mark.parametrize("value", [64, 0, "64", "512Ki", "64m", 0.5])
def test_memory_without_its_unit_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"bytes? is less than 1Mi; write the unit"):
        memory_amount(value)


@pytest.mark.parametrize(("value", "amount"), [("1Mi", 2**20), (2**30, 2**30), ("2M", 2_000_000)])
def test_memory_with_its_unit_or_in_bytes_is_accepted(value: object, amount: int) -> None:
    assert memory_amount(value) == amount
