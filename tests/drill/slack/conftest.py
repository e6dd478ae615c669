"""The official client, pointed at the fake."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.drill.slack.local import LocalSlack
from tests.slack_said import official


@pytest.fixture
async def client(slack: LocalSlack) -> AsyncIterator[AsyncWebClient]:
    """slack_sdk's client with the bot's token, unmodified; it asks once, and not again."""
    async with aiohttp.ClientSession() as session:
        yield official(slack, slack.workspace.bot_token, session=session, retry_handlers=[])
