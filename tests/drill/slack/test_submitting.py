"""Submitting modals: the values that the app is sent, what it may answer, and what nobody can submit."""

from typing import Any

import pytest
from slack_sdk.socket_mode.request import SocketModeRequest

from firedoor.drill.slack.inputs import NotPossible
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, BOB
from tests.drill.slack.socketing import App, opened
from tests.slack_said import JSON, Client, modal, plain, section, text_input

FIELDS = {
    "type": "modal",
    "title": plain("All"),
    "submit": plain("Send"),
    "blocks": [
        text_input("text"),
        text_input("begun", initial_value="as before"),
        {"type": "input", "block_id": "number", "label": plain("N"), "element": {"type": "number_input", "action_id": "n", "is_decimal_allowed": False}},
        {
            "type": "input",
            "block_id": "one",
            "label": plain("One"),
            "element": {"type": "static_select", "action_id": "o", "options": [{"text": plain("A"), "value": "a"}]},
        },
        {
            "type": "input",
            "block_id": "some",
            "label": plain("Some"),
            "optional": True,
            "element": {
                "type": "checkboxes",
                "action_id": "c",
                "options": [{"text": plain(one), "value": one} for one in "xy"],
                "initial_options": [{"text": plain("x"), "value": "x"}],
            },
        },
        {"type": "input", "block_id": "who", "label": plain("Who"), "element": {"type": "users_select", "action_id": "u"}},
        {"type": "input", "block_id": "file", "label": plain("F"), "optional": True, "element": {"type": "file_input", "action_id": "f"}},
        {"type": "input", "block_id": "maybe", "label": plain("M"), "optional": True, "element": {"type": "static_select", "action_id": "m", "option_groups": [{"label": plain("g"), "options": [{"text": plain("A"), "value": "a"}]}]}},
    ],
}  # fmt: skip


async def test_a_submission_has_the_values_of_all_kinds_of_inputs(slack: LocalSlack, client: Client) -> None:
    """By block and action, in the fields that Slack uses for each; what was not touched is as it began."""
    await client.views_open(trigger_id=slack.workspace.new_trigger(ALICE).id, view=FIELDS)
    view = slack.act.modal(ALICE)
    assert view is not None
    async with App(slack) as app:
        reply = await slack.act.submit(ALICE, view, {"text": "why", "n": "7", "one": "a", "who": BOB})
    assert reply.ok
    payload = app.heard[0].payload
    assert payload["type"] == "view_submission"
    assert payload["view"]["state"]["values"] == {
        "text": {"text": {"type": "plain_text_input", "value": "why"}},
        "begun": {"text": {"type": "plain_text_input", "value": "as before"}},
        "number": {"n": {"type": "number_input", "value": "7"}},
        "one": {"o": {"type": "static_select", "selected_option": {"text": plain("A"), "value": "a"}}},
        "some": {"c": {"type": "checkboxes", "selected_options": [{"text": plain("x"), "value": "x"}]}},
        "who": {"u": {"type": "users_select", "selected_user": BOB}},
        "maybe": {"m": {"type": "static_select", "selected_option": None}},
    }
    assert slack.act.modal(ALICE) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Why: Please complete this required field."),
        ({"why": "x"}, "Why: This field must be at least 2 characters."),
        ({"why": "xxxxx"}, "Why: This field must be at most 4 characters."),
        ({"why": "xxx", "n": "many"}, "N: This field must be a number."),
        ({"who": "x"}, r"The modal has no input who, only why \(text\), number \(n\)"),
    ],
)
async def test_what_a_client_of_slack_does_not_submit(
    slack: LocalSlack, client: Client, values: JSON, words: str
) -> None:
    """Missing, short, long, no number: the app is never asked."""
    number = {
        "type": "input",
        "optional": True,
        "block_id": "number",
        "label": plain("N"),
        "element": {"type": "number_input", "action_id": "n"},
    }
    view = await opened(slack, client, text_input("why", min_length=2, max_length=4), number)
    with pytest.raises(NotPossible, match=words):
        slack.act.submit(ALICE, view, values)


async def test_what_an_app_may_do_with_a_submission(slack: LocalSlack, client: Client) -> None:
    """Name errors: the modal stays. Update it, push another over it, clear them all."""
    actions_: list[Any] = [
        {"response_action": "errors", "errors": {"why": "Too vague."}},
        {"response_action": "update", "view": modal(section("updated"))},
        {"response_action": "push", "view": modal(section("pushed"))},
        {"response_action": "clear"},
    ]

    async def answer(request: SocketModeRequest) -> Any:
        return actions_.pop(0)

    first = await opened(slack, client, text_input("why"))
    async with App(slack, answer):
        reply = await slack.act.submit(ALICE, first, {"why": "x"})
        assert reply.payload["errors"] == {"why": "Too vague."}
        assert slack.act.modal(ALICE) is first
        await slack.act.submit(ALICE, first, {"why": "x"})
        assert slack.act.modal(ALICE) is first
        assert first.said["blocks"][0]["text"]["text"] == "updated"
        await slack.act.submit(ALICE, first)
        pushed = slack.act.modal(ALICE)
        assert pushed is not None
        assert (pushed.previous, pushed.said["blocks"][0]["text"]["text"]) == (first.id, "pushed")
        await slack.act.submit(ALICE, pushed)
    assert slack.act.modal(ALICE) is None
    assert slack.act.told(ALICE) == []


@pytest.mark.parametrize(
    "payload",
    [
        {"response_action": "errors", "errors": {"other": "x"}},
        {"response_action": "errors"},
        {"response_action": "update", "view": {"type": "page"}},
        {"response_action": "dance"},
    ],
)
async def test_an_answer_to_a_submission_that_makes_no_sense(slack: LocalSlack, client: Client, payload: JSON) -> None:
    """The modal stays as it is, and the person is told of trouble."""

    async def answer(request: SocketModeRequest) -> Any:
        return payload

    view = await opened(slack, client, text_input("why"))
    async with App(slack, answer):
        await slack.act.submit(ALICE, view, {"why": "x"})
    assert slack.act.modal(ALICE) is view
    assert "invalid_arguments" in slack.act.told(ALICE)[0]


async def test_a_submission_that_nobody_takes(slack: LocalSlack, client: Client) -> None:
    """The modal stays, and the person is told."""
    view = await opened(slack, client, text_input("why"))
    reply = await slack.act.submit(ALICE, view, {"why": "x"})
    assert reply.error == "dispatch_failed"
    assert slack.act.modal(ALICE) is view
    assert slack.act.told(ALICE) == ["We had some trouble connecting. Try again?"]
