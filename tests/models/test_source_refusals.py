"""Sources of weights that are refused, in plain words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.models.sources import BUCKET, CLAIM, FILES, KEYS, SHA, bucket, service_with, stack_with


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The directory of the stack file and of the checksums."""
    (tmp_path / "weights.json").write_text(json.dumps({"files": FILES}))
    return tmp_path


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"source": {"path": "/m/a", "name": "x"}}, "source of kind hostPath has no key name; its keys are path"),
        (
            {"source": {**CLAIM, "path": "/b"}},
            "source of kind claim has no key path; its keys are size, class, name and directory",
        ),
        ({"source": {"kind": "pvc", "name": "a"}}, 'kind "pvc" must be hostPath, claim or bucket'),
        ({"source": {**CLAIM, "class": "fast"}}, "source: class is for a claim that the stack creates: write size too"),
        (
            bucket(accessKey=KEYS["accessKey"]),
            "source: accessKey and secretKey belong together: write both, or neither for a public bucket",
        ),
        (bucket(to={}), "to must be {path: …} or {claim: …}"),
        (bucket(to={"path": "/a", "claim": "b"}), "to must be {path: …} or {claim: …}, but it has path and claim"),
        (bucket(to={"path": "/a/b", "size": "1Gi"}), "to must be {path: …} or {claim: …}, but it has path and size"),
        (bucket(to="/dev/"), 'to "/dev/": it is a directory of the node\'s system; name one below it'),
        (bucket(to="/var/lib"), 'to "/var/lib": it is a directory of the node\'s system; name one below it'),
        ({"source": BUCKET}, "model: a bucket needs verify: the checksums list the files to fetch"),
        (
            {"source": "/m/a", "mountPath": "/b"},
            "model: mountPath is for a claim or a bucket; a directory of the node is seen under its own path",
        ),
        (
            {"source": "/m/a", "preparation": "1h"},
            "model: preparation is for weights that are fetched or verified: write verify",
        ),
        ({"source": {**CLAIM, "directory": "../x"}}, 'directory "../x": write it without //, . and .., and'),
        ({"source": {**CLAIM, "directory": "/x"}}, 'directory "/x" must be a path below a directory'),
    ],
)
def test_what_cannot_go_together_is_refused_in_plain_words(home: Path, model: Any, message: str) -> None:
    (finding,) = stack_with(home, model).findings

    assert finding.message.startswith(message)
    assert finding.rule == "bad-value"


@pytest.mark.parametrize(
    ("source", "missing"),
    [({"kind": "claim"}, ["name"]), ({"kind": "bucket"}, ["endpoint", "region", "bucket"]), ({}, ["path"])],
)
def test_a_source_without_a_key_that_its_kind_needs_is_refused(home: Path, source: Any, missing: list[str]) -> None:
    findings = stack_with(home, {"source": source, "verify": "weights.json"}).findings

    assert [finding.message for finding in findings] == [f"{key} is missing" for key in missing]
    assert {finding.rule for finding in findings} == {"missing-key"}
    assert {finding.marks[0].field for finding in findings} == {"model.source"}


@pytest.mark.parametrize(
    "endpoint",
    [
        *("obs.example.com", "ftp://obs.example.com", "https://obs.example.com/models", "https://obs.example.com?x=1"),
        *("https://user:canary@obs.example.com", "https://models.obs.example.com", "https://", "https://a b"),
        *("https://:443", "https://obs.example.com:", "https://obs.example.com:no", "https://obs.example.com:65536"),
        *("https://[fd00::1", "https://fd00::1", "https://obs..example.com", "https://obs.例え.jp", "https://a:0"),
    ],
)
def test_an_endpoint_is_a_host_and_nothing_of_it_is_repeated(home: Path, endpoint: str) -> None:
    (finding,) = stack_with(home, bucket(endpoint=endpoint)).findings

    assert finding.message.endswith("endpoint is https:// and the service's host, without bucket, path and credentials")
    assert "canary" not in finding.message + finding.why + finding.fix


@pytest.mark.parametrize(
    "endpoint", ["https://obs.example.com/", "http://10.0.0.1:9000", "https://[fd00::1]:65535", "http://minio:80/"]
)
def test_endpoints_with_ports_and_addresses_are_taken(home: Path, endpoint: str) -> None:
    assert service_with(home, bucket(endpoint=endpoint)).model.source.model_dump()["endpoint"] == endpoint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "weights.json is not a list of checksums: Expecting property name"),
        ("[]", "weights.json: "),
        ('{"files": {}}', "weights.json: files must not be empty"),
        (
            json.dumps({"files": {"/a": FILES["config.json"]}}),
            'weights.json: the key "/a" must be a path below a directory',
        ),
        (json.dumps({"files": {"a": {"size": -1, "sha256": SHA}}}), "weights.json: size -1 must be at least 0"),
        ('{"files": {"a": {"size": 1, "sha256": "ABC"}}}', 'weights.json: sha256 "ABC" must be 64 hexadecimal digits'),
        ('{"files": {"a": {"size": 1}}}', "weights.json: sha256 is missing"),
        (None, "weights.json cannot be read: No such file or directory"),
        (
            json.dumps({"files": {f"{number:0200}": {"size": 1, "sha256": SHA} for number in range(700)}}),
            "it has more than 180000 bytes, more than the ConfigMap of the launch can hold; list fewer files",
        ),
    ],
)
def test_checksums_that_no_pod_could_use_are_refused(home: Path, content: str | None, message: str) -> None:
    (home / "weights.json").unlink()
    if content is not None:
        (home / "weights.json").write_text(content)
    stack = stack_with(home, bucket())

    assert {finding.rule for finding in stack.findings} == {"weight-files"}
    assert message in stack.findings[0].message
    assert stack.findings[0].marks[0].path == ("services", "qwen-0", "model", "verify")
    assert stack.broken == ("qwen-0",)


def test_checksums_that_are_not_text_are_refused_in_one_line_and_not_shown(home: Path) -> None:
    (home / "weights.json").write_bytes(b'{"files": {"\xe4": "' + b"0" * 10_000 + b'"}}')
    (finding,) = stack_with(home, {"source": "/m/a", "verify": "weights.json"}).findings

    assert "is not a character of UTF-8" in finding.message
    assert len(finding.message) < 300
