"""What a text of YAML says, and how it is refused."""

from __future__ import annotations

import textwrap
from typing import Any

from models.finding import Finding
from models.report import finding_text
from models.stack_file.yaml_file import read_yaml


def value_of(text: str) -> Any:
    file = read_yaml("stack.yaml", textwrap.dedent(text))

    assert file.findings == []
    return file.value


def refusal(text: str) -> Finding:
    (finding,) = read_yaml("stack.yaml", text).findings
    return finding


def excerpt(finding: Finding) -> list[str]:
    """What the finding shows of the file, without why and fix."""
    return finding_text(finding).splitlines()[2:-2]
