"""Whatever is done to a runbook, the answer is a plan or a list of mistakes."""

from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from firedoor.compiler import compile_runbook
from firedoor.runbook import Diagnostic, RunbookErrors, render_sarif, render_text
from tests.compiler import test_plan, test_policies
from tests.compiling import ACTIONS

#: The lines of runbooks that use the whole of the language between them.
LINES = [dedent(text).lstrip("\n").splitlines() for text in (test_plan.EVERYTHING, test_policies.EVERYTHING)]
SHREDS = st.sampled_from(
    [
        "",
        "x",
        "5",
        "1.5",
        "null",
        "[]",
        "{}",
        "''",
        "${{",
        "}}",
        ": ",
        "- ",
        "  ",
        "\t",
        "*a",
        "&a ",
        "!x ",
        "steps.find.",
        "if: ",
    ]
)
#: Where to cut (line, which counts on from the first after the last, from, to) and what to put there.
CUTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 20), SHREDS), min_size=1, max_size=4)


def diagnosed(text: str) -> tuple[Diagnostic, ...]:
    """The mistakes of a text; none if it compiles."""
    try:
        assert compile_runbook(text, ACTIONS).digest()
    except RunbookErrors as errors:
        return errors.diagnostics
    return ()


@given(st.sampled_from(LINES), CUTS)
def test_mutilated_runbooks(whole: list[str], cuts: list[tuple[int, int, int, str]]) -> None:
    """No traceback; every place lies in the file; every mistake can be shown."""
    lines = list(whole)
    for number, start, length, shred in cuts:
        line = number % len(lines)
        text = lines[line]
        lines[line] = text[:start] + shred + text[start + length :]
    found = diagnosed("\n".join(lines))
    for one in found:
        assert 1 <= one.line <= len(lines) + 1
        assert 1 <= one.column < one.end_column
    assert bool(render_text(found)) == bool(found)
    assert render_sarif(found, version="1")


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    """Also what was never meant to be a runbook."""
    assert diagnosed(text)
