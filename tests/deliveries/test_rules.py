"""The rules that need no server: what an ended incident has handled, and how often one is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firedoor.alerts import Alert
from firedoor.catalog import Shelves
from firedoor.compiler import compile_runbook
from firedoor.config import Settings
from firedoor.deliveries.delivery import Hit
from firedoor.deliveries.ended import handled, moment
from firedoor.deliveries.flow import Flow
from firedoor.deliveries.reporting import command_line
from firedoor.deliveries.runbooks import Runbooks

END = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def hit(last_seen: str = "", received: str = "2026-11-29T13:00:00Z", name: str = "1") -> Hit:
    """An alert about an incident that ended at noon."""
    alert = Alert(source="grafana", id=name, last_seen=last_seen)
    return Hit("d", 0, "leak", "leak-x", {}, alert, received_at=received)


@pytest.mark.parametrize(
    ("about", "later", "says"),
    [
        (hit("2026-11-29T11:59:59Z"), DAY, "nothing of this was seen since"),
        (hit("2026-11-29T12:00:00Z"), DAY, "nothing of this was seen since"),
        (hit("2026-11-29T14:00:00+02:00"), DAY, "nothing of this was seen since"),
        (hit("2026-11-29 11:00:00"), DAY, "nothing of this was seen since"),
        (hit("2026-11-29T12:00:01Z"), DAY, ""),
        (hit("2026-11-29T12:00:01Z", received="2026-11-29T11:00:00Z"), DAY, ""),
        (hit("2026-11-29T12:00:01Z", name="told"), DAY, ""),
        (hit(received="2026-11-29T11:59:59Z"), DAY, "was delivered before"),
        (hit(name="told"), DAY, "has handled this alert"),
        (hit(name="told"), DAY + timedelta(seconds=1), ""),
        (hit("last Tuesday", name="told"), DAY, "has handled this alert"),
        (hit(), DAY, ""),
    ],
)
def test_what_an_ended_incident_has_handled(about: Hit, later: timedelta, says: str) -> None:
    """By when it was last seen; without that, by when it came and whether it was told before."""
    sentence = handled(about, END, {"grafana/told"}, END + later)
    assert bool(sentence) == bool(says)
    assert says in sentence
    assert not sentence or sentence.startswith("leak-x ended at 2026-11-29 12:00:00 UTC")


def test_times_of_senders() -> None:
    """What is no time is none; what has no offset is UTC."""
    assert moment("") is None
    assert moment("2026-11-29T12:00:00") == END


def test_a_storm_is_told_less_and_less_often() -> None:
    """1 s, then twice as long each time, up to a minute; more after 500 reports, and an hour after 1,000."""
    flow, pauses = Flow(), []
    for number in range(9):
        flow.sent(0.0, number)
        pauses.append(flow.due)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    for batches, longest in ((499, 60), (500, 120), (500, 240), (500, 480), (500, 600), (500, 600), (1000, 1200)):
        flow.sent(0.0, batches)
        assert flow.due == longest
    assert not flow.over(2400.0)
    assert flow.over(2401.0)


def test_quiet_is_forgotten_and_failures_wait() -> None:
    """After a minute of silence the next alert is told at once; a report that fails is tried again later and later."""
    flow = Flow()
    flow.sent(100.0, 1)
    assert not flow.over(161.0)
    assert flow.over(161.1)
    waits = []
    for _ in range(8):
        flow.failed(100.0)
        waits.append(flow.due - 100.0)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    flow.sent(100.0, 1)
    assert flow.due == 102.0


def test_the_runbooks_are_those_of_the_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Compiled once, again when one changes; what cannot be read or has mistakes is told once."""
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    (tmp_path / "leak.yaml").write_text("name: leak\ntriggers: [{alert: grafana}]\nsteps: 5\n")
    runbooks = Runbooks(Shelves(Settings(home=tmp_path / "home", runbooks=(tmp_path,))))
    known = runbooks.known()
    assert set(known.broken) == {"gone", "leak"}
    assert known.suspects("grafana") == ["leak"]
    assert runbooks.known() is known
    (tmp_path / "leak.yaml").write_text("name: leak\nsteps: {w: {wait: 1m}}\n")
    assert "leak" in runbooks.known().plans
    assert caplog.text.count("The runbook gone has mistakes") == 1


def test_what_a_person_would_type() -> None:
    """The inputs that are not defaults, quoted for a shell."""
    plan = compile_runbook("""
name: leak
inputs:
  key: {type: string}
  others: {type: list, default: []}
  hard: {type: boolean, default: false}
  often: {type: integer, default: 3}
steps: {w: {wait: 1m}}
""")
    values = {"key": "it's; rm -rf /", "others": ["a", "b"], "hard": True, "often": 3}
    assert command_line(plan, values) == """leak 'key=it'"'"'s; rm -rf /' others=a,b hard=true"""
