"""Who is there, whose token it is, what it may, and files."""

import pytest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import (
    ADMINS,
    ALICE,
    BOB,
    BOT,
    CAROL,
    GENERAL,
    INCIDENTS,
    MALLORY,
    OLD,
    SECRET,
    SECURITY,
    SHARED_CHANNEL,
)
from tests.slack_said import Client, official, refusal


async def test_whose_token_it_is_and_what_it_may(slack: LocalSlack, client: Client) -> None:
    """`auth.test` says who; the header `x-oauth-scopes` says what the token may."""
    said = await client.auth_test()
    assert (said["user_id"], said["team_id"]) == (BOT, "T0FIREDOOR")
    assert "chat:write" in said.headers["x-oauth-scopes"].split(",")
    slack.workspace.join_enterprise()
    assert (await client.auth_test())["enterprise_id"] == "E0FIREDOOR"


async def test_tokens_that_slack_does_not_take(slack: LocalSlack, client: Client) -> None:
    """None, a wrong one, a revoked one, one of the other kind, one that may not."""
    workspace = slack.workspace
    nobody = official(slack, None)
    wrong = official(slack, "xoxb-canary-wrong")
    app = official(slack, workspace.app_token)
    assert (await refusal(nobody.auth_test()))["error"] == "not_authed"
    assert (await refusal(wrong.auth_test()))["error"] == "invalid_auth"
    assert (await refusal(app.auth_test()))["error"] == "not_allowed_token_type"
    assert (await refusal(client.apps_connections_open(app_token=workspace.bot_token)))[
        "error"
    ] == "not_allowed_token_type"
    workspace.tokens[workspace.bot_token].scopes.discard("usergroups:read")
    refused = await refusal(client.usergroups_list())
    assert (refused["error"], refused["needed"]) == ("missing_scope", "usergroups:read")
    assert "chat:write" in refused["provided"].split(",")
    workspace.tokens[workspace.bot_token].revoked = True
    assert (await refusal(client.auth_test()))["error"] == "token_revoked"


async def test_calls_that_are_none(client: Client) -> None:
    """A method that Slack lacks, a body that is no JSON or no object."""
    assert (await refusal(client.api_call("chat.shout", json={})))["error"] == "unknown_method"
    assert client.session is not None
    for body, error in (("{", "invalid_json"), ("[]", "json_not_object")):
        media = {"Content-Type": "application/json", "Authorization": f"Bearer {client.token}"}
        async with client.session.post(f"{client.base_url}chat.postMessage", data=body, headers=media) as answer:
            assert (await answer.json())["error"] == error


async def test_arguments_in_a_form_and_in_the_address(client: Client) -> None:
    """Both, as well as JSON, are what Slack takes."""
    await client.api_call("chat.postMessage", data={"channel": INCIDENTS, "text": "a", "blocks": "[]"})
    await client.api_call("chat.postMessage", params={"channel": INCIDENTS, "text": "b"})
    history = await client.conversations_history(channel=INCIDENTS)
    assert [one["text"] for one in history["messages"]] == ["b", "a"]


async def test_people_and_their_addresses(slack: LocalSlack, client: Client) -> None:
    """The address needs `users:read.email`. Foreign people are no members, and strangers where we share no channel."""
    assert (await client.users_info(user=ALICE))["user"]["profile"]["email"] == "alice@firedoor-drill.example"
    assert (await client.users_lookupByEmail(email="BOB@firedoor-drill.example"))["user"]["id"] == BOB
    assert (await refusal(client.users_lookupByEmail(email="x@x.example")))["error"] == "users_not_found"
    assert (await refusal(client.users_info(user="U0NOBODY00")))["error"] == "user_not_found"
    members = [one["id"] async for page in await client.users_list(limit=2) for one in page["members"]]
    assert members == [ALICE, BOB, CAROL, "U0DAVE0000", BOT]

    mallory = (await client.users_info(user=MALLORY))["user"]
    assert (mallory["team_id"], mallory.get("is_stranger")) == ("T0STRANGER", None)
    slack.act.kick(SHARED_CHANNEL)
    assert (await client.users_info(user=MALLORY))["user"]["is_stranger"] is True

    slack.workspace.tokens[slack.workspace.bot_token].scopes.discard("users:read.email")
    assert "email" not in (await client.users_info(user=ALICE))["user"]["profile"]
    slack.workspace.join_enterprise()
    assert (await client.users_info(user=ALICE))["user"]["enterprise_user"]["enterprise_id"] == "E0FIREDOOR"


async def test_groups_their_members_and_one_that_vanishes(slack: LocalSlack, client: Client) -> None:
    """A removed group is `no_such_subteam`, a disabled one too unless it is asked for."""
    listed = await client.usergroups_list(include_users=True, include_count=True)
    assert [(one["handle"], one["users"], one["user_count"]) for one in listed["usergroups"]] == [
        ("security", [ALICE, BOB], 2),
        ("admins", [CAROL], 1),
    ]
    assert (await client.usergroups_users_list(usergroup=SECURITY))["users"] == [ALICE, BOB]
    slack.act.remove_group(SECURITY)
    assert (await refusal(client.usergroups_users_list(usergroup=SECURITY)))["error"] == "no_such_subteam"
    slack.workspace.groups[ADMINS].disabled = True
    assert (await refusal(client.usergroups_users_list(usergroup=ADMINS)))["error"] == "no_such_subteam"
    assert (await client.usergroups_users_list(usergroup=ADMINS, include_disabled=True))["users"] == [CAROL]
    assert (await client.usergroups_list())["usergroups"] == []


async def test_somebody_who_has_left(slack: LocalSlack, client: Client) -> None:
    """A deactivated account is still listed, as deleted; it is found by no address and in no group."""
    slack.act.deactivate(ALICE)
    assert (await client.users_info(user=ALICE))["user"]["deleted"] is True
    assert (await refusal(client.users_lookupByEmail(email="alice@firedoor-drill.example")))[
        "error"
    ] == "users_not_found"
    assert (await client.usergroups_users_list(usergroup=SECURITY))["users"] == [BOB]
    assert (await refusal(client.conversations_invite(channel=INCIDENTS, users=ALICE)))["error"] == "user_not_found"


async def test_a_file_is_announced_sent_and_shared(slack: LocalSlack, client: Client) -> None:
    """slack_sdk's upload in three steps; the bytes are kept, the message is in the channel."""
    done = await client.files_upload_v2(
        content="a,b", filename="export.csv", title="Export", channel=INCIDENTS, initial_comment="The export"
    )
    upload = slack.workspace.uploads[done["files"][0]["id"]]
    assert (upload.content, upload.title, upload.channel, upload.complete) == (b"a,b", "Export", INCIDENTS, True)
    history = await client.conversations_history(channel=INCIDENTS)
    assert history["messages"][0]["text"] == "The export"
    assert history["messages"][0]["files"][0]["name"] == "export.csv"


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        (OLD, "is_archived"),
        ("C0UNKNOWN0", "channel_not_found"),
        (GENERAL, "not_in_channel"),
        (SECRET, "channel_not_found"),
    ],
)
async def test_channels_that_take_no_file(slack: LocalSlack, client: Client, channel: str, error: str) -> None:
    """Archived, unknown, without the bot: nothing is shared."""
    slack.act.kick(SECRET)
    refused = await refusal(client.files_upload_v2(content="a", filename="x", channel=channel))
    assert refused["error"] == error


async def test_files_that_were_not_sent(client: Client) -> None:
    """Empty ones cannot be announced; what was never sent, and no list at all, cannot be shared."""
    assert (await refusal(client.files_getUploadURLExternal(filename="x", length=0)))["error"] == "invalid_arguments"
    told = await client.files_getUploadURLExternal(filename="x", length=3)
    refused = await refusal(client.files_completeUploadExternal(files=[{"id": told["file_id"], "title": "x"}]))
    assert refused["error"] == "file_not_found"
    assert (await refusal(client.files_completeUploadExternal(files=[])))["error"] == "invalid_arguments"


async def test_bytes_that_are_not_as_announced(slack: LocalSlack, client: Client) -> None:
    """Too many bytes are 400, an unknown address is 404."""
    assert client.session is not None
    told = await client.files_getUploadURLExternal(filename="x", length=3)
    async with client.session.post(told["upload_url"], data=b"four") as answer:
        assert answer.status == 400
    async with client.session.post(f"{slack.url}/upload/v1/F1", data=b"four") as answer:
        assert answer.status == 404
