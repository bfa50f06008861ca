"""The house keeps its sizes, its layers and its documentation."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from models.engines.releases import VERSIONS
from tests.conftest import ROOT

NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
PACKAGES = (
    "bench",
    "cli",
    "client",
    "cluster",
    "components",
    "convert",
    "migrate",
    "models",
    "plan",
    "rehearsal",
    "review",
    "sandbox",
    "tools",
)
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
DOCUMENTED = [ROOT / "__main__.py"] + [
    file for file in FILES if file.relative_to(ROOT).parts[0] in ("components", "models")
]
"""The packages that other programs may use."""

parses_all_modules = pytest.mark.slow
starts_python = pytest.mark.slow


def lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


@cache
def nodes_of(file: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


def code_lines(file: Path) -> int:
    """Lines of code: neither empty, nor comment, nor documentation, which the reference pages are made of."""
    text = file.read_text(encoding="utf-8")
    documentation = {
        line
        for node in nodes_of(file)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {line for token in tokens if token.type not in NO_CODE for line in range(token.start[0], token.end[0] + 1)}
    return len(code - documentation)


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes_of(file):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_module_is_longer_than_a_reader_holds() -> None:
    tests = (ROOT / "tests").rglob("*.py")
    assert {file.name: lines(file) for file in (*FILES, *tests) if lines(file) > 400} == {}


@parses_all_modules
def test_functions_are_small() -> None:
    lengths = sorted(length(function) for file in FILES for function in functions(file))

    assert lengths[-1] <= 60


@parses_all_modules
def test_a_line_of_code_has_few_syntax_nodes() -> None:
    """Other well-kept Python projects have 4.6 to 6.9 syntax nodes a line of code."""
    nodes = sum(len(nodes_of(file)) for file in FILES)
    lines_of_code = sum(map(code_lines, FILES))

    assert nodes / lines_of_code <= 7.5


@parses_all_modules
def test_no_conditional_is_inside_a_conditional() -> None:
    nested = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        for node in nodes_of(file)
        if isinstance(node, ast.IfExp)
        and any(isinstance(inner, ast.IfExp) for inner in ast.walk(node) if inner is not node)
    ]

    assert nested == []


@parses_all_modules
def test_no_literal_tuple_is_splatted() -> None:
    splatted = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        for node in nodes_of(file)
        if isinstance(node, ast.Starred) and isinstance(node.value, ast.Tuple)
    ]

    assert splatted == []


def public_items(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_items(node)


@parses_all_modules
def test_every_public_item_of_models_and_components_is_documented() -> None:
    missing = [
        f"{file.name}:{item.lineno} {item.name}"
        for file in DOCUMENTED
        for item in public_items(nodes_of(file)[0])
        if ast.get_docstring(item) is None
    ]

    assert missing == []


def test_exceptions_from_the_checks_are_few_and_each_has_a_reason() -> None:
    waived = [
        line for file in FILES for line in file.read_text().splitlines() if "# noqa" in line or "type: ignore" in line
    ]

    assert all(line.rpartition("]  #")[2] or "  " in line.partition("# noqa")[2] for line in waived)
    assert len(waived) <= 2 * sum(map(lines, FILES)) / 1000


def test_no_test_is_skipped() -> None:
    """A test that does not apply to a machine is not in its list (`collect_ignore_glob`, the marker `root`)."""
    skips = re.compile(r"pytest\.(skip|xfail|importorskip)\(|mark\.(skip|xfail)")
    tests = [*(ROOT / "tests").rglob("*.py")]
    skipped = [str(file.relative_to(ROOT)) for file in tests if skips.search(file.read_text("utf-8"))]

    assert skipped == []


def imported_modules(file: Path) -> Iterator[str]:
    for node in nodes_of(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_an_output_format_imports_nothing_else_of_the_command_line() -> None:
    imports = {
        (str(file.relative_to(ROOT)), module)
        for file in (ROOT / "cli" / "output").rglob("*.py")
        for module in imported_modules(file)
        if module.split(".")[0] == "cli"
    }

    assert {file for file, module in imports if not module.startswith("cli.output")} == set()
    assert len(imports) > 20


@starts_python
def test_checking_a_stack_loads_neither_pulumi_nor_a_kubernetes_client() -> None:
    heavy = ("pulumi", "pulumi_kubernetes", "kubernetes", "kr8s", "httpx")
    code = (
        "import sys, models, cluster.update.wait, cluster.service, cli.app, cli.commands.check;"
        f"print([name for name in sys.modules if name.split('.')[0] in {heavy}])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"


@starts_python
def test_a_command_loads_no_other_command() -> None:
    code = (
        "import sys, typer, cli.app; typer.main.get_command(cli.app.app).commands['check'];"
        "print(sorted(name for name in sys.modules if name.startswith('cli.commands.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "['cli.commands.check']"


@starts_python
def test_a_stack_without_a_patch_of_pods_does_not_load_the_schema_of_pods() -> None:
    code = (
        "import sys; from models.rules.registry import rule_ids; rule_ids(); print('models.kubernetes' in sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "False"


OTHER_PRODUCTS = ("bench", "rehearsal", "sandbox", "tools")
"""The sandbox compares versions of other things, and the tools make the tables of the releases."""

OUTSIDE_ENGINES = [
    file
    for file in (ROOT / "__main__.py", *FILES)
    if not file.is_relative_to(ROOT / "models" / "engines") and file.relative_to(ROOT).parts[0] not in OTHER_PRODUCTS
]


def version_comparisons(nodes: Iterable[ast.AST]) -> list[str]:
    """The comparisons with the version of an engine release, and the places that name one as a value."""
    found = []
    for node in nodes:
        if isinstance(node, ast.Compare) and any(map(is_version, [node.left, *node.comparators])):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.Match) and is_version(node.subject):
            found.append(f"match {ast.unparse(node.subject)}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_version(node.func.value):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.Constant) and node.value in VERSIONS:
            found.append(repr(node.value))
    return found


def is_version(node: ast.expr) -> bool:
    """Whether an expression is a version: `release.version`, `service.engine.version`, or text such as `"0.18"`."""
    if isinstance(node, ast.Attribute):
        return node.attr == "version" and re.search(r"(engine|release)$", ast.unparse(node.value)) is not None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.fullmatch(r"v?\d+\.\d+(\.\d+)*", node.value) is not None
    return False


@parses_all_modules
def test_only_the_engines_compare_versions_of_the_engine() -> None:
    found = {str(file.relative_to(ROOT)): version_comparisons(nodes_of(file)) for file in OUTSIDE_ENGINES}

    assert {file: places for file, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "source",
    [
        "service.release.version == newest",
        "service.engine.version in known",
        "release.version >= '0.18'",
        "tag == 'v0.23.0'",
        "release.version.startswith('0.')",
        "match service.engine.version:\n    case _: pass",
        "fields = {'0.6.3': 1}",
    ],
)
def test_a_comparison_of_versions_is_recognised(source: str) -> None:
    assert version_comparisons(ast.walk(ast.parse(source)))
