"""People who type, press, choose, submit: what the app is sent, what it may answer, and what nobody can do."""

import json
from typing import Any

import pytest
from slack_sdk.socket_mode.request import SocketModeRequest

from firedoor.drill.slack.inputs import NotPossible
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.people import buttons
from firedoor.drill.slack.state import Message
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
from tests.drill.slack.socketing import App, opened
from tests.shared import SHARED, needs_shared
from tests.slack_said import JSON, Client, actions, button, confirm, plain, section


def shape(value: Any) -> Any:
    """The names of fields, all the way down."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(one) for one in value[:1]] if isinstance(value, list) else type(value).__name__


async def posted(slack: LocalSlack, client: Client, *blocks: JSON, channel: str = INCIDENTS, **more: Any) -> Message:
    """A message of the app's."""
    answer = await client.chat_postMessage(channel=channel, text="x", blocks=list(blocks), **more)
    found = slack.workspace.message(channel, answer["ts"])
    assert found is not None
    return found


@needs_shared
async def test_payloads_have_the_fields_of_recorded_ones(slack: LocalSlack, client: Client) -> None:
    """Every field of bolt-python's command and press is there, of the same type."""
    slack.workspace.join_enterprise()
    recorded = (SHARED / "payloads" / "slack" / "slash_command.txt").read_text()
    fields = {pair.partition("=")[0] for pair in recorded.split("&")}
    press = json.loads((SHARED / "payloads" / "slack" / "block_actions.json").read_text())
    shown = await client.chat_postEphemeral(
        channel=INCIDENTS, user=ALICE, text="x", blocks=[actions(button("a", value="v"))]
    )
    message = slack.workspace.message(INCIDENTS, shown["message_ts"])
    assert message is not None
    message.blocks[0]["elements"][0]["text"]["emoji"] = True
    async with App(slack) as app:
        assert (await slack.act.type_command(ALICE, INCIDENTS, "/firedoor x")).ok
        assert (await slack.act.press(ALICE, message, "a")).ok
    assert fields <= app.heard[0].payload.keys()
    ours = app.heard[1].payload
    for name, value in press.items():
        assert shape(ours[name]) == shape(value), name


async def test_a_press_on_a_message_and_its_response_url(slack: LocalSlack, client: Client) -> None:
    """The payload names message, thread, button and person; the message itself is there, as it is not for ephemeral ones."""
    first = await posted(slack, client, section("x"))
    message = await posted(
        slack, client, actions(button("approve", value="step-1"), block_id="b-1"), thread_ts=first.ts
    )
    async with App(slack) as app:
        assert (await slack.act.press(BOB, message, "approve")).ok
    payload = app.heard[0].payload
    assert payload["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": INCIDENTS,
        "is_ephemeral": False,
        "thread_ts": first.ts,
    }
    assert payload["message"]["ts"] == message.ts
    assert payload["actions"][0] | {"action_ts": ""} == {
        "action_id": "approve",
        "block_id": "b-1",
        "type": "button",
        "text": plain("Press"),
        "value": "step-1",
        "action_ts": "",
    }
    assert payload["user"] == {"id": BOB, "username": "bob", "name": "bob", "team_id": "T0FIREDOOR"}


async def test_a_confirm_dialog_is_shown_and_may_be_answered_with_no(slack: LocalSlack, client: Client) -> None:
    """Its text can be read; after a no the app hears nothing."""
    message = await posted(slack, client, actions(button("go", confirm=confirm("Delete key?", "AKIA… is deleted."))))
    async with App(slack) as app:
        no = slack.act.press(BOB, message, "go", confirm=False)
        assert (await no).ok
        yes = slack.act.press(BOB, message, "go")
        await yes
    assert (no.sent, yes.sent, len(app.heard)) == (False, True, 1)
    assert no.dialog == yes.dialog == "Delete key?\nAKIA… is deleted.\nDo it\nNo"


async def test_a_choice_in_a_select_and_one_of_two_buttons_with_one_id(slack: LocalSlack, client: Client) -> None:
    """The option is told as the app wrote it; of two buttons that one is pressed whose value was meant."""
    choice = {
        "type": "static_select",
        "action_id": "pick",
        "options": [{"text": plain(one), "value": one} for one in "ab"],
    }
    message = await posted(
        slack,
        client,
        actions(choice),
        section("x") | {"accessory": button("go", value="1")},
        section("y") | {"accessory": button("go", value="2")},
    )
    async with App(slack) as app:
        await slack.act.press(BOB, message, "pick", value="b")
        await slack.act.press(BOB, message, "go", value="2")
    assert app.heard[0].payload["actions"][0]["selected_option"] == {"text": plain("b"), "value": "b"}
    assert app.heard[1].payload["actions"][0]["value"] == "2"
    assert buttons(message) == {"go": "Press"}
    with pytest.raises(NotPossible, match="no option 'c', only a, b"):
        slack.act.press(BOB, message, "pick", value="c")


async def test_somebody_of_another_team_is_told_apart(slack: LocalSlack, client: Client) -> None:
    """Their own team stands at the person, ours at the interaction, theirs at a command."""
    message = await posted(slack, client, actions(button("go")), channel=SHARED_CHANNEL)
    async with App(slack) as app:
        await slack.act.press(MALLORY, message, "go")
        await slack.act.type_command(MALLORY, SHARED_CHANNEL, "/firedoor status")
    assert (app.heard[0].payload["user"]["team_id"], app.heard[0].payload["team"]["id"]) == ("T0STRANGER", "T0FIREDOOR")
    assert app.heard[1].payload["team_id"] == "T0STRANGER"


async def test_an_enterprise_stands_in_every_payload(slack: LocalSlack, client: Client) -> None:
    """In commands as two fields, in interactions as an object."""
    slack.workspace.join_enterprise()
    message = await posted(slack, client, actions(button("go")))
    async with App(slack) as app:
        await slack.act.type_command(ALICE, SECRET, "/firedoor")
        await slack.act.press(ALICE, message, "go")
    assert (app.heard[0].payload["enterprise_id"], app.heard[0].payload["channel_name"]) == (
        "E0FIREDOOR",
        "privategroup",
    )
    assert app.heard[1].payload["enterprise"] == {"id": "E0FIREDOOR", "name": "Firedoor Group"}


async def test_a_press_in_a_modal_and_its_closing(slack: LocalSlack, client: Client) -> None:
    """The app gets the view with its values, and is told of the end if it wanted to be."""
    choice = {"type": "static_select", "action_id": "pick", "options": [{"text": plain("A"), "value": "a"}]}
    view = await opened(slack, client, actions(choice), actions(button("go")), notify_on_close=True)
    async with App(slack) as app:
        await slack.act.press(ALICE, view, "pick", value="a")
        await slack.act.press(ALICE, view, "go")
        closing = slack.act.close(ALICE, view)
        assert closing is not None
        await closing
    pressed, _, closed = (request.payload for request in app.heard)
    assert pressed["container"] == {"type": "view", "view_id": view.id}
    (values,) = pressed["view"]["state"]["values"].values()
    assert values["pick"]["selected_option"]["value"] == "a"
    assert (closed["type"], closed["view"]["id"]) == ("view_closed", view.id)
    with pytest.raises(NotPossible):
        slack.act.press(ALICE, view, "go")


async def test_shortcuts_and_mentions_in_a_thread(slack: LocalSlack, client: Client) -> None:
    """A global shortcut has no channel; one of a message has it; a mention in a thread names the thread."""
    message = await posted(slack, client, section("x"))
    async with App(slack) as app:
        assert (await slack.act.shortcut(ALICE, "start")).ok
        assert (await slack.act.shortcut(ALICE, "approve", message)).ok
        mention = slack.act.mention(ALICE, INCIDENTS, "approve", thread=message.ts)
        assert mention is not None
        assert (await mention).ok
    start, approve, event = (request.payload for request in app.heard)
    assert (start["type"], start["callback_id"], "channel" in start) == ("shortcut", "start", False)
    assert (approve["type"], approve["message"]["ts"], approve["channel"]["id"]) == (
        "message_action",
        message.ts,
        INCIDENTS,
    )
    assert event["event"]["thread_ts"] == message.ts
    assert event["event"]["text"] == f"<@{BOT}> approve"
    assert [one.text for one in slack.act.seen_by(BOB, INCIDENTS, thread=message.ts)] == ["x", f"<@{BOT}> approve"]


async def test_what_nobody_can_do(slack: LocalSlack, client: Client) -> None:
    """A command in a thread, where one is not, in an archive; a button that is not there or not seen."""
    message = await posted(slack, client, actions(button("go")))
    secret = await posted(slack, client, actions(button("go")), channel=SECRET)
    shown = await client.chat_postEphemeral(channel=INCIDENTS, user=ALICE, text="x", blocks=[actions(button("go"))])
    ephemeral = slack.workspace.message(INCIDENTS, shown["message_ts"])
    view = await opened(slack, client, actions(button("go")))
    assert ephemeral is not None
    with pytest.raises(NotPossible, match=r"/firedoor is not supported in threads\. Sorry!"):
        slack.act.type_command(ALICE, INCIDENTS, "/firedoor status", thread=message.ts)
    with pytest.raises(NotPossible, match="They are not in #incidents"):
        slack.act.type_command(MALLORY, INCIDENTS, "/firedoor status")
    with pytest.raises(NotPossible, match="archived"):
        slack.act.say(ALICE, OLD, "hello")
    with pytest.raises(NotPossible, match="no stop to press, only go"):
        slack.act.press(ALICE, message, "stop")
    for user, what in ((BOB, ephemeral), (DAVE, secret)):
        with pytest.raises(NotPossible, match="do not see"):
            slack.act.press(user, what, "go")
    with pytest.raises(NotPossible, match="on the screen"):
        slack.act.press(BOB, view, "go")
    slack.act.delete_message(message)
    with pytest.raises(NotPossible, match="do not see"):
        slack.act.press(ALICE, message, "go")
    slack.act.archive(INCIDENTS)
    with pytest.raises(NotPossible, match="archived"):
        slack.act.press(ALICE, ephemeral, "go")
    assert slack.act.seen_by(DAVE, SECRET) == []
    assert slack.sockets.sent == []


async def test_an_answer_to_a_command_that_slack_refuses(slack: LocalSlack) -> None:
    """Wrong blocks in an acknowledgement are shown to nobody."""

    async def answer(request: SocketModeRequest) -> Any:
        return {"text": "x", "blocks": [{"type": "banner"}]}

    async with App(slack, answer):
        await slack.act.type_command(ALICE, GENERAL, "/firedoor")
    assert slack.act.seen_by(ALICE, GENERAL) == []
    assert "invalid_blocks" in slack.act.told(ALICE)[0]


async def test_an_answer_for_the_channel(slack: LocalSlack) -> None:
    """`in_channel` is seen by everybody."""

    async def answer(request: SocketModeRequest) -> Any:
        return {"response_type": "in_channel", "text": "hello", "blocks": [section("hello")]}

    async with App(slack, answer):
        await slack.act.type_command(ALICE, GENERAL, "/firedoor")
    assert [one.text for one in slack.act.seen_by(BOB, GENERAL)] == ["hello"]
