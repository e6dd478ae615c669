"""Drills whose people are in Slack: a real `firedoor serve` between a fake Slack and the incident."""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from firedoor.config import Settings
from firedoor.drill.aws_access_key_leaked import AwsAccessKeyLeaked
from firedoor.drill.in_slack import InSlack
from firedoor.drill.provider_key_leaked import ProviderKeyLeaked
from firedoor.drill.rehearsal import Audience, drill
from firedoor.drill.result import DrillResult
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import Message
from firedoor.drill.slack.workspace import BOT, INCIDENTS
from firedoor.timeline.entry import Entry, Kind
from tests.slacking import judge_slack
from tests.written import contents


@dataclass(frozen=True)
class Told:
    """A drill that was told in Slack: its result, its record, what was posted, what it left."""

    result: DrillResult
    record: list[Entry]
    door: InSlack
    scenario: AwsAccessKeyLeaked
    folder: Path

    @property
    def posts(self) -> list[Message]:
        """What firedoor has posted for all to see, oldest first; deleted ones too."""
        every = self.door.slack.workspace.messages(INCIDENTS, deleted=True)
        return [one for one in every if one.user == BOT and not one.ephemeral_to]

    def keys(self) -> Counter[str]:
        """How often each message of ours is there, by its key."""
        return Counter(str(one.metadata["event_payload"]["key"]) for one in self.posts if one.metadata)


def test_the_main_drill_in_slack(tmp_path: Path, emulator: Path) -> None:
    """One run, seen from all sides: it costs too much to be run for each of them."""
    told = in_their_slack(tmp_path, emulator)
    contained_by_people_in_slack(told)
    one_message_that_shows_the_end(told)
    nothing_is_posted_twice(told)
    the_conversation_shows_who_pressed_what(told)
    no_secret_is_said_or_kept(told)
    judge_slack(told.door.slack.log)


def in_their_slack(folder: Path, emulator: Path) -> Told:
    """The main drill, in Slack."""
    scenario, record = AwsAccessKeyLeaked(), list[Entry]()
    settings = Settings(home=folder / "unused", emulator=str(emulator))
    with LocalSlack() as slack:
        door = InSlack(slack)
        audience = Audience(record=record.extend)
        result = asyncio.run(drill(scenario, settings, audience, folder / "kept", door))
    return Told(result, record, door, scenario, folder / "kept")


def contained_by_people_in_slack(told: Told) -> None:
    """Started by a delivery to the door, decided by ada by her identity in Slack, and proved by the emulator."""
    assert told.result.contained, told.result.sentence
    opened = next(one for one in told.record if one.kind == Kind.INCIDENT_OPENED)
    assert (opened.part("actor")["id"], opened.body["drill"]) == ("alert:guardduty", True)
    given = [one for one in told.record if one.kind == Kind.APPROVAL]
    assert sorted(one.part("cause")["step"] for one in given) == ["delete_key", "delete_login_profile", "rotate"]
    assert {(one.part("actor")["id"], one.part("actor")["auth"]) for one in given} == {("user:ada", "slack")}


def one_message_that_shows_the_end(told: Told) -> None:
    """Posted once and edited in place; at the end it says contained, and no button asks for anything."""
    [head] = [one for one in told.posts if not one.is_reply]
    assert head.versions
    shown = json.dumps(head.blocks, ensure_ascii=False)
    assert "✓ Contain a leaked AWS access key" in shown
    assert "DRILL" in shown
    assert "Approve" not in shown
    assert "Abort" not in shown


def nothing_is_posted_twice(told: Told) -> None:
    """Each message of ours has a key of its own, and the end stands in the thread."""
    keys = told.keys()
    assert set(keys.values()) == {1}
    assert [key for key in keys if key.endswith("/ended")]
    assert all(one.thread_ts == told.posts[0].ts for one in told.posts[1:])


def the_conversation_shows_who_pressed_what(told: Told) -> None:
    """Message, presses with what their dialogs said, answers, in 100 columns; kept, and in the result.

    Nobody had to leave Slack.
    """
    assert [act.what for act in told.door.acts if "terminal" in act.what] == []
    lines = told.result.conversation
    text = " ".join(" ".join(lines).split())
    assert lines[0] == "#incidents"
    assert re.search(
        r"ada presses \[Approve\] at delete_key .{10,20}, reads “Approve delete_key\?”, presses \[Appr", text
    )
    assert re.search(r"only to ada: \S+ delete_key is approved", text)
    assert "ada submits “Answer” healthy: true; reason: drill: the workload reads its secrets again" in text
    assert max(len(line) for line in lines) <= 100
    assert (told.folder / "conversation.txt").read_text().splitlines() == list(lines)
    assert json.loads((told.folder / "result.json").read_text())["conversation"] == list(lines)


def no_secret_is_said_or_kept(told: Told) -> None:
    """Neither planted values nor tokens are in the conversation, in Slack, or in what the drill leaves."""
    workspace = told.door.slack.workspace
    tokens = [workspace.bot_token, workspace.app_token, workspace.signing_secret]
    secrets = [*told.scenario.canaries.values(), told.scenario.leaked_key.secret, *tokens]
    sent = b"".join(one.body for one in told.door.slack.log)
    for name, text in [("slack", sent), *contents(told.folder, without="emulator")]:
        assert not [secret for secret in secrets if secret.encode() in text], name


async def test_somebody_starts_it_by_a_command(tmp_path: Path, emulator: Path) -> None:
    """They type the runbook's word, are shown what it would do, and press Start; another one approves."""
    with LocalSlack() as slack:
        door = InSlack(slack)
        settings = Settings(home=tmp_path / "unused", emulator=str(emulator))
        result = await drill(ProviderKeyLeaked(), settings, Audience(), tmp_path / "kept", door)
    assert result.contained, result.sentence
    done = [(act.who, act.what) for act in door.acts]
    assert done[0][0] == "finder"
    assert done[0][1].startswith("types /firedoor provider-key provider=openai")
    assert done[1] == ("finder", "presses [Start] below what only they see:")
    assert "Nothing was changed: this is a plan." in door.acts[1].more
    assert done[2][0] == "ada"
    assert done[2][1].startswith("presses [Approve] at replace")
