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

PARSER = """\
P=1
REST=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help|-h) export D=help; shift ;;
    --port) P="$2"; shift 2 ;;
    *) REST+=("$1"); shift ;;
  esac
done
"""
"""A loop over the arguments of a script or a function, as many scripts have one."""


def scripts_with_arguments() -> dict[str, str]:
    """Scripts with arguments, arithmetic, parts of values, and tests of known values."""
    parses = f'start() {{\n{PARSER}{PYTHON} --model {MODEL} --port $P "${{REST[@]}}"\n}}\n'
    return {
        "arguments of a function": f'start() {{ {PYTHON} --model $1 --port "$2" ${{3:-x}} $4; }}\nstart {MODEL} 1',
        "all arguments of a function": f"start() {{ {PYTHON} \"$@\" $#; }}\nstart --model {MODEL} 'a b'",
        "a function in a function": f"a() {{ {PYTHON} $1 $2; }}\nb() {{ a $1 2; }}\nb 1",
        "arguments after a function": f"a() {{ true $1; }}\nset -- 1 2\na 3\n{PYTHON} $1 $#",
        "set and shift": f'set -- --model {MODEL} --port 1\nshift 2\n{PYTHON} "$@"',
        "no arguments": f'{PYTHON} {FLAGS} "$@" $* $#',
        "a loop over no arguments": f"{PARSER}{PYTHON} {FLAGS} --seed $P",
        "a loop over arguments": f"{parses}start --port 2 --seed 3 --trust-remote-code",
        "a loop over one argument after the other": f'a() {{ for x in "$@"; do export A=$x; done; }}\na 1 2\n{PYTHON}',
        "getopts": f"A=0\nwhile getopts a:b o; do case $o in a) A=$OPTARG;; esac; done\n{PYTHON} --seed $A",
        "a script with arguments": f"cat > made.sh <<'EOF'\n{PYTHON} $2 $1\nEOF\nbash ./made.sh --seed 1",
        "a loop over values": f"A=0\nfor x in 1 '2 3'; do export A=$A$x; done\n{PYTHON} $x",
        "a loop over a range": f"for x in {{2..4}}; do export A=$x; done\n{PYTHON}",
        "arithmetic": f"N=3\nexport A=$((N * (2 + 1) - 1)) B=$(( -7 / 2 )) C=$((-7 % 2)) D=$(( $N<4 ))\n{PYTHON}",
        "a test of arithmetic": f"N=3\nif (( N > 3 )); then export A=1; else export B=1; fi\n{PYTHON}",
        "a test of known values": (
            f"X=b\nif [[ $X == a* ]]; then export A=1; elif [ $X = b ]; then export B=1; fi\n{PYTHON}"
        ),
        "a branch that is not taken": f"case b in a) export A=1;; b|c) export B=1;; *) export C=1;; esac\n{PYTHON}",
        "items of an array": (
            f"X=(1 '2 3')\nexport A=${{X[1]}} B=${{#X[@]}}\nC=${{#A}} {PYTHON} ${{X[0]}} ${{X[0 + 1]}}"
        ),
        "items by name": f"declare -A X=([a]=1 [b]=2)\n{PYTHON} ${{X[b]}}",
        "no items": f'X=()\n{PYTHON} {FLAGS} "${{X[@]}}"',
        "parts of values": (
            "X=/a/b.c.d\n"
            "export A=${X##*/} B=${X#*/} C=${X%%.*} D=${X%.*}\n"
            f"{PYTHON} ${{X:1:3}} ${{X: 3}} ${{X/a/z}} ${{X//./-}}"
        ),
        "letters": f"X=aB\nexport A=${{X,,}} B=${{X^^}}\n{PYTHON}",
        "eval": f"X='{PYTHON} {FLAGS}'\nexport A=1\neval \"$X\" --seed '$A'",
        "wrappers": f"nohup env A=1 nice -n 1 timeout -k 5 60 {PYTHON} {FLAGS}",
        "words of another program": f"pgrep -f vllm serve || true\necho vllm serve > /dev/null\n{PYTHON} {FLAGS}",
    }


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
    **scripts_with_arguments(),
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
