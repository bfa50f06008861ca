"""Durations and quantities, as Kubernetes writes them."""

from __future__ import annotations

import pytest

from models.record import byte_count, seconds


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
    ("text", "expected"),
    [("64Gi", 64 * 2**30), ("1Ki", 1024), ("1Mi", 2**20), ("2Ti", 2**41), ("1k", 1000), ("3M", 3 * 10**6), ("5", 5)],
)
def test_a_quantity_is_read_as_kubernetes_writes_it(text: str, expected: int) -> None:
    assert expected == byte_count(text)


@pytest.mark.parametrize("text", ["", "Gi", "64GB", "64gi", "-1Gi", "1.5Gi", "64 Gi", "64Gi\n", "６4Gi", 64, None, []])
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="with its unit"):
        byte_count(text)
