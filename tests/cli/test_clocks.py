"""`firedoor clocks`: the table, the moments, what was met and waived, on a real Temporal with a real worker."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from firedoor.cli.views import clocks as view
from firedoor.clock import NOT_ADVICE, ClockState, ClockView
from firedoor.config import local_user
from firedoor.errors import Exit
from tests.cli.conftest import Cli, serving, until

NOW = datetime.datetime(2026, 11, 29, 12, 0, tzinfo=datetime.UTC)

RUNBOOK = """
name: told-in-time
inputs: {{leak: {{type: string}}}}
identity: [leak]
approvals: {{legal: {{from: ['{user}'], self: true}}}}
clocks:
  authority: {{regime: gdpr, stage: authority, to: [legal], remind: [24h, 4h]}}
  filing: {{regime: sec-8k-1.05, to: [legal]}}
  house: {{regime: house-rule, to: [legal]}}
steps:
  gate: {{approval: legal}}
"""

#: A regime of one's own.
OWN = """
version = "2026-11-29"
[house-rule]
title = "Our own rule"
source = "the handbook"
reviewed = "2026-11-29"
[house-rule.stages.board]
limits = [{after = "detected", amount = 2, unit = "hours"}]
"""


@pytest.fixture(scope="module")
def clocked_home(temporal_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with that runbook and that file, served by a worker."""
    home = tmp_path_factory.mktemp("clocked")
    (home / "runbooks").mkdir()
    (home / "runbooks" / "told-in-time.yaml").write_text(RUNBOOK.format(user=local_user()))
    (home / "own.toml").write_text(OWN)
    (home / "firedoor.toml").write_text(
        f'task_queue = "{home.name}"\nrunbooks = ["{home / "runbooks"}"]\n[deadlines]\nfile = "{home / "own.toml"}"\n'
    )
    with serving(home, temporal_address):
        yield home


@pytest.fixture
def clocked(clocked_home: Path, temporal_address: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process uses that home."""
    monkeypatch.setenv("FIREDOOR_HOME", str(clocked_home))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    return clocked_home


def names(cli: Cli, incident: str) -> dict[str, str]:
    """The clocks of an incident and their states, in the order in which they are listed."""
    found = json.loads(cli("clocks", incident, "-o", "json").out)
    assert found["note"] == NOT_ADVICE
    return {one["name"]: one["state"] for one in found["clocks"]}


@pytest.mark.usefixtures("clocked")
def test_clocks_from_start_to_the_end_of_the_incident_and_after(cli: Cli) -> None:
    """They are listed nearest first, declared, met, waived; what is open when the incident ends is kept."""
    begun = cli("run", "told-in-time", "leak=one", "--yes", "-o", "json")
    assert begun.code == Exit.OK, begun.err
    incident = json.loads(begun.out)["incident"]
    until(lambda: names(cli, incident) == {"house": "running", "authority": "running", "filing": "waiting"})
    shown = cli("clocks").out
    assert NOT_ADVICE in shown
    assert shown.index("house") < shown.index("authority") < shown.index("filing")
    assert "GDPR 33(1): notice to the supervisory authority" in shown
    assert "starts when it was decided that it is material" in shown
    assert "the handbook · data of 2026-11-29" in shown
    assert "Clocks" in cli("show", incident).out

    wrong = cli("clocks", "declare", incident, "materiality", "--reason", "the board has met")
    assert (wrong.code, "Did you mean materiality_decided?" in wrong.err) == (Exit.REFUSED, True)
    said = cli("clocks", "declare", incident, "materiality_decided", "--reason", "the board has met").out
    assert "filing is due" in said
    assert "in time" in cli("clocks", "met", incident, "authority", "--reason", "receipt 4711").out
    aborted = cli("abort", incident, "--reason", "done").out
    assert "Its clocks go on, until they are met or waived: filing, house." in aborted
    until(lambda: json.loads(cli("show", incident, "-o", "json").out)["timekeeper"] == f"{incident}.clocks")
    assert "is waived" in cli("clocks", "waive", incident, "house", "--reason", "nobody there").out
    assert "is waived" in cli("clocks", "waive", incident, "filing", "--reason", "not material after all").out
    until(lambda: names(cli, incident) == {"authority": "met", "filing": "waived", "house": "waived"})
    late = cli("clocks", "waive", incident, "house", "--reason", "again")
    assert late.code != Exit.OK
    told = cli("clocks", incident).out
    assert "receipt 4711" in told
    assert "not material after all" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nonsense", "x"), "'nonsense' is none of declare, met, waive"),
        (("met", "x"), "`clocks met` takes an incident, and the name of one of its clocks"),
        (("declare", "x"), "what happened: detected, aware, classified"),
        (("met", "x", "y"), "The reason is empty"),
        (("--reason", "because"), "A list takes neither --at nor --reason"),
    ],
)
def test_what_is_typed_wrongly(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    """A sentence, and how it is typed."""
    done = cli("clocks", *words)
    assert done.code == Exit.USAGE
    assert sentence in done.err


@pytest.mark.parametrize(
    ("state", "due", "told", "style"),
    [
        (ClockState.WAITING, "", "○ waits", "dim"),
        (ClockState.RUNNING, "", "▶ at once", "bold yellow"),
        (ClockState.RUNNING, "2026-12-02T12:00:00Z", "◷ 3 d 0 h left", ""),
        (ClockState.RUNNING, "2026-11-30T11:00:00Z", "◷ 23 h 00 m left", "yellow"),
        (ClockState.RUNNING, "2026-11-29T15:30:00Z", "◷ 3 h 30 m left", "bold red"),
        (ClockState.MISSED, "2026-11-29T11:00:00Z", "✗ MISSED 1 h 00 m ago", "bold red"),
        (ClockState.LATE, "2026-11-29T11:00:00Z", "! met late", "yellow"),
    ],
)
def test_how_a_clock_looks(state: ClockState, due: str, told: str, style: str) -> None:
    """Red when it is near or missed; the words alone say it too."""
    assert view.standing(ClockView(name="one", state=state, due=due), NOW) == (told, style)


def test_little_room_shows_the_nearest() -> None:
    """A terminal that is short shows those that are due next, and what this is not."""
    found = [ClockView(name=f"c{day}", state=ClockState.RUNNING, due=f"2026-12-0{day}T12:00:00Z") for day in (3, 1, 2)]
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(view.brief(found, NOW, 2))
    said = captured.get()
    assert NOT_ADVICE in said
    assert [name for name in ("c1", "c2", "c3") if name in said] == ["c1", "c2"]
