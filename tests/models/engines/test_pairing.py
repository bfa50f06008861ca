"""Which versions belong to a release, which do not, and which nobody knows about."""

from __future__ import annotations

import pytest

from models.engines.pairing import Pairing, Verdict
from models.engines.releases import release
from models.engines.vllm_ascend.tables import RELEASES

KNOWN = Pairing(
    cann="9.1.0",
    torch="2.10.0",
    torch_npu="2.10.0.post4",
    python="3.12",
    pythons=("3.10", "3.11", "3.12"),
    driver="25.5.1",
)


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("9.1.0", "paired"),
        ("8.5.1", "excluded"),
        ("8.0.RC3", "excluded"),
        ("9.0.1", "excluded"),
        ("9.1.1", "unknown"),
        ("9.1.0.beta1", "excluded"),
        ("our-build", "unknown"),
    ],
)
def test_an_older_cann_is_excluded_and_a_newer_one_is_unknown(version: str, verdict: Verdict) -> None:
    assert KNOWN.verdict_on_cann(version) == verdict


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("2.10.0.post4", "paired"),
        ("2.10.0.post2", "unknown"),
        ("2.10.0", "unknown"),
        ("2.9.0", "excluded"),
        ("2.11.0", "excluded"),
        ("nightly", "unknown"),
    ],
)
def test_another_torch_npu_is_excluded_but_another_build_of_it_is_unknown(version: str, verdict: Verdict) -> None:
    assert KNOWN.verdict_on_torch_npu(version) == verdict


def test_torch_is_the_version_that_the_compiled_files_are_for() -> None:
    assert KNOWN.verdict_on_torch("2.10.0") == "paired"
    assert KNOWN.verdict_on_torch("2.10.0+cpu") == "unknown"
    assert KNOWN.verdict_on_torch("2.5.1") == "excluded"


def test_every_supported_python_belongs_to_a_release() -> None:
    assert KNOWN.verdict_on_python("3.11") == "paired"
    assert KNOWN.verdict_on_python("3.9") == "excluded"


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("3.12.4", "paired"), ("3.10.0", "paired"), ("3.9.18", "excluded"), ("3.1", "excluded"), ("pypy", "unknown")],
)
def test_a_patch_of_a_supported_python_belongs_to_a_release(version: str, verdict: Verdict) -> None:
    assert KNOWN.verdict_on_python(version) == verdict


def test_every_torch_npu_that_the_publisher_pairs_with_a_release_belongs_to_it() -> None:
    """The wheel of 0.18.0 and its page of versions name different builds."""
    pairing = release("0.18.0").pairing

    assert pairing.verdict_on_torch_npu("2.9.0") == "paired"
    assert pairing.verdict_on_torch_npu("2.9.0.post1+git4c901a4") == "paired"
    assert pairing.verdict_on_torch_npu("2.9.0.post1") == "unknown"


def test_an_older_driver_is_not_refused_because_other_graph_modes_may_run_on_it() -> None:
    assert KNOWN.verdict_on_driver("25.5.1") == "paired"
    assert KNOWN.verdict_on_driver("26.0.0") == "paired"
    assert KNOWN.verdict_on_driver("24.1.rc3") == "unknown"


def test_nothing_is_excluded_where_nothing_is_published() -> None:
    nothing = release("0.6.3").pairing

    assert nothing.verdict_on_cann("8.0.RC3") == "unknown"
    assert nothing.verdict_on_torch("2.1.0") == "unknown"
    assert nothing.verdict_on_python("3.9") == "unknown"
    assert nothing.verdict_on_driver("24.1.rc3") == "unknown"


@pytest.mark.parametrize("version", RELEASES)
def test_a_release_belongs_to_what_its_images_contain(version: str) -> None:
    pairing = release(version).pairing  # type: ignore[arg-type]

    assert pairing.cann is not None
    assert pairing.verdict_on_cann(pairing.cann) == "paired"
    if pairing.python:
        assert pairing.verdict_on_python(pairing.python) == "paired"
