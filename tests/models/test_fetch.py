"""Weights from a bucket: whole and verified or not there at all, whatever the network, the disk or the node does."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.bucket_server import FILES, KEYS, MANY, ONE, SHARD, Content, Fault, Node, came, serving, until
from tests.models.stand_in_server import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_all_files_come_signed_and_are_shown_when_all_are_verified(node: Node) -> None:
    content = Content({f"qwen/Qwen2 7B/{name}": text for name, text in FILES.items()})
    with serving(content) as endpoint:
        code, said = node.fetch(endpoint, FILES, prefix="qwen/Qwen2 7B/")

    assert (code, node.fetched()) == (0, FILES), said
    assert {one.signed for one in content.asked} == {True}
    assert said[-1] == "weights: 5 files, 4.4 MiB, are complete in qwen-0123456789"
    assert sorted(path.name for path in node.store.iterdir() if not path.name.startswith(".")) == [
        "qwen-0123456789",
        "qwen-0123456789.verified.json",
    ]
    assert not any(key in line for key in KEYS for line in said)


def test_any_user_of_the_image_may_read_what_came(node: Node) -> None:
    with serving(Content(dict(FILES))) as endpoint:
        assert node.fetch(endpoint, FILES)[0] == 0

    assert {path.stat().st_mode & 0o777 for path in node.final.rglob("*")} == {0o644, 0o755}


def test_a_public_bucket_is_asked_without_a_signature(node: Node) -> None:
    content = Content(dict(FILES), keys=None)
    with serving(content) as endpoint:
        code, _ = node.fetch(endpoint, FILES, keys=None)

    assert (code, node.fetched()) == (0, FILES)


def test_a_service_that_wants_the_bucket_in_the_host_gets_it_there(node: Node) -> None:
    """OBS refuses it in the path, MinIO knows it nowhere else. The proxy of the environment knows the names."""
    content = Content(dict(FILES), host_first=True)
    with serving(content) as proxy:
        code, said = node.fetch("http://obs.example.com", FILES, proxy=proxy)

    assert (code, node.fetched()) == (0, FILES), said
    assert {one.host.partition(":")[0] for one in content.asked} == {"models.obs.example.com"}


def test_what_is_there_and_untouched_is_neither_fetched_nor_read_again(node: Node) -> None:
    content = Content(dict(FILES))
    with serving(content) as endpoint:
        node.fetch(endpoint, FILES)
        asked = len(content.asked)
        os.chmod(node.final / SHARD, 0)  # noqa: PTH101  root reads it all the same; others could not
        code, said = node.fetch(endpoint, FILES)

    assert (code, len(content.asked)) == (0, asked)
    assert said == ["weights: 5 files, 4.4 MiB, are complete in qwen-0123456789"]


def test_a_file_that_was_changed_on_the_node_is_named_and_fetched_again(node: Node) -> None:
    content = Content(dict(FILES))
    with serving(content) as endpoint:
        node.fetch(endpoint, FILES)
        content.asked.clear()
        bad = bytearray(FILES[SHARD])
        bad[1_000_000] ^= 1
        (node.final / SHARD).write_bytes(bad)
        (node.final / "config.json").unlink()
        code, said = node.fetch(endpoint, FILES)

    assert (code, node.fetched()) == (0, FILES)
    assert sorted(one.path for one in content.asked) == ["config.json", SHARD]
    assert f"weights: bad: {SHARD} has another checksum; it is fetched again" in said


def test_a_file_that_was_planted_among_the_fetched_ones_is_named_and_the_server_does_not_start(node: Node) -> None:
    with serving(Content(dict(FILES))) as endpoint:
        node.fetch(endpoint, FILES)
        (node.final / "modeling_qwen.py").write_text("import os")
        code, said = node.fetch(endpoint, FILES)

    assert code == 1
    assert said[-1].startswith(f"weights: error: 1 file is in {node.final} but not in the manifest, and a server may ")
    assert "modeling_qwen.py; fix: remove them" in said[-1]


def test_a_file_that_was_only_touched_is_read_again_and_kept(node: Node) -> None:
    content = Content(dict(FILES))
    with serving(content) as endpoint:
        node.fetch(endpoint, FILES)
        content.asked.clear()
        os.utime(node.final / SHARD)

        assert node.fetch(endpoint, FILES)[0] == 0
    assert (content.asked, node.fetched()) == ([], FILES)


RESETS = [Fault(reset_after=70_000), Fault(reset_after=1_200_000), Fault(end_after=300_000), Fault(end_after=0)]


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        (RESETS, "connections end in the middle"),
        ([Fault(reset_after=250_000)] * 11, "each gives a little more"),
        ([Fault(503, "SlowDown"), Fault(500, "InternalError"), Fault(429), Fault(502), Fault(408)], "it is busy"),
        ([Fault(503, headers={"Retry-After": "0"}), Fault(307, "TemporaryRedirect")], "it says when to come again"),
        ([Fault(400, "RequestTimeout")], "its patience is over"),
        ([Fault(reset_after=1_000_000), Fault(ignores_range=True)], "it knows no ranges"),
        ([Fault(reset_after=1_000_000), Fault(other_range=True)], "it gives another range"),
        ([Fault(stalls_after=100_000)], "nothing comes any more"),
        ([Fault(flip=2_000_000)], "a byte is another on its way"),
        ([Fault(reset_after=500_000, flip=100), Fault(flip=2_000_000)], "twice"),
        ([Fault(length=77), Fault(length=78)], "a proxy answers something else"),
    ],
)
def test_a_file_comes_whole_whatever_happens_to_its_connections(node: Node, faults: list[Fault], reason: str) -> None:
    content = Content(dict(ONE), faults=[*faults])
    with serving(content) as endpoint:
        code, said = node.fetch(endpoint, ONE)

    assert (code, node.fetched()) == (0, ONE), [reason, *said]
    assert content.faults == []


def test_a_connection_that_ended_is_taken_up_where_it_ended(node: Node) -> None:
    content = Content(dict(ONE), faults=[Fault(end_after=2_000_000)])
    with serving(content) as endpoint:
        assert node.fetch(endpoint, ONE)[0] == 0

    assert [one.start for one in content.asked] == [0, 2_000_000]
    assert content.sent == 3_000_000


def test_many_files_come_whole_through_a_bad_network(node: Node) -> None:
    files = {f"part-{number}": MANY.randbytes(40_000 * number) for number in range(24)}
    chance = random.Random(1)  # noqa: S311  the same luck each time
    kinds = [
        *(Fault(reset_after=90_000), Fault(end_after=30_000), Fault(503, "SlowDown"), Fault(flip=20_000), Fault()),
    ]
    faults = [chance.choice(kinds) for _ in range(60)]
    with serving(Content(dict(files), faults=faults)) as endpoint:
        while True:
            code, said = node.fetch(endpoint, files)
            if code == 0:
                break
            assert "fetched again" in "\n".join(said)
            assert not node.final.exists()

    assert node.fetched() == files


def test_a_file_that_stays_bad_is_named_and_nothing_is_shown(node: Node) -> None:
    content = Content(dict(ONE), always={SHARD: Fault(flip=5)})
    with serving(content) as endpoint:
        code, said = node.fetch(endpoint, ONE)

    assert (code, len(content.asked), node.final.exists()) == (1, 3, False)
    assert said[-1] == (
        f"weights: error: {SHARD} in the bucket is not what the manifest says: it has another checksum, 3 times; fix: "
        "upload the file that the manifest means, or make the manifest anew (ascend-vllm manifest)"
    )


def test_a_file_of_another_size_is_refused_with_both_sizes(node: Node) -> None:
    for text, words in ((b"longer", "it has 6 bytes in the bucket and 5 in the manifest"), (b"no", "it has 2 bytes")):
        with serving(Content({"a": text})) as endpoint:
            code, said = node.fetch(endpoint, {"a": b"right"})

        assert code == 1
        assert words in said[-1]


REFUSALS = [
    (Fault(404, "NoSuchKey"), f"the bucket models has no file {SHARD} (404 NoSuchKey)", "model.source.prefix"),
    (Fault(404, "NoSuchBucket"), "there is no bucket models at localhost:", "model.source.bucket"),
    (Fault(403, "AccessDenied"), f"the bucket models refuses {SHARD} (403 AccessDenied)", "GetObject"),
    (Fault(403, "InvalidAccessKeyId"), "(403 InvalidAccessKeyId)", "the Secrets of model.source.accessKey"),
    (Fault(401), f"the bucket models refuses {SHARD} (401)", "accessKey"),
    (
        Fault(403, "RequestTimeTooSkewed", headers={"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}),
        "the bucket refuses the node's time (RequestTimeTooSkewed): it is",
        "set the node's clock (NTP)",
    ),
    (
        Fault(301, "PermanentRedirect", more="<Endpoint>models.obs.cn-south-1.example</Endpoint>"),
        "the bucket models is elsewhere (301 PermanentRedirect)",
        "the bucket says models.obs.cn-south-1.example",
    ),
    (
        Fault(400, "AuthorizationHeaderMalformed", more="<Region>cn-south-1</Region>"),
        "the bucket models is elsewhere (400 AuthorizationHeaderMalformed)",
        "the bucket says cn-south-1",
    ),
    (Fault(403, "InvalidObjectState"), "(403 InvalidObjectState)", ""),
    (Fault(418), "the bucket models answers 418 to", ""),
]


@pytest.mark.parametrize(("fault", "message", "fix"), REFUSALS)
def test_what_the_bucket_refuses_is_said_in_one_line_and_not_tried_again(
    node: Node, fault: Fault, message: str, fix: str
) -> None:
    content = Content(dict(ONE), faults=[fault])
    with serving(content) as endpoint:
        code, said = node.fetch(endpoint, ONE)

    assert (code, len(content.asked), node.final.exists()) == (1, 1, False)
    assert said[-1].startswith("weights: error: ")
    assert message in said[-1].partition("; fix: ")[0]
    assert fix in said[-1].partition("; fix: ")[2]


@pytest.mark.parametrize("keys", [(KEYS[0], "wrong"), ("wrong", KEYS[1]), None])
def test_wrong_keys_are_said_and_never_shown(node: Node, keys: tuple[str, str] | None) -> None:
    with serving(Content(dict(ONE))) as endpoint:
        code, said = node.fetch(endpoint, ONE, keys=keys)

    assert code == 1
    assert "the bucket models refuses" in said[-1]
    assert ("accessKey and secretKey" in said[-1]) == (keys is None or "SignatureDoesNotMatch" in said[-1])
    assert KEYS[1] not in "".join(said)


@pytest.mark.parametrize("keys", [("", "only-one"), ("AKID", "a\nb"), ("schlüssel", "b")])
def test_keys_that_no_header_holds_are_refused_without_being_shown(node: Node, keys: tuple[str, str]) -> None:
    code, said = node.fetch("http://localhost:1", ONE, keys=keys)

    assert code == 1
    assert said == [
        "weights: error: a key of the bucket is empty, or is none; fix: correct the Secrets that model.source names"
    ]


def test_the_clock_of_the_node_is_compared_in_words(node: Node) -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 1800))
    fault = Fault(403, "RequestTimeTooSkewed", headers={"Date": date})
    with serving(Content(dict(ONE), faults=[fault])) as endpoint:
        _, said = node.fetch(endpoint, ONE)

    assert "it is 30 min behind its own" in said[-1]


def test_a_bucket_that_nobody_reaches_is_given_up_after_the_patience(node: Node) -> None:
    code, said = node.fetch(f"http://localhost:{free_port()}", ONE, "--patience", 0.3)

    assert code == 1
    assert "Connection refused; trying again in" in said[-2]
    assert f"{SHARD} did not come for 0 min" in said[-1]
    assert "see whether the node reaches model.source.endpoint" in said[-1]


def test_a_server_that_listens_and_never_answers_is_given_up(node: Node) -> None:
    content = Content(dict(ONE), always={SHARD: Fault(stalls_after=0)})
    with serving(content) as endpoint:
        code, said = node.fetch(endpoint, ONE, "--timeout", 0.2, "--patience", 0.5)

    assert code == 1
    assert "timed out" in said[-1]


def test_a_disk_that_is_too_small_is_refused_before_anything_is_fetched(node: Node) -> None:
    (node.store / "qwen-old").mkdir(parents=True)
    content = Content(dict(ONE))
    huge = json.dumps({"files": {SHARD: {"size": 1 << 60, "sha256": "0" * 64}}})
    with serving(content) as endpoint:
        command = node.command(endpoint, ONE)
        (node.root / "huge.json").write_text(huge)
        code, said = Node(node.root).fetch(endpoint, ONE, "--manifest", node.root / "huge.json")

    assert (code, content.asked) == (1, []), command
    assert "No space is left for the weights: 1073741824.0 GiB are to come, " in said[-1]
    assert "; beside it lie qwen-old; fix: make room where model.source.to says" in said[-1]


@pytest.fixture
def small_disk(node: Node) -> Iterator[None]:
    """The node's store is a disk of 4 MiB."""
    node.store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", node.store], check=True)
    yield
    subprocess.run(["umount", node.store], check=True)


@pytest.mark.root
@pytest.mark.usefixtures("small_disk")
def test_a_disk_that_fills_up_meanwhile_is_said_in_one_line(node: Node) -> None:
    content = Content(dict(ONE), pace=0.05)
    with serving(content) as endpoint, node.start(endpoint, ONE) as pod:
        until(lambda: came(node) > 1_000_000)
        (node.store / "other").write_bytes(b"x" * 2_500_000)
        said, _ = pod.communicate(timeout=60)

    assert pod.returncode == 1
    assert "weights: error: No space is left for the weights (" in said.splitlines()[-1]
    assert not node.final.exists()


def test_a_store_that_cannot_be_written_is_said_in_one_line(node: Node) -> None:
    node.store.write_text("a file is no directory")
    code, said = node.fetch("http://localhost:1", ONE)

    assert code == 1
    assert said[-1].startswith("weights: error: ")
    assert str(node.store) in said[-1]


@pytest.mark.parametrize(
    "checksums",
    [
        *("{", "[]", '{"files": 1}', '{"files": {"a": {}}}', '{"files": {"a": {"size": "x", "sha256": ""}}}'),
        *(f'{{"files": {{"{name}": {{"size": 1, "sha256": "0"}}}}}}' for name in ("/etc/a", "../a", "a/../../b", "")),
    ],
)
def test_checksums_that_are_malformed_or_name_a_file_outside_are_refused(node: Node, checksums: str) -> None:
    (node.root / "bad.json").write_text(checksums)
    code, said = node.fetch("http://localhost:1", ONE, "--manifest", node.root / "bad.json")

    assert (code, len(said)) == (1, 1)
    assert "manifest" in said[0]


def test_progress_is_said_in_percent(node: Node) -> None:
    with serving(Content(dict(FILES), pace=0.02)) as endpoint:
        _, said = node.fetch(endpoint, FILES)

    told = [line for line in said if line.startswith("weights: fetched ")]
    assert len(told) > 3
    assert all(" % (" in line and " of 4.4 MiB, " in line and line.endswith(" min left)") for line in told)
