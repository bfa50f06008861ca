"""`render`: the objects as text, and as files that somebody else applies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.gitops import files
from cli.output.yaml import yaml_documents
from models import load_stack, resolve
from models.manifests import stack_objects
from tests.cli.conftest import GOLDEN, Console
from tests.conftest import ROOT


def read(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in directory.iterdir()}


def objects(text: str) -> list[Any]:
    return sorted(yaml.safe_load_all(text), key=lambda item: (item["kind"], item["metadata"]["name"]))


def test_the_files_are_the_golden_ones(monkeypatch: pytest.MonkeyPatch, golden: Callable[[Path, str], None]) -> None:
    monkeypatch.chdir(ROOT)
    for name, text in files("dev", stack_objects(resolve(load_stack("dev")))).items():
        golden(GOLDEN / "gitops" / name, text)


def test_each_object_has_a_file_and_the_kustomization_lists_them(project: Path, console: Console) -> None:
    done = console("render", "good", "-o", "out/good")
    written = read(project / "out" / "good")
    listed = yaml.safe_load(written.pop("kustomization.yaml"))["resources"]

    assert (done.code, done.out, done.err) == (0, "", "out/good: 5 files written, 0 removed\n")
    assert listed == ["inference-namespace.yaml", "qwen-configmap.yaml", "qwen-deployment.yaml", "qwen-service.yaml"]
    assert sorted(written) == sorted(listed)


def test_the_files_hold_what_is_printed_but_for_pulumis_annotations(project: Path, console: Console) -> None:
    printed = objects(console("render", "good").out)
    console("render", "good", "-o", "out")
    written = [one for name, text in read(project / "out").items() if name[0] != "k" for one in objects(text)]

    assert "pulumi.com" in str(printed)
    assert "pulumi.com" not in str(written)
    for item in printed:
        annotations = item["metadata"].pop("annotations")
        if others := {key: value for key, value in annotations.items() if "pulumi.com" not in key}:
            item["metadata"]["annotations"] = others
    assert sorted(map(str, written)) == sorted(map(str, printed))


def test_the_same_stack_writes_nothing_again(project: Path, console: Console) -> None:
    console("render", "good", "-o", "out")
    before = {file: file.stat().st_mtime_ns for file in (project / "out").iterdir()}

    assert console("render", "good", "-o", "out").err == "out: 0 files written, 0 removed\n"
    assert {file: file.stat().st_mtime_ns for file in (project / "out").iterdir()} == before


def test_a_changed_launch_changes_lines_and_no_name_of_a_file(project: Path, console: Console) -> None:
    console("render", "good", "-o", "out")
    before = read(project / "out")
    stack = project / "Pulumi.good.yaml"
    stack.write_text(stack.read_text().replace("4096", "8192"))

    assert console("render", "good", "-o", "out").err == "out: 2 files written, 0 removed\n"
    assert read(project / "out").keys() == before.keys()


def test_files_of_removed_services_are_deleted_and_other_files_stay(project: Path, console: Console) -> None:
    console("render", "good", "-o", "out")
    (project / "out" / "ours.yaml").write_text("kind: Ours\n")
    stack = project / "Pulumi.good.yaml"
    stack.write_text(stack.read_text().replace("qwen:", "other:"))

    assert console("render", "good", "-o", "out").err == "out: 4 files written, 3 removed\n"
    assert sorted(read(project / "out")) == [
        "inference-namespace.yaml",
        "kustomization.yaml",
        "other-configmap.yaml",
        "other-deployment.yaml",
        "other-service.yaml",
        "ours.yaml",
    ]


@pytest.mark.parametrize("taken", ["qwen-service.yaml", "kustomization.yaml"])
def test_a_file_of_another_author_is_never_overwritten(project: Path, console: Console, taken: str) -> None:
    (project / "out").mkdir()
    (project / "out" / taken).write_text("# mine\n")
    done = console("render", "good", "-o", "out")

    assert done.code == 2
    assert f"out/{taken} was not written by this command for this stack" in done.err
    assert read(project / "out") == {taken: "# mine\n"}


def test_two_stacks_do_not_share_a_directory(project: Path, console: Console) -> None:
    console("render", "good", "-o", "out")
    (project / "Pulumi.other.yaml").write_text((project / "Pulumi.good.yaml").read_text())

    assert console("render", "other", "-o", "out").code == 2


def test_a_stack_that_is_refused_writes_nothing(project: Path, console: Console) -> None:
    assert console("render", "bad", "-o", "out").code == 1
    assert not (project / "out").exists()


def test_a_directory_that_cannot_be_written_ends_with_3(project: Path, console: Console) -> None:
    (project / "out").write_text("a file")
    done = console("render", "good", "-o", "out")

    assert done.code == 3
    assert "out cannot be written" in done.err


def test_a_planted_link_leads_no_file_out_of_the_directory(project: Path, console: Console) -> None:
    (project / "out").mkdir()
    outside = project / "outside.txt"
    outside.write_text("not ours\n")
    for name in (".qwen-deployment.yaml.new", ".kustomization.yaml.new"):
        (project / "out" / name).symlink_to(outside)

    done = console("render", "good", "-o", "out")

    assert done.code == 0
    assert outside.read_text() == "not ours\n"
    assert not any(file.is_symlink() for file in (project / "out").glob("*.yaml"))


@pytest.mark.parametrize("target", ["outside.txt", "missing.txt"])
def test_a_link_with_the_name_of_a_file_is_a_file_of_somebody_else(
    target: str, project: Path, console: Console
) -> None:
    console("render", "good", "-o", "out")
    (project / "outside.txt").write_text((project / "out" / "qwen-service.yaml").read_text() + "# theirs\n")
    (project / "out" / "qwen-service.yaml").unlink()
    (project / "out" / "qwen-service.yaml").symlink_to(project / target)

    done = console("render", "good", "-o", "out")

    assert "out/qwen-service.yaml was not written by this command for this stack" in done.err
    assert (project / "outside.txt").read_text().endswith("# theirs\n")


@pytest.mark.parametrize("line_break", ["\n", "\x85", "\u2028", "\u2029"], ids=ascii)
@pytest.mark.parametrize("text", ["a # {}b: c", '{{"a": "{}b"}}', "a\n{}b\n", "{}"])
def test_a_text_with_any_line_break_is_read_as_it_was(text: str, line_break: str) -> None:
    written = {"args": [text.format(line_break)]}

    assert [*yaml.safe_load_all(yaml_documents([written]))] == [written]
