"""What belongs to a release: CANN, Python, driver, and the images by their tags."""

from __future__ import annotations

import os
import subprocess

import pytest

from models.engines.vllm_ascend.platforms import ImageTag, image_tag, platform
from models.engines.vllm_ascend.tables import RELEASES, flag_table, plugin_table
from models.launch.launch import launch, script
from tests.review.stacks import stack


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("v0.18.0", ImageTag("0.18.0", "A2", "ubuntu")),
        ("0.23.0", ImageTag("0.23.0", "A2", "ubuntu")),
        ("v0.23.0-a3-openeuler", ImageTag("0.23.0", "A3", "openeuler")),
        ("v0.23.0-310p", ImageTag("0.23.0", "310P", "ubuntu")),
        ("v0.23.0-openeuler", ImageTag("0.23.0", "A2", "openeuler")),
        ("v0.23.0-950dt", ImageTag("0.23.0", "A5", "ubuntu")),
        ("v0.30.0-a3", ImageTag("0.30.0", "A3", "ubuntu")),
        ("v0.18.0-950dt", None),
        ("v0.23.0-ours", None),
        ("v0.13.0", None),
        ("v0.23.0rc1", None),
        ("latest", None),
        ("", None),
    ],
)
def test_the_tag_of_an_image_names_the_release_the_device_and_the_distribution(
    tag: str, expected: ImageTag | None
) -> None:
    assert image_tag(tag) == expected


def test_each_release_needs_its_own_cann_and_python() -> None:
    first, later = platform("0.18.0"), platform("0.23.0")

    assert (first.cann, first.image_python, first.driver) == ("8.5.1", "3.11", None)
    assert (later.cann, later.image_python, later.driver) == ("9.1.0", "3.12", "25.5.1")
    assert len({platform(release).cann for release in RELEASES}) == len(RELEASES)


@pytest.mark.parametrize("release", [release for release in RELEASES if plugin_table(release)])
def test_images_are_built_for_the_device_types_of_the_plugin(release: str) -> None:
    table = plugin_table(release)

    assert table
    assert {*platform(release).device_suffixes.values()} == {*table.device_types}


def test_what_sigterm_does_is_known_for_the_releases_that_were_run() -> None:
    older, newer = platform("0.18.0").sigterm, platform("0.23.0").sigterm

    assert older
    assert newer
    assert platform("0.30.0").sigterm is None
    assert [older.drains_with_flag, newer.drains_with_flag] == [False, True]
    assert [older.unanswered, newer.unanswered] == ["null", "hangs"]
    assert all(flag_table(release).server.shutdown_flag == "shutdown-timeout" for release in RELEASES)


LIBRARIES_OF_310P = "/usr/local/Ascend/driver/lib64:/usr/lib64:/root/aicpu_kernels/0/aicpu_kernels_device/sand_box"


@pytest.mark.parametrize(
    ("tag", "is_first"),
    [
        ("v0.23.0", False),
        ("v0.23.0-a3", False),
        ("v0.23.0-310p", True),
        ("v0.23.0-310p-openeuler", True),
        ("v0.18.0-310p", False),
    ],
)
def test_a_launch_searches_the_libraries_of_the_310p_first_where_its_image_does(tag: str, is_first: bool) -> None:
    image = f"quay.io/ascend/vllm-ascend:{tag}"
    (service,) = stack({"qwen": {"image": image}}).services

    text = script(launch(service))

    done = subprocess.run(
        ["bash", "-c", text.partition("exec ")[0] + 'echo "$LD_LIBRARY_PATH"'],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LD_LIBRARY_PATH": "/opt/lib"},
    )
    searched = "/opt/lib:/usr/local/lib"
    if is_first:
        searched = f"{LIBRARIES_OF_310P}:{searched}"
    assert done.stdout.strip() == searched
