"""Approvals, steering and undo from the command line: a real Temporal, a real worker, an emulator of AWS."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from firedoor.cli.kin import Sighting, sightings
from firedoor.config import load, local_user
from firedoor.engine import Engine
from firedoor.errors import Exit
from firedoor.incident import Responder
from firedoor.plan import Plan, PlannedStep
from tests.cli.conftest import Cli, approved, serving, until
from tests.emulators import ACCOUNT, REGION, Emulator, People

#: Each key is shut after a look at the first; the user is denied for a while; then it waits.
CONTAIN = """
name: contain
title: Shut the keys of a user
inputs:
  user: {{type: string}}
  keys: {{type: list}}
identity: [user]
approvals:
  us: {{from: ['{user}'], self: true, remind: 1h, expires: 2h}}
steps:
  shut:
    for_each: ${{{{ inputs.keys }}}}
    as: key
    canary: 1
    approval: us
    uses: aws.iam.deactivate_access_key
    with: {{access_key_id: '${{{{ key }}}}', user_name: '${{{{ inputs.user }}}}', account: '{account}'}}
  block:
    needs: [shut]
    temporary: 36h
    uses: aws.iam.deny_principal
    with: {{principal_arn: 'arn:aws:iam::{account}:user/${{{{ inputs.user }}}}'}}
  hold:
    needs: [block]
    wait: 1h
"""

FINDING = {
    "id": "f1",
    "type": "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration",
    "title": "A key was used from an odd place",
    "severity": 8.0,
    "accountId": ACCOUNT,
    "region": REGION,
    "resource": {"accessKeyDetails": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "steered"}},
    "service": {"count": 1},
}


@pytest.fixture(scope="module")
def aws(ministack_server: Emulator) -> Emulator:
    """An emulator that knows who may do what."""
    ministack_server.reset()
    return ministack_server


@pytest.fixture(scope="module")
def guarded_home(aws: Emulator, temporal_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose worker acts on the emulator."""
    home = tmp_path_factory.mktemp("steered")
    (home / "runbooks").mkdir()
    (home / "runbooks" / "contain.yaml").write_text(CONTAIN.format(user=local_user(), account=ACCOUNT))
    settings = f'task_queue = "{home.name}"\nrunbooks = ["{home / "runbooks"}"]\n'
    settings += f'[aws]\nendpoint_url = "{aws.url}"\nregion = "{REGION}"\nsettle_seconds = 0.0\n'
    (home / "firedoor.toml").write_text(settings)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with serving(home, temporal_address, keys):
        yield home


@pytest.fixture(autouse=True)
def _steered(guarded_home: Path, temporal_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process uses that home."""
    monkeypatch.setenv("FIREDOOR_HOME", str(guarded_home))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)


def started(cli: Cli, aws: Emulator, user: str) -> tuple[str, list[str]]:
    """An incident about two keys of a user that waits for the approval of the first; its id, the keys."""
    people = People(aws)
    keys = [people.user(user).access_key_id, people.key(user).access_key_id]
    done = cli("run", "contain", f"user={user}", f"keys={','.join(keys)}", "--yes", "-o", "json")
    assert done.code == 0, done.err
    incident = str(json.loads(done.out)["incident"])
    until(lambda: state_of(cli, incident, "shut") == "waiting_approval")
    return incident, keys


def contained(cli: Cli, aws: Emulator, user: str) -> tuple[str, list[str]]:
    """The same, with all approved: it sleeps."""
    incident, keys = started(cli, aws, user)
    assert approved(cli, incident, "shut").code == 0
    until(lambda: "the other 1 of 2" in cli("show", incident).out)
    assert approved(cli, incident, "shut").code == 0
    until(lambda: state_of(cli, incident, "hold") == "sleeping")
    return incident, keys


def state_of(cli: Cli, incident: str, step: str) -> str:
    """A step's state, as `show STEP -o json` has it."""
    return str(json.loads(cli("show", incident, step, "-o", "json").out)["state"])


def waits(cli: Cli, incident: str, step: str) -> bool:
    """Does a step wait for approval?"""
    return state_of(cli, incident, step) == "waiting_approval"


def listed_below(cli: Cli, incident: str, undo: str) -> bool:
    """Does `list`, which is a moment late, have the undo below its incident?"""
    lines = cli("list", "--limit", "500").out.splitlines()
    above = [number for number, line in enumerate(lines) if line.endswith(f"  {incident}")]
    return any(line.endswith(f"    {undo}") for number in above for line in lines[number + 1 : number + 3])


def status(aws: Emulator, user: str) -> set[str]:
    """Of a user's keys, as the emulator has it."""
    keys = aws.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
    return {key["Status"] for key in keys}


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sit at a terminal, and type this word when asked."""

    def at_a_terminal(word: str) -> None:
        monkeypatch.setattr("firedoor.cli.consent.interactive", lambda: True)
        monkeypatch.setattr("builtins.input", lambda *_: word)

    return at_a_terminal


def test_only_what_was_seen_is_approved(cli: Cli, aws: Emulator, says: Callable[[str], None]) -> None:
    """A script names the digest; a person is shown the change and types yes; first the canary, then the rest."""
    incident, keys = started(cli, aws, "seen")
    unseen = cli("approve", incident, "shut", "--yes")
    assert unseen.code == Exit.REFUSED
    assert f"{keys[0]} of seen: Active → Inactive" in unseen.out
    assert "say what you saw: --yes --digest " in unseen.err
    other = cli("approve", incident, "shut", "--yes", "--digest", "0" * 16)
    assert other.code == Exit.REFUSED
    assert f"not {'0' * 16}" in other.err
    says("no")
    assert "that was not the word yes" in cli("approve", incident, "shut").err
    assert status(aws, "seen") == {"Active"}

    says("yes")
    done = cli("approve", incident, "shut")
    assert done.out == "shut is approved.\n"
    assert "the canary: 1 of 2 targets" in done.err
    assert "status    Active → Inactive" in done.err
    until(lambda: "the other 1 of 2" in cli("show", incident).out)
    assert cli("approve", incident, "shut", "-o", "json").code == 0
    until(lambda: state_of(cli, incident, "hold") == "sleeping")
    assert status(aws, "seen") == {"Inactive"}


def test_what_waits_for_nothing_is_not_approved(cli: Cli, aws: Emulator) -> None:
    """A step that is not there, one that has not begun, glass that nobody may break: a sentence each."""
    incident, _ = started(cli, aws, "eager")
    near = cli("approve", incident, "shot")
    assert near.code == Exit.USAGE
    assert "has no step 'shot'" in near.err
    assert "Did you mean shut" in near.err
    early = cli("approve", incident, "hold")
    assert early.code == Exit.REFUSED
    assert "hold waits for no approval" in early.err
    alone = approved(cli, incident, "shut", "--break-glass", "--reason", "nobody answers")
    assert alone.code == Exit.REFUSED
    assert "no glass to break" in alone.err
    assert "The reason is empty" in cli("approve", incident, "shut", "--break-glass").err
    other = approved(cli, incident, "shut", "--only", "somebody-else")
    assert "somebody-else" in other.err


def test_an_incident_is_held_noted_and_handed_over(cli: Cli, aws: Emulator, tmp_path: Path) -> None:
    """Pause, resume, evidence, another alert, more people: each is shown, and stands in the timeline."""
    incident, _ = started(cli, aws, "steered")
    assert "no new action starts" in cli("pause", incident, "--reason", "asking the customer").out
    assert "‖ Paused by" in cli("show", incident).out
    assert "paused already" in cli("pause", incident).err
    assert cli("resume", incident).code == 0
    assert "not paused" in cli("resume", incident).err
    mail = tmp_path / "mail.eml"
    mail.write_text("Subject: your key")
    assert cli("note", incident, "--file", str(mail)).code == 0
    assert cli("note", incident, "they", "confirm", "-o", "json").code == 0
    finding = tmp_path / "finding.json"
    finding.write_text(json.dumps(FINDING))
    attached = cli("attach", incident, str(finding), "--source", "guardduty")
    assert attached.out == "A key was used from an odd place is attached: alert 1 of this incident.\n"
    assert "user:bob is a responder" in cli("invite", incident, "bob").out
    assert "user:bob is in command now" in cli("handover", incident, "user:bob", "--reason", "end of my shift").out
    shown = cli("show", incident).out
    assert "commander  user:bob" in shown
    assert "1 alert" in shown
    record = cli("timeline", incident).out
    for said in ("asking the customer", "mail.eml", "they confirm", "an odd place", "user:bob", "end of my shift"):
        assert said in record
    assert "is not a person" in cli("handover", incident, "role:security").err


def test_a_change_is_taken_back(cli: Cli, aws: Emulator, says: Callable[[str], None]) -> None:
    """What would be restored is shown first, in reverse order; then who approves; the verdict is its exit code."""
    incident, keys = contained(cli, aws, "undone")
    unasked = cli("undo", incident)
    assert unasked.code == Exit.REFUSED
    assert unasked.err.index("block") < unasked.err.index("shut") < unasked.err.index("nobody to ask")
    assert f"{keys[0]} of undone: Inactive → Active" in unasked.err
    says("yes")
    done = cli("undo", incident)
    assert f"Started: {incident}.undo" in done.out
    assert "must approve block, shut" in done.out
    undo = f"{incident}.undo"
    for step in ("block", "shut"):
        until(partial(waits, cli, undo, step))
        assert approved(cli, undo, step).code == 0
    watched = cli("watch", undo)
    assert watched.code == 0
    assert "shut  restored" in watched.out
    assert watched.out.splitlines()[-1].startswith("✓ Restored")
    assert status(aws, "undone") == {"Active"}
    until(lambda: listed_below(cli, incident, undo))
    again = cli("undo", incident, "--yes")
    assert again.code == 0
    assert "There is nothing to take back" in again.out
    assert json.loads(cli("undo", incident, "--yes", "-o", "json").out)["restores"] == []
    twice = cli("undo", undo)
    assert twice.code == Exit.USAGE
    assert "is itself an undo" in twice.err
    assert "cannot be taken back" in cli("undo", incident, "hold").err


def test_waits_and_temporary_changes_last_longer(cli: Cli, aws: Emulator) -> None:
    """Of a change it is the undo that waits longer; what waits for nothing is refused."""
    incident, _ = contained(cli, aws, "longer")
    until(lambda: "temporary: undone in 1 d 1" in cli("show", incident).out)
    assert "firedoor extend longer block 12h" in cli("show", incident).out
    assert cli("extend", incident, "block", "12h").code == 0
    until(lambda: "temporary: undone in 1 d 23 h" in cli("show", incident).out)
    assert cli("extend", incident, "hold", "30m").code == 0
    assert "1 h 29 m left" in cli("show", incident).out
    assert "shut has ended already" in cli("extend", incident, "shut", "1h").err
    assert "'soon' is not a duration" in cli("extend", incident, "hold", "soon").err


def test_an_abort_can_take_back(cli: Cli, aws: Emulator) -> None:
    """The incident ends; the one that undoes it is named with its state."""
    incident, _ = contained(cli, aws, "aborted")
    assert cli("abort", incident, "--reason", "false alarm", "--undo").code == 0
    until(lambda: "Undo  contain-aborted.undo  " in cli("show", incident).out)
    until(lambda: "firedoor approve aborted.undo block" in cli("show", f"{incident}.undo").out)
    assert "0 targets failed" in cli("show", incident, "shut", "--failed").out
    assert json.loads(cli("show", incident, "shut", "--failed", "-o", "json").out) == []


def test_an_outage_is_told_and_waited_out(
    temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was last seen stays on the screen, with the words that it is not the present; then it goes on."""
    monkeypatch.setattr("firedoor.engine.incidents.QUERY_SECONDS", 0.5)
    home = tmp_path / "outage"
    home.mkdir()
    (home / "firedoor.toml").write_text(f'task_queue = "{home.name}"\n')
    monkeypatch.setenv("FIREDOOR_HOME", str(home))
    plan = Plan(name="wait", runbook_sha256="0" * 64, steps=(PlannedStep(id="hold", kind="wait", wait=3600),))
    with asyncio.Runner() as runner:
        engine = runner.run(Engine.connect(load()))
        started = runner.run(engine.start(plan, {}, starter=Responder(principal="user:ada", auth="os")))
        seen = sightings(engine, started.incident)
        with serving(home, temporal_address):
            assert runner.run(until_seen(seen, lost=False)).view.id == started.incident
        lost = runner.run(until_seen(seen, lost=True))
        assert "is safe in Temporal, but no worker answers" in lost.lost
        assert "asking again" in lost.lost
        assert lost.view.id == started.incident
        with serving(home, temporal_address):
            runner.run(until_seen(seen, lost=False))


async def until_seen(seen: AsyncIterator[Sighting], *, lost: bool) -> Sighting:
    """The first sighting that is, or is not, the present."""
    async for one in seen:
        if bool(one.lost) == lost:
            return one
    raise AssertionError("it ended before")
