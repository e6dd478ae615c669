"""CEL at run time: evaluate a condition, render a template. Deterministic, no I/O: the workflow runs it.

A template is any JSON value whose strings may hold `${{ CEL }}`. A string that is one expression and nothing else takes
the expression's value and type; otherwise values are put into the text. Checking happens in `firedoor.compiler`.
"""

import datetime
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

#: `${{ … }}`; CEL string literals may hold `}}`, hence the alternatives inside.
TEMPLATE = re.compile(r"""\$\{\{((?:[^}'"]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\}(?!\}))*)\}\}""")

ROOTS = ("inputs", "steps", "alert", "incident")


class ExpressionError(ValueError):
    """An expression that cannot be evaluated here: a field that is absent, a type that does not fit, a spent budget."""


@lru_cache(maxsize=256)
def _environment(names: tuple[str, ...]) -> Any:
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))


@lru_cache(maxsize=4096)
def _compiled(source: str, names: tuple[str, ...]) -> Any:
    return _environment(names).compile(source)


@lru_cache(maxsize=256)
def _names(own: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*ROOTS, *own}))


@lru_cache(maxsize=4096)
def _whole(text: str) -> str:
    """The CEL of a text that is one expression and nothing else; else empty."""
    match = TEMPLATE.fullmatch(text.strip())
    return match.group(1).strip() if match else ""


def evaluate(source: str, scope: Mapping[str, Any]) -> Any:
    """The value of a CEL expression as plain JSON. `scope` holds the roots and a loop's variable.

    Raises `ExpressionError` with the expression and CEL's own sentence.
    """
    if source in scope:
        return scope[source]  # Just a name, as in most loops: 10,000 targets need no evaluation for it.
    names = _names(tuple(scope))
    try:
        value = _compiled(source, names).eval(data={name: scope.get(name, {}) for name in names})
        plain = value.plain_value()
    except RuntimeError as error:
        raise ExpressionError(f"`{source}`: {error}") from None
    if value.type() == cel.Type.ERROR:
        raise ExpressionError(f"`{source}`: {plain}")
    return _json(plain, source)


def problem(source: str, names: Iterable[str]) -> str:
    """Why an expression over these names does not compile, in CEL's own words; empty where it does."""
    try:
        _environment(tuple(sorted(names))).compile(source)
    except RuntimeError as error:
        return str(error).partition("\n")[0].partition("ERROR: ")[2] or str(error)
    return ""


def render(template: Any, scope: Mapping[str, Any]) -> Any:
    """`template` with every `${{ }}` replaced by its value. Raises `ExpressionError`."""
    if isinstance(template, str):
        return _render_text(template, scope)
    if isinstance(template, Mapping):
        return {key: render(member, scope) for key, member in template.items()}
    if isinstance(template, list | tuple):
        return [render(member, scope) for member in template]
    return template


def expressions_in(template: Any) -> Iterable[str]:
    """Every CEL source inside a template, in order."""
    if isinstance(template, str):
        yield from (match.group(1).strip() for match in TEMPLATE.finditer(template))
    elif isinstance(template, Mapping):
        for member in template.values():
            yield from expressions_in(member)
    elif isinstance(template, list | tuple):
        for member in template:
            yield from expressions_in(member)


def _render_text(text: str, scope: Mapping[str, Any]) -> Any:
    if "${{" not in text:
        return text
    whole = _whole(text)
    if whole:
        return evaluate(whole, scope)
    return TEMPLATE.sub(lambda match: _text(evaluate(match.group(1).strip(), scope)), text)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _json(value: Any, source: str) -> Any:
    """CEL's value as JSON. Maps come back in random order from CEL: sort them, or a replay may differ."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {key: _json(value[key], source) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_json(member, source) for member in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds():g}s"
    raise ExpressionError(f"`{source}`: {type(value).__name__} is not a value that a step can take")
