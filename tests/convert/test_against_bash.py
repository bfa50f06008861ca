"""The arguments and the environment that are read from a script are those that bash gives the server."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from convert.server.script_reader import read_start
from convert.server_start import Start
from convert.shell.script import read_script
from tests.convert.pairs import MODEL, PYTHON
from tests.models.test_launch import STAND_IN

pytestmark = pytest.mark.slow

FLAGS = f"--model {MODEL} --max-model-len 4096 --port 8080"

SCRIPTS = {
    "one line": f"{PYTHON} {FLAGS}",
    "continuations": f"{PYTHON} {FLAGS}".replace(" --", " \\\n  --"),
    "exec": f"exec {PYTHON} {FLAGS}",
    "variables": f"M={MODEL}\nP=8080\n{PYTHON} --model $M --port ${{P}} --host=${{H:-0.0.0.0}}",
    "unquoted words": f'A="--seed 1  --port 8080"\n{PYTHON} --model {MODEL} $A',
    "an array": f'A=(--seed 1 "--served-model-name" "a b")\nA+=(--port 1)\n{PYTHON} "${{A[@]}}" --model {MODEL}',
    "quotes": (
        f"'python' -m \"vllm.entrypoints.openai.api_server\" --model='{MODEL}' --served-model-name \"a'b\" 'c\"d' e\\ f"
    ),
    "JSON": f'{PYTHON} --model {MODEL} --rope-scaling \'{{"type": "linear", "factor": 2}}\'',
    "an exported variable": f"export A=1 B='2 3'\nexport C=$A$B\n{PYTHON} {FLAGS}",
    "a variable exported later": f"A=1\nexport A\nA=2\n{PYTHON} {FLAGS}",
    "a variable of the command": f"A=1 {PYTHON} {FLAGS}",
    "a variable of another command": f"A=1 true\n{PYTHON} {FLAGS}",
    "a variable that is not exported": f"A=1\n{PYTHON} {FLAGS}",
    "a variable that is unset": f"export A=1\nunset A\n{PYTHON} {FLAGS}",
    "env": f"env A=1 B=2 {PYTHON} {FLAGS}",
    "declare": f"declare -x A=1\n{PYTHON} {FLAGS}",
    "values with signs": f"export A=a=b:c,d B=\"$'x'\" C='$HOME' D=你好\n{PYTHON} {FLAGS}",
    "a value of several lines": f"export A='x\ny'\n{PYTHON} {FLAGS}",
    "appended": f"export A=1\nA+=2\n{PYTHON} {FLAGS}",
    "a default": f"export A=${{NOTHING:-x y}}\n{PYTHON} {FLAGS}",
    "an alternative": f"B=1\nexport A=x${{B:+:$B}}\n{PYTHON} {FLAGS}",
    "a condition": f"if true; then\n  export A=1\nfi\n{PYTHON} {FLAGS}",
    "a heredoc": f"cat <<'EOF' > /dev/null\nexport A=1\n{PYTHON} --model /other\nEOF\n{PYTHON} {FLAGS}",
    "comments": f"# export A=1\nexport B=2 # export C=3\n{PYTHON} {FLAGS} # --seed 1",
    "redirections": f"{PYTHON} {FLAGS} 2>&1 9>&-",
    "several on a line": f"export A=1; export B=2 && {PYTHON} {FLAGS}",
    "ANSI quotes": f"export A=$'x\\ty\\n'\n{PYTHON} {FLAGS}",
    "a function": f"start() {{\n  local P=1\n  {PYTHON} {FLAGS} $X\n}}\nX='--seed 1'\nexport A=1\nstart",
    "a function on a line": f"function start {{ export A=1; }}\nnever() {{ export B=1; }}\nstart\n{PYTHON} {FLAGS}",
    "a function that calls another": (
        f"a() {{ {{ export A=1; }}; b; }}\nb() {{ export B=2; if true; then export C=3; fi; }}\na\n{PYTHON} {FLAGS}"
    ),
    "a case": f"case x in\n  y|z) export B=1\n  ;;\n  x) export A=1 ;;\nesac\nunset B\n{PYTHON} {FLAGS}",
    "a case on a line": f"case x in x) export A=1;; (y) export A=1;; esac; {PYTHON} {FLAGS}",
    "loops": f"for i in 1 2; do export A=1; done\nwhile false; do true; done; {PYTHON} {FLAGS}",
    "a test": f"[ -n x ] && export A=1\n[[ -z x ]] || export B=1\n{PYTHON} {FLAGS}",
    "a comment in backquotes": f"{PYTHON} `# the weights` {FLAGS} `#`",
    "a script that is written first": (
        f"F=$(mktemp)\nF=./made.sh\ncat > $F <<'EOF'\nexport A=\"$B\"\n{PYTHON} {FLAGS}\nEOF\nexport B=x\nbash $F"
    ),
    "a script with values of its writer": f"B=1\ncat <<EOF > made.sh\nA=$B {PYTHON} {FLAGS} \\$C\nEOF\nbash ./made.sh",
    "a file that is sourced": f"tee made.sh > /dev/null <<EOF\nexport A=1\nEOF\nsource ./made.sh\n{PYTHON} {FLAGS}",
    "a subshell": f"(export A=1; {PYTHON} {FLAGS})",
}
NAMES = ("A", "B", "C", "D")


def run(script: str, directory: Path) -> dict[str, Any]:
    """What the program that is started sees."""
    python = directory / "python"
    python.write_text(STAND_IN, encoding="utf-8")
    python.chmod(0o755)
    file = directory / "run_vllm.sh"
    file.write_text(script, encoding="utf-8")
    environment = {"PATH": f"{directory}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["/bin/bash", str(file)], cwd=directory, env=environment, capture_output=True, text=True, check=True
    )
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def read(script: str) -> Start:
    return read_start(read_script(script), "run_vllm.sh", {})


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_the_server_gets_the_arguments_and_variables_that_are_read(script: str, tmp_path: Path) -> None:
    seen, start = run(script, tmp_path), read(script)

    assert [word.text for word in start.arguments if word.text != "${C}"] == seen["argv"][3:]
    assert {name: setting.text for name, setting in start.environment.items() if name in NAMES} == {
        name: value for name, value in seen["environment"].items() if name in NAMES
    }
