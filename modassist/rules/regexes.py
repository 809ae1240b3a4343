"""Regular expressions of rule packs: refused where they could stall, and the literals that every match must hold.

Walks the parse tree of the standard library's own parser, so what is judged is what will run.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from modassist.errors import RuleError
from modassist.rules.packfields import Line
from modassist.rules.packs import Rule

MAX_REPEAT = 200
MAX_PATHS = 2_000
"""Ways in which one match may be tried from one place: a bound of the work per character."""

_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)


def safe_regex(source: str, rule: Rule) -> re.Pattern[str]:
    """The compiled expression. Raises RuleError (path, line) where it is wrong or could stall on a long post."""
    line = source.line if isinstance(source, Line) else rule.line
    try:
        return check_regex(source)
    except RuleError as error:
        raise RuleError(f"{rule.path}:{line}: {rule.id}: {error.message}", error.hint) from error


def check_regex(source: str) -> re.Pattern[str]:
    """The compiled expression. Raises RuleError where it is wrong or could stall on a long post."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pattern = re.compile(source, re.IGNORECASE)
            tree = parser.parse(source, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise RuleError(f"regex „{source}“ is wrong: {error}", "try it with a plain phrase") from error
    paths = _paths(list(tree), source)
    if paths > MAX_PATHS:
        hint = "bound the repeats more tightly, or write a phrase with „...“"
        raise RuleError(f"regex „{source}“ can be tried in {paths} ways from one place", hint)
    return pattern


def _paths(nodes: Iterable[Any], source: str) -> int:
    paths = 1
    for op, value in nodes:
        paths *= _paths_of(op, value, source)
        if paths > MAX_PATHS:
            return paths
    return paths


def _paths_of(op: Any, value: Any, source: str) -> int:
    if op in _REPEATS:
        least, most, body = value
        if most > MAX_REPEAT:
            raise RuleError(f"regex „{source}“ has a repeat without a bound", f"write {{1,40}}, at most {MAX_REPEAT}")
        inner = _paths(body, source)
        spread = int(most - least + 1)
        return spread if inner == 1 else _power(inner, most) * spread
    if op in (sre.GROUPREF, sre.GROUPREF_EXISTS, sre.GROUPREF_IGNORE):
        raise RuleError(f"regex „{source}“ refers back to a group", "write the words out")
    if op is sre.SUBPATTERN:
        return _paths(value[3], source)
    if op is sre.BRANCH:
        return sum(_paths(option, source) for option in value[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return _paths(value[1], source)
    return _paths(value, source) if op is sre.ATOMIC_GROUP else 1


def _power(base: int, exponent: int) -> int:
    return int(base**exponent) if exponent * base.bit_length() < 64 else MAX_PATHS + 1


def required_literals(source: str) -> frozenset[str]:
    """Literals (lower case) one of which stands in every match; empty where there are none of two letters."""
    try:
        tree = parser.parse(source, re.IGNORECASE)
    except re.error:
        return frozenset()
    return _required(list(tree)) or frozenset()


def _required(nodes: list[Any]) -> frozenset[str] | None:
    found: list[frozenset[str]] = []
    run = ""
    for op, value in [*nodes, (None, None)]:
        if op is sre.LITERAL and chr(value).isalnum():
            run += chr(value).lower()
            continue
        if len(run) >= 2:
            found.append(frozenset([run]))
        run = ""
        literals = _required_by(op, value)
        if literals:
            found.append(literals)
    return max(found, key=lambda literals: min(map(len, literals))) if found else None


def _required_by(op: Any, value: Any) -> frozenset[str] | None:
    if op is sre.SUBPATTERN:
        return _required(list(value[3]))
    if op in _REPEATS and value[0] >= 1:
        return _required(list(value[2]))
    if op is not sre.BRANCH:
        return None
    options = [_required(list(option)) for option in value[1]]
    return frozenset().union(*(option for option in options if option)) if all(options) else None
