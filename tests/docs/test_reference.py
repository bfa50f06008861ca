"""The generated pages are current."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.descriptions import descriptions
from tests.conftest import ROOT
from tests.docs.reference import rules_page, sections, stack_file_page

DOCS = ROOT / "docs"


def test_the_page_of_the_stack_file_is_current(golden: Callable[[Path, str], None]) -> None:
    golden(DOCS / "reference" / "stack-file.md", stack_file_page())


def test_the_page_of_the_rules_is_current(golden: Callable[[Path, str], None]) -> None:
    golden(DOCS / "rules.md", rules_page())


def test_every_key_of_the_stack_file_is_described() -> None:
    nameless = []
    for title, record in sections():
        described = descriptions(record)
        nameless += [f"{title}.{name}" for name in record.model_fields if name not in described]

    assert nameless == []
