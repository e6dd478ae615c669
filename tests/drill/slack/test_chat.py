"""Messages: post, update, delete, show to one person, pin, react; and each way to be refused."""

from typing import Any

import pytest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.transcript import transcript
from firedoor.drill.slack.workspace import ALICE, BOT, GENERAL, INCIDENTS, MALLORY, OLD, SECRET
from tests.drill.slack.socketing import App
from tests.slack_said import Client, actions, button, refusal, section


async def test_a_message_is_posted_read_back_with_its_metadata_and_found_in_its_thread(
    slack: LocalSlack, client: Client
) -> None:
    """What was posted is in the history, newest first; replies are only in the thread; metadata only on request."""
    metadata = {"event_type": "firedoor", "event_payload": {"key": "i-1"}}
    first = await client.chat_postMessage(channel=INCIDENTS, text="one", metadata=metadata)
    await client.chat_postMessage(channel=INCIDENTS, text="reply", thread_ts=first["ts"])
    second = await client.chat_postMessage(channel="#incidents", text="two", blocks=[section("two")])

    history = await client.conversations_history(channel=INCIDENTS, include_all_metadata=True)
    bare = await client.conversations_history(channel=INCIDENTS)
    thread = await client.conversations_replies(channel=INCIDENTS, ts=first["ts"])

    assert [one["text"] for one in history["messages"]] == ["two", "one"]
    assert history["messages"][1]["metadata"] == metadata
    assert "metadata" not in bare["messages"][1]
    assert (history["messages"][1]["reply_count"], history["messages"][1]["latest_reply"]) == (
        1,
        thread["messages"][1]["ts"],
    )
    assert [one["text"] for one in thread["messages"]] == ["one", "reply"]
    assert first["ts"] < thread["messages"][1]["ts"] < second["ts"]
    assert second["message"]["blocks"][0]["block_id"]


async def test_an_update_keeps_what_it_does_not_give_and_the_ts(slack: LocalSlack, client: Client) -> None:
    """Blocks and metadata stay unless they are given; an empty list takes blocks away; the versions are kept."""
    metadata = {"event_type": "firedoor", "event_payload": {}}
    posted = await client.chat_postMessage(channel=INCIDENTS, text="a", blocks=[section("a")], metadata=metadata)
    updated = await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="b")
    assert (updated["ts"], updated["message"]["blocks"]) == (posted["ts"], posted["message"]["blocks"])

    await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="c", blocks=[], metadata={})
    message = slack.workspace.message(INCIDENTS, posted["ts"])
    assert message is not None
    assert (message.text, message.blocks, message.metadata) == ("c", [], None)
    assert [one.text for one in message.versions] == ["a", "b"]


async def test_a_deleted_message_is_gone_for_every_call(slack: LocalSlack, client: Client) -> None:
    """Whoever deletes it: update, delete, pin and permalink say message_not_found; a thread cannot be begun there."""
    posted = await client.chat_postMessage(channel=INCIDENTS, text="a")
    other = await client.chat_postMessage(channel=INCIDENTS, text="b")
    await client.chat_delete(channel=INCIDENTS, ts=posted["ts"])
    message = slack.workspace.message(INCIDENTS, other["ts"])
    assert message is not None
    slack.act.delete_message(message)

    for ts in (posted["ts"], other["ts"]):
        assert (await refusal(client.chat_update(channel=INCIDENTS, ts=ts, text="x")))["error"] == "message_not_found"
        assert (await refusal(client.chat_delete(channel=INCIDENTS, ts=ts)))["error"] == "message_not_found"
        assert (await refusal(client.pins_add(channel=INCIDENTS, timestamp=ts)))["error"] == "message_not_found"
        assert (await refusal(client.chat_getPermalink(channel=INCIDENTS, message_ts=ts)))[
            "error"
        ] == "message_not_found"
        reply = await refusal(client.chat_postMessage(channel=INCIDENTS, text="x", thread_ts=ts))
        assert reply["error"] == "thread_not_found"
        assert (await refusal(client.conversations_replies(channel=INCIDENTS, ts=ts)))["error"] == "thread_not_found"
    assert (await client.conversations_history(channel=INCIDENTS))["messages"] == []


async def test_a_reply_begins_no_thread_of_its_own(client: Client) -> None:
    """The ts of a reply is no thread_ts."""
    posted = await client.chat_postMessage(channel=INCIDENTS, text="a")
    reply = await client.chat_postMessage(channel=INCIDENTS, text="b", thread_ts=posted["ts"])
    refused = await refusal(client.chat_postMessage(channel=INCIDENTS, text="c", thread_ts=reply["ts"]))
    assert refused["error"] == "cannot_reply_to_message"


async def test_an_ephemeral_message_is_seen_by_one_person_and_by_no_call(slack: LocalSlack, client: Client) -> None:
    """It is in no history, and can be neither updated nor deleted."""
    shown = await client.chat_postEphemeral(channel=INCIDENTS, user=ALICE, text="only you")
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["only you"]
    assert slack.act.seen_by("U0BOB00000", INCIDENTS) == []
    assert (await client.conversations_history(channel=INCIDENTS))["messages"] == []
    ts = shown["message_ts"]
    assert (await refusal(client.chat_update(channel=INCIDENTS, ts=ts, text="x")))["error"] == "message_not_found"
    assert (await refusal(client.chat_delete(channel=INCIDENTS, ts=ts)))["error"] == "message_not_found"


async def test_others_messages_cannot_be_changed(slack: LocalSlack, client: Client) -> None:
    """A person's message is not the app's."""
    said = slack.act.say(ALICE, INCIDENTS, "hello")
    assert (await refusal(client.chat_update(channel=INCIDENTS, ts=said.ts, text="x")))[
        "error"
    ] == "cant_update_message"
    assert (await refusal(client.chat_delete(channel=INCIDENTS, ts=said.ts)))["error"] == "cant_delete_message"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"channel": "C0UNKNOWN0", "text": "x"}, "channel_not_found"),
        ({"channel": OLD, "text": "x"}, "is_archived"),
        ({"channel": INCIDENTS}, "no_text"),
        ({"channel": INCIDENTS, "text": "x", "attachments": [{"fallback": "x"}] * 101}, "too_many_attachments"),
        ({"channel": INCIDENTS, "text": "x", "thread_ts": "1000000000.000001"}, "thread_not_found"),
        ({"channel": INCIDENTS, "text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"channel": INCIDENTS, "text": "x", "metadata": "no JSON"}, "invalid_metadata_format"),
        ({"channel": INCIDENTS, "text": "x", "metadata": [1]}, "invalid_metadata_format"),
        ({"channel": INCIDENTS, "text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"channel": INCIDENTS, "text": "x", "blocks": [section("y" * 2_900)] * 4}, "msg_blocks_too_long"),
        ({"text": "x"}, "invalid_arguments"),
    ],
)
async def test_a_message_that_slack_refuses(client: Client, said: dict[str, Any], error: str) -> None:
    """Each with Slack's own word."""
    assert (await refusal(client.api_call("chat.postMessage", json=said)))["error"] == error


async def test_a_channel_that_the_bot_is_not_in(slack: LocalSlack, client: Client) -> None:
    """A public one takes messages with `chat:write.public`, else not; a private one is not found."""
    await client.chat_postMessage(channel=GENERAL, text="x")
    slack.workspace.tokens[slack.workspace.bot_token].scopes.discard("chat:write.public")
    assert (await refusal(client.chat_postMessage(channel=GENERAL, text="x")))["error"] == "not_in_channel"
    slack.act.kick(SECRET)
    assert (await refusal(client.chat_postMessage(channel=SECRET, text="x")))["error"] == "channel_not_found"
    slack.workspace.channels[INCIDENTS].read_only = True
    assert (await refusal(client.chat_postMessage(channel=INCIDENTS, text="x")))["error"] == "restricted_action"


async def test_a_message_to_one_person(slack: LocalSlack, client: Client) -> None:
    """Somebody's id is a channel as well: the bot's conversation with them, which nobody else sees, and no list has."""
    first = await client.chat_postMessage(channel=ALICE, text="a", blocks=[actions(button("go"))])
    second = await client.chat_postMessage(channel=ALICE, text="b")
    direct = first["channel"]
    assert direct == second["channel"]
    assert direct.startswith("D")
    assert [one.text for one in slack.act.seen_by(ALICE, direct)] == ["a", "b"]
    assert slack.act.seen_by("U0BOB00000", direct) == []
    await client.chat_update(channel=direct, ts=first["ts"], text="c")
    listed = await client.conversations_list(types="public_channel,private_channel")
    assert direct not in [one["id"] for one in listed["channels"]]
    slack.workspace.tokens[slack.workspace.bot_token].scopes.discard("im:history")
    refused = await refusal(client.conversations_history(channel=direct))
    assert (refused["error"], refused["needed"]) == ("missing_scope", "im:history")
    assert transcript(slack.workspace, direct)[0] == "@alice"
    async with App(slack) as app:
        message = slack.workspace.message(direct, first["ts"])
        assert message is not None
        await slack.act.press(ALICE, message, "go")
        await slack.act.type_command(ALICE, direct, "/firedoor")
    assert app.heard[0].payload["channel"] == {"id": direct, "name": "directmessage"}
    assert app.heard[1].payload["channel_name"] == "directmessage"


async def test_people_who_take_no_messages(slack: LocalSlack, client: Client) -> None:
    """The bot itself, and whoever has left."""
    assert (await refusal(client.chat_postMessage(channel=BOT, text="x")))["error"] == "cannot_dm_bot"
    slack.act.deactivate(ALICE)
    assert (await refusal(client.chat_postMessage(channel=ALICE, text="x")))["error"] == "user_disabled"


async def test_ephemeral_only_for_members(client: Client) -> None:
    """Somebody must be in the channel, and exist."""
    refused = await refusal(client.chat_postEphemeral(channel=INCIDENTS, user=MALLORY, text="x"))
    assert refused["error"] == "user_not_in_channel"
    refused = await refusal(client.chat_postEphemeral(channel=INCIDENTS, user="U0NOBODY00", text="x"))
    assert refused["error"] == "user_not_found"


async def test_long_text_is_cut_when_posted_and_refused_in_an_update(client: Client) -> None:
    """40,000 characters are kept of a new message, 4,000 are the most of an updated one."""
    posted = await client.chat_postMessage(channel=INCIDENTS, text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    assert posted["response_metadata"]["warnings"] == ["message_truncated"]
    await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="x" * 4_000)
    refused = await refusal(client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="x" * 4_001))
    assert refused["error"] == "msg_too_long"


async def test_an_archived_channel_keeps_its_messages_as_they_are(slack: LocalSlack, client: Client) -> None:
    """Updates are `is_inactive`, reactions and pins `is_archived`."""
    posted = await client.chat_postMessage(channel=INCIDENTS, text="x")
    slack.act.archive(INCIDENTS)
    assert (await refusal(client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="y")))["error"] == "is_inactive"
    refused = await refusal(client.reactions_add(channel=INCIDENTS, timestamp=posted["ts"], name="eyes"))
    assert refused["error"] == "is_archived"


async def test_pins_reactions_and_links(slack: LocalSlack, client: Client) -> None:
    """A pin and a reaction once; the address of a reply names its thread."""
    posted = await client.chat_postMessage(channel=INCIDENTS, text="x")
    reply = await client.chat_postMessage(
        channel=INCIDENTS, text="y", thread_ts=posted["ts"], attachments=[{"fallback": "z"}]
    )
    await client.pins_add(channel=INCIDENTS, timestamp=posted["ts"])
    assert (await refusal(client.pins_add(channel=INCIDENTS, timestamp=posted["ts"])))["error"] == "already_pinned"
    await client.reactions_add(channel=INCIDENTS, timestamp=posted["ts"], name="eyes")
    refused = await refusal(client.reactions_add(channel=INCIDENTS, timestamp=posted["ts"], name="eyes"))
    assert refused["error"] == "already_reacted"
    link = await client.chat_getPermalink(channel=INCIDENTS, message_ts=posted["ts"])
    assert (
        link["permalink"] == f"https://firedoor-drill.slack.com/archives/{INCIDENTS}/p{posted['ts'].replace('.', '')}"
    )
    link = await client.chat_getPermalink(channel=INCIDENTS, message_ts=reply["ts"])
    assert link["permalink"].endswith(f"?thread_ts={posted['ts']}&cid={INCIDENTS}")
    history = await client.conversations_history(channel=INCIDENTS)
    assert history["messages"][0]["reactions"] == [{"name": "eyes", "users": ["U0FIREDOOR"], "count": 1}]


async def test_buttons_get_ids_of_their_own(slack: LocalSlack, client: Client) -> None:
    """What has no `action_id` or `block_id` is given one, as in Slack."""
    unnamed = button("x")
    del unnamed["action_id"]
    posted = await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[actions(unnamed)])
    block = posted["message"]["blocks"][0]
    assert block["block_id"]
    assert block["elements"][0]["action_id"]
