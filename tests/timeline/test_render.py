"""The timeline for people."""

from collections.abc import Callable
from typing import Any

import pytest

from firedoor.timeline.entry import Draft, Entry, Kind
from firedoor.timeline.render import Row, markdown, printable, rows, unresolved
from firedoor.timeline.store import Timeline

ACTION = {"name": "aws.iam.deactivate_access_key", "target": "AKIAIOSFODNN7EXAMPLE"}
Recorder = Callable[..., Entry]


@pytest.fixture
def recorded(timeline: Timeline) -> Recorder:
    """Records one draft and reads it back."""

    def record(kind: Kind, ref: str = "", **body: Any) -> Entry:
        timeline.append([Draft(kind, "inc-1", f"{len(timeline.entries())}", body, ref=ref)])
        return timeline.entries()[-1].entry

    return record


@pytest.mark.parametrize(
    ("kind", "body", "row"),
    [
        (
            Kind.APPROVAL,
            {
                "actor": {"id": "user:ada", "on_behalf_of": "slack:@security"},
                "cause": {"step": "revoke"},
                "say": "Yes.",
            },
            ("user:ada for slack:@security", "revoke", "Yes.", ""),
        ),
        (Kind.INCIDENT_OPENED, {"actor": {"kind": "system"}}, ("system", "", "The incident was opened.", "")),
        (Kind.GAP, {}, ("firedoor", "", "gap", "")),
        (
            Kind.ACTION_INTENT,
            {"action": ACTION, "change": "Active → Inactive"},
            ("firedoor", "", "aws.iam.deactivate_access_key AKIAIOSFODNN7EXAMPLE: Begins: Active → Inactive", ""),
        ),
        (Kind.ACTION_INTENT, {"action": {}}, ("firedoor", "", "Begins", "")),
        (
            Kind.ACTION_OUTCOME,
            {"action": ACTION, "result": {"status": "failed", "summary": "Denied.", "verdict": "unknown"}},
            ("firedoor", "", "aws.iam.deactivate_access_key AKIAIOSFODNN7EXAMPLE: Failed: Denied.", "unknown"),
        ),
    ],
)
def test_rows(recorded: Recorder, kind: Kind, body: dict[str, Any], row: tuple[str, str, str, str]) -> None:
    """Each entry is one line: who, step, sentence, verdict."""
    [made] = rows([recorded(kind, **body)])
    assert row == (made.who, made.step, made.say, made.verdict)


def test_times_are_for_people(recorded: Recorder) -> None:
    """A row's time is a date and a time to the second, and its number the entry's."""
    [made] = rows([recorded(Kind.NOTE, say="hello")])
    assert isinstance(made, Row)
    assert (0, "note", 19) == (made.seq, made.kind, len(made.time))


def test_unresolved(recorded: Recorder) -> None:
    """An intent is unresolved until an outcome refers to it."""
    first, second = recorded(Kind.ACTION_INTENT, action=ACTION), recorded(Kind.ACTION_INTENT, action=ACTION)
    outcome = recorded(Kind.ACTION_OUTCOME, ref=first.id, action=ACTION)
    assert [second] == unresolved([first, second, outcome])


def test_an_attackers_text_stays_text(recorded: Recorder) -> None:
    """A user name cannot steer a terminal, end a table row, add a heading, or open a tag."""
    nasty = "x\x1b[2Jy\n# Heading | <script>alert(1)</script> `rm` \u202egnp\u200b"
    entry = recorded(Kind.NOTE, say=nasty, evidence=[{"says": nasty}, "not an object"])
    assert "x\ufffd[2Jy # Heading | <script>alert(1)</script> `rm` \ufffdgnp\ufffd" == rows([entry])[0].say
    page = markdown([entry])
    assert "<script>" not in page
    assert "\\# Heading \\| &lt;script&gt;" in page
    assert not any(line.startswith("# Heading") for line in page.split("\n"))


def test_printable_keeps_ordinary_text() -> None:
    """Letters of any script, dashes and emoji stay."""
    assert "Müller → 東京 – ok ✅" == printable("Müller → 東京 – ok ✅")


def test_an_entry_of_a_later_version_has_a_row(recorded: Recorder) -> None:
    """A kind that this version does not know is shown by its name."""
    entry = recorded(Kind.NOTE)
    later = Entry.parse(entry.data.replace(b'"note"', b'"later.kind"'))
    assert "later.kind" == rows([later])[0].say
