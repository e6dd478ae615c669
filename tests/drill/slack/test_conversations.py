"""Channels: made, filled, described, left, archived; and who sees which."""

from typing import Any

import pytest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import (
    ALICE,
    BOB,
    BOT,
    DAVE,
    GENERAL,
    INCIDENTS,
    MALLORY,
    OLD,
    SECRET,
    SHARED_CHANNEL,
)
from tests.slack_said import Client, refusal


async def test_a_channel_from_its_creation_to_its_archive(slack: LocalSlack, client: Client) -> None:
    """The bot is in it from the start; people, topic, purpose and links are kept."""
    made = await client.conversations_create(name="inc-2026-aws-key")
    channel = made["channel"]["id"]
    await client.conversations_invite(channel=channel, users=[ALICE, BOB])
    await client.conversations_setTopic(channel=channel, topic="AWS key leaked")
    await client.conversations_setPurpose(channel=channel, purpose="One incident")
    await client.bookmarks_add(
        channel_id=channel, title="Timeline", type="link", link="https://x.example/", emoji=":fire:"
    )
    await client.conversations_kick(channel=channel, user=BOB)

    found = (await client.conversations_info(channel=channel, include_num_members=True))["channel"]
    assert (found["name"], found["topic"]["value"], found["purpose"]["value"]) == (
        "inc-2026-aws-key",
        "AWS key leaked",
        "One incident",
    )
    assert (found["is_member"], found["num_members"]) == (True, 2)
    assert (await client.conversations_members(channel=channel))["members"] == [BOT, ALICE]
    bookmarks = (await client.bookmarks_list(channel_id=channel))["bookmarks"]
    assert [(one["title"], one["link"]) for one in bookmarks] == [("Timeline", "https://x.example/")]

    await client.conversations_archive(channel=channel)
    assert slack.workspace.channels[channel].is_archived
    assert (await refusal(client.conversations_archive(channel=channel)))["error"] == "already_archived"
    assert (await refusal(client.conversations_invite(channel=channel, users=DAVE)))["error"] == "is_archived"
    assert (await refusal(client.conversations_join(channel=channel)))["error"] == "is_archived"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("incidents", "name_taken"),
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("Inc", "invalid_name_specials"),
        ("a b", "invalid_name_specials"),
        ("---", "invalid_name_punctuation"),
    ],
)
async def test_names_that_a_channel_cannot_have(client: Client, name: str, error: str) -> None:
    """Taken, empty, long, with capitals or blanks, of signs only."""
    assert (await refusal(client.conversations_create(name=name)))["error"] == error


async def test_a_workspace_where_apps_create_no_channels(slack: LocalSlack, client: Client) -> None:
    """`restricted_action`."""
    slack.workspace.apps_create_channels = False
    assert (await refusal(client.conversations_create(name="inc-1")))["error"] == "restricted_action"


@pytest.mark.parametrize(
    ("users", "error"),
    [
        ("", "no_user"),
        (BOT, "cant_invite_self"),
        (ALICE, "already_in_channel"),
        ("U0NOBODY00", "user_not_found"),
        (MALLORY, "cant_invite"),
        (",".join(["U0NOBODY00"] * 1001), "too_many_users"),
    ],
)
async def test_people_who_cannot_be_invited(slack: LocalSlack, client: Client, users: str, error: str) -> None:
    """One of them is enough to refuse all."""
    slack.act.kick(INCIDENTS, DAVE)
    both = f"{DAVE},{users}" if users and error != "too_many_users" else users
    refused = await refusal(client.conversations_invite(channel=INCIDENTS, users=both))
    assert refused["error"] == error
    assert DAVE not in slack.workspace.channels[INCIDENTS].members


async def test_a_channel_can_be_joined_if_it_is_public(slack: LocalSlack, client: Client) -> None:
    """Once; the second time there is a warning. A private one that is not seen is not found."""
    assert (await client.conversations_join(channel=GENERAL))["channel"]["is_member"]
    assert (await client.conversations_join(channel=GENERAL))["warning"] == "already_in_channel"
    refused = await refusal(client.conversations_join(channel=SECRET))
    assert refused["error"] == "method_not_supported_for_channel_type"
    slack.act.kick(SECRET)
    assert (await refusal(client.conversations_join(channel=SECRET)))["error"] == "channel_not_found"


async def test_what_needs_the_bot_in_the_channel(slack: LocalSlack, client: Client) -> None:
    """Reading, describing, inviting and archiving are `not_in_channel` for a public one that it is not in."""
    slack.act.kick(INCIDENTS)
    for call in (
        client.conversations_history(channel=INCIDENTS),
        client.conversations_replies(channel=INCIDENTS, ts="1000000000.000001"),
        client.conversations_setTopic(channel=INCIDENTS, topic="x"),
        client.conversations_invite(channel=INCIDENTS, users=ALICE),
        client.conversations_archive(channel=INCIDENTS),
        client.bookmarks_add(channel_id=INCIDENTS, title="x", type="link", link="https://x.example"),
    ):
        assert (await refusal(call))["error"] == "not_in_channel"
    slack.act.invite(INCIDENTS)
    assert (await client.conversations_history(channel=INCIDENTS))["ok"]


@pytest.mark.parametrize(
    ("method", "said", "error"),
    [
        ("conversations.setTopic", {"channel": INCIDENTS, "topic": "x" * 251}, "too_long"),
        ("conversations.archive", {"channel": GENERAL}, "cant_archive_general"),
        ("conversations.kick", {"channel": INCIDENTS, "user": BOT}, "cant_kick_self"),
        ("conversations.kick", {"channel": INCIDENTS, "user": MALLORY}, "not_in_channel"),
        ("conversations.list", {"types": "secret_channel"}, "invalid_types"),
        ("conversations.list", {"cursor": "???"}, "invalid_cursor"),
        ("conversations.list", {"limit": 1001}, "invalid_limit"),
        ("conversations.list", {"limit": "many"}, "invalid_arguments"),
        (
            "bookmarks.add",
            {"channel_id": INCIDENTS, "title": "x", "type": "link", "link": "javascript:1"},
            "invalid_link",
        ),
        ("bookmarks.add", {"channel_id": INCIDENTS, "title": "x", "type": "link"}, "invalid_arguments"),
    ],
)
async def test_what_slack_refuses(client: Client, method: str, said: dict[str, Any], error: str) -> None:
    """Each with its word."""
    assert (await refusal(client.api_call(method, params=said)))["error"] == error


async def test_the_list_has_what_the_bot_can_see_page_by_page(slack: LocalSlack, client: Client) -> None:
    """Public ones, private ones on request and only if the bot is in them, archived ones unless they are excluded."""
    ids = [one["id"] async for page in await client.conversations_list(limit=2) for one in page["channels"]]
    assert ids == [GENERAL, INCIDENTS, SHARED_CHANNEL, OLD]
    listed = await client.conversations_list(types="public_channel,private_channel", exclude_archived=True)
    assert [one["id"] for one in listed["channels"]] == [GENERAL, INCIDENTS, SECRET, SHARED_CHANNEL]
    slack.act.kick(SECRET)
    assert (await client.conversations_list(types="private_channel"))["channels"] == []


async def test_history_page_by_page_and_between_two_moments(slack: LocalSlack, client: Client) -> None:
    """`oldest` and `latest` are outside unless `inclusive`; the cursor leads on."""
    said = [slack.act.say(ALICE, INCIDENTS, str(number)) for number in range(5)]
    pages = [
        [one["text"] for one in page["messages"]]
        async for page in await client.conversations_history(channel=INCIDENTS, limit=2)
    ]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    between = await client.conversations_history(channel=INCIDENTS, oldest=said[1].ts, latest=said[3].ts)
    assert [one["text"] for one in between["messages"]] == ["2"]
    between = await client.conversations_history(
        channel=INCIDENTS, oldest=said[1].ts, latest=said[3].ts, inclusive=True
    )
    assert [one["text"] for one in between["messages"]] == ["3", "2", "1"]


async def test_a_reply_that_is_broadcast_is_in_the_channel_too(client: Client) -> None:
    """`reply_broadcast`."""
    posted = await client.chat_postMessage(channel=INCIDENTS, text="a")
    await client.chat_postMessage(channel=INCIDENTS, text="b", thread_ts=posted["ts"], reply_broadcast=True)
    history = await client.conversations_history(channel=INCIDENTS)
    assert [one["text"] for one in history["messages"]] == ["b", "a"]


async def test_scopes_are_of_the_kind_of_channel(slack: LocalSlack, client: Client) -> None:
    """`groups:…` for private ones, `channels:…` for public ones."""
    slack.workspace.tokens[slack.workspace.bot_token].scopes -= {"groups:history", "groups:write"}
    assert (await client.conversations_history(channel=INCIDENTS))["ok"]
    refused = await refusal(client.conversations_history(channel=SECRET))
    assert (refused["error"], refused["needed"]) == ("missing_scope", "groups:history")
    refused = await refusal(client.conversations_create(name="x", is_private=True))
    assert refused["needed"] == "groups:write"
