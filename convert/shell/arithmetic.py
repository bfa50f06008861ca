"""The value of shell arithmetic such as `$((NODES * 8))`."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+|#)|\b([A-Za-z_]\w*)\b")
_NUMBER = re.compile(r"-?\d{1,15}")
_LONGEST = 200
"""The most characters of an expression."""
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def value_of(expression: str, lookup: Callable[[str], str | None]) -> int | None:
    """The value of an expression with `+ - * / %` and at most one comparison; None if a variable is unknown.

    Args:
        expression: The text between `((` and `))`.
        lookup: The value of a variable by its name, or None.
    """
    text = _VARIABLE.sub(lambda found: _number(found, lookup), expression)
    if len(text) > _LONGEST or "?" in text:
        return None
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return None
    return _evaluated(tree.body)


def _number(found: re.Match[str], lookup: Callable[[str], str | None]) -> str:
    """The number of a variable; `?` if it has none."""
    name = found[1] or found[2] or found[3]
    text = lookup(name)
    if text is None or not _NUMBER.fullmatch(text.strip()):
        return "?"
    return f"({int(text)})"


def _evaluated(node: ast.expr) -> int | None:
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operand = _evaluated(node.operand)
        return None if operand is None else -operand
    if isinstance(node, ast.BinOp):
        return _binary(node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compared(node)
    return None


def _compared(node: ast.Compare) -> int | None:
    left = _evaluated(node.left)
    right = _evaluated(node.comparators[0])
    compare = _COMPARISONS.get(type(node.ops[0]))
    if left is None or right is None or compare is None:
        return None
    return int(compare(left, right))


def _binary(node: ast.BinOp) -> int | None:
    left = _evaluated(node.left)
    right = _evaluated(node.right)
    if left is None or right is None:
        return None
    if isinstance(node.op, ast.Div | ast.Mod):
        if right == 0:
            return None
        quotient = abs(left) // abs(right)
        if (left < 0) != (right < 0):
            quotient = -quotient
        return quotient if isinstance(node.op, ast.Div) else left - quotient * right
    apply = _OPERATORS.get(type(node.op))
    return apply(left, right) if apply else None
