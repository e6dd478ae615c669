"""Response URLs, with slack_sdk's webhook client: five answers within thirty minutes."""

from typing import Any

import pytest
from aiohttp import ServerDisconnectedError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, BOB, INCIDENTS
from tests.drill.slack.socketing import App
from tests.slack_said import Client, actions, button, section


async def command_url(slack: LocalSlack) -> AsyncWebhookClient:
    """Where the app may answer a command that alice typed."""
    async with App(slack) as app:
        await slack.act.type_command(ALICE, INCIDENTS, "/firedoor")
    return AsyncWebhookClient(app.heard[0].payload["response_url"], retry_handlers=[])


async def test_five_answers_and_no_sixth(slack: LocalSlack) -> None:
    """Ephemeral unless they are for the channel; the sixth is 404."""
    url = await command_url(slack)
    for number in range(4):
        assert (await url.send(text=str(number))).status_code == 200
    assert (await url.send(text="all", response_type="in_channel", blocks=[section("all")])).body == "ok"
    refused = await url.send(text="six")
    assert (refused.status_code, "used_url" in refused.body) == (404, True)
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["0", "1", "2", "3", "all"]
    assert [one.text for one in slack.act.seen_by(BOB, INCIDENTS)] == ["all"]


async def test_after_thirty_minutes_it_has_expired(slack: LocalSlack) -> None:
    """So has one that never was."""
    url = await command_url(slack)
    slack.clock.advance(30 * 60 + 1)
    assert "expired_url" in (await url.send(text="x")).body
    never = AsyncWebhookClient(f"{slack.url}/commands/canary", retry_handlers=[])
    assert (await never.send(text="x")).status_code == 404


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"text": "x", "blocks": [{"type": "banner"}]}, "invalid_blocks"),
        ({"response_type": "in_channel"}, "no_text"),
        ([], "invalid_payload"),
    ],
)
async def test_answers_that_slack_refuses(slack: LocalSlack, said: Any, error: str) -> None:
    """400, with the word."""
    url = await command_url(slack)
    refused = (
        await url.send_dict(said) if isinstance(said, dict) else await url._perform_http_request(body=said, headers={})
    )
    assert (refused.status_code, error in refused.body) == (400, True)


async def test_the_message_whose_button_was_pressed_is_replaced_and_deleted(slack: LocalSlack, client: Client) -> None:
    """An ephemeral one too, which no other call can change; without the word a new one appears beside it."""
    shown = await client.chat_postEphemeral(
        channel=INCIDENTS, user=ALICE, text="Sure?", blocks=[actions(button("yes"))]
    )
    message = slack.workspace.message(INCIDENTS, shown["message_ts"])
    assert message is not None

    async with App(slack) as app:
        await slack.act.press(ALICE, message, "yes")
    url = AsyncWebhookClient(app.heard[0].payload["response_url"], retry_handlers=[])
    await url.send(text="Done.", replace_original=True)
    assert [(one.text, one.blocks) for one in slack.act.seen_by(ALICE, INCIDENTS)] == [("Done.", [])]
    await url.send(text="And more.")
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["Done.", "And more."]
    await url.send(delete_original=True)
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["And more."]
    # What is gone cannot be replaced: a new message appears.
    await url.send(text="Once more.", replace_original=True)
    await url.send(delete_original=True)
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["And more.", "Once more."]


async def test_faults_reach_response_urls_too(slack: LocalSlack) -> None:
    """A lost answer has been shown; a dropped one and one that was too many have not."""
    url = await command_url(slack)
    slack.faults.storm("response_url", retry_after=7)
    refused = await url.send(text="a")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    slack.faults.drop("response_url")
    with pytest.raises(ServerDisconnectedError):
        await url.send(text="b")
    slack.faults.lose_reply("response_url")
    with pytest.raises(ServerDisconnectedError):
        await url.send(text="c")
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["c"]
