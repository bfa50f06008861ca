"""Every example of the documentation is a test."""

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from tests.docs.examples import run_console, run_yaml

pytest_collect_file = Sybil(
    parsers=[
        CodeBlockParser(language="console", evaluator=run_console),
        CodeBlockParser(language="yaml", evaluator=run_yaml),
    ],
    patterns=["*.md"],
).pytest()
