"""The judge of the fake sees what does not fit the official document."""

import dataclasses
import json
from typing import Any

import pytest

from firedoor.drill.fakes._fake import Exchange
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import INCIDENTS
from tests.openapi import SPECS, Judge
from tests.shared import needs_shared
from tests.slack_said import Client
from tests.slacking import NEWER_ERRORS, NEWER_METHODS, judge_slack

pytestmark = needs_shared


async def one(slack: LocalSlack, client: Client) -> Exchange:
    """A call that fits."""
    await client.chat_postMessage(channel=INCIDENTS, text="x")
    judge_slack(slack.log)
    return slack.log[-1]


def said(exchange: Exchange, **more: Any) -> Exchange:
    """The same call with more in its body."""
    body = json.loads(exchange.body) | more
    return dataclasses.replace(exchange, body=json.dumps({key: word for key, word in body.items() if word}).encode())


def answered(exchange: Exchange, answer: dict[str, Any]) -> Exchange:
    """The same call with another answer."""
    return dataclasses.replace(exchange, answer=json.dumps(answer).encode())


async def test_requests_that_do_not_fit(slack: LocalSlack, client: Client) -> None:
    """An argument that Slack does not have, one that is missing, a token in the body, none at all, a wrong type."""
    good = await one(slack, client)
    for wrong, words in (
        (said(good, colour="red"), "colour"),
        (said(good, channel=""), "'channel' is a required property"),
        (said(good, token="xoxb-canary"), "the token belongs into Authorization"),
        (said(good, reply_broadcast="perhaps"), "reply_broadcast"),
        (dataclasses.replace(good, headers={"content-type": "application/json"}), "the credential is missing"),
    ):
        with pytest.raises(AssertionError, match=words):
            judge_slack([wrong])


async def test_answers_that_do_not_fit(slack: LocalSlack, client: Client) -> None:
    """A field that Slack does not have, one that is missing, a refusal in words of our own."""
    good = await one(slack, client)
    answer = json.loads(good.answer)
    for wrong, words in (
        # Of two shapes, success and refusal, none fits: the sentence is about either of them.
        (answer | {"colour": "red"}, "does not fit"),
        (answer | {"ts": "yesterday"}, "does not fit"),
        (answer | {"message": {"text": "x"}}, "does not fit"),
        ({"ok": False, "error": "no_way"}, "no_way"),
        ({"ok": False, "error": "no_text", "hint": "x"}, "hint"),
    ):
        with pytest.raises(AssertionError, match=words):
            judge_slack([answered(good, wrong)])


async def test_newer_methods_are_judged_for_their_refusals(slack: LocalSlack, client: Client) -> None:
    """What the document lacks is known by name, and so are its refusals."""
    await client.bookmarks_list(channel_id=INCIDENTS)
    judge_slack(slack.log)
    with pytest.raises(AssertionError, match="no_way is not known"):
        judge_slack([answered(slack.log[-1], {"ok": False, "error": "no_way"})])


def test_what_is_called_newer_is_not_in_the_document(slack: LocalSlack) -> None:
    """No allowance outlives the document's age: each method that is called newer is missing there."""
    known = {path.removeprefix("/api/") for path in _document()}
    assert not known & NEWER_METHODS.keys()
    assert NEWER_ERRORS.keys() - {"*"} <= known | NEWER_METHODS.keys()


def _document() -> Any:
    return Judge.of(SPECS["slack"].document, SPECS["slack"].prefix).document.data["paths"]
