"""`firedoor alerts`, as a person uses it: what came, why it is where it is, trying a payload, trying again."""

import asyncio
import json
import secrets
import shutil
import sqlite3
from pathlib import Path

import pytest

from firedoor.alerts import SOURCES
from firedoor.deliveries import Deliveries, NewDelivery, State
from tests.cli.conftest import Cli
from tests.deliveries.conftest import LEAK, finding, posted
from tests.deliveries.test_dispatch import Twins

#: A shell that an attacker would like to steer.
EVIL = "key \x1b[2J leaked"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own, with the runbook `leak`."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "leak.yaml").write_text(LEAK.format(rules="max_starts: 100"))
    configure(tmp_path)
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    return tmp_path


def configure(home: Path, task_queue: str = "nobody") -> None:
    """Write its firedoor.toml."""
    door = '[alerts.siem]\nsource = "generic"\nmap = {id = "body.name", title = "body.says"}\n'
    head = f'task_queue = "{task_queue}"\nrunbooks = ["{home / "runbooks"}"]\n'
    (home / "firedoor.toml").write_text(f"{head}\n{door}")


@pytest.fixture
def worked(home: Path, served_home: Path, temporal_address: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, and a worker serves it."""
    shutil.copy(served_home / "codec.key", home / "codec.key")
    configure(home, served_home.name)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    return home


def store(home: Path, *news: NewDelivery) -> list[str]:
    """Put deliveries into the store; their ids."""

    async def work() -> list[str]:
        async with Deliveries.open(home / "deliveries.sqlite") as deliveries:
            ids = [(await deliveries.add(new)).id for new in news]
            for name in ids:
                await deliveries.change(_dead, name)
            return ids

    return asyncio.run(work())


def _dead(database: sqlite3.Connection, name: str) -> None:
    """As the dispatcher leaves what it could not match."""
    query = "UPDATE delivery SET state = 'dead', matched = 1, title = ?, reason = 'leak: no\nmore', against = 'x: y'"
    database.execute(f"{query}, handled_at = received_at WHERE id = ?", (EVIL, name))


def payload(home: Path, body: bytes) -> str:
    """A file with a payload."""
    (home / "payload.json").write_bytes(body)
    return str(home / "payload.json")


def test_nothing_was_delivered(cli: Cli, home: Path) -> None:
    """It says so, and makes no file."""
    assert "Nothing was delivered" in cli("alerts").out
    assert json.loads(cli("alerts", "-o", "json").out) == []
    assert "There are no deliveries." in cli("alerts", "show", "x").err
    assert not (home / "deliveries.sqlite").exists()
    store(home)
    assert "Nothing was delivered." in cli("alerts").out
    assert "No delivery is held." in cli("alerts", "--state", "held").out


def test_the_list(cli: Cli, home: Path) -> None:
    """The newest first, with reasons; and what to do about the dead. What steers a terminal is taken out."""
    first, second = store(home, posted("1"), NewDelivery("guardduty", "guardduty", "2", {}, b"{}"))
    shown = cli("alerts").out
    assert shown.index(second) < shown.index(first)
    assert "aws (guardduty)" in shown
    assert "\x1b" not in shown
    assert "2 dead: firedoor alerts --state dead" in shown
    assert "firedoor alerts replay --state dead" in cli("alerts", "--state", "dead").out
    assert second not in cli("alerts", "--limit", "1", "-o", "json").out.replace(second, "", 1)
    assert json.loads(cli("alerts", "-o", "json").out)[1]["reason"] == "leak: no\nmore"


def test_one_in_full(cli: Cli, home: Path) -> None:
    """By a part of its id: the reasons, the runbooks, the body."""
    [name] = store(home, NewDelivery("aws", "guardduty", "k", {"X-Id": "7"}, b"{" + b" " * 5_000 + b"}"))
    shown = cli("alerts", "show", name[-9:]).out
    for words in ("DEAD", "/hooks/aws (guardduty)", "leak: no", "x: y", "x-id: 7", "more characters: -o json"):
        assert words in shown
    whole = json.loads(cli("alerts", "show", name, "-o", "json").out)
    assert len(whole["body"]) == 5_002
    assert whole["headers"] == {"x-id": "7"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sho",), "sho"),
        (("list", "x"), "firedoor alerts show x"),
        (("show",), "Usage: firedoor alerts show ID"),
        (("show", "zz"), "There is no delivery 'zz'"),
        (("test",), "PAYLOAD.json --source SOURCE"),
        (("list", "--source", "guardduty"), "--source and --header are for test."),
        (("list", "--limit", "0"), "there is no such list"),
        (("replay",), "Usage: firedoor alerts replay ID"),
        (("replay", "x", "--state", "dead"), "Usage: firedoor alerts replay ID"),
        (("dismiss", "--state", "started"), "Usage: firedoor alerts dismiss ID"),
        (("list", "--state", "alive"), "alive"),
    ],
)
def test_slips_of_the_keyboard(cli: Cli, home: Path, words: tuple[str, ...], says: str) -> None:
    """Exit code 2, and what to write instead."""
    store(home)
    done = cli("alerts", *words)
    assert done.code == 2
    assert says in done.err


def test_a_payload_that_would_start_something(cli: Cli, home: Path) -> None:
    """Which runbook, with which inputs, who would be asked; and why the others would not."""
    file = payload(home, finding("AKIAX"))
    done = cli("alerts", "test", file, "--source", "guardduty")
    assert done.code == 0
    assert "leak would start, or join, leak-AKIAX" in done.out
    assert "key=AKIAX" in done.out
    assert "gate waits for people: security" in done.out
    assert "aws-access-key-leaked: its condition does not hold: alert.severity >= 7.0" in done.out
    assert "alert.type is " in done.out
    assert "runbooks have no trigger for guardduty" in done.out
    told = json.loads(cli("alerts", "test", file, "--source", "guardduty", "-o", "json").out)
    assert told["alerts"][0]["would"][0]["inputs"] == {"key": "AKIAX"}
    assert not (home / "deliveries.sqlite").exists()


def test_a_payload_that_would_start_nothing(cli: Cli, home: Path) -> None:
    """Exit code 1, with the field that is missing, and the runbooks with mistakes."""
    (home / "runbooks" / "broken.yaml").write_text("name: broken\ntriggers: [{alert: guardduty}]\nsteps: 5\n")
    done = cli("alerts", "test", payload(home, finding("")), "--source", "guardduty")
    assert done.code == 1
    assert "It starts nothing." in done.out
    assert "alert.access_key_id is empty" in done.out
    assert "broken: it has mistakes: firedoor lint broken" in done.out


def test_a_runbook_that_only_people_start(cli: Cli, home: Path) -> None:
    """Exit code 1, and how a person would start it."""
    (home / "runbooks" / "leak.yaml").write_text(LEAK.format(rules="auto: off"))
    done = cli("alerts", "test", payload(home, finding("AKIAX")), "--source", "guardduty")
    assert done.code == 1
    assert "only people start it (auto: off)" in done.out
    assert "firedoor run leak key=AKIAX" in done.out


def test_what_changes_at_once(cli: Cli, home: Path) -> None:
    """With the shipped runbook: what can be undone runs at once, the rest waits for people."""
    body = finding("AKIAIOSFODNN7EXAMPLE", type="UnauthorizedAccess:IAMUser/Tor")
    done = cli("alerts", "test", payload(home, body), "--source", "guardduty")
    assert "at once (auto: contain) it changes: " in done.out
    would = json.loads(cli("alerts", "test", str(home / "payload.json"), "--source", "guardduty", "-o", "json").out)
    shipped = next(one for one in would["alerts"][0]["would"] if one["runbook"] == "aws-access-key-leaked")
    assert shipped["at_once"]
    assert not set(shipped["at_once"]) & set(shipped["asks"])


def test_headers_and_doors(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that reads headers gets them; a door of the settings is read with its map."""
    pinged = payload(home, b'{"zen": "Keep it logically awesome.", "hook_id": 1}')
    ping = cli("alerts", "test", pinged, "--source", "github", "--header", "X-GitHub-Event: ping")
    assert ping.code == 1
    assert "It holds no alert" in ping.out
    assert "is no header" in cli("alerts", "test", pinged, "--source", "github", "--header", "ping").err
    mapped = cli("alerts", "test", payload(home, b'{"name": "n1", "says": "hello"}'), "--source", "siem")
    assert (mapped.code, "hello" in mapped.out) == (1, True)
    monkeypatch.setitem(SOURCES, "twins", Twins())
    over = cli("alerts", "test", payload(home, b'{"keys": ["AKIAX"], "resolved": true}'), "--source", "twins")
    assert "The source says that it is over" in over.out


@pytest.mark.parametrize(
    ("body", "source", "says"),
    [
        (b"nonsense", "guardduty", "it is not JSON"),
        (b"{}", "guardduti", "Did you mean guardduty or"),
        (b"{}", "", "Whose payload is it?"),
        (b'{"x": 1}', "twins", "cannot be read as twins (KeyError)"),
        (None, "guardduty", "cannot be read: No such file"),
    ],
)
def test_bad_payloads(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch, body: bytes | None, source: str, says: str
) -> None:
    """Exit code 2, and what is wrong."""
    monkeypatch.setitem(SOURCES, "twins", Twins())
    file = str(home / "none.json") if body is None else payload(home, body)
    done = cli("alerts", "test", file, "--source", source)
    assert done.code == 2
    assert says in done.err


def test_a_map_that_is_wrong(cli: Cli, home: Path) -> None:
    """It says which field."""
    text = (home / "firedoor.toml").read_text().replace("body.says", "body..says")
    (home / "firedoor.toml").write_text(text)
    done = cli("alerts", "test", payload(home, b"{}"), "--source", "siem")
    assert done.code == 2
    assert "`title`" in done.err


def test_what_is_dismissed_waits_for_nobody(cli: Cli, home: Path) -> None:
    """Garbage would be dead for ever, and so would its alarm. Who did it stands there, and why it was dead."""
    first, second = store(home, posted("1"), NewDelivery("guardduty", "guardduty", "2", {}, b"{}"))
    assert cli("alerts", "dismiss", first).out == "1 delivery dismissed.\n"
    assert "Nothing of it waits for a person." in cli("alerts", "dismiss", first).out
    shown = cli("alerts", "show", first).out
    assert "ignored" in shown
    assert "dismissed by user:" in shown
    assert "leak: no" in shown
    [other] = json.loads(cli("alerts", "dismiss", "--state", "dead", "-o", "json").out)
    assert (other["id"], other["state"]) == (second, "ignored")
    assert "No delivery is dead." in cli("alerts", "--state", "dead").out


def test_a_replay(cli: Cli, worked: Path) -> None:
    """After the runbook is corrected: dead letters start what they should have; again, they change nothing."""
    key = f"AKIA{secrets.token_hex(4).upper()}"
    name, other = store(worked, posted("1", finding(key)), posted("2", b"nonsense"))
    done = cli("alerts", "replay", "--state", "dead")
    assert done.code == 1  # one is as dead as before
    assert f"→ leak-{key}" in done.out
    shown = cli("alerts", "show", name).out
    assert f"leak: leak-{key}" in shown
    assert "attempt 1" in shown
    again = json.loads(cli("alerts", "replay", name[-9:], "-o", "json").out)
    assert [(one["state"], one["incidents"]) for one in again] == [("started", [f"leak-{key}"])]
    assert json.loads(cli("show", f"leak-{key}", "-o", "json").out)["alerts"] == 1
    assert json.loads(cli("alerts", "show", other, "-o", "json").out)["state"] == "dead"
    assert "There is nothing to replay." in cli("alerts", "replay", "--state", "held").out


def test_a_replay_that_nobody_answers(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Temporal nothing is touched: exit code 4."""
    store(home, posted("1"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    assert cli("alerts", "replay", "--state", "dead").code == 4
    assert json.loads(cli("alerts", "-o", "json").out)[0]["state"] == State.DEAD
