"""What is offered where nobody remembers an id: incidents and runbooks with buttons, within Slack's limits."""

import json
from datetime import UTC, datetime

from firedoor.drill.slack.blocks import check_message
from firedoor.engine import Summary
from firedoor.plan import Plan, PlannedStep
from firedoor.slack.inbound.choices import is_open, offered, overview, own


def incident(number: int, *, parent: str = "", ended: bool = False) -> Summary:
    """A line of the list."""
    now = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
    return Summary(
        id=f"contain-{number}",
        run="r",
        parent=parent,
        parent_run="",
        runbook="contain",
        state="completed" if ended else "needs_attention",
        verdict="not_contained",
        severity="high",
        started=now,
        ended=now if ended else None,
    )


def runbooks(count: int) -> list[Plan]:
    """So many runbooks with long titles."""
    step = PlannedStep(id="look", kind="wait", wait=1)
    return [
        Plan(name=f"runbook-{number}", title="title " * 100, runbook_sha256="0" * 64, steps=(step,))
        for number in range(count)
    ]


def test_the_overview_fits_a_message() -> None:
    """Of hundreds the first are shown, and it is said how to find the others."""
    blocks = overview([incident(number) for number in range(200)], runbooks(200), ["torn"])
    check_message(blocks, set())
    text = json.dumps(blocks)
    assert len(blocks) <= 50
    assert "and 188 more: firedoor list" in text
    assert "By /firedoor run NAME: runbook-24" in text
    assert "cannot be started: torn." in text
    assert "needs attention, not contained, since 29 Nov 03:00 UTC" in text


def test_an_empty_overview_says_so() -> None:
    """Nothing runs, and this person may start nothing: both are said."""
    text = json.dumps(overview([], [], []))
    assert text.count("There are none.") == 2
    assert "[slack] start" in text


def test_the_last_five_are_offered() -> None:
    """Incidents that others started as steps are not; those that ended are not open."""
    found = own([incident(1), incident(2, parent="contain-1"), *(incident(number) for number in range(3, 9))])
    assert [one.id for one in found][:2] == ["contain-1", "contain-3"]
    blocks = offered(found, "note", "Write…", "the text")
    assert len(blocks) == 5
    assert json.loads(blocks[0]["accessory"]["value"]) == {"i": "contain-1", "s": "the text"}
    assert is_open(incident(1))
    assert not is_open(incident(1, ended=True))
