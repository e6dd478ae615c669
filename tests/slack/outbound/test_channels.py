"""A channel per incident: made once, with its people, links and topic; archived with the record in it."""

from pathlib import Path

import pytest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import Channel
from firedoor.drill.slack.workspace import ALICE, BOB, BOT, INCIDENTS, SECURITY
from firedoor.incident import IncidentState
from firedoor.plan import Verdict
from firedoor.slack.api.faults import SlackUnreachableError
from firedoor.slack.outbound.channels import Channels, name_of
from firedoor.slack.outbound.telling import Run, Telling
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from tests.slack.telling import PLAN, Incidents, client_at, heads, says, settings_of

RUN = Run("gate-1", "r1")
OWN = PLAN.model_copy(update={"channel": "create"})


def own(slack: LocalSlack, name: str = "inc-20261129-1") -> Channel:
    """The incident's channel."""
    [found] = [one for one in slack.workspace.channels.values() if one.name == name]
    return found


async def test_from_the_first_message_to_the_archive(slack: LocalSlack, tmp_path: Path) -> None:
    """People are invited, the topic says where it stands, links lead both ways, and the end attaches the record."""
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        timeline.append(
            [Draft(Kind.NOTE, "gate-1", "note/1", {"actor": {"kind": "system", "id": "test"}, "say": "here"})]
        )
    async with client_at(slack, settings) as client:
        telling = Telling(engine, client, settings)
        engine.put()
        await telling.tell(RUN)
        channel = own(slack)
        assert {*channel.members} == {BOT, ALICE, BOB}
        assert channel.topic == "running · critical · Shut the gate · gate-1"
        assert [one.title for one in channel.bookmarks] == ["The incident", "Where it was announced"]
        [message] = heads(slack, channel.id)
        assert "Shut the gate" in says(message)
        [pointer] = heads(slack)
        assert f"<#{channel.id}>" in says(pointer)

        engine.put(state=IncidentState.COMPLETED, verdict=Verdict.CONTAINED, sentence="Contained.")
        await telling.tell(RUN)
        await telling.tell(RUN)
    assert channel.is_archived
    assert channel.topic.startswith("contained")
    files = [name for one in slack.workspace.thread(channel.id, message.ts) for name in one.files]
    assert len(files) == 1
    assert "The record is attached" in says(slack.workspace.thread(INCIDENTS, pointer.ts)[-1])
    with Timeline.read(settings.timeline_path) as timeline:
        last = timeline.entries("gate-1")[-1].entry
    assert last.kind == Kind.EXPORT
    assert last.body["actor"] == {"kind": "system", "id": "slack"}


async def test_without_a_timeline(slack: LocalSlack, tmp_path: Path) -> None:
    """Where the worker runs elsewhere, the channel says how the record is had, and is archived all the same."""
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    engine.put(state=IncidentState.COMPLETED)
    async with client_at(slack, settings) as client:
        await Telling(engine, client, settings).tell(RUN)
    channel = own(slack)
    assert channel.is_archived
    words = "\n".join(says(one) for one in slack.workspace.messages(channel.id))
    assert "The record could not be attached" in words
    assert "firedoor export gate-1 FILE.zip" in words


async def test_a_name_that_is_taken(slack: LocalSlack, tmp_path: Path) -> None:
    """Somebody else's channel is left alone: the next name is tried."""
    with slack.workspace.lock:
        slack.workspace.add_channel("inc-20261129-1", [ALICE], creator=ALICE)
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    engine.put()
    async with client_at(slack, settings) as client:
        await Telling(engine, client, settings).tell(RUN)
    assert heads(slack, own(slack, "inc-20261129-1-2").id)


async def test_a_lost_answer_makes_no_second_channel(slack: LocalSlack, tmp_path: Path) -> None:
    """The channel was made and nobody heard of it: it is found by its name and its maker."""
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    engine.put()
    slack.faults.lose_reply("conversations.create")
    async with client_at(slack, settings) as client:
        telling = Telling(engine, client, settings)
        with pytest.raises(SlackUnreachableError):
            await telling.tell(RUN)
        await telling.tell(RUN)
    assert heads(slack, own(slack).id)
    assert sum(one.name.startswith("inc-") for one in slack.workspace.channels.values()) == 1


async def test_a_channel_that_somebody_archives(slack: LocalSlack, tmp_path: Path) -> None:
    """The incident goes on in the common channel, whole, and makes no other channel."""
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    engine.put()
    async with client_at(slack, settings) as client:
        telling = Telling(engine, client, settings)
        await telling.tell(RUN)
        slack.act.archive(own(slack).id)
        engine.put(commander="user:alice")
        await telling.tell(RUN)
    message = heads(slack)[-1]
    assert "*Commander* user:alice" in says(message)
    assert any("Who must agree" in says(one) for one in slack.workspace.thread(INCIDENTS, message.ts))
    assert sum(one.name.startswith("inc-") for one in slack.workspace.channels.values()) == 1


async def test_where_apps_make_no_channels(slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Then the incident is told in the common channel, and the log says why."""
    slack.workspace.apps_create_channels = False
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    engine.put()
    async with client_at(slack, settings) as client:
        await Telling(engine, client, settings).tell(RUN)
    assert "Shut the gate" in says(heads(slack)[0])
    assert "gets no channel of its own" in caplog.text


async def test_without_a_common_channel(slack: LocalSlack, tmp_path: Path) -> None:
    """Incidents with a channel of their own are told there; the others are not told."""
    settings, engine = settings_of(slack, tmp_path, channel=""), Incidents(plan=OWN)
    engine.put()
    async with client_at(slack, settings) as client:
        await Telling(engine, client, settings).tell(RUN)
        assert heads(slack, own(slack).id)
        engine.plan = PLAN
        engine.put("gate-2")
        await Telling(engine, client, settings).tell(Run("gate-2", "r1"))
    assert not heads(slack)


def test_names_of_channels() -> None:
    """Lower case, digits and hyphens, at most 80 characters."""
    view = Incidents().put("gate-AKIA_X.undo.y" + "z" * 90)
    assert name_of(view).startswith("inc-20261129-akia-x-undo-yzz")
    assert len(name_of(view)) <= 77


async def test_when_every_name_is_taken(slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After ten names the incident is told in the common channel."""
    with slack.workspace.lock:
        for name in ("inc-20261129-1", *(f"inc-20261129-1-{number}" for number in range(2, 10))):
            slack.workspace.add_channel(name, [ALICE], creator=ALICE)
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    engine.put()
    async with client_at(slack, settings) as client:
        await Telling(engine, client, settings).tell(RUN)
    assert "Shut the gate" in says(heads(slack)[0])
    assert "are taken in Slack" in caplog.text


async def test_what_is_only_pleasant(slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A link, a topic, an invitation that Slack refuses are in the log, and keep nothing from being told."""
    scopes = slack.workspace.tokens[slack.workspace.bot_token].scopes
    scopes.discard("bookmarks:write")
    slack.act.remove_group(SECURITY)
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    engine.put()
    async with client_at(slack, settings) as client:
        channels = Channels(client, settings)
        await Telling(engine, client, settings).tell(RUN)
        one = client.store.conversation("gate-1", "r1")
        assert one
        await channels.linked(one, "Gone", one.channel, "1.000001")
    assert heads(slack, own(slack).id)
    assert not own(slack).bookmarks
    assert "bookmarks:write" in caplog.text or "lacks a scope" in caplog.text
    assert "is not invited" in caplog.text
    assert "no link" in caplog.text


async def test_an_outage_in_the_middle(slack: LocalSlack, tmp_path: Path) -> None:
    """Slack fails at each call of a whole conversation once: it is told all the same, and once."""
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=OWN)
    engine.put(state=IncidentState.COMPLETED, sentence="Contained.")
    methods = (
        "conversations.invite",
        "conversations.setTopic",
        "chat.getPermalink",
        "bookmarks.add",
        "conversations.archive",
    )
    async with client_at(slack, settings) as client:
        telling = Telling(engine, client, settings)
        for method in methods:
            slack.faults.unavailable(method)
            with pytest.raises(SlackUnreachableError):
                await telling.tell(RUN)
        await telling.tell(RUN)
    channel = own(slack)
    assert channel.is_archived
    assert len(heads(slack, channel.id)) == 1
    assert len(heads(slack)) == 1
