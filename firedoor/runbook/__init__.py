"""The language: YAML → `Runbook`, and the mistakes in between."""

from firedoor.runbook.diagnostics import EXPLANATIONS, Code, Diagnostic, RunbookErrors
from firedoor.runbook.model import Runbook
from firedoor.runbook.parser import parse
from firedoor.runbook.rendering import render_json, render_sarif, render_text

__all__ = [
    "EXPLANATIONS",
    "Code",
    "Diagnostic",
    "Runbook",
    "RunbookErrors",
    "parse",
    "render_json",
    "render_sarif",
    "render_text",
]
