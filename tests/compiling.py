"""Tests of the language read as text in, plan or mistake out."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import ClassVar

import pytest

from firedoor.compiler import compile_runbook
from firedoor.plan import Effect, Plan, Retry
from firedoor.runbook import Diagnostic, RunbookErrors
from firedoor.steps._step import Step
from tests.contracts import TEST_STEPS


class Block(Step):
    """Shut one thing so that it can be opened again."""

    action: ClassVar[str] = "test.block"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    undo: ClassVar[str] = "test.unblock"
    changeable: ClassVar[tuple[str, ...]] = ("region", "gone")

    id: str
    region: str = ""


class Unblock(Step):
    """Open it again."""

    action: ClassVar[str] = "test.unblock"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    undo: ClassVar[str] = "test.absent"
    timeout: ClassVar[int] = 240
    retry: ClassVar[Retry] = Retry(attempts=3)

    id: str


#: The contracts of the tests: one of them can be undone, one names an undo that does not exist.
ACTIONS: dict[str, type[Step]] = TEST_STEPS | {one.action: one for one in (Block, Unblock)}
FIND = "find: {uses: test.search, with: {query: leak}}"


def check_compiles(text: str, runbooks: Mapping[str, Path | str] | None = None) -> Plan:
    """The plan of a runbook that has no mistake."""
    try:
        return compile_runbook(dedent(text).lstrip("\n"), ACTIONS, runbooks)
    except RunbookErrors as errors:
        pytest.fail(
            f"does not compile: {[(one.line, one.column, one.code, one.message) for one in errors.diagnostics]}"
        )


def mistakes(text: str, runbooks: Mapping[str, Path | str] | None = None) -> tuple[Diagnostic, ...]:
    """Every mistake of a runbook that has some."""
    with pytest.raises(RunbookErrors) as caught:
        compile_runbook(dedent(text).lstrip("\n"), ACTIONS, runbooks)
    return caught.value.diagnostics


def check_rejected(
    text: str, place: str, code: str, says: str, allowed: str = "", runbooks: Mapping[str, Path | str] | None = None
) -> Diagnostic:
    """A runbook with exactly one mistake: at `line:column`, of this code, with these words in its sentences."""
    found = mistakes(text, runbooks)
    assert [(f"{one.line}:{one.column}", one.code.value, one.message) for one in found] == [
        (place, code, found[0].message)
    ], found
    assert says in found[0].message
    assert allowed in found[0].allowed
    return found[0]


def steps(*lines: str, head: str = "name: test") -> str:
    """A runbook of the given steps, after `find`. The first of them stands in the fourth line, third column."""
    return "\n".join((head, "steps:", f"  {FIND}", *(f"  {line}" for line in lines)))
