"""Runbook → Plan, or every mistake at once."""

from collections.abc import Mapping
from pathlib import Path

from firedoor.canonical import sha256_hex
from firedoor.compiler.campaign import NoticeShape
from firedoor.compiler.compilation import Compilation, source_of
from firedoor.deadlines.regimes import Regime, shipped
from firedoor.plan import Plan
from firedoor.runbook.diagnostics import RunbookErrors
from firedoor.steps import STEPS
from firedoor.steps._step import Step

__all__ = ["NoticeShape", "RunbookErrors", "compile_runbook"]


def compile_runbook(
    source: str | Path,
    steps: Mapping[str, type[Step]] = STEPS,
    runbooks: Mapping[str, Path | str] | None = None,
    regimes: Mapping[str, Regime] | None = None,
    notices: Mapping[str, NoticeShape] | None = None,
) -> Plan:
    """The plan of a runbook: its text, or the path of its file.

    `steps` are the actions that `uses` may name; `runbooks` are those that `run` may name, by name, as path or text;
    `regimes` what clocks may name, those that ship if absent. Raises `RunbookErrors` with every mistake, in the file
    and in the runbooks that it runs; `UsageError` if a file cannot be read.
    """
    text, file = source_of(source)
    compilation = Compilation(steps, runbooks or {}, regimes=regimes or shipped(), notices=notices)
    return compilation.plan(text, file, sha256_hex(text.encode("utf-8", "surrogatepass")))
