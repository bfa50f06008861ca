"""Passwords among the arguments of a container that only its command shows to be ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.credentials import masked_tree
from tests.models.planted import PLANTED
from tests.models.test_credentials import file_with, outputs_of_check, rules_of, sidecar

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (["mysql"], ["-h", "db", f"-p{PLANTED}"]),
        (["redis-cli", "-h", "redis"], ["-a", PLANTED]),
        (["curl", "-u"], [f"me:{PLANTED}", "http://h"]),
        (["/usr/bin/sshpass"], ["-p", PLANTED, "ssh", "h"]),
        (["app", "--db-password"], [PLANTED]),
    ],
)
def test_the_command_of_a_container_shows_which_of_its_arguments_are_passwords(
    tmp_path: Path, command: list[str], arguments: list[str]
) -> None:
    service = sidecar("containers", args=arguments, command=command)
    file = file_with(tmp_path, qwen=service)

    assert "warning[secret-name]" in rules_of(file)["qwen"]
    assert PLANTED not in outputs_of_check(file)
    assert PLANTED not in repr(masked_tree(service))
