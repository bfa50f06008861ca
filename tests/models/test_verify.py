"""Weights are compared with their checksums before the server starts, and what is wrong is named."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.models.bucket_server import checksums_of
from tests.models.stand_in_server import run

pytestmark = pytest.mark.slow  # each test starts the step as a process

CONTENT = {
    "config.json": b"{}",
    "model.safetensors": random.Random(3).randbytes(3_000_000),  # noqa: S311  the same bytes each time
    "adapters/it's 一/a.bin": b"adapter",
    "empty": b"",
}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A directory with weights, and their checksums next to it."""
    directory = tmp_path / "Qwen2-7B-Instruct"
    for name, content in CONTENT.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    (tmp_path / "weights.json").write_text(json.dumps(checksums_of(CONTENT)))
    return directory


def verify(directory: Path, *more: object) -> tuple[int, list[str]]:
    checksums = directory.parent / "weights.json"
    done = run("verify.py", "--directory", directory, "--manifest", checksums, *more)
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_weights_with_the_listed_checksums_let_the_server_start(weights: Path) -> None:
    assert verify(weights) == (0, ["weights: 4 files, 2.9 MiB, are as the manifest has them"])


def test_all_bad_and_missing_files_are_named_together(weights: Path) -> None:
    content = bytearray(CONTENT["model.safetensors"])
    content[2_999_999] ^= 1
    (weights / "model.safetensors").write_bytes(content)
    (weights / "config.json").write_text("{...}")
    (weights / "empty").unlink()
    (weights / "adapters/it's 一/a.bin").unlink()
    (weights / "adapters/it's 一/a.bin").mkdir()

    code, said = verify(weights)

    bad = [
        "config.json has 5 bytes instead of 2",
        "model.safetensors has another checksum",
        "adapters/it's 一/a.bin is no file",
        "empty is missing",
    ]
    assert code == 1
    assert said[:4] == [f"weights: bad: {line}" for line in bad]
    assert said[4:] == [
        f"weights: error: 4 of 4 files in {weights} are not as the manifest has them: {', '.join(bad)}; fix: put them "
        "there anew, or make the manifest anew if they were meant to change (ascend-vllm manifest)"
    ]


def test_of_many_bad_files_the_last_line_names_the_first(tmp_path: Path) -> None:
    files = {f"{number:03}": b"x" for number in range(30)}
    (tmp_path / "weights.json").write_text(json.dumps(checksums_of(files)))
    (tmp_path / "empty").mkdir()
    _, said = verify(tmp_path / "empty")

    assert len(said) == 31
    assert "30 of 30 files" in said[-1]
    assert "009 is missing and 20 more; fix: " in said[-1]


@pytest.mark.parametrize(
    "name",
    [
        "extra.safetensors",
        "model-00002-of-00002.SafeTensors",
        "pytorch_model.bin",
        "consolidated.00.pth",
        "model.pt",
        "model.ckpt",
        "model.gguf",
        "modeling_qwen.py",
        "adapters/modeling.pyc",
        "generation_config.json",
        "model.safetensors.index.json",
        "chat_template.jinja",
        "tokenizer.model",
        "qwen.tiktoken",
        "merges.txt",
        "consolidated.tensors",
        "sentencepiece.bpe.spm",
        "kernels.so.1",
        "kernels.so",
        "config.params",
        "weights",
        "readme.py",
        "license.safetensors",
        "README.md.bin",
    ],
)
def test_a_file_that_a_server_may_load_and_the_checksums_do_not_list_is_refused(weights: Path, name: str) -> None:
    (weights / name).write_text("planted")

    code, said = verify(weights)

    assert code == 1
    assert said == [
        f"weights: error: 1 file is in {weights} but not in the manifest, and a server may load them: {name}; fix: "
        "remove them, or make the manifest anew if they belong to the model (ascend-vllm manifest)"
    ]


def test_a_linked_directory_is_refused_since_nobody_verifies_what_is_behind_it(weights: Path) -> None:
    (weights / "more").symlink_to("/etc")

    code, said = verify(weights)

    assert code == 1
    assert "not in the manifest, and a server may load them: more/; fix: " in said[-1]


def test_documents_are_a_warning_and_hidden_files_nobodys_business(weights: Path) -> None:
    for name in ("README.md", "LICENSE", "LICENSE.txt", "Qwen LICENSE AGREEMENT", "README_zh.md", "picture.png"):
        (weights / name).touch()
    (weights / ".cache").mkdir()
    (weights / ".cache" / "lock").touch()
    (weights / ".gitattributes").touch()

    code, said = verify(weights)

    assert code == 0
    assert said[0] == (
        "weights: warning: 6 files are not in the manifest: LICENSE, LICENSE.txt, Qwen LICENSE AGREEMENT, README.md, "
        "README_zh.md, picture.png"
    )


@pytest.mark.parametrize(
    "checksums",
    [
        '{"files": {"a\\u0000b": {"size": 1, "sha256": ""}}}',
        '{"files": {"a\\ud800": {"size": 1, "sha256": ""}}}',
        '{"files": {"a": {"size": 1e400, "sha256": ""}}}',
        '{"files": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"files": {"a": {"size": ' + "9" * 5_000 + ', "sha256": ""}}}',
        '{"files": {"a": 1}}',
        "[]",
    ],
)
def test_malformed_checksums_are_one_line_and_no_traceback(weights: Path, checksums: str) -> None:
    (weights.parent / "weights.json").write_text(checksums)

    code, said = verify(weights)

    assert code == 1
    assert said[-1].startswith("weights: error: ")
    assert not any("Traceback" in line for line in said)


def test_a_link_to_a_file_is_the_file(weights: Path) -> None:
    (weights / "config.json").rename(weights.parent / "blob")
    (weights / "config.json").symlink_to(weights.parent / "blob")

    assert verify(weights)[0] == 0


def test_a_file_that_the_disk_cannot_read_is_named(weights: Path) -> None:
    (weights / "config.json").unlink()
    (weights / "config.json").symlink_to("/proc/self/mem")  # opens, and fails to be read, for root too
    (weights.parent / "weights.json").write_text(json.dumps(checksums_of({**CONTENT, "config.json": b""})))

    assert "config.json cannot be read: Input/output error" in verify(weights)[1][0]


def test_a_directory_that_is_not_there_is_said(weights: Path) -> None:
    code, said = verify(weights.parent / "nowhere")

    assert code == 1
    assert said[0].startswith(f"weights: error: there is no directory {weights.parent}/nowhere; fix: ")


def test_progress_is_said_while_it_takes_its_time(weights: Path) -> None:
    _, said = verify(weights, "--every", 0)

    assert sum(line.startswith("weights: verified ") for line in said) >= 3


def test_a_name_that_would_break_the_line_does_not(tmp_path: Path) -> None:
    name = "a\nweights: all is well\x1b[2J"
    (tmp_path / "weights.json").write_text(json.dumps(checksums_of({name: b""})))
    (tmp_path / "empty").mkdir()
    _, said = verify(tmp_path / "empty")

    assert said[0] == r"weights: bad: a\nweights: all is well\x1b[2J is missing"
