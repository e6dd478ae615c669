"""Notices in Slack: in channels and to people, once, and what each refusal means."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities.transports._mrkdwn import SECTION, message_blocks, mrkdwn
from activities.transports._transport import (
    BouncedError,
    BrokenError,
    DoubtError,
    LaterError,
    Letter,
    Receipt,
    RejectedError,
    TransportError,
)
from activities.transports.slack import SlackMessages, open_slack
from firedoor.config import Settings
from firedoor.doors import Slack as SlackSettings
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, BOB, DAVE, GENERAL, INCIDENTS, MALLORY, OLD, SCOPES, SHARED_CHANNEL
from firedoor.errors import UsageError
from firedoor.notices.rendered import Rendered
from tests.activities.transports.letters import RENDERED, letter


def note(address: str, number: int = 1, **fields: Any) -> Letter:
    """A letter by Slack."""
    return letter(number, channel="slack", address=address, **fields)


@pytest.fixture
async def transport(slack: LocalSlack, tmp_path: Path) -> AsyncIterator[SlackMessages]:
    """A transport to the fake."""
    settings = SlackSettings(bot_token="env:FIREDOOR_SECRET_SLACK", base_url=slack.base_url, pace=0)
    (tmp_path / "home").mkdir()
    opened = open_slack(
        Settings(home=tmp_path / "home", slack=settings), lambda reference: SecretStr(slack.workspace.bot_token)
    )
    yield opened
    await opened.close()


async def one(transport: SlackMessages, wanted: Letter) -> Receipt | TransportError:
    """What becomes of one letter."""
    (outcome,) = await transport.send([wanted])
    return outcome


@pytest.mark.parametrize("channel", [INCIDENTS, SHARED_CHANNEL])
async def test_a_channel_gets_the_notice(slack: LocalSlack, transport: SlackMessages, channel: str) -> None:
    """Slack Connect's channels too. The subject is the header; the receipt is the message's place; it has arrived."""
    outcome = await one(transport, note(channel))
    (message,) = slack.workspace.messages(channel)
    assert outcome == Receipt(f"{channel}/{message.ts}", delivered=True)
    assert message.text == RENDERED.subject
    assert [block["type"] for block in message.blocks] == ["header", "section"]
    assert message.blocks[1]["text"]["text"] == (
        "Keys of *yours* were stolen. *Replace them today*: <https://acme.example/how|how>"
    )


@pytest.mark.parametrize("person", [ALICE, MALLORY])
async def test_a_person_gets_a_direct_message(slack: LocalSlack, transport: SlackMessages, person: str) -> None:
    """The conversation is begun once; the look-up of a lost answer works there too."""
    assert isinstance(await one(transport, note(person)), Receipt)
    slack.faults.lose_reply("chat.postMessage")
    found = await one(transport, note(person, 2))
    direct = slack.workspace.direct(person).id
    assert isinstance(found, Receipt)
    assert found.provider_id.startswith(f"{direct}/")
    assert len(list(slack.workspace.messages(direct))) == 2
    assert [call.path for call in slack.log].count("/api/conversations.open") == 1


async def test_what_is_in_doubt_is_looked_for_at_once(slack: LocalSlack, transport: SlackMessages) -> None:
    """One whose answer was lost is there; one that was dropped on the way, and one that was never begun, are not."""
    slack.faults.lose_reply("chat.postMessage")
    assert isinstance(await one(transport, note(INCIDENTS, 1)), Receipt)
    slack.faults.drop("chat.postMessage")
    assert isinstance(await one(transport, note(INCIDENTS, 2)), LaterError)
    assert await transport.find(note(INCIDENTS, 1)) is not None
    assert await transport.find(note(INCIDENTS, 2)) is None
    assert await transport.find(note(INCIDENTS, 3)) is None
    assert len(list(slack.workspace.messages(INCIDENTS))) == 1
    for number in (1, 2, 3):
        assert isinstance(await one(transport, note(INCIDENTS, number)), Receipt)
    assert len(list(slack.workspace.messages(INCIDENTS))) == 3


async def test_while_slack_is_down_a_doubt_stays_one(slack: LocalSlack, transport: SlackMessages) -> None:
    """A search that fails says nothing of what is searched for."""
    slack.faults.lose_reply("chat.postMessage")
    slack.faults.unavailable("conversations.history")
    assert isinstance(await one(transport, note(INCIDENTS)), DoubtError)
    assert await transport.find(note(INCIDENTS)) is not None


@pytest.mark.parametrize("address", [GENERAL, OLD, "C0NOWHERE0", "U0NOBODY00", DAVE, "#incidents", "https://x.example"])
async def test_a_place_that_is_gone_bounces(slack: LocalSlack, transport: SlackMessages, address: str) -> None:
    """Not in the channel, archived, unknown, somebody who has left: the next contact or channel is tried."""
    slack.workspace.users[DAVE].deleted = True
    token = slack.workspace.tokens[slack.workspace.bot_token]
    token.scopes.discard("chat:write.public")
    outcome = await one(transport, note(address))
    assert isinstance(outcome, BouncedError)
    assert outcome.changed == "Nothing was sent."


async def test_when_slack_asks_for_patience_nothing_was_sent(slack: LocalSlack, transport: SlackMessages) -> None:
    """429: after as many seconds as it says, by whoever sends. The transport does not wait by itself."""
    slack.faults.storm("chat.postMessage", retry_after=7)
    outcome = await one(transport, note(INCIDENTS))
    assert isinstance(outcome, LaterError)
    assert outcome.seconds == 7
    assert list(slack.workspace.messages(INCIDENTS)) == []


async def test_what_is_wrong_for_everybody(slack: LocalSlack, transport: SlackMessages) -> None:
    """A scope that is missing, a token that was revoked: a person; Slack that is away: later."""
    token = slack.workspace.tokens[slack.workspace.bot_token]
    token.scopes.discard("im:write")
    with pytest.raises(BrokenError, match="lacks a scope") as caught:
        await one(transport, note(BOB))
    assert caught.value.seconds == 0
    assert "im:write" in caught.value.next
    token.scopes.update(SCOPES)
    token.revoked = True
    with pytest.raises(BrokenError, match="revoked"):
        await one(transport, note(INCIDENTS))


async def test_slack_is_away(slack: LocalSlack, transport: SlackMessages) -> None:
    """Nobody answers: it is tried again by itself."""
    with slack.down(), pytest.raises(BrokenError, match="cannot be reached") as caught:
        await one(transport, note(INCIDENTS))
    assert caught.value.seconds == 30


async def test_a_conversation_that_could_not_be_begun_is_no_doubt(slack: LocalSlack, transport: SlackMessages) -> None:
    """Nothing was posted yet."""
    slack.faults.lose_reply("conversations.open")
    with pytest.raises(BrokenError) as caught:
        await one(transport, note(ALICE))
    assert caught.value.seconds == 30
    assert isinstance(await one(transport, note(ALICE)), Receipt)


async def test_a_notice_that_slack_does_not_take_fails(slack: LocalSlack, transport: SlackMessages) -> None:
    """It is not about the channel."""
    long = Rendered("s", "t", "", "word " * 20_000)
    assert isinstance(await one(transport, note(INCIDENTS, rendered=long)), RejectedError)


def test_the_pace_is_one_a_second_a_channel(tmp_path: Path) -> None:
    """And some hundreds a minute in the workspace; `pace` in the settings stretches both."""
    (tmp_path / "home").mkdir()
    settings = Settings(home=tmp_path / "home", slack=SlackSettings(bot_token="env:FIREDOOR_SECRET_SLACK", pace=2))
    transport = open_slack(settings, lambda reference: SecretStr("canary"))
    assert transport.pace(INCIDENTS) == (("slack", 2.5), (f"slack {INCIDENTS}", 0.5))
    with pytest.raises(UsageError, match="no bot_token"):
        open_slack(Settings(home=tmp_path), lambda reference: SecretStr(""))


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("# Your keys **today**", "*Your keys today*"),
        ("- one\n- **two**", "• one\n• *two*"),
        ("`**not bold**` __bold__", "`**not bold**` *bold*"),
        ("```\n# not a heading <x>\n```", "```\n# not a heading &lt;x&gt;\n```"),
        ("[how](https://acme.example/a_b)", "<https://acme.example/a_b|how>"),
        (
            "<!channel> <@U0ALICE000> & [x](javascript:alert)",
            "&lt;!channel&gt; &lt;@U0ALICE000&gt; &amp; [x](javascript:alert)",
        ),
    ],
)
def test_markdown_becomes_what_slack_shows(markdown: str, shown: str) -> None:
    """Nothing that a customer calls itself mentions anybody."""
    assert mrkdwn(markdown) == shown


def test_long_texts_are_broken_between_paragraphs() -> None:
    """Each section within Slack's limit, nothing lost; a long subject is cut in the header only."""
    text = "\n\n".join(f"paragraph {number} " + "word " * 100 for number in range(20))
    header, *sections = message_blocks("s" * 200, text)
    parts = [one["text"]["text"] for one in sections]
    assert all(len(part) <= SECTION for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert header["text"]["text"] == "s" * 149 + "…"
