"""What the tests of Slack say in blocks, and a way to see how Slack refuses."""

from collections.abc import Awaitable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.drill.slack.local import LocalSlack

JSON = dict[str, Any]
#: slack_sdk's AsyncWebClient. What its answers hold is JSON, which its types call optional.
Client = Any


def official(slack: LocalSlack, token: str | None, **more: Any) -> Client:
    """slack_sdk's client, unmodified but for the address."""
    return AsyncWebClient(token=token, base_url=slack.base_url, **more)


def plain(text: str) -> JSON:
    """A text object."""
    return {"type": "plain_text", "text": text}


def section(text: str) -> JSON:
    """A block of text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id: str, text: str = "Press", **more: Any) -> JSON:
    """A button."""
    return {"type": "button", "action_id": action_id, "text": plain(text), **more}


def actions(*elements: JSON, **more: Any) -> JSON:
    """A row of elements."""
    return {"type": "actions", "elements": list(elements), **more}


def confirm(title: str = "Sure?", text: str = "It cannot be taken back.") -> JSON:
    """A confirm dialog."""
    return {"title": plain(title), "text": plain(text), "confirm": plain("Do it"), "deny": plain("No")}


def text_input(block_id: str, label: str = "Why", **element: Any) -> JSON:
    """An input for text."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": {"type": "plain_text_input", "action_id": "text", **element},
    }


def modal(*blocks: JSON, **more: Any) -> JSON:
    """A modal with a button to submit."""
    return {
        "type": "modal",
        "callback_id": "ask",
        "title": plain("Ask"),
        "submit": plain("Send"),
        "blocks": list(blocks),
    } | more


async def refusal(call: Awaitable[Any]) -> JSON:
    """What Slack answers to a call that it refuses."""
    with pytest.raises(SlackApiError) as caught:
        await call
    data: JSON = caught.value.response.data
    assert data["ok"] is False
    return data
