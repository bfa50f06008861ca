"""Scripts are read as bash reads them; flags that bash loses are read as meant."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convert.encoding import decoded
from convert.shell.script import read_script
from convert.shell.variables import Scope, assigned, assignment, expand
from convert.shell.words import Command


def words(command: Command, scope: Scope | None = None) -> list[str]:
    return [text for word in command.words for text in expand(word, scope or Scope())]


def commands(text: str) -> list[list[str]]:
    return [words(command) for command in read_script(text).commands]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b  c", [["a", "b", "c"]]),
        ("a 'b  c' \"d e\"", [["a", "b  c", "d e"]]),
        ("a b\\ c", [["a", "b c"]]),
        ("a x'y'\"z\"", [["a", "xyz"]]),
        ("a ''", [["a", ""]]),
        ("a; b && c || d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a # b\nc", [["a"], ["c"]]),
        ("a#b", [["a#b"]]),
        ("# a\n\n  \nb", [["b"]]),
        ("a \\\n  b \\\n  c", [["a", "b", "c"]]),
        ("a\\\nb", [["ab"]]),
        ("a 'b\nc'", [["a", "b\nc"]]),
        ('a "b\\"c" "\\$d" "\\x"', [["a", 'b"c', "$d", "\\x"]]),
        ("a $'b\\n\\'c'", [["a", "b\n'c"]]),
        ('a $"b"', [["a", "b"]]),
        ("a > b 2>&1 c", [["a", "c"]]),
        ("a >b 2>>c <d &>e f", [["a", "f"]]),
        ("a 9>&- b", [["a", "b"]]),
        ("(a; b)", [["a"], ["b"]]),
        ("cat <<EOF\nx 'y\nEOF\nb", [["cat"], ["b"]]),
        ("cat <<-'EOF' > f\n\tx\n\tEOF\nb", [["cat"], ["b"]]),
        ("cat <<EOF\nx", [["cat"]]),
        ("a $", [["a", "$"]]),
        ("a\u00a0b\u3000c", [["a", "b", "c"]]),
        ("", []),
        ("\\", []),
        ("export 名字=值", [["export", "名字=值"]]),
    ],
)
def test_words_and_commands_are_those_of_bash(text: str, expected: list[list[str]]) -> None:
    assert commands(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $X ${X}", ["a", "${X}", "${X}"]),
        ('a "$X/b"', ["a", "${X}/b"]),
        ("a '$X'", ["a", "$X"]),
        ("a ${X:-b}", ["a", "b"]),
        ("a ${X-b c}", ["a", "b", "c"]),
        ('a "${X:-b c}"', ["a", "b c"]),
        ("a ${X:-${Y:-z}}", ["a", "z"]),
        ("a ${model-path}", ["a", "${model-path}"]),
        ("a $(date -u)", ["a", "${output-of-date-u}"]),
        ("a `nproc`", ["a", "${output-of-nproc}"]),
        ("a $((next + 2))", ["a", "${output-of-next}"]),
        ("a $1 ${2}", ["a", "${argument-1}", "${argument-2}"]),
        ("a ${X%%/*}", ["a", "${X}"]),
        ("a ~/b", ["a", "${HOME}/b"]),
        ("a b~", ["a", "b~"]),
        ("a ${X:+b}", ["a", "${X}"]),
    ],
)
def test_a_value_that_only_a_running_shell_knows_becomes_a_placeholder(text: str, expected: list[str]) -> None:
    (command,) = read_script(text).commands

    assert words(command) == expected


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("b c", "a $X", ["a", "b", "c"]),
        ("b c", 'a "$X"', ["a", "b c"]),
        ("b c", "a x$X", ["a", "xb", "c"]),
        (" b ", "a x${X}y", ["a", "x", "b", "y"]),
        ("", "a $X b", ["a", "b"]),
        ("", 'a "$X" b', ["a", "", "b"]),
        (["b c", "d"], 'a "${X[@]}"', ["a", "b c", "d"]),
        (["b", "d"], "a ${X[*]}", ["a", "b", "d"]),
        (["b", "d"], 'a "$X"', ["a", "b d"]),
        ("b", "a ${X:+:$X}", ["a", ":b"]),
        ("b", "a ${X:-c}", ["a", "b"]),
    ],
)
def test_a_known_variable_has_its_value_and_is_split_where_bash_splits_it(
    value: str | list[str], text: str, expected: list[str]
) -> None:
    (command,) = read_script(text).commands

    assert words(command, Scope({"X": value})) == expected


def test_arrays_and_appended_values_are_read() -> None:
    scope = Scope()
    text = "A=(--x\n  '--y z')\nA+=(--w)\nB='1'\nB+=' 2'\n"
    for command in read_script(text).commands:
        found = assignment(command.words[0])
        assert found
        scope.assign(found.name, assigned(found, scope), 1)

    assert scope.values == {"A": ["--x", "--y z", "--w"], "B": "1 2"}


MEANT = ["python", "--a=1", "--b"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("python \\\n--a=1 \\ \n--b", 2, "because a space follows the backslash"),
        ("python \\\n--a=1 \\  # one\n--b", 2, "because a comment follows the backslash"),
        ("python --a=1\n--b", 1, "bash ends the command before --b"),
        ("python --a=1\n\n  --b", 1, "bash ends the command before --b"),
        ("python --a=1 \\\n# --c \\\n--b", 2, "bash ends the command before --b"),
        ("python \\\n # x\n # y\n --a=1 \\\n --b", 2, "bash ends the command before --a"),
    ],
)
def test_flags_that_bash_loses_are_read_as_meant_and_noted(text: str, line: int, said: str) -> None:
    script = read_script(text)

    assert [words(command) for command in script.commands] == [MEANT]
    assert said in script.slips[line]


def test_a_backslash_before_another_command_joins_nothing_but_its_line() -> None:
    assert commands("python --a=1 \\\n--b \\\n\necho") == [MEANT, ["echo"]]
    assert commands("python --a=1 --b \\\n# the end\necho") == [MEANT, ["echo"]]


def test_every_command_has_its_line() -> None:
    script = read_script("# 1\na\n\nb \\\n  c\n'x\ny' z\n", first_line=10)

    assert [command.line for command in script.commands] == [11, 13, 15]
    assert [word.line for word in script.commands[1].words] == [13, 14]


def test_an_open_quote_is_noted_with_its_line() -> None:
    assert read_script("a\nb 'c").slips == {2: "a quote is never closed"}
    assert read_script('a\n\nb "c').slips == {3: "a quote is never closed"}


@pytest.mark.parametrize(
    "text", ["a ${X", "a $(b", "a `b", "a <<", "a >", "A=(b", "a $'b", "a ${}", "a '", "((", "a ${X:-"]
)
def test_an_unfinished_script_is_read_to_its_end(text: str) -> None:
    assert len(read_script(text).commands) <= 1


@pytest.mark.parametrize(
    "content",
    [
        "模型 a\n".encode(),
        "模型 a\n".encode("utf-8-sig"),
        "模型 a\r\n".encode(),
        "模型 a\r".encode(),
        "模型 a\n".encode("utf-16"),
        "模型 a\n".encode("gb18030"),
        "模型\0 a\n".encode(),
    ],
)
def test_a_file_is_read_in_the_encodings_that_people_save(content: bytes) -> None:
    assert decoded(content) == "模型 a\n"


def test_bytes_of_no_encoding_are_decoded_with_replacements() -> None:
    assert "a" in decoded(b"a\xff\xff\xff\x80\n")


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
quoted = st.builds(lambda text: "'" + text.replace("'", "'\\''") + "'", plain)
escaped = st.text("abc $\"`\\'*?~{}#&|;<>()=-", max_size=8).map(lambda text: "".join(f"\\{one}" for one in text))
double = st.text("abc '*?~{}#&|;<>()=-é", max_size=8).map(lambda text: f'"{text}"')
variable = st.sampled_from(["$A", "${A}", '"$A"', "${B:-c d}", '"${B:-c d}"', "$'\\n'"])
one_word = st.lists(quoted | escaped | double | variable, min_size=1, max_size=3).map("".join)


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(one_word, min_size=1, max_size=4))
def test_bash_reads_the_same_words(parts: list[str]) -> None:
    text = f"show {' '.join(parts)} end"
    (command,) = read_script(text).commands
    with tempfile.TemporaryDirectory() as directory:
        show = Path(directory, "show")
        show.write_text("#!/usr/bin/env python3\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
        show.chmod(0o755)
        environment = {"PATH": f"{directory}:{os.environ['PATH']}", "A": "x  y", "LC_ALL": "C.UTF-8"}
        script = Path(directory, "script")
        script.write_text(f"set -f\n{text}\n", encoding="utf-8")
        seen = subprocess.run(["/bin/bash", script], env=environment, capture_output=True, text=True, check=True)

    assert words(command, Scope({"A": "x  y"}))[1:] == json.loads(seen.stdout)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $X/$Y.tar", ["a", "${X}/${Y}.tar"]),
        ("a v$X/b/$Y/c", ["a", "v${X}/b/${Y}/c"]),
        ('a "$X ${Y} z"', ["a", "${X} ${Y} z"]),
        ("a \\$X/$Y", ["a", "$X/${Y}"]),
        ("a \\ b", ["a", " b"]),
        ('a --x={"b":1,"c":[1,2]}', ["a", "--x={b:1,c:[1,2]}"]),
        ("a http://h/x#y", ["a", "http://h/x#y"]),
    ],
)
def test_words_that_the_grammar_divides_are_whole(text: str, expected: list[str]) -> None:
    (command,) = read_script(text).commands

    assert words(command) == expected


def test_the_commands_after_a_here_document_on_its_line_are_read() -> None:
    text = "cat <<EOF > f && b\nx\nEOF\nc"

    assert commands(text)[0] == ["cat"]
    assert ["c"] in commands(text)
    assert read_script(text).commands[0].document == "x"
