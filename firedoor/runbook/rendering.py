"""Diagnostics for people (text), for programs (JSON) and for code scanners (SARIF 2.1.0)."""

import json
from collections.abc import Iterable
from typing import Any

from firedoor.runbook.diagnostics import EXPLANATIONS, Code, Diagnostic
from firedoor.runbook.document import UNPRINTABLE

#: Longer source lines are cropped around the mistake.
MAX_WIDTH = 160
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_text(diagnostics: Iterable[Diagnostic]) -> str:
    """`file:line:column: error[code]: sentence`, the source line, a caret, and what is allowed; one block a mistake."""
    return "\n\n".join(_text(diagnostic) for diagnostic in diagnostics)


def _text(one: Diagnostic) -> str:
    lines = [f"{one.file}:{one.line}:{one.column}: error[{one.code}]: {one.message}"]
    gutter = " " * len(str(one.line))
    if one.source:
        source, column, end = _cropped(one)
        # A tab stays a tab under a tab, so that the caret stands where the eye is.
        pad = "".join("\t" if char == "\t" else " " for char in source[: column - 1])
        caret = "^" * max(1, min(end, len(source) + 1) - column)
        lines += [f"  {one.line} | {source}", f"  {gutter} | {pad}{caret}"]
    if one.allowed:
        lines.append(f"  {gutter} = {one.allowed}")
    return "\n".join(lines)


def _cropped(one: Diagnostic) -> tuple[str, int, int]:
    """The source line, or the part of a very long one around the mistake, with the columns therein."""
    source = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", one.source)
    start = max(0, one.column - 1 - MAX_WIDTH // 2) if len(source) > MAX_WIDTH else 0
    head, tail = "…" if start else "", "…" if len(source) > start + MAX_WIDTH else ""
    shift = start - len(head)
    return f"{head}{source[start : start + MAX_WIDTH]}{tail}", one.column - shift, one.end_column - shift


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON list; each member has the fields of `Diagnostic`."""
    members = [{name: getattr(one, name) for name in Diagnostic.__slots__} for one in diagnostics]
    return json.dumps(members, indent=2, ensure_ascii=False)


def render_sarif(diagnostics: Iterable[Diagnostic], *, version: str) -> str:
    """A SARIF 2.1.0 log with one run; `version` is firedoor's."""
    found = list(diagnostics)
    used = sorted({one.code for one in found})
    driver = {"name": "firedoor", "version": version, "rules": [_rule(code) for code in used]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, used.index(one.code)) for one in found],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.value,
        "shortDescription": {"text": EXPLANATIONS[code]},
        "defaultConfiguration": {"level": "error"},
    }


def _result(one: Diagnostic, rule: int) -> dict[str, Any]:
    text = f"{one.message} {one.allowed[:1].upper()}{one.allowed[1:]}".strip()
    region = {"startLine": one.line, "startColumn": one.column, "endColumn": max(one.end_column, one.column + 1)}
    place = {"artifactLocation": {"uri": one.file}, "region": region}
    return {
        "ruleId": one.code.value,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }
