"""The functions of each release that read variables refuse what our table refuses, and read the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.engines.releases import release
from models.engines.variable_values import VariableValues
from models.engines.vllm_ascend.tables import RELEASES
from tests.parsers.conftest import WHEELS

TEXTS = [
    "0",
    "1",
    "-7",
    " 5 ",
    "1_0",
    "1.5",
    "1e3",
    "nan",
    "true",
    "True",
    "yes",
    "off",
    "",
    "many",
    "{}",
    "[1]",
    "a,b",
]
NOT_OF_ENVS = "VLLM_LOGGING_LEVEL"
"""Read as it is; logging refuses it."""


def cases(values: VariableValues) -> Iterator[str]:
    yield from TEXTS
    for choice in values.choices:
        yield choice
        yield choice.upper()
        yield f"{choice}x"
    yield ",".join(values.choices)


@pytest.mark.parametrize("version", RELEASES)
def test_the_functions_of_envs_read_what_our_table_accepts(version: str) -> None:
    table = release(version).variable_values
    of_vllm = {name: values for name, values in table.items() if values.where.startswith("vllm/envs.py")}
    pairs = [(name, text) for name, values in of_vllm.items() for text in cases(values)]
    program = [sys.executable, str(Path(__file__).with_name("real_variables.py"))]
    file = Path(WHEELS) / version / "vllm" / "envs.py"
    done = subprocess.run([*program, str(file)], input=json.dumps(pairs), capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout.splitlines()[-1])

    assert NOT_OF_ENVS not in of_vllm
    assert len(of_vllm) > 150
    for (name, text), answer in zip(pairs, answers, strict=True):
        values = of_vllm[name]
        refuses = isinstance(answer, str)
        assert refuses == (values.refused(text) is not None), (name, text, answer)
        if values.is_missed(text):
            assert answer is False, (name, text)
        if values.kind == "switch" and text in values.choices:
            assert answer is True, (name, text)
